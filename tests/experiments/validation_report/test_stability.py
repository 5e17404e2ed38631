"""PSI and CSI against sums made by hand, and what must hold of them for any values."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.validation_report.stability import Bins, expected_index, stability_index


def test_index_by_hand() -> None:
    before = np.repeat([1.0, 2.0], [50, 50])
    later = np.repeat([1.0, 2.0], [20, 80])
    bins = Bins.of(before, 2)
    assert bins.counts(before).tolist() == [50, 50, 0]
    expected = (0.2 - 0.5) * math.log(0.2 / 0.5) + (0.8 - 0.5) * math.log(0.8 / 0.5)
    assert stability_index(before, later, bins) == pytest.approx(expected)


def test_missing_is_a_bin_of_its_own() -> None:
    before = np.array([1.0, 2.0, 3.0, 4.0] * 25)
    later = np.where(np.arange(100) < 30, np.nan, before)
    bins = Bins.of(before, 4)
    counts = bins.counts(later)
    assert counts[-1] == 30
    assert counts.sum() == 100
    # an empty bin counts half a row: 30 missing of 100 against 0.5 of 100
    missing = (0.30 - 0.005) * math.log(0.30 / 0.005)
    rest = sum((c / 100 - 0.25) * math.log(c / 100 / 0.25) for c in counts[:-1])
    assert stability_index(before, later, bins) == pytest.approx(missing + rest)


def test_a_bin_empty_on_both_sides_says_nothing_and_a_spike_makes_one_bin() -> None:
    before = np.zeros(100)
    assert stability_index(before, np.zeros(7), Bins.of(before)) == 0.0
    mostly_zero = np.append(np.zeros(97), [1.0, 2.0, 3.0])
    assert Bins.of(mostly_zero).counts(mostly_zero).tolist() == [97, 3, 0]


def test_a_feature_that_was_never_known_moves_when_it_becomes_known() -> None:
    never = np.full(50, np.nan)
    bins = Bins.of(never)
    assert bins.counts(never).tolist() == [0, 50]
    assert stability_index(never, never, bins) == 0.0
    assert stability_index(never, np.ones(50), bins) > 1.0


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.integers(20, 400), st.integers(20, 400))
def test_index_is_never_negative_and_blind_to_scale(seed: int, n: int, m: int) -> None:
    rng = np.random.default_rng(seed)
    before, later = np.round(rng.normal(size=n), 1), np.round(rng.normal(0.3, 1.2, m), 1)
    index = stability_index(before, later, Bins.of(before))
    assert index >= 0
    assert stability_index(before, before, Bins.of(before)) == pytest.approx(0, abs=1e-12)
    # an order-preserving map keeps every row in its bin
    assert stability_index(np.exp(before), np.exp(later), Bins.of(np.exp(before))) == pytest.approx(index)


def test_chance_alone_gives_about_the_expected_index() -> None:
    rng = np.random.default_rng(3)
    before = rng.normal(size=2000)
    bins = Bins.of(before)
    found = np.mean([stability_index(before, rng.normal(size=500), bins) for _ in range(200)])
    # the reference is one draw, so its own error does not average out
    assert found == pytest.approx(expected_index(10, 2000, 500), rel=0.5)
