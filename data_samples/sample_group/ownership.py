"""Who owns whom: trees inside business groups, some cross-holdings, persons on top."""

import numpy as np

from sample_group.columns import NO_DAY, Floats, Ints, rounded
from sample_group.companies import COMPANIES
from sample_group.links import Links, concat, links
from sample_group.population import BUSINESS_GROUP, Population
from sample_group.streams import Streams
from sample_group.window import Window

__all__ = ["ownership", "people_of"]


def ownership(streams: Streams, window: Window, people: Population) -> Links:
    """Draw every ownership relation: the shares held in one company never add up to more than 1."""
    rng = streams.of("ownership")
    companies = people.companies()
    position = (np.arange(len(companies)) % BUSINESS_GROUP).astype(np.int32)
    has_parent = (position > 0) & (rng.random(len(companies)) < 0.45)
    parent = companies[
        np.arange(len(companies)) - position + (rng.random(len(companies)) * position).astype(np.int32)
    ]
    share = np.where(has_parent, rounded(rng.uniform(0.34, 0.90, len(companies)), 4), 0.0)
    child = np.flatnonzero(has_parent)
    parts = [
        _own_group(window),
        _dated(rng, window, parent[child], companies[child], share[child]),
        _cross_holdings(rng, window, companies, position),
        *_persons_on_top(rng, window, people, share),
    ]
    return concat(parts)


def people_of(rng: np.random.Generator, people: Population, companies: Ints) -> Ints:
    """Return one person for each company: of its business group where it has any, else anyone."""
    persons = people.persons()
    persons = persons[np.argsort(people.business_group[persons], kind="stable")]
    circles = people.business_group[persons]
    wanted = people.business_group[companies]
    low, high = np.searchsorted(circles, wanted, "left"), np.searchsorted(circles, wanted, "right")
    inside = low + (rng.random(len(companies)) * (high - low)).astype(np.int64)
    anyone = rng.integers(0, len(persons), len(companies))
    return persons[np.where(high > low, inside, anyone)]


def _dated(rng: np.random.Generator, window: Window, src: Ints, dst: Ints, share: Floats) -> Links:
    count, length = len(src), window.last - window.first
    before = rng.random(count) < 0.8
    start = window.first + np.where(
        before, -rng.integers(30, 190, count), rng.integers(0, length - 200, count)
    )
    end = start + rng.integers(400, 2200, count)
    ends = (rng.random(count) < 0.12) & (end <= window.last)
    return links("owns", src, dst, start.astype(np.int32), end=np.where(ends, end, NO_DAY).astype(np.int32),
                 share=share)  # fmt: skip


def _own_group(window: Window) -> Links:
    held = [company for company in COMPANIES if company.parent]
    src = np.array([company.parent - 1 for company in held if company.parent], dtype=np.int32)
    dst = np.array([company.number - 1 for company in held], dtype=np.int32)
    share = np.array([0.51 + 0.07 * (company.number % 8) for company in held])
    return links("owns", src, dst, np.full(len(held), window.first - 1500, dtype=np.int32), share=share)


def _cross_holdings(rng: np.random.Generator, window: Window, companies: Ints, position: Ints) -> Links:
    # a lower company holds a little of the head of its business group: together with the tree, a cycle
    child = np.flatnonzero((position >= 2) & (rng.random(len(companies)) < 0.05))
    head = companies[child - position[child]]
    return _dated(rng, window, companies[child], head, rounded(rng.uniform(0.01, 0.06, len(child)), 4))


def _persons_on_top(
    rng: np.random.Generator, window: Window, people: Population, taken: Floats
) -> list[Links]:
    companies = people.companies()
    owned = (taken == 0) | (rng.random(len(companies)) < 0.4)
    target = companies[owned]
    free = np.minimum(1 - taken[owned], 0.93)  # heads leave room for cross-holdings
    first = rounded(free * rng.uniform(0.5, 0.95, len(target)), 4)
    second = rounded((free - first) * rng.uniform(0.5, 1.0, len(target)), 4)
    some = (rng.random(len(target)) < 0.6) & (second > 0.001)
    return [
        _dated(rng, window, people_of(rng, people, target), target, first),
        _dated(rng, window, people_of(rng, people, target[some]), target[some], second[some]),
    ]
