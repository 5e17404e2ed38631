"""Metrics agree with other implementations and with hand-made cases; intervals cover and respect groups."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, roc_auc_score, roc_curve

from experiments.errors import SplitError
from experiments.metrics import evaluate, flat


def sample(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    r = np.random.default_rng(seed)
    p = np.round(r.beta(1, 6, rows), 2)  # rounded: many ties
    return (r.random(rows) < p).astype(float), p


@settings(max_examples=40)
@given(st.integers(30, 300), st.integers(0, 10_000))
def test_point_values_equal_scikit_learn(rows: int, seed: int) -> None:
    y, p = sample(rows, seed)
    y[:2] = [0, 1]
    found = evaluate(y, p, seed=1, resamples=2)
    assert found["auc"].value == pytest.approx(roc_auc_score(y, p))
    assert found["brier"].value == pytest.approx(brier_score_loss(y, p))
    false_rate, true_rate, _ = roc_curve(y, p)
    assert found["ks"].value == pytest.approx(np.max(np.abs(true_rate - false_rate)))


def test_calibration_error_of_equal_bins_by_hand() -> None:
    p = np.repeat(np.linspace(0.05, 0.95, 10), 10)
    y = np.concatenate(
        [np.repeat([1.0, 0.0], [k, 10 - k]) for k in range(10)]
    )  # observed is 0.05 below in each bin
    assert evaluate(y, p, seed=1, resamples=2)["ece"].value == pytest.approx(0.05)


def test_order_of_rows_moves_no_figure() -> None:
    y, p = sample(500, 8)
    p = np.round(p, 1)  # few distinct values, so that a bin's edge falls inside a tie
    by_label = np.argsort(y, kind="stable")
    one, other = (evaluate(y[o], p[o], seed=1, resamples=2) for o in (np.arange(500), by_label))
    for name in ("auc", "ks", "brier", "ece"):
        assert one[name].value == pytest.approx(other[name].value, abs=1e-12)
    constant = evaluate(y, np.full(500, 0.2), seed=1, resamples=2)["ece"].value
    assert constant == pytest.approx(abs(y.mean() - 0.2))


def test_interval_holds_the_value_and_narrows_with_rows() -> None:
    few, many = (evaluate(*sample(rows, 3), seed=1)["auc"] for rows in (300, 20_000))
    assert few.low < few.value < few.high
    assert many.high - many.low < (few.high - few.low) / 3


def test_copies_of_a_party_do_not_narrow_the_interval() -> None:
    y, p = sample(400, 5)
    once = evaluate(y, p, seed=1)["auc"]
    copies = evaluate(np.repeat(y, 9), np.repeat(p, 9), seed=1, groups=np.repeat(np.arange(400), 9))["auc"]
    assert copies.value == pytest.approx(once.value)
    assert copies.high - copies.low == pytest.approx(once.high - once.low, rel=0.2)


def test_same_seed_same_interval() -> None:
    y, p = sample(300, 5)
    assert evaluate(y, p, seed=4) == evaluate(y, p, seed=4)
    assert evaluate(y, p, seed=4) != evaluate(y, p, seed=5)


def test_flat_names_the_ends() -> None:
    assert set(flat(evaluate(*sample(300, 5), seed=4))) >= {"auc", "auc_low", "auc_high", "ece_high"}


def test_one_class_and_missing_probability_are_refused() -> None:
    with pytest.raises(SplitError, match="one class"):
        evaluate(np.zeros(20), np.linspace(0, 1, 20), seed=1)
    with pytest.raises(SplitError, match="missing or infinite"):
        evaluate(np.array([0.0, 1.0]), np.array([0.1, np.nan]), seed=1)
