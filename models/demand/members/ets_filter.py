"""Exponential smoothing in state-space form, run over many series at once."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from models.demand.series import FloatArray, IntArray

__all__ = ["Form", "Season", "Smoothing", "States", "criterion", "smooth"]

_TINY: Final = 1e-300  # squared error of a series that is followed exactly


class Season(StrEnum):
    """How a season enters: not at all, added, or multiplied."""

    NONE = "N"
    ADDITIVE = "A"
    MULTIPLICATIVE = "M"


@dataclass(frozen=True)
class Form:
    """An ETS form: additive errors, but multiplicative ones with a multiplicative season; a trend is damped."""

    trend: bool
    season: Season

    @property
    def name(self) -> str:
        """Short name of Hyndman et al.: ANN, AAdN, ANA, AAdA, MNM or MAdM."""
        error = "M" if self.season == Season.MULTIPLICATIVE else "A"
        return f"{error}{'Ad' if self.trend else 'N'}{self.season}"

    def count(self, season: int) -> int:
        """Return how many parameters and initial states the information criterion counts."""
        return 3 + 3 * self.trend + (season if self.season != Season.NONE else 0)


@dataclass(frozen=True)
class Smoothing:
    """Smoothing parameters, (n,) each; those a form lacks are 0, phi 1."""

    alpha: FloatArray
    beta: FloatArray
    gamma: FloatArray
    phi: FloatArray


@dataclass(frozen=True)
class States:
    """Level (n,), trend (n,) and season (m, n), whose row is the period number modulo the season."""

    level: FloatArray
    trend: FloatArray
    season: FloatArray


def smooth(
    y: FloatArray, counts: IntArray, form: Form, by: Smoothing, start: States
) -> tuple[FloatArray, FloatArray, States]:
    """Run the filter through y (T, n), longest series first; `counts` says how many go on at each period.

    Recursions of Hyndman, Koehler, Ord and Snyder 2008, table 2.2; those of the additive and of the multiplicative
    error give the same states. Returns one-step errors (T, n), one-step forecasts (T, n) and the last states;
    after a series' end the error is 0 and the forecast 1.
    """
    errors, forecasts = np.zeros_like(y), np.ones_like(y)
    level, trend, season = start.level.copy(), start.trend.copy(), start.season.copy()
    places = len(season)
    for period, count in enumerate(counts):
        now, l, b = slice(0, count), level[:count], trend[:count]  # noqa: E741
        ahead = by.phi[now] * b if form.trend else None
        base = l + ahead if ahead is not None else l
        s = season[period % places, now]
        match form.season:
            case Season.NONE:
                forecast = base
            case Season.ADDITIVE:
                forecast = base + s
            case Season.MULTIPLICATIVE:
                forecast = base * s
        error = y[period, now] - forecast
        errors[period, now], forecasts[period, now] = error, forecast
        news = error / s if form.season == Season.MULTIPLICATIVE else error
        if form.season == Season.ADDITIVE:
            s += by.gamma[now] * error
        elif form.season == Season.MULTIPLICATIVE:
            s += by.gamma[now] * error / base
        if ahead is not None:
            b[:] = ahead + by.beta[now] * news
        l[:] = base + by.alpha[now] * news
    return errors, forecasts, States(level, trend, season)


def criterion(errors: FloatArray, forecasts: FloatArray, lengths: IntArray, form: Form) -> FloatArray:
    """Return minus twice the log-likelihood up to a constant, (n,); infinite where a forecast leaves its domain."""
    if form.season != Season.MULTIPLICATIVE:
        additive: FloatArray = lengths * np.log((errors * errors).sum(axis=0) + _TINY)
        return additive
    valid = (forecasts > 0).all(axis=0)
    value = lengths * np.log(((errors / forecasts) ** 2).sum(axis=0) + _TINY)
    value += 2 * np.log(np.abs(forecasts)).sum(axis=0)
    return np.where(valid, value, np.inf)
