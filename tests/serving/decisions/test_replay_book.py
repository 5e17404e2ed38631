"""A book is computed again from its kept files: the same bit for bit, or which rows and fields differ, or why not."""

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from features.checked_files import file_sha256
from serving.uploads.media import TableKind
from tests.serving.credit.books.book_client import body, send
from tests.serving.review.review_world import Office, done, make_keys

if TYPE_CHECKING:
    from tests.serving.conftest import MakeClient, World

PARTIES = [
    *("P0000001", "P9999999", "P0000002", "P0000003", "P0000004", "P0000005", "P0000006", "P0000007"),
    *("P0000008", "'; DROP", "P0000001"),
]


def mixed(office: Office, rows: int = 40) -> pl.DataFrame:
    """Return rows about parties, rows of features, with lines and without, and rows that fail."""
    names = office.client.deployment.parts.scorer().model.features
    given: list[dict[str, object]] = [
        {"party_id": None, "key": f"K{i}", "line": "leasing" if i % 3 == 0 else None,
         "stage": "pre_lending" if i % 3 == 0 else None}
        | {name: None if (i + at) % 5 == 0 else 0.37 * i - at for at, name in enumerate(names)}
        for i in range(rows)
    ]  # fmt: skip
    asked = [
        {"party_id": party, "line": "leasing" if at % 2 else None, "stage": "in_lending" if at % 2 else None}
        for at, party in enumerate(PARTIES)
    ]
    return pl.DataFrame([*asked, *given], infer_schema_length=None)


def scored(
    office: Office, frame: pl.DataFrame, kind: TableKind = TableKind.PARQUET, **headers: str
) -> dict[str, Any]:
    found = send(office.client, body(frame, kind), kind, **headers)
    assert found.status_code == 200, found.text
    return dict(found.json())


def replayed(office: Office, decision: str, who: str = "auditor") -> dict[str, Any]:
    return done(office.post(f"decisions/{decision}/replay", who))


def folder(world: "World", book: dict[str, Any]) -> Path:
    return world.home / "books" / str(book["book_id"])


def rewrite(path: Path, change: pl.Expr) -> None:
    frame = pl.read_parquet(path)
    path.unlink()
    frame.with_columns(change).write_parquet(path)


@pytest.mark.parametrize("kind", list(TableKind))
def test_a_book_replays_to_the_last_bit(office: Office, kind: TableKind) -> None:
    book = scored(office, mixed(office), kind)
    assert book["rows_answered"] > 30
    assert book["rows_failed"] >= 3
    found = replayed(office, book["decision_id"])
    assert (found["outcome"], found["differences"], found["reasons"]) == ("identical", [], [])
    figures = {one["field"]: (one["then"], one["now"]) for one in found["figures"]}
    assert figures["merkle_root"] == (json.dumps(book["merkle_root"]),) * 2


@pytest.mark.parametrize("language", ["zh", "en"])
def test_reasons_of_failed_rows_replay_in_their_language(office: Office, language: str) -> None:
    book = scored(office, mixed(office, 3), Accept_Language=language)
    assert replayed(office, book["decision_id"])["outcome"] == "identical"


def test_new_features_and_another_champion_change_nothing_of_a_replay(
    office: Office,
    world: "World",
    put_features: Callable[..., object],
    put_book: Callable[..., object],
    put_model: Callable[..., str],
) -> None:
    book = scored(office, mixed(office))
    put_features(world.home, seed=12)
    put_book(world.home, world.version, bankruptcy_filings=3)
    put_model(world.home, seed=99, name="v2")
    office.client.deployment.parts.refresh()
    again = scored(office, mixed(office))
    assert again["merkle_root"] != book["merkle_root"]
    assert replayed(office, book["decision_id"])["outcome"] == "identical"
    assert replayed(office, again["decision_id"])["outcome"] == "identical"


def test_without_its_model_a_book_cannot_be_replayed(
    office: Office, world: "World", put_model: Callable[..., str]
) -> None:
    book = scored(office, mixed(office, 5))
    put_model(world.home, seed=99, name="v2")
    office.client.deployment.parts.refresh()
    shutil.rmtree(world.home / "models" / "credit" / "v1")
    found = replayed(office, book["decision_id"])
    assert (found["outcome"], [one["code"] for one in found["reasons"]]) == ("impossible", ["model_not_kept"])


@pytest.mark.parametrize("name", ["book.parquet", "inputs.parquet"])
def test_what_is_computed_from_must_be_what_it_was(office: Office, world: "World", name: str) -> None:
    book = scored(office, mixed(office, 5))
    rewrite(folder(world, book) / name, pl.col("degree") + 1)
    found = replayed(office, book["decision_id"])
    assert (found["outcome"], [one["code"] for one in found["reasons"]]) == ("impossible", ["files_changed"])
    assert name in found["reasons"][0]["text_en"]


def test_a_changed_row_of_the_kept_answer_is_named_with_both_values(office: Office, world: "World") -> None:
    book = scored(office, mixed(office, 5))
    path = folder(world, book) / "rows.parquet"
    told = pl.read_parquet(path).filter(row=1)["pd"].item()
    rewrite(path, pl.when(pl.col("row") == 1).then(pl.lit(0.25)).otherwise(pl.col("pd")).alias("pd"))
    found = replayed(office, book["decision_id"])
    assert found["outcome"] == "differs"
    assert [one["code"] for one in found["reasons"]] == ["files_changed", "rows_differ"]
    assert "1 values of 1 rows" in found["reasons"][1]["text_en"]
    assert [one["field"] for one in found["differences"]] == ["files.rows.parquet", "rows.1.pd"]
    assert (found["differences"][1]["then"], found["differences"][1]["now"]) == ("0.25", repr(told))
    roots = next(one for one in found["figures"] if one["field"] == "merkle_root")
    assert roots["then"] == roots["now"], (
        "what was answered is what is computed; the file is what was changed"
    )


