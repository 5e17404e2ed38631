"""Which members try which series: by kind, history, season and drivers; never by data set."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from features.timeline import Frequency
from models.demand.profile import Kind, Profile
from models.demand.series import BoolArray, Series

__all__ = ["FLOOR", "Tier", "candidates", "cutoffs"]

FLOOR: Final = "naive"

_MOST_PROPHETS: Final = (
    120  # fits, over all series and cutoffs; each costs as much as all other members together
)
_LEAST_FOR_TREES: Final = 200  # observations in the whole panel
_LEAST_YEARS_FOR_PROPHET: Final = 1.0
_OF_THE_AIRLINE: Final = (Frequency.MONTH, Frequency.QUARTER, Frequency.INTEGER)
_PERIODS_A_YEAR: Final = {"1h": 8766, "1d": 365, "1w": 52, "1mo": 12, "1q": 4}
_MOST_CUTOFFS: Final = 8
_RESIDUALS_WANTED: Final = 150  # a step; many series need few cutoffs, one series needs many
_LEAST_BEFORE: Final = 8  # observations before the oldest cutoff
_LEAST_SEASONS_BEFORE: Final = 2
_SHARE_LONG_ENOUGH: Final = 0.5


class Tier(StrEnum):
    """How much a forecast may cost."""

    FAST = "fast"
    STANDARD = "standard"


@dataclass(frozen=True)
class Rule:
    """Where a member may take part."""

    kinds: frozenset[Kind]
    tiers: frozenset[Tier]


_REGULAR: Final = frozenset({Kind.SEASONAL, Kind.SMOOTH, Kind.SHORT})
_ALL: Final = frozenset(Kind)
_RULES: Final[Mapping[str, Rule]] = {
    FLOOR: Rule(_ALL, frozenset(Tier)),
    "theta": Rule(_REGULAR, frozenset(Tier)),
    "ets": Rule(_REGULAR, frozenset({Tier.STANDARD})),
    "airline": Rule(_REGULAR, frozenset({Tier.STANDARD})),
    "trees": Rule(_REGULAR | {Kind.INTERMITTENT}, frozenset(Tier)),
    "prophet": Rule(frozenset({Kind.SEASONAL, Kind.SMOOTH}), frozenset({Tier.STANDARD})),
    "tsb": Rule(frozenset({Kind.INTERMITTENT}), frozenset(Tier)),
    "smoothed_mean": Rule(frozenset({Kind.INTERMITTENT}), frozenset(Tier)),
}

_ON_REQUEST: Final = {
    "croston_sba": _REGULAR | {Kind.INTERMITTENT},
    "croston_optimised": _REGULAR | {Kind.INTERMITTENT},
}


def candidates(
    series: Series, profile: Profile, tier: Tier, extra: Sequence[str] = (), *, cuts: int = 0
) -> dict[str, BoolArray]:
    """Return which series each member tries, (n,) each; members that try none are left out.

    Members on request (`extra`) try all that the regular ones try; Croston's, which are for rare demand, that too.
    `cuts` backtests are to be made.
    """
    chosen: dict[str, BoolArray] = {}
    for member, rule in _RULES.items():
        rows = np.array([kind in rule.kinds for kind in profile.kind], dtype=np.bool_)
        if tier in rule.tiers:
            rows &= _able(member, series, profile, cuts)
            if rows.any():
                chosen[member] = rows
    for member in extra:
        wanted = _ON_REQUEST.get(member, _REGULAR)
        rows = np.array([kind in wanted for kind in profile.kind], dtype=np.bool_)
        if rows.any():
            chosen[member] = rows
    return chosen


def _able(member: str, series: Series, profile: Profile, cuts: int) -> BoolArray:
    everyone = np.ones(len(series), dtype=np.bool_)
    match member:
        case "trees":
            return everyone if int(profile.length.sum()) >= _LEAST_FOR_TREES else ~everyone
        case "airline":
            return everyone if series.timeline.frequency in _OF_THE_AIRLINE else ~everyone
        case "prophet":
            year = _PERIODS_A_YEAR.get(str(series.timeline.frequency))
            few = len(series) * (1 + cuts) <= _MOST_PROPHETS
            return profile.length >= _LEAST_YEARS_FOR_PROPHET * year if year and few else ~everyone
        case _:
            return everyone


def cutoffs(profile: Profile, horizon: int, season: int) -> tuple[int, ...]:
    """Choose how many periods before each end the backtests cut, newest first; empty when history is too short.

    Few series need many cutoffs, so that the bands rest on enough errors. The oldest leaves at least half of the
    series with enough history to learn from: two seasons where two horizons are left after them, as without
    a season learnt nothing beats the seasonal naive. New products and constants, which learn nothing, do not count.
    """
    typical = _typical(profile)
    seasons = min(_LEAST_SEASONS_BEFORE * season, typical - 2 * horizon)
    room = typical - max(_LEAST_BEFORE, horizon, seasons)
    oldest = min(room, max(horizon, 1) * _MOST_CUTOFFS)
    if room < 1:
        return ()
    wanted = int(np.clip(np.ceil(_RESIDUALS_WANTED / max(len(profile.kind), 1)), 2, _MOST_CUTOFFS))
    if oldest <= horizon:
        return (oldest,)
    step = horizon if oldest >= wanted * horizon else max(1, (oldest - horizon) // max(wanted - 1, 1))
    backs = range(horizon, oldest + 1, step)
    return tuple(backs[:wanted])


def _typical(profile: Profile) -> int:
    learning = ~(profile.of(Kind.SHORT) | profile.of(Kind.CONSTANT))
    lengths = profile.length[learning] if learning.any() else profile.length
    return int(np.quantile(lengths, 1 - _SHARE_LONG_ENOUGH)) if lengths.size else 0
