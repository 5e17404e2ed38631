"""OEE is rolled up by time: ratios of sums, whatever the period and whatever the order."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from models.capacity.lines.oee import OEE_COLUMNS, oee

SHARES = ["availability", "performance", "quality", "oee", "utilisation"]


def history(rows: list[tuple[str, int, float, float, float, float, float]]) -> pl.DataFrame:
    names = ["line_id", "day", "planned_hours", "run_hours", "output", "good_output", "planned_rate"]
    frame = pl.DataFrame(rows, schema=names, orient="row")
    first = date(2024, 1, 1)
    days = [first + timedelta(days=int(one)) for one in frame["day"]]
    return frame.with_columns(ds=pl.Series(days, dtype=pl.Date)).drop("day")


def test_oee_of_two_days_is_the_ratio_of_their_sums() -> None:
    frame = history([("A", 0, 20.0, 10.0, 900.0, 900.0, 100.0), ("A", 1, 10.0, 10.0, 1000.0, 500.0, 100.0)])
    told = oee(frame)
    assert told["availability"][0] == pytest.approx(20 / 30)
    assert told["performance"][0] == pytest.approx(1900 / 2000)
    assert told["quality"][0] == pytest.approx(1400 / 1900)
    assert told["oee"][0] == pytest.approx(14 / 30)  # the mean of 0.45 and 0.5 would be 0.475
    assert told["utilisation"][0] == pytest.approx(14 / 48)


def test_lines_of_different_units_are_added_in_hours() -> None:
    frame = history([("A", 0, 20.0, 20.0, 2000.0, 2000.0, 100.0), ("B", 0, 10.0, 10.0, 5.0, 5.0, 1.0)])
    assert oee(frame, by=())["oee"][0] == pytest.approx(25 / 30)


def test_nothing_planned_has_no_oee() -> None:
    told = oee(history([("A", 0, 0.0, 0.0, 0.0, 0.0, 100.0)]))
    assert told["oee"][0] is None
    assert told["utilisation"][0] == 0


def test_days_not_reported_do_not_count() -> None:
    frame = history([("A", 0, 20.0, 10.0, 900.0, 900.0, 100.0), ("A", 1, 10.0, 10.0, 1000.0, 500.0, 100.0)])
    gap = frame.with_columns(output=pl.when(pl.col("ds") == date(2024, 1, 1)).then("output"))
    assert oee(gap)["days"].to_list() == [1]


def test_line_without_run_hours_is_available_whenever_planned() -> None:
    frame = history([("A", 0, 20.0, 10.0, 900.0, 900.0, 100.0)]).with_columns(
        run_hours=pl.lit(None, pl.Float64)
    )
    told = oee(frame)
    assert told["availability"][0] == 1
    assert told["oee"][0] == pytest.approx(0.45)


DAY = st.tuples(st.floats(0, 24, allow_subnormal=False), *[st.floats(0, 1, allow_subnormal=False)] * 3)


@settings(max_examples=40)
@given(st.lists(DAY, min_size=1, max_size=60), st.integers(0, 1000))
def test_roll_up_is_the_same_by_any_period_and_order(days: list[tuple[float, ...]], seed: int) -> None:
    frame = history(
        [
            (
                "AB"[at % 2],
                at // 2,
                hours,
                hours * run,
                hours * run * 50 * pace,
                hours * run * 50 * pace * good,
                50.0,
            )
            for at, (hours, run, pace, good) in enumerate(days)
        ]
    )
    whole = oee(frame)
    assert_frame_equal(whole, oee(frame.sample(fraction=1.0, shuffle=True, seed=seed)), check_exact=True)
    weeks = oee(frame, every="1w").sort("line_id", "ds")
    for name in ("planned_hours", "run_hours", "effective_hours", "calendar_hours"):
        summed = weeks.group_by("line_id").agg(pl.col(name).sum()).sort("line_id")
        np.testing.assert_allclose(summed[name].to_numpy(), whole[name].to_numpy(), atol=1e-6)
    product = whole.filter(pl.col("oee").is_not_null() & pl.col("quality").is_not_null())
    np.testing.assert_allclose(
        (product["availability"] * product["performance"] * product["quality"]).to_numpy(),
        product["oee"].to_numpy(),
        atol=1e-6,
    )
    assert (
        whole.select(SHARES).to_numpy()[np.isfinite(whole.select(SHARES).to_numpy())].max(initial=0)
        <= 1 + 1e-6
    )
    assert whole.columns == ["line_id", *OEE_COLUMNS]
