"""Draw futures: each series follows its own quantiles, and all move together as their dependence says."""

import hashlib
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.capacity.shortfall.dependence import Dependence
from models.capacity.shortfall.marginals import CELLS, REACH, Marginals, lookup_tables
from models.errors import ShortfallError

__all__ = ["Draws", "draw"]

Draws = NDArray[np.float32]

_LEAST: Final = 2


def draw(marginals: Marginals, dependence: Dependence, *, count: int, seed: int) -> Draws:
    """Draw `count` futures of n series over w weeks, (count, n, w) float32, in the unit of the series.

    A Gaussian copula (Nelsen, An Introduction to Copulas, 2006, ch. 2): standard normals of the shared factors and of
    each series' own part are mixed by the dependence's loadings, run through a first-order autoregression over weeks,
    and read off the series' quantiles. The second half of the futures mirrors the first (antithetic variates), so means
    settle sooner. Every series and factor has a stream of its own, made from the seed and its name: the same series
    gets the same numbers whatever other series there are, whatever their order, so a scenario differs from its base by
    what was changed and not by luck. In memory the futures of one series and week lie side by side.
    Raises ShortfallError where the dependence lacks a series.
    """
    if count < _LEAST:
        raise ShortfallError(
            zh=f"情景数 {count} 太少。请给出至少 {_LEAST}。",
            en=f"{count} scenarios are too few. Give {_LEAST} or more.",
        )
    held = dependence.take(marginals.ids)
    weeks, half = len(marginals.weeks), (count + 1) // 2
    loadings, own = held.loadings.astype(np.float32), held.own.astype(np.float32)
    used = np.flatnonzero((held.loadings != 0).any(axis=0))
    factors = {int(one): _normals(seed, f"factor:{held.nodes[one]}", (weeks, half)) for one in used}
    tables, result = lookup_tables(marginals), np.empty((len(held.ids), weeks, count), dtype=np.float32)
    places = np.empty((weeks, count), dtype=np.int64)
    for row, name in enumerate(held.ids):
        score = _normals(seed, f"series:{name}", (weeks, half))
        score *= own[row]
        for one, shared in factors.items():
            if loadings[row, one]:
                score += loadings[row, one] * shared
        _persist(score, held.persistence)
        _place(score, places)
        np.take(tables[row].ravel(), places, out=result[row], mode="clip")
    return result.transpose(2, 0, 1)


def _normals(seed: int, name: str, shape: tuple[int, int]) -> NDArray[np.float32]:
    key = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")
    stream = np.random.Generator(np.random.SFC64(np.random.SeedSequence((seed, key))))
    return stream.standard_normal(shape, dtype=np.float32)


def _persist(score: NDArray[np.float32], persistence: float) -> None:
    """Turn independent weeks into a stationary first-order autoregression, in place."""
    if not persistence:
        return
    score[1:] *= np.float32(np.sqrt(1 - persistence**2))
    for week in range(1, len(score)):
        score[week] += np.float32(persistence) * score[week - 1]


def _place(score: NDArray[np.float32], places: NDArray[np.int64]) -> None:
    """Write the table's cell of each score, and of its mirror image, in place of last time's."""
    weeks, count = places.shape
    half = score.shape[1]
    score *= np.float32(CELLS / (2 * REACH))
    score += np.float32(CELLS / 2)
    np.clip(score, 0, CELLS - 1, out=score)
    np.copyto(places[:, :half], score, casting="unsafe")
    np.subtract(CELLS - 1, places[:, : count - half], out=places[:, half:])
    places += (np.arange(weeks) * CELLS)[:, None]
