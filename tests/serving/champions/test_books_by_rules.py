"""While rules alone answer, books are answered by them too: advice for every row, no figure for any."""

import json
import re
from typing import TYPE_CHECKING

import polars as pl
import pytest

from serving.credit.books.frame import FIGURES
from serving.credit.books.schemas import BookAnswer
from serving.uploads.media import TableKind
from tests.serving.credit.books.book_client import body, rows_of, send

if TYPE_CHECKING:
    from tests.serving.champions.conftest import Operations
    from tests.serving.conftest import World


@pytest.fixture
def switched_off(operations: "Operations") -> "Operations":
    for _ in range(3):
        assert operations.step_down().status_code == 200
    return operations


def test_every_row_gets_what_a_single_request_gets(switched_off: "Operations") -> None:
    parties = ["P0000001", "P0000004", "P0000007", "P9999999", "P0000001"]
    sent = json.dumps({"party_ids": parties}).encode()
    found = send(switched_off.client, sent, TableKind.JSON, "?contributions=true")
    answer = BookAnswer.model_validate_json(found.text)
    assert (answer.model_version, answer.grades) == ("rules-only", {})
    assert [one.rule for one in answer.failed] == ["unknown-party"]
    for row in answer.answers:
        alone = switched_off.score(party_id=row.party_id or "").json()
        assert row.advice == alone["advice"] != "pass"
        assert row.decided_by == alone["decided_by"]
        assert (row.quality, row.quality_notes) == (
            alone["quality"]["level"], [note["code"] for note in alone["quality"]["notes"]],
        )  # fmt: skip
        assert [getattr(row, name) for name in (*FIGURES, "grade", "points")] == [None] * (len(FIGURES) + 2)
        assert (row.reasons, row.contributions) == ([], {})
    assert {row.row: row.advice for row in answer.answers}[2] == "decline", "the second party is in default"
    assert [row.duplicate_of for row in answer.answers] == [None, None, None, 1]


@pytest.mark.parametrize("kind", list(TableKind))
def test_a_table_of_features_that_the_model_takes_is_taken_by_the_rules(
    switched_off: "Operations", kind: TableKind
) -> None:
    frame = pl.DataFrame({"key": ["a", "b", "c"], "debt_ratio": [0.1, None, 0.3], "degree": [1.0, None, 2.0]})
    found = send(switched_off.client, body(frame, kind), kind, Accept=TableKind.PARQUET.media_type)
    rows = rows_of(found, TableKind.PARQUET)
    assert rows["advice"].to_list() == ["manual_review", None, "manual_review"]
    assert rows["error_rule"].to_list() == [None, "no-features", None]
    assert rows["quality"].to_list() == ["rules_only", None, "rules_only"]
    assert not [name for name in rows.columns if name.startswith("contribution_")]
    assert rows["pd"].null_count() == 3


@pytest.mark.parametrize("restored", [False, True], ids=["while off", "after restore"])
def test_a_book_by_rules_replays_to_the_last_bit(switched_off: "Operations", *, restored: bool) -> None:
    parties = ["P0000001", "P0000004", "P0000006", "P0000007", "P9999999"]
    given = [{"party_id": party} for party in parties] + [{"debt_ratio": 0.4}, {"debt_ratio": None}]
    book = send(
        switched_off.client,
        body(pl.DataFrame(given, infer_schema_length=None), TableKind.PARQUET),
        TableKind.PARQUET,
    ).json()
    assert (book["model_version"], book["rows_answered"]) == ("rules-only", 5)
    assert book["rows_failed"] == 2, "an unknown party, and a row of which nothing is known"
    if restored:
        assert switched_off.order("operator", "restore").status_code == 200
        assert switched_off.score().json()["model_version"] == switched_off.second
    auditor = {"Authorization": f"Bearer {switched_off.keys['auditor']}"}
    url = f"/v1/decisions/{book['decision_id']}"
    found = switched_off.client.http.post(f"{url}/replay", b"", **auditor).json()
    assert (found["outcome"], found["differences"], found["reasons"]) == ("identical", [], [])
    roots = {one["field"]: (one["then"], one["now"]) for one in found["figures"]}["merkle_root"]
    assert roots == (json.dumps(book["merkle_root"]),) * 2
    row = switched_off.client.http.get(f"{url}/rows/2", **auditor).json()
    assert (row["proven"], row["values"]["advice"]) == (True, "decline"), "the second party is in default"


def test_a_changed_row_of_a_book_by_rules_is_named(switched_off: "Operations", world: "World") -> None:
    sent = json.dumps({"party_ids": ["P0000001", "P0000004"]}).encode()
    book = send(switched_off.client, sent, TableKind.JSON).json()
    (kept,) = (world.home / "books" / book["book_id"]).glob("rows*.parquet")
    rows = pl.read_parquet(kept)
    kept.unlink()
    rows.with_columns(advice=pl.lit("pass")).write_parquet(kept)
    url = f"/v1/decisions/{book['decision_id']}/replay"
    auditor = f"Bearer {switched_off.keys['auditor']}"
    found = switched_off.client.http.post(url, b"", Authorization=auditor).json()
    assert found["outcome"] == "differs"
    assert "rows.1.advice" in [one["field"] for one in found["differences"]]


def test_an_unknown_column_is_still_refused(switched_off: "Operations") -> None:
    sent = json.dumps({"columns": {"debt_rato": [0.5], "degree": [1.0]}}).encode()
    found = send(switched_off.client, sent, TableKind.JSON)
    assert found.status_code == 422
    assert "debt_ratio" in found.json()["errors"][0]["message"]


def test_an_answer_can_be_had_as_a_workbook(switched_off: "Operations") -> None:
    sent = json.dumps({"party_ids": ["P0000001"]}).encode()
    found = send(switched_off.client, sent, TableKind.JSON, Accept=TableKind.XLSX.media_type)
    assert rows_of(found, TableKind.XLSX)["advice"].to_list() == ["manual_review"]


def test_what_needs_a_model_is_refused_with_every_route_that_the_rules_still_answer(
    switched_off: "Operations",
) -> None:
    client = switched_off.client
    given = {"Authorization": f"Bearer {client.key}", "Accept_Language": "en"}
    found = client.http.get("/v1/credit/reasons?party_id=P0000001", **given)
    assert (found.status_code, found.json()["type"]) == (503, "urn:zhiheng:problem:model-killed")
    named = set(re.findall(r"/v1/credit/\w+", found.json()["detail"]))
    assert named == {"/v1/credit/score", "/v1/credit/scores"}
