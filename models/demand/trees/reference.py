"""The forecast that the trees start from: simple forecasts, each counted by how well it did on its own series."""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from models.demand.series import BoolArray, FloatArray, IntArray
from models.demand.trees.history import Candidate, History
from models.demand.trees.smoothing import delayed

__all__ = ["Record", "Reference"]

_POWER: Final = 4.0
_UNPROVEN: Final = 1.2  # relative error ascribed to a candidate without a record
_LEAST: Final = 0.02
_SLOWEST_RATE: Final = 0.02


@dataclass(frozen=True)
class Record:
    """How far off each candidate was up to every period, at a few steps: (T, candidates, n) by step."""

    names: tuple[str, ...]
    errors: dict[int, FloatArray]

    @classmethod
    def of(cls, history: History, horizon: int) -> Self:
        """Follow the candidates' absolute errors at the first, the middle and the last step."""
        rate = max(_SLOWEST_RATE, 1 / (2 * max(history.season, 8)))
        names: tuple[str, ...] = ()
        errors = {}
        for step in sorted({1, (horizon + 1) // 2, horizon}):
            candidates = history.candidates(step)
            names = tuple(candidate.name for candidate in candidates)
            missed = [np.abs(history.z - delayed(one.level + one.season, step)) for one in candidates]
            errors[step] = _followed(np.stack(missed, axis=1), rate)
        return cls(names, errors)

    def at(self, step: int, column: IntArray, series: IntArray) -> FloatArray:
        """Return the errors at a step, drawn straight between the steps followed, (rows, candidates)."""
        step = min(step, max(self.errors))
        above = min(node for node in self.errors if node >= step)
        below = max(node for node in self.errors if node <= step)
        share = 0.0 if above == below else (step - below) / (above - below)
        low, high = self.errors[below][column, :, series], self.errors[above][column, :, series]
        between: FloatArray = low * (1 - share) + high * share
        return between


def _followed(missed: FloatArray, rate: float) -> FloatArray:
    """Return smoothed absolute errors, NaN until the first."""
    seen = np.zeros(missed.shape[1:])
    level = np.full(missed.shape[1:], np.nan)
    followed = np.empty_like(missed)
    for now, miss in enumerate(missed):
        known = np.isfinite(miss)
        seen += known
        pull = np.maximum(rate, 1 / np.maximum(seen, 1))
        level = np.where(known, np.where(np.isfinite(level), level + pull * (miss - level), miss), level)
        followed[now] = level
    return followed


@dataclass(frozen=True)
class Reference:
    """The forecast of each row, from (rows, candidates) weighted by a power of their inverse relative error."""

    names: tuple[str, ...]
    values: FloatArray  # (rows, candidates) on the scale, NaN where one has no value
    relative_errors: FloatArray  # (rows, candidates), 1 is the mean over the row's candidates
    level: FloatArray  # (rows,) part without season
    season: FloatArray  # (rows,)
    spread: FloatArray  # (rows,) mean absolute error expected, on the scale

    @classmethod
    def of(cls, history: History, record: Record, step: int, column: IntArray, series: IntArray) -> Self:
        """Forecast `step` periods after the rows at (column, series)."""
        candidates = history.candidates(step)
        levels, seasons = (_gathered(candidates, part, column, series) for part in ("level", "season"))
        values = levels + seasons
        there = np.isfinite(values)
        errors = np.where(there, record.at(step, column, series), np.nan)
        relative = _relative(errors)
        weight = np.where(there, relative**-_POWER, 0.0)
        weight /= np.maximum(weight.sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)
        none: BoolArray = ~np.any(there, axis=1)
        return cls(
            names=record.names,
            values=values,
            relative_errors=relative,
            level=_weighted(weight, levels, none),
            season=_weighted(weight, seasons, none),
            spread=(weight * np.nan_to_num(errors)).sum(axis=1),
        )

    @property
    def forecast(self) -> FloatArray:
        """Return the forecast on the scale, (rows,); NaN where no candidate has a value."""
        return self.level + self.season


def _gathered(candidates: list[Candidate], part: str, column: IntArray, series: IntArray) -> FloatArray:
    return np.stack([getattr(candidate, part)[column, series] for candidate in candidates], axis=1)


def _relative(errors: FloatArray) -> FloatArray:
    known = np.isfinite(errors)
    mean = np.where(known, errors, 0.0).sum(axis=1, keepdims=True) / np.maximum(
        known.sum(axis=1, keepdims=True), 1
    )
    relative = np.where(mean > 0, errors / np.where(mean > 0, mean, 1.0), 1.0)
    return np.where(known, relative, _UNPROVEN) + _LEAST


def _weighted(weight: FloatArray, parts: FloatArray, none: BoolArray) -> FloatArray:
    total = (weight * np.nan_to_num(parts)).sum(axis=1)
    return np.where(none, np.nan, total)
