"""Means of rows that come in groups: against sums by hand and against simulation."""

import numpy as np
import pytest
from scipy.stats import norm

from experiments.validation_report.clustered import mean_difference, mean_interval, mean_p_value


def test_p_value_by_hand() -> None:
    residual = np.array([0.5, 0.5, -0.2, 0.1])
    groups = np.array([1, 1, 2, 3])
    z = 0.9 / np.sqrt(1.0**2 + 0.2**2 + 0.1**2)
    assert mean_p_value(residual, groups) == pytest.approx(2 * norm.sf(z))
    assert mean_p_value(np.zeros(4), groups) == 1.0


def test_repeated_rows_of_a_party_are_no_new_evidence() -> None:
    rng = np.random.default_rng(1)
    values, groups = rng.normal(0.2, 1, 100), np.arange(100)
    assert mean_p_value(np.repeat(values, 9), np.repeat(groups, 9)) == pytest.approx(
        mean_p_value(values, groups)
    )
    once, often = (
        mean_interval(np.repeat(values, k), np.repeat(groups, k), seed=2, resamples=400) for k in (1, 9)
    )
    assert (often.value, often.low, often.high) == pytest.approx((once.value, once.low, once.high))
    naive = mean_interval(np.repeat(values, 9), np.arange(900), seed=2, resamples=400)
    assert naive.high - naive.low < (once.high - once.low) / 2


def test_interval_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(4)
    inside = 0
    for trial in range(200):
        party = np.repeat(np.arange(60), 4)
        values = 1.0 + np.repeat(rng.normal(size=60), 4) + 0.3 * rng.normal(size=240)
        found = mean_interval(values, party, seed=trial, resamples=300)
        inside += found.low <= 1.0 <= found.high
    assert 175 <= inside <= 200


def test_difference_is_that_of_the_same_rows() -> None:
    rng = np.random.default_rng(5)
    base, groups = rng.normal(size=90), np.repeat(np.arange(30), 3)
    found = mean_difference(base + 0.25, base, groups, seed=1)
    assert (found.value, found.low, found.high) == pytest.approx((0.25, 0.25, 0.25))
