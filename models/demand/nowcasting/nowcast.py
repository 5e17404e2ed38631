"""What a running period will bring: the orders known so far completed, weighed against the published forecast."""

from datetime import date
from typing import Final

import numpy as np
import polars as pl

from features.timeline import Frequency, Timeline
from models.demand.nowcasting.completion import Prior, complete
from models.demand.nowcasting.nowcast_input import read_orders, read_published
from models.demand.nowcasting.nowcast_texts import with_texts
from models.demand.nowcasting.run_up import RunUp, observe_run_up
from models.demand.series import FloatArray, IntArray
from models.errors import NowcastInputError

__all__ = ["NOWCAST_COLUMNS", "nowcast"]

NOWCAST_COLUMNS: Final = (
    "unique_id", "ds", "as_of", "known", "elapsed", "completed", "weight", "forecast", "forecast_low", "forecast_high",
    "nowcast", "low", "high", "difference", "difference_percent", "verdict", "certain", "text_zh", "text_en",
)  # fmt: skip
_TAKEN: Final = (Frequency.WEEK, Frequency.MONTH, Frequency.QUARTER)


def nowcast(
    orders: pl.DataFrame,
    forecast: pl.DataFrame,
    *,
    timeline: Timeline,
    as_of: date,
    history: pl.DataFrame | None = None,
    groups: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Complete the running periods of a forecast, one row each (`NOWCAST_COLUMNS`), sorted by series and period.

    orders: unique_id, ds (day), y, known_at; rows known after `as_of` have no effect at all. Without known_at an order
    is known on its day. forecast: unique_id, ds, forecast and two quantiles or more (q10, q90); rows whose period has
    not begun by `as_of` are left out. history: forecasts published for earlier periods, with the same columns and
    `issued_on` if there; only those issued before their period count. groups: unique_id, group: series that report
    together and are alike; None: reports are each series' own and spreads are pooled over all.

    completed = known / (elapsed x run-up): elapsed is the share of the period's usual orders up to the day through
    which orders are reported (weekdays, days off, Spring Festival), run-up what earlier periods had at the same point
    over that share, pooled. nowcast = weight x completed + (1 - weight) x forecast, the weight from the variances and
    covariance of both errors in earlier periods (Bates and Granger 1969); without `history` the forecast's variance is
    read from its band. low, high: of the forecast's own level, from what earlier periods missed by (conformal), with
    each earlier period left out of what judges it. verdict: `above` or `below` where the nowcast leaves the forecast's
    band, else `inside`; certain: the nowcast's band leaves it as a whole. Raises NowcastInputError.
    """
    if timeline.frequency not in _TAKEN:
        raise NowcastInputError(
            "forecast", "ds", f"频率 {timeline.frequency} 不支持", f"have frequency {timeline.frequency}"
        )
    known = read_orders(orders, as_of)
    published = read_published(forecast, timeline)
    begun = published.frame.filter(pl.col("start") <= as_of)
    earlier = read_published(history, timeline).frame if history is not None else begun.head(0)
    parts = []
    for period in begun["period"].unique().sort():
        rows = begun.filter(pl.col("period") == period).sort("unique_id")
        ids = rows["unique_id"].to_list()
        seen = observe_run_up(known, timeline, ids=ids, groups=groups, period=int(period), as_of=as_of)
        past = _issued_before(earlier, ids, seen.periods)
        parts.append(_completed(rows, seen, past, published.level, _codes(groups, ids)))
    judged = _judged(pl.concat(parts) if parts else _completed_none(begun), as_of)
    return with_texts(judged).select(NOWCAST_COLUMNS).sort("unique_id", "ds")


def _completed(
    rows: pl.DataFrame, seen: RunUp, past: FloatArray, level: float, group: IntArray
) -> pl.DataFrame:
    numbers = {name: rows[name].to_numpy() for name in ("forecast", "forecast_low", "forecast_high")}
    prior = Prior(numbers["forecast"], numbers["forecast_low"], numbers["forecast_high"], past, level, group)
    done = complete(seen, prior)
    return rows.select("unique_id", "ds", "forecast", "forecast_low", "forecast_high").with_columns(
        known=pl.Series(seen.known[:, -1]),
        elapsed=pl.Series(seen.elapsed[:, -1]),
        completed=pl.Series(done.completed, nan_to_null=True),
        weight=pl.Series(done.weight),
        nowcast=pl.Series(done.nowcast),
        low=pl.Series(done.low),
        high=pl.Series(done.high),
    )


def _completed_none(begun: pl.DataFrame) -> pl.DataFrame:
    empty = begun.head(0).select("unique_id", "ds", "forecast", "forecast_low", "forecast_high")
    return empty.with_columns(
        pl.lit(None, dtype=pl.Float64).alias(name)
        for name in ("known", "elapsed", "completed", "weight", "nowcast", "low", "high")
    )


def _judged(rows: pl.DataFrame, as_of: date) -> pl.DataFrame:
    above = pl.col("nowcast") > pl.col("forecast_high")
    below = pl.col("nowcast") < pl.col("forecast_low")
    return rows.with_columns(
        as_of=pl.lit(as_of),
        difference=pl.col("nowcast") - pl.col("forecast"),
        difference_percent=pl.when(pl.col("forecast") != 0).then(
            100 * (pl.col("nowcast") - pl.col("forecast")) / pl.col("forecast").abs()
        ),
        verdict=pl.when(above)
        .then(pl.lit("above"))
        .when(below)
        .then(pl.lit("below"))
        .otherwise(pl.lit("inside")),
        certain=(pl.col("low") > pl.col("forecast_high")) | (pl.col("high") < pl.col("forecast_low")),
    )


def _codes(groups: pl.DataFrame | None, ids: list[str]) -> IntArray:
    """Return the number of each series' group; those without one are a group together."""
    if groups is None:
        return np.zeros(len(ids), dtype=np.int64)
    named = pl.DataFrame({"unique_id": ids}).join(
        groups.unique("unique_id"), on="unique_id", how="left", maintain_order="left"
    )
    codes = named["group"].cast(pl.String).fill_null("").rank("dense").to_numpy() - 1
    return codes.astype(np.int64)


def _issued_before(earlier: pl.DataFrame, ids: list[str], periods: IntArray) -> FloatArray:
    """Return the newest forecast of each earlier period that was issued before the period began, (n, P)."""
    table = np.full((len(ids), len(periods)), np.nan)
    if "issued_on" in earlier.columns:
        issued = pl.col("issued_on").cast(pl.Date)
        earlier = earlier.filter(issued <= pl.col("start")).sort("issued_on")
    newest = earlier.unique(["unique_id", "period"], keep="last", maintain_order=True)
    placed = newest.join(pl.DataFrame({"unique_id": ids, "row": np.arange(len(ids))}), on="unique_id").join(
        pl.DataFrame({"period": periods, "column": np.arange(len(periods))}), on="period"
    )
    table[placed["row"].to_numpy(), placed["column"].to_numpy()] = placed["forecast"].to_numpy()
    return table
