from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.calendar import CALENDAR_GROUPS, calendar_columns, column_group, estimated, festival_windows
from features.timeline import Frequency, IntArray, Timeline

DAYS = Timeline(Frequency.DAY)
MONTHS = Timeline(Frequency.MONTH)
QUARTERS = Timeline(Frequency.QUARTER)
HOURS = Timeline(Frequency.HOUR)
MONDAYS = Timeline(Frequency.WEEK, 0)
LUNAR_NEW_YEARS = [
    date(2019, 2, 5),
    date(2020, 1, 25),
    date(2021, 2, 12),
    date(2022, 2, 1),
    date(2023, 1, 22),
    date(2024, 2, 10),
    date(2025, 1, 29),
    date(2026, 2, 17),
    date(2027, 2, 6),
]


def days(*dates: date) -> IntArray:
    return np.array([(day - date(1970, 1, 1)).days for day in dates], dtype=np.int64)


def months(*year_months: tuple[int, int]) -> IntArray:
    return np.array([year * 12 + month - 1 for year, month in year_months], dtype=np.int64)


@pytest.mark.parametrize("new_year", LUNAR_NEW_YEARS)
def test_offset_counts_from_lunar_new_year_and_has_one_value_outside(new_year: date) -> None:
    around = days(*(new_year + timedelta(days=after) for after in range(-17, 23)))
    offset = calendar_columns(DAYS, around)["spring_festival_offset"]
    assert offset.tolist() == [21.0, 21.0, *range(-15, 21), 21.0, 21.0]


@pytest.mark.parametrize(
    ("name", "dates"),
    [
        (
            "qingming",
            [date(2019, 4, 5), date(2020, 4, 4), date(2023, 4, 5), date(2024, 4, 4), date(2027, 4, 5)],
        ),
        ("dragon_boat", [date(2019, 6, 7), date(2020, 6, 25), date(2023, 6, 22), date(2025, 5, 31)]),
        ("mid_autumn", [date(2019, 9, 13), date(2020, 10, 1), date(2023, 9, 29), date(2025, 10, 6)]),
        ("national_day", [date(2019, 10, 1), date(2027, 10, 1)]),
        ("labour_day", [date(2019, 5, 1), date(2027, 5, 1)]),
        ("new_year_day", [date(2019, 1, 1), date(2027, 1, 1)]),
    ],
)
def test_festivals_lie_on_their_dates(name: str, dates: list[date]) -> None:
    assert calendar_columns(DAYS, days(*dates))[f"{name}_offset"].tolist() == [0.0] * len(dates)
    before = days(*(day - timedelta(days=1) for day in dates))
    assert calendar_columns(DAYS, before)[f"{name}_offset"].tolist() == [-1.0] * len(dates)


def test_make_up_weekends_are_worked_and_holidays_on_weekdays_are_not() -> None:
    worked = days(
        date(2023, 1, 28), date(2023, 1, 29), date(2024, 2, 4), date(2024, 2, 18), date(2018, 12, 29)
    )
    columns = calendar_columns(DAYS, worked)
    assert columns["working_day"].tolist() == columns["makeup_workday"].tolist() == [1.0] * 5
    off = days(date(2023, 1, 27), date(2024, 2, 16), date(2023, 10, 6), date(2018, 12, 31))
    columns = calendar_columns(DAYS, off)
    assert columns["working_day"].tolist() == [0.0] * 4
    assert columns["weekday_off"].tolist() == [1.0] * 4
    plain = calendar_columns(DAYS, days(date(2023, 3, 3), date(2023, 3, 4)))
    assert plain["working_day"].tolist() == [1.0, 0.0]
    assert plain["makeup_workday"].tolist() == plain["weekday_off"].tolist() == [0.0, 0.0]


def test_break_counts_its_days_from_first_to_last() -> None:
    week = days(*(date(2023, 9, 28) + timedelta(days=after) for after in range(10)))
    assert calendar_columns(DAYS, week)["break_days"].tolist() == [0.0] + [8.0] * 8 + [0.0]


def test_months_have_the_working_days_of_their_arrangements() -> None:
    # By hand from the notices: 2023 has 260 weekdays, of which 18 are off, and 7 worked weekend days.
    columns = calendar_columns(MONTHS, months((2023, 1), (2023, 10), (2024, 2), (2025, 10)))
    assert columns["working_days"].tolist() == [18.0, 19.0, 18.0, 18.0]
    assert columns["makeup_workdays"].tolist() == [2.0, 2.0, 2.0, 1.0]
    assert columns["weekdays_off"].tolist() == [6.0, 5.0, 5.0, 6.0]
    assert columns["calendar_days"].tolist() == [31.0, 31.0, 29.0, 31.0]
    year = calendar_columns(MONTHS, np.arange(2023 * 12, 2024 * 12))
    assert year["working_days"].sum() == 249


