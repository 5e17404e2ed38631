"""What the lines are planned with: consistent with what they made, and known when it says."""

from datetime import date

import polars as pl
import pytest

from features.contracts import CONTRACTS, check_group
from tests.data_samples.conftest import Group

END = date(2025, 12, 31)
NAMES = ("line_products", "line_drivers", "line_plans", "stocks", "plan_orders", "plan_caps")
OTHERS = ("parties", "companies", "products", "lines")


def correlation(frame: pl.DataFrame, left: str, right: str) -> float:
    value = frame.select(pl.corr(left, right)).item()
    assert isinstance(value, float)
    return value


def days(group: Group) -> pl.DataFrame:
    """Return each reported day with its line's facts and its shares."""
    rows = group.clean("line_output").join(group.table("lines").drop("known_at", "name"), on="line_id")
    worked = rows.filter(pl.col("run_hours") > 2)
    return worked.with_columns(
        speed=pl.col("output") / (pl.col("run_hours") * pl.col("planned_rate")),
        quality=pl.col("good_output") / pl.col("output"),
    )


def driver(group: Group, name: str) -> pl.DataFrame:
    rows = group.table("line_drivers").filter(driver=name)
    assert rows.height > 1000
    return rows.select("line_id", "ds", pl.col("value").alias(name), told="known_at")


@pytest.mark.parametrize("which", ["group", "small"])
def test_new_tables_keep_their_contracts(which: str, request: pytest.FixtureRequest) -> None:
    group: Group = request.getfixturevalue(which)
    report = check_group({name: group.table(name) for name in (*OTHERS, *NAMES)}, partial=True)
    for name in NAMES:
        assert report.tables[name].passed, name
        assert report.tables[name].good.height > 0
        assert CONTRACTS[name].may_be_absent


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_told_after_the_extract(group: Group, name: str) -> None:
    assert group.table(name)["known_at"].max() <= END  # type: ignore[operator]


def test_every_product_has_a_line_and_some_have_two(group: Group, small: Group) -> None:
    for one in (group, small):
        routes = one.table("line_products").select("line_id", "product_id").unique()
        assert set(routes["product_id"]) == set(one.table("products")["product_id"])
        assert set(routes["line_id"]) == set(one.table("lines")["line_id"])
    lines = group.table("line_products").group_by("product_id").agg(pl.col("line_id").n_unique())
    assert lines["line_id"].max() == 2
    assert lines.filter(line_id=1).height > 2
    of_cells = group.table("line_products").filter(product_id="SKU-005")["line_id"].unique().to_list()
    assert of_cells == ["LINE-05"], "21700 cells are made on line 5 alone"


def test_margins_are_shares_of_what_is_paid(group: Group) -> None:
    routes = group.table("line_products").filter(known_at=date(2025, 1, 1))
    sales = group.clean("sales").filter(pl.col("ds").dt.year() == 2025, ~pl.col("promotion"))
    paid = sales.group_by("product_id").agg(pl.col("price").median())
    share = routes.join(paid, on="product_id").select(
        pl.col("margin_line", "margin_company", "margin_group") / pl.col("price")
    )
    for column in share.columns:
        assert share[column].is_between(0.1, 0.6).all(), column
    better = routes.filter(pl.col("margin_group") > pl.col("margin_line"))
    assert 0 < better.height < routes.height, "the group's interest is not every line's"


def test_shift_plans_are_known_weeks_ahead_and_met_where_no_rain_falls(group: Group) -> None:
    plans = group.table("line_plans")
    ahead = (plans["ds"] - plans["known_at"]).dt.total_days()
    assert ahead.min() >= 28  # type: ignore[operator]
    assert ahead.max() <= 91  # type: ignore[operator]
    assert plans["ds"].max() > END  # type: ignore[operator]
    last = (
        plans.sort("known_at")
        .unique(["line_id", "ds"], keep="last")
        .select("line_id", "ds", plan="planned_hours")
    )
    both = group.clean("line_output").join(last, on=["line_id", "ds"])
    dry = both.filter(~pl.col("line_id").is_in(["LINE-03", "LINE-08"]))
    assert dry.filter((pl.col("plan") - pl.col("planned_hours")).abs() > 0.051).is_empty()
    salt = both.filter(pl.col("line_id").is_in(["LINE-03", "LINE-08"]))
    assert salt.filter(pl.col("planned_hours") > pl.col("plan") + 0.051).is_empty()


