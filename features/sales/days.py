"""Sales by product, region and day as they were known on a date: one row a day, revisions and repetitions settled."""

from typing import Final

import polars as pl

from features.asof import Known
from features.panels.notes import Notes

__all__ = ["known_days"]

_KEY: Final = ("unique_id", "ds")
_COLUMNS: Final = ("org_id", "product_id", "region", "ds", "quantity", "price", "promotion", "known_at")


def known_days(known: Known, notes: Notes) -> pl.DataFrame:
    """Return unique_id, org_id, product_id, region, ds, quantity (null: not reported), price, promotion, one row a day.

    Of several rows of a day the one known last counts. Quantities that are infinite, or that contradict each other,
    count as not reported.
    """
    rows = known.rows("sales", *_COLUMNS).filter(pl.col("ds") <= known.as_of).collect()
    rows = rows.with_columns(pl.concat_str("product_id", "region", separator="|").alias("unique_id"))
    again = rows.select(pl.struct(_KEY).is_duplicated().alias("again"))["again"]
    several = rows.filter(again)
    newest = several.filter(pl.col("known_at") == pl.col("known_at").max().over(_KEY))
    notes.find("revised", _counted(several.join(newest, on=[*_KEY, "known_at"], how="anti")))
    days = pl.concat([rows.filter(~again), _merged(newest, notes).select(rows.columns)]).drop("known_at")
    infinite = pl.col("quantity").is_infinite().fill_null(value=False)
    notes.find("infinite", _counted(days.filter(infinite)))
    usable = pl.when(pl.col("quantity").is_finite()).then("quantity")
    return days.with_columns(usable.alias("quantity"), pl.col("price").fill_nan(None)).sort(_KEY)


def _merged(rows: pl.DataFrame, notes: Notes) -> pl.DataFrame:
    """Return one row a day: what its rows agree on, null where they do not."""
    told = rows.columns
    facts = [name for name in told if name not in _KEY]
    one = [pl.when(pl.col(name).n_unique() == 1).then(pl.col(name).first()).alias(name) for name in facts]
    clash = (pl.col("quantity").n_unique() > 1).alias("clash")
    days = rows.group_by(_KEY).agg(*one, clash)
    notes.find("contradicting_days", _counted(days.filter("clash")))
    return days.select(told)


def _counted(rows: pl.DataFrame) -> pl.DataFrame:
    """Return unique_id, number of rows and first day (days since 1970) of the series in `rows`."""
    return rows.group_by("unique_id").agg(
        pl.len().alias("rows"), pl.col("ds").min().to_physical().alias("first")
    )
