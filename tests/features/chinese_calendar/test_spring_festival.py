import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.chinese_calendar.spring_festival import SHARES, place_in_year, spring_festival_shares
from features.timeline import Frequency, IntArray, Timeline

MONTHS = Timeline(Frequency.MONTH)
SPAN = {
    Frequency.MONTH: np.arange(1950 * 12, 2101 * 12),
    Frequency.QUARTER: np.arange(1950 * 4, 2101 * 4),
    Frequency.WEEK: np.arange(-1060, 6850),
}


def whole_span(timeline: Timeline) -> IntArray:
    periods = SPAN[timeline.frequency]
    inside = (timeline.starts(periods) >= np.datetime64("1950-01-01")) & (
        timeline.ends(periods) <= np.datetime64("2100-12-31")
    )
    return periods[inside]


@pytest.mark.parametrize(
    "timeline", [MONTHS, Timeline(Frequency.QUARTER), *(Timeline(Frequency.WEEK, day) for day in (0, 4, 6))]
)
def test_demeaned_shares_sum_to_zero_over_the_years_at_each_place_of_the_year(timeline: Timeline) -> None:
    periods = whole_span(timeline)
    place = place_in_year(timeline, periods)
    for values in spring_festival_shares(timeline, periods).values():
        assert np.isfinite(values).all()
        assert np.abs(np.bincount(place, values)).max() < 1e-9


def test_each_years_windows_are_shared_out_in_full() -> None:
    # A year's shares sum to one, so the demeaned ones sum to zero; December may hold days of the window before.
    for values in spring_festival_shares(MONTHS, np.arange(1990 * 12 + 11, 2060 * 12 + 11)).values():
        assert np.abs(values.reshape(-1, 12).sum(axis=1)).max() < 1e-12


def test_window_moves_from_february_to_january_with_an_early_new_year() -> None:
    early = spring_festival_shares(MONTHS, np.array([2023 * 12, 2023 * 12 + 1]))  # 22 January
    late = spring_festival_shares(MONTHS, np.array([2024 * 12, 2024 * 12 + 1]))  # 10 February
    for name in SHARES:
        assert early[name][0] > late[name][0]
    assert early["spring_festival_during"][0] - late["spring_festival_during"][0] == pytest.approx(1.0)
    # The 20 days before the week off: all in January 2023; in 2024 from 20 January, so that 12 lie in January.
    before = early["spring_festival_before"][0] - late["spring_festival_before"][0]
    assert before == pytest.approx(20 / 20 - 12 / 20)


@given(st.integers(1951, 2099), st.integers(3, 10))
def test_months_far_from_the_festival_hold_nothing(year: int, month: int) -> None:
    for values in spring_festival_shares(MONTHS, np.array([year * 12 + month])).values():
        assert values[0] == 0.0
