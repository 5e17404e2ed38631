"""Judge members by their backtests: what each missed by, how they are weighed, what the combination misses by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.demand.backtest import Backtest, run_backtest
from models.demand.combination import Combination, Field, combine, unseen_errors, weigh
from models.demand.conformal import scale_at, typical_miss
from models.demand.counts import are_counts, learn_dispersion
from models.demand.hierarchies.coherence import Coherence, learn_coherence
from models.demand.hierarchies.hierarchy import Hierarchy
from models.demand.profile import Kind, Profile
from models.demand.series import BoolArray, FloatArray, Series
from models.demand.unseen_festival import CALENDAR_AWARE, unseen_festival

__all__ = ["Judgement", "judge"]


@dataclass(frozen=True)
class Judgement:
    """What backtests say of m members at b cutoffs.

    missed: (m, b, n, h) actual minus forecast over the scale that the series had then, `scale` (b, n).
    """

    backtest: Backtest
    scale: FloatArray
    missed: FloatArray
    field: Field
    combination: Combination

    def errors(self) -> FloatArray:
        """Return what the combination misses by, scaled, (b, n, h), with weights learnt at the other cutoffs."""
        return unseen_errors(self.missed, self.field)

    def reconciled(
        self, hierarchy: Hierarchy, ids: tuple[str, ...], non_negative: BoolArray
    ) -> tuple[Coherence, FloatArray]:
        """Return how far to trust each node, and what the reconciled combination misses by, scaled, (b, n, h)."""
        unit, actuals = self.scale[:, :, None], self.backtest.actuals
        forecasts = actuals - self.errors() * unit
        coherence, made = learn_coherence(forecasts, actuals, hierarchy, ids=ids, non_negative=non_negative)
        return coherence, (actuals - made) / unit

    def dispersion(self, series: Series) -> FloatArray:
        """Return how intermittent counts scatter about their mean, (n,); NaN for series that get a band of errors."""
        counts = self.field.squared & are_counts(np.where(series.observed, series.y, np.nan))
        dispersion = np.full(len(counts), np.nan)
        if counts.any() and self.backtest.backs:
            mean = np.concatenate(combine(self.backtest.forecasts, self.combination.weights), axis=1)
            actual = np.concatenate(self.backtest.actuals, axis=1)
            groups = np.array(self.field.groups)[counts].tolist()
            dispersion[counts] = learn_dispersion(actual[counts], mean[counts], groups)
        return dispersion


def judge(
    series: Series,
    profile: Profile,
    tried: Mapping[str, BoolArray],
    *,
    horizon: int,
    backs: Sequence[int],
    non_negative: BoolArray,
    seed: int,
) -> Judgement:
    """Let every member forecast what it may try from earlier cutoffs, and weigh them by what they missed by."""
    backtest = run_backtest(series, tried, horizon, backs, seed=seed)
    missed = backtest.actuals - backtest.forecasts
    scale = scale_at(series, backtest.backs, typical_miss(missed), non_negative=non_negative)
    missed = missed / scale[None, :, :, None]
    aware = np.isin(backtest.members, CALENDAR_AWARE)
    field = Field(
        members=backtest.members,
        tried=backtest.tried,
        groups=tuple(str(kind) for kind in profile.kind),
        squared=profile.of(Kind.INTERMITTENT),
        preferred=unseen_festival(series, horizon, backs)[:, None] & aware[None, :],
    )
    return Judgement(backtest, scale, missed, field, weigh(missed, field))
