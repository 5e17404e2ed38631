"""An export holds no personal data, can be checked against the chain, and is itself recorded."""

import csv
import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from serving.decisions.export import export
from serving.decisions.masking import MASKED, BookParties, Masking, parties_of_book
from serving.ledger.chain import Decision, Json
from tests.serving.conftest import World
from tests.serving.review.review_world import Office, done, slug

JSONL, CSV, PARQUET = "application/x-ndjson", "text/csv", "application/vnd.apache.parquet"
PERSON = "P0000006"


@pytest.fixture
def people(office: Office, world: World, put_book: Callable[..., object]) -> Office:
    """The office, where party 6 is a natural person."""
    put_book(world.home, world.version, kind="person")
    office.client.deployment.parts.refresh()
    return office


def rows(text: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    first, *rest = [json.loads(line) for line in text.splitlines()]
    return first["export"], rest


def test_export_names_the_range_and_its_hashes_follow_the_chain(office: Office) -> None:
    for place in range(10, 14):
        office.score(f"P{place:07d}")
    info, found = rows(office.get("decisions/export", "auditor").text)
    head = office.client.deployment.parts.ledger.get(str(found[-1]["decision_id"]))
    assert (info["rows"], info["first_seq"], info["last_seq"]) == (len(found), 1, len(found))
    assert info["gapless"] is True
    assert info["head_hash"] == info["last_hash"] == head.hash
    assert [row["prev_hash"] for row in found[1:]] == [row["hash"] for row in found[:-1]]


def test_three_formats_say_the_same(office: Office) -> None:
    office.score()
    office.score("P0000010")
    last = int(office.get("decisions/export", "auditor").headers["x-export-last-seq"])
    given = [
        office.get("decisions/export", "auditor", accept=accept, limit=last)
        for accept in (JSONL, CSV, PARQUET)
    ]
    told = rows(given[0].text)[1]
    table = pl.read_parquet(io.BytesIO(given[2].content))
    lines = list(csv.DictReader(io.StringIO(given[1].content.decode("utf-8-sig"))))
    assert table["hash"].to_list() == [row["hash"] for row in told] == [line["hash"] for line in lines]
    assert [json.loads(one) for one in table["record"]] == [row["record"] for row in told]
    assert [json.loads(line["record"]) for line in lines] == [row["record"] for row in told]
    metadata = json.loads(pl.read_parquet_metadata(io.BytesIO(given[2].content))["zhiheng_export"])
    assert metadata["last_hash"] == table["hash"][-1]
    assert given[1].headers["content-disposition"] == f'attachment; filename="decisions-1-{last}.csv"'


def test_person_is_called_by_a_pseudonym_everywhere_and_always_by_the_same(people: Office) -> None:
    people.score(PERSON)
    people.score(PERSON)
    answer = people.get("decisions/export", "auditor")
    assert PERSON not in answer.text
    _, found = rows(answer.text)
    scores = [row for row in found if row["route"] == "credit/score"]
    names = {str(row["subject"]) for row in scores}
    assert len(names) == 1
    assert names.pop().startswith("person-")
    record = scores[0]["record"]
    assert isinstance(record, dict)
    assert record["contributions"] == MASKED
    assert record["basis"]["inputs"] == MASKED
    assert record["basis"]["facts"] == MASKED
    assert record["answer"]["grade"]


def test_organisations_keep_their_ids_and_figures(people: Office) -> None:
    people.score("P0000010")
    _, found = rows(people.get("decisions/export", "auditor").text)
    score = next(row for row in found if row["route"] == "credit/score")
    assert score["subject"] == "P0000010"
    assert score["record"]["basis"]["inputs"]["degree"] is not None


def test_party_nobody_knows_the_kind_of_counts_as_a_person(office: Office) -> None:
    office.score("P0000007")  # nothing is known of it
    assert "P0000007" not in office.get("decisions/export", "auditor").text


def test_names_and_texts_of_staff_are_not_exported(office: Office) -> None:
    decision = office.score("P0000010")["decision_id"]
    override = done(office.ask(decision, reason="内部会议纪要"))["override"]["override_id"]
    done(office.override(override, "approve", "approver"))
    text = office.get("decisions/export", "auditor").text
    for planted in ("钱经办", "李审批", "内部会议纪要", "材料齐全"):
        assert planted not in text
    _, found = rows(text)
    acts = [row["record"]["answer"]["override"] for row in found if "overrides/" in str(row["route"])]
    assert acts[-1]["asked"]["name"] != acts[-1]["answered"]["name"]  # two persons can still be told apart
    assert acts[0]["asked"]["name"] == acts[-1]["asked"]["name"]


def test_export_is_taken_in_parts_that_join_without_gap(office: Office) -> None:
    for place in range(10, 16):
        office.score(f"P{place:07d}")
    seen: list[Json] = []
    asked: dict[str, str] = {}
    wanted = 6
    while len(seen) < wanted:
        answer = office.get("decisions/export", "auditor", limit=2, **asked)
        seen += [row["seq"] for row in rows(answer.text)[1]]
        asked = {"cursor": answer.headers["x-export-cursor"]}
    assert seen == [1, 2, 3, 4, 5, 6]
    over = office.get("decisions/export", "auditor", limit=1_000_000)
    assert [e["rule"] for e in over.json()["errors"]] == ["too_many_rows"]


def test_export_is_recorded_with_the_hash_of_the_file_and_large_ones_noted_as_risky(
    world: World, office: Office, make_client: Callable[..., object]
) -> None:
    office.score()
    answer = office.get("decisions/export", "auditor")
    ledger = office.client.deployment.parts.ledger
    record = ledger.get(answer.headers["x-export-decision-id"]).record
    assert record["route"] == "decisions/export"
    assert record["answer_sha256"] == hashlib.sha256(answer.content).hexdigest()
    routes = [one["route"] for one in done(office.get("decisions", "auditor"))["decisions"]]
    assert not [route for route in routes if "risk" in route]
    opened = make_client(world.home, office.keys["auditor"], export_large_rows=2)
    strict = Office(opened, office.keys)  # type: ignore[arg-type]
    strict.get("decisions/export", "auditor")
    told = done(strict.get("decisions", "auditor"))["decisions"]
    assert [one for one in told if "risk" in one["route"]]


def test_only_auditors_export_and_only_what_is_offered(office: Office) -> None:
    assert slug(office.get("decisions/export", "officer"), 403) == "forbidden"
    assert slug(office.get("decisions/export", "auditor", accept="application/pdf"), 406) == "not-acceptable"


def test_pseudonyms_need_the_secret() -> None:
    first, second = Masking("a", lambda _: False), Masking("b", lambda _: False)
    assert first.party("P1") == first.party("P1") != second.party("P1")
    assert first.party("") == ""


def test_masking_reaches_keys_texts_and_lists() -> None:
    record: dict[str, Json] = {
        "subject": "P1",
        "request": {"party_id": "P1"},
        "answer": {
            "by_party": {"P1": 0.5},
            "parties": ["P1", "ORG-01"],
            "text_zh": "为 P1 担保",
            "about": "P1, P12",
        },
        "name": "张三",
        "id_hash": "ab12",
    }
    masked = Masking("s", {"ORG-01", "P12"}.__contains__).record(record)
    one = Masking("s", {"ORG-01", "P12"}.__contains__).party("P1")
    assert masked["answer"] == {
        "by_party": {one: 0.5},
        "parties": [one, "ORG-01"],
        "text_zh": MASKED,
        "about": f"{one}, P12",
    }
    assert masked["id_hash"] == MASKED
    assert "张三" not in json.dumps(masked, ensure_ascii=False)


def test_known_person_is_masked_in_whatever_field_and_within_longer_texts() -> None:
    known = Masking("s", {"ORG-01", "P-2-X"}.__contains__, persons=frozenset({"P2", "N-3", "7", "个体1"}))
    one, other, number = known.party("P2"), known.party("N-3"), known.party("7")
    record: dict[str, Json] = {
        "answer": {
            "nodes": ["ORG-01", "P2", "stranger"],
            "anything": ["P2", {"deeper": "own:P2>ORG-01", "P2": 1}],
            "edges": ["same_as:P2|N-3", "e_P2_0001", "P-2-X"],
            "at": "2026-07-01T07:00:00+00:00",
            "counted": "7",
            "said": "为个体1，个体1 担保",
        }
    }
    assert known.record(record)["answer"] == {
        "nodes": ["ORG-01", one, known.party("stranger")],
        "anything": [one, {"deeper": f"own:{one}>ORG-01", one: 1}],
        "edges": [f"same_as:{one}|{other}", f"e_{one}_0001", "P-2-X"],
        "at": "2026-07-01T07:00:00+00:00",
        "counted": number,
        "said": f"为个体1，{known.party('个体1')} 担保",
    }


def test_cell_that_excel_takes_for_a_formula_is_text() -> None:
    one = Decision(1, "=HYPERLINK(1)", "2026", {"subject": "", "companies": []}, "0", "1", "{}")
    made = export([one], Masking("s", lambda _: True), CSV, head=(1, "1"), more=False)
    assert "'=HYPERLINK(1)" in made.content.decode("utf-8-sig")


def test_book_that_cannot_be_read_makes_everybody_a_person(tmp_path: Path) -> None:
    assert parties_of_book(tmp_path / "none.parquet") == BookParties()
    assert Masking("s", BookParties().organisations.__contains__).party("P1").startswith("person-")
