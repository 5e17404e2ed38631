"""Who guarantees whom: inside business groups, owners for their companies, and planted circles."""

from typing import Final

import numpy as np

from sample_group.columns import Ints, rounded
from sample_group.links import Links, links
from sample_group.ownership import people_of
from sample_group.population import BUSINESS_GROUP, Population
from sample_group.streams import Streams
from sample_group.window import Window

__all__ = ["CIRCLE_LENGTHS", "guarantee_circles", "guarantees"]

CIRCLE_LENGTHS: Final = (2, 3, 4, 5)
CIRCLES_PER_1000: Final = 16  # companies in circles: about 4 % of all


def guarantees(streams: Streams, window: Window, people: Population) -> Links:
    """Draw guarantees that are no planted circle: neighbours in a business group, strangers, owners."""
    rng = streams.of("guarantees")
    companies = people.companies()
    count = len(companies)
    guaranteed = np.repeat(companies, (rng.random(count) * 2.3).astype(np.int64))
    rank = np.searchsorted(companies, guaranteed)
    near = rank - rank % BUSINESS_GROUP + rng.integers(0, BUSINESS_GROUP, len(rank))
    far = rng.integers(0, count, len(rank))
    guarantor = companies[np.minimum(np.where(rng.random(len(rank)) < 0.7, near, far), count - 1)]
    small = companies[(people.size[companies] <= 1) & (rng.random(count) < 0.4)]
    src = np.concatenate([guarantor, people_of(rng, people, small)]).astype(np.int32)
    dst = np.concatenate([guaranteed, small]).astype(np.int32)
    start = window.first + rng.integers(-400, window.last - window.first - 90, len(src))
    term = rng.integers(360, 1500, len(src))
    return _guaranteed(rng, people, src, dst, (start.astype(np.int32), (start + term).astype(np.int32)))


def guarantee_circles(streams: Streams, window: Window, people: Population) -> tuple[Links, Ints]:
    """Draw disjoint directed circles of 2 to 5 companies and return the number of each link's circle."""
    rng = streams.of("guarantee_circles")
    companies = rng.permutation(people.companies())
    wanted = max(len(CIRCLE_LENGTHS), round(len(companies) * CIRCLES_PER_1000 / 1000))
    lengths = np.resize(np.array(CIRCLE_LENGTHS), min(wanted, len(companies) // sum(CIRCLE_LENGTHS) * 4))
    circle = np.repeat(np.arange(len(lengths)), lengths).astype(np.int32)
    offset = np.repeat(np.cumsum(lengths) - lengths, lengths)
    place = np.arange(len(circle)) - offset
    src = companies[: len(circle)]
    dst = companies[offset + (place + 1) % lengths[circle]]
    opened = window.first + rng.integers(60, window.last - window.first - 700, len(lengths))
    closed = opened + rng.integers(500, 1500, len(lengths))
    dates = (opened[circle] + rng.integers(0, 45, len(circle)), closed[circle])
    return _guaranteed(rng, people, src, dst, (dates[0].astype(np.int32), dates[1].astype(np.int32))), circle


def _guaranteed(
    rng: np.random.Generator, people: Population, src: Ints, dst: Ints, dates: tuple[Ints, Ints]
) -> Links:
    amount = np.minimum(people.capital[dst] * rng.uniform(0.15, 0.9, len(src)), people.capital[src] * 1.2)
    return links("guarantees", src, dst, dates[0], end=dates[1], amount=rounded(np.maximum(amount, 5e4), -4))
