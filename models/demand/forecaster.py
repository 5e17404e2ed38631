"""Learn a demand model from a panel: describe, route, backtest, weigh, band, fit; no choice by hand."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from features.demand import Panel
from features.panels.late import carried_to_newest
from models.demand.arrays import codes_of, series_of
from models.demand.combination import Combination
from models.demand.conformal import learn_bands, series_scale
from models.demand.hierarchies.hierarchy import Hierarchy
from models.demand.hierarchies.upper_panel import panel_with_sums
from models.demand.judgement import judge
from models.demand.model import DemandModel, Learnt
from models.demand.profile import describe
from models.demand.roster import find_member
from models.demand.router import FLOOR, Tier, candidates, cutoffs
from models.demand.series import BoolArray, Series

__all__ = ["LEVELS", "fit_forecaster"]

LEVELS: Final = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


def fit_forecaster(
    panel: Panel,
    horizon: int,
    *,
    tier: Tier = Tier.STANDARD,
    levels: Sequence[float] = LEVELS,
    seed: int = 7,
    extra: Sequence[str] = (),
    keep_all: bool = False,
    hierarchy: Hierarchy | None = None,
) -> DemandModel:
    """Learn from a panel to forecast `horizon` periods ahead.

    `extra` names members on request (auto_arima, auto_ces) that take part beside the router's; `keep_all` fits also those
    without weight, to be judged beside the others. With a `hierarchy` all its sums are forecast too, and everything adds
    up; what it names and the panel refused is left out of it. The same panel, tier and seed give the same model.
    """
    if hierarchy is None:
        panel = carried_to_newest(panel)
    else:
        hierarchy = hierarchy.without(set(panel.refused["unique_id"]))
        panel = panel_with_sums(panel, hierarchy)
    codes = codes_of(panel)
    series = series_of(panel, horizon, codes)
    profile, non_negative, scale = describe(series), _non_negative(panel, series), series_scale(series)
    backs = cutoffs(profile, horizon, series.season)
    tried = candidates(series, profile, tier, extra, cuts=len(backs))
    judged = judge(series, profile, tried, horizon=horizon, backs=backs, non_negative=non_negative, seed=seed)
    coherence, errors = None, judged.errors()
    if hierarchy is not None:
        coherence, errors = judged.reconciled(hierarchy, series.ids, non_negative)
    groups = judged.field.groups
    return DemandModel(
        panel=panel,
        codes=codes,
        horizon=horizon,
        tier=tier,
        seed=seed,
        kinds=profile.kind,
        non_negative=non_negative,
        members=_learn(series, judged.combination, horizon, seed, everyone=keep_all),
        combination=judged.combination,
        bands=learn_bands(errors, scale, groups, levels),
        dispersion=judged.dispersion(series),
        coherence=coherence,
        member_bands={
            name: learn_bands(missed, scale, groups, levels)
            for name, missed in zip(judged.field.members, judged.missed, strict=True)
        },
    )


def _non_negative(panel: Panel, series: Series) -> BoolArray:
    """Tell which series may not be forecast below zero: a few returns do not make a series one that may."""
    facts = dict(panel.series.select("unique_id", "non_negative").iter_rows())
    return np.array([facts[unique_id] for unique_id in series.ids], dtype=np.bool_)


def _learn(
    series: Series, combination: Combination, horizon: int, seed: int, *, everyone: bool
) -> dict[str, Learnt]:
    """Fit each member to the series it has a weight for; the floor to all, as it stands in where others fail."""
    learnt: dict[str, Learnt] = {}
    for number, name in enumerate(combination.members):
        tried: BoolArray = np.isfinite(combination.loss[:, number])
        used = tried if everyone else combination.weights[:, number] > 0
        rows = np.arange(len(series)) if name == FLOOR else np.flatnonzero(used)
        if len(rows):
            fitted = find_member(name).fit(series.take(rows), horizon, seed=seed)
            learnt[name] = Learnt(fitted, rows)
    return learnt
