"""Effects of drivers and festivals as a regression: pooled over the panel, then each series' own drawn to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Self

import numpy as np

from features.timeline import Frequency
from models.demand.series import BoolArray, FloatArray
from models.demand.trees.regressors import Regressor, Regressors

__all__ = ["Effects", "SeriesEffects"]

_WINDOWS: Final = {
    Frequency.HOUR: 337,
    Frequency.DAY: 91,
    Frequency.WEEK: 27,
    Frequency.MONTH: 13,
    Frequency.QUARTER: 9,
    Frequency.INTEGER: 13,
}
_SEASONS_TO_TELL: Final = 3  # seasons of history from which a place in the season is told from a driver
_BLOCKS: Final = 4
_LEAST_GAIN: Final = 0.005  # share of the variance of periods left out that a group has to explain
_CHANCE: Final = 0.5  # and as much for each column, over the number of periods: so much comes by chance
_RIDGE: Final = 0.1  # precision of a pooled effect before anything is seen, in squared noise
_POOLED_COUNT: Final = 20.0  # observations that the pooled effect counts for beside a series' own
_FLAT: Final = 1e-9
_LEAST_NOISE: Final = (
    0.2  # of the standard deviation: a series mostly still is not taken for one without noise
)


@dataclass(frozen=True)
class SeriesEffects:
    """What drivers and festivals add to each series, on the scale."""

    regressors: tuple[Regressor, ...]
    parts: FloatArray  # (p, T + H, n)

    @property
    def total(self) -> FloatArray:
        """Return what they add together, (T + H, n)."""
        total: FloatArray = self.parts.sum(axis=0)
        return total


@dataclass(frozen=True)
class Effects:
    """Regressors that explain periods they were not learnt from, with their pooled effects on the scale."""

    regressors: tuple[Regressor, ...] = ()
    pooled: tuple[float, ...] = ()
    information: tuple[float, ...] = ()  # what one observation of a series tells of each effect

    @classmethod
    def learn(cls, z: FloatArray, source: Regressors, timeline: tuple[Frequency, int]) -> Self:
        """Learn from (T, n). A group of columns is taken in if it explains quarters of the history left out."""
        groups: dict[str, list[Regressor]] = {}
        for regressor in source.candidates():
            groups.setdefault(regressor.group, []).append(regressor)
        designs = [_Design.of(z, source, regressors, timeline).varying() for regressors in groups.values()]
        kept = _worth_taking([design for design in designs if design.regressors])
        if not kept:
            return cls()
        design = _Design.of(z, source, kept, timeline)
        return cls(
            tuple(kept),
            tuple(float(value) for value in design.slopes(slice(None))),
            tuple(float(value) for value in design.information()),
        )

    def of(self, z: FloatArray, source: Regressors, timeline: tuple[Frequency, int]) -> SeriesEffects:
        """Estimate each series' own effects from its (T, n), drawn to the pooled ones."""
        reach = source.calendar.periods.shape
        if not self.regressors:
            return SeriesEffects((), np.zeros((0, *reach)))
        design = _Design.of(z, source, self.regressors, timeline)
        own = design.own_slopes(np.asarray(self.pooled), _POOLED_COUNT * np.asarray(self.information))
        parts = [centred * own[:, place] for place, centred in enumerate(design.centred)]
        return SeriesEffects(self.regressors, np.stack(parts))


def _worth_taking(designs: Sequence["_Design"]) -> list[Regressor]:
    """Take in groups, the one that explains most first, while each explains more of the blocks left out."""
    kept: _Design | None = None
    explained = 0.0
    for design in sorted(designs, key=lambda one: one.gain(), reverse=True):
        joint = design if kept is None else kept.beside(design)
        gain = joint.gain()
        by_chance = _CHANCE * len(design.regressors) / len(design.y)
        if gain - explained > max(_LEAST_GAIN, by_chance):
            kept, explained = joint, gain
    return [] if kept is None else list(kept.regressors)


