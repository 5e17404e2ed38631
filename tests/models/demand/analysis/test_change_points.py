"""Changes of level and slope are dated and sized; noise, correlated or not, seldom raises an alarm."""

from datetime import date
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.timeline import Frequency, Timeline
from models.demand.analysis.change_points import CHANGE_COLUMNS, change_points
from models.demand.analysis.segmentation import PieceSums, segment
from models.demand.series import FloatArray, Series

_LAST_DAY = (date(2024, 12, 31) - date(1970, 1, 1)).days


def _series(y: FloatArray, frequency: Frequency = Frequency.DAY, season: int = 7) -> Series:
    rows = np.atleast_2d(y)
    last = {Frequency.DAY: _LAST_DAY, Frequency.MONTH: 24_299, Frequency.INTEGER: 500}[frequency]
    ids = tuple(f"S{row:03d}" for row in range(len(rows)))
    return Series(ids, rows, np.isfinite(rows), np.full(len(rows), last), Timeline(frequency), season)


def _correlated(rows: int, width: int, memory: float, seed: int = 0) -> FloatArray:
    steps = np.random.default_rng(seed).normal(size=(rows, width + 100))
    noise = np.zeros_like(steps)
    for place in range(1, width + 100):
        noise[:, place] = memory * noise[:, place - 1] + steps[:, place]
    return noise[:, 100:]


def test_a_step_is_dated_and_sized() -> None:
    y = 1_000 * np.exp(0.1 * _correlated(1, 730, 0.3)[0])
    y[400:] *= 1.5
    found = change_points(_series(y))
    assert found.height == 1
    assert abs((found["ds"][0] - date.fromordinal(date(2024, 12, 31).toordinal() - 729 + 400)).days) <= 3
    assert found["ds_from"][0] <= found["ds"][0] <= found["ds_to"][0]
    assert found["kind"][0] == "level"
    assert found["change_percent"][0] == pytest.approx(50, abs=12)
    assert found["confidence"][0] > 0.99
    assert "水平由" in found["text_zh"][0]
    assert "the level rises" in found["text_en"][0]


def test_a_turn_of_the_trend_is_a_slope() -> None:
    y = 500 + 20 * _correlated(1, 730, 0.0)[0] + np.maximum(np.arange(730) - 365, 0) * 1.5
    found = change_points(_series(y))
    assert found.height == 1
    assert found["kind"][0] != "level"
    assert found["slope_before"][0] == pytest.approx(0, abs=0.3)
    assert found["slope_after"][0] > 0.8


@pytest.mark.parametrize("memory", [0.0, 0.3, 0.6])
@pytest.mark.parametrize(
    ("width", "frequency", "season"), [(60, Frequency.MONTH, 12), (365, Frequency.DAY, 7)]
)
def test_correlated_noise_seldom_raises_an_alarm(
    memory: float, width: int, frequency: Frequency, season: int
) -> None:
    y = 20 + _correlated(300, width, memory, seed=11)
    alarms = change_points(_series(y, frequency, season))["unique_id"].n_unique()
    assert alarms <= 300 * 0.08


def test_a_step_is_found_in_most_series_that_have_one() -> None:
    y = 100 + _correlated(100, 365, 0.3, seed=5)
    y[:, 180:] += 4
    assert change_points(_series(y))["unique_id"].n_unique() >= 70


def test_seasons_trends_and_single_wild_values_are_no_changes() -> None:
    day = np.arange(900)
    y = 1_000 + 0.5 * day + 100 * np.sin(2 * np.pi * day / 7) + 10 * _correlated(1, 900, 0.0)[0]
    y[[100, 500]] += 4_000
    assert change_points(_series(y)).height == 0


@pytest.mark.parametrize(
    "y",
    [np.array([5.0]), np.zeros(200), np.full(200, 3.3), np.full(200, np.nan), np.arange(200.0)],
)
def test_series_without_noise_or_values_have_no_changes(y: FloatArray) -> None:
    found = change_points(_series(y))
    assert found.height == 0
    assert tuple(found.columns) == CHANGE_COLUMNS


def test_a_step_between_constants_is_found_exactly() -> None:
    y = np.where(np.arange(200) < 120, 40.0, 60.0)
    found = change_points(_series(y, Frequency.INTEGER, 1))
    assert found["ds"].to_list() == [500 - 199 + 120]
    assert found["level_before"][0] == pytest.approx(40, rel=1e-3)
    assert found["level_after"][0] == pytest.approx(60, rel=1e-3)


@given(st.floats(1e-3, 1e6))
def test_the_unit_does_not_matter(unit: float) -> None:
    y = 100 + _correlated(1, 120, 0.0)[0]
    y[70:] += 15
    plain = change_points(_series(y, Frequency.INTEGER, 1))
    scaled = change_points(_series(unit * y, Frequency.INTEGER, 1))
    assert plain.height == 1
    assert plain["ds"].to_list() == scaled["ds"].to_list()
    np.testing.assert_allclose(scaled["change"], unit * plain["change"], rtol=1e-6)


def test_series_of_several_lengths_are_each_searched() -> None:
    y = 100 + _correlated(3, 400, 0.0)
    y[:, 250:] += 12
    y[1, :150] = np.nan
    y[2, :390] = np.nan
    found = change_points(_series(y))
    assert found.filter(pl.col("confidence") > 0.99)["unique_id"].to_list() == ["S000", "S001"]


@given(st.integers(0, 30), st.integers(2, 4))
def test_segmentation_is_as_good_as_trying_everything(seed: int, shortest: int) -> None:
    rng = np.random.default_rng(seed)
    y = rng.normal(size=(1, 9)) + 4 * (np.arange(9) >= rng.integers(2, 8))
    sums, penalty = PieceSums.of(y, np.ones_like(y)), np.array([1.5])

    def cost(cuts: tuple[int, ...]) -> float:
        ends = [0, *cuts, 9]
        pairs = [(np.array([[a]]), np.array([[b]])) for a, b in pairwise(ends)]
        return sum(float(sums.misfit(a, b)[0, 0]) for a, b in pairs) + 1.5 * len(cuts)

    def all_cuts(start: int) -> list[tuple[int, ...]]:
        later = range(start + shortest, 9 - shortest + 1)
        return [()] + [(cut, *rest) for cut in later for rest in all_cuts(cut)]

    best = min(cost(cuts) for cuts in all_cuts(0))
    assert cost(tuple(segment(sums, penalty, shortest)[0])) == pytest.approx(best)