def test_a_wet_day_takes_the_hours_of_a_salt_field(group: Group) -> None:
    rain = driver(group, "rain")
    rows = group.clean("line_output").join(rain, on=["line_id", "ds"])
    assert rows.filter(pl.col("rain") > 0)["planned_hours"].max() == 0
    assert (rows["told"] - rows["ds"]).dt.total_days().unique().to_list() == [1]
    forecast = driver(group, "rain_forecast").join(rain, on=["line_id", "ds"])
    assert (forecast["ds"] - forecast["told"]).dt.total_days().unique().to_list() == [5]
    seen = forecast.group_by(pl.col("rain") > 0).agg((pl.col("rain_forecast") > 0).mean().alias("share"))
    assert dict(seen.rows()) == {True: pytest.approx(0.82, abs=0.05), False: pytest.approx(0.07, abs=0.03)}


def test_drivers_tell_something_of_what_they_move(group: Group) -> None:
    key = ["line_id", "ds"]
    brine = days(group).filter(profile="sea_salt").join(driver(group, "brine_concentration"), on=key)
    assert correlation(brine, "brine_concentration", "speed") > 0.3
    crew = (
        days(group)
        .filter(profile="cylindrical_cells", planned_hours=11.0)
        .join(driver(group, "operators"), on=key)
    )
    assert correlation(crew, "operators", "speed") > 0.3
    cells = days(group).filter(pl.col("profile") == "cylindrical_cells", pl.col("run_hours") > 21)
    cells = cells.join(driver(group, "formation_channels"), on=key)
    made = cells.with_columns(made=pl.col("output") / pl.col("planned_rate"))
    assert correlation(made, "formation_channels", "made") > 0.5
    fibre = days(group).filter(profile="carbon_fibre").join(driver(group, "precursor_grade"), on=key)
    assert correlation(fibre, "precursor_grade", "quality") < -0.15


def test_stocks_follow_from_sales_and_never_from_more_than_was_made(group: Group) -> None:
    stocks = group.table("stocks").sort("product_id", "ds")
    assert set(stocks["ds"] == stocks["ds"].dt.month_end()) == {True}
    assert stocks.filter((pl.col("backlog") > 0) & (pl.col("quantity") > 0)).is_empty()
    level = pl.col("quantity") - pl.col("backlog")
    moved = stocks.with_columns(moved=level.diff().over("product_id"), month=pl.col("ds").dt.truncate("1mo"))
    sold = (
        group.clean("sales")
        .group_by("product_id", pl.col("ds").dt.truncate("1mo").alias("month"))
        .agg(pl.col("quantity").sum().alias("sold"))
    )
    routes = group.table("line_products").select("line_id", "product_id").unique()
    made = (
        group.clean("line_output").join(routes, on="line_id")
        .group_by("product_id", pl.col("ds").dt.truncate("1mo").alias("month")).agg(pl.col("good_output").sum())
    )  # fmt: skip
    rows = (
        moved.drop_nulls("moved")
        .join(sold, on=["product_id", "month"])
        .join(made, on=["product_id", "month"])
    )
    assert rows.height > 700
    beyond = pl.col("moved") + pl.col("sold") > 1.05 * pl.col("good_output") + 1
    well_stocked = pl.col("product_id").is_in(
        ["SKU-001", "SKU-004"]
    )  # others buy what their lines cannot make
    assert rows.filter(well_stocked).height > 100
    assert rows.filter(well_stocked & beyond).is_empty()
    assert rows.filter(beyond).height > 0


def test_stocks_mostly_cover_their_floor(group: Group) -> None:
    stocks = group.table("stocks")
    below = stocks.filter(pl.col("quantity") < pl.col("floor"))
    assert 0 < below.height < 0.12 * stocks.height


def test_salt_reserves_fall_in_the_run_on_salt(group: Group) -> None:
    stocks = group.table("stocks").filter(pl.col("ds").is_in([date(2022, 8, 31), date(2022, 9, 30)]))
    sea = stocks.filter(product_id="SKU-003").sort("ds")["quantity"].to_list()
    assert sea[1] < 0.8 * sea[0]
    low_sodium = stocks.filter(product_id="SKU-009").sort("ds").select("quantity", "floor", "backlog").rows()
    assert low_sodium[0][0] > low_sodium[0][1]
    assert low_sodium[1][0] - low_sodium[1][2] < low_sodium[1][1]


def test_caps_are_tightened_every_year_and_told_ahead(group: Group) -> None:
    caps = group.table("plan_caps").filter(pl.col("org_id").is_null(), kind="energy").sort("start_on")
    assert caps["limit"].is_sorted(descending=True)
    assert (caps["known_at"][1:] < caps["start_on"][1:]).all()
    assert caps["start_on"].to_list()[-1] == date(2026, 1, 1)


def test_orders_are_known_before_they_are_due(group: Group) -> None:
    orders = group.table("plan_orders")
    assert orders.filter(pl.col("known_at") >= pl.col("due_on")).is_empty()
    assert orders.filter(quantity=0.0).height > 5
    assert orders["due_on"].max() > END  # type: ignore[operator]
    again = orders.filter(pl.col("order_id").is_duplicated())
    assert 0.1 < again.height / orders.height < 0.25
