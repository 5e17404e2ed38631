"""Orders about models are given without the service, by the same rules, into the same chain."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from serving.champions.errors import RegistryAwayError, UnknownVersionError
from serving.champions.follow_thread import holding
from serving.ledger.chain import Ledger
from serving.ledger.database import Database
from tests.serving.champions.conftest import Operations
from tests.serving.conftest import World, free_port
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


def test_list_names_what_cannot_be_read(order: Callable[..., str], tmp_path: Path) -> None:
    for folder in ("models/scorecard", "forecasts/run-0"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "models" / "scorecard" / "manifest.json").write_text("{")
    (tmp_path / "forecasts" / "run-0" / "run.json").write_text("{")
    told = order("list")
    assert told.count("scorecard") == told.count("run-0") == 1


def test_every_order_is_a_command() -> None:
    names = {
        command.name or command.callback.__name__
        for command in models.app.registered_commands
        if command.callback
    }
    assert names == {"list", "kill", "restore", "rollback", "challenge", "follow"}


@pytest.fixture
def at_home(
    operations: Operations, world: World, monkeypatch: pytest.MonkeyPatch, order: Callable[..., str]
) -> Operations:
    """The service after its second champion was taken up; orders go to its home."""
    monkeypatch.setenv("ZHIHENG_HOME", str(world.home))
    return operations


def test_rollback_goes_to_the_version_before_and_the_service_follows(
    at_home: Operations, order: Callable[..., str]
) -> None:
    told = order("rollback", "credit", "--reason", "drill")
    assert f"rolled_back, {at_home.first} answers (before: {at_home.second})" in told.replace("\n", " ")
    at_home.client.deployment.parts.refresh()
    assert at_home.score().json()["model_version"] == at_home.first


def test_rollback_to_a_version_that_is_not_here_is_refused(
    at_home: Operations, order: Callable[..., str]
) -> None:
    with pytest.raises(UnknownVersionError):
        order("rollback", "credit", "--version", "credit-nowhere", "--reason", "drill")
    assert at_home.score().json()["model_version"] == at_home.second


def test_challenge_lets_a_version_answer_beside_the_champion(
    at_home: Operations, order: Callable[..., str]
) -> None:
    order("challenge", "credit", at_home.first, "--reason", "trial")
    at_home.client.deployment.parts.refresh()
    challenger = at_home.client.deployment.parts.credit.challenger
    assert challenger is not None
    assert challenger.model.version == at_home.first
    assert at_home.score().json()["model_version"] == at_home.second


def test_follow_needs_a_server_to_follow(order: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ZHIHENG_MLFLOW_URI", raising=False)
    with pytest.raises(RegistryAwayError):
        order("follow", "--once")


def test_follow_says_that_the_server_is_away(
    order: Callable[..., str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ZHIHENG_MLFLOW_URI", f"http://127.0.0.1:{free_port()}")
    assert "MLflow is away" in order("follow", "--once")
    with holding(tmp_path / "models") as ours:
        assert ours, "the command gave the lock back"
        assert "Another process of this host follows" in order("follow", "--once").replace("\n", " ")