@pytest.mark.parametrize(("timeline", "anchor"), [(MONTHS, 0), (QUARTERS, 0), (MONDAYS, 0), (MONDAYS, 6)])
def test_periods_count_what_their_days_hold(timeline: Timeline, anchor: int) -> None:
    timeline = Timeline(timeline.frequency, anchor)
    first = {Frequency.MONTH: 2019 * 12, Frequency.QUARTER: 2019 * 4, Frequency.WEEK: 2557}[
        timeline.frequency
    ]
    periods = np.arange(first, first + 30)
    columns = calendar_columns(timeline, periods)
    starts, ends = timeline.starts(periods).astype(np.int64), timeline.ends(periods).astype(np.int64)
    for place in range(len(periods)):
        daily = calendar_columns(DAYS, np.arange(starts[place], ends[place] + 1))
        assert columns["working_days"][place] == daily["working_day"].sum()
        assert columns["weekdays_off"][place] == daily["weekday_off"].sum()
        assert columns["mid_autumn_days"][place] == (np.abs(daily["mid_autumn_offset"]) <= 1).sum()


def test_week_knows_festivals_and_its_first_days_distance_to_spring_festival() -> None:
    mondays = pl.Series(
        [date(2024, 2, 5), date(2024, 1, 22), date(2024, 1, 15), date(2024, 4, 1), date(2024, 9, 30)]
    )
    periods = pl.DataFrame({"ds": mondays}).select(MONDAYS.period())["ds"].to_numpy()
    columns = calendar_columns(MONDAYS, periods)
    assert columns["spring_festival_offset"].tolist() == [-5.0, -19.0, 21.0, 21.0, 21.0]
    assert columns["qingming_days"].tolist() == [0.0, 0.0, 0.0, 3.0, 0.0]
    assert columns["national_day_days"].tolist() == [0.0, 0.0, 0.0, 0.0, 6.0]
    assert columns["working_days"].tolist() == [5.0, 5.0, 5.0, 4.0, 1.0]


@pytest.mark.parametrize("anchor", range(7))
def test_week_has_a_distance_where_one_of_its_days_has(anchor: int) -> None:
    timeline = Timeline(Frequency.WEEK, anchor)
    weeks = np.arange(2557, 2557 + 8 * 53)
    offset = calendar_columns(timeline, weeks)["spring_festival_offset"]
    dates = timeline.starts(weeks).astype(np.int64)[:, None] + np.arange(7)
    daily = calendar_columns(DAYS, dates)["spring_festival_offset"]
    assert ((offset == 21.0) == (daily == 21.0).all(axis=1)).all()
    inside = daily[:, 0] != 21.0
    assert (offset[inside] == daily[inside, 0]).all()


def test_hours_take_their_day_and_know_their_hour() -> None:
    stamps = pl.Series([datetime(2024, 2, 10, 0), datetime(2024, 2, 10, 23), datetime(2024, 2, 11, 5)])  # noqa: DTZ001
    periods = pl.DataFrame({"ds": stamps}).select(HOURS.period())["ds"].to_numpy()
    columns = calendar_columns(HOURS, periods)
    assert columns["hour"].tolist() == [0.0, 23.0, 5.0]
    assert columns["weekday"].tolist() == [5.0, 5.0, 6.0]
    assert columns["hour_of_week"].tolist() == [120.0, 143.0, 149.0]
    assert columns["spring_festival_offset"].tolist() == [0.0, 0.0, 1.0]


def test_season_counts_from_the_start_of_the_year() -> None:
    columns = calendar_columns(DAYS, days(date(2024, 1, 1), date(2024, 12, 31)))
    assert columns["day_of_year"].tolist() == [1.0, 366.0]
    assert columns["month"].tolist() == [1.0, 12.0]
    assert columns["day_of_month"].tolist() == [1.0, 31.0]
    assert calendar_columns(QUARTERS, np.array([2024 * 4, 2024 * 4 + 3]))["quarter"].tolist() == [1.0, 4.0]


def test_plain_integers_have_no_calendar() -> None:
    plain = Timeline(Frequency.INTEGER)
    assert calendar_columns(plain, np.arange(5)) == {}
    assert not estimated(plain, np.arange(5)).any()


