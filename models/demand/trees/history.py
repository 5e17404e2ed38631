"""What is known of some series at every period: levels, seasons and the simple forecasts that start from them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any, Final, Self

import numpy as np

from features.timeline import Frequency
from models.demand.series import FloatArray, Series
from models.demand.trees.calendar import Calendar, told_too_seldom
from models.demand.trees.drivers import Drivers, positive_quantities
from models.demand.trees.effects import Effects, SeriesEffects
from models.demand.trees.regressors import Regressor, Regressors
from models.demand.trees.scale import LogScale
from models.demand.trees.season import season_of
from models.demand.trees.smoothing import Profile, delayed, smooth, smooth_trend, straight_slope

__all__ = ["Candidate", "History", "Learnt", "longest_history"]

_RATES: Final = (0.02, 0.08, 0.1, 0.3, 0.6, 1.0)
_VERY_SLOW, _SLOW, _STEADY, _QUICK, _QUICKER, _NEWEST = range(len(_RATES))
_DAMPED: Final = ((0.5, 0.1), 0.9)  # rates of level and trend, damping
_LASTING: Final = ((0.3, 0.05), 0.98)
_LONG_SEASONS: Final = {Frequency.HOUR: 168, Frequency.DAY: 364}
_MOST_PERIODS: Final = 1_500
_SERIES_FOR_EFFECTS: Final = 400
_LONG_SEASONS_KEPT: Final = 4


@dataclass(frozen=True)
class Candidate:
    """A simple forecast made at every period, in two parts that add up to it, (T, n) each, on the scale."""

    name: str
    level: FloatArray
    season: FloatArray


def longest_history(series: Series) -> int:
    """Return how many of the newest periods are looked at: older ones say little and cost time."""
    return max(_MOST_PERIODS, _LONG_SEASONS_KEPT * max(series.season, *_long_seasons(series)))


def _long_seasons(series: Series) -> tuple[int, ...]:
    long = _LONG_SEASONS.get(series.timeline.frequency, 0)
    return (long,) if long > series.season else (0,)


@dataclass(frozen=True)
class Learnt:
    """What was learnt of a panel before its trees: drivers taken as logarithms, effects of drivers and festivals."""

    logged: frozenset[str]
    left_out: frozenset[str]  # calendar columns that history is too short for
    season: int
    effects: Effects = field(default_factory=Effects)

    @classmethod
    def of(cls, series: Series) -> Self:
        """Learn from a panel, by way of at most some hundred of its series."""
        logged = positive_quantities(series)
        every = max(1, -(-len(series) // _SERIES_FOR_EFFECTS))
        some = series.take(np.arange(0, len(series), every, dtype=np.int64))
        left_out = told_too_seldom(_newest(series, longest_history(series)))
        plain = History.of(some, 0, cls(logged, left_out, series.season))
        season = season_of(series, plain.z)
        timeline = (series.timeline.frequency, season)
        return cls(
            logged,
            left_out,
            season,
            Effects.learn(plain.z, Regressors(plain.drivers, plain.calendar), timeline),
        )

    def facts(self) -> dict[str, object]:
        """Return it as JSON holds it."""
        return {
            "logged": sorted(self.logged),
            "left_out": sorted(self.left_out),
            "season": self.season,
            "effects": asdict(self.effects),
        }

    @classmethod
    def read(cls, facts: Mapping[str, Any]) -> Self:
        """Read what `facts` returned."""
        effects = facts["effects"]
        regressors = tuple(Regressor(**one) for one in effects["regressors"])
        return cls(
            frozenset(facts["logged"]),
            frozenset(facts["left_out"]),
            facts["season"],
            Effects(regressors, tuple(effects["pooled"]), tuple(effects["information"])),
        )


@dataclass(frozen=True)
class History:
    """Some series on the log-like scale, time-major."""

    series: Series
    scale: LogScale
    z: FloatArray  # (T, n) less the effects of drivers and festivals, NaN where nothing was observed
    season: int
    long_season: int  # 0: none
    drivers: Drivers
    calendar: Calendar
    effects: SeriesEffects  # what drivers and festivals add, already taken out of z

    @classmethod
    def of(cls, series: Series, horizon: int, learnt: Learnt) -> Self:
        """Put series on the scale. A hole that the panel filled with zero is no demand, any other fill is unknown."""
        newest = _newest(series, longest_history(series))
        y = np.where(newest.observed | (newest.y == 0), newest.y, np.nan)
        scale = LogScale.of(y)
        z = np.ascontiguousarray(scale.forward(y).T)
        drivers = Drivers.of(newest, horizon, learnt.logged)
        calendar = Calendar.of(newest, newest.periods(horizon).T, learnt.left_out)
        timeline = (newest.timeline.frequency, learnt.season)
        effects = learnt.effects.of(z, Regressors(drivers, calendar), timeline)
        return cls(
            series=newest,
            scale=scale,
            z=z - effects.total[: len(z)],
            season=learnt.season,
            long_season=_long_seasons(newest)[0],
            drivers=drivers,
            calendar=calendar,
            effects=effects,
        )

    @cached_property
    def profile(self) -> Profile | None:
        """Return the seasonal profile; None where there is no season."""
        return Profile.of(self.z, self.season) if self.season > 1 else None

    @cached_property
    def adjusted(self) -> FloatArray:
        """Return the values less their season as it was expected one period before, (T, n)."""
        if self.profile is None:
            return self.z
        return self.z - np.nan_to_num(delayed(self.profile.ahead(1), 1))

    @cached_property
    def levels(self) -> FloatArray:
        """Return levels of the adjusted values, (T, rates, n)."""
        return smooth(self.adjusted, _RATES)

    @cached_property
    def plain_levels(self) -> FloatArray:
        """Return levels of the values with their season in them, (T, 2, n): slow and quick."""
        return smooth(self.z, (_RATES[_SLOW], _RATES[_QUICK]))

    @cached_property
    def trends(self) -> tuple[tuple[FloatArray, FloatArray, float], ...]:
        """Return level, trend and damping of the damped and of the lasting trend."""
        return tuple(
            (*smooth_trend(self.adjusted, rates, damping), damping) for rates, damping in (_DAMPED, _LASTING)
        )

    @cached_property
    def seen(self) -> FloatArray:
        """Return the values observed so far, (T, n)."""
        return np.cumsum(np.isfinite(self.z), axis=0).astype(np.float64)

    @cached_property
    def empty_share(self) -> FloatArray:
        """Return the smoothed share of periods without demand, (T, n)."""
        empty = np.where(np.isfinite(self.z), (self.z == 0).astype(np.float64), np.nan)
        return smooth(empty, (0.05,))[:, 0]

    @cached_property
    def drift(self) -> FloatArray:
        """Return half the slope of the straight line through the adjusted values so far, (T, n).

        Source: Assimakopoulos and Nikolopoulos (2000), the theta method, whose forecast is a smoothed level plus half
        of that slope a step (Hyndman and Billah 2003).
        """
        return straight_slope(self.adjusted) / 2

    def level(self, name: str) -> FloatArray:
        """Return one of the levels, (T, n): very_slow, slow, quick or quicker."""
        place = {"very_slow": _VERY_SLOW, "slow": _SLOW, "quick": _QUICK, "quicker": _QUICKER}[name]
        level: FloatArray = self.levels[:, place]
        return level

    def last_season(self, step: int, season: int | None = None) -> tuple[FloatArray, int]:
        """Return the newest value at the same place in the season as `step` ahead, and how far back it lies."""
        season = season or self.season
        back = season * int(np.ceil(step / season)) - step
        return delayed(self.z, back), back

    def candidates(self, step: int) -> list[Candidate]:
        """Return the simple forecasts `step` periods ahead of every row."""
        season = np.zeros_like(self.z) if self.profile is None else self.profile.ahead(step)
        names = (("steady", _STEADY), ("quick", _QUICK), ("quicker", _QUICKER), ("newest", _NEWEST))
        found = [Candidate(name, self.levels[:, rate], season) for name, rate in names]
        for name, (level, trend, damping) in zip(("damped", "lasting"), self.trends, strict=True):
            run = damping * (1 - damping**step) / (1 - damping)
            found.append(Candidate(name, level + run * trend, season))
        drift = self.drift
        for name, rate in (("steady_drift", _STEADY), ("quick_drift", _QUICK), ("quicker_drift", _QUICKER)):
            found.append(Candidate(name, self.levels[:, rate] + step * drift, season))
        if self.season > 1:
            found += self._seasonal(step)
        if self.long_season:
            found.append(self._last_long_season(step))
        return found

    def _seasonal(self, step: int) -> list[Candidate]:
        """Return the flat level with no season, last season's value, and that with the growth of the level since."""
        value, back = self.last_season(step)
        slow, quick = self.plain_levels[:, 0], self.plain_levels[:, 1]
        grown = [
            Candidate(name, level, value - delayed(level, back + step))
            for name, level in (("grown_quick", quick), ("grown_slow", slow))
        ]
        then = delayed(self.level("quick"), back + step)
        return [
            Candidate("flat", quick, np.zeros_like(self.z)),
            Candidate("last_season", then, value - then),
            *grown,
        ]

    def _last_long_season(self, step: int) -> Candidate:
        value, back = self.last_season(step, self.long_season)
        quick = self.level("quick")
        return Candidate("last_long_season", quick, value - delayed(quick, back + step))


def _newest(series: Series, most: int) -> Series:
    """Return the series without what is older than `most` periods."""
    if series.y.shape[1] <= most:
        return series
    return replace(
        series,
        y=series.y[:, -most:],
        observed=series.observed[:, -most:],
        known={name: values[:, -most - series.ahead :] for name, values in series.known.items()},
        past={name: values[:, -most:] for name, values in series.past.items()},
    )
