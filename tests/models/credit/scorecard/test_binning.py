"""Bins: the default rate runs in one direction, small bins go, WoE stays finite, cells never see the label."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.credit.scorecard.binning import code_steps, monotone_steps
from models.credit.scorecard.cells import cut_codes, cut_numbers, index_numbers, short_between
from models.credit.scorecard.settings import ScorecardSettings
from models.credit.scorecard.woe import information_value, smoothed_woe

ONE_WAY = ScorecardSettings(min_bin_share=0.0, min_merge_gain=0.0)
COUNTS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=2, max_size=25)


def cells_of(pairs: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Return events and counts of some cells and a missing one, with both classes somewhere."""
    events = np.array([float(bad) for bad, _ in pairs] + [1.0])
    return events, events + np.array([float(good) for _, good in pairs] + [1.0])


def rates(events: np.ndarray, counts: np.ndarray, bins: np.ndarray) -> np.ndarray:
    found = np.bincount(bins, events) / np.maximum(np.bincount(bins, counts), 1e-12)
    return np.asarray(found[np.bincount(bins, counts) > 0])


@given(COUNTS, st.sampled_from([-1, 1]))
def test_rates_and_woe_follow_the_declared_sign(pairs: list[tuple[int, int]], sign: int) -> None:
    events, counts = cells_of(pairs)
    steps = monotone_steps(events, counts, sign, settings=ONE_WAY)
    assert steps.direction == sign
    assert (np.diff(steps.woe) * sign >= 0).all()
    assert (np.diff(rates(events[:-1], counts[:-1], steps.bins)) * sign >= -1e-12).all()


@given(COUNTS)
def test_without_a_sign_the_data_choose_one_direction(pairs: list[tuple[int, int]]) -> None:
    events, counts = cells_of(pairs)
    steps = monotone_steps(events, counts, 0, settings=ONE_WAY)
    assert (np.diff(steps.woe) * steps.direction >= 0).all()
    other = monotone_steps(events, counts, -steps.direction, settings=ONE_WAY)
    assert log_likelihood(events, counts, steps.bins) >= log_likelihood(events, counts, other.bins) - 1e-9


def log_likelihood(events: np.ndarray, counts: np.ndarray, bins: np.ndarray) -> float:
    e, n = np.bincount(bins, events[:-1]), np.bincount(bins, counts[:-1])
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.where(e > 0, e * np.log(e / n), 0) + np.where(n > e, (n - e) * np.log((n - e) / n), 0)
    return float(parts.sum())


@given(COUNTS, st.sampled_from([-1, 0, 1]))
def test_no_bin_is_smaller_than_the_share_asked_for(pairs: list[tuple[int, int]], sign: int) -> None:
    events, counts = cells_of(pairs)
    wanted = ScorecardSettings(min_bin_share=0.2, max_bins=4)
    steps = monotone_steps(events, counts, sign, settings=wanted)
    held = np.bincount(steps.bins, counts[:-1])
    assert len(held) <= 4
    assert len(held) == 1 or held.min() >= 0.2 * counts.sum()


def test_a_valley_turns_where_asked_for_and_is_monotone_on_either_side() -> None:
    events = np.array([60.0, 40, 20, 5, 5, 22, 41, 63, 0])
    counts = np.full(9, 100.0)
    steps = monotone_steps(events, counts, 0, settings=ScorecardSettings(two_sided=True))
    assert steps.knee is not None
    assert 3 <= steps.knee <= 5
    assert (np.diff(steps.woe[: steps.knee]) <= 0).all()
    assert (np.diff(steps.woe[steps.knee :]) >= 0).all()
    assert monotone_steps(events, counts, 1, settings=ScorecardSettings(two_sided=True)).knee is None
    assert monotone_steps(events, counts, 0, settings=ScorecardSettings()).knee is None


def test_codes_of_like_rates_share_a_bin() -> None:
    events = np.array([10.0, 90, 11, 0])
    steps = code_steps(events, np.array([100.0, 100, 100, 0]), settings=ScorecardSettings())
    assert steps.bins[0] == steps.bins[2] != steps.bins[1]
    assert steps.woe[1] > steps.woe[0]
    assert steps.missing == pytest.approx(0.0)


@given(st.floats(0, 50), st.floats(0, 50), st.floats(0.01, 0.99))
def test_smoothed_woe_is_finite_and_zero_for_an_empty_bin(bad: float, good: float, rate: float) -> None:
    woe = smoothed_woe(np.array([bad, 0.0]), np.array([bad + good, 0.0]), rate=rate, smoothing=5.0)
    assert np.isfinite(woe).all()
    assert woe[1] == pytest.approx(0.0)


def test_information_value_is_that_of_the_book() -> None:
    # Two bins, 100 defaults of which 80 are in the first, 100 others of which 20 are: (0.8 - 0.2) ln 4, twice.
    events, counts = np.array([80.0, 20.0]), np.array([100.0, 100.0])
    woe = smoothed_woe(events, counts, rate=0.5, smoothing=1e-9)
    assert information_value(events, counts, woe) == pytest.approx(2 * 0.6 * np.log(4), rel=1e-6)


@given(st.floats(-1e12, 1e12), st.floats(-1e12, 1e12))
def test_a_bound_is_short_and_separates(a: float, b: float) -> None:
    low, high = min(a, b), max(a, b)
    if low < high:
        assert low < short_between(low, high) <= high


def test_a_bound_between_two_readable_numbers_is_readable() -> None:
    assert short_between(0.34872519, 0.35172233) == 0.35


@settings(max_examples=50)
@given(st.lists(st.one_of(st.floats(), st.sampled_from([0.0, 1.0, np.nan, np.inf])), min_size=1, max_size=60))
def test_cells_hold_every_value_once_and_keep_the_order(values: list[float]) -> None:
    x = np.array(values, dtype=np.float64)
    cells = cut_numbers(x, 8)
    assert np.isfinite(cells.edges).all()
    assert (np.diff(cells.edges) > 0).all()
    assert ((cells.index == cells.size) == np.isnan(x)).all()
    known = ~np.isnan(x)
    order = np.argsort(x[known], kind="stable")
    assert (np.diff(cells.index[known][order]) >= 0).all()
    assert set(cells.index[known].tolist()) == set(range(cells.size)) or not known.any()


def test_infinite_values_fall_into_the_end_cells_and_a_bound_belongs_above() -> None:
    edges = np.array([0.0, 1.0])
    assert index_numbers(np.array([-np.inf, 0.0, 1.0, np.inf, np.nan]), edges).tolist() == [0, 1, 2, 2, 3]


def test_rare_codes_and_unseen_ones_share_the_last_cell() -> None:
    cells = cut_codes(pl.Series("trade", ["a"] * 5 + ["b"] * 5 + ["rare", None]), 2)
    assert cells.codes == ("a", "b")
    assert cells.index.tolist() == [0] * 5 + [1] * 5 + [2, 3]
