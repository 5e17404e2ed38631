"""Court and registry events: rare in health, frequent under strain, dense after a party stopped paying."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from sample_group.columns import Flags, Floats, Ints, Singles, days, ids, money, positions, words
from sample_group.population import Population
from sample_group.window import Window

__all__ = ["COURT_KINDS", "Rate", "Surroundings", "court_frame", "registry_frame"]

COURT_KINDS: Final = ("lawsuit", "enforcement", "dishonest", "asset_freeze", "bankruptcy_filing")
CAUSES: Final = ("loan", "sale", "lease", "labour", "construction", "other")
ROLES: Final = ("plaintiff", "defendant")
REGISTRY_KINDS: Final = ("legal_representative_change", "capital_increase", "capital_decrease", "address_change",
                         "scope_change", "abnormal_operation", "administrative_penalty", "share_pledge",
                         "deregistration")  # fmt: skip


@dataclass(frozen=True)
class Rate:
    """Events a month: in health, the effect of one unit of strain, the factor after stopping to pay."""

    base: float
    strain: float
    after: float


_COURT: Final = {"lawsuit": Rate(0.005, 0.85, 8), "enforcement": Rate(0.0010, 0.95, 22),
                 "dishonest": Rate(0.0002, 0.7, 80), "asset_freeze": Rate(0.0005, 0.95, 30)}  # fmt: skip
_PLAINTIFF: Final = Rate(0.004, 0.15, 1)
_REGISTRY: Final = {"legal_representative_change": Rate(0.003, 0.25, 3), "capital_increase": Rate(0.003, -0.3, 0.2),
                    "capital_decrease": Rate(0.0006, 0.45, 3), "address_change": Rate(0.003, 0.2, 3),
                    "scope_change": Rate(0.005, 0.0, 1), "abnormal_operation": Rate(0.0010, 0.9, 12),
                    "administrative_penalty": Rate(0.0025, 0.35, 3), "share_pledge": Rate(0.0014, 0.7, 4)}  # fmt: skip
_PERSON: Final = 0.35  # persons are sued less


@dataclass(frozen=True, eq=False)
class Surroundings:
    """What drives the events of a batch: month by party strain and the day each party stopped paying."""

    parties: Ints
    strain: Singles
    stopped: Ints
    filings: Ints  # day of the bankruptcy filing that puts a party in default, NO_DAY where none


def court_frame(rng: np.random.Generator, window: Window, people: Population, around: Surroundings,
                first_id: int) -> pl.DataFrame:  # fmt: skip
    """Return the court events of a batch."""
    scale = np.where(people.is_company[around.parties], 1.0, _PERSON)
    drawn = [(*_drawn(rng, window, around, rate, scale), kind, 1) for kind, rate in _COURT.items()]
    drawn.append((*_drawn(rng, window, around, _PLAINTIFF, scale), "lawsuit", 0))
    filed = positions(around.filings <= window.last)
    drawn.append((filed, around.filings[filed], "bankruptcy_filing", -1))
    party = np.concatenate([part[0] for part in drawn])
    day = np.concatenate([part[1] for part in drawn])
    kind = np.concatenate([np.full(len(part[0]), COURT_KINDS.index(part[2])) for part in drawn])
    role = np.concatenate([np.full(len(part[0]), part[3]) for part in drawn])
    size = people.revenue[around.parties][party] * np.exp(rng.normal(-3.2, 1.1, len(party)))
    amount = np.where(kind == COURT_KINDS.index("dishonest"), np.nan, np.maximum(size, 1000.0))
    cause = np.where(
        role == -1, -1, rng.choice(len(CAUSES), len(party), p=[0.3, 0.28, 0.12, 0.12, 0.1, 0.08])
    )
    delay = rng.integers(3, 60, len(party))
    frame = pl.DataFrame(
        {
            "party_id": ids("P", around.parties[party] + 1, 7),
            "kind": words(COURT_KINDS, kind),
            "role": words(ROLES, role),
            "cause": words(CAUSES, cause),
            "amount": money(amount, -2),
            "occurred_on": days(day.astype(np.int32)),
            "known_at": days((day + delay).astype(np.int32)),
        }
    )
    return _numbered(frame, "C", first_id)


def registry_frame(rng: np.random.Generator, window: Window, people: Population, around: Surroundings,
                   first_id: int) -> pl.DataFrame:  # fmt: skip
    """Return the registry events of a batch; only companies are in the register."""
    company = people.is_company[around.parties].astype(np.float64)
    drawn = [(*_drawn(rng, window, around, rate, company), kind) for kind, rate in _REGISTRY.items()]
    gone = positions((around.filings < window.last - 400) & (rng.random(len(around.parties)) < 0.5))
    day = around.filings[gone] + rng.integers(200, 400, len(gone), dtype=np.int32)
    drawn.append((gone, day, "deregistration"))
    party = np.concatenate([part[0] for part in drawn])
    day = np.concatenate([part[1] for part in drawn])
    kind = np.concatenate([np.full(len(part[0]), REGISTRY_KINDS.index(part[2])) for part in drawn])
    with_amount = np.isin(
        kind,
        [
            REGISTRY_KINDS.index(name)
            for name in ("capital_increase", "capital_decrease", "administrative_penalty", "share_pledge")
        ],
    )
    size = people.capital[around.parties][party] * rng.uniform(0.02, 0.6, len(party))
    size = np.where(kind == REGISTRY_KINDS.index("administrative_penalty"), size * 0.01 + 2000, size)
    frame = pl.DataFrame(
        {
            "party_id": ids("P", around.parties[party] + 1, 7),
            "kind": words(REGISTRY_KINDS, kind),
            "amount": money(np.where(with_amount, size, np.nan), -2),
            "occurred_on": days(day.astype(np.int32)),
            "known_at": days((day + rng.integers(1, 30, len(day))).astype(np.int32)),
        }
    )
    return _numbered(frame, "R", first_id)


def _drawn(rng: np.random.Generator, window: Window, around: Surroundings, rate: Rate,
           scale: Floats) -> tuple[Ints, Ints]:  # fmt: skip
    # at most one event of a kind per party and month
    starts = window.month_starts()
    after = around.stopped[None, :] < starts[1:, None]
    monthly = (
        rate.base * np.exp(rate.strain * np.minimum(around.strain, 4)) * scale[None, :].astype(np.float32)
    )
    monthly *= np.where(_recent(after, around, starts), rate.after, 1.0).astype(np.float32)
    month, party = np.nonzero(rng.random(monthly.shape, dtype=np.float32) < monthly)
    length = np.diff(starts)[month]
    day = starts[month] + (rng.random(len(month)) * length).astype(np.int32)
    inside = (day >= window.first) & (day <= window.last)
    return party[inside].astype(np.int32), day[inside].astype(np.int32)


def _recent(after: Flags, around: Surroundings, starts: Ints) -> Flags:
    # creditors act in the eighteen months after the payments stop
    return np.asarray(after & (starts[:-1, None] - 550 < np.minimum(around.stopped, starts[-1])[None, :]))


def _numbered(frame: pl.DataFrame, prefix: str, first_id: int) -> pl.DataFrame:
    frame = frame.sort("occurred_on", "party_id", "kind", maintain_order=True)
    number = np.arange(first_id, first_id + frame.height, dtype=np.int32)
    return frame.insert_column(0, ids(prefix, number, 9).alias("event_id"))
