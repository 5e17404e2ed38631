"""Sales become panels of complete periods as they were known on a date, and nothing later is seen."""

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from features.demand import Panel
from features.errors import FrequencyError, MissingTableError, NoSeriesError, PanelColumnError, PanelTypeError
from features.sales.panel import SALES_LEVELS, sales_panel

_SAMPLES = Path(__file__).parents[3] / "data_samples" / "group"
_PRODUCTS = pl.DataFrame(
    {"product_id": ["P1", "P2"], "family": ["salt", "cell"], "known_at": [date(2023, 1, 1), date(2023, 1, 1)]}
).lazy()

Freq = Literal["1d", "1w", "1mo"]


def _days(
    first: date, last: date, *, product: str = "P1", org: str = "O1", known_at: date | None = None
) -> pl.DataFrame:
    """One unit a day at a price of 10, told on the tenth of the next month unless said otherwise."""
    table = pl.DataFrame({"ds": pl.date_range(first, last, "1d", eager=True)})
    told = pl.lit(known_at) if known_at else pl.col("ds").dt.month_end().dt.offset_by("10d")
    return table.select(
        pl.lit(org).alias("org_id"),
        pl.lit(product).alias("product_id"),
        pl.lit("华东").alias("region"),
        "ds",
        pl.lit(1.0).alias("quantity"),
        pl.lit(10.0).alias("price"),
        pl.lit(value=False).alias("promotion"),
        told.alias("known_at"),
    )


def _tables(*parts: pl.DataFrame) -> Mapping[str, pl.LazyFrame]:
    return {"sales": pl.concat(parts).lazy(), "products": _PRODUCTS}


def _sample() -> dict[str, pl.LazyFrame]:
    return {name: pl.scan_parquet(_SAMPLES / f"{name}.parquet") for name in ("sales", "products")}


def _rows(panel: Panel, rule: str) -> list[tuple[str, int]]:
    return panel.findings.filter(pl.col("rule") == rule).select("unique_id", "rows").rows()


def test_month_counts_once_its_company_reported_its_last_day() -> None:
    tables = _tables(
        _days(date(2024, 1, 1), date(2024, 4, 30)),
        _days(date(2024, 1, 1), date(2024, 4, 30), product="P2", org="O2").with_columns(
            pl.col("known_at").dt.offset_by("5d")
        ),
    )
    panel = sales_panel(tables, freq="1mo", as_of=date(2024, 4, 12))
    assert panel.frame.select("unique_id", "ds", "y").rows() == [
        ("P1|华东", date(2024, 1, 1), 31),
        ("P1|华东", date(2024, 2, 1), 29),
        ("P1|华东", date(2024, 3, 1), 31),
        ("P2|华东", date(2024, 1, 1), 31),
        ("P2|华东", date(2024, 2, 1), 29),
    ]
    assert _rows(panel, "ended_early") == [("P2|华东", 1)]
    assert _rows(panel, "days_missing") == []


@pytest.mark.parametrize(("first", "weeks"), [(date(2024, 1, 1), 4), (date(2024, 1, 3), 3)])
def test_week_is_complete_from_its_monday_to_its_sunday(first: date, weeks: int) -> None:
    panel = sales_panel(_tables(_days(first, date(2024, 1, 31))), freq="1w", as_of=date(2024, 3, 1))
    assert panel.frame["y"].to_list() == [7.0] * weeks
    assert panel.frame["ds"].dt.weekday().to_list() == [1] * weeks
    assert panel.frame["ds"].max() == date(2024, 1, 22)


def test_price_is_weighted_by_quantity_and_promotion_is_a_share_of_days() -> None:
    days = _days(date(2024, 1, 1), date(2024, 1, 31)).with_columns(
        pl.when(pl.col("ds") <= date(2024, 1, 10)).then(9.0).otherwise(1.0).alias("quantity"),
        pl.when(pl.col("ds") <= date(2024, 1, 10))
        .then(8.0)
        .when(pl.col("ds") <= date(2024, 1, 20))
        .then(10.0)
        .alias("price"),
        (pl.col("ds") <= date(2024, 1, 10)).alias("promotion"),
    )
    panel = sales_panel(_tables(days), freq="1mo", as_of=date(2024, 3, 1))
    assert panel.past == ("price", "promotion")
    assert panel.frame["price"][0] == pytest.approx((90 * 8 + 10 * 10) / 100)
    assert panel.frame["promotion"][0] == pytest.approx(10 / 31)


