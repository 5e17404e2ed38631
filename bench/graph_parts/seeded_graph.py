"""A graph of counterparties made from a seed: the same for every engine, with hubs, circles and later knowledge."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

__all__ = ["AS_OF", "seeded_defaults", "seeded_edges", "seeded_ids"]

AS_OF: Final = date(2024, 12, 31)
"""The day to read the graph on: about 5 % of the edges are retracted by then, 5 % are known only later, 3 % ended."""

_FIRST: Final = date(2018, 1, 1)
_DAYS: Final = (AS_OF - _FIRST).days
_COMPANIES: Final = 0.75
_PART: Final = {
    "owns": 0.22,
    "guarantees": 0.12,
    "supplies": 0.40,
    "holds_position": 0.15,
    "family_of": 0.03,
    "lends_to": 0.08,
}
_SOURCE: Final = {
    "owns": "registry",
    "guarantees": "contract",
    "supplies": "erp",
    "holds_position": "registry",
    "family_of": "annual_report",
    "lends_to": "contract",
}
_ROLES: Final = ("legal_representative", "director", "supervisor", "executive")
_RETRACTED, _LATER, _ENDED = 0.05, 0.05, 0.03
_LENGTHS: Final = (2, 3, 4, 5, 6)
_TANGLE: Final = 14

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Ends:
    """Sources and targets of the edges of one kind, the last `planted` of them always visible."""

    src: Ints
    dst: Ints
    planted: int = 0


def seeded_ids(parties: int) -> pl.Series:
    """Return the ids P0000001 … of the parties; the first three quarters are companies, the rest persons."""
    return _numbered("party_id", "P", parties)


def seeded_edges(parties: int, edges: int, seed: int) -> pl.DataFrame:
    """Return about `edges` statements in EDGE_SCHEMA (its required columns), one a relation, of six kinds.

    Degrees are heavy-tailed. Shares of a company sum to less than 1 and a few holdings are mutual. Guarantees run
    down an order of the companies but for the planted circles of 2 to 6 parties and a few tangles of 14. Planted
    guarantees are visible on `AS_OF`.
    """
    rng = np.random.default_rng(seed)
    companies = max(2, round(parties * _COMPANIES))
    order = rng.permutation(companies)
    frames = [
        _frame(kind, _ends(kind, round(edges * part), companies, parties, rng=rng, order=order), rng)
        for kind, part in _PART.items()
    ]
    table = pl.concat(frames)
    ids = seeded_ids(parties)
    return table.select(
        _numbered("edge_id", "E", table.height),
        ids.gather(table["src"]).alias("src"),
        ids.gather(table["dst"]).alias("dst"),
        *("kind", "share", "amount", "role", "valid_from", "valid_to", "known_at", "retracted_at"),
        *("source", "confidence"),
    )


def seeded_defaults(parties: int, seed: int) -> pl.DataFrame:
    """Return the first default of 2 % of the parties [party_id, default_on, known_at], some known after `AS_OF`."""
    rng = np.random.default_rng([seed, 1])
    chosen = np.sort(rng.choice(parties, max(1, parties // 50), replace=False))
    on = rng.integers(_DAYS // 4, _DAYS + 180, len(chosen))
    known = on + rng.integers(0, 90, len(chosen))
    return pl.DataFrame(
        {"party_id": seeded_ids(parties).gather(chosen), "default_on": _day(on), "known_at": _day(known)}
    )


def _numbered(name: str, letter: str, count: int) -> pl.Series:
    number = pl.int_range(1, count + 1).cast(pl.String).str.zfill(7)
    return pl.select((pl.lit(letter) + number).alias(name)).to_series()


def _ends(
    kind: str, count: int, companies: int, parties: int, *, rng: np.random.Generator, order: Ints
) -> _Ends:
    """Draw the ends of the edges of one kind."""
    if kind == "owns":
        return _owners(count, companies, parties, rng=rng, order=order)
    if kind == "guarantees":
        return _guarantees(count, companies, rng, order)
    persons = np.arange(companies, max(parties, companies + 2)) % parties
    firms = rng.permutation(order)
    sides: dict[str, tuple[Ints, Ints]] = {
        "supplies": (firms, order),
        "holds_position": (rng.permutation(persons), order),
        "family_of": (persons, persons),
        "lends_to": (order[: max(2, companies // 200)], firms),
    }
    sources, targets = sides[kind]
    tail = 1.2 if kind == "family_of" else 2.2
    src, dst = (
        sources[_skewed(count, len(sources), tail, rng)],
        targets[_skewed(count, len(targets), 1.6, rng)],
    )
    apart = src != dst
    return _Ends(src[apart], dst[apart])


def _skewed(count: int, size: int, tail: float, rng: np.random.Generator) -> Ints:
    """Draw places of 0…size-1 with density falling as a power: the larger `tail`, the larger the hubs."""
    drawn: Ints = (size * rng.random(count) ** tail).astype(np.int64)
    return drawn


def _owners(count: int, companies: int, parties: int, *, rng: np.random.Generator, order: Ints) -> _Ends:
    """Let persons own 40 % of the edges, companies above in the order the rest, and 1 % of those be mutual."""
    place = rng.integers(1, companies, count)
    above = (place * rng.random(count) ** 2).astype(np.int64)
    src, dst = order[above], order[place]
    by_person = rng.random(count) < 0.4
    if parties > companies:
        src = np.where(by_person, companies + _skewed(count, parties - companies, 1.8, rng), src)
    mutual = np.flatnonzero(~by_person)[: count // 100]
    return _Ends(np.concatenate([src, dst[mutual]]), np.concatenate([dst, src[mutual]]))


def _guarantees(count: int, companies: int, rng: np.random.Generator, order: Ints) -> _Ends:
    """Let companies guarantee others below them in an order of their own, and plant circles and tangles."""
    down = rng.permutation(order)
    place = rng.integers(1, companies, count)
    above = (place * rng.random(count) ** 1.3).astype(np.int64)
    planted_src, planted_dst = _planted(companies, rng)
    src, dst = np.concatenate([down[above], planted_src]), np.concatenate([down[place], planted_dst])
    return _Ends(src, dst, planted=len(planted_src))


def _planted(companies: int, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Plant circles of each length among 2 % of the companies, and a tangle of 14 for every 50,000 of them."""
    members = rng.permutation(companies)
    circles = max(1, round(companies * 0.02 / sum(_LENGTHS)))
    tangles = min(max(1, companies // 50_000), companies // (4 * _TANGLE))
    rings, used = [], 0
    for length in _LENGTHS:
        taken = members[used : used + circles * length]
        ring = taken[: len(taken) // length * length].reshape(-1, length)
        rings.append((ring.ravel(), np.roll(ring, -1, axis=1).ravel()))
        used += circles * length
    for _ in range(tangles):
        tangle = members[used : used + _TANGLE]
        rows, columns = np.nonzero(
            (rng.random((len(tangle), len(tangle))) < 0.25) & ~np.eye(len(tangle), dtype=bool)
        )
        rings.append((tangle[rows], tangle[columns]))
        used += _TANGLE
    return np.concatenate([src for src, _ in rings]), np.concatenate([dst for _, dst in rings])


def _frame(kind: str, ends: _Ends, rng: np.random.Generator) -> pl.DataFrame:
    count = len(ends.src)
    share = pl.Series(_shares(ends.dst, rng)) if kind == "owns" else _empty(count, pl.Float64)
    has_amount = kind in {"guarantees", "supplies", "lends_to"}
    amount = (
        pl.Series(np.round(rng.lognormal(14, 1.5, count), 2)) if has_amount else _empty(count, pl.Float64)
    )
    posts = kind == "holds_position"
    role = pl.Series(_ROLES).gather(rng.integers(0, 4, count)) if posts else _empty(count, pl.String)
    content = pl.DataFrame({"src": ends.src, "dst": ends.dst, "share": share, "amount": amount, "role": role})
    return content.with_columns(
        *_times(count, ends.planted, rng),
        kind=pl.lit(kind),
        source=pl.lit(_SOURCE[kind]),
        confidence=pl.Series(np.where(rng.random(count) < 0.9, 1.0, 0.8)),
    )


def _shares(owned: Ints, rng: np.random.Generator) -> Floats:
    """Split 60 to 99.9 % of each company among its owners."""
    weight = rng.gamma(1.0, size=len(owned)) + 0.05
    total = np.bincount(owned, weights=weight)
    held = rng.uniform(0.6, 0.999, len(total))
    shares: Floats = weight / total[owned] * held[owned]
    return shares


def _times(count: int, planted: int, rng: np.random.Generator) -> Sequence[pl.Series]:
    """Draw valid_from, valid_to, known_at and retracted_at; the last `planted` hold and are known on `AS_OF`."""
    begun = rng.integers(0, _DAYS - 200, count)
    known = begun + rng.integers(0, 60, count)
    fate = rng.random(count)
    fate[count - planted :] = 1.0
    later = fate < _LATER
    known = np.where(later, _DAYS + rng.integers(1, 300, count), known)
    retracted = (fate >= _LATER) & (fate < _LATER + _RETRACTED)
    gone = known + rng.integers(1, 140, count)
    # Another 2 % are retracted after AS_OF, which nobody knows on that day.
    after = (fate >= 0.2) & (fate < 0.22)
    gone = np.where(after, _DAYS + rng.integers(1, 300, count), gone)
    ended = (fate >= 0.3) & (fate < 0.3 + _ENDED)
    over = begun + rng.integers(1, 199, count)
    return (
        _day(begun).alias("valid_from"),
        _day(over, ended).alias("valid_to"),
        _day(known).alias("known_at"),
        _day(gone, retracted | after).alias("retracted_at"),
    )


def _day(days: Ints, given: npt.NDArray[np.bool_] | None = None) -> pl.Series:
    start = (_FIRST - date(1970, 1, 1)).days
    dates = pl.Series((days + start).astype(np.int32)).cast(pl.Date)
    if given is None:
        return dates
    return pl.select(pl.when(pl.Series(given)).then(dates)).to_series()


def _empty(count: int, dtype: type[pl.Float64 | pl.String]) -> pl.Series:
    return pl.Series([None], dtype=dtype).new_from_index(0, count)
