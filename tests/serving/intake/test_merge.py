"""Merging uploads into the checked tables: whole or not at all, repeatable, in the chain, and nothing lost from sight."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from features.checked_files import file_sha256
from features.contracts import CONTRACTS
from serving.access.command_line import command_line_caller
from serving.intake.errors import UploadFileError
from serving.intake.merge import IntakeMerge, MergedTable
from serving.intake.uploads import UploadStore
from serving.ledger.chain import Ledger
from serving.ledger.database import Database
from serving.ledger.errors import LedgerUnavailableError
from serving.ledger.tables import decisions
from tests.serving.intake.test_intake import PAYMENTS, Stewards, open_intake
from zhiheng.cli import app

if TYPE_CHECKING:
    from tests.serving.conftest import MakeClient

HEAD = PAYMENTS.splitlines()[0].decode()


@pytest.fixture
def stewards(tmp_path: Path, make_client: "MakeClient") -> Stewards:
    return open_intake(tmp_path, make_client)


@pytest.fixture
def database(stewards: Stewards) -> Iterator[Database]:
    database = Database(stewards.home / "ledger.db")
    database.open()
    yield database
    database.close()


def run(
    stewards: Stewards, database: Database, *, corrections: bool = False, write: bool = True
) -> dict[str, MergedTable]:
    uploads = UploadStore(database, stewards.home / "intake")
    numbers = iter(range(1000))
    done = IntakeMerge(stewards.home / "checked" / "good", uploads, Ledger(database)).run(
        only=None,
        corrections=corrections,
        write=write,
        caller=command_line_caller("merge-1", by="钱主管", user="ops1"),
        clock=lambda: datetime(2026, 11, 21, tzinfo=UTC),
        new_id=lambda: f"merge-{datetime.now(UTC).timestamp()}-{next(numbers)}",
    )
    return {one.table: one for one in done}


def checked(stewards: Stewards, table: str = "payments") -> dict[str, float]:
    frame = pl.read_parquet(stewards.home / "checked" / "good" / f"{table}.parquet")
    assert dict(frame.schema) == CONTRACTS[table].schema
    return dict(frame.select("payment_id", "amount").iter_rows())


def take(stewards: Stewards, *lines: str) -> str:
    body = "\n".join([HEAD, *lines]).encode()
    return str(stewards.send("payments", body, mode="take").json()["upload_id"])


def test_good_rows_reach_the_checked_table_and_merging_again_adds_none(
    stewards: Stewards, database: Database
) -> None:
    take(stewards, "PAY1,X1,2025-03-01,100,2025-03-02", "PAY2,X1,2025-03-01,50,2025-03-02")
    first = run(stewards, database)["payments"]
    assert (first.added, first.whole) == (2, True)
    assert checked(stewards) == {"PAY1": 100.0, "PAY2": 50.0}
    again = run(stewards, database)["payments"]
    assert (again.added, again.repeated, again.sha256) == (0, 2, None)


def test_a_row_of_a_known_key_is_left_out_unless_it_is_a_correction(
    stewards: Stewards, database: Database
) -> None:
    take(stewards, "PAY1,X1,2025-03-01,100,2025-03-02")
    run(stewards, database)
    take(stewards, "PAY1,X1,2025-03-01,99,2025-03-02")
    kept = run(stewards, database)["payments"]
    assert (kept.changed, kept.whole) == (1, False)
    assert checked(stewards) == {"PAY1": 100.0}
    report = stewards.home / "intake" / "merge" / "payments.changed.parquet"
    assert pl.read_parquet(report)["amount"].to_list() == [99.0]
    assert run(stewards, database, corrections=True)["payments"].whole
    assert checked(stewards) == {"PAY1": 99.0}
    assert not report.exists()


def files(*folders: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()}


def test_a_ledger_that_is_away_leaves_every_table_as_it_was(
    stewards: Stewards, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(stewards, "PAY1,X1,2025-03-01,100,2025-03-02")
    run(stewards, database)
    take(stewards, "PAY2,X1,2025-03-01,50,2025-03-02")
    good, report = stewards.home / "checked" / "good", stewards.home / "intake" / "merge"
    before = files(good, report)

    def away(*_: object, **__: object) -> None:
        raise LedgerUnavailableError("away")

    with monkeypatch.context() as broken:
        broken.setattr(Ledger, "append", away)
        with pytest.raises(LedgerUnavailableError):
            run(stewards, database)
    assert files(good, report) == before
    assert run(stewards, database)["payments"].added == 1
    assert checked(stewards) == {"PAY1": 100.0, "PAY2": 50.0}


def test_the_record_says_who_merged_and_what_the_tables_are_now(
    stewards: Stewards, database: Database
) -> None:
    take(stewards, "PAY1,X1,2025-03-01,100,2025-03-02")
    done = run(stewards, database)["payments"]
    with database.reading() as connection:
        newest = select(decisions.c.record).order_by(decisions.c.seq.desc()).limit(1)
        record = json.loads(connection.execute(newest).scalar_one())
    said = (record["route"], record["key_id"], record["os_user"], record["name"], record["request_id"])
    assert said == ("intake/merge", "command-line", "ops1", "钱主管", "merge-1")
    written = stewards.home / "checked" / "good" / "payments.parquet"
    assert record["answer"]["payments"]["sha256"] == done.sha256 == file_sha256(written)


def test_dry_run_writes_nothing(stewards: Stewards, database: Database) -> None:
    take(stewards, "PAY1,X1,2025-03-01,100,2025-03-02")
    rows = Ledger(database).verify().rows
    assert run(stewards, database, write=False)["payments"].added == 1
    assert not (stewards.home / "checked" / "good" / "payments.parquet").exists()
    assert Ledger(database).verify().rows == rows


def test_a_row_that_no_longer_refers_to_anything_is_refused_and_kept_aside(
    stewards: Stewards, database: Database
) -> None:
    take(stewards, "PAY1,X1,2025-03-01,100,2025-03-02", "PAY2,X2,2025-03-01,50,2025-03-02")
    path = stewards.home / "checked" / "good" / "exposures.parquet"
    pl.read_parquet(path).filter(pl.col("exposure_id") != "X2").write_parquet(path)
    done = run(stewards, database)["payments"]
    assert done.refused["payment_id"].to_list() == ["PAY2"]
    assert checked(stewards) == {"PAY1": 100.0}
    assert (stewards.home / "intake" / "merge" / "payments.refused.parquet").exists()


def test_an_upload_whose_file_was_changed_stops_the_merge(stewards: Stewards, database: Database) -> None:
    upload = take(stewards, "PAY1,X1,2025-03-01,100,2025-03-02")
    path = stewards.home / "intake" / "payments" / f"{upload}.parquet"
    pl.read_parquet(path).with_columns(amount=pl.lit(1e6)).write_parquet(path)
    with pytest.raises(UploadFileError, match=upload):
        run(stewards, database)
    assert not (stewards.home / "checked" / "good" / "payments.parquet").exists()


def test_the_chain_says_what_was_merged(stewards: Stewards, database: Database) -> None:
    take(stewards, "PAY1,X1,2025-03-01,100,2025-03-02")
    done = run(stewards, database)["payments"]
    with database.reading() as connection:
        text = connection.exec_driver_sql("SELECT record FROM decisions ORDER BY seq DESC").scalars().first()
    assert '"route":"intake/merge"' in str(text)
    assert str(done.sha256) in str(text)
    assert Ledger(database).verify().broken is None


def test_commands_list_and_merge(stewards: Stewards, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZHIHENG_HOME", str(stewards.home))
    upload = take(stewards, "PAY1,X1,2025-03-01,100,2025-03-02")
    listed = CliRunner().invoke(app, ["--lang", "en", "data", "uploads"])
    assert upload in listed.output
    merged = CliRunner().invoke(app, ["--lang", "en", "data", "merge"])
    assert merged.exit_code == 0, merged.output
    assert "payments: 1 rows added" in merged.output
    assert checked(stewards) == {"PAY1": 100.0}
    take(stewards, "PAY1,X1,2025-03-01,7,2025-03-02")
    left = CliRunner().invoke(app, ["--lang", "en", "data", "merge"])
    assert left.exit_code == 1
    assert "left out" in left.output
