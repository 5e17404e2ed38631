"""Random bitemporal graphs: revisions, retractions, parallel contracts, hubs, symmetric kinds, records and scores."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeVar

import numpy as np
import polars as pl

from graph.edges import EDGE_SCHEMA
from graph.parties import PARTY_SCHEMA, SCORE_SCHEMA

__all__ = ["DAYS", "RandomGraph", "random_graph"]

T = TypeVar("T")

_FIRST = date(2023, 1, 1)
DAYS = tuple(date(2023, 1, 1) + timedelta(days=90 * step) for step in range(6))
"""Days that lie among what the graphs state."""
_KINDS = (
    "owns",
    "guarantees",
    "supplies",
    "acts_in_concert",
    "family_of",
    "holds_position",
    "lends_to",
    "same_as",
)


@dataclass(frozen=True)
class RandomGraph:
    """What a test writes to both stores."""

    edges: pl.DataFrame
    parties: pl.DataFrame
    scores: pl.DataFrame

    @property
    def ids(self) -> list[str]:
        """Return every party with a statement or a record, and one that is unknown."""
        named = [self.edges["src"], self.edges["dst"], self.parties["party_id"]]
        return [*pl.concat([one.alias("id") for one in named]).unique().sort().to_list(), "企业·无"]


def random_graph(seed: int, *, parties: int = 40, edges: int = 160) -> RandomGraph:
    """Return a graph of a seed; about a fifth of its edges touch the hub, a third have several statements."""
    rng = np.random.default_rng(seed)
    ids = [f"企业-{number:03d}" if number % 3 else f"P{number}'\"\\" for number in range(parties)]
    rows = [row for number in range(edges) for row in _statements(rng, f"E{number:04d}", ids)]
    return RandomGraph(
        edges=pl.DataFrame(rows, schema=EDGE_SCHEMA).sample(fraction=1.0, shuffle=True, seed=seed),
        parties=_records(rng, ids[: parties * 3 // 4]),
        scores=_scores(rng, ids[: parties // 2]),
    )


def _day(rng: np.random.Generator, since: date = _FIRST, within: int = 450) -> date:
    return since + timedelta(days=int(rng.integers(0, within)))


def _statements(rng: np.random.Generator, edge_id: str, ids: list[str]) -> list[dict[str, object]]:
    source = 0 if rng.random() < 0.2 else int(rng.integers(len(ids)))
    target = (source + int(rng.integers(1, len(ids)))) % len(ids)
    ends = {"edge_id": edge_id, "src": ids[source], "dst": ids[target], "kind": str(rng.choice(_KINDS))}
    known, rows = _day(rng, within=200), []
    for _ in range(1 + int(rng.random() < 0.35) + int(rng.random() < 0.2)):
        rows.append(ends | _said(rng, known))
        known += timedelta(days=int(rng.integers(1, 120)))
    return rows


def _said(rng: np.random.Generator, known: date) -> dict[str, object]:
    """Return what one statement says; it may begin after it is known, or on the day an earlier one began."""
    begun = _FIRST + timedelta(days=30 * int(rng.integers(0, 14)))
    return {
        "share": _maybe(rng, round(float(rng.random()), 6)),
        "amount": _maybe(rng, float(rng.integers(1, 10**9)) / 100),
        "role": _maybe(rng, '董事 "长"\\\''),
        "valid_from": begun,
        "valid_to": begun + timedelta(days=int(rng.integers(1, 300))) if rng.random() < 0.3 else None,
        "known_at": known,
        "retracted_at": known + timedelta(days=int(rng.integers(1, 200))) if rng.random() < 0.25 else None,
        "source": _maybe(rng, "registry"),
        "confidence": _maybe(rng, 0.8),
        "voting": _maybe(rng, round(float(rng.random()), 6)),
        "direct": _maybe(rng, bool(rng.random() < 0.5)),
        "contract": _maybe(rng, f"合同{int(rng.integers(5))}"),
        "score": _maybe(rng, 0.0),
    }


def _maybe(rng: np.random.Generator, value: T) -> T | None:
    return value if rng.random() < 0.6 else None


def _records(rng: np.random.Generator, ids: list[str]) -> pl.DataFrame:
    rows = [
        {
            "party_id": party,
            "kind": str(rng.choice(["company", "person"])),
            "name": _maybe(rng, f"名称{version} {party}"),
            "credit_code": _maybe(rng, "91320000000000000X"),
            "valid_from": _FIRST + timedelta(days=100 * version),
            "known_at": _day(rng),
        }
        for party in ids
        for version in range(1 + int(rng.random() < 0.5))
    ]
    return pl.DataFrame(rows, schema=PARTY_SCHEMA)


def _scores(rng: np.random.Generator, ids: list[str]) -> pl.DataFrame:
    rows = [
        {
            "party_id": party,
            "as_of": day,
            "known_at": day + timedelta(days=int(rng.integers(0, 200))),
            "name": name,
            "value": float(rng.random()),
            "model_version": version,
        }
        for party in ids
        for day in DAYS[1:4]
        for name in ("pd_12m", "grade")
        for version in ("1.0", "1.1")
        if rng.random() < 0.5
    ]
    return pl.DataFrame(rows, schema=SCORE_SCHEMA)
