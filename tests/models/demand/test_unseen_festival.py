"""A Spring Festival ahead counts as unseen where no tested window held one."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from features.timeline import Frequency
from models.demand.series import Series
from models.demand.unseen_festival import unseen_festival
from tests.models.demand.demand_series import make_series, seasonal


def _daily(last: date) -> Series:
    series = make_series([seasonal(800, seed=1, season=7)], frequency=Frequency.DAY, season=7)
    day = np.array([(last - date(1970, 1, 1)).days], dtype=np.int64)
    return replace(series, last=day)


@pytest.mark.parametrize(
    ("last", "backs", "expected"),
    [
        (date(2024, 1, 20), (28, 56), True),  # New Year's Day is 10 February
        (date(2024, 1, 20), (28, 364), False),  # 22 January 2023 lies in the window a year ago
        (date(2024, 5, 1), (28, 56), False),
    ],
)
def test_a_festival_ahead_is_unseen_unless_a_window_held_one(
    last: date, backs: tuple[int, ...], expected: bool
) -> None:
    assert unseen_festival(_daily(last), 28, backs).tolist() == [expected]


def test_months_are_tested_over_years_and_integers_have_no_festival() -> None:
    for frequency in (Frequency.MONTH, Frequency.INTEGER):
        series = make_series([seasonal(60, seed=1)], frequency=frequency)
        assert not unseen_festival(series, 12, (12,)).any()
