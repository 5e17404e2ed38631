"""One row for each series and period: dates on the panel's frequency, revisions and repetitions settled."""

import math
from datetime import date, datetime, timedelta
from typing import Final

import numpy as np
import polars as pl

from features.panels.input import Wanted, moment_of, refuse
from features.panels.notes import Notes
from features.tables.contract import Text
from features.timeline import Frequency, Timeline, timeline_of

__all__ = ["counted", "on_timeline", "one_row_per_period", "without_open_periods"]

_LARGEST: Final = 1e100
_MONTHS: Final = {Frequency.MONTH: "1mo", Frequency.QUARTER: "3mo"}


def on_timeline(rows: pl.DataFrame, wanted: Wanted, notes: Notes) -> tuple[pl.DataFrame, Timeline]:
    """Refuse series off the frequency that most rows share; add `period`.

    Raises MixedFrequencyError where no series is left.
    """
    frequency = wanted.frequency
    if frequency != Frequency.INTEGER and not rows.is_empty():
        dates = rows["ds"].value_counts()
        fitting = dates.filter(_fits(dates, frequency))["ds"]
        whole = fitting.len() == dates.height
        kept = rows if whole else refuse(rows, ~pl.col("ds").is_in(fitting.implode()), "off_frequency", notes)
        if kept.is_empty():
            timeline_of(rows["ds"], frequency)
        rows = kept.with_columns(
            pl.col("ds").cast(pl.Datetime("us") if frequency == Frequency.HOUR else pl.Date)
        )
    timeline = timeline_of(rows["ds"], frequency)
    rows = rows.with_columns(timeline.period().alias("period"))
    return _finite(rows, wanted, notes), timeline


def _finite(rows: pl.DataFrame, wanted: Wanted, notes: Notes) -> pl.DataFrame:
    """Take infinite numbers, and y too large to be squared, for missing ones."""
    for name in ("y", *(name for name in wanted.drivers if rows[name].dtype.is_float())):
        rule, most = ("infinite", _LARGEST) if name == "y" else ("infinite_driver", math.inf)
        bad = pl.col(name).abs() >= most
        wrong = rows.filter(bad)
        if not wrong.is_empty():
            notes.find(rule, counted(wrong), None if name == "y" else Text(f"{name}：", f"{name}: "))
            rows = rows.with_columns(pl.when(~bad).then(name).alias(name))
    return rows


def _fits(dates: pl.DataFrame, frequency: Frequency) -> pl.Expr:
    """Tell which dates lie on the frequency; `dates` holds each with its `count`, and most decide on which day."""
    ds, count = pl.col("ds"), pl.col("count")
    if frequency == Frequency.HOUR:
        return ds.dt.truncate("1h") == ds
    whole = ds.dt.truncate("1d") == ds
    if frequency == Frequency.DAY:
        return whole
    if frequency == Frequency.WEEK:
        weekday = ds.dt.weekday().alias("weekday")
        usual = (
            dates.filter(whole)
            .group_by(weekday)
            .agg(count.sum())
            .sort("count", "weekday", descending=[True, False])
        )
        return whole & (ds.dt.weekday() == int(usual["weekday"][0] if usual.height else 1))
    first = ds.dt.truncate(_MONTHS[frequency])
    last = first.dt.offset_by(_MONTHS[frequency]).dt.offset_by("-1d")
    firsts, lasts = dates.select(
        *(count.filter(ds == one).sum().alias(name) for name, one in (("first", first), ("last", last)))
    ).row(0)
    return ds == (first if firsts >= lasts else last)


