"""Scorecards on real data: as good as asked for, and the same rows scored the same by the database."""

import sqlite3
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from experiments.fit_scorecard import judge_scorecard
from experiments.validation import cut_rows
from features.cards.card import load_card
from features.cards.derive import fit_relations
from features.cards.read import LABEL, read_card_tables
from features.leaks import look_for_leaks
from models.credit.pair_choice import choose_pairs
from models.credit.points import load_point_scales
from models.credit.scorecard.learn import learn_scorecard
from models.credit.scorecard.settings import CANDIDATES
from models.credit.scorecard.sql import scorecard_sql

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("shared_data")]

CARDS = Path(__file__).resolve().parent


@pytest.mark.slow
def test_smesd_scorecard_with_the_graph() -> None:
    card = load_card(CARDS / "smesd.toml")
    tables = read_card_tables(card, label=True)
    splits = cut_rows(card, tables)
    leaks = look_for_leaks(card, tables, pl.Series(splits.final), pl.Series(splits.cuts[0].valid))
    judged = judge_scorecard(card, tables, splits, leaks, seed=7, resamples=50)
    assert judged.metrics["auc"].value >= 0.835


@pytest.mark.slow
def test_polish_scorecard_on_two_of_the_ten_folds() -> None:
    card = load_card(CARDS / "polish.toml")
    tables = read_card_tables(card, label=True)
    splits = cut_rows(card, tables)
    leaks = look_for_leaks(card, tables, pl.Series(splits.final))
    two = replace(splits, cuts=splits.cuts[:2])
    judged = judge_scorecard(card, tables, two, leaks, candidates=CANDIDATES[2:], seed=7, resamples=50)
    assert judged.mean_cut_auc >= 0.94
    assert judged.metrics["ece"].value < 0.02


def test_a_database_scores_polish_rows_as_the_card_does() -> None:
    card = load_card(CARDS / "polish.toml")
    tables = read_card_tables(card, label=True)
    train = pl.Series(cut_rows(card, tables).cuts[0].train)
    state, derived = fit_relations(card, tables, train, choose_pairs=choose_pairs)
    learnt = learn_scorecard(
        derived.frame.filter(train), tables.main[LABEL].to_numpy()[train.to_numpy()], features=state.features,
        signs={}, categorical=state.categorical, groups=None, settings=CANDIDATES[1], seed=7,
    )  # fmt: skip
    rows = derived.frame.select(learnt.features)
    assert rows.null_count().sum_horizontal().item() > 0
    base = sqlite3.connect(":memory:")
    base.create_function("EXP", 1, np.exp)
    names = ", ".join(f'"{name}"' for name in rows.columns)
    base.execute(f"CREATE TABLE applicants ({names})")
    base.executemany(f"INSERT INTO applicants VALUES ({', '.join('?' * rows.width)})", rows.rows())  # noqa: S608
    scored = base.execute(scorecard_sql(learnt, load_point_scales().scale[0], table="applicants")).fetchall()
    base.close()
    np.testing.assert_allclose([row[0] for row in scored], learnt.log_odds(rows), rtol=0, atol=1e-12)
