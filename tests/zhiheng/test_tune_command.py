"""`zhiheng tune credit` hands its options to the job and names what is missing."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from experiments.errors import ConfError, MissingPanelError
from experiments.tune_credit import TuneCredit
from zhiheng.commands.tune import tune_app


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ZHIHENG_HOME", str(tmp_path))
    return tmp_path


def test_options_win_over_the_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[TuneCredit] = []
    monkeypatch.setattr(TuneCredit, "run", lambda job, _say: ran.append(job))
    found = CliRunner().invoke(tune_app, ["credit", "--trials", "3", "--seconds", "90", "--seed", "5"])
    assert found.exit_code == 0, found.output
    (job,) = ran
    assert (job.trials, job.seconds, job.seed) == (3, 90.0, 5)
    assert job.panel == home / "features" / "credit_panel.parquet"
    assert job.out == home / "models" / "tuned_credit.toml"
    CliRunner().invoke(tune_app, ["credit", "--out", str(home / "mine.toml")])
    assert (ran[1].trials, ran[1].seconds, ran[1].out) == (40, None, home / "mine.toml")


def test_a_home_without_a_panel_and_a_file_without_sense_are_named(home: Path) -> None:
    found = CliRunner().invoke(tune_app, ["credit"])
    assert isinstance(found.exception, MissingPanelError)
    conf = home / "tune.toml"
    conf.write_text("trials = 0\n")
    found = CliRunner().invoke(tune_app, ["credit", "--conf", str(conf)])
    assert isinstance(found.exception, ConfError)
    assert found.exception.key == "trials"
