"""Who sells to whom: local chains, a few large buyers, and the group's own factories on both sides."""

from typing import Final

import numpy as np

from sample_group.columns import NO_DAY, Floats, Ints, rounded
from sample_group.links import Links, links
from sample_group.population import Population
from sample_group.streams import Streams
from sample_group.window import Window

__all__ = ["supplies"]

FACTORIES: Final = np.array(
    [5, 6, 7, 9, 10, 11, 12], dtype=np.int32
)  # party numbers of the industrial companies


def supplies(streams: Streams, window: Window, people: Population) -> Links:
    """Draw supply relations with their amount a year; a seller's buyers share at most its revenue."""
    rng = streams.of("supplies")
    companies = people.companies()
    buyers = rng.poisson(1.4, len(companies)) + (rng.random(len(companies)) < 0.5)
    seller = np.repeat(companies, buyers)
    buyer = _buyers(rng, people, companies, np.repeat(np.arange(len(companies)), buyers))
    own = max(40, len(companies) // 12)
    sold_by_group = FACTORIES[rng.integers(0, len(FACTORIES), own)]
    src = np.concatenate([seller, sold_by_group]).astype(np.int32)
    dst = np.concatenate([buyer, companies[rng.integers(0, len(companies), own)]]).astype(np.int32)
    weight = rng.gamma(0.8, size=len(src)) + 0.02
    share = (
        weight
        / np.bincount(src, weight, minlength=people.count)[src]
        * rng.uniform(0.35, 0.9, people.count)[src]
    )
    amount = rounded(np.maximum(people.revenue[src] * share, 1e4), -3)
    return _dated(rng, window, src, dst, amount)


def _buyers(rng: np.random.Generator, people: Population, companies: Ints, rank: Ints) -> Ints:
    # half near by, most of the rest among the large (a hub is drawn with a cube law), the last tenth the group
    count = len(rank)
    near = np.clip(rank + rng.integers(-25, 26, count), 0, len(companies) - 1)
    by_size = companies[np.argsort(-people.revenue[companies], kind="stable")]
    hub = by_size[(len(by_size) * rng.random(count) ** 3).astype(np.int64)]
    group = FACTORIES[rng.integers(0, len(FACTORIES), count)]
    draw = rng.random(count)
    return np.where(draw < 0.55, companies[near], np.where(draw < 0.93, hub, group)).astype(np.int32)


def _dated(rng: np.random.Generator, window: Window, src: Ints, dst: Ints, amount: Floats) -> Links:
    start = window.first + rng.integers(-190, window.last - window.first - 120, len(src))
    start = np.where(rng.random(len(src)) < 0.45, window.first - rng.integers(20, 190, len(src)), start)
    end = start + rng.integers(300, 2400, len(src))
    end = np.where(end <= window.last, end, NO_DAY)
    return links("supplies", src, dst, start.astype(np.int32), end=end.astype(np.int32), amount=amount)
