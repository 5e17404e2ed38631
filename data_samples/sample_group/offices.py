"""Who serves where and who is related: officers of companies and families."""

import numpy as np

from sample_group.columns import NO_DAY, Ints
from sample_group.links import ROLES, Links, concat, links
from sample_group.ownership import people_of
from sample_group.population import Population
from sample_group.streams import Streams
from sample_group.window import Window

__all__ = ["families", "offices"]


def offices(streams: Streams, window: Window, people: Population) -> Links:
    """Draw officers: every company has a legal representative, some have successors, directors, supervisors."""
    rng = streams.of("offices")
    companies = people.companies()
    first, second = _legal_representatives(rng, window, people)
    parts = [first, second]
    for role, share in (("director", 0.6), ("supervisor", 0.35), ("executive", 0.4)):
        target = companies[rng.random(len(companies)) < share]
        start, end = _dates(rng, window, len(target))
        parts.append(links("holds_position", people_of(rng, people, target), target, start, end=end,
                           role=np.full(len(target), ROLES.index(role), dtype=np.int8)))  # fmt: skip
    return concat(parts)


def families(streams: Streams, window: Window, people: Population) -> Links:
    """Draw family ties inside the circle of a business group."""
    rng = streams.of("families")
    persons = people.persons()
    persons = persons[np.argsort(people.business_group[persons], kind="stable")]
    pairs = (people.business_group[persons[:-1]] == people.business_group[persons[1:]]) & (
        rng.random(len(persons) - 1) < 0.25
    )
    at = np.flatnonzero(pairs)
    start = np.full(len(at), window.first - 700, dtype=np.int32)
    return links("family_of", persons[at], persons[at + 1], start)


def _legal_representatives(
    rng: np.random.Generator, window: Window, people: Population
) -> tuple[Links, Links]:
    companies = people.companies()
    changes = rng.random(len(companies)) < 0.22
    start = np.full(len(companies), window.first, dtype=np.int32) - rng.integers(30, 190, len(companies))
    change = window.first + rng.integers(90, window.last - window.first - 60, len(companies))
    legal = np.full(len(companies), ROLES.index("legal_representative"), dtype=np.int8)
    first = links("holds_position", people_of(rng, people, companies), companies, start.astype(np.int32),
                  end=np.where(changes, change, NO_DAY).astype(np.int32), role=legal)  # fmt: skip
    later = companies[changes]
    second = links("holds_position", people_of(rng, people, later), later, change[changes].astype(np.int32),
                   role=legal[: len(later)])  # fmt: skip
    return first, second


def _dates(rng: np.random.Generator, window: Window, count: int) -> tuple[Ints, Ints]:
    start = window.first + rng.integers(-190, 900, count)
    end = start + rng.integers(500, 2400, count)
    ends = (rng.random(count) < 0.3) & (end <= window.last)
    return start.astype(np.int32), np.where(ends, end, NO_DAY).astype(np.int32)
