"""Dates become period numbers that count on by one, and come back as they were."""

from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.errors import FrequencyError, MixedFrequencyError
from features.timeline import Frequency, Timeline, read_frequency, timeline_of

_DAYS = st.dates(min_value=date(1950, 1, 1), max_value=date(2090, 1, 1))
_STEPS = {"1h": "1h", "1d": "1d", "1w": "1w", "1mo": "1mo", "1q": "1q"}


def _stamps(start: date, frequency: str, count: int, *, end: bool) -> pl.Series:
    first = pl.Series([start]).dt.truncate(frequency if frequency != "1h" else "1d")[0]
    if frequency == "1h":
        return pl.Series(
            [datetime.combine(first, datetime.min.time()) + timedelta(hours=i) for i in range(count)]
        )
    stamps = [pl.Series([first]).dt.offset_by(f"{i}{frequency[1:]}")[0] for i in range(count + 1)]
    series = pl.Series(stamps)
    return series[1:].dt.offset_by("-1d") if end else series[:-1]


@given(start=_DAYS, frequency=st.sampled_from(list(_STEPS)), end=st.booleans())
def test_periods_count_on_and_come_back_as_the_same_dates(start: date, frequency: str, end: bool) -> None:
    stamps = _stamps(start, frequency, 9, end=end and frequency in ("1mo", "1q"))
    timeline = timeline_of(stamps, read_frequency(frequency))
    periods = pl.DataFrame({"ds": stamps}).select(timeline.period())["ds"]
    assert (np.diff(periods.to_numpy()) == 1).all()
    assert timeline.stamps(periods.to_numpy()).to_list() == stamps.to_list()


@given(start=_DAYS, frequency=st.sampled_from(["1d", "1w", "1mo", "1q"]))
def test_a_period_ends_the_day_before_the_next_starts(start: date, frequency: str) -> None:
    stamps = _stamps(start, frequency, 3, end=False)
    timeline = timeline_of(stamps, read_frequency(frequency))
    periods = pl.DataFrame({"ds": stamps}).select(timeline.period())["ds"].to_numpy()
    assert timeline.starts(periods).astype(object).tolist() == stamps.to_list()
    assert (timeline.ends(periods)[:-1] + np.timedelta64(1, "D") == timeline.starts(periods)[1:]).all()


@pytest.mark.parametrize(
    ("word", "frequency"),
    [("1mo", Frequency.MONTH), ("MS", Frequency.MONTH), ("ME", Frequency.MONTH), ("D", Frequency.DAY),
     ("W-SUN", Frequency.WEEK), ("QE-DEC", Frequency.QUARTER), ("h", Frequency.HOUR), ("1", Frequency.INTEGER)],
)  # fmt: skip
def test_usual_spellings_are_understood(word: str, frequency: Frequency) -> None:
    assert read_frequency(word) == frequency


def test_an_unknown_frequency_lists_what_is_understood() -> None:
    with pytest.raises(FrequencyError, match="1mo") as caught:
        read_frequency("fortnight")
    assert "fortnight" in caught.value.message("zh")


@pytest.mark.parametrize(
    ("dates", "frequency"),
    [
        ([date(2024, 1, 1), date(2024, 1, 9)], "1w"),
        ([date(2024, 1, 1), date(2024, 2, 15)], "1mo"),
        ([date(2024, 1, 1), date(2024, 2, 29)], "1mo"),
        ([datetime(2024, 1, 1), datetime(2024, 1, 2, 5)], "1d"),  # noqa: DTZ001 - panels hold local days
        ([date(2024, 1, 1), date(2024, 1, 2)], "1"),
        ([1, 2, 3], "1d"),
    ],
)
def test_dates_off_the_frequency_are_refused_by_example(dates: list[object], frequency: str) -> None:
    with pytest.raises(MixedFrequencyError) as caught:
        timeline_of(pl.Series(dates), read_frequency(frequency))
    assert caught.value.dates


def test_plain_integers_have_no_days() -> None:
    with pytest.raises(FrequencyError):
        Timeline(Frequency.INTEGER).starts(np.array([1, 2]))


def test_month_ends_come_back_as_month_ends() -> None:
    stamps = pl.Series([date(2024, 1, 31), date(2024, 2, 29), date(2024, 3, 31)])
    timeline = timeline_of(stamps, Frequency.MONTH)
    ahead = pl.DataFrame({"ds": stamps}).select(timeline.period())["ds"].to_numpy() + 1
    assert timeline.stamps(ahead).to_list() == [date(2024, 2, 29), date(2024, 3, 31), date(2024, 4, 30)]
