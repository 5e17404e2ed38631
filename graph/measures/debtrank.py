"""DebtRank: how far the distress of parties spreads through who is exposed to whom, before anybody defaults."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.sparse import csr_array

from graph.errors import MeasureArgumentError
from graph.measures.arcs import expanded, row_numbers

__all__ = ["Distress", "Spread", "debtrank", "impacts", "single_failures"]

_PAIRS: Final = 2_000_000
"""Pairs of failing and affected party that are followed at once."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Spread(StrEnum):
    """How distress spreads.

    `once`: Battiston, Puliga, Kaushik, Tasca, Caldarelli 2012, "DebtRank: Too Central to Fail?", Scientific Reports 2,
    541: each party passes its distress on once, in the round after it is first hit, so walks that come back stop.
    `increments`: Bardoscia, Battiston, Caccioli, Caldarelli 2015, "DebtRank: A Microscopic Foundation for Shock
    Propagation", PLoS ONE 10(6): each party passes on every further loss until it is in default; never less than `once`.
    """

    ONCE = "once"
    INCREMENTS = "increments"


@dataclass(frozen=True, eq=False)
class Distress:
    """Where distress has come to rest.

    `level` (n) is the share of its equity a party has lost, 0 to 1; `first_hit` (n) the round in which it was first
    hit, 0 for those shocked, -1 for those never hit; `debtrank` the value lost beyond the shock, as a share of all
    value; `converged` tells whether the rounds sufficed.
    """

    level: Floats
    first_hit: Ints
    debtrank: float
    rounds: int
    converged: bool


def impacts(exposures: csr_array, equity: Floats) -> csr_array:
    """Return the relative impact of each party on each other (n × n): entry [i, j] is what i's failure costs j.

    `exposures[j, i]` is what j loses when i fails, in the unit of `equity` (n); the impact is that over j's equity, at
    most 1. A party whose equity is 0 or below loses all with any exposure; one whose equity is unknown (NaN) takes no
    impact: nothing can be said of it, so callers name such parties. Raises MeasureArgumentError for exposures that are
    negative or not finite and for equity of another length.
    """
    if equity.shape != (exposures.shape[0],):
        raise MeasureArgumentError("equity", "应与主体数等长", "must have one value per party")
    bad = ~(np.isfinite(exposures.data) & (exposures.data >= 0))
    if bad.any():
        value = exposures.data[bad][0]
        raise MeasureArgumentError(
            "exposures",
            f"含有负值或非有限值（{value}）",
            f"hold a value that is negative or not finite ({value})",
        )
    creditor = row_numbers(exposures)
    own = equity[creditor]
    ratio = np.divide(exposures.data, own, out=np.full(len(own), np.inf), where=own > 0)
    share = np.where(np.isnan(own) | (exposures.data == 0), 0.0, np.minimum(ratio, 1.0))
    result = csr_array((share, exposures.indices, exposures.indptr), shape=exposures.shape).T.tocsr()
    result.eliminate_zeros()
    return csr_array(result)


def debtrank(
    impact: csr_array,
    shock: Floats,
    *,
    value: Floats | None = None,
    spread: Spread = Spread.ONCE,
    rounds: int = 1000,
    tolerance: float = 1e-12,
) -> Distress:
    """Return the distress that a shock leads to (see `Spread`), given the relative impacts (n × n, see `impacts`).

    `shock` (n) is the share of equity each party loses at first, 0 to 1; `value` (n) its economic value (default: all
    alike), any unit. Raises MeasureArgumentError for a shock outside 0 to 1, and for a value that is negative or not
    finite or not given for every party.
    """
    worth = _worth(value, len(shock))
    if not ((shock >= 0) & (shock <= 1)).all():
        raise MeasureArgumentError("shock", "应在 0 与 1 之间", "must lie between 0 and 1")
    struck = impact.T.tocsr()
    level, passing = shock.astype(np.float64), shock.astype(np.float64)
    first_hit = np.where(shock > 0, 0, -1)
    done = 0
    while done < rounds and passing.max(initial=0.0) > tolerance:
        done += 1
        following = np.minimum(level + struck @ passing, 1.0)
        newly = (first_hit < 0) & (following > 0)
        first_hit[newly] = done
        # A party in default has passed on all it had: it gains no further level, so its increments are 0.
        passing = np.where(newly, following, 0.0) if spread is Spread.ONCE else following - level
        level = following
    return Distress(
        level=level,
        first_hit=first_hit,
        debtrank=_beyond(level, shock, worth),
        rounds=done,
        converged=bool(passing.max(initial=0.0) <= tolerance),
    )


