"""Scores of probabilities equal hand-worked examples and scikit-learn; corrections are learnt from the past alone."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss

from models.capacity.shortfall.calibration import (
    brier,
    brier_skill,
    calibration_error,
    climatology,
    reliability,
)
from models.capacity.shortfall.recalibration import Recalibration, learn_recalibration
from models.demand.series import FloatArray
from models.errors import ShortfallError

PAIRS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 1)), min_size=2, max_size=60)


@given(PAIRS)
@settings(max_examples=60)
def test_brier_is_scikit_learns(pairs: list[tuple[float, int]]) -> None:
    told, came = (np.array(one, dtype=np.float64) for one in zip(*pairs, strict=True))
    expected = brier_score_loss(np.append(came, [0, 1]), np.append(told, [0, 1]))
    assert brier(np.append(told, [0, 1]), np.append(came, [0, 1])) == pytest.approx(expected, abs=1e-12)


def test_scores_of_a_small_table() -> None:
    told, came = np.array([0.1, 0.1, 0.9, 0.7]), np.array([0, 0, 1, 0])
    assert brier(told, came) == pytest.approx((0.01 + 0.01 + 0.01 + 0.49) / 4)
    assert brier_skill(told, came, np.full(4, 0.25)) == pytest.approx(1 - 0.13 / 0.1875)
    assert calibration_error(told, came) == pytest.approx((2 * 0.1 + 0.1 + 0.7) / 4)
    table = reliability(told, came)
    assert table["bin"].to_list() == [1, 7, 9]
    assert table["count"].to_list() == [2, 1, 1]
    assert table["frequency"].to_list() == [0, 0, 1]
    assert (
        (table["low_90"] <= table["frequency"] + 1e-12) & (table["high_90"] >= table["frequency"] - 1e-12)
    ).all()


def test_a_certain_probability_falls_into_the_last_bin() -> None:
    assert reliability(np.array([1.0, 0.0]), np.array([1, 0]))["bin"].to_list() == [0, 9]


def test_probabilities_that_come_true_have_a_small_error_and_exaggerated_ones_a_large_one() -> None:
    told, came = _outcomes(20_000)
    assert calibration_error(told, came) < 0.02
    assert calibration_error(np.where(told > 0.5, 1.0, 0.0), came) > 0.2


def _outcomes(count: int, seed: int = 3) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    told = rng.uniform(0, 1, count)
    return told, (rng.uniform(0, 1, count) < told).astype(np.float64)


def test_climatology_knows_products_by_their_own_past_and_the_rest_by_all() -> None:
    history = pl.DataFrame({"product_id": ["a"] * 8 + ["b"] * 8, "outcome": [1] * 4 + [0] * 12})
    rates = climatology(history, pl.Series(["b", "a", "new"]))
    assert rates.tolist() == pytest.approx([2 / 16, 6 / 16, 0.25])
    assert climatology(history.clear(), pl.Series(["a"])).tolist() == [0.5]


@pytest.mark.parametrize(
    ("told", "came"), [([1.2], [1.0]), ([0.5], [0.5]), ([], []), ([0.5, 0.5], [1.0]), ([np.nan], [1.0])]
)
def test_what_is_no_probability_or_outcome_is_refused(told: list[float], came: list[float]) -> None:
    with pytest.raises(ShortfallError):
        brier(np.array(told), np.array(came))


def _backtest(cutoffs: int, overconfidence: float, each: int = 150) -> pl.DataFrame:
    told, came = _outcomes(cutoffs * each)
    odds = overconfidence * np.log(told / (1 - told))
    start = [date(2024, 1, 1) + timedelta(weeks=4 * (one // each)) for one in range(cutoffs * each)]
    return pl.DataFrame(
        {
            "cutoff": start,
            "week": [one + timedelta(days=7) for one in start],
            "probability": 1 / (1 + np.exp(-odds)),
            "outcome": came,
        }
    )


LATE = date(2030, 1, 1)


def test_overconfidence_is_unlearnt_and_more_so_with_more_cutoffs() -> None:
    few = learn_recalibration(_backtest(2, 2.0), before=LATE)
    many = learn_recalibration(_backtest(30, 2.0), before=LATE)
    assert 0.5 < many.slope < 0.6 < few.slope < 0.9
    told = np.linspace(0.02, 0.98, 30)
    exaggerated = 1 / (1 + np.exp(-2 * np.log(told / (1 - told))))
    assert np.abs(many.apply(exaggerated) - told).max() < 0.05


def test_sound_probabilities_stay_as_they_are() -> None:
    learnt = learn_recalibration(_backtest(30, 1.0), before=LATE)
    told = np.linspace(0, 1, 21)
    assert learnt.apply(told) == pytest.approx(told, abs=0.03)
    assert learnt.apply(np.array([0.0, 1.0])).tolist() == [0.0, 1.0]
    assert (np.diff(learnt.apply(told)) > 0).all()


def test_nothing_after_the_day_is_learnt_from() -> None:
    pairs, day = _backtest(12, 2.0), date(2024, 5, 6)
    learnt = learn_recalibration(pairs, before=day)
    tampered = pairs.with_columns(
        outcome=pl.when(pl.col("week") + pl.duration(days=7) > day)
        .then(1 - pl.col("outcome"))
        .otherwise(pl.col("outcome"))
    )
    assert learn_recalibration(tampered, before=day) == learnt
    assert learnt.cutoffs == 5
    assert learn_recalibration(pairs.sample(fraction=1.0, shuffle=True, seed=1), before=day) == learnt


def test_with_hardly_any_outcome_nothing_is_changed() -> None:
    pairs = _backtest(3, 2.0).with_columns(outcome=pl.lit(0.0))
    assert learn_recalibration(pairs, before=LATE).apply(np.array([0.3])).tolist() == pytest.approx([0.3])
    assert Recalibration().apply(np.array([0.3])).tolist() == pytest.approx([0.3])
    with pytest.raises(ShortfallError, match="lacks outcome"):
        learn_recalibration(pairs.drop("outcome"), before=LATE)
