"""Values far off what level, season and calendar say, named with dates, runs and what explains them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import polars as pl

from features.timeline import Frequency
from models.demand.analysis.outlier_causes import event_on, festival_on, spans_of
from models.demand.analysis.outlier_texts import with_texts
from models.demand.analysis.robust_fit import RobustFit, robust_fit
from models.demand.analysis.spread import LOG_UNIT, EvenScale, evened
from models.demand.series import BoolArray, FloatArray, IntArray, Series

__all__ = ["OUTLIER_COLUMNS", "outlier_runs", "outliers"]

OUTLIER_COLUMNS: Final = (
    "unique_id", "ds", "y", "expected", "deviation", "deviation_percent", "score", "run", "explained_by", "advice",
    "text_zh", "text_en",
)  # fmt: skip
_RAW: Final = {
    "unique_id": pl.String, "period": pl.Int64, "y": pl.Float64, "expected": pl.Float64, "usual": pl.Float64, "score": pl.Float64,
    "left": pl.Float64, "driver": pl.String, "calendar_share": pl.Float64, "run": pl.Int64,
}  # fmt: skip
_MEMBER: Final = (
    0.5  # of the threshold: a neighbour of an outlier so far off on the same side belongs to its run
)
_LONG: Final = {Frequency.HOUR: 48, Frequency.DAY: 28, Frequency.WEEK: 8}
_LONG_ELSE: Final = 6  # periods from which a run is rather a change that lasts
_EXPLAINED: Final = 0.4  # of the deviation, from which a driver or the calendar is named
_ZEROS: Final = 0.1  # of the values, from which zeros are usual
_NO_BASE: Final = 0.02  # of the usual value: a percentage of less says nothing
_MOST: Final = 99.0  # scores are cut here
_NORMAL_MEAN: Final = 1.2533  # scale of a normal distribution over its mean absolute deviation
_TINY: Final = 1e-9
_LEAST: Final = 1e-3  # of the level: a planner does not ask about smaller deviations


def outliers(
    series: Series,
    *,
    events: pl.DataFrame | None = None,
    calendar: bool = True,
    drivers: Sequence[str] = (),
    threshold: float = 4.0,
) -> pl.DataFrame:
    """Find values far off level and season, one row a date (`OUTLIER_COLUMNS`), sorted by series and date.

    The residual of a robust fit of trend and season (`robust_fit`, on the scale of logarithms where values are mostly
    positive) is counted in robust scales (1.4826 x its median absolute value, calendar and drivers taken out): score,
    beyond `threshold` an outlier; more is asked where few values stand behind a column of the fit. Neighbours beyond
    half the threshold on the same side join the run; `run` numbers the runs of a series from 1. expected: level and
    season, without calendar and drivers, units of y. explained_by: `event:<name>` of `events` (event, start_on,
    end_on), `return` (negative where demand is usual), `driver:<name>`, or the festival near which the date lies
    (`working_days` for none), where that makes up 40 % of the deviation. advice, no more than that, for a whole run:
    `keep` what calendar or drivers explain, `leave_out` of learning what they do not, `check` one so long that it
    may be a change of level. Values filled by the panel are no outliers, nor zeros where one value in ten is 0.
    """
    even, scale = evened(_judged_values(series))
    fit = robust_fit(even, calendar=calendar, drivers=drivers)
    scores = _Scores.of(fit, series.observed, threshold)
    raw = _rows(series, even, fit, scale, scores=scores)
    spans = spans_of(series.timeline, raw["period"].to_numpy())
    nothing: list[str | None] = [None] * raw.height
    named = raw.with_columns(
        festival=pl.Series(festival_on(series.timeline, spans) if spans else nothing, dtype=pl.String),
        event=pl.Series(
            event_on(events, spans) if events is not None and spans else nothing, dtype=pl.String
        ),
    )
    return with_texts(_advised(named, series, threshold)).select(OUTLIER_COLUMNS)


def _advised(named: pl.DataFrame, series: Series, threshold: float) -> pl.DataFrame:
    """Add dates, deviations, what explains them and what to do with each run."""
    long = _LONG.get(series.timeline.frequency, _LONG_ELSE)
    deviation = pl.col("y") - pl.col("expected")
    by_calendar = pl.col("calendar_share") >= _EXPLAINED
    run = ("unique_id", "run")
    return named.with_columns(
        ds=series.timeline.stamp(),
        deviation=deviation,
        deviation_percent=pl.when(pl.col("expected").abs() > _NO_BASE * pl.col("usual")).then(
            100 * deviation / pl.col("expected").abs()
        ),
        explained_by=pl.coalesce(
            pl.lit("event:") + pl.col("event"),
            pl.when((pl.col("y") < 0) & (pl.col("expected") > 0)).then(pl.lit("return")),
            pl.lit("driver:") + pl.col("driver"),
            pl.when(by_calendar).then(pl.coalesce("festival", pl.lit("working_days"))),
        ),
        advice=pl.when(
            (pl.col("left").abs().max().over(run) <= threshold) & pl.col("event").is_null().all().over(run)
        )
        .then(pl.lit("keep"))
        .when(pl.len().over(run) >= long)
        .then(pl.lit("check"))
        .otherwise(pl.lit("leave_out")),
    )


def _judged_values(series: Series) -> Series:
    """Leave out what the panel filled, and zeros of series in which they are usual: they say nothing of sizes."""
    zero = series.y == 0
    usual = zero.sum(axis=1) >= _ZEROS * np.maximum(np.isfinite(series.y).sum(axis=1), 1)
    judged = series.observed & ~(zero & usual[:, None])
    return replace(series, y=np.where(judged, series.y, np.nan))


def outlier_runs(found: pl.DataFrame) -> pl.DataFrame:
    """Sum outliers up by run: unique_id, run, ds_from, ds_to, periods, deviation (units), percent, worst, cause, advice.

    percent: of what was expected over the run; worst: score farthest from 0; cause: the most frequent explanation.
    """
    worst = pl.col("score").sort_by(pl.col("score").abs(), descending=True).first()
    return (
        found.group_by("unique_id", "run", maintain_order=True)
        .agg(
            ds_from=pl.col("ds").min(),
            ds_to=pl.col("ds").max(),
            periods=pl.len(),
            deviation=pl.col("deviation").sum(),
            percent=100 * pl.col("deviation").sum() / pl.col("expected").abs().sum(),
            worst=worst,
            explained_by=pl.col("explained_by").drop_nulls().mode().sort().first(),
            advice=pl.col("advice").mode().sort().first(),
        )
        .sort("unique_id", "ds_from")
    )


@dataclass(frozen=True)
class _Scores:
    """Scores (n, T) before and after calendar and drivers, and the run that each value belongs to (0: none)."""

    plain: FloatArray
    left: FloatArray
    run: IntArray

    @classmethod
    def of(cls, fit: RobustFit, observed: BoolArray, threshold: float) -> "_Scores":
        known = [part for name, part in fit.parts.items() if _is_known(name)]
        plain = fit.rest + np.sum(known, axis=0) if known else fit.rest
        limit = (1.0 + fit.crowding)[:, None]
        size = _scale_of(fit)[:, None] * limit
        scores = np.nan_to_num(np.where(observed, plain / size, 0.0))
        left = np.nan_to_num(np.where(observed, fit.rest / size, 0.0))
        return cls(np.clip(scores, -_MOST, _MOST), left, _runs(scores, threshold))


def _is_known(part: str) -> bool:
    return part == "calendar" or part.startswith("driver:")


def _scale_of(fit: RobustFit) -> FloatArray:
    """Return the robust scale; where half of the rest is 0, the mean absolute rest tells how far the others go."""
    seen = np.isfinite(fit.rest)
    mean = np.where(seen, np.abs(fit.rest), 0.0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    scale = np.where(fit.scale > _TINY * mean, fit.scale, _NORMAL_MEAN * mean)
    level = np.abs(fit.parts["trend"]).max(axis=1, initial=0.0)
    floor = np.maximum(_LEAST * level, np.finfo(np.float64).tiny)
    floored: FloatArray = np.maximum(scale, floor)
    return floored


def _runs(scores: FloatArray, threshold: float) -> IntArray:
    """Number the runs of each row from 1; 0 outside."""
    core, member = np.abs(scores) > threshold, np.abs(scores) > _MEMBER * threshold
    sides = np.where(member, np.sign(scores), 0.0)
    begins = np.diff(sides, axis=1, prepend=0.0) != 0
    stretch = np.cumsum(begins, axis=1)
    runs = np.zeros(scores.shape, dtype=np.int64)
    for row in np.flatnonzero(core.any(axis=1)):
        with_core = np.unique(stretch[row, core[row]])
        number = np.searchsorted(with_core, stretch[row]) + 1
        runs[row] = np.where(np.isin(stretch[row], with_core) & member[row], number, 0)
    return runs


def _rows(series: Series, even: Series, fit: RobustFit, scale: EvenScale, *, scores: _Scores) -> pl.DataFrame:
    rows, columns = np.nonzero(scores.run)
    at = rows.astype(np.int64), columns.astype(np.int64)
    known = {name: part[at] for name, part in fit.parts.items() if _is_known(name)}
    usual = np.sum([part for name, part in fit.parts.items() if not _is_known(name)], axis=0)
    off = even.y[at] - usual[at]
    return pl.DataFrame(
        {
            "unique_id": [series.ids[row] for row in rows],
            "period": series.periods()[at],
            "y": series.y[at],
            "expected": scale.back(usual)[at],
            "usual": (scale.unit / np.where(scale.logs, LOG_UNIT, 1.0))[rows],
            "score": scores.plain[at],
            "left": scores.left[at],
            "driver": _driver(known, off),
            "calendar_share": known["calendar"] / off if "calendar" in known else np.zeros(len(rows)),
            "run": scores.run[at],
        },
        schema=_RAW,
    )


def _driver(known: Mapping[str, FloatArray], off: FloatArray) -> list[str | None]:
    """Return the driver that explains most of each deviation, if it explains enough of it."""
    shares = {name.removeprefix("driver:"): part / off for name, part in known.items() if name != "calendar"}
    named = [max(shares, key=lambda name: shares[name][place], default=None) for place in range(len(off))]
    return [
        name if name is not None and shares[name][place] >= _EXPLAINED else None
        for place, name in enumerate(named)
    ]
