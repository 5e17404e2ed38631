"""How much of a period's orders each of its days usually brings: weekdays, days off, Spring Festival."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from features.calendar import calendar_columns
from features.timeline import Frequency, Timeline
from models.demand.series import FloatArray, IntArray

__all__ = ["DayWeights", "day_kinds", "learn_day_weights"]

_STEPS: Final = (-14, -7, -2, 0, 3, 7, 14, 21)  # days from Spring Festival at which its effect may turn
_OFF, _MAKEUP, _FIRST_STEP = 7, 8, 9
_KINDS: Final = _FIRST_STEP + len(_STEPS) - 1
_WILD: Final = 10.0  # average days' worth: what one day can say at most
_PRIOR: Final = 20.0  # days' worth of an even day, so that a kind seen seldom stays near it


@dataclass(frozen=True)
class DayWeights:
    """Usual orders of each kind of day over those of an average day, (kinds,)."""

    of_kind: FloatArray

    def of(self, days: IntArray) -> FloatArray:
        """Return the weight of days (numbers since 1970-01-01)."""
        return self.of_kind[day_kinds(days)]


def day_kinds(days: IntArray) -> IntArray:
    """Return the kind of each day: weekday 0 to 6, a weekday off, a make-up day, or a step through Spring Festival."""
    columns = calendar_columns(Timeline(Frequency.DAY), days)
    kinds = np.nan_to_num(columns["weekday"]).astype(np.int64)
    kinds = np.where(np.nan_to_num(columns["weekday_off"]) > 0, _OFF, kinds)
    kinds = np.where(np.nan_to_num(columns["makeup_workday"]) > 0, _MAKEUP, kinds)
    offset = columns["spring_festival_offset"]
    step = np.searchsorted(np.array(_STEPS), np.nan_to_num(offset, nan=99.0), side="right") - 1
    near = (step >= 0) & (step < len(_STEPS) - 1)
    return np.where(near, _FIRST_STEP + step, kinds).astype(np.int64)


def learn_day_weights(totals: pl.DataFrame, periods: pl.DataFrame) -> DayWeights:
    """Learn weights from complete periods; all days alike where there are none.

    totals: unique_id, day, period, y, no day twice for a series; periods: period, first_day, days. Each series counts
    by its own size, so that a large one does not decide for all; a day without a row is a day without orders.
    """
    shares = (
        totals.join(periods, on="period", maintain_order="left")
        .with_columns(total=pl.col("y").sum().over("unique_id", "period"))
        .filter(pl.col("total") > 0)
        .with_columns(share=(pl.col("y") * pl.col("days") / pl.col("total")).clip(-_WILD, _WILD))
    )
    kinds = day_kinds(shares["day"].to_numpy().astype(np.int64))
    summed = np.bincount(kinds, weights=shares["share"].to_numpy(), minlength=_KINDS)
    counted = np.zeros(_KINDS)
    many = shares.group_by("period", "first_day", "days").agg(pl.col("unique_id").n_unique()).sort("period")
    for _, first, days, series in many.iter_rows():
        kinds = day_kinds(np.arange(first, first + days, dtype=np.int64))
        counted += series * np.bincount(kinds, minlength=_KINDS)
    return DayWeights(np.maximum((summed + _PRIOR) / (counted + _PRIOR), 0.0))