def _worth(value: Floats | None, size: int) -> Floats:
    if value is None:
        return np.ones(size)
    if value.shape != (size,) or not (np.isfinite(value) & (value >= 0)).all():
        raise MeasureArgumentError(
            "value",
            "应为每个主体一个非负有限数",
            "must be a finite number of 0 or more for each party",
        )
    return value


def _beyond(level: Floats, shock: Floats, worth: Floats) -> float:
    total = worth.sum()
    return float((level - shock) @ worth / total) if total > 0 else 0.0


def single_failures(
    impact: csr_array,
    *,
    parties: Ints | None = None,
    value: Floats | None = None,
    smallest: float = 0.0,
) -> pl.DataFrame:
    """Return what the failure of each party alone leads to, by DebtRank of 2012 (`Spread.ONCE`).

    `parties` (positions) chooses who fails, by default everybody with an impact on somebody. Returns [position,
    debtrank, affected, brought_down, rounds]: the value lost by others as a share of all value, how many others are hit,
    how many of them lose all their equity, and the rounds it took. Only parties within reach are touched, in
    stretches; distress of `smallest` or less is not passed on (0: exact). In a graph where everybody reaches everybody
    the work is n², so choose `parties` or `smallest` there. Raises MeasureArgumentError for `value` as `debtrank` does.
    """
    worth = _worth(value, impact.shape[0])
    failing = (
        np.flatnonzero(np.diff(impact.indptr)) if parties is None else np.asarray(parties, dtype=np.int64)
    )
    frames = [_cascades(impact, part, worth, smallest) for part in _stretches(impact, failing)]
    empty = pl.DataFrame(schema=_SINGLE_SCHEMA)
    return pl.concat([empty, *frames])


_SINGLE_SCHEMA: Final = pl.Schema(
    {
        "position": pl.Int64,
        "debtrank": pl.Float64,
        "affected": pl.Int64,
        "brought_down": pl.Int64,
        "rounds": pl.Int64,
    }
)


def _stretches(impact: csr_array, failing: Ints) -> Iterator[Ints]:
    """Cut the failing parties so that the parties within three steps number about `_PAIRS` at most."""
    size = impact.shape[0]
    ways, reach = np.ones(size), np.ones(size)
    links = csr_array((np.ones(impact.nnz), impact.indices, impact.indptr), shape=impact.shape)
    for _ in range(3):
        ways = np.minimum(links @ ways, size)
        reach = np.minimum(reach + ways, size)
    cut = np.flatnonzero(np.diff(np.cumsum(reach[failing]) // _PAIRS)) + 1
    yield from np.split(failing, cut)


def _cascades(impact: csr_array, failing: Ints, worth: Floats, smallest: float) -> pl.DataFrame:
    """Follow the failures of some parties side by side; a pair of scenario and party is one number, its key."""
    size = impact.shape[0]
    scenario = np.arange(len(failing))
    keys, levels = scenario * size + failing, np.ones(len(failing))
    fresh, passing = keys, levels
    last_round = np.zeros(len(failing), dtype=np.int64)
    step = 0
    while len(fresh):
        step += 1
        number, node = np.divmod(fresh, size)
        places, target, entries = expanded(impact, node)
        hit, position = np.unique(number[places] * size + target, return_inverse=True)
        passed = np.bincount(position, weights=passing[places] * impact.data[entries], minlength=len(hit))
        loss = passed.astype(np.float64)
        keys, levels, new = _added(keys, levels, hit, loss)
        last_round[np.unique(hit[new] // size)] = step
        fresh, passing = hit[new], np.minimum(loss[new], 1.0)
        fresh, passing = fresh[passing > smallest], passing[passing > smallest]
    number, node = np.divmod(keys, size)
    others = node != failing[number]
    number, node, level = number[others], node[others], levels[others]
    count = len(failing)
    lost = np.bincount(number, weights=level * worth[node], minlength=count)
    total = worth.sum()
    figures = {
        "position": failing,
        "debtrank": lost / total if total > 0 else np.zeros(count),
        "affected": np.bincount(number, minlength=count),
        "brought_down": np.bincount(number[level >= 1.0], minlength=count),
        "rounds": last_round,
    }
    return pl.DataFrame(figures, schema=_SINGLE_SCHEMA)


def _added(keys: Ints, levels: Floats, hit: Ints, loss: Floats) -> tuple[Ints, Floats, npt.NDArray[np.bool_]]:
    """Add losses to levels, at most 1, and return keys (sorted), levels, and which of `hit` were new."""
    place = np.searchsorted(keys, hit)
    inside = np.minimum(place, len(keys) - 1)
    known = keys[inside] == hit
    levels[inside[known]] = np.minimum(levels[inside[known]] + loss[known], 1.0)
    new = ~known
    merged = np.insert(keys, place[new], hit[new])
    return merged, np.insert(levels, place[new], np.minimum(loss[new], 1.0)), new
