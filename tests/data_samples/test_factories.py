"""Sales and lines: week, year, festival, panic, weather, bottleneck."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from sample_group.demand import PANIC, PANIC_HANGOVER
from sample_group.line_park import LINES
from sample_group.plants import FORMATION_HOURS
from sample_group.window import LUNAR_NEW_YEAR, Window, day_number, spring_festival_distance
from tests.data_samples.conftest import Group


def daily(group: Group, family: str, *, abroad: bool = False) -> pl.DataFrame:
    products = group.table("products").filter(family=family).select("product_id")
    region = pl.col("region") == "出口" if abroad else pl.col("region") != "出口"
    sales = group.clean("sales").filter(region).join(products, on="product_id")
    total = sales.group_by("ds").agg(pl.col("quantity").sum()).sort("ds")
    days = total["ds"].cast(pl.Int32).to_numpy()
    return total.with_columns(distance=pl.Series(spring_festival_distance(days)))


def mean(frame: pl.DataFrame) -> float:
    value = frame["quantity"].mean()
    assert isinstance(value, float)
    return value


@pytest.mark.parametrize(("family", "least_dip"), [("cell", 0.5), ("carbon_fibre", 0.5), ("salt", 0.8)])
def test_sales_dip_at_the_spring_festival(group: Group, family: str, least_dip: float) -> None:
    sales = daily(group, family)
    holiday = sales.filter(pl.col("distance").is_between(-2, 7))
    usual = sales.filter(pl.col("distance").is_between(30, 70))
    assert mean(holiday) < least_dip * mean(usual)
    stocking = sales.filter(pl.col("distance").is_between(-18, -10))
    assert mean(stocking) > 1.05 * mean(usual)


def test_exports_do_not_keep_the_spring_festival(group: Group) -> None:
    sales = daily(group, "cell", abroad=True)
    assert mean(sales.filter(pl.col("distance").is_between(-2, 7))) > 0.8 * mean(
        sales.filter(pl.col("distance").is_between(30, 70))
    )


def test_table_salt_shows_the_panic_and_the_pull_forward(group: Group) -> None:
    table_salt = group.table("products").filter(pl.col("name").str.contains("食用盐"))["product_id"].implode()
    total = (
        group.clean("sales")
        .filter(pl.col("product_id").is_in(table_salt))
        .group_by("ds")
        .agg(pl.col("quantity").sum())
    )
    before = total.filter(pl.col("ds").is_between(date(2022, 7, 25), date(2022, 9, 4)))
    run = total.filter(pl.col("ds").is_between(*PANIC))
    after = total.filter(pl.col("ds").is_between(date(2022, 9, 19), date(2022, 10, 18)))
    assert mean(run) > 2 * mean(before)
    assert mean(after) < 0.75 * mean(before)
    told = group.truth("events").filter(event="salt_panic").row(0)
    assert told[1:3] == PANIC
    assert (
        group.truth("events").filter(event="salt_pull_forward")["end_on"][0].toordinal()
        - PANIC[1].toordinal()
        == PANIC_HANGOVER
    )


def test_weekends_are_quiet_in_industry(group: Group) -> None:
    sales = daily(group, "cell").with_columns(weekday=pl.col("ds").dt.weekday())
    assert mean(sales.filter(pl.col("weekday") > 5)) < 0.5 * mean(sales.filter(pl.col("weekday") <= 5))


def test_promotions_lift_sales(group: Group) -> None:
    sales = group.clean("sales").filter(pl.col("product_id") == "SKU-004", pl.col("quantity") > 0)
    by_promotion = dict(sales.group_by("promotion").agg(pl.col("quantity").log().mean()).iter_rows())
    assert by_promotion[True] > by_promotion[False] + 0.1


def test_returns_are_negative_and_rare(group: Group) -> None:
    share = (group.clean("sales")["quantity"] < 0).mean()
    assert isinstance(share, float)
    assert 0.001 < share < 0.01


def test_sea_salt_follows_the_sun_and_well_salt_does_not(group: Group) -> None:
    output = group.clean("line_output").join(group.table("lines").select("line_id", "name"), on="line_id")
    by_month = output.group_by("name", pl.col("ds").dt.month().alias("month")).agg(pl.col("output").mean())
    sea = (
        by_month.filter(pl.col("name").str.starts_with("海盐")).group_by("month").agg(pl.col("output").sum())
    )
    well = by_month.filter(pl.col("name") == "井矿盐二线", pl.col("month").is_in([1, 2, 10, 11, 12]))
    assert sea.filter(month=12)["output"][0] < 0.1 * sea["output"].max()  # type: ignore[operator]
    assert well["output"].min() > 0.85 * well["output"].max()  # type: ignore[operator]


def test_formation_caps_the_output_of_cell_lines(group: Group) -> None:
    cells = group.clean("line_output").join(group.table("lines").filter(family="cell"), on="line_id")
    assert cells.filter(pl.col("output") > FORMATION_HOURS * pl.col("planned_rate") + 1).is_empty()
    capped = cells.filter(
        (pl.col("run_hours") > 21) & (pl.col("output") > 0.85 * FORMATION_HOURS * pl.col("planned_rate"))
    )
    assert capped.height > 500


def test_run_hours_are_planned_hours_less_the_stops(group: Group) -> None:
    stops = group.clean("line_stops").filter(pl.col("reason") != "planned")
    hours = (pl.col("end_at") - pl.col("start_at")).dt.total_seconds() / 3600
    lost = stops.group_by("line_id", pl.col("start_at").dt.date().alias("ds")).agg(hours.sum().alias("lost"))
    rows = (
        group.clean("line_output")
        .join(lost, on=["line_id", "ds"], how="left")
        .with_columns(pl.col("lost").fill_null(0.0))
    )
    known = rows.filter(pl.col("known_at") <= date(2025, 12, 1))
    assert known.filter(
        (pl.col("planned_hours") - pl.col("lost") - pl.col("run_hours")).abs() > 0.05
    ).is_empty()
    assert known.filter(pl.col("lost") > 0).height > 1000


def test_lines_rest_in_their_planned_maintenance_known_before(group: Group) -> None:
    plans = group.table("maintenance")
    assert plans.filter(pl.col("known_at") >= pl.col("start_on")).is_empty()
    resting = plans.select("line_id", pl.date_ranges("start_on", "end_on").alias("ds")).explode("ds")
    output = group.clean("line_output").join(resting, on=["line_id", "ds"])
    assert output.height > 300
    assert output["planned_hours"].max() == 0
    assert set(plans["line_id"]) == {line.line_id for line in LINES}


def test_lunar_new_year_table_is_plausible() -> None:
    assert [day.year for day in LUNAR_NEW_YEAR] == list(range(2019, 2029))
    assert all(date(day.year, 1, 21) <= day <= date(day.year, 2, 21) for day in LUNAR_NEW_YEAR)
    gaps = np.diff([day_number(day) for day in LUNAR_NEW_YEAR])
    assert set(gaps.tolist()) <= {353, 354, 355, 383, 384, 385}  # twelve or thirteen lunar months


def test_a_window_counts_its_months_and_days() -> None:
    window = Window(date(2020, 2, 10), date(2023, 1, 15))
    assert window.months == 36
    assert window.month_ends()[0] == day_number(date(2020, 2, 29))
    assert len(window.days()) == (date(2023, 1, 15) - date(2020, 2, 10)).days + 1
