"""The member `trees`: one LightGBM for all series of a panel, straight to every step, with drivers and calendar."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import lightgbm as lgb
import numpy as np

from models.demand.member import Components
from models.demand.series import FloatArray, IntArray, Series
from models.demand.trees.columns import LEVEL, SEASON, TREND, Columns
from models.demand.trees.explanation import in_units
from models.demand.trees.features import Rows, Seen
from models.demand.trees.history import Learnt, longest_history
from models.demand.trees.reference import Reference
from models.demand.trees.rows import chunks
from models.demand.trees.settings import TreeSettings
from models.demand.trees.training import SPREAD_FLOOR, Forest, learn, seen_of

__all__ = ["TREES", "FittedTrees", "Trees"]

_NAME: Final = "trees"
_FACTS: Final = "trees.json"


@dataclass(frozen=True)
class FittedTrees:
    """What the trees have learnt from a panel; forecasts for any series of its frequency and drivers."""

    forest: Forest

    @property
    def member(self) -> str:
        """Name of the member."""
        return _NAME

    def forecast(self, series: Series, horizon: int) -> FloatArray:
        """Forecast in units of y, (n, horizon); NaN for a series without a value."""
        found = np.full((len(series), horizon), np.nan)
        for chunk, seen in self._chunks(series, horizon):
            steps = [_looked(seen, step) for step in range(1, horizon + 1)]
            found[chunk] = _in_units_of_y(seen, self._places(seen, steps))
        return found

    def components(self, series: Series, horizon: int) -> Components:
        """Take the forecast apart into level, trend, season, calendar groups, drivers and static columns."""
        names: tuple[str, ...] = ()
        parts = []
        for _, seen in self._chunks(series, horizon):
            steps = [_looked(seen, step) for step in range(1, horizon + 1)]
            names, values = self._parts(seen, steps)
            parts.append(values)
        return (
            Components(names, np.concatenate(parts))
            if parts
            else Components((LEVEL,), np.zeros((0, horizon, 1)))
        )

    def files(self) -> dict[str, bytes]:
        """Return LightGBM's text of every booster and the facts needed beside it."""
        facts = {
            "boosters": len(self.forest.boosters),
            "columns": self.forest.names,
            "learnt": self.forest.learnt.facts(),
            "horizon": self.forest.horizon,
            "trust": self.forest.trust,
        }
        texts = {_booster(n): one.model_to_string().encode() for n, one in enumerate(self.forest.boosters)}
        return {_FACTS: json.dumps(facts, ensure_ascii=False, indent=1).encode(), **texts}

    def _chunks(self, series: Series, horizon: int) -> Iterator[tuple[IntArray, Seen]]:
        for chunk in chunks(series, horizon, min(series.y.shape[1], longest_history(series))):
            yield chunk, seen_of(series.take(chunk), horizon, self.forest.learnt, self.forest.horizon)

    def _places(self, seen: Seen, steps: Sequence[tuple[Columns, Reference]]) -> FloatArray:
        """Return the forecasts on the scale, (n, h)."""
        missed = self.forest.missed(np.concatenate([columns.matrix() for columns, _ in steps]))
        references = np.concatenate([reference.forecast for _, reference in steps])
        units = np.concatenate([reference.spread for _, reference in steps]) + SPREAD_FLOOR
        corrected: FloatArray = (references + missed * units).reshape(len(steps), -1).T
        moved: FloatArray = corrected + _effects(seen, len(steps)).sum(axis=2)
        return moved

    def _parts(
        self, seen: Seen, steps: Sequence[tuple[Columns, Reference]]
    ) -> tuple[tuple[str, ...], FloatArray]:
        """Return component names and their units of y, (n, h, k)."""
        forecast = _in_units_of_y(seen, self._places(seen, steps))
        regressors = seen.history.effects.regressors
        names = tuple(
            dict.fromkeys((TREND, SEASON, *(one.group for one in regressors), *steps[0][0].components))
        )
        level = np.repeat(seen.history.level("quick")[-1][:, None], len(steps), axis=1)
        parts = np.zeros((*forecast.shape, len(names)))
        effects = _effects(seen, len(steps))
        for place, regressor in enumerate(regressors):
            parts[:, :, names.index(regressor.group)] += effects[:, :, place]
        for step, (columns, reference) in enumerate(steps):
            given = self.forest.contributions(columns.matrix()) * (reference.spread + SPREAD_FLOOR)[:, None]
            for place, component in enumerate(columns.components):
                parts[:, step, names.index(component)] += given[:, place]
            parts[:, step, 0] += given[:, -1] + reference.level - level[:, step]
            parts[:, step, 1] += reference.season
        return (LEVEL, *names), in_units(seen.history.scale, level, parts, forecast)


@dataclass(frozen=True)
class Trees:
    """One LightGBM for all series; see models/demand/trees."""

    settings: TreeSettings = field(default_factory=TreeSettings)

    @property
    def name(self) -> str:
        """Name of the member."""
        return _NAME

    def fit(self, series: Series, horizon: int, *, seed: int) -> FittedTrees:
        """Learn from the series as they stand."""
        return FittedTrees(learn(series, horizon, self.settings, seed=seed))

    def backtest(self, series: Series, horizon: int, backs: Sequence[int], *, seed: int) -> FloatArray:
        """Learn at the oldest cutoff and forecast from every one with its own history, (len(backs), n, horizon)."""
        fitted = self.fit(series.before(max(backs)), horizon, seed=seed)
        return np.stack([fitted.forecast(series.before(back), horizon) for back in backs])

    def load(self, files: Mapping[str, bytes]) -> FittedTrees:
        """Read what `FittedTrees.files` returned."""
        facts = json.loads(files[_FACTS])
        boosters = tuple(
            lgb.Booster(model_str=files[_booster(number)].decode()) for number in range(facts["boosters"])
        )
        forest = Forest(
            boosters, tuple(facts["columns"]), Learnt.read(facts["learnt"]), facts["horizon"], facts["trust"]
        )
        return FittedTrees(forest)


TREES: Final = Trees()


def _booster(number: int) -> str:
    return f"trees_{number}.txt"


def _looked(seen: Seen, step: int) -> tuple[Columns, Reference]:
    """Look at the end of every series, `step` periods ahead."""
    count = seen.history.z.shape[1]
    newest = np.full(count, len(seen.history.z) - 1, dtype=np.int64)
    return seen.columns(Rows(step, newest, np.arange(count, dtype=np.int64)))


def _effects(seen: Seen, horizon: int) -> FloatArray:
    """Return what drivers and festivals add in the periods ahead, (n, h, p) on the scale."""
    ahead = seen.history.effects.parts[:, len(seen.history.z) :]
    return np.moveaxis(ahead[:, :horizon], 0, 2).transpose(1, 0, 2)


def _in_units_of_y(seen: Seen, places: FloatArray) -> FloatArray:
    """Return (n, h) in units of y; a series that was never below zero stays so."""
    units = seen.history.scale.back(places)
    y = seen.history.series.y
    lowest = np.min(np.where(np.isfinite(y), y, np.inf), axis=1)
    return np.where((lowest >= 0)[:, None], np.maximum(units, 0.0), units)
