"""Weights go with what backtests showed, never far from equal; what loses to the floor is not served."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.demand.combination import combine, effective_weights, unseen_errors, weigh
from models.demand.series import FloatArray

MEMBERS = ("naive", "good", "fair", "bad")


def _errors(sizes: tuple[float, ...], *, series: int = 30, seed: int = 1) -> FloatArray:
    rng = np.random.default_rng(seed)
    return np.stack([rng.normal(0, size, (2, series, 6)) for size in sizes])


def _weigh(sizes: tuple[float, ...], series: int = 30) -> tuple[FloatArray, np.ndarray]:
    tried = np.ones((series, len(sizes)), dtype=np.bool_)
    got = weigh(_errors(sizes, series=series), tried, ("smooth",) * series, MEMBERS[: len(sizes)])
    return got.weights, got.floor


def test_a_member_much_worse_than_the_best_is_dropped_and_a_near_one_kept() -> None:
    weights, floor = _weigh((2.0, 1.0, 1.02, 1.4))
    assert (weights[:, 3] == 0).all()
    assert (weights[:, 1] > 0.3).mean() > 0.8
    assert (weights[:, 2] > 0.3).mean() > 0.8
    assert not floor.any()


def test_what_loses_to_the_floor_is_not_served() -> None:
    weights, floor = _weigh((0.5, 1.0, 1.1, 1.2))
    assert floor.all()
    assert (weights[:, 0] == 1).all()


def test_what_could_not_be_tested_is_not_served_before_the_floor() -> None:
    errors = np.full((2, 1, 3, 6), np.nan)
    got = weigh(errors, np.ones((3, 2), dtype=np.bool_), ("short",) * 3, ("naive", "good"))
    assert got.floor.all()


def test_a_series_without_errors_of_its_own_takes_its_kinds_weights() -> None:
    errors = _errors((2.0, 1.0), series=30)
    errors[:, :, 0] = np.nan
    got = weigh(errors, np.ones((30, 2), dtype=np.bool_), ("smooth",) * 30, ("naive", "good"))
    assert got.weights[0, 1] == 1.0


def test_one_series_alone_against_its_kind_is_believed_only_in_part() -> None:
    errors = _errors((1.5, 1.0, 1.0), series=200)
    errors[1, :, 0] *= 1.6
    got = weigh(errors, np.ones((200, 3), dtype=np.bool_), ("smooth",) * 200, MEMBERS[:3])
    assert 0 < got.weights[0, 1] < got.weights[0, 2]


@settings(max_examples=50)
@given(arrays(np.float64, (3, 2, 5, 4), elements=st.floats(-1e3, 1e3)))
def test_weights_are_shares(errors: FloatArray) -> None:
    got = weigh(errors, np.ones((5, 3), dtype=np.bool_), ("a", "a", "b", "b", "b"), MEMBERS[:3])
    assert got.weights.sum(axis=1) == pytest.approx(np.ones(5))
    assert (got.weights >= 0).all()


def test_a_member_without_a_forecast_leaves_its_weight_to_the_others() -> None:
    forecasts = np.array([[[1.0, np.nan]], [[3.0, 3.0]], [[np.nan, np.nan]]])
    weights = np.array([[0.5, 0.25, 0.25]])
    assert combine(forecasts, weights)[0].tolist() == pytest.approx([5 / 3, 3.0])
    assert effective_weights(forecasts, weights)[:, 0, 1].tolist() == [0.0, 1.0, 0.0]


def test_no_forecast_at_all_stays_unknown() -> None:
    assert np.isnan(combine(np.full((2, 1, 3), np.nan), np.array([[0.5, 0.5]]))).all()


def test_errors_at_a_cutoff_do_not_choose_the_weights_they_are_judged_with() -> None:
    errors = _errors((1.0, 1.0, 1.0), series=40)
    tried = np.ones((40, 3), dtype=np.bool_)
    before = unseen_errors(errors, tried, ("smooth",) * 40, MEMBERS[:3])
    weights = weigh(errors[:, [1]], tried, ("smooth",) * 40, MEMBERS[:3]).weights
    assert before[0] == pytest.approx(combine(errors[:, 0], weights))
