"""Series of sums: late starts, ended and not yet reported series, drivers; tables that contradict the hierarchy."""

import numpy as np
import polars as pl
import pytest

from features.timeline import Frequency, Timeline
from models.demand.hierarchies.hierarchy import Hierarchy, hierarchy_of_levels
from models.demand.hierarchies.upper_series import add_upper, check_sums
from models.demand.series import FloatArray, Series
from models.errors import HierarchyError

NAN = np.nan


def _hierarchy(*groups: str) -> Hierarchy:
    ids = [f"s{number}" for number in range(len(groups))]
    return hierarchy_of_levels(pl.DataFrame({"unique_id": ids, "g": list(groups)}), [["g"]])


def _series(
    y: list[list[float]],
    *,
    last: list[int] | None = None,
    known: dict[str, FloatArray] | None = None,
    season: int = 4,
) -> Series:
    values = np.array(y)
    return Series(
        ids=tuple(f"s{number}" for number in range(len(y))),
        y=values,
        observed=np.isfinite(values),
        last=np.array(last or [100] * len(y)),
        timeline=Timeline(Frequency.INTEGER),
        season=season,
        known=known or {},
        ahead=0 if known is None else next(iter(known.values())).shape[1] - values.shape[1],
    )


def test_sums_are_made_from_the_bottom_series() -> None:
    made = add_upper(_series([[1, 2], [10, 20], [100, 200]]), _hierarchy("x", "x", "y"))
    assert made.ids == ("total", "g=x", "g=y", "s0", "s1", "s2")
    assert made.y.tolist() == [[111, 222], [11, 22], [100, 200], [1, 2], [10, 20], [100, 200]]
    assert made.observed.all()


def test_series_counts_as_zero_before_it_starts_and_a_sum_starts_with_its_first() -> None:
    made = add_upper(_series([[NAN, NAN, 3], [NAN, 20, 30]]), _hierarchy("x", "x"))
    np.testing.assert_array_equal(made.y[0], [NAN, 20, 33])
    assert made.observed[0].tolist() == [False, True, True]
    assert made.observed[2:].tolist() == [[False, False, True], [False, True, True]]


def test_series_not_yet_reported_counts_as_a_season_before_and_the_sum_is_not_observed() -> None:
    bottom = _series([[1, 2, 3, 4, 5, 6], [10, 20, 30, 40, 50, 60]], last=[100, 98])
    made = add_upper(bottom, _hierarchy("x", "x"))
    # s1's six values lie in periods 93 to 98; in 99 and 100 it counts as in 95 and 96.
    assert made.y[-1].tolist() == [30, 40, 50, 60, 30, 40]
    assert made.y[0].tolist() == [31, 42, 53, 64, 35, 46]
    assert made.observed[0].tolist() == [True] * 4 + [False] * 2
    assert (made.last == 100).all()


def test_series_gone_for_more_than_a_season_counts_as_zero() -> None:
    bottom = _series([[1.0] * 8, [10.0] * 8], last=[100, 95])
    made = add_upper(bottom, _hierarchy("x", "x"))
    assert made.y[0].tolist() == [11, 11, 11, 1, 1, 1, 1, 1]
    assert made.observed[0].all()


def test_sum_of_which_filled_values_are_a_small_part_is_observed() -> None:
    bottom = _series([[100.0, 100], [1.0, 90]])
    seen = bottom.observed.copy()
    seen[1] = False
    made = add_upper(Series(**{**bottom.__dict__, "observed": seen}), _hierarchy("x", "y"))
    assert made.observed[0].tolist() == [True, False]


def test_filled_zero_is_not_observed_in_a_sum_either() -> None:
    bottom = _series([[0.0, 5], [0.0, 5]])
    nothing = Series(**{**bottom.__dict__, "observed": np.array([[False, True], [False, True]])})
    assert add_upper(nothing, _hierarchy("x", "y")).observed.tolist() == [[False, True]] * 5


def test_driver_of_a_sum_is_the_mean_by_volume_or_the_sum() -> None:
    known = {
        "price": np.array([[2.0, 2, 4], [6.0, NAN, 8]]),
        "stores": np.array([[1.0, 1, 1], [2.0, 2, NAN]]),
    }
    made = add_upper(_series([[30, 30], [10, 10]], known=known), _hierarchy("x", "x"), summed={"stores"})
    np.testing.assert_allclose(made.known["price"][0], [3, 2, 5])
    np.testing.assert_allclose(made.known["stores"][0], [3, 3, 1])
    np.testing.assert_array_equal(made.known["price"][2:], known["price"])


def test_codes_are_kept_where_all_series_share_them() -> None:
    bottom = _series([[1, 1], [2, 2], [3, 3]], known={"kind": np.array([[0.0, 1], [0.0, 2], [2.0, 1]])})
    coded = Series(
        **{
            **bottom.__dict__,
            "categorical": frozenset({"kind"}),
            "static": {"org": np.array([5.0, 5.0, 7.0])},
        }
    )
    made = add_upper(coded, _hierarchy("x", "x", "y"))
    np.testing.assert_array_equal(made.known["kind"][:3], [[NAN, NAN], [0, NAN], [2, 1]])
    np.testing.assert_array_equal(made.static["org"], [NAN, 5, 7, 5, 5, 7])


def test_bottom_series_that_are_missing_are_named() -> None:
    with pytest.raises(HierarchyError, match="s1 are not in the table"):
        add_upper(_series([[1, 2]]), _hierarchy("x", "y"))


def test_table_that_does_not_add_up_is_reported_with_the_first_period() -> None:
    hierarchy = _hierarchy("x", "x", "y")
    whole = add_upper(_series([[1, 2, 3], [10, 20, 30], [100, 200, 300]]), hierarchy)
    assert check_sums(whole, hierarchy).is_empty()
    wrong = whole.y.copy()
    wrong[1, 1:] += 5
    found = check_sums(Series(**{**whole.__dict__, "y": wrong}), hierarchy)
    assert found.select("unique_id", "rule", "rows", "first_ds").rows() == [("g=x", "sum_of_series", 2, "99")]
    assert "22.73%" in found["treatment_en"][0]


def test_only_what_is_observed_everywhere_is_compared() -> None:
    hierarchy = _hierarchy("x", "x")
    whole = add_upper(_series([[1, 2, 3], [10, NAN, 30]]), hierarchy)
    found = check_sums(Series(**{**whole.__dict__, "ids": ("total", "g=x", "s0", "s1")}), hierarchy)
    assert found.is_empty()