def test_returned_goods_do_not_weigh_in_the_price() -> None:
    days = _days(date(2024, 1, 1), date(2024, 1, 31)).with_columns(
        pl.when(pl.col("ds") == date(2024, 1, 9)).then(-5.0).otherwise("quantity").alias("quantity"),
        pl.when(pl.col("ds") == date(2024, 1, 9)).then(400.0).otherwise("price").alias("price"),
    )
    panel = sales_panel(_tables(days), freq="1mo", as_of=date(2024, 3, 1))
    assert panel.frame["price"].to_list() == pytest.approx([10])


def test_month_without_a_sale_takes_the_plain_mean_of_its_prices() -> None:
    days = _days(date(2024, 1, 1), date(2024, 1, 31)).with_columns(quantity=pl.lit(0.0))
    assert sales_panel(_tables(days), freq="1mo", as_of=date(2024, 3, 1)).frame["price"].to_list() == [10.0]


def test_day_reported_late_scales_its_month_until_it_is_known() -> None:
    days = _days(date(2024, 1, 1), date(2024, 1, 31))
    late = pl.when(pl.col("ds") == date(2024, 1, 9)).then(date(2024, 6, 1)).otherwise("known_at")
    tables = _tables(days.with_columns(quantity=pl.lit(2.0), known_at=late))
    panel = sales_panel(tables, freq="1mo", as_of=date(2024, 3, 1))
    assert panel.frame["y"].to_list() == pytest.approx([62.0])
    assert _rows(panel, "days_missing") == [("P1|华东", 1)]
    assert _rows(sales_panel(tables, freq="1mo", as_of=date(2024, 6, 1)), "days_missing") == []


def test_month_with_less_than_half_its_days_is_missing() -> None:
    days = _days(date(2023, 1, 1), date(2024, 12, 31))
    thin = days.filter(~pl.col("ds").is_between(date(2023, 6, 5), date(2023, 6, 30)))
    panel = sales_panel(_tables(thin), freq="1mo", as_of=date(2025, 2, 1))
    assert panel.frame.filter(~pl.col("observed"))["ds"].to_list() == [date(2023, 6, 1)]
    assert _rows(panel, "days_missing") == [("P1|华东", 26)]


def test_table_of_orders_only_has_zero_in_months_without_one() -> None:
    orders = _days(date(2024, 1, 1), date(2024, 8, 31)).filter(
        pl.col("ds").is_in([date(2024, 1, 1), date(2024, 2, 3), date(2024, 5, 9)])
    )
    other = _days(date(2024, 1, 1), date(2024, 8, 31), product="P2")
    panel = sales_panel(_tables(orders, other), freq="1mo", as_of=date(2024, 10, 1))
    mine = panel.frame.filter(pl.col("unique_id") == "P1|华东")
    assert mine["y"].to_list() == [1, 1, 0, 0, 1, 0, 0, 0]
    assert mine["observed"].all()


def test_revised_repeated_contradicting_and_infinite_days() -> None:
    days = _days(date(2024, 1, 1), date(2024, 1, 31))
    first, second, third, fourth = (days[index : index + 1] for index in range(4))
    revised = first.with_columns(quantity=pl.lit(5.0), known_at=pl.lit(date(2024, 2, 20)))
    clash = third.with_columns(quantity=pl.lit(7.0))
    infinite = fourth.with_columns(quantity=pl.lit(float("inf")))
    tables = _tables(days[:3], days[4:], revised, second, clash, infinite)
    panel = sales_panel(tables, freq="1mo", as_of=date(2024, 3, 1))
    assert panel.frame["y"].to_list() == pytest.approx([(5 + 28) * 31 / 29])
    named = {
        rule: _rows(panel, rule)[0][1]
        for rule in ("revised", "contradicting_days", "infinite", "days_missing")
    }
    assert named == {"revised": 1, "contradicting_days": 1, "infinite": 1, "days_missing": 2}
    before = sales_panel(tables, freq="1mo", as_of=date(2024, 2, 15))
    assert before.frame["y"].to_list() == pytest.approx([31])


