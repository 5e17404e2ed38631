"""The group's sales as a panel: quantity by product and region, of complete periods as they were known on a date."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Final, Literal

import polars as pl

from features.asof import Known
from features.demand import Panel, build_panel
from features.errors import FrequencyError, NoSeriesError
from features.panels.notes import Notes
from features.sales.days import known_days
from features.sales.plans import planned

__all__ = ["SALES_LEVELS", "sales_panel"]

SALES_LEVELS: Final[Mapping[str, tuple[str, ...]]] = {
    "company": ("org_id",),
    "family": ("org_id", "family"),
    "product": ("org_id", "family", "product_id"),
}
"""Levels of the group above product x region, as columns of the panel's static table; the total stands above them."""

_STATIC: Final = ("org_id", "family", "product_id", "region")
_DRIVERS: Final = ("price", "promotion")
_PERIODS: Final = ("1d", "1w", "1mo")
_UNLISTED: Final = "unlisted"
_DAILY_SHARE: Final = (
    0.9  # of the days from a series' first row to its last; above it a missing day is a missing report
)
_LEAST_REPORTED: Final = 0.5  # share of a period's days below which its quantity is taken as missing


def sales_panel(
    tables: Mapping[str, pl.LazyFrame],
    *,
    freq: Literal["1d", "1w", "1mo"],
    as_of: date,
    plans: pl.DataFrame | None = None,
) -> Panel:
    """Return quantity sold per period (unit of the product), one series for each product and region.

    tables: `sales` and `products` by their contracts. unique_id is `product_id|region`; static columns are org_id,
    family, product_id and region, of which `SALES_LEVELS` makes the hierarchy. Weeks are stamped on their Monday,
    months on their first day. A period is complete once its company has reported its last day, so companies may end
    in different periods. Drivers are `price` (mean of known prices weighted by quantity, CNY per unit) and `promotion`
    (share of the days reported). They are known afterwards only, unless `plans` (unique_id, ds, price, promotion and
    perhaps known_at, one row per day or period) publishes them ahead.

    Raises MissingTableError, MissingColumnError, FrequencyError, PanelColumnError (plans), NoSeriesError where no
    company has reported a whole period.
    """
    if freq not in _PERIODS:
        raise FrequencyError(freq, _PERIODS)
    known, notes = Known(tables, as_of), Notes()
    days = known_days(known, notes)
    sums = _sums(days, freq, notes)
    if sums.is_empty():
        told = notes.refused()
        raise NoSeriesError(told.select("unique_id", "reason_zh", "reason_en").head(3).rows(), told.height)
    rows = sums.join(_static(days, known, notes), on="unique_id", how="left", maintain_order="left")
    ahead = planned(plans, freq, as_of, sums, notes)
    table = pl.concat([rows, ahead], how="diagonal")
    if plans is None:
        panel = build_panel(table, freq=freq, past=_DRIVERS, static=_STATIC)
    else:
        panel = build_panel(table, freq=freq, known=_DRIVERS, static=_STATIC)
    own = notes.findings(pl.col("first").cast(pl.Int32).cast(pl.Date))
    return replace(
        panel,
        findings=pl.concat([own, panel.findings]).sort("unique_id", "rule", "first_ds", "treatment_en"),
        refused=pl.concat([notes.refused(), panel.refused]).sort("unique_id"),
    )


def _sums(days: pl.DataFrame, freq: str, notes: Notes) -> pl.DataFrame:
    """Return y, price and promotion of each series' complete periods, y null where too little was reported."""
    weight = pl.col("quantity").clip(lower_bound=0)
    priced = pl.col("price").is_not_null() & pl.col("quantity").is_not_null()
    weighed = (pl.col("price") * weight).filter(priced).sum() / weight.filter(priced).sum()
    totals = days.group_by("unique_id", pl.col("ds").dt.truncate(freq)).agg(
        pl.col("quantity").sum().alias("sold"),
        pl.col("quantity").count().alias("reported"),
        pl.when(weighed.is_finite()).then(weighed).otherwise(pl.col("price").mean()).alias("price"),
        pl.col("promotion").cast(pl.Float64).mean().alias("promotion"),
    )
    rows = (
        _periods(days, freq, notes).join(totals, on=["unique_id", "ds"], how="left").sort("unique_id", "ds")
    )
    rows = rows.with_columns(
        pl.when("daily").then(pl.col("days") - pl.col("reported").fill_null(0)).alias("lost")
    )
    short = rows.filter(pl.col("lost") > 0).group_by("unique_id")
    notes.find(
        "days_missing",
        short.agg(pl.col("lost").sum().alias("rows"), pl.col("ds").min().to_physical().alias("first")),
    )
    share = pl.col("reported") / pl.col("days")
    whole = pl.when(share >= _LEAST_REPORTED).then(pl.col("sold") / share)
    quantity = pl.when(pl.col("lost") > 0).then(whole).otherwise(pl.col("sold").fill_null(0.0))
    return rows.select("unique_id", "ds", quantity.alias("y"), "price", "promotion")


def _periods(days: pl.DataFrame, freq: str, notes: Notes) -> pl.DataFrame:
    """Return the complete periods of each series: begun after its first row, over when its company had reported.

    Series with a row for nearly every day are `daily`: there a missing day is a missing report, elsewhere no sale.
    """
    front = days.group_by("org_id").agg(pl.col("ds").max().alias("front"))
    recorded = pl.len() >= _DAILY_SHARE * ((pl.col("ds").max() - pl.col("ds").min()).dt.total_days() + 1)
    series = days.group_by("unique_id", maintain_order=True).agg(
        pl.col("org_id").last(), pl.col("ds").min().alias("first"), recorded.alias("daily")
    )
    before, after = pl.col("first").dt.offset_by("-1d"), pl.col("front").dt.offset_by("1d")
    series = series.join(front, on="org_id").with_columns(
        before.dt.truncate(freq).dt.offset_by(freq).alias("begin"), after.dt.truncate(freq).alias("end")
    )
    whole = pl.col("begin") < pl.col("end")
    notes.refuse("no_whole_period", series.filter(~whole).with_columns(pl.lit(None, pl.UInt32).alias("row")))
    length = (pl.col("ds").dt.offset_by(freq) - pl.col("ds")).dt.total_days()
    return (
        series.filter(whole)
        .with_columns(pl.date_ranges("begin", "end", interval=freq, closed="left").alias("ds"))
        .explode("ds")
        .select("unique_id", "ds", "daily", length.alias("days"))
    )


def _static(days: pl.DataFrame, known: Known, notes: Notes) -> pl.DataFrame:
    """Return company, family, product and region of each series, as known last."""
    products = known.rows("products", "product_id", "family", "known_at").collect().sort("known_at", "family")
    families = products.group_by("product_id", maintain_order=True).agg(pl.col("family").last())
    series = days.group_by("unique_id", maintain_order=True).agg(
        pl.col("org_id", "product_id", "region").last(), pl.col("ds").min().to_physical().alias("first")
    )
    series = series.join(families, on="product_id", how="left", maintain_order="left")
    unlisted = series.filter(pl.col("family").is_null()).with_columns(pl.lit(1).alias("rows"))
    notes.find("unlisted_product", unlisted)
    return series.select("unique_id", *_STATIC).with_columns(pl.col("family").fill_null(_UNLISTED))