@pytest.mark.parametrize("timeline", [HOURS, DAYS, MONDAYS, MONTHS, QUARTERS])
def test_every_column_is_numeric_has_a_group_and_the_shape_of_the_periods(timeline: Timeline) -> None:
    periods = timeline_periods(timeline)
    columns = calendar_columns(timeline, periods)
    assert {column_group(name) for name in columns} == {
        "season",
        "working_days",
        "spring_festival",
        "holiday",
    }
    for values in columns.values():
        assert values.dtype == np.float64
        assert values.shape == periods.shape
        assert np.isfinite(values).all()


def timeline_periods(timeline: Timeline) -> IntArray:
    stamp = pl.DataFrame({"ds": [datetime(2024, 1, 1)]})  # noqa: DTZ001
    first = int(stamp.select(timeline.period())["ds"][0])
    return np.arange(first, first + 12).reshape(3, 4)


@pytest.mark.parametrize("timeline", [HOURS, DAYS, MONDAYS, MONTHS, QUARTERS])
def test_dates_far_away_are_unknown_but_keep_their_season(timeline: Timeline) -> None:
    far = np.array([10**7, -(10**7)], dtype=np.int64)
    columns = calendar_columns(timeline, far)
    for name, values in columns.items():
        assert np.isfinite(values).all() == (column_group(name) == "season")
    assert estimated(timeline, far).all()


@given(st.integers(1950, 2100), st.dates(date(1990, 1, 1), date(2040, 1, 1)))
def test_months_add_up_to_their_quarters_whatever_is_known(year: int, as_of: date) -> None:
    monthly = calendar_columns(MONTHS, np.arange(year * 12, year * 12 + 12), as_of=as_of)
    quarterly = calendar_columns(QUARTERS, np.arange(year * 4, year * 4 + 4), as_of=as_of)
    for name in ("working_days", "makeup_workdays", "weekdays_off", "mid_autumn_days", "calendar_days"):
        assert quarterly[name].tolist() == monthly[name].reshape(4, 3).sum(axis=1).tolist()


@given(st.dates(date(1990, 1, 1), date(2040, 1, 1)), st.integers(0, 4000))
def test_later_date_knows_all_that_an_earlier_one_knew(as_of: date, later: int) -> None:
    span = np.arange(1999 * 12, 2041 * 12)
    unknown = estimated(MONTHS, span, as_of=as_of)
    assert (unknown | ~estimated(MONTHS, span, as_of=as_of + timedelta(days=later))).all()
    revised = np.isin(span, months((2015, 9), (2019, 4), (2019, 5), (2020, 1), (2020, 2)))
    then, now = (calendar_columns(MONTHS, span, as_of=day)["working_days"] for day in (as_of, None))
    assert (then == now)[~unknown & ~revised].all()


def test_no_column_at_all_of_no_periods() -> None:
    nothing = np.array([], dtype=np.int64)
    assert all(values.shape == (0,) for values in calendar_columns(MONTHS, nothing).values())
    assert estimated(DAYS, nothing).shape == (0,)


def test_name_that_is_not_the_calendars_has_no_group() -> None:
    with pytest.raises(KeyError):
        column_group("price")


def test_windows_recur_under_few_names() -> None:
    windows = festival_windows(date(2019, 1, 1), date(2026, 12, 31))
    assert windows.schema == {
        "holiday": pl.String(),
        "ds": pl.Date(),
        "lower_window": pl.Int32(),
        "upper_window": pl.Int32(),
    }
    counts = dict(windows.group_by("holiday").len().iter_rows())
    assert counts.pop("makeup_workday") == 52  # 6, 6, 7, 7, 7, 8, 5 and 6 by the notices of 2019 to 2026
    assert counts.pop("new_year_day") == 9  # 2027's window reaches back into 2026
    assert set(counts) == {
        "spring_festival",
        "qingming",
        "labour_day",
        "dragon_boat",
        "mid_autumn",
        "national_day",
    }
    assert set(counts.values()) == {8}
    assert {CALENDAR_GROUPS[name] for name in windows["holiday"]} == {
        "spring_festival",
        "holiday",
        "working_days",
    }
    spring = windows.filter(pl.col("holiday") == "spring_festival")
    assert spring["ds"].to_list() == LUNAR_NEW_YEARS[:-1]
    assert spring.select("lower_window", "upper_window").unique().rows() == [(-15, 20)]
    assert not windows.select("holiday", "ds").is_duplicated().any()


def test_window_that_only_touches_the_span_is_given() -> None:
    late = festival_windows(date(2024, 2, 20), date(2024, 2, 21))
    assert late["holiday"].to_list() == ["spring_festival"]
    assert festival_windows(date(2024, 7, 1), date(2024, 7, 2)).height == 0
