"""Data intake: each wrong row is named, good rows are kept whole or not at all, and nothing is taken twice or for others."""

import io
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fastexcel
import httpx
import polars as pl
import pytest
import xlsxwriter

from features.contracts import CONTRACTS
from serving.access.caller import Call, Caller
from serving.access.roles import Role
from serving.intake.checking import IntakeChecker
from serving.intake.desk import IntakeDesk
from serving.intake.errors import IntakeAbandonedError
from serving.intake.schemas import IntakeMode
from serving.intake.uploads import UploadStore
from serving.ledger.chain import Json, Ledger
from serving.ledger.database import Database
from serving.ledger.errors import LedgerUnavailableError
from serving.ledger.writing import Beside
from serving.uploads.limits import TableLimits
from serving.uploads.media import TableKind
from serving.uploads.spool import Spooled
from tests.serving.demand.demand_world import NOW, make_planner

if TYPE_CHECKING:
    from tests.serving.conftest import Client, MakeClient

CSV = "text/csv"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PARQUET = "application/vnd.apache.parquet"
PAYMENTS = (
    b"payment_id,exposure_id,paid_on,amount,known_at\n"
    b"PAY1,X1,2025-03-01,100,2025-03-02\n"
    b"PAY2,X1,2025-03-01,-5,2025-03-02\n"
    b"PAY3,X9,2025-03-01,50,2025-03-02\n"
    b"PAY4,X2,2025-03-01,70,2025-03-02\n"
    b"PAY5,X1,soon,70,2025-03-02\n"
)


