"""Which past forecasts the trees learn from: origins drawn by seed, counted as often as their like is to be forecast."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from models.demand.series import FloatArray, IntArray, Series
from models.demand.trees.features import Rows, Seen
from models.demand.trees.reference import Reference

__all__ = ["Lessons", "chunks", "lessons_of"]

_VALUES_A_CHUNK: Final = 1_000_000
_FORECASTS_A_CHUNK: Final = 150_000
_MOST_SEEN_FIRST: Final = 20  # values a series must have shown before an origin, if its season is not shorter
_LEAST_ALIKE: Final = 0.02  # below this share of rows like those to forecast, all rows count alike


@dataclass(frozen=True)
class Lessons:
    """What the trees learn from."""

    names: tuple[str, ...]
    categorical: tuple[bool, ...]
    x: FloatArray  # (rows, columns)
    missed: FloatArray  # (rows,) actual less reference, on the scale
    spread: FloatArray  # (rows,)
    weight: FloatArray  # (rows,)


def chunks(series: Series, horizon: int, width: int) -> Iterator[IntArray]:
    """Split series numbers so that one part's arrays stay small, whatever the panel's size."""
    most = max(1, min(_VALUES_A_CHUNK // max(1, width), _FORECASTS_A_CHUNK // max(1, horizon)))
    for first in range(0, len(series), most):
        yield np.arange(first, min(first + most, len(series)), dtype=np.int64)


def lessons_of(seen: Seen, horizon: int, most_rows: int, rng: np.random.Generator) -> Lessons | None:
    """Draw at most `most_rows` past forecasts of one chunk, the same number for each step; None without any."""
    parts = [
        part
        for step in range(1, horizon + 1)
        if (part := _of_step(seen, _drawn(seen, step, max(1, most_rows // horizon), rng))) is not None
    ]
    if not parts:
        return None
    first = parts[0]
    return Lessons(
        first.names,
        first.categorical,
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("x", "missed", "spread", "weight")
        ),
    )


def _drawn(seen: Seen, step: int, most: int, rng: np.random.Generator) -> Rows:
    """Draw origins whose series had shown enough and whose target was observed."""
    history = seen.history
    enough = min(max(history.season, 4) + 1, _MOST_SEEN_FIRST)
    target = history.series.observed.T[step:] & np.isfinite(history.z[step:])
    at_origin = history.seen[: len(target)] * np.isfinite(history.z[: len(target)])
    column, series = np.nonzero(target & (at_origin >= enough))
    if not len(column):
        column, series = np.nonzero(target & (at_origin > 0))
    if len(column) > most:
        drawn = np.sort(rng.choice(len(column), most, replace=False))
        column, series = column[drawn], series[drawn]
    return Rows(step, column.astype(np.int64), series.astype(np.int64))


def _of_step(seen: Seen, rows: Rows) -> Lessons | None:
    if not len(rows.column):
        return None
    columns, reference = seen.columns(rows)
    actual = seen.history.z[rows.target, rows.series]
    return Lessons(
        names=tuple(columns.names),
        categorical=tuple(columns.categorical),
        x=columns.matrix(),
        missed=actual - reference.forecast,
        spread=reference.spread,
        weight=_alike(seen, rows.step, reference),
    )


def _alike(seen: Seen, step: int, reference: Reference) -> FloatArray:
    """Weigh rows down whose kind is rarer among the forecasts to make than among the rows.

    Kinds differ in which simple forecasts have a value. Without this, rows of each series' first year, where the
    season is not yet known, teach the trees to add a season that later forecasts already contain.
    """
    count = seen.history.z.shape[1]
    now = Rows(step, np.full(count, len(seen.history.z) - 1), np.arange(count))
    ahead = Reference.of(seen.history, seen.record, step, now.column, now.series)
    kind, kind_ahead = _kinds(reference), _kinds(ahead)
    kinds, place, counts = np.unique(kind, return_inverse=True, return_counts=True)
    wanted = np.array([(kind_ahead == one).mean() for one in kinds])
    weight: FloatArray = np.minimum(1.0, wanted / (counts / counts.sum()))[place]
    return weight if weight.mean() >= _LEAST_ALIKE else np.ones(len(weight))


def _kinds(reference: Reference) -> IntArray:
    known = np.column_stack([np.isfinite(reference.values), reference.season != 0])
    return np.asarray(known @ (1 << np.arange(known.shape[1])), dtype=np.int64)
