"""What a killed process left of uploads goes by its age; what is recorded, or may still be somebody's, stays."""

import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import insert

from serving.intake.cleaning import IntakeCleaning
from serving.intake.uploads import UploadStore
from serving.ledger.database import Database
from serving.ledger.errors import LedgerUnavailableError
from serving.ledger.tables import intake_uploads

if TYPE_CHECKING:
    from tests.serving.conftest import MakeClient, World

NOW = 1_800_000_000.0
HOUR = 3600.0


def put(path: Path, *, age: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    os.utime(path, (NOW - age, NOW - age))
    return path


def record(database: Database, upload_id: str) -> None:
    row = {
        column.name: 0 if column.type.python_type is int else "[]"
        for column in intake_uploads.c
        if not column.nullable
    }
    with database.writing() as connection:
        connection.execute(insert(intake_uploads).values(**{**row, "upload_id": upload_id}))


def cleaning(database: Database, folder: Path, now: list[float]) -> IntakeCleaning:
    store = UploadStore(database, folder)
    return IntakeCleaning(store, folder / "spool", after=timedelta(hours=1), clock=lambda: now[0])


def test_old_bodies_and_files_without_a_record_go_and_the_rest_stays(
    database: Database, tmp_path: Path
) -> None:
    folder = tmp_path / "intake"
    record(database, "u1")
    cut, arriving = put(folder / "spool" / "a.csv", age=2 * HOUR), put(folder / "spool" / "b.csv", age=60)
    kept = [put(folder / "payments" / name, age=9 * HOUR) for name in ("u1.parquet", "u1.failed.parquet")]
    orphan, fresh = (
        put(folder / "payments" / "u2.parquet", age=2 * HOUR),
        put(folder / "payments" / "u3.parquet", age=60),
    )
    cleaning(database, folder, [NOW]).look()
    assert [path.exists() for path in (cut, arriving, *kept, orphan, fresh)] == [
        False,
        True,
        True,
        True,
        False,
        True,
    ]
    (aside,) = (folder / "unrecorded").iterdir()
    assert aside.name.endswith("-u2.parquet")


def test_files_set_aside_go_a_month_later(database: Database, tmp_path: Path) -> None:
    folder, now = tmp_path / "intake", [NOW]
    put(folder / "payments" / "u2.parquet", age=2 * HOUR)
    found = cleaning(database, folder, now)
    for days, left in ((0, 1), (29, 1), (31, 0)):
        now[0] = NOW + days * 24 * HOUR
        found.look()
        assert len(list((folder / "unrecorded").iterdir())) == left


def test_without_the_database_no_taken_file_is_touched(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "intake"
    orphan = put(folder / "payments" / "u2.parquet", age=2 * HOUR)

    def away(_: UploadStore) -> frozenset[str]:
        raise LedgerUnavailableError("away")

    found = cleaning(database, folder, [NOW])
    with monkeypatch.context() as patch:
        patch.setattr(UploadStore, "ids", away)
        found.look()
    assert orphan.exists()
    found.look()
    assert not orphan.exists(), "looked again at once, not after an hour"


def test_service_cleans_up_when_it_starts(world: "World", make_client: "MakeClient") -> None:
    cut = put(world.home / "intake" / "spool" / "a.csv", age=NOW - HOUR)  # of 1970
    make_client(world.home, world.officer)
    assert not cut.exists()