def test_returns_are_taken_off_their_month() -> None:
    days = _days(date(2024, 1, 1), date(2024, 1, 31)).with_columns(
        pl.when(pl.col("ds") == date(2024, 1, 9)).then(-10.0).otherwise(2.0).alias("quantity")
    )
    assert sales_panel(_tables(days), freq="1mo", as_of=date(2024, 3, 1)).frame["y"].to_list() == [50]


def test_plans_make_drivers_known_ahead() -> None:
    tables = _tables(_days(date(2024, 1, 1), date(2024, 3, 31)))
    plans = pl.DataFrame(
        {
            "unique_id": ["P1|华东"] * 4 + ["P9|华东"],
            "ds": [date(2024, 2, 1), date(2024, 4, 1), date(2024, 4, 2), date(2024, 6, 1), date(2024, 4, 1)],
            "price": [99.0, 8.0, 10.0, 7.0, 1.0],
            "promotion": [True, True, False, False, False],
            "known_at": [date(2024, 3, 1)] * 3 + [date(2024, 5, 1), date(2024, 3, 1)],
        }
    )
    panel = sales_panel(tables, freq="1mo", as_of=date(2024, 4, 20), plans=plans)
    assert panel.known == ("price", "promotion")
    assert panel.frame["price"].to_list() == [10, 10, 10]
    assert panel.future.select("ds", "price", "promotion").rows() == [(date(2024, 4, 1), 9.0, 0.5)]
    assert _rows(panel, "plan_without_series") == [("P9|华东", 1)]
    later = sales_panel(tables, freq="1mo", as_of=date(2024, 5, 1), plans=plans)
    assert later.future["price"].to_list() == [9.0, None, 7.0]


def test_plans_that_cannot_be_read_are_refused_by_column() -> None:
    tables = _tables(_days(date(2024, 1, 1), date(2024, 3, 31)))
    plans = pl.DataFrame({"unique_id": ["P1|华东"], "ds": ["April"], "price": [1.0], "promotion": [0.0]})
    with pytest.raises(PanelColumnError, match="price, promotion"):
        sales_panel(tables, freq="1mo", as_of=date(2024, 5, 1), plans=plans.select("unique_id", "ds"))
    with pytest.raises(PanelTypeError, match="ds"):
        sales_panel(tables, freq="1mo", as_of=date(2024, 5, 1), plans=plans)


def test_series_too_young_for_a_whole_period_is_refused_by_name() -> None:
    tables = _tables(
        _days(date(2024, 1, 1), date(2024, 3, 31)), _days(date(2024, 3, 9), date(2024, 3, 31), product="P2")
    )
    panel = sales_panel(tables, freq="1mo", as_of=date(2024, 5, 1))
    assert panel.refused.select("unique_id", "rule").rows() == [("P2|华东", "no_whole_period")]
    assert panel.refused["reason_en"][0].startswith("Sales: ")
    with pytest.raises(NoSeriesError, match="no whole period"):
        sales_panel(_tables(_days(date(2024, 3, 9), date(2024, 3, 31))), freq="1mo", as_of=date(2024, 5, 1))


def test_nothing_known_and_missing_tables_are_errors() -> None:
    tables = _tables(_days(date(2024, 1, 1), date(2024, 3, 31)))
    with pytest.raises(NoSeriesError):
        sales_panel(tables, freq="1mo", as_of=date(2020, 1, 1))
    with pytest.raises(MissingTableError, match="products"):
        sales_panel({"sales": tables["sales"]}, freq="1mo", as_of=date(2024, 5, 1))
    with pytest.raises(FrequencyError):
        sales_panel(tables, freq="1q", as_of=date(2024, 5, 1))  # type: ignore[arg-type]  # what a caller may pass