@dataclass(frozen=True)
class _Design:
    """The regression in units of each series' noise, level and season taken out of both sides alike."""

    regressors: Sequence[Regressor]
    centred: Sequence[FloatArray]  # (T + H, n) each, less the mean over the series' history
    x: FloatArray  # (p, T, n)
    y: FloatArray  # (T, n)
    seen: BoolArray  # (T, n)

    @classmethod
    def of(
        cls,
        z: FloatArray,
        source: Regressors,
        regressors: Sequence[Regressor],
        timeline: tuple[Frequency, int],
    ) -> Self:
        seen = np.isfinite(z)
        window, season = _WINDOWS[timeline[0]], timeline[1]
        still = _detrended(z, seen, window, season)
        noise = _noise(still, seen)
        centred = [_centred(source.values(one), seen) for one in regressors]
        x = [_detrended(one[: len(z)], seen, window, season) / noise for one in centred]
        return cls(regressors, centred, np.stack(x), still / noise, seen)

    def varying(self) -> Self:
        """Leave out columns that never change."""
        moves = np.flatnonzero(np.abs(self.x).max(axis=(1, 2), initial=0.0) > _FLAT).tolist()
        return type(self)(
            [self.regressors[place] for place in moves],
            [self.centred[place] for place in moves],
            self.x[moves],
            self.y,
            self.seen,
        )

    def beside(self, other: Self) -> Self:
        """Return both groups of columns."""
        return type(self)(
            [*self.regressors, *other.regressors],
            [*self.centred, *other.centred],
            np.concatenate([self.x, other.x]),
            self.y,
            self.seen,
        )

    def information(self) -> FloatArray:
        """Return the mean square of each column, (p,)."""
        squares: FloatArray = (self.x**2).sum(axis=(1, 2)) / max(1, int(self.seen.sum()))
        return np.maximum(squares, _FLAT)

    def slopes(self, rows: slice | FloatArray) -> FloatArray:
        """Return the effects pooled over all series from some rows, (p,)."""
        size = np.sqrt(self.information())
        x = (self.x[:, rows] / size[:, None, None]).reshape(len(size), -1)
        y = self.y[rows].ravel()
        solved: FloatArray = np.linalg.solve(x @ x.T + _RIDGE * np.eye(len(size)), x @ y) / size
        return solved

    def gain(self) -> float:
        """Return the share of variance explained in blocks of time by the effects learnt from the other blocks."""
        edges = np.linspace(0, len(self.y), _BLOCKS + 1).astype(np.int64)
        left = 0.0
        for first, end in pairwise(edges.tolist()):
            others = np.r_[0:first, end : len(self.y)]
            explained = np.tensordot(self.slopes(others), self.x[:, first:end], axes=1)
            left += float(((self.y[first:end] - explained) ** 2).sum())
        whole = float((self.y**2).sum())
        return 1 - left / whole if whole > 0 else 0.0

    def own_slopes(self, pooled: FloatArray, strength: FloatArray) -> FloatArray:
        """Return each series' effects, (n, p): ridge around the pooled ones."""
        x = np.ascontiguousarray(np.moveaxis(self.x, 2, 0))
        gram = x @ x.transpose(0, 2, 1) + np.diag(strength)
        right = (x @ self.y.T[:, :, None])[:, :, 0] + strength * pooled
        return np.asarray(np.linalg.solve(gram, right[:, :, None])[:, :, 0], dtype=np.float64)


def _centred(values: FloatArray, seen: BoolArray) -> FloatArray:
    """Take out of (T + H, n) each series' mean over its history; what is not known is taken to be usual."""
    known = seen & np.isfinite(values[: len(seen)])
    total = np.where(known, values[: len(seen)], 0.0).sum(axis=0)
    mean = total / np.maximum(known.sum(axis=0), 1)
    return np.where(np.isfinite(values), values - mean, 0.0)


def _detrended(values: FloatArray, seen: BoolArray, window: int, season: int) -> FloatArray:
    """Take a centred moving mean and the means of the season's places out of (T, n); 0 where nothing was observed."""
    known = np.where(seen, values, 0.0)
    rows = np.arange(len(values))
    low, high = np.maximum(rows - window // 2, 0), np.minimum(rows + window // 2 + 1, len(values))
    total, count = _running(known), _running(seen.astype(np.float64))
    mean = (total[high] - total[low]) / np.maximum(count[high] - count[low], 1)
    still = np.where(seen, known - mean, 0.0)
    if season > 1 and len(values) >= _SEASONS_TO_TELL * season:
        for place in range(season):
            here = still[place::season]
            here -= np.where(
                seen[place::season], here.sum(axis=0) / np.maximum(seen[place::season].sum(axis=0), 1), 0.0
            )
    return still


def _running(values: FloatArray) -> FloatArray:
    return np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])


def _noise(still: FloatArray, seen: BoolArray) -> FloatArray:
    """Return each series' noise, (n,): a robust standard deviation; infinite, so that it counts for nothing, without any."""
    count = np.maximum(seen.sum(axis=0), 1)
    deviation = np.sqrt((still**2).sum(axis=0) / count)
    noise = np.full(len(deviation), np.inf)
    for series in np.flatnonzero(deviation > _FLAT):
        robust = 1.4826 * np.median(np.abs(still[seen[:, series], series]))
        noise[series] = max(robust, _LEAST_NOISE * deviation[series])
    return noise
