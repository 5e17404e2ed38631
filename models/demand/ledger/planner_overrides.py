"""What planners put in place of a model's figures, and how it moves the figures above and below."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.demand.ledger.published_run import KEYS, ds_text
from models.demand.series import FloatArray

__all__ = ["OVERRIDES", "apply_overrides", "in_force", "may_be_negative", "most_detailed"]

_TOLERANCE: Final = 1e-6
_OVERRIDES: Final[dict[str, pl.DataType]] = {
    "seq": pl.Int64(),
    "override_id": pl.String(),
    "freq": pl.String(),
    "unique_id": pl.String(),
    "ds": pl.String(),
    "kind": pl.String(),
    "value": pl.Float64(),
    "made_at": pl.Datetime("us", "UTC"),
    "until": pl.Date(),
    "withdrawn_at": pl.Datetime("us", "UTC"),
}
OVERRIDES: Final = pl.Schema(_OVERRIDES)
"""One row per override and period. kind: `absolute` (value is the figure) or `percent` (10 is ten percent more); ds as
ISO text, so that one table serves every frequency; until: the last day (UTC) on which it counts."""

_FINAL: Final = pl.Schema(
    {
        "unique_id": pl.String,
        "step": pl.Int64,
        "final": pl.Float64,
        "basis": pl.String,
        "override_id": pl.String,
        "gap": pl.Float64,
    }
)


def in_force(overrides: pl.DataFrame, at: datetime) -> pl.DataFrame:
    """Return the overrides that count at a moment, one per series and period: of several the newest."""
    moment = at.astimezone(UTC)
    live = overrides.filter(
        (pl.col("made_at") <= moment)
        & (pl.col("until") >= moment.date())
        & (pl.col("withdrawn_at").is_null() | (pl.col("withdrawn_at") > moment))
    )
    return live.sort("made_at", "seq").unique(["freq", "unique_id", "ds"], keep="last", maintain_order=True)


def apply_overrides(
    forecast: pl.DataFrame, overrides: pl.DataFrame, *, negative: bool = False
) -> pl.DataFrame:
    """Return the figures that overrides change: unique_id, step, final, basis, override_id, gap; no others are listed.

    forecast: unique_id, ds, step, forecast and the key columns of a published run; overrides: rows of `in_force`.
    The figure of a series with an override of its own is that override (basis `own`). An override above is spread:
    the most detailed series below it share what is left after their own overrides in proportion to their forecasts,
    equally where these are all zero (basis `spread`; of several above, the one over the fewest series counts). Every
    other sum moves by what its parts moved (basis `sum`). Unless `negative`, no share falls below zero.

    A series is a sum where its key columns are null and those that are not are the same as in its parts. Where no
    level has all of the keys that the others have, or its series share their keys, overrides stay where they are.
    gap: by how much an override differs from the sum of its parts, which is not zero where overrides of several levels
    contradict each other; it is told, not repaired.
    """
    mine = forecast.with_columns(ds_text(forecast))
    own = (
        mine.join(overrides, on=["unique_id", "ds"], how="inner")
        .with_columns(_figure().alias("final"))
        .select("unique_id", "ds", "step", "forecast", *KEYS, "final", "override_id")
    )
    if own.is_empty():
        return _FINAL.to_frame()
    detail = most_detailed(forecast)
    if detail is None:
        return own.with_columns(pl.lit("own").alias("basis"), pl.lit(0.0).alias("gap")).select(_FINAL.names())
    parts = [
        _one_period(mine.filter(pl.col("ds") == ds), rows, detail, negative=negative)
        for (ds,), rows in own.group_by("ds", maintain_order=True)
    ]
    return pl.concat(parts).sort("unique_id", "step")


def may_be_negative(history: pl.DataFrame) -> bool:
    """Tell whether a run's actuals hold negative values (returns), so that its figures may fall below zero."""
    return bool((history["y"].fill_nan(None) < 0).any())


def _figure() -> pl.Expr:
    changed = pl.col("forecast") * (1 + pl.col("value") / 100)
    return pl.when(pl.col("kind") == "absolute").then(pl.col("value")).otherwise(changed)


def most_detailed(forecast: pl.DataFrame) -> tuple[str, ...] | None:
    """Return the keys that the most detailed series have, None where there is no such level or nothing above it."""
    series = forecast.select("unique_id", *KEYS).unique("unique_id")
    held = series.select(pl.concat_list([pl.col(key).is_not_null() for key in KEYS]).alias("held"))
    patterns = [
        tuple(key for key, here in zip(KEYS, row, strict=True) if here)
        for row in held["held"].unique().to_list()
    ]
    fullest = max(patterns, key=len)
    if len(patterns) == 1 or any(not set(pattern) <= set(fullest) for pattern in patterns):
        return None
    detail = series.filter(_has(fullest))
    return None if detail.select(fullest).is_duplicated().any() else fullest


