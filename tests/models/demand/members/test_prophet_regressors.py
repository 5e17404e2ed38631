"""Drivers as regressors: centred, finite, and only those that say something."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.demand.members.prophet_one import _from_logs
from models.demand.members.prophet_regressors import Regressor, calendar_regressors, driver_regressors
from models.demand.series import FloatArray

VALUES = arrays(np.float64, 20, elements=st.one_of(st.floats(-1e6, 1e6), st.just(float("nan")), st.just(0.0)))


@given(VALUES, st.booleans(), st.booleans())
def test_whatever_a_driver_holds_its_columns_are_finite_and_say_nothing_on_average(
    raw: FloatArray, categorical: bool, logged: bool
) -> None:
    used = np.arange(20) < 15
    codes = frozenset({"d"}) if categorical else frozenset()
    for regressor in driver_regressors({"d": raw}, used, codes, logged=logged):
        column = regressor.values(raw)
        assert np.isfinite(column).all()
        if not categorical:
            seen = column[used & np.isfinite(raw)]
            assert abs(seen.mean()) < 1e-4
            assert abs(seen.std() - 1) < 1e-4
        assert Regressor.read(regressor.record()) == regressor


def test_a_positive_driver_works_by_its_ratio_and_others_by_their_difference() -> None:
    used = np.ones(6, dtype=np.bool_)
    price = np.array([1.0, 2.0, 4.0, 8.0, 1.0, 2.0])
    change = np.array([-1.0, 2.0, 4.0, 8.0, 1.0, 2.0])
    (ratio,) = driver_regressors({"price": price}, used, frozenset(), logged=True)
    steps = np.diff(ratio.values(price)[:4])
    assert np.allclose(steps, steps[0])
    for values, logged in ((change, True), (price, False)):
        (plain,) = driver_regressors({"d": values}, used, frozenset(), logged=logged)
        assert np.allclose(plain.values(values), (values - values.mean()) / values.std())


def test_the_usual_code_is_what_the_others_differ_from_and_rare_ones_are_no_level() -> None:
    codes = np.array([0, 0, 0, 1, 1, 2.0])
    found = driver_regressors({"kind": codes}, np.ones(6, dtype=np.bool_), frozenset({"kind"}), logged=False)
    assert [item.level for item in found] == [1.0]
    assert found[0].component == "driver:kind"


def test_seasons_of_the_calendar_are_left_to_prophet() -> None:
    columns = {"month": np.arange(12.0), "working_days": np.tile([20.0, 22.0], 6)}
    groups = {"month": "season", "working_days": "working_days"}
    (found,) = calendar_regressors(columns, groups, np.ones(12, dtype=np.bool_))
    assert found.component == "calendar:working_days"


@given(
    arrays(np.float64, 4, elements=st.floats(-5, 5)), arrays(np.float64, (3, 4), elements=st.floats(-3, 3))
)
def test_parts_of_logarithms_add_up_to_the_forecast(trend: FloatArray, parts: FloatArray) -> None:
    found = _from_logs(trend, {f"p{number}": part for number, part in enumerate(parts)})
    total = np.sum(list(found.values()), axis=0)
    assert np.allclose(total, np.exp(trend + parts.sum(axis=0)), rtol=1e-9, atol=1e-12)