def one_row_per_period(rows: pl.DataFrame, wanted: Wanted, notes: Notes) -> pl.DataFrame:
    """Return rows sorted by series and period with a dense `code` for each series, one row for each period."""
    ids = rows["unique_id"].unique().sort()
    codes = rows["unique_id"].cast(pl.Enum(ids)).to_physical().cast(pl.Int64)
    rows = rows.with_columns(codes.alias("code")).sort("code", "period")
    same = (pl.col("code") == pl.col("code").shift()) & (pl.col("period") == pl.col("period").shift())
    again = rows.select((same | same.shift(-1)).fill_null(value=False).alias("again"))["again"]
    if not again.any():
        return rows
    single, several = rows.filter(~again), _settled(rows.filter(again), wanted, notes)
    rows = pl.concat([single, several]).sort("code", "period")
    return (
        rows.join(_contradicting(several, wanted, notes), on="code", how="anti", maintain_order="left")
        # Of rows that repeat each other but for a static column, the order of the table must not choose.
        .sort("code", "period", *wanted.static, nulls_last=True)
        .unique(["code", "period"], keep="first", maintain_order=True)
    )


def _settled(rows: pl.DataFrame, wanted: Wanted, notes: Notes) -> pl.DataFrame:
    """Keep what was known last of each date."""
    if "known_at" not in rows.columns:
        return rows
    newest = pl.col("known_at").max().over("code", "period")
    old = (pl.col("known_at") < newest) | (pl.col("known_at").is_null() & newest.is_not_null())
    old = old.fill_null(value=False)
    notes.find("revised", counted(rows.filter(old)))
    return rows.filter(~old)


def _contradicting(rows: pl.DataFrame, wanted: Wanted, notes: Notes) -> pl.DataFrame:
    """Refuse series of which two rows of a date differ in y or a driver; name those that only repeat themselves."""
    values = ["y", *wanted.drivers]
    different = rows.unique(["code", "period", *values])
    key = ["code", "period"]
    clashing = different.filter(pl.len().over(key) > 1).select(key).unique()
    notes.refuse("contradicting_rows", rows.join(clashing, on=key, how="semi"))
    spare = rows.group_by(*key).agg(pl.len(), pl.col("unique_id").first()).filter(pl.col("len") > 1)
    spare = spare.join(clashing, on="code", how="anti")
    notes.find(
        "repeated_rows",
        spare.group_by("unique_id").agg(
            (pl.col("len") - 1).sum().alias("rows"), pl.col("period").min().alias("first")
        ),
    )
    return clashing.select("code").unique()


def without_open_periods(
    rows: pl.DataFrame, timeline: Timeline, wanted: Wanted, notes: Notes
) -> pl.DataFrame:
    """Take y away from periods that were not over on the as-of date; flag them as `open`."""
    if wanted.as_of is None or timeline.frequency == Frequency.INTEGER:
        return rows.with_columns(pl.lit(value=False).alias("open"))
    is_open = pl.col("period") > _newest_closed(timeline, wanted.as_of)
    notes.find("open_period", counted(rows.filter(is_open & pl.col("y").is_not_null())))
    return rows.with_columns(pl.when(~is_open).then("y").alias("y"), is_open.alias("open"))


def _newest_closed(timeline: Timeline, as_of: date | datetime) -> int:
    moment = moment_of(as_of)
    if timeline.frequency == Frequency.HOUR:
        begun = moment.replace(minute=0, second=0, microsecond=0)
        complete = moment - begun >= timedelta(minutes=59, seconds=59, microseconds=999_999)
        begun = begun if complete else begun - timedelta(hours=1)
        return int(pl.DataFrame({"ds": [begun]}).select(timeline.period())[0, 0])
    over = moment.date() if moment.time() >= datetime.max.time() else moment.date() - timedelta(days=1)
    period = int(pl.DataFrame({"ds": [over]}).select(timeline.period())[0, 0])
    end = timeline.ends(np.array([period], dtype=np.int64))[0]
    return period if end <= np.datetime64(over) else period - 1


def counted(rows: pl.DataFrame) -> pl.DataFrame:
    """Return unique_id, number of rows and first period of the series in `rows`."""
    return rows.group_by("unique_id").agg(pl.len().alias("rows"), pl.col("period").min().alias("first"))
