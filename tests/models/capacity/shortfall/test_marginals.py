"""Marginals give back their levels, extend soberly beyond them and refuse what cannot be."""

from datetime import date
from statistics import NormalDist

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.capacity.shortfall.marginals import CELLS, Marginals, lookup_tables, marginals_of_frame
from models.errors import ShortfallError

WEEK = (date(2025, 1, 6),)


def _of(values: list[float], levels: tuple[float, ...] = (0.1, 0.5, 0.9), **more: bool) -> Marginals:
    return Marginals(("a",), WEEK, levels, np.array([[values]]), **more)


@given(st.lists(st.floats(0, 1e6), min_size=3, max_size=3).map(sorted))
@settings(max_examples=60)
def test_levels_come_back_and_values_rise_with_the_level(values: list[float]) -> None:
    marginals = _of(values)
    assert marginals.at([0.1, 0.5, 0.9])[0, 0] == pytest.approx(values, abs=1e-6)
    finely = marginals.at(np.linspace(0.001, 0.999, 200).tolist())[0, 0]
    assert (np.diff(finely) >= -1e-6).all()
    assert (finely >= 0).all()


def test_a_normal_is_met_exactly_in_its_tails_too() -> None:
    levels = (0.1, 0.3, 0.5, 0.7, 0.9)
    normal = NormalDist(100, 10)
    marginals = _of([normal.inv_cdf(one) for one in levels], levels)
    wanted = [0.01, 0.05, 0.6, 0.95, 0.99]
    assert marginals.at(wanted)[0, 0] == pytest.approx([normal.inv_cdf(one) for one in wanted])


def test_a_tail_is_no_steeper_than_twice_its_side() -> None:
    marginals = _of([99, 100, 101, 200], (0.1, 0.5, 0.89, 0.9))
    side = (200 - 100) / NormalDist().inv_cdf(0.9)
    beyond = NormalDist().inv_cdf(0.99) - NormalDist().inv_cdf(0.9)
    assert marginals.at([0.99])[0, 0, 0] == pytest.approx(200 + 2 * side * beyond)


def test_only_series_that_may_be_negative_go_below_zero() -> None:
    assert _of([0.0, 5.0, 20.0]).at([0.001])[0, 0, 0] == 0
    assert _of([-5.0, 5.0, 20.0], non_negative=False).at([0.001])[0, 0, 0] < -5


def test_a_table_holds_what_the_levels_say() -> None:
    tables = lookup_tables(_of([10.0, 30.0, 70.0]))
    assert tables.shape == (1, 1, CELLS)
    assert tables[0, 0, CELLS // 2] == pytest.approx(30, abs=0.2)
    assert (np.diff(tables[0, 0]) >= 0).all()


def test_a_published_run_is_read_whatever_its_order() -> None:
    frame = pl.DataFrame(
        {
            "product_id": ["b", "a", "a", "b"],
            "week": [date(2025, 1, 13), date(2025, 1, 6), date(2025, 1, 13), date(2025, 1, 6)],
            "q90": [9.0, 6.0, 7.0, 8.0],
            "q10": [1.0, 2.0, 3.0, 4.0],
        }
    )
    marginals = marginals_of_frame(frame, "product_id")
    assert marginals.ids == ("a", "b")
    assert marginals.levels == (0.1, 0.9)
    assert marginals.values.tolist() == [[[2, 6], [3, 7]], [[4, 8], [1, 9]]]
    with pytest.raises(ShortfallError, match="b: weeks are missing") as caught:
        marginals_of_frame(frame.head(3), "product_id")
    assert "b" in caught.value.zh


@pytest.mark.parametrize(
    "values", [[3.0, 2.0, 5.0], [np.nan, 2.0, 5.0], [-9.0, -5.0, -1.0], [1.0, 2.0, np.inf]]
)
def test_quantiles_that_cannot_be_are_refused_by_name(values: list[float]) -> None:
    with pytest.raises(ShortfallError, match="'a' in the week of 2025-01-06") as caught:
        _of(values)
    assert "2025-01-06" in caught.value.zh


@pytest.mark.parametrize("levels", [(0.5, 0.4, 0.9), (0.0, 0.5, 0.9), (0.1, 0.5)])
def test_levels_that_cannot_be_are_refused(levels: tuple[float, ...]) -> None:
    with pytest.raises(ShortfallError):
        _of([1.0, 2.0, 3.0], levels)


def test_scaling_goes_by_series_or_week() -> None:
    values = np.arange(1.0, 13.0).reshape(2, 2, 3)
    marginals = Marginals(("a", "b"), (date(2025, 1, 6), date(2025, 1, 13)), (0.1, 0.5, 0.9), values)
    assert marginals.scaled(2).values.tolist() == (2 * values).tolist()
    by_series = marginals.scaled(np.array([1.0, 3.0])).values
    assert by_series[0].tolist() == values[0].tolist()
    assert by_series[1].tolist() == (3 * values[1]).tolist()
