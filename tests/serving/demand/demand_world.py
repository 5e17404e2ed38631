"""A small published run that can be worked out by hand, built from seasonal means, and the calls that ask about it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import httpx
import polars as pl

from features.timeline import Frequency, Timeline
from models.demand.evaluation import COMBINATION
from models.demand.ledger.published_run import KEYS, ForecastRun, RunInfo, write_run
from serving.access.keys import KeyStore
from serving.access.roles import Role
from serving.ledger.database import Database

if TYPE_CHECKING:
    from tests.serving.conftest import Client

SEASON = 12
HORIZON = 6
MONTHS = Timeline(Frequency.MONTH)

# id: (org, product, region, family, level, level of demand)
LEAVES: Mapping[str, tuple[str, str, str, str, float]] = {
    "SKU-001/east": ("ORG-07", "SKU-001", "east", "cell", 100.0),
    "SKU-001/west": ("ORG-07", "SKU-001", "west", "cell", 300.0),
    "SKU-002/east": ("ORG-08", "SKU-002", "east", "fibre", 50.0),
}
SERIES = {
    "total": (None, None, None, None, "total"),
    "ORG-07": ("ORG-07", None, None, None, "company"),
    "ORG-08": ("ORG-08", None, None, None, "company"),
    **{
        name: (org, product, region, family, "series")
        for name, (org, product, region, family, _) in LEAVES.items()
    },
}


def below(name: str) -> list[str]:
    """Return the leaves that a series is the sum of."""
    org = SERIES[name][0]
    return [name] if name in LEAVES else [leaf for leaf, row in LEAVES.items() if org in (None, row[0])]


def demand_of(leaf: str, period: int) -> float:
    """Return the demand of a leaf in a period: its level, half as much again in every third month of the year."""
    return LEAVES[leaf][4] * (1.5 if period % SEASON == 3 else 1.0)


def period_of(day: date) -> int:
    return day.year * 12 + day.month - 1


def stamp(period: int) -> date:
    return date(period // 12, period % 12 + 1, 1)


def make_run(
    data_until: date,
    *,
    issued_at: datetime,
    run_id: str | None = None,
    bias: float = 1.1,
    data_as_of: date | None = None,
    revised: float = 1.0,
) -> ForecastRun:
    """Build a run with data through the month of `data_until`; its forecasts are the truth times `bias`."""
    last = period_of(data_until)
    rows, components, history, quality = [], [], [], []
    for name, (org, product, region, family, level) in SERIES.items():
        keys = dict(zip((*KEYS, "level"), (org, product, region, family, level), strict=True))
        for period in range(last - 2 * SEASON + 1, last + 1):
            y = sum(demand_of(leaf, period) for leaf in below(name))
            history.append(
                {"unique_id": name, "ds": stamp(period), "y": y * (revised if period < last else 1)}
            )
        for step in range(1, HORIZON + 1):
            base = sum(LEAVES[leaf][4] for leaf in below(name)) * bias
            value = sum(demand_of(leaf, last + step) for leaf in below(name)) * bias
            rows.append(
                {"unique_id": name, "ds": stamp(last + step), "step": step, "forecast": value, "q10": value * 0.9,
                 "q50": value, "q90": value * 1.2, "members": "1.00 means", "floor": name == "SKU-002/east", **keys}
            )  # fmt: skip
            for component, part in (("level", base), ("season", value - base)):
                components.append({"unique_id": name, "step": step, "component": component, "value": part})
        floor = name == "SKU-002/east"
        quality.append(
            {"unique_id": name, "quality": "fallback" if floor else "full", "reason_zh": "按朴素给出" if floor else None,
             "reason_en": "the naive is given" if floor else None, "findings": None, **keys}
        )  # fmt: skip
    quality.append(
        {"unique_id": "SKU-009/east", "quality": "refused", "reason_zh": "全部缺失", "reason_en": "all missing",
         "findings": None, "org_id": "ORG-07", "product_id": "SKU-009", "region": "east", "family": "cell",
         "level": "series"}
    )  # fmt: skip
    info = RunInfo(
        run_id=run_id or f"{issued_at:%Y%m%dT%H%M%S}-1mo-test",
        issued_at=issued_at,
        data_as_of=data_as_of or stamp(last + 1),
        model_version="demand-0123456789ab",
        tier="standard",
        freq=Frequency.MONTH,
        season=SEASON,
        horizon=HORIZON,
        seed=7,
        accuracy={COMBINATION: {"wape": 0.1}, "naive": {"wape": 0.2}},
    )
    return ForecastRun(
        info,
        forecast=pl.DataFrame(rows),
        components=pl.DataFrame(components),
        quality=pl.DataFrame(quality, infer_schema_length=None),
        history=pl.DataFrame(history),
    )


NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
ISSUED = datetime(2026, 11, 3, 2, 0, tzinfo=UTC)


def publish(home: Path, run: ForecastRun) -> Path:
    return write_run(home / "forecasts", run)


def make_planner(
    home: Path, *companies: str, roles: tuple[Role, ...] = (Role.PLANNER,), name: str = "王计划"
) -> str:
    database = Database(home / "ledger.db")
    database.open()
    _, text = KeyStore(database).create(name, roles, companies=companies, now=NOW)
    database.close()
    return text


@dataclass(frozen=True)
class DemandClient:
    """The application with a published run, a key for the group and one for ORG-07; its clock stands at NOW."""

    client: "Client"
    group: str
    org07: str

    @property
    def home(self) -> Path:
        found: Path = self.client.deployment.parts.demand.store.root.parent
        return found

    def post(self, path: str, body: object, key: str | None = None, **headers: str) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {
            "Authorization": f"Bearer {key or self.group}",
            "Content_Type": "application/json",
            **headers,
        }
        return self.client.http.post(f"/v1/demand/{path}", content, **{"Accept_Language": "en", **given})

    def get(self, path: str, key: str | None = None, **query: str) -> httpx.Response:
        asked = f"?{urlencode(query)}" if query else ""
        given = {"Authorization": f"Bearer {key or self.group}", "Accept_Language": "en"}
        return self.client.http.get(f"/v1/demand/{path}{asked}", **given)

    def record(self, answer: httpx.Response) -> dict[str, Any]:
        return dict(self.client.deployment.parts.ledger.get(answer.json()["decision_id"]).record)

    def at(self, moment: datetime) -> None:
        self.client.deployment.parts.demand.clock = lambda: moment


def problem(answer: httpx.Response, status: int, slug: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    assert body["type"] == f"urn:zhiheng:problem:{slug}"
    return body


def fields(answer: httpx.Response) -> list[tuple[str, str]]:
    return [(e["field"], e["rule"]) for e in problem(answer, 422, "invalid-request")["errors"]]
