"""Orders about models are given without the service, by the same rules, into the same chain."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from serving.ledger.chain import Ledger
from serving.ledger.database import Database
from zhiheng.cli import app
from zhiheng.commands import models

RUN = CliRunner()


@pytest.fixture
def order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    monkeypatch.setenv("ZHIHENG_HOME", str(tmp_path))
    monkeypatch.setenv("ZHIHENG_LANG", "en")

    def give(*words: str) -> str:
        result = RUN.invoke(app, ["--lang", "en", "models", *words], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    return give


def test_kill_list_and_restore(order: Callable[..., str], tmp_path: Path) -> None:
    assert "rules_only" in order("kill", "credit", "--reason", "drill")
    assert "rules_only" in order("list")
    assert "champion" in order("restore", "credit", "--reason", "over")
    database = Database(tmp_path / "ledger.db")
    found = Ledger(database).verify()
    database.close()
    assert (found.rows, found.broken) == (2, None)


def test_every_order_is_a_command() -> None:
    names = {
        command.name or command.callback.__name__
        for command in models.app.registered_commands
        if command.callback
    }
    assert names == {"list", "kill", "restore", "rollback", "challenge", "follow"}
