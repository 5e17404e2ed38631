"""Measures of calibration: equal to scikit-learn or to figures by hand, and a table that counts every row once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom
from sklearn.metrics import brier_score_loss, log_loss

from models.credit.measures import brier, calibration_error, log_losses, reliability
from models.errors import CalibrationError

ROWS = st.lists(st.tuples(st.integers(0, 1), st.floats(0.001, 0.999)), min_size=2, max_size=120).filter(
    lambda rows: len({y for y, _ in rows}) == 2
)


@given(ROWS)
def test_losses_equal_scikit_learn(rows: list[tuple[int, float]]) -> None:
    y, pd = np.array(rows, dtype=float).T
    assert log_losses(y, pd).mean() == pytest.approx(log_loss(y, pd))
    assert brier(y, pd) == pytest.approx(brier_score_loss(y, pd))


def test_log_loss_of_a_certain_mistake_is_finite() -> None:
    assert np.isfinite(log_losses(np.array([1.0, 0.0]), np.array([0.0, 1.0]))).all()


@given(ROWS)
def test_table_counts_every_row_once_and_its_gaps_are_the_calibration_error(
    rows: list[tuple[int, float]],
) -> None:
    y, pd = np.array(rows, dtype=float).T
    pd = pd + np.arange(len(pd)) * 1e-7  # no ties, which the calibration error shares and a table cannot
    table = reliability(y, pd)
    assert table["n"].sum() == len(y)
    assert table["defaults"].sum() == y.sum()
    assert np.ptp(table["n"].to_numpy()) <= 1
    assert table["mean_pd"].is_sorted()
    assert ((table["low"] <= table["observed_rate"]) & (table["observed_rate"] <= table["high"])).all()
    if len(y) >= 10:
        gaps = (table["mean_pd"] - table["observed_rate"]).abs() * table["n"]
        assert gaps.sum() / len(y) == pytest.approx(calibration_error(y, pd))


def test_interval_of_the_observed_rate_covers_it() -> None:
    """Jeffreys at a rate of 4 %: averaged over what 200 rows can show, close to 95 %."""
    n, rate, covered = 200, 0.04, 0.0
    for defaults in range(31):
        y = (np.arange(n) < defaults).astype(float)
        row = reliability(y, np.full(n, rate), bins=1).row(0, named=True)
        covered += binom.pmf(defaults, n, rate) * (row["low"] <= rate <= row["high"])
    assert 0.92 <= covered <= 0.98


def test_fewer_rows_than_bins_give_fewer_bins() -> None:
    table = reliability(np.array([0.0, 1.0, 0.0]), np.array([0.3, 0.2, 0.1]))
    assert table["n"].to_list() == [1, 1, 1]
    assert table["low"].to_list()[0] == 0.0
    assert table["high"].to_list()[1] == 1.0


def test_bad_input_is_named() -> None:
    for y, pd in (([], []), ([1.0], [0.1, 0.2]), ([1.0, 0.0], [0.1, np.nan])):
        with pytest.raises(CalibrationError, match=f"{len(y)} labels"):
            reliability(np.array(y), np.array(pd))
