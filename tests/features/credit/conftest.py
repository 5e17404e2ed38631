"""Tables for the credit features: hand-made ones row by row, and a random group that exercises every feature."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from features.contracts import CONTRACTS

Tables = dict[str, pl.LazyFrame]
TableMaker = Callable[..., Tables]

EARLY = date(2019, 1, 1)
NAMES = (
    "parties",
    "edges",
    "exposures",
    "schedules",
    "payments",
    "write_offs",
    "statements",
    "court_events",
    "registry_events",
)
FILLED: Mapping[str, Mapping[str, object]] = {
    "parties": {"kind": "company", "valid_from": EARLY, "known_at": EARLY},
    "edges": {
        "kind": "owns",
        "valid_from": EARLY,
        "known_at": EARLY,
        "source": "registry",
        "confidence": 1.0,
    },
    "exposures": {
        "org_id": "ORG-01",
        "business_line": "leasing",
        "principal": 1000.0,
        "annual_rate": 0.1,
        "start_on": EARLY,
        "maturity_on": date(2030, 1, 1),
        "repayment": "equal_installment",
        "known_at": EARLY,
    },
    "schedules": {"installment_no": 1, "principal_due": 100.0, "interest_due": 0.0, "known_at": EARLY},
    "payments": {},
    "write_offs": {"amount": 1.0},
    "statements": {"period": "FY", "audited": False},
    "court_events": {"kind": "lawsuit", "role": "defendant", "cause": "loan"},
    "registry_events": {},
}
HAPPENED: Mapping[str, str] = {
    "payments": "paid_on",
    "write_offs": "written_off_on",
    "court_events": "occurred_on",
    "registry_events": "occurred_on",
}


@pytest.fixture
def make_tables() -> TableMaker:
    """Return a maker of all tables from the rows that matter; the rest is filled in, `known_at` by the day itself."""

    def make(**rows: list[dict[str, object]]) -> Tables:
        return {
            name: pl.DataFrame(_filled(name, rows.get(name, [])), schema=_schema(name)).lazy()
            for name in NAMES
        }

    return make


def _schema(name: str) -> pl.Schema:
    return pl.Schema(CONTRACTS[name].schema)


def _filled(name: str, rows: list[dict[str, object]]) -> list[dict[str, object]]:
    filled = []
    for number, row in enumerate(rows):
        ids = {"event_id": f"V{number}", "payment_id": f"{number:04d}", "edge_id": f"E{number}"}
        known = {"known_at": row[HAPPENED[name]]} if name in HAPPENED else {}
        every = {**ids, **FILLED[name], **known, **row}
        filled.append({column: every[column] for column in every if column in _schema(name)})
    return filled


@pytest.fixture(scope="session")
def random_group() -> Tables:
    """Return a random group of 90 parties over 2019 to 2024 in which every feature has something to say."""
    rng = np.random.default_rng(20240630)
    rows = {
        "parties": _parties(rng),
        "edges": _edges(rng),
        "exposures": (exposures := _exposures(rng)),
        "schedules": (schedules := _schedules(exposures)),
        "payments": _payments(rng, schedules),
        "write_offs": _write_offs(rng, exposures),
        "statements": _statements(rng),
        "court_events": _court_events(rng),
        "registry_events": _registry_events(rng),
    }
    frames = {name: pl.DataFrame(_filled(name, rows[name]), schema=_schema(name)) for name in NAMES}
    keys = {name: list(CONTRACTS[name].key) for name in NAMES}
    return {
        name: frame.unique(keys[name], keep="first", maintain_order=True).lazy()
        for name, frame in frames.items()
    }


PARTIES = tuple(f"P{number:02d}" for number in range(90))
COMPANIES, PERSONS = PARTIES[:70], PARTIES[70:]
Row = dict[str, object]


def _day(rng: np.random.Generator, first: date = EARLY, last: date = date(2024, 12, 1)) -> date:
    return first + timedelta(days=int(rng.integers(0, (last - first).days + 1)))


def _later(rng: np.random.Generator, day: date, most: int = 60) -> date:
    return day + timedelta(days=int(rng.integers(0, most)))


def _parties(rng: np.random.Generator) -> list[Row]:
    rows: list[Row] = []
    for party in PARTIES:
        is_person = party in PERSONS
        for version in range(int(rng.integers(1, 5))):
            since = EARLY if version == 0 else _day(rng)
            company: Row = {
                "credit_code": None if rng.random() < 0.3 else f"C-{party}",
                "industry": str(rng.choice(list("ACEKT"))),
                "size": str(rng.choice(["micro", "small", "medium", "large"])),
                "ownership": str(rng.choice(["state", "private", "foreign", "mixed"])),
                "founded_on": _day(rng, date(1990, 1, 1), date(2018, 1, 1)),
                "registered_capital": float(rng.lognormal(16, 1)),
                "paid_in_capital": float(rng.lognormal(15, 1)),
                "employees": int(rng.integers(1, 900)),
                "listed": bool(rng.random() < 0.2),
            }
            kind = {"kind": "person" if is_person else "company"}
            rows.append(
                {
                    "party_id": party,
                    "valid_from": since,
                    "known_at": _later(rng, since),
                    **kind,
                    **({} if is_person else company),
                }
            )
    return rows


def _edges(rng: np.random.Generator) -> list[Row]:
    ends = {
        "owns": (PARTIES, COMPANIES),
        "guarantees": (PARTIES, COMPANIES),
        "supplies": (COMPANIES, COMPANIES),
        "holds_position": (PERSONS, COMPANIES),
        "family_of": (PERSONS, PERSONS),
    }
    rows: list[Row] = []
    for number in range(900):
        kind = str(rng.choice(list(ends)))
        source, target = (str(rng.choice(side)) for side in ends[kind])
        if source == target:
            continue
        since = _day(rng)
        known = _later(rng, since)
        edge: Row = {
            "edge_id": f"E{number}",
            "src": source,
            "dst": target,
            "kind": kind,
            "valid_from": since,
            "known_at": known,
        }
        edge |= {"share": float(rng.uniform(0.05, 0.6))} if kind == "owns" else {}
        edge |= {"amount": float(rng.lognormal(14, 1))} if kind in {"guarantees", "supplies"} else {}
        if rng.random() < 0.4:
            learnt = _later(rng, known, 500) + timedelta(days=1)
            rows.append({**edge, "valid_to": _later(rng, since, 400), "known_at": learnt})
            edge["retracted_at"] = learnt
        rows.append(edge)
    return rows


def _exposures(rng: np.random.Generator) -> list[Row]:
    rows: list[Row] = []
    for number in range(200):
        start = _day(rng, EARLY, date(2024, 6, 1))
        secured = bool(rng.random() < 0.6)
        rows.append(
            {
                "exposure_id": f"X{number}",
                "org_id": f"ORG-0{rng.integers(1, 5)}",
                "party_id": str(rng.choice(PARTIES)),
                "business_line": str(rng.choice(["leasing", "fund", "microloan", "equity", "debt"])),
                "principal": 1000.0 * float(rng.integers(12, 120)),
                "annual_rate": float(rng.uniform(0.03, 0.2)),
                "start_on": start,
                "maturity_on": start + timedelta(days=30 * int(rng.integers(12, 48))),
                "collateral_kind": "equipment" if secured else None,
                "collateral_value": 1000.0 * float(rng.integers(5, 150)) if secured else None,
                "known_at": _later(rng, start),
            }
        )
    return rows


def _schedules(exposures: list[Row]) -> list[Row]:
    rows: list[Row] = []
    for exposure in exposures:
        start, end, principal = exposure["start_on"], exposure["maturity_on"], exposure["principal"]
        assert isinstance(start, date)
        assert isinstance(end, date)
        assert isinstance(principal, float)
        count = (end - start).days // 30
        rows += [
            {
                "exposure_id": exposure["exposure_id"],
                "installment_no": number,
                "due_on": start + timedelta(days=30 * number),
                "principal_due": principal / count,
                "interest_due": principal * 0.005,
                "known_at": exposure["known_at"],
            }
            for number in range(1, count + 1)
        ]
    return rows


def _payments(rng: np.random.Generator, schedules: list[Row]) -> list[Row]:
    rows: list[Row] = []
    weak = set(rng.choice(200, 50, replace=False).tolist())
    for due in schedules:
        day, principal, interest = due["due_on"], due["principal_due"], due["interest_due"]
        assert isinstance(day, date)
        assert isinstance(principal, float)
        assert isinstance(interest, float)
        is_weak = int(str(due["exposure_id"])[1:]) in weak
        if is_weak and rng.random() < 0.12:
            continue
        paid_on = _later(rng, day - timedelta(days=3), 60 if is_weak else 6)
        known = _later(rng, paid_on, 25)
        rows.append(
            {
                "exposure_id": due["exposure_id"],
                "paid_on": paid_on,
                "amount": principal + interest,
                "known_at": known,
                "payment_id": f"Y{len(rows):05d}",
            }
        )
    return rows


def _write_offs(rng: np.random.Generator, exposures: list[Row]) -> list[Row]:
    rows: list[Row] = []
    for exposure in exposures:
        start = exposure["start_on"]
        assert isinstance(start, date)
        if rng.random() < 0.1:
            day = start + timedelta(days=int(rng.integers(200, 700)))
            rows.append(
                {"exposure_id": exposure["exposure_id"], "written_off_on": day, "known_at": _later(rng, day)}
            )
    return rows


def _statements(rng: np.random.Generator) -> list[Row]:
    ends = {3: ("Q1", 31), 6: ("H1", 30), 9: ("Q3", 30), 12: ("FY", 31)}
    items = [name for name, dtype in CONTRACTS["statements"].schema.items() if dtype == pl.Float64]
    rows: list[Row] = []
    for party in COMPANIES[:45]:
        for year in range(2018, 2025):
            for month, (period, day) in ends.items():
                if rng.random() < 0.15:
                    continue
                end = date(year, month, day)
                values: Row = {item: float(rng.lognormal(12, 0.7)) for item in items if rng.random() > 0.08}
                values["total_assets"] = float(rng.lognormal(14, 0.5))
                values["equity"] = float(rng.normal(4e5, 4e5))
                values["net_profit"] = float(rng.normal(1e4, 2e5))
                opinion = (
                    str(rng.choice(["clean", "qualified", "adverse", "disclaimer"]))
                    if period == "FY"
                    else None
                )
                known = end + timedelta(days=int(rng.integers(20, 120)))
                row: Row = {
                    "party_id": party,
                    "period_end": end,
                    "period": period,
                    "audited": period == "FY" or bool(rng.random() < 0.5),
                    "opinion": opinion,
                }
                rows.append({**row, **values, "known_at": known})
                if rng.random() < 0.15:
                    rows.append(
                        {
                            **row,
                            **values,
                            "cash": 5e5,
                            "known_at": known + timedelta(days=int(rng.integers(1, 300))),
                        }
                    )
    return rows


def _court_events(rng: np.random.Generator) -> list[Row]:
    kinds = ["lawsuit"] * 6 + ["enforcement", "dishonest", "asset_freeze"] * 2
    rows: list[Row] = []
    for number in range(700):
        day = _day(rng)
        kind = "bankruptcy_filing" if number < 60 else str(rng.choice(kinds))
        role = str(rng.choice(["plaintiff", "defendant"])) if kind == "lawsuit" else None
        cause = str(rng.choice(["loan", "sale", "lease", "labour"])) if kind == "lawsuit" else None
        rows.append(
            {
                "party_id": str(rng.choice(PARTIES)),
                "kind": kind,
                "role": role,
                "cause": cause,
                "amount": float(rng.lognormal(11, 1)),
                "occurred_on": day,
                "known_at": _later(rng, day, 90),
            }
        )
    return rows


def _registry_events(rng: np.random.Generator) -> list[Row]:
    kinds = [
        "legal_representative_change",
        "capital_increase",
        "capital_decrease",
        "address_change",
        "scope_change",
        "abnormal_operation",
        "administrative_penalty",
        "share_pledge",
        "deregistration",
    ]
    days = [_day(rng) for _ in range(700)]
    return [
        {
            "party_id": str(rng.choice(PARTIES)),
            "kind": str(rng.choice(kinds)),
            "occurred_on": day,
            "known_at": _later(rng, day, 90),
        }
        for day in days
    ]
