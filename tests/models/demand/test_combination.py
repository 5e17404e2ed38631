"""Weights go with what backtests showed, never far from equal; what loses to the floor is not served."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.demand.combination import Field, combine, effective_weights, unseen_errors, weigh
from models.demand.series import FloatArray

MEMBERS = ("naive", "good", "fair", "bad")


def _errors(sizes: tuple[float, ...], *, series: int = 30, seed: int = 1) -> FloatArray:
    rng = np.random.default_rng(seed)
    return np.stack([rng.normal(0, size, (2, series, 6)) for size in sizes])


def _field(series: int, members: tuple[str, ...], kind: str = "smooth", *, squared: bool = False) -> Field:
    everyone = np.ones((series, len(members)), dtype=np.bool_)
    return Field(members, everyone, (kind,) * series, np.full(series, squared), ~everyone)


def _weigh(sizes: tuple[float, ...], series: int = 30) -> tuple[FloatArray, np.ndarray]:
    got = weigh(_errors(sizes, series=series), _field(series, MEMBERS[: len(sizes)]))
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
    got = weigh(errors, _field(3, ("naive", "good"), "short"))
    assert got.floor.all()


def test_a_series_without_errors_of_its_own_takes_its_kinds_weights() -> None:
    errors = _errors((2.0, 1.0), series=30)
    errors[:, :, 0] = np.nan
    got = weigh(errors, _field(30, ("naive", "good")))
    assert got.weights[0, 1] == 1.0


def test_one_series_alone_against_its_kind_is_believed_only_in_part() -> None:
    errors = _errors((1.5, 1.0, 1.0), series=200)
    errors[1, :, 0] *= 1.6
    got = weigh(errors, _field(200, MEMBERS[:3]))
    assert 0 < got.weights[0, 1] < got.weights[0, 2]


@settings(max_examples=50)
@given(arrays(np.float64, (3, 2, 5, 4), elements=st.floats(-1e3, 1e3)))
def test_weights_are_shares(errors: FloatArray) -> None:
    got = weigh(errors, _field(5, MEMBERS[:3]))
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
    before = unseen_errors(errors, _field(40, MEMBERS[:3]))
    weights = weigh(errors[:, [1]], _field(40, MEMBERS[:3])).weights
    assert before[0] == pytest.approx(combine(errors[:, 0], weights))


def test_rare_demand_is_not_won_by_a_forecast_of_nothing() -> None:
    actual = np.where(np.random.default_rng(2).random((2, 300, 6)) < 0.2, 5.0, 0.0)
    errors = np.stack([actual - 1.0, actual])
    members = ("naive", "nothing")
    by_size = weigh(errors, _field(300, members)).weights
    by_square = weigh(errors, _field(300, members, squared=True)).weights
    assert by_size[:, 1].mean() > 0.9
    assert by_square[:, 1].mean() < 0.1


def test_members_that_know_what_lies_ahead_share_equally_where_no_backtest_saw_it() -> None:
    errors = _errors((2.0, 1.0, 1.3, 1.4), series=10)
    field = _field(10, MEMBERS)
    preferred = field.preferred.copy()
    preferred[0, 2:] = True
    got = weigh(errors, Field(MEMBERS, field.tried, field.groups, field.squared, preferred)).weights
    assert got[0].tolist() == [0.0, 0.0, 0.5, 0.5]
    assert (got[1:, 2:] == 0).all()
