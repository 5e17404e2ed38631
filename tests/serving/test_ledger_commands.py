"""The ledger from the command line: compute a decision again, export, prune, and the same on PostgreSQL."""

import getpass
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest
from typer.testing import CliRunner

from graph.errors import UserError
from serving.access.command_line import command_line_caller
from serving.decisions.reading import Asked, DecisionReader
from serving.ledger.chain import Ledger
from serving.ledger.database import Database
from tests.serving.databases import Place
from zhiheng.commands.keys import keys_app
from zhiheng.commands.ledger import ledger_app

if TYPE_CHECKING:
    from tests.serving.conftest import Client, World

RUN = CliRunner()
OLD = datetime.now(UTC) - timedelta(days=400)


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZHIHENG_HOME", str(tmp_path))
    monkeypatch.setenv("ZHIHENG_LANG", "en")
    monkeypatch.setenv("COLUMNS", "500")


@pytest.fixture
def chosen(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Have the commands use a database of each kind."""
    if place.url is not None:
        monkeypatch.setenv("ZHIHENG_DATABASE_URL", place.url)
    assert place.path.parent == tmp_path
    return place


def filled(database: Database) -> Ledger:
    ledger = Ledger(database)
    days = (0, 1, *range(100, 400, 9), 400)
    ledger.append(
        [
            {
                "decision_id": f"d{day}",
                "recorded_at": (OLD + timedelta(days=day)).isoformat(),
                "companies": ["*"],
            }
            for day in days
        ]
    )
    return ledger


def test_pruned_ledger_and_its_archive_are_verified(
    chosen: Place, database: Database, tmp_path: Path
) -> None:
    ledger = filled(database)
    before = (OLD + timedelta(days=50)).date().isoformat()
    done = RUN.invoke(ledger_app, ["prune", "--before", before, "--by", "Li Operations"])
    assert done.exit_code == 0, done.output
    assert "Pruned 2 decisions" in done.stdout
    holds = RUN.invoke(ledger_app, ["verify", "--archives", str(tmp_path / "archive")])
    assert holds.exit_code == 0
    assert "The archives hold: 2 decisions" in holds.stdout
    assert f"The ledger holds: 38 decisions, head {ledger.verify().head}" in holds.stdout
    assert "The first 2 of them lie in archives" in holds.stdout
    (archive,) = (tmp_path / "archive").iterdir()
    archive.write_bytes(archive.read_bytes() + b"x")
    broken = RUN.invoke(ledger_app, ["verify", "--archives", str(tmp_path / "archive")])
    assert isinstance(broken.exception, UserError)
    assert "it was changed" in broken.exception.en
    again = RUN.invoke(ledger_app, ["prune", "--before", before, "--by", "Li Operations"])
    assert "nothing to prune" in again.stdout
    assert chosen.kind in ("sqlite", "postgresql")


def test_young_decisions_are_not_pruned_whoever_asks(chosen: Place, database: Database) -> None:
    filled(database)
    today = datetime.now(UTC).date().isoformat()
    refused = RUN.invoke(ledger_app, ["prune", "--before", today, "--by", "Li"])
    assert isinstance(refused.exception, UserError)
    assert "last 180 days" in refused.exception.en
    assert "180 天内" in refused.exception.zh
    nobody = RUN.invoke(ledger_app, ["prune", "--before", "2020-01-01", "--by", " "])
    assert isinstance(nobody.exception, UserError)
    assert "--by" in nobody.exception.zh
    assert RUN.invoke(ledger_app, ["prune", "--before", "2020-01-01"]).exit_code == 2
    assert chosen.kind in ("sqlite", "postgresql")


def test_keys_are_made_in_the_database_that_is_set(chosen: Place, database: Database, tmp_path: Path) -> None:
    made = RUN.invoke(keys_app, ["create", "--name", "ops", "--role", "operator"])
    assert made.exit_code == 0, made.output
    with database.reading() as connection:
        assert connection.exec_driver_sql("SELECT name FROM api_keys").scalar_one() == "ops"
    assert (tmp_path / "ledger.db").exists() == (chosen.kind == "sqlite")


def test_password_of_the_address_is_never_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZHIHENG_DATABASE_URL", "postgresql://someone:geheim@127.0.0.1:1/none")
    failed = RUN.invoke(ledger_app, ["verify"])
    assert isinstance(failed.exception, UserError)
    assert "PostgreSQL cannot be reached" in failed.exception.en
    assert "geheim" not in f"{failed.output}{failed.exception!r}{failed.exception.zh}"


def test_decision_is_computed_again_and_that_is_written_down(client: "Client", world: "World") -> None:
    body = client.score({"party_id": "P0000000"}).json()
    replayed = RUN.invoke(ledger_app, ["replay", body["decision_id"], "--by", "auditor"])
    assert replayed.exit_code == 0, replayed.output
    found = json.loads(replayed.stdout)
    assert (found["identical"], found["of_decision"]) == (True, body["decision_id"])
    assert world.home.exists()
    shown = json.loads(RUN.invoke(ledger_app, ["show", found["decision_id"]]).stdout)
    assert shown["route"] == "decisions/replay"
    assert (shown["key_id"], shown["os_user"], shown["name"]) == (
        "command-line",
        getpass.getuser(),
        "auditor",
    )


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_export_is_masked_and_written_down(
    client: "Client", world: "World", tmp_path: Path, ending: str
) -> None:
    client.score({"party_id": "P0000000"})
    out = tmp_path / f"taken.{ending}"
    done = RUN.invoke(ledger_app, ["export", str(out), "--by", "auditor"])
    assert done.exit_code == 0, done.output
    assert "Exported 1 decisions" in done.stdout
    assert out.stat().st_mode & 0o777 == 0o600
    if ending == "parquet":
        assert pl.read_parquet(out)["route"].to_list() == ["credit/score"]
    again = RUN.invoke(ledger_app, ["export", str(out)])
    assert isinstance(again.exception, UserError)
    assert "not overwritten" in again.exception.en
    database = Database(world.home / "ledger.db")
    ledger = Ledger(database)
    assert ledger.probe()[0] == 2
    reader, asked = DecisionReader(database, ledger), Asked(route="decisions/export")
    found = reader.newest(asked, command_line_caller("r", ["auditor"]), before=None, limit=1)
    record = found.decisions[0].record
    assert (record["key_id"], record["os_user"], record["name"]) == (
        "command-line",
        getpass.getuser(),
        "auditor",
    )
    wrong = RUN.invoke(ledger_app, ["export", str(tmp_path / "taken.txt")])
    assert wrong.exit_code == 2