def with_policies(office: Office, monkeypatch: pytest.MonkeyPatch, valid_from: date) -> None:
    """Put a laxer policy beside the ones there are, from a day on."""
    credit = office.client.deployment.parts.credit
    policies = credit.sources.policies
    newest = max(policies.advice.policy, key=lambda entry: entry.valid_from)
    grades = newest.pass_ | newest.manual_review | newest.decline
    fields = {"name": "laxer", "source": "a test", "valid_from": valid_from}
    nobody: frozenset[str] = frozenset()
    lax = newest.model_copy(update=fields | {"pass_": grades, "manual_review": nobody, "decline": nobody})
    advice = policies.advice.model_copy(update={"policy": (*policies.advice.policy, lax)})
    sources = replace(credit.sources, policies=replace(policies, advice=advice))
    monkeypatch.setattr(credit, "sources", sources)


def test_a_policy_of_a_later_day_is_said_and_changes_nothing(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = scored(office, mixed(office, 5))
    with_policies(office, monkeypatch, date(2999, 1, 1))
    found = replayed(office, book["decision_id"])
    assert (found["outcome"], [one["code"] for one in found["reasons"]]) == (
        "identical",
        ["policies_changed"],
    )


def test_a_policy_that_was_changed_afterwards_shows_as_rows_that_differ(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = scored(office, mixed(office, 400))
    with_policies(office, monkeypatch, datetime.now(ZoneInfo("Asia/Shanghai")).date())
    found = replayed(office, book["decision_id"])
    assert found["outcome"] == "differs"
    assert [one["code"] for one in found["reasons"]] == ["policies_changed", "rows_differ"]
    fields = [one["field"] for one in found["differences"]]
    assert {"answer.policy", "answer.merkle_root"} <= set(fields)
    listed = [field for field in fields if field.startswith("rows.")]
    assert len(listed) == 100, "the list is bounded, the count is not"
    assert {field.rpartition(".")[2] for field in listed} <= {"advice", "decided_by"}
    count = int(found["reasons"][1]["text_en"].split()[0])
    assert count > 100


def test_a_large_book_is_replayed_as_a_job(world: "World", make_client: "MakeClient") -> None:
    keys = make_keys(world.home)
    office = Office(make_client(world.home, keys["officer"], book_chunk_rows=7), keys)
    book = scored(office, mixed(office))
    small = Office(make_client(world.home, keys["officer"], book_now_rows=20), keys)
    taken = small.post(f"decisions/{book['decision_id']}/replay", "auditor")
    assert taken.status_code == 202, taken.text
    job = ended(small, taken.json()["poll"], "auditor")
    assert job["progress"] == 1.0
    found = done(small.get(job["answer"].removeprefix("/v1/"), "auditor"))
    assert (found["outcome"], found["of_decision"]) == ("identical", book["decision_id"])
    refused = small.get(job["answer"].removeprefix("/v1/"), "org07")
    assert refused.status_code == 404


def test_a_book_that_ran_as_a_job_replays_and_its_rows_are_proven(
    world: "World", make_client: "MakeClient"
) -> None:
    keys = make_keys(world.home)
    office = Office(make_client(world.home, keys["officer"], book_now_rows=20, book_chunk_rows=7), keys)
    taken = send(office.client, body(mixed(office), TableKind.PARQUET), TableKind.PARQUET)
    assert taken.status_code == 202, taken.text
    job = ended(office, taken.json()["poll"], "officer")
    book = done(office.get("decisions", "auditor", route="credit/scores", limit=1))["decisions"][0]
    record = office.client.deployment.parts.ledger.get(book["decision_id"]).record
    kept = world.home / "books" / str(record["answer"]["book_id"])  # type: ignore[call-overload,index]
    assert record["files"] == {name: file_sha256(kept / name) for name in ("inputs.parquet", "rows.parquet")}
    assert [one["sha256"] for one in record["job_files"]] == [one["sha256"] for one in job["files"]]  # type: ignore[call-overload,index,union-attr]
    row = done(office.get(f"decisions/{book['decision_id']}/rows/2", "auditor"))
    assert (row["proven"], row["values"]["row"]) == (True, 2)
    whole = Office(make_client(world.home, keys["officer"]), keys)
    found = replayed(whole, book["decision_id"])
    assert (found["outcome"], found["differences"], found["reasons"]) == ("identical", [], [])


def ended(office: Office, poll: str, who: str) -> dict[str, Any]:
    office.client.deployment.jobs.worker.run_next()
    for _ in range(200):
        job = done(office.get(poll.removeprefix("/v1/"), who))
        if job["state"] not in ("queued", "running"):
            break
        time.sleep(0.05)
    assert job["state"] == "done", job
    return job


def test_a_book_whose_files_are_gone_says_so(office: Office, world: "World") -> None:
    book = scored(office, mixed(office, 2))
    shutil.rmtree(folder(world, book))
    found = replayed(office, book["decision_id"])
    assert (found["outcome"], [one["code"] for one in found["reasons"]]) == ("impossible", ["book_gone"])


def test_a_replay_leaves_nothing_behind(office: Office, world: "World") -> None:
    book = scored(office, mixed(office, 2))
    replayed(office, book["decision_id"])
    assert [path.name for path in (world.home / "books").iterdir()] == [book["book_id"]]