def _has(keys: Sequence[str]) -> pl.Expr:
    """Tell the series that have exactly these keys."""
    return pl.all_horizontal(
        [pl.col(key).is_not_null() if key in keys else pl.col(key).is_null() for key in KEYS]
    )


def _one_period(
    figures: pl.DataFrame, own: pl.DataFrame, detail: Sequence[str], *, negative: bool
) -> pl.DataFrame:
    """Apply the overrides of one period to all its figures."""
    leaves = figures.filter(_has(detail))
    moved = _spread(leaves, own, negative=negative)
    below = leaves.with_columns(moved).filter(pl.col("final").is_not_null())
    spread = below.join(own, on="unique_id", how="anti").with_columns(
        pl.lit("spread").alias("basis"), pl.lit(0.0).alias("gap")
    )
    sums = [_sums(figures, below, keys) for keys in _levels_above(figures, detail)]
    above = pl.concat([spread.select(_FINAL.names()), *sums]).join(own, on="unique_id", how="anti")
    mine = own.with_columns(pl.lit("own").alias("basis"), _gaps(leaves.with_columns(moved), own))
    mine = mine.select(_FINAL.names())
    return pl.concat([mine, above.select(_FINAL.names())])


def _spread(leaves: pl.DataFrame, own: pl.DataFrame, *, negative: bool) -> list[pl.Series]:
    """Return what overrides make of the most detailed series: figure and override, null where none touches it."""
    forecast = leaves["forecast"].to_numpy()
    final: FloatArray = np.full(len(forecast), np.nan)
    by: list[str | None] = [None] * len(forecast)
    covered = [(_below(leaves, row), row) for row in own.iter_rows(named=True)]
    for inside, row in sorted(covered, key=lambda pair: len(pair[0])):
        free = inside[np.isnan(final[inside])]
        if not len(free):
            continue
        taken = inside[~np.isnan(final[inside])]
        rest = row["final"] - float(final[taken].sum())
        final[free] = _shares(forecast[free]) * (rest if negative else max(rest, 0.0))
        for index in free.tolist():
            by[index] = row["override_id"]
    return [
        pl.Series("final", final, pl.Float64).fill_nan(None),
        pl.Series("override_id", by, pl.String),
    ]


def _gaps(leaves: pl.DataFrame, own: pl.DataFrame) -> pl.Series:
    """Return by how much each override differs from its forecast and what its parts moved by."""
    change = (leaves["final"] - leaves["forecast"]).fill_null(0.0).to_numpy()
    gaps = [
        row["final"] - row["forecast"] - float(change[_below(leaves, row)].sum())
        for row in own.iter_rows(named=True)
    ]
    sizes = np.maximum(1.0, np.abs(own["final"].to_numpy()))
    told = np.asarray(gaps, dtype=np.float64)
    return pl.Series("gap", np.where(np.abs(told) <= _TOLERANCE * sizes, 0.0, told), pl.Float64)


def _shares(forecast: FloatArray) -> FloatArray:
    """Return each series' share of their sum, equal shares where the sum says nothing."""
    sizes = np.maximum(forecast, 0.0)
    total = float(sizes.sum())
    return sizes / total if total > 0 else np.full(len(sizes), 1 / len(sizes))


def _below(leaves: pl.DataFrame, row: dict[str, object]) -> NDArray[np.intp]:
    """Return which of the most detailed series a series is the sum of."""
    inside = np.ones(leaves.height, dtype=np.bool_)
    for key in KEYS:
        if row[key] is not None:
            inside &= (leaves[key] == row[key]).fill_null(value=False).to_numpy()
    return np.flatnonzero(inside)


def _levels_above(figures: pl.DataFrame, detail: Sequence[str]) -> list[tuple[str, ...]]:
    held = figures.select([pl.col(key).is_not_null() for key in KEYS]).unique(maintain_order=True)
    patterns = [tuple(key for key, here in zip(KEYS, row, strict=True) if here) for row in held.iter_rows()]
    return [keys for keys in patterns if keys != tuple(detail)]


def _sums(figures: pl.DataFrame, below: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    """Move the sums of one level by what their parts moved."""
    change = (pl.col("final") - pl.col("forecast")).sum().alias("change")
    by = pl.col("override_id").drop_nulls().unique().sort().str.join("+").alias("override_id")
    sums = figures.filter(_has(keys))
    if keys:
        moved = sums.join(below.group_by(keys).agg(change, by), on=list(keys), how="inner")
    else:
        moved = (
            sums.join(below.select(change, by), how="cross")
            if below.height
            else sums.clear().with_columns(
                pl.lit(0.0).alias("change"), pl.lit(None, pl.String).alias("override_id")
            )
        )
    return moved.with_columns(
        (pl.col("forecast") + pl.col("change")).alias("final"),
        pl.lit("sum").alias("basis"),
        pl.lit(0.0).alias("gap"),
    ).select(_FINAL.names())
