"""Books over HTTP: every row answered or failed, in every kind of table, with the figures of single scores."""

import asyncio
import io
import json
import os
import shutil
import threading
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import polars as pl
import pytest
import xlsxwriter
from pydantic import BaseModel

from serving.access.caller import Call, Caller
from serving.access.errors import OutsideScopeError
from serving.access.keys import KeyStore
from serving.access.roles import Role
from serving.access.watch import Watch
from serving.credit.books.desk import BookDesk, BookJob
from serving.credit.books.kept import kept_book
from serving.credit.books.proof import leaves_of, proof_of, proven
from serving.credit.books.schemas import BookAnswer
from serving.credit.score.scorer import CreditScorer
from serving.http.api import Api
from serving.jobs.files import JobFile
from serving.jobs.store import JobLimits
from serving.ledger.answered import Answered
from serving.ledger.chain import Json, Ledger
from serving.ledger.database import Database
from serving.ledger.errors import LedgerUnavailableError
from serving.ledger.writing import Beside
from serving.uploads.media import TableKind
from tests.serving.credit.books.book_client import PATH, body, rows_of, send

if TYPE_CHECKING:
    from tests.serving.conftest import Client, MakeClient, World

WIRE = Path(__file__).parents[3] / "wire"
PARTIES = ["P0000000", "P0000001", "P0000002", "P0000004", "P0000005", "P0000006", "P0000007", "P0000008"]
FIGURES = (
    *("pd", "pd_low", "pd_high", "log_odds", "base_log_odds", "own_pd", "own_log_odds", "network_log_odds"),
    *("grade", "points", "advice", "decided_by"),
)
KINDS = list(TableKind)
LARGE = body(pl.DataFrame({"party_id": [f"P{i:07d}" for i in range(10)]}), TableKind.CSV)


def ledger(client: "Client") -> Ledger:
    return client.deployment.parts.ledger


def test_every_row_is_answered_or_failed_and_none_is_lost(client: "Client") -> None:
    parties = ["P0000001", "P9999999", "'; DROP TABLE x;--", "P0000003", "P0000001", "P0000006"]
    found = send(client, json.dumps({"party_ids": parties}).encode(), TableKind.JSON)
    assert found.status_code == 200, found.text
    answer = BookAnswer.model_validate_json(found.text)
    assert [row.row for row in answer.answers] == [1, 5, 6]
    assert {one.row: one.rule for one in answer.failed} == {
        2: "unknown-party", 3: "string_pattern_mismatch", 4: "no-features",
    }  # fmt: skip
    assert (answer.rows, answer.rows_answered, answer.rows_failed) == (6, 3, 3)
    assert answer.rows == len(answer.answers) + len(answer.failed)


def test_a_party_given_twice_is_answered_twice_and_flagged(client: "Client") -> None:
    found = send(client, b'{"party_ids": ["P0000001", "P0000006", "P0000001"]}', TableKind.JSON).json()
    assert [row["duplicate_of"] for row in found["answers"]] == [None, None, 1]
    assert found["answers"][0]["pd"] == found["answers"][2]["pd"]
    assert found["rows_repeated"] == 1


