from datetime import date, timedelta

import holidays
import numpy as np
import pytest

from features.calendar import calendar_columns, estimated, festival_windows
from features.chinese_calendar.festivals_cn import FIRST_DAY
from features.chinese_calendar.working_days_cn import announced_on, announced_years, days_known
from features.timeline import Frequency, Timeline

DAYS = Timeline(Frequency.DAY)
MONTHS = Timeline(Frequency.MONTH)


def number(day: date) -> int:
    return (day - date(1970, 1, 1)).days


def working(day: date, as_of: date | None = None) -> bool:
    return bool(days_known(as_of).working[number(day) - FIRST_DAY])


def test_announced_years_are_those_of_the_installed_package() -> None:
    noted = holidays.country_holidays("CN").special_public_holidays
    assert announced_years() == (min(noted), max(noted))
    assert announced_years()[1] >= 2026


def test_announced_years_equal_the_package_day_by_day() -> None:
    first, last = announced_years()
    package = holidays.country_holidays("CN", years=range(first, last + 1))
    day = date(first, 1, 1)
    while day < date(last, 12, 24):
        assert working(day) == package.is_working_day(day), day
        day += timedelta(days=1)


def test_law_gives_the_packages_own_days_where_nothing_was_announced() -> None:
    _, last = announced_years()
    package = holidays.country_holidays("CN", years=range(1950, 2101))
    years = [*range(1950, 2000), *range(last + 1, 2101)]
    days = [date(year, 1, 1) + timedelta(days=after) for year in years for after in range(358)]
    odd = [day for day in days if working(day) != package.is_working_day(day)]
    # Mid-Autumn within National Day: the package drops the day, the notice of 2020 gave it in lieu.
    assert odd == [
        day
        for day in (
            date(2028, 10, 5),
            date(2031, 10, 6),
            date(2058, 10, 4),
            date(2077, 10, 6),
            date(2085, 10, 4),
        )
        if day.year > last
    ]


def test_years_without_a_notice_are_estimates() -> None:
    first, last = announced_years()
    months = np.array([last * 12 + 10, last * 12 + 12, first * 12, first * 12 - 2, 2020 * 12])
    assert estimated(MONTHS, months).tolist() == [False, True, False, True, False]
    ends = np.array([number(date(last, 12, 23)), number(date(last, 12, 24))])
    assert estimated(DAYS, ends).tolist() == [False, True]
    assert not estimated(DAYS, ends, as_of=date(last, 12, 31))[0]
    span = np.arange(2019 * 12, last * 12 + 11)
    assert not estimated(MONTHS, span).any()
    assert not days_known().makeup[days_known().estimated].any()


@pytest.mark.parametrize("year", range(2019, 2027))
def test_make_up_days_are_not_known_before_the_notice(year: int) -> None:
    january = np.array([year * 12])
    asked = announced_on(year)
    assert not estimated(MONTHS, january, as_of=asked)[0]
    assert estimated(MONTHS, january, as_of=asked - timedelta(days=1))[0]
    days = np.arange(number(date(year, 1, 1)), number(date(year, 12, 24)))
    before = calendar_columns(DAYS, days, as_of=asked - timedelta(days=1))
    assert before["makeup_workday"].sum() == 0
    after = calendar_columns(DAYS, days, as_of=asked)
    assert after["makeup_workday"].sum() > 3
    assert after["spring_festival_offset"].tolist() == before["spring_festival_offset"].tolist()


def test_history_stays_as_announced_when_the_next_year_is_not() -> None:
    past = np.arange(2010 * 12, 2022 * 12 - 1)
    then = calendar_columns(MONTHS, past, as_of=date(2021, 11, 1))
    now = calendar_columns(MONTHS, past)
    assert all(then[name].tolist() == now[name].tolist() for name in now)


def test_windows_as_of_a_date_hold_no_later_make_up_days() -> None:
    windows = festival_windows(date(2023, 1, 1), date(2024, 12, 23), as_of=date(2023, 6, 1))
    makeup = windows.filter(holiday="makeup_workday")["ds"]
    assert makeup.dt.year().unique().to_list() == [2023]
    assert windows.filter(holiday="spring_festival").height == 2


@pytest.mark.parametrize(
    ("day", "revised", "before", "after"),
    [
        (date(2020, 1, 31), date(2020, 1, 27), True, False),  # Spring Festival extended
        (date(2020, 2, 1), date(2020, 1, 27), True, False),  # a Saturday that was to be worked
        (date(2019, 5, 2), date(2019, 3, 22), True, False),
        (date(2019, 5, 5), date(2019, 3, 22), False, True),
        (date(2015, 9, 3), date(2015, 5, 13), True, False),
        (date(2015, 9, 6), date(2015, 5, 13), False, True),
    ],
)
def test_later_notice_changes_the_arrangement_from_its_day_on(
    day: date, revised: date, before: bool, after: bool
) -> None:
    assert working(day, revised - timedelta(days=1)) == before
    assert working(day, revised) == working(day) == after


def test_law_of_2024_is_not_known_before_it_was_published() -> None:
    eve, second_of_may = date(2025, 1, 28), date(2025, 5, 2)
    assert working(eve, date(2024, 11, 11))
    assert working(second_of_may, date(2024, 11, 11))
    assert not working(eve, date(2024, 11, 12))
    assert not working(second_of_may, date(2024, 11, 12))


def test_day_before_all_notices_has_the_first_law() -> None:
    assert working(date(1950, 10, 3), date(1940, 1, 1))
    assert not working(date(1950, 10, 2), date(1940, 1, 1))


@pytest.mark.parametrize(
    ("year", "known_from"),
    [
        (2006, date(2005, 12, 31)),
        (2014, date(2013, 12, 20)),
        (2019, date(2018, 12, 6)),
        (2023, date(2022, 12, 8)),
        (2026, date(2025, 12, 1)),
    ],
)
def test_notice_counts_as_known_from_a_conservative_day(year: int, known_from: date) -> None:
    assert announced_on(year) == known_from
