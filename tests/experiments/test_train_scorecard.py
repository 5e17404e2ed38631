"""Training the scorecard on a panel: judged out of time, signs kept, the folder reads back."""

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from experiments.errors import MissingPanelError, SplitError
from experiments.learn_panel import signs
from experiments.train_scorecard import TrainedScorecard, TrainScorecard
from features.catalogue import catalogue
from models.credit.scorecard.folder import load_scorecard
from models.credit.scorecard.table import read_table, scorecard_of_table
from models.errors import BundleError, ScorecardError
from zhiheng.commands.scorecard import app


def panel(parties: int = 150, months: int = 30) -> pl.DataFrame:
    """Return a panel in which days past due and leverage tell who defaults, and all other features are noise."""
    rng = np.random.default_rng(5)
    ends = pl.date_range(date(2022, 1, 31), date(2026, 1, 31), "1mo", eager=True).dt.month_end()[:months]
    rows = parties * months
    strength = np.repeat(rng.normal(size=parties), months)
    columns = {
        card.name: rng.normal(size=rows).round(1) + (card.name == "leverage") * strength
        for card in catalogue("credit")
    }
    columns["days_past_due"] = rng.poisson(np.exp(strength)).astype(float)
    risk = 1.3 * strength + 0.3 * columns["days_past_due"] - 3.0
    return pl.DataFrame(
        {
            "party_id": np.repeat([f"P{i}" for i in range(parties)], months),
            "as_of": pl.concat([ends] * parties),
            "label": (rng.random(rows) < 1 / (1 + np.exp(-risk))).astype(np.int8),
            **columns,
        }
    )


def train(folder: Path, **changed: object) -> TrainedScorecard:
    settings = {
        "panel": folder / "panel.parquet", "out": folder / "card", "code_version": "test",
        "as_of": date(2026, 6, 1), "seed": 3, **changed,
    }  # fmt: skip
    return TrainScorecard.model_validate(settings).run(lambda _zh, _en: None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("scorecard")
    panel().write_parquet(home / "panel.parquet")
    return home


@pytest.fixture(scope="module")
def trained(folder: Path) -> TrainedScorecard:
    return train(folder)


def test_what_tells_defaults_is_found_and_judged_out_of_time(trained: TrainedScorecard) -> None:
    strong = sorted(trained.scorecard.terms, key=lambda term: -term.coefficient * term.iv)[:2]
    assert {term.name for term in strong} == {"days_past_due", "leverage"}
    assert trained.metrics["auc"] > 0.7
    assert trained.metrics["auc_low"] < trained.metrics["auc"] < trained.metrics["auc_high"]
    assert abs(trained.metrics["mean_pd"] - trained.metrics["observed_rate"]) < 0.05


def test_the_signs_of_the_field_are_kept(trained: TrainedScorecard) -> None:
    known = signs()
    of_known = [term for term in trained.scorecard.terms if term.name in known]
    assert of_known
    for term in of_known:
        assert term.direction == known[term.name]


def test_the_folder_holds_the_card_in_three_forms(folder: Path, trained: TrainedScorecard) -> None:
    assert load_scorecard(folder / "card") == trained.scorecard
    assert scorecard_of_table(read_table(folder / "card" / "scorecard.csv")) == trained.scorecard
    sql = (folder / "card" / "scorecard.sql").read_text(encoding="utf-8")
    assert sql.startswith('SELECT "party_id", "as_of", log_odds')
    assert trained.bundle.manifest.features == trained.scorecard.features
    assert trained.bundle.manifest.training_window == (date(2022, 1, 31), date(2024, 6, 30))


def test_a_changed_card_is_refused(folder: Path, trained: TrainedScorecard, tmp_path: Path) -> None:
    for name, content in (
        ("manifest.json", None),
        ("scorecard.json", b"{}"),
        ("scorecard.sql", None),
        ("scorecard.csv", None),
    ):
        (tmp_path / name).write_bytes(content or (trained.bundle.folder / name).read_bytes())
    with pytest.raises(BundleError, match=r"scorecard\.json"):
        load_scorecard(tmp_path)


def test_no_panel_and_too_few_months_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingPanelError):
        train(tmp_path)
    with pytest.raises(SplitError):
        train(folder, out=tmp_path / "card", test_months=30)


@pytest.mark.parametrize(("form", "start"), [("json", "{"), ("sql", "SELECT"), ("csv", "term,name")])
def test_export_writes_the_form_asked_for(
    folder: Path, trained: TrainedScorecard, tmp_path: Path, form: str, start: str
) -> None:
    out = tmp_path / "deep" / f"card.{form}"
    words = ["export", "--model", str(trained.bundle.folder), "--format", form, "--out", str(out)]
    result = CliRunner().invoke(app, words, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert out.read_text(encoding="utf-8").startswith(start)


def test_export_refuses_a_form_it_does_not_know(trained: TrainedScorecard, tmp_path: Path) -> None:
    words = [
        "export",
        "--model",
        str(trained.bundle.folder),
        "--format",
        "pmml",
        "--out",
        str(tmp_path / "x"),
    ]
    with pytest.raises(ScorecardError, match="pmml"):
        CliRunner().invoke(app, words, catch_exceptions=False)
    assert not (tmp_path / "x").exists()
