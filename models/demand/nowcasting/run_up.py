"""How the orders of a period come in: what was known of earlier periods at the same point, and what they became."""

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import polars as pl

from features.timeline import Timeline
from models.demand.nowcasting.day_weights import DayWeights, learn_day_weights
from models.demand.series import FloatArray, IntArray

__all__ = ["RunUp", "observe_run_up", "span_of_period"]

_MOST_PERIODS: Final = 24  # habits of reporting older than these say little
_COMPLETE: Final = 0.99  # of a period's units: known so far, it counts as complete
_SETTLED: Final = 0.9  # of earlier periods were complete at this age
_LEAST_WEIGHT: Final = 1e-6  # a period of days that never sell still has its days
_EPOCH: Final = date(1970, 1, 1)


@dataclass(frozen=True)
class RunUp:
    """Of n series, the running period and P earlier ones, oldest first, at the same point of each.

    known: (n, P + 1) units known by then, the running period last; elapsed: (n, P + 1) usual share of the days that
    had been reported by then; final: (n, P) units in the end, NaN where the series had no rows; periods: (P,).
    """

    known: FloatArray
    elapsed: FloatArray
    final: FloatArray
    periods: IntArray


def observe_run_up(
    orders: pl.DataFrame,
    timeline: Timeline,
    *,
    ids: list[str],
    groups: pl.DataFrame | None,
    period: int,
    as_of: date,
) -> RunUp:
    """Look at the running period as of a date and at earlier ones as of the same point in them.

    orders: unique_id, ds, y, known_at (dates), all known by `as_of`; groups: unique_id, group of series that report
    together, None: each for itself. The same point is the day by which the same share of a period's usual orders has
    come (working days, weekends and Spring Festival counted as they usually sell), or as many days after its end.
    """
    daily = _daily(orders, timeline)
    past = _settled(daily, timeline, period, (as_of - _EPOCH).days)
    weights = _weights(daily, timeline, past)
    places = _Places(timeline, weights, np.append(past, period))
    known, through = _known(daily, places.cutoffs((as_of - _EPOCH).days), groups, ids)
    final = _pivot(
        daily.group_by("unique_id", "period", maintain_order=True).agg(pl.col("y").sum()), "y", ids, past
    )
    begun = np.cumsum(np.isfinite(final), axis=1) > 0
    final = np.where(
        begun, np.nan_to_num(final), np.nan
    )  # once it sells, a period without rows is one without orders
    return RunUp(_pivot(known, "y", ids, places.periods, fill=0.0), places.elapsed(through, ids), final, past)


@dataclass(frozen=True)
class _Places:
    """Where in a period a day lies, by the orders that its days usually bring."""

    timeline: Timeline
    weights: DayWeights
    periods: IntArray  # earlier ones and, last, the running one

    def curve(self, period: int) -> tuple[int, FloatArray]:
        """Return a period's first day and the share of its usual orders up to the end of each of its days."""
        first, last = span_of_period(self.timeline, period)
        weight = np.maximum(self.weights.of(np.arange(first, last + 1, dtype=np.int64)), _LEAST_WEIGHT)
        return first, np.cumsum(weight) / weight.sum()

    def cutoffs(self, as_of: int) -> pl.DataFrame:
        """Return for each period the day that corresponds to `as_of` in the running one: period, cutoff."""
        first, curve = self.curve(int(self.periods[-1]))
        into = as_of - first
        days = []
        for period in self.periods[:-1]:
            start, other = self.curve(int(period))
            if into >= len(curve):
                days.append(start + len(other) + into - len(curve))
            else:
                days.append(start + int(np.abs(other - curve[into]).argmin()))
        return pl.DataFrame({"period": self.periods, "cutoff": np.array([*days, as_of], dtype=np.int64)})

    def elapsed(self, through: pl.DataFrame, ids: list[str]) -> FloatArray:
        """Return the share of each period's usual orders up to the day through which it has been reported, (n, P + 1)."""
        reported = _pivot(through, "through", ids, self.periods, fill=float("-inf"))
        shares = np.zeros_like(reported)
        for column, period in enumerate(self.periods):
            first, curve = self.curve(int(period))
            into = np.clip(reported[:, column] - first, -1, len(curve) - 1).astype(np.int64)
            shares[:, column] = np.where(into >= 0, curve[np.maximum(into, 0)], 0.0)
        return shares