@dataclass(frozen=True)
class Stewards:
    """The service with two exposures of two companies, a steward of the group and one of ORG-05."""

    home: Path
    client: "Client"
    group: str
    org05: str

    def send(
        self, table: str, body: bytes, *, kind: str = CSV, mode: str = "check", key: str | None = None
    ) -> httpx.Response:
        return self.client.http.post(f"/v1/intake/{table}?mode={mode}", body, **self._headers(key, kind))

    def get(self, path: str, key: str | None = None) -> httpx.Response:
        return self.client.http.get(path, **self._headers(key, CSV))

    def record(self, decision_id: str) -> Mapping[str, Any]:
        return dict(self.client.deployment.parts.ledger.get(decision_id).record)

    def files(self) -> list[str]:
        folder = self.home / "intake"
        return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())

    def _headers(self, key: str | None, kind: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {key or self.group}", "Accept_Language": "en", "Content_Type": kind}


@pytest.fixture
def stewards(tmp_path: Path, make_client: "MakeClient") -> Stewards:
    return open_intake(tmp_path, make_client)


def open_intake(home: Path, make_client: "MakeClient", **settings: float) -> Stewards:
    good = home / "checked" / "good"
    good.mkdir(parents=True)
    contract = CONTRACTS["exposures"]
    day = date(2024, 1, 1)
    row = {"business_line": "leasing", "principal": 1000.0, "annual_rate": 0.05, "start_on": day, "known_at": day,
           "maturity_on": date(2027, 1, 1), "repayment": "bullet", "party_id": "P1"}  # fmt: skip
    rows = [
        {**row, "exposure_id": "X1", "org_id": "ORG-05"},
        {**row, "exposure_id": "X2", "org_id": "ORG-08"},
    ]
    pl.DataFrame(rows, schema=contract.schema).write_parquet(good / "exposures.parquet")
    keys = [make_planner(home, org, roles=(Role.STEWARD,), name="steward") for org in ("*", "ORG-05")]
    return Stewards(home, make_client(home, keys[0], **settings), *keys)


def test_check_names_row_column_rule_and_remedy_and_writes_no_file(stewards: Stewards) -> None:
    answer = stewards.send("payments", PAYMENTS).json()
    assert (answer["rows"], answer["good"], answer["failed"]) == (5, 2, 3)
    told = {(one["row"], one["column"], one["rule"]) for one in answer["problems"]}
    assert told == {(3, "amount", "range"), (4, "exposure_id", "reference"), (6, "paid_on", "readable")}
    assert all(one["remedy_zh"] and one["remedy_en"] for one in answer["problems"])
    assert answer["upload_id"] is None
    assert stewards.files() == []
    assert stewards.record(answer["decision_id"])["request"]["mode"] == "check"


def test_take_keeps_good_rows_and_failed_rows_and_records_hashes_and_counts(stewards: Stewards) -> None:
    answer = stewards.send("payments", PAYMENTS, mode="take").json()
    upload = answer["upload_id"]
    good = pl.read_parquet(stewards.home / "intake" / "payments" / f"{upload}.parquet")
    assert good["payment_id"].to_list() == ["PAY1", "PAY4"]
    assert dict(good.schema) == CONTRACTS["payments"].schema
    record = stewards.record(answer["decision_id"])
    assert record["request"]["sha256"] == answer["sha256"]
    assert (record["answer"]["good"], record["answer"]["failed"]) == (2, 3)
    assert record["answer"]["good_sha256"]
    assert "PAY1" not in json.dumps(record)
    listed = stewards.get("/v1/intake/uploads?table=payments").json()["uploads"]
    assert [one["upload_id"] for one in listed] == [upload]
    assert stewards.get(f"/v1/intake/uploads/{upload}").json()["uploads"][0]["rows"] == 5


def test_uploads_are_listed_by_page_and_day(stewards: Stewards) -> None:
    taken = []
    for number in range(3):
        content = PAYMENTS.replace(b"PAY1", f"PAY9{number}".encode())
        taken.append(stewards.send("payments", content, mode="take").json()["upload_id"])
    first = stewards.get("/v1/intake/uploads?limit=2").json()
    rest = stewards.get(f"/v1/intake/uploads?limit=2&cursor={first['cursor']}").json()
    listed = [one["upload_id"] for page in (first, rest) for one in page["uploads"]]
    assert sorted(listed) == sorted(taken)
    assert (len(rest["uploads"]), rest["cursor"]) == (1, None)
    assert stewards.get("/v1/intake/uploads?until=2000-01-01").json()["uploads"] == []
    assert len(stewards.get("/v1/intake/uploads?since=2000-01-01T00:00:00Z").json()["uploads"]) == 3


def test_good_and_failed_rows_together_are_the_file(stewards: Stewards) -> None:
    upload = stewards.send("payments", PAYMENTS, mode="take").json()["upload_id"]
    answer = stewards.get(f"/v1/intake/uploads/{upload}/failed.xlsx")
    assert answer.headers["Content-Type"] == XLSX
    book = fastexcel.read_excel(answer.content).load_sheet(0, dtypes="string").to_polars()
    assert book["payment_id"].to_list() == ["PAY2", "PAY3", "PAY5"]
    assert book["row"].to_list() == ["3", "4", "6"]
    assert "above 0" in book["why it failed"][0]
    assert "大于 0" in book["不合格原因"][0]
    good = pl.read_parquet(stewards.home / "intake" / "payments" / f"{upload}.parquet")
    assert {*good["payment_id"], *book["payment_id"]} == {"PAY1", "PAY2", "PAY3", "PAY4", "PAY5"}


def test_a_file_is_taken_once(stewards: Stewards) -> None:
    first = stewards.send("payments", PAYMENTS, mode="take").json()["upload_id"]
    again = stewards.send("payments", PAYMENTS, mode="take")
    assert again.status_code == 409
    assert first in again.json()["detail"]
    assert len([name for name in stewards.files() if name.endswith(".parquet")]) == 2
    # Checking it again writes nothing and is allowed; its rows are there already.
    checked = stewards.send("payments", PAYMENTS).json()
    assert (checked["new"], checked["repeated"], checked["changed"]) == (0, 2, 0)


def test_rows_of_other_companies_fail_and_do_not_tell_what_others_have(stewards: Stewards) -> None:
    answer = stewards.send("payments", PAYMENTS, mode="take", key=stewards.org05).json()
    assert answer["good"] == 1
    told = {one["row"]: one for one in answer["problems"] if one["column"] == "exposure_id"}
    # X2 is of ORG-08, X9 of nobody: the same is said of both.
    assert told[5]["message_en"] == told[4]["message_en"]
    upload = answer["upload_id"]
    assert stewards.get(f"/v1/intake/uploads/{upload}", stewards.org05).status_code == 200


def test_rows_that_name_another_company_fail_by_that_rule(stewards: Stewards) -> None:
    head = "exposure_id,org_id,party_id,business_line,principal,annual_rate,start_on,maturity_on,repayment,collateral_kind,"
    head += "collateral_value,known_at\n"
    row = "P1,leasing,1000,0.05,2025-01-01,2027-01-01,bullet,,,2025-01-02\n"
    body = (head + f"X5,ORG-05,{row}X6,ORG-08,{row}").encode()
    answer = stewards.send("exposures", body, key=stewards.org05).json()
    assert [(one["row"], one["rule"]) for one in answer["problems"]] == [(3, "own_company")]
    assert stewards.send("exposures", body).json()["failed"] == 0


def test_without_the_table_that_tells_the_company_rows_of_one_steward_fail(
    tmp_path: Path, make_client: "MakeClient"
) -> None:
    stewards = open_intake(tmp_path, make_client)
    (stewards.home / "checked" / "good" / "exposures.parquet").unlink()
    answer = stewards.send("payments", PAYMENTS, key=stewards.org05).json()
    assert answer["good"] == 0
    whole = stewards.send("payments", PAYMENTS).json()
    assert whole["quality"]["level"] == "fallback"
    assert whole["quality"]["notes"][0]["code"] == "reference_not_checked"


def test_uploads_of_other_companies_are_unknown(stewards: Stewards) -> None:
    upload = stewards.send("payments", PAYMENTS, mode="take").json()["upload_id"]
    assert stewards.get(f"/v1/intake/uploads/{upload}", stewards.org05).status_code == 404
    assert stewards.get(f"/v1/intake/uploads/{upload}/failed.xlsx", stewards.org05).status_code == 404
    assert stewards.get("/v1/intake/uploads", stewards.org05).json()["uploads"] == []
    # The same file is refused for another steward too, without saying whose it was.
    again = stewards.send("payments", PAYMENTS, mode="take", key=stewards.org05)
    assert again.status_code == 409
    assert upload not in again.text


def test_rows_may_refer_to_what_was_taken_before(stewards: Stewards) -> None:
    head = "exposure_id,org_id,party_id,business_line,principal,annual_rate,start_on,maturity_on,repayment,collateral_kind,"
    head += "collateral_value,known_at\n"
    exposures = head + "X9,ORG-05,P1,leasing,1000,0.05,2025-01-01,2027-01-01,bullet,,,2025-01-02\n"
    assert stewards.send("exposures", exposures.encode(), mode="take").status_code == 200
    answer = stewards.send("payments", PAYMENTS).json()
    assert (3, "exposure_id") not in {(one["row"], one["column"]) for one in answer["problems"]}
    assert answer["good"] == 3


def test_personal_cells_are_masked_in_answers_and_left_out_of_records(stewards: Stewards) -> None:
    body = (
        "party_id,kind,name,credit_code,id_hash,industry,province,size,ownership,founded_on,registered_capital,"
        "paid_in_capital,employees,listed,valid_from,known_at\n"
        "P7,person,王小明,,37010219900101123X,,,,,,,,,,2025-01-01,2025-01-02\n"
    ).encode()
    answer = stewards.send("parties", body)
    assert "37010219900101123X" not in answer.text
    assert "王小明" not in answer.text
    problem = next(one for one in answer.json()["problems"] if one["column"] == "id_hash")
    assert problem["value"] == "***"


def test_what_cannot_be_recorded_is_not_taken(stewards: Stewards, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise LedgerUnavailableError("full")

    monkeypatch.setattr(UploadStore, "add", fail)
    assert stewards.send("payments", PAYMENTS, mode="take").status_code == 503
    assert stewards.get("/v1/intake/uploads").json()["uploads"] == []
    monkeypatch.undo()
    assert stewards.send("payments", PAYMENTS, mode="take").status_code == 200


def test_an_upload_whose_commit_was_lost_keeps_the_files_that_its_record_names(
    stewards: Stewards, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = Ledger.append

    def lost(self: Ledger, records: Sequence[Mapping[str, Json]], *, beside: Beside | None = None) -> None:
        append(self, records, beside=beside)
        raise LedgerUnavailableError("connection lost during the commit")

    monkeypatch.setattr(Ledger, "append", lost)
    assert stewards.send("payments", PAYMENTS, mode="take").status_code == 503
    monkeypatch.undo()
    again = stewards.send("payments", PAYMENTS, mode="take")
    (taken,) = stewards.get("/v1/intake/uploads").json()["uploads"]
    assert again.status_code == 409
    assert taken["upload_id"] in again.json()["detail"]
    assert len(stewards.files()) == 2
    assert stewards.get(f"/v1/intake/uploads/{taken['upload_id']}/failed.xlsx").status_code == 200


def test_an_upload_that_another_was_faster_with_leaves_no_files(
    stewards: Stewards, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert stewards.send("payments", PAYMENTS, mode="take").status_code == 200
    before = stewards.files()
    monkeypatch.setattr(UploadStore, "refuse_twice", lambda *_: None)
    assert stewards.send("payments", PAYMENTS, mode="take").status_code == 409
    assert stewards.files() == before


def test_an_upload_that_the_disk_has_no_room_for_is_not_taken(
    stewards: Stewards, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("serving.intake.desk.make_durable", full)
    refused = stewards.send("payments", PAYMENTS, mode="take")
    assert (refused.status_code, refused.json()["type"]) == (503, "urn:zhiheng:problem:no-room")
    assert stewards.files() == []


def test_files_and_their_names_are_on_disk_before_the_record_that_names_them(
    stewards: Stewards, monkeypatch: pytest.MonkeyPatch
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
    assert stewards.send("payments", PAYMENTS, mode="take").status_code == 200
    folder = (stewards.home / "intake").resolve()
    kept = {folder / name for name in stewards.files()}
    assert {folder.parent, folder, folder / "payments", *kept} <= at_record[-1]


def test_what_took_too_long_is_not_taken(stewards: Stewards, tmp_path: Path) -> None:
    database = Database(stewards.home / "ledger.db")
    database.open()
    uploads, ledger = UploadStore(database, stewards.home / "intake"), Ledger(database)
    desk = IntakeDesk(
        IntakeChecker(stewards.home / "checked" / "good", uploads, TableLimits(rows=100)),
        uploads,
        ledger,
        clock=lambda: NOW,
        new_id=lambda: "12345678abcdef",
        problems_shown=10,
    )
    path = tmp_path / "sent.csv"
    path.write_bytes(PAYMENTS)
    caller = Caller(Call("request", "key", ("steward",)), "steward", ("*",))
    file, rows = Spooled(path, len(PAYMENTS), "0" * 64), ledger.verify().rows
    for mode in IntakeMode:
        with pytest.raises(IntakeAbandonedError):
            desk.hand_in("payments", file, TableKind.CSV, mode, caller, abandoned=lambda: True)
    assert (stewards.files(), ledger.verify().rows) == ([], rows)
    desk.hand_in("payments", file, TableKind.CSV, IntakeMode.TAKE, caller, abandoned=lambda: False)
    assert len(stewards.files()) == 2
    database.close()


def test_template_filled_in_is_taken_as_it_is(stewards: Stewards) -> None:
    answer = stewards.get("/v1/intake/templates/payments")
    assert answer.headers["Content-Type"] == XLSX
    header = (
        fastexcel.read_excel(answer.content)
        .load_sheet(0, header_row=None, dtypes="string")
        .to_polars()
        .row(0)
    )
    sheet = io.BytesIO()
    with xlsxwriter.Workbook(sheet, {"in_memory": True}) as book:
        page = book.add_worksheet("payments")
        page.write_row(0, 0, header)
        page.write_row(1, 0, ["PAY8", "X1", "2025-03-01", 12.5, "2025-03-02"])
        page.write_row(2, 0, ["=1+1", "X1", "2025-03-01", 0, "2025-03-02"])
    found = stewards.send("payments", sheet.getvalue(), kind=XLSX, mode="take").json()
    assert (found["good"], found["failed"]) == (1, 1)


def test_parquet_is_taken_and_its_rows_count_from_one(stewards: Stewards) -> None:
    frame = pl.DataFrame(
        [{"payment_id": "PAY1", "exposure_id": "X1", "paid_on": date(2025, 3, 1), "amount": amount,
          "known_at": date(2025, 3, 2)} for amount in (1.0,)] +
        [{"payment_id": "PAY2", "exposure_id": "X1", "paid_on": date(2025, 3, 1), "amount": -1.0,
          "known_at": date(2025, 3, 2)}]
    )  # fmt: skip
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    answer = stewards.send("payments", buffer.getvalue(), kind=PARQUET).json()
    assert (answer["good"], [one["row"] for one in answer["problems"]]) == (1, [2])


@pytest.mark.parametrize(
    ("sent", "status", "words"),
    [
        (("nothing", PAYMENTS, CSV), 404, "no table 'nothing'"),
        (("payments", b"payment_id,amount\nPAY1,1\n", CSV), 422, "exposure_id"),
        (("payments", b"", CSV), 422, "empty"),
        (("payments", b"PK\x03\x04 no workbook", XLSX), 422, "cannot be used"),
        (("payments", b"PAR1 no parquet", PARQUET), 422, "cannot be used"),
        (("payments", PAYMENTS, "application/json"), 415, "Content-Type"),
    ],
)
def test_files_that_are_no_such_table_are_refused_with_the_remedy(
    stewards: Stewards, sent: tuple[str, bytes, str], status: int, words: str
) -> None:
    table, body, kind = sent
    answer = stewards.send(table, body, kind=kind, mode="take")
    assert answer.status_code == status
    assert words in answer.json()["detail"]
    assert str(stewards.home) not in answer.text
    assert stewards.files() == []


def test_larger_files_and_more_rows_than_allowed_get_413(tmp_path: Path, make_client: "MakeClient") -> None:
    stewards = open_intake(tmp_path, make_client, intake_rows_limit=4, intake_body_limit_bytes=400)
    assert stewards.send("payments", PAYMENTS).status_code == 413
    assert stewards.send("payments", PAYMENTS + b"x" * 400).status_code == 413
    assert stewards.files() == []


def test_only_stewards_hand_in(stewards: Stewards) -> None:
    officer = make_planner(stewards.home, "*", roles=(Role.RISK_OFFICER,), name="officer")
    assert stewards.send("payments", PAYMENTS, key=officer).status_code == 403
    assert stewards.get("/v1/intake/uploads", officer).status_code == 403
    auditor = make_planner(stewards.home, "*", roles=(Role.AUDITOR,), name="auditor")
    assert stewards.get("/v1/intake/uploads", auditor).status_code == 200
