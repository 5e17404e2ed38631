"""Fitting a scorecard on any table: judged by the card's protocol, found signals, a folder that scores the same."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from experiments.errors import OutputFolderError
from experiments.fit_scorecard import FitScorecard, FittedScorecard
from features.cards.card import load_card
from features.cards.derive import derive
from features.cards.read import LABEL, read_card_tables
from features.cards.state import RelationalState
from models.credit.scorecard.folder import SCORECARD_FAMILY, load_scorecard
from models.credit.scorecard.settings import ScorecardSettings
from models.credit.scorecard.table import read_table, score_table
from tests.features.cards.conftest import CARD

Write = Callable[..., Path]
QUICK = (ScorecardSettings(folds=3),)
FOLDS = CARD.replace('split = "part"', "folds = { n = 3, seed = 1 }")


def fit(card: Path, out: Path, said: list[str] | None = None, *, force: bool = False) -> FittedScorecard:
    heard: list[str] = [] if said is None else said
    job = FitScorecard(
        card=card, out=out, code_version="test", as_of=date(2026, 6, 1), candidates=QUICK, seed=3, force=force,
        resamples=50, trained_by="chen",
    )  # fmt: skip
    return job.run(lambda zh, en: heard.append(f"{zh}|{en}"))


def test_a_card_of_relations_is_fitted_judged_and_written(write: Write, tmp_path: Path) -> None:
    said: list[str] = []
    fitted = fit(write(CARD), tmp_path / "model", said)
    assert fitted.judged.metrics["auc"].value > 0.7
    assert fitted.judged.mean_cut_auc == pytest.approx(fitted.judged.metrics["auc"].value)
    assert "ties.guarantees.out" in fitted.learned.scorecard.features
    assert any("AUC" in line and "评分卡" in line for line in said)
    manifest = fitted.bundle.manifest
    assert manifest.family == SCORECARD_FAMILY
    assert manifest.notes["trained_by"] == "chen", "who ran it may not approve it"
    assert manifest.metrics["auc"] == fitted.judged.metrics["auc"].value
    assert {"scorecard.json", "scorecard.sql", "scorecard.csv", "relations.json"} <= set(manifest.files)


def test_the_judged_pds_are_those_of_the_card_on_the_other_side(write: Write, tmp_path: Path) -> None:
    path = write(CARD)
    fitted = fit(path, tmp_path / "model")
    card = load_card(path)
    state = RelationalState.model_validate_json((tmp_path / "model" / "relations.json").read_bytes())
    frame = derive(card, read_card_tables(card, label=True), state).frame
    again = load_scorecard(tmp_path / "model").pd(frame)
    judged = ~np.isnan(fitted.judged.pd)
    assert 0 < judged.sum() < len(judged)
    assert (again[judged] == fitted.judged.pd[judged]).all()
    by_table = score_table(read_table(tmp_path / "model" / "scorecard.csv"), frame)
    assert (by_table == load_scorecard(tmp_path / "model").log_odds(frame)).all()


def test_folds_judge_every_row(write: Write, tmp_path: Path) -> None:
    path = write(FOLDS)
    fitted = fit(path, tmp_path / "model")
    assert np.isfinite(fitted.judged.pd).all()
    assert len(fitted.judged.cut_aucs) == len(fitted.judged.settings) == 3
    labels = read_card_tables(load_card(path), label=True).main[LABEL].to_numpy()
    assert abs(fitted.judged.pd.mean() - labels.mean()) < 0.05


def test_a_folder_of_other_things_is_not_replaced(write: Write, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("keep me")
    with pytest.raises(OutputFolderError, match="mine"):
        fit(write(CARD), tmp_path / "mine")
    assert fit(write(CARD), tmp_path / "mine", force=True).bundle.folder == tmp_path / "mine"


def test_same_tables_and_seed_write_the_same_card(write: Write, tmp_path: Path) -> None:
    first, second = fit(write(CARD), tmp_path / "a"), fit(write(CARD), tmp_path / "b")
    assert first.bundle.manifest.version == second.bundle.manifest.version
    frame = pl.DataFrame({name: [1.0] for name in first.learned.scorecard.features})
    assert first.learned.scorecard.log_odds(frame) == second.learned.scorecard.log_odds(frame)