def span_of_period(timeline: Timeline, period: int) -> tuple[int, int]:
    """Return the first and last day of a period as numbers since 1970-01-01."""
    one = np.array([period], dtype=np.int64)
    return int(timeline.starts(one).astype(np.int64)[0]), int(timeline.ends(one).astype(np.int64)[0])


def _daily(orders: pl.DataFrame, timeline: Timeline) -> pl.DataFrame:
    return (
        orders.with_columns(
            day=pl.col("ds").to_physical().cast(pl.Int64),
            told=pl.col("known_at").to_physical().cast(pl.Int64),
        )
        .with_columns(period=timeline.period())
        .select("unique_id", "day", "told", "period", "y")
    )


def _settled(daily: pl.DataFrame, timeline: Timeline, period: int, as_of: int) -> IntArray:
    """Return the newest earlier periods whose orders are as good as all known."""
    told = (
        daily.filter((pl.col("period") < period) & (pl.col("y") != 0))
        .sort("told", maintain_order=True)
        .with_columns(
            share=pl.col("y").abs().cum_sum().over("period") / pl.col("y").abs().sum().over("period")
        )
        .filter(pl.col("share") >= _COMPLETE)
        .group_by("period", maintain_order=True)
        .agg(pl.col("told").min())
        .sort("period")
    )
    periods = told["period"].to_numpy().astype(np.int64)
    if not len(periods):
        return periods
    ends = np.array([span_of_period(timeline, int(one))[1] for one in periods])
    lag = float(np.quantile(told["told"].to_numpy() - ends, _SETTLED))
    # The first period on record may have begun before the record did.
    complete = (ends + lag <= as_of) & (periods > periods.min())
    settled: IntArray = periods[complete][-_MOST_PERIODS:]
    return settled


def _weights(daily: pl.DataFrame, timeline: Timeline, past: IntArray) -> DayWeights:
    spans = [span_of_period(timeline, int(one)) for one in past]
    days = pl.DataFrame(
        {
            "period": past,
            "first_day": np.array([first for first, _ in spans], dtype=np.int64),
            "days": np.array([last - first + 1 for first, last in spans], dtype=np.int64),
        }
    )
    totals = daily.group_by("unique_id", "day", "period", maintain_order=True).agg(pl.col("y").sum())
    return learn_day_weights(totals, days)


def _known(
    daily: pl.DataFrame, cutoffs: pl.DataFrame, groups: pl.DataFrame | None, ids: list[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return what was known of each period at its cutoff, and through which day it had been reported by then."""
    by_then = daily.join(cutoffs, on="period").filter(
        (pl.col("told") <= pl.col("cutoff")) & (pl.col("day") <= pl.col("cutoff"))
    )
    known = by_then.group_by("unique_id", "period", maintain_order=True).agg(
        pl.col("y").sum(), through=pl.col("day").max()
    )
    if groups is None:
        return known, known
    member = pl.DataFrame({"unique_id": ids}).join(groups, on="unique_id", how="left")
    reported = (
        known.join(member, on="unique_id")
        .group_by("group", "period", maintain_order=True)
        .agg(pl.col("through").max())
    )
    return known, member.join(reported, on="group")


def _pivot(
    frame: pl.DataFrame, value: str, ids: list[str], periods: IntArray, *, fill: float = float("nan")
) -> FloatArray:
    """Return a long frame's values as (n, len(periods))."""
    table = np.full((len(ids), len(periods)), fill)
    placed = frame.join(pl.DataFrame({"unique_id": ids, "row": np.arange(len(ids))}), on="unique_id").join(
        pl.DataFrame({"period": periods, "column": np.arange(len(periods))}), on="period"
    )
    table[placed["row"].to_numpy(), placed["column"].to_numpy()] = placed[value].to_numpy()
    return table
