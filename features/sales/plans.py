"""Planned prices and promotions of the periods that are still to come."""

from datetime import date
from typing import Final

import polars as pl

from features.errors import PanelColumnError, PanelTypeError
from features.panels.notes import Notes

__all__ = ["planned"]

_COLUMNS: Final = ("unique_id", "ds", "price", "promotion")


def planned(
    plans: pl.DataFrame | None, freq: str, as_of: date, sums: pl.DataFrame, notes: Notes
) -> pl.DataFrame:
    """Return the plans published by `as_of` for periods after each series' last complete one: mean price and promotion.

    Raises PanelColumnError or PanelTypeError for plans that cannot be read.
    """
    empty = sums.clear()
    if plans is None:
        return empty
    _check(plans)
    if "known_at" in plans.columns:
        plans = plans.filter(pl.col("known_at") <= as_of)
    periods = plans.group_by("unique_id", pl.col("ds").dt.truncate(freq)).agg(
        pl.col("price").cast(pl.Float64).mean(), pl.col("promotion").cast(pl.Float64).mean()
    )
    ends = sums.group_by("unique_id").agg(pl.col("ds").max().alias("end"))
    nobody = periods.join(ends, on="unique_id", how="anti")
    notes.find(
        "plan_without_series",
        nobody.group_by("unique_id").agg(
            pl.len().alias("rows"), pl.col("ds").min().to_physical().alias("first")
        ),
    )
    later = periods.join(ends, on="unique_id").filter(pl.col("ds") > pl.col("end"))
    return (
        later.with_columns(pl.lit(None, pl.Float64).alias("y")).select(empty.columns).sort("unique_id", "ds")
    )


def _check(plans: pl.DataFrame) -> None:
    if absent := [name for name in _COLUMNS if name not in plans.columns]:
        raise PanelColumnError(absent, plans.columns)
    if plans["ds"].dtype != pl.Date:
        raise PanelTypeError("ds", str(plans["ds"].dtype), wanted_zh="日期", wanted_en="a date")
    for name in ("price", "promotion"):
        dtype = plans[name].dtype
        if not (dtype.is_numeric() or dtype in (pl.Boolean, pl.Null)):
            raise PanelTypeError(
                name, str(dtype), wanted_zh="数字或是否", wanted_en="a number or true and false"
            )