def test_static_columns_make_the_levels_and_unlisted_products_are_named() -> None:
    tables = _tables(
        _days(date(2024, 1, 1), date(2024, 2, 29)), _days(date(2024, 1, 1), date(2024, 2, 29), product="P9")
    )
    panel = sales_panel(tables, freq="1mo", as_of=date(2024, 5, 1))
    assert panel.static is not None
    assert panel.static.rows() == [
        ("P1|华东", "O1", "salt", "P1", "华东"),
        ("P9|华东", "O1", "unlisted", "P9", "华东"),
    ]
    assert _rows(panel, "unlisted_product") == [("P9|华东", 1)]
    assert {column for columns in SALES_LEVELS.values() for column in columns} < set(panel.static.columns)


@pytest.mark.parametrize("freq", ["1d", "1w", "1mo"])
def test_sample_group_gives_a_series_for_each_product_and_region(freq: Freq) -> None:
    as_of = date(2025, 12, 10)
    panel = sales_panel(_sample(), freq=freq, as_of=as_of)
    sales = _sample()["sales"].select("product_id", "region", "quantity", "known_at").collect()
    assert panel.series.height == sales.select("product_id", "region").n_unique()
    assert panel.refused.is_empty()
    assert panel.series["non_negative"].all()
    # Cells are reported on the 11th, a day after the date asked for; carbon fibre and salt on the 8th and the 10th.
    late = panel.series.filter(pl.col("ended_early") > 0)["unique_id"].str.starts_with("SKU-001")
    assert late.sum() == late.len() == 4
    known = sales.filter(pl.col("quantity").is_finite() & (pl.col("known_at") <= as_of))["quantity"].sum()
    assert panel.frame["y"].sum() == pytest.approx(known, rel=0.01)


@pytest.mark.parametrize("freq", ["1d", "1w", "1mo"])
def test_what_became_known_later_does_not_change_the_panel(freq: Freq) -> None:
    as_of, rng = date(2024, 8, 9), np.random.default_rng(6)
    tables = _sample()
    sales = tables["sales"].collect()
    later = sales.filter(pl.col("known_at") > as_of)
    first = date(2023, 1, 1)
    spoilt = later.with_columns(
        pl.Series("quantity", rng.normal(0, 1e6, later.height)),
        pl.Series("price", rng.uniform(1, 1e4, later.height)),
        pl.Series("ds", [first + timedelta(days=int(day)) for day in rng.integers(0, 900, later.height)]),
        pl.Series("promotion", rng.random(later.height) < 0.5),
        pl.Series("org_id", rng.choice(["ORG-07", "ORG-99"], later.height)),
        pl.Series("product_id", rng.choice(["SKU-001", "SKU-999"], later.height)),
    )
    products = tables["products"].collect()
    renamed = products.with_columns(family=pl.lit("salt"), known_at=pl.lit(as_of + timedelta(days=1)))
    plans = pl.DataFrame(
        {
            "unique_id": "SKU-001|华东",
            "ds": [date(2024, 9, 1)],
            "price": [3.0],
            "promotion": [0.0],
            "known_at": [as_of],
        }
    )
    secret = plans.with_columns(price=pl.lit(1.0), known_at=pl.lit(as_of + timedelta(days=1)))
    told = sales_panel(tables, freq=freq, as_of=as_of, plans=plans)
    spoilt_tables = {
        "sales": pl.concat([sales.filter(pl.col("known_at") <= as_of), spoilt]).lazy(),
        "products": pl.concat([products, renamed]).lazy(),
    }
    again = sales_panel(spoilt_tables, freq=freq, as_of=as_of, plans=pl.concat([plans, secret]))
    assert later.height > 1000
    for name in ("frame", "future", "series", "static", "findings", "refused"):
        assert_frame_equal(getattr(told, name), getattr(again, name))


def test_order_of_rows_does_not_matter() -> None:
    tables = _sample()
    shuffled = {
        name: frame.collect().sample(fraction=1, shuffle=True, seed=1).lazy()
        for name, frame in tables.items()
    }
    told, again = (sales_panel(one, freq="1mo", as_of=date(2025, 6, 1)) for one in (tables, shuffled))
    for name in ("frame", "static", "findings"):
        assert_frame_equal(getattr(told, name), getattr(again, name))
