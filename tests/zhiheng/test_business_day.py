"""Commands ask what is in force on the day of the business time zone, as the service does, wherever they run."""

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from graph.errors import UserError
from serving.access.keys import KeyStore
from serving.ledger.database import Database
from zhiheng.business_day import business_day
from zhiheng.commands.keys import keys_app

ZONES = ["Etc/GMT-14", "Etc/GMT+12"]  # 26 hours apart: never the same day


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("ZHIHENG_HOME", str(tmp_path))
    monkeypatch.setenv("TZ", "Etc/GMT+12")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("zone", ZONES)
def test_today_is_that_of_the_setting(monkeypatch: pytest.MonkeyPatch, zone: str) -> None:
    monkeypatch.setenv("ZHIHENG_WORK_ZONE", zone)
    before = datetime.now(ZoneInfo(zone)).date()
    found: date = business_day()
    assert before <= found <= datetime.now(ZoneInfo(zone)).date()


def test_a_setting_of_the_service_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZHIHENG_WORK_ZONE", "Etc/Nowhere")
    with pytest.raises(UserError, match="ZHIHENG_WORK_ZONE") as told:
        business_day()
    assert "Nowhere" not in told.value.en


def test_a_key_ends_with_its_day_in_the_business_time_zone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZHIHENG_WORK_ZONE", "Asia/Shanghai")
    made = CliRunner().invoke(
        keys_app, ["create", "--name", "a", "--role", "planner", "--expires", "2999-12-31"]
    )
    assert made.exit_code == 0, made.output
    database = Database(tmp_path / "ledger.db")
    (key,) = KeyStore(database).all()
    database.close()
    assert key.expires_at is not None
    assert datetime.fromisoformat(key.expires_at) == datetime(2999, 12, 31, 16, tzinfo=UTC)
