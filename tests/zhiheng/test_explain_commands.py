"""`zhiheng credit reasons | what-if | next-grade`: on a published model, in both languages, with errors that name the cause."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import typer
from typer.testing import CliRunner

from features.credit.standing import Standing
from graph.errors import UnknownPartyError
from models.bundle import write_bundle
from models.credit.booster import BoosterSettings, Design
from models.credit.grade import group_master_scale
from models.credit.learn import learn_credit_model
from models.credit.model import FAMILY, load_credit_model
from models.errors import WhatIfError
from zhiheng.commands import explain
from zhiheng.errors import NothingToExplainError

Run = Callable[..., str]
NAMES = ("leverage", "days_past_due", "cash_ratio", "age_years")
ROWS = 900


def _parties(rows: int, seed: int) -> np.ndarray:
    r = np.random.default_rng(seed)
    late = np.where(r.random(rows) < 0.7, 0, r.integers(1, 90, rows))
    return np.column_stack(
        [r.uniform(0.2, 1.0, rows), late, r.exponential(0.4, rows), r.uniform(1, 30, rows)]
    ).astype(float)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home with a champion, learnt from four features, and the newest features of its parties."""
    home = tmp_path_factory.mktemp("home")
    x = _parties(ROWS, 1)
    logit = 4 * x[:, 0] + 0.06 * x[:, 1] - 1.5 * x[:, 2] - 4.0
    y = (np.random.default_rng(2).random(ROWS) < 1 / (1 + np.exp(-logit))).astype(float)
    signs = {"leverage": 1, "days_past_due": 1, "cash_ratio": -1}
    model = learn_credit_model(
        Design(x, y, NAMES, monotone=signs),
        groups=np.arange(ROWS),
        settings=BoosterSettings(rounds=40, bags=1, learning_rate=0.1),
        scale=group_master_scale(),
        seed=1,
        num_threads=1,
        folds=3,
    ).model
    models, features = home / "models" / "credit", home / "features"
    write_bundle(
        models / "m1",
        model.files(),
        family=FAMILY,
        features=model.features,
        seed=1,
        data_hash="d",
        code_version="c",
    )
    (models / "champion.json").write_text(json.dumps({"version": "m1", "folder": "m1", "registered": "1"}))
    features.mkdir()
    latest = pl.DataFrame(_parties(300, 3), schema=list(NAMES)).with_columns(
        pl.format("P{}", pl.int_range(pl.len())).alias("party_id"),
        pl.lit(date(2025, 12, 31)).alias("as_of"),
        pl.lit(Standing.AT_RISK.value).alias("standing"),
    )
    latest.write_parquet(features / "credit_latest.parquet")
    return home


@pytest.fixture
def run(published: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs the three commands and returns what they printed."""
    monkeypatch.setenv("ZHIHENG_HOME", str(published))
    monkeypatch.setenv("ZHIHENG_LANG", "en")
    app = typer.Typer()
    app.command("reasons")(explain.reasons)
    app.command("what-if")(explain.what_if)
    app.command("next-grade")(explain.next_grade)

    def invoke(*words: str) -> str:
        result = CliRunner().invoke(app, list(words))
        if isinstance(result.exception, Exception):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.output

    return invoke


def riskiest(home: Path) -> tuple[str, float]:
    model = load_credit_model(home / "models" / "credit" / "m1")
    latest = pl.read_parquet(home / "features" / "credit_latest.parquet")
    scored = latest.with_columns(pl.Series("pd", model.score(latest).pd)).sort("pd")
    return str(scored.item(-1, "party_id")), float(scored.item(-1, "pd"))


def test_reasons_give_the_models_pd_and_sums_that_add_up(run: Run, published: Path) -> None:
    party, pd = riskiest(published)
    text = run("reasons", party, "--top", "2")
    assert f"Probability of default {pd:.2%}" in text
    rows = [line.strip().split(": ")[1].split(" ") for line in text.splitlines() if line.startswith("  ")]
    hundredths = [round(100 * float(row[0])) for row in rows]
    assert sum(hundredths[:-1]) == hundredths[-1]
    points = [int(row[1].strip("()")) for row in rows]
    assert sum(points[:-1]) == points[-1]
    assert text.count("the probability of default (log-odds") == 2


def test_letter_holds_only_what_raises_the_pd(run: Run, published: Path) -> None:
    text = run("reasons", riskiest(published)[0], "--letter")
    assert text.strip()
    assert "lowers" not in text
    assert "log-odds" not in text


def test_reasons_speak_chinese(run: Run, published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZHIHENG_LANG", "zh")
    assert "推高违约概率" in run("reasons", riskiest(published)[0])


def test_what_if_scores_the_changed_inputs(run: Run, published: Path) -> None:
    party, pd = riskiest(published)
    text = run("what-if", party, "--set", "leverage=0.3", "--set", "days_past_due=0")
    assert f"goes from {pd:.2%} to " in text
    assert "to 30.0%" in text
    assert "no promise of cause and effect" in text
    assert "unknown (no data)" in run("what-if", party, "--set", "leverage=")


def test_next_grade_tells_a_way_or_that_there_is_none(run: Run, published: Path) -> None:
    text = run("next-grade", riskiest(published)[0])
    assert "the grade goes from" in text or "no change was found" in text
    assert "no promise of cause and effect" in text


@pytest.mark.parametrize("word", ["leverage", "=0.5", "leverage=much", "leverage=nan"])
def test_change_that_cannot_be_read_is_shown(run: Run, word: str) -> None:
    with pytest.raises(WhatIfError, match="feature=value"):
        run("what-if", "P1", "--set", word)


def test_unknown_party_and_feature_are_named(run: Run) -> None:
    with pytest.raises(UnknownPartyError, match="P999"):
        run("reasons", "P999")
    with pytest.raises(WhatIfError, match="leverag'"):
        run("what-if", "P1", "--set", "leverag=0.5")


def test_home_without_champion_says_what_to_run(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZHIHENG_HOME", str(tmp_path))
    with pytest.raises(NothingToExplainError, match="zhiheng train credit"):
        run("next-grade", "P1")