def single(client: "Client", request: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = client.score(request).json()
    return answer


def assert_same(row: dict[str, Any], alone: dict[str, Any]) -> None:
    """Compare a row of a book with a single score, to the last bit."""
    assert {name: row[name] for name in FIGURES} == {name: alone[name] for name in FIGURES}
    assert row["quality"] == alone["quality"]["level"]
    assert row["quality_notes"] == [note["code"] for note in alone["quality"]["notes"]]
    assert row["features_known"] == alone["quality"]["features_known"]
    parts = {part["feature"]: part["contribution"] for part in alone["contributions"]}
    assert row["contributions"] == parts
    told = [(reason["feature"], reason["log_odds"]) for reason in row["reasons"]]
    assert told == [(name, part) for name, part in list(parts.items())[:4] if part != 0]


def test_a_party_has_in_a_book_the_figures_of_a_single_score(client: "Client") -> None:
    sent = json.dumps({"party_ids": PARTIES}).encode()
    found = send(client, sent, TableKind.JSON, "?contributions=true").json()
    assert not found["failed"]
    for row in found["answers"]:
        assert_same(row, single(client, {"party_id": row["party_id"]}))


def test_a_row_of_features_has_in_a_book_the_figures_of_a_single_score(
    client: "Client", features: pl.DataFrame
) -> None:
    frame = features.drop("key").with_columns(line=None, stage=None)
    frame = frame.with_columns(
        pl.when(pl.int_range(pl.len()) % 3 == 0).then(pl.lit(text)).alias(name)
        for name, text in (("line", "leasing"), ("stage", "pre_lending"))
    )
    found = send(client, body(frame, TableKind.JSON), TableKind.JSON, "?contributions=true").json()
    answered = {row["row"]: row for row in found["answers"]}
    assert len(answered) >= 8
    for number, given in enumerate(frame.iter_rows(named=True), start=1):
        line, stage = given.pop("line"), given.pop("stage")
        request = {"features": given} | ({} if line is None else {"line": line, "stage": stage})
        alone = client.score(request)
        if number in answered:
            assert_same(answered[number], alone.json())
        else:
            assert alone.status_code >= 400


@pytest.fixture
def features(client: "Client") -> pl.DataFrame:
    """Return rows of features with ids of their own; some values are missing."""
    names = client.deployment.parts.scorer().model.features
    rows = [
        {"key": f"K{i}"}
        | {name: None if (i + at) % 5 == 0 else round(0.37 * i - at, 6) for at, name in enumerate(names)}
        for i in range(12)
    ]
    return pl.DataFrame(rows, infer_schema_length=None)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_table_is_answered_in_every_kind_with_the_same_figures(
    client: "Client", features: pl.DataFrame, kind: TableKind
) -> None:
    wanted = rows_of(
        send(client, body(features, TableKind.JSON), TableKind.JSON, Accept=TableKind.PARQUET.media_type),
        TableKind.PARQUET,
    )
    there = rows_of(
        send(client, body(features, kind), kind, Accept=TableKind.PARQUET.media_type), TableKind.PARQUET
    )
    assert there.drop("row").equals(wanted.drop("row"))
    back = rows_of(send(client, body(features, kind), kind, Accept=kind.media_type), kind)
    for name in ("pd", "log_odds", "network_log_odds"):
        for one, other in zip(back[name].to_list(), wanted[name].to_list(), strict=True):
            assert one == pytest.approx(other, rel=1e-15, abs=1e-16), (kind, name)  # Excel keeps 16 digits
    assert back["grade"].to_list() == wanted["grade"].to_list()


def test_contributions_always_stand_in_parquet_and_add_up(client: "Client") -> None:
    sent = json.dumps({"party_ids": PARTIES}).encode()
    frame = rows_of(
        send(client, sent, TableKind.JSON, Accept=TableKind.PARQUET.media_type), TableKind.PARQUET
    )
    parts = [name for name in frame.columns if name.startswith("contribution_")]
    assert len(parts) == 6
    gap = frame.select((pl.sum_horizontal("base_log_odds", *parts) - pl.col("log_odds")).abs().max()).item()
    assert gap < 1e-6


def test_columns_of_files_are_those_that_clients_read(client: "Client") -> None:
    sent = b'{"party_ids": ["P0000001"]}'
    frame = rows_of(
        send(client, sent, TableKind.JSON, Accept=TableKind.PARQUET.media_type), TableKind.PARQUET
    )
    stored = json.loads((WIRE / "book_columns.json").read_text(encoding="utf-8"))
    now = {name: str(dtype) for name, dtype in frame.schema.items() if not name.startswith("contribution_")}
    assert now == stored, "clients read these columns; add new ones to book_columns.json"


def test_one_record_holds_digests_that_prove_each_row(client: "Client", world: "World") -> None:
    sent = json.dumps({"party_ids": PARTIES}).encode()
    response = send(client, sent, TableKind.JSON, Accept=TableKind.PARQUET.media_type)
    record = ledger(client).get(response.headers["x-decision-id"]).record
    answer, files = record["answer"], record["files"]
    assert isinstance(answer, dict)
    assert isinstance(files, dict)
    assert (record["route"], answer["rows"]) == ("credit/scores", len(PARTIES))
    folder = world.home / "books" / response.headers["x-book-id"]
    assert sorted(path.name for path in folder.iterdir()) == [
        "blocks.bin",
        "book.json",
        "inputs.parquet",
        "rows.parquet",
    ]
    kept = pl.read_parquet(folder / "rows.parquet")
    leaves = leaves_of(kept)
    for place in range(len(PARTIES)):
        assert proven(leaves[place], proof_of(leaves, place), str(answer["merkle_root"]))
    changed = leaves_of(kept.with_columns(pd=pl.col("pd") + 1e-12))
    assert not proven(changed[0], proof_of(leaves, 0), str(answer["merkle_root"]))


def test_without_a_record_no_book_is_answered_or_kept(client: "Client", world: "World") -> None:
    (world.home / "ledger.db").rename(world.home / "away.db")
    found = send(client, b'{"party_ids": ["P0000001"]}', TableKind.JSON)
    assert found.status_code == 503, found.text
    assert not list((world.home / "books").glob("*")) if (world.home / "books").exists() else True
    assert not inputs_kept(client)


def inputs_kept(client: "Client") -> list[Path]:
    return [path for path in client.deployment.jobs.files.root.glob("*/input/*") if path.is_file()]


def test_a_book_whose_record_became_durable_though_the_caller_heard_503_can_be_proven(
    client: "Client", world: "World", monkeypatch: pytest.MonkeyPatch
) -> None:
    append = Ledger.append
    written: list[Mapping[str, Json]] = []

    def lost(self: Ledger, records: Sequence[Mapping[str, Json]], *, beside: Beside | None = None) -> None:
        append(self, records, beside=beside)
        written.extend(records)
        raise LedgerUnavailableError("connection lost during the commit")

    monkeypatch.setattr(Ledger, "append", lost)
    found = send(client, b'{"party_ids": ["P0000001"]}', TableKind.JSON)
    assert found.status_code == 503, found.text
    monkeypatch.undo()
    decision = ledger(client).get(str(written[-1]["decision_id"]))
    book = kept_book(decision, world.home / "books")
    assert book.changed() == {}
    assert sorted(path.name for path in book.folder.iterdir()) == [
        "blocks.bin",
        "book.json",
        "inputs.parquet",
        "rows.parquet",
    ], "the answer that was not given is not among them"


def test_a_book_that_fails_before_its_record_leaves_nothing(
    client: "Client", world: "World", monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("serving.credit.books.desk.make_durable", full)
    found = send(client, b'{"party_ids": ["P0000001"]}', TableKind.JSON)
    assert (found.status_code, found.json()["type"]) == (503, "urn:zhiheng:problem:no-room")
    assert not list((world.home / "books").iterdir())
    assert not inputs_kept(client)


def test_files_and_their_names_are_on_disk_before_the_record_that_names_them(
    client: "Client", world: "World", monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: set[Path] = set()
    at_record: list[set[Path]] = []
    fsync, append = os.fsync, Ledger.append

    def note(handle: int) -> None:
        synced.add(Path(f"/proc/self/fd/{handle}").readlink())
        fsync(handle)

    def record(self: Ledger, records: Sequence[Mapping[str, Json]], *, beside: Beside | None = None) -> None:
        at_record.append(set(synced))
        append(self, records, beside=beside)

    monkeypatch.setattr(os, "fsync", note)
    monkeypatch.setattr(Ledger, "append", record)
    found = send(client, b'{"party_ids": ["P0000001"]}', TableKind.JSON)
    books = (world.home / "books").resolve()
    folder = books / found.headers["x-book-id"]
    kept = {folder / name for name in ("book.json", "inputs.parquet", "rows.parquet")}
    assert {books, folder, *kept} <= at_record[-1]


def test_a_job_submitted_after_the_deadline_keeps_its_input(
    world: "World", make_client: "MakeClient", monkeypatch: pytest.MonkeyPatch
) -> None:
    client = make_client(world.home, world.officer, book_now_rows=5)
    submit = client.deployment.jobs.desk.submit
    began, heard, ended = threading.Event(), threading.Event(), threading.Event()

    def slow(
        kind: str, request: BaseModel, caller: Caller, *, job_id: str, files: tuple[JobFile, ...]
    ) -> Answered:
        began.set()
        assert heard.wait(20)
        try:
            return submit(kind, request, caller, job_id=job_id, files=files)
        finally:
            ended.set()

    async def overdue(self: Api, function: Callable[[], object]) -> NoReturn:
        asyncio.get_running_loop().run_in_executor(self.slow_threads, function)
        assert await asyncio.to_thread(began.wait, 20)
        raise TimeoutError

    monkeypatch.setattr(client.deployment.jobs.desk, "submit", slow)
    monkeypatch.setattr(Api, "in_slow_thread", overdue)
    frame = pl.DataFrame({"party_id": [f"P{i:07d}" for i in range(10)]})
    found = send(client, body(frame, TableKind.CSV), TableKind.CSV)
    assert found.status_code >= 500
    heard.set()
    assert ended.wait(20)
    monkeypatch.undo()
    client.deployment.jobs.worker.run_next()
    (job,) = client.http.get("/v1/jobs", Authorization=f"Bearer {client.key}").json()["jobs"]
    assert wait(client, f"/v1/jobs/{job['job_id']}")["state"] == "done"


def test_a_large_book_that_was_opened_too_late_is_neither_scored_nor_counted(
    world: "World", make_client: "MakeClient", monkeypatch: pytest.MonkeyPatch
) -> None:
    client = make_client(world.home, world.officer, book_now_rows=5)
    began, heard = threading.Event(), threading.Event()
    works: list[Future[object]] = []
    opened = BookDesk.open

    def slow(self: BookDesk, asked: BookJob, source: Path) -> object:
        began.set()
        assert heard.wait(20)
        return opened(self, asked, source)

    async def overdue(self: Api, function: Callable[[], object]) -> NoReturn:
        works.append(self.slow_threads.submit(function))
        assert await asyncio.to_thread(began.wait, 20)
        raise TimeoutError

    monkeypatch.setattr(BookDesk, "open", slow)
    monkeypatch.setattr(Api, "in_slow_thread", overdue)
    monkeypatch.setattr("serving.credit.books.desk.run_book", pytest.fail)
    before = budget_used(client)
    assert send(client, LARGE, TableKind.CSV).status_code >= 500
    heard.set()
    with pytest.raises(LedgerUnavailableError, match="nobody waits"):
        works[0].result(20)
    assert client.deployment.jobs.store.open_jobs() == 0
    assert budget_used(client) == before
    assert not inputs_kept(client)


def test_a_book_that_the_queue_refuses_takes_nothing_from_the_budget(
    world: "World", make_client: "MakeClient", monkeypatch: pytest.MonkeyPatch
) -> None:
    client = make_client(world.home, world.officer, book_now_rows=5)
    store = client.deployment.jobs.store
    client.deployment.jobs.worker.hold()
    before = budget_used(client)
    monkeypatch.setattr(store, "limits", JobLimits(waiting=0, silence_seconds=30.0))
    refused = send(client, LARGE, TableKind.CSV)
    assert (refused.status_code, refused.json()["type"]) == (503, "urn:zhiheng:problem:job-queue-full")
    assert budget_used(client) == before
    assert not inputs_kept(client)
    monkeypatch.undo()
    assert send(client, LARGE, TableKind.CSV).status_code == 202
    assert budget_used(client) == before + 10


def budget_used(client: "Client") -> int:
    """Return how many rows the client's key had scored in a day."""
    caller = Caller(Call("request-1", client.key.split("_")[1], ()), "test", ("*",))
    return client.deployment._access.budget.used(caller)[1]


def test_work_that_had_not_begun_at_the_deadline_leaves_no_upload(
    client: "Client", world: "World", monkeypatch: pytest.MonkeyPatch
) -> None:
    late: list[Callable[[], object]] = []

    async def never(_self: Api, function: Callable[[], object]) -> NoReturn:
        late.append(function)
        raise TimeoutError

    monkeypatch.setattr(Api, "in_slow_thread", never)
    assert send(client, b'{"party_ids": ["P0000001"]}', TableKind.JSON).status_code >= 500
    assert not inputs_kept(client)
    with pytest.raises(LedgerUnavailableError, match="nobody waits"):
        late[0]()
    assert not (world.home / "books").exists()


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("*/*", TableKind.JSON),
        ("text/csv;q=0.5, application/vnd.apache.parquet", TableKind.PARQUET),
        ("application/json;q=0, text/*", TableKind.CSV),
    ],
)
def test_accept_chooses_the_kind_of_answer(client: "Client", accept: str, kind: TableKind) -> None:
    found = send(client, b'{"party_ids": ["P0000001"]}', TableKind.JSON, Accept=accept)
    assert found.headers["content-type"].split(";")[0] == kind.media_type


def test_what_cannot_be_given_is_406_and_what_cannot_be_read_415(client: "Client") -> None:
    for given, status, slug in (
        ({"Accept": "image/png"}, 406, "not-acceptable"),
        ({"Content_Type": "application/pdf"}, 415, "upload-type"),
    ):
        found = send(client, b'{"party_ids": ["P0000001"]}', TableKind.JSON, **given)
        assert found.status_code == status, found.text
        assert found.json()["type"].endswith(slug)


def test_failed_rows_stand_on_the_second_sheet(client: "Client") -> None:
    sent = json.dumps({"party_ids": ["P0000001", "P9999999"]}).encode()
    found = send(client, sent, TableKind.JSON, Accept=TableKind.XLSX.media_type)
    assert found.status_code == 200
    sheets = pl.read_excel(io.BytesIO(found.content), sheet_id=0, engine="calamine")
    assert list(sheets) == ["Scores", "Failed", "About"]
    assert sheets["Scores"].height == 1
    (row,) = sheets["Failed"].rename(lambda name: name.split("\n")[0]).to_dicts()
    assert (row["row"], row["error_rule"]) == (2, "unknown-party")
    assert "P9999999" in row["error_message"]


def test_messages_are_in_the_callers_language(client: "Client") -> None:
    sent = json.dumps({"columns": {"degree": ["much"]}}).encode()
    (zh,) = send(client, sent, TableKind.JSON, Accept_Language="zh").json()["failed"]
    (en,) = send(client, sent, TableKind.JSON, Accept_Language="en").json()["failed"]
    assert "须为数值" in zh["message"]
    assert "must be a number" in en["message"]


@pytest.mark.parametrize(
    ("columns", "rule"),
    [
        ({"degree": ["0.5"]}, "float_type"),
        ({"party_id": ["P0000001"], "degree": [0.5]}, "one_of_two"),
        ({"party_id": ["P0000001"], "line": ["leasing"]}, "line_and_stage"),
        ({"party_id": ["P0000001"], "line": ["gambling"], "stage": ["pre_lending"]}, "enum"),
        ({"degree": [None]}, "no-features"),
        ({"party_id": ["../../etc/passwd"]}, "string_pattern_mismatch"),
        ({"key": ["k" * 201], "degree": [0.5]}, "string_too_long"),
    ],
)
def test_a_row_that_cannot_be_scored_says_which_rule_it_broke(
    client: "Client", columns: dict[str, list[object]], rule: str
) -> None:
    found = send(client, json.dumps({"columns": columns}).encode(), TableKind.JSON).json()
    assert [one["rule"] for one in found["failed"]] == [rule]
    assert found["answers"] == []


def test_an_unknown_column_is_refused_with_the_name_that_is_near(client: "Client") -> None:
    sent = json.dumps({"columns": {"debt_rato": [0.5], "degree": [1.0]}}).encode()
    found = send(client, sent, TableKind.JSON)
    assert found.status_code == 422
    (error,) = found.json()["errors"]
    assert (error["field"], error["rule"]) == ("columns.debt_rato", "unknown_feature")
    assert "debt_ratio" in error["message"]
    left = send(client, sent, TableKind.JSON, "?ignore_unknown=true").json()
    assert (left["ignored_columns"], left["rows_answered"]) == (["debt_rato"], 1)


@pytest.mark.parametrize(
    "content",
    [
        b'{"party_ids": []}', b'{"party_ids": ["P1"], "columns": {"degree": [1]}}', b"{}", b'{"columns": {"degree": [NaN]}}',
        b'{"columns": {"degree": [1e999]}}', b'{"columns": {"degree": [1], "age_of_firm": [1, 2]}}', b'{"rows": [1]}',
        b'{"columns": {"degree": [[1]]}}', b'{"columns": {"a": [1], "a": [2]}}',
    ],
)  # fmt: skip
def test_json_that_is_no_book_is_a_clear_problem(client: "Client", content: bytes) -> None:
    found = send(client, content, TableKind.JSON)
    assert found.status_code == 422, found.text
    assert found.json()["detail"]


def test_text_like_a_formula_comes_back_as_text(client: "Client") -> None:
    frame = pl.DataFrame({"key": ["=1+1", "@x", "+5", "-2"], "degree": [0.1, 0.2, 0.3, 0.4]})
    csv = send(client, body(frame, TableKind.PARQUET), TableKind.PARQUET, Accept=TableKind.CSV.media_type)
    assert rows_of(csv, TableKind.CSV)["key"].to_list() == ["'=1+1", "'@x", "+5", "-2"]
    book = send(client, body(frame, TableKind.PARQUET), TableKind.PARQUET, Accept=TableKind.XLSX.media_type)
    with zipfile.ZipFile(io.BytesIO(book.content)) as parts:
        sheets = b"".join(parts.read(name) for name in parts.namelist() if "worksheets" in name)
    assert b"<f>" not in sheets
    assert rows_of(book, TableKind.XLSX)["key"].to_list() == ["=1+1", "@x", "+5", "-2"]


def test_a_large_book_is_a_job_whose_file_is_fetched(world: "World", make_client: "MakeClient") -> None:
    client = make_client(world.home, world.officer, book_now_rows=5, book_chunk_rows=3)
    frame = pl.DataFrame({"party_id": [f"P{i:07d}" for i in range(60)]})
    taken = send(client, body(frame, TableKind.CSV), TableKind.CSV, Accept=TableKind.PARQUET.media_type)
    assert taken.status_code == 202, taken.text
    receipt = taken.json()
    client.deployment.jobs.worker.run_next()
    job = wait(client, receipt["poll"])
    assert job["state"] == "done", job
    headers = {"Authorization": f"Bearer {client.key}"}
    found = client.http.get(job["answer"], **headers)
    frame = pl.read_parquet(io.BytesIO(found.content))
    assert frame["row"].to_list() == list(range(2, 62))
    assert frame.filter(status="failed")["party_id"].to_list() == ["P0000003"]
    now = make_client(world.home, world.officer)
    sent = json.dumps({"party_ids": [f"P{i:07d}" for i in range(60)]}).encode()
    alone = rows_of(send(now, sent, TableKind.JSON, Accept=TableKind.PARQUET.media_type), TableKind.PARQUET)
    assert alone.drop("row").equals(frame.drop("row"))


def wait(client: "Client", poll: str) -> dict[str, Any]:
    for _ in range(200):
        job: dict[str, Any] = client.http.get(poll, Authorization=f"Bearer {client.key}").json()
        if job["state"] not in ("queued", "running"):
            return job
        time.sleep(0.05)
    raise AssertionError(job)


def test_too_many_rows_are_refused_with_the_remedy(world: "World", make_client: "MakeClient") -> None:
    client = make_client(world.home, world.officer, book_rows=5)
    found = send(client, json.dumps({"party_ids": ["P1"] * 6}).encode(), TableKind.JSON)
    assert found.status_code == 413
    assert "Split it" in found.json()["detail"]


def test_only_risk_officers_may_score_books(client: "Client", world: "World") -> None:
    found = send(
        client, b'{"party_ids": ["P0000001"]}', TableKind.JSON, Authorization=f"Bearer {world.planner}"
    )
    assert found.status_code == 403


@pytest.mark.parametrize("by", ["features", "party_id"])
def test_a_filled_template_is_scored(client: "Client", tmp_path: Path, by: str) -> None:
    headers = {"Authorization": f"Bearer {client.key}"}
    found = client.http.get(f"{PATH}/template?by={by}", **headers)
    assert found.status_code == 200, found.text
    frame = pl.read_excel(io.BytesIO(found.content), sheet_id=1, engine="calamine", raise_if_empty=False)
    assert frame.height == 0
    values: dict[str, object] = {
        "party_id": "P0000001",
        "key": "Ä1",
        "line": "leasing",
        "stage": "pre_lending",
    }
    with xlsxwriter.Workbook(tmp_path / "filled.xlsx") as book:
        sheet = book.add_worksheet()
        for place, header in enumerate(frame.columns):
            sheet.write_string(0, place, header)
            sheet.write(1, place, values.get(header.split("\n")[0], 0.5))
    content = (tmp_path / "filled.xlsx").read_bytes()
    answer = send(client, content, TableKind.XLSX).json()
    assert (answer["rows_answered"], answer["failed"]) == (1, [])
    assert answer["answers"][0]["row"] == 2


def test_a_limited_key_gets_rows_of_its_companies_parties_alone(
    world: "World", make_client: "MakeClient", put_book: Callable[..., pl.DataFrame]
) -> None:
    book = put_book(world.home, world.version)
    mine = pl.when(pl.col("party_id") == "P0000001").then(pl.lit(["ORG-07"])).otherwise(pl.lit(["ORG-08"]))
    book.with_columns(companies=mine).write_parquet(world.home / "features" / "credit_book.parquet")
    database = Database(world.home / "ledger.db")
    database.open()
    _, key = KeyStore(database).create(
        "li", [Role.RISK_OFFICER], companies=["ORG-07"], now=datetime(2026, 11, 1, tzinfo=UTC)
    )
    database.close()
    client = make_client(world.home, key)
    sent = b'{"party_ids": ["P0000001", "P0000006", "P9999999"]}'
    found = send(client, sent, TableKind.JSON).json()
    assert [row["party_id"] for row in found["answers"]] == ["P0000001"]
    first, second = found["failed"]
    assert first["message"] == second["message"], "that a party is known is not told"


def test_who_tries_parties_of_others_in_a_book_is_noticed(
    client: "Client", monkeypatch: pytest.MonkeyPatch
) -> None:
    noticed: list[str] = []

    def refuse(_scorer: CreditScorer, caller: Caller, party_id: str) -> None:
        if party_id != "P0000001":
            raise OutsideScopeError(caller.companies)

    def note(_watch: Watch, _caller: Caller, what: str = "", *, outside: bool = False) -> None:
        noticed.extend([what] if outside else [])

    monkeypatch.setattr(CreditScorer, "require", refuse)
    monkeypatch.setattr(Watch, "refused", note)
    send(client, b'{"party_ids": ["P0000001", "P0000006", "P0000007"]}', TableKind.JSON)
    assert noticed == ["P0000006", "P0000007"]


def test_openapi_names_every_kind_of_table(client: "Client") -> None:
    operation = client.http.get("/openapi.json").json()["paths"][PATH]["post"]
    media = {kind.media_type for kind in TableKind}
    assert set(operation["requestBody"]["content"]) == media
    assert set(operation["responses"]["200"]["content"]) == media
    assert {"202", "406", "413", "415", "422", "429", "503"} <= set(operation["responses"])


def test_a_book_that_would_fill_the_disk_is_not_taken(
    client: "Client", monkeypatch: pytest.MonkeyPatch, world: "World"
) -> None:
    usage = shutil.disk_usage(world.home)
    free = (
        256 << 20
    ) + 20_000  # room for the file that is sent, beside what the ledger needs, and for few rows
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=free))
    few = json.dumps({"party_ids": ["P0000001"]}).encode()
    assert send(client, few, TableKind.JSON).status_code == 200
    many = json.dumps({"party_ids": ["P0000001"] * 100}).encode()
    found = send(client, many, TableKind.JSON)
    assert (found.status_code, found.json()["type"]) == (503, "urn:zhiheng:problem:no-room")
    assert "make room" in found.json()["detail"]
    kept = [path.name for path in (world.home / "books").iterdir()]
    assert len(kept) == 1, "nothing stays of what was not taken"
