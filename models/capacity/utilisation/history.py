"""Histories of monthly utilisation as arrays, right-aligned, each ending with its last known value."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import polars as pl

from features.timeline import Frequency, Timeline, timeline_of
from models.demand.series import FloatArray, IntArray
from models.errors import UtilisationError

__all__ = ["Histories", "histories_of"]

_SHOWN: Final = 5


@dataclass(frozen=True, eq=False)
class Histories:
    """y (n, T), NaN before a series starts and where a month is missing; last (n,): the month number of the last column."""

    ids: tuple[str, ...]
    y: FloatArray
    last: IntArray
    timeline: Timeline
    kind: pl.DataType  # of the table's dates, in which forecasts are given back

    def before(self, back: int) -> "Histories":
        """Return what was there `back` months earlier."""
        return replace(self, y=self.y[:, : self.y.shape[1] - back], last=self.last - back)

    def actuals(self, back: int, horizon: int) -> FloatArray:
        """Return what came in the months after, (n, horizon), NaN where nothing did."""
        start = self.y.shape[1] - back
        came = self.y[:, start : start + horizon]
        return np.pad(came, ((0, 0), (0, horizon - came.shape[1])), constant_values=np.nan)


def histories_of(frame: pl.DataFrame) -> Histories:
    """Read [unique_id, ds, y], a row a month; months without a row or value are gaps.

    Raises UtilisationError naming the series for a missing column, a month given twice, a value below 0 or infinite, or
    no value at all; MixedFrequencyError where dates are not months.
    """
    missing = [one for one in ("unique_id", "ds", "y") if one not in frame.columns]
    if missing or frame.is_empty():
        raise UtilisationError(
            zh=f"利用率历史为空或缺少列 {', '.join(missing)}。请提供 unique_id、ds（月）与 y。",
            en=f"The history of utilisation is empty or lacks {', '.join(missing)}. Give unique_id, ds (months) and y.",
        )
    timeline = timeline_of(frame["ds"], Frequency.MONTH)
    rows = frame.select(
        pl.col("unique_id").cast(pl.String), timeline.period().alias("month"), pl.col("y").cast(pl.Float64)
    ).sort("unique_id", "month", "y")
    known = rows.filter(pl.col("y").is_not_null() & ~pl.col("y").is_nan())
    _check(rows, known)
    last = known.group_by("unique_id").agg(pl.col("month").max().alias("last")).sort("unique_id")
    ids = last["unique_id"].to_list()
    placed = known.join(last, on="unique_id", maintain_order="left")
    back = (placed["last"] - placed["month"]).to_numpy()
    row = placed["unique_id"].replace_strict(ids, list(range(len(ids))), return_dtype=pl.Int64).to_numpy()
    width = int(back.max()) + 1
    y = np.full((len(ids), width), np.nan)
    y[row, width - 1 - back] = placed["y"].to_numpy()
    ends = last["last"].to_numpy().astype(np.int64)
    return Histories(tuple(ids), y, ends, timeline, frame.schema["ds"])


def _check(rows: pl.DataFrame, known: pl.DataFrame) -> None:
    twice = rows.filter(pl.struct("unique_id", "month").is_duplicated())
    _refuse(twice, "有重复的月份。每月只留一行", "months given twice. Keep one row a month")
    wrong = known.filter((pl.col("y") < 0) | pl.col("y").is_infinite())
    _refuse(wrong, "有负的或无穷的利用率。请更正", "a utilisation below 0 or infinite. Correct it")
    empty = rows.join(known, on="unique_id", how="anti")
    _refuse(empty, "没有任何利用率数值。请补充或删去", "no value at all. Enter some or take the series out")


def _refuse(rows: pl.DataFrame, zh: str, en: str) -> None:
    if rows.height:
        names = rows["unique_id"].unique().sort().head(_SHOWN).to_list()
        raise UtilisationError(zh=f"{', '.join(names)} {zh}。", en=f"{', '.join(names)}: {en}.")
