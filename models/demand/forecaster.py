"""Learn a demand model from a panel: describe, route, backtest, weigh, band, fit; no choice by hand."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from features.demand import Panel
from features.panels.late import carried_to_newest
from models.demand.arrays import codes_of, series_of
from models.demand.backtest import Backtest, run_backtest
from models.demand.combination import Combination, Field, combine, unseen_errors, weigh
from models.demand.conformal import learn_bands, scale_at, series_scale, typical_miss
from models.demand.counts import are_counts, learn_dispersion
from models.demand.hierarchies.coherence import learn_coherence
from models.demand.hierarchies.hierarchy import Hierarchy
from models.demand.hierarchies.upper_panel import panel_with_sums
from models.demand.model import DemandModel, Learnt
from models.demand.profile import Kind, describe
from models.demand.roster import find_member
from models.demand.router import FLOOR, Tier, candidates, cutoffs
from models.demand.series import BoolArray, FloatArray, Series
from models.demand.unseen_festival import CALENDAR_AWARE, unseen_festival

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
    up; what it names and the panel refused is left out of it. The same panel, tier and
    seed give the same model.
    """
    if hierarchy is not None:
        hierarchy = hierarchy.without(set(panel.refused["unique_id"]))
        panel = panel_with_sums(panel, hierarchy)
    else:
        panel = carried_to_newest(panel)
    codes = codes_of(panel)
    series = series_of(panel, horizon, codes)
    profile = describe(series)
    non_negative = _non_negative(panel, series)
    backs = cutoffs(profile, horizon)
    tried = candidates(series, profile, tier, extra, cuts=len(backs))
    backtest = run_backtest(series, tried, horizon, backs, seed=seed)
    scale = series_scale(series)
    missed = backtest.actuals - backtest.forecasts
    then = scale_at(series, backtest.backs, typical_miss(missed), non_negative=non_negative)
    missed = missed / then[None, :, :, None]
    groups = tuple(str(kind) for kind in profile.kind)
    rare = profile.of(Kind.INTERMITTENT)
    aware = np.isin(backtest.members, CALENDAR_AWARE)
    preferred = unseen_festival(series, horizon, backs)[:, None] & aware[None, :]
    field = Field(backtest.members, backtest.tried, groups, rare, preferred)
    combination = weigh(missed, field)
    errors, coherence = unseen_errors(missed, field), None
    if hierarchy is not None:
        coherence, made = learn_coherence(
            backtest.actuals - errors * then[:, :, None],
            backtest.actuals,
            hierarchy,
            ids=series.ids,
            non_negative=non_negative,
        )
        errors = (backtest.actuals - made) / then[:, :, None]
    counts = rare & are_counts(np.where(series.observed, series.y, np.nan))
    return DemandModel(
        panel=panel,
        codes=codes,
        horizon=horizon,
        tier=tier,
        seed=seed,
        kinds=profile.kind,
        non_negative=non_negative,
        members=_learn(series, combination, horizon, seed, everyone=keep_all),
        combination=combination,
        bands=learn_bands(errors, scale, groups, levels),
        dispersion=_dispersion(backtest, combination, groups, counts),
        coherence=coherence,
        member_bands={
            name: learn_bands(missed[number], scale, groups, levels)
            for number, name in enumerate(backtest.members)
        },
    )


def _dispersion(
    backtest: Backtest, combination: Combination, groups: tuple[str, ...], counts: BoolArray
) -> FloatArray:
    """Learn how counts scatter about their forecast mean, (n,); NaN for series that get a band of errors instead."""
    if not (counts.any() and backtest.backs):
        return np.full(len(counts), np.nan)
    mean = np.concatenate(combine(backtest.forecasts, combination.weights), axis=1)
    actual = np.concatenate(backtest.actuals, axis=1)
    learnt = learn_dispersion(actual[counts], mean[counts], np.array(groups)[counts].tolist())
    dispersion = np.full(len(counts), np.nan)
    dispersion[counts] = learnt
    return dispersion


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
