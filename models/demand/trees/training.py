"""Learn with LightGBM how far the simple forecasts of a panel are off."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import joblib
import lightgbm as lgb
import numpy as np

from models.demand.series import FloatArray, Series
from models.demand.trees.features import Seen
from models.demand.trees.history import History, Learnt, longest_history
from models.demand.trees.rows import Lessons, chunks, lessons_of
from models.demand.trees.settings import TreeSettings

__all__ = ["SPREAD_FLOOR", "Forest", "learn", "num_threads", "seen_of"]

SPREAD_FLOOR: Final = 0.02  # on the scale: what is missed is counted in units of spread plus this
_FEWEST_ROWS: Final = 60
_ROWS_FOR_ONE_THREAD: Final = 250_000


@dataclass(frozen=True)
class Forest:
    """A bag of boosters that tell by how many spreads the reference will be missed; none: it is served as it is."""

    boosters: tuple[lgb.Booster, ...]
    names: tuple[str, ...]
    learnt: Learnt
    horizon: int
    trust: float = 1.0  # share of what the trees say that is taken; less where they saw little

    def missed(self, x: FloatArray) -> FloatArray:
        """Return what is expected to be missed, (rows,) in spreads."""
        if not self.boosters:
            return np.zeros(len(x))
        each = [booster.predict(x, num_threads=num_threads(len(x))) for booster in self.boosters]
        return self.trust * np.asarray(np.mean(each, axis=0), dtype=np.float64)

    def contributions(self, x: FloatArray) -> FloatArray:
        """Return the exact contributions to it, (rows, columns + 1), the last one the mean that holds for all rows.

        Source: Lundberg, Erion, Lee (2018), as implemented by LightGBM (`pred_contrib`).
        """
        if not self.boosters:
            return np.zeros((len(x), x.shape[1] + 1))
        each = [
            booster.predict(x, pred_contrib=True, num_threads=num_threads(len(x)))
            for booster in self.boosters
        ]
        return self.trust * np.asarray(np.mean(each, axis=0), dtype=np.float64)


def num_threads(rows: int) -> int:
    """Return the processors to use: one for few rows, where threads wait for each other longer than they work."""
    return 1 if rows <= _ROWS_FOR_ONE_THREAD else int(joblib.cpu_count() or 1)


def seen_of(series: Series, horizon: int, learnt: Learnt, learnt_horizon: int) -> Seen:
    """Look at some series for forecasts up to `horizon`; their simple forecasts are judged up to `learnt_horizon`."""
    return Seen.of(History.of(series, horizon, learnt), learnt_horizon)


def learn(series: Series, horizon: int, settings: TreeSettings, *, seed: int) -> Forest:
    """Learn from the past of all series together."""
    learnt = Learnt.of(series)
    rng = np.random.default_rng(seed)
    parts = []
    for chunk in chunks(series, horizon, min(series.y.shape[1], longest_history(series))):
        seen = seen_of(series.take(chunk), horizon, learnt, horizon)
        share = max(1, settings.rows(int(series.observed.sum())) * len(chunk) // len(series))
        lessons = lessons_of(seen, horizon, share, rng)
        if lessons is not None:
            parts.append(lessons)
    return _trained(parts, learnt, horizon, settings, (int(series.observed.sum()), seed))


def _trained(
    parts: Sequence[Lessons], learnt: Learnt, horizon: int, settings: TreeSettings, of: tuple[int, int]
) -> Forest:
    if not parts:
        return Forest((), (), learnt, horizon)
    names, (targets, seed) = parts[0].names, of
    x, missed, spread, weight = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("x", "missed", "spread", "weight")
    )
    unit = spread + SPREAD_FLOOR
    counted = np.isfinite(missed) & (weight > 0)
    rows = int(counted.sum())
    if rows < _FEWEST_ROWS:
        return Forest((), names, learnt, horizon)
    data = lgb.Dataset(
        x[counted],
        missed[counted] / unit[counted],
        weight=weight[counted] * unit[counted] ** settings.spread_weight,
        categorical_feature=[place for place, coded in enumerate(parts[0].categorical) if coded],
        free_raw_data=True,
    )
    boosters = []
    for bag in range(settings.bags):
        parameters = settings.parameters(
            rows=rows, targets=min(rows, targets), seed=seed + bag, num_threads=num_threads(rows)
        )
        booster = lgb.train(parameters, data, settings.rounds)
        # What is served is what a file would give: a model kept as text forecasts the same bit for bit.
        boosters.append(lgb.Booster(model_str=booster.model_to_string()))
    return Forest(tuple(boosters), names, learnt, horizon, targets / (targets + settings.doubt))
