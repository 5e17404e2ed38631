"""A small published run of capacity that can be worked out by hand, and the calls that ask about it.

ORG-07 has line A (makes P1 and P2), ORG-08 has line B (makes P2 and P3). A week has 100 effective hours at 10 units an hour,
all of them good, so a line can make 1,000 units a week.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import httpx
import polars as pl

from models.capacity.published.capacity_run import CapacityRun, empty_run, write_run
from models.capacity.published.run_info import CapacityInfo, Note

if TYPE_CHECKING:
    from tests.serving.conftest import Client

WEEKS = [date(2026, 11, 23) + timedelta(weeks=one) for one in range(4)]
NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
ISSUED = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
LINES = {"A": ("ORG-07", "cylindrical_cells"), "B": ("ORG-08", "sea_salt")}
PRODUCTS = {"P1": "ORG-07", "P2": "ORG-07", "P3": "ORG-08"}
ROUTES = [("A", "P1", 4.0), ("A", "P2", 3.0), ("B", "P2", 2.5), ("B", "P3", 5.0)]
DEMAND = {"P1": 700.0, "P2": 500.0, "P3": 400.0}
HOURS, RATE = 100.0, 10.0


def make_run(run_id: str = "20261120T020000-capacity-a", **info: object) -> CapacityRun:
    """Build the run; `info` replaces what it says of itself."""
    values: dict[str, object] = {
        "run_id": run_id,
        "issued_at": ISSUED,
        "data_as_of": date(2026, 11, 19),
        "model_version": "capacity-0123456789ab",
        "demand_run_id": "20261119T020000-1w-test",
        "demand_model_version": "demand-0123456789ab",
        "horizon_days": 28,
        "scenarios": 2000,
        "seed": 7,
    }
    told = CapacityInfo.model_validate({**values, **info})
    weeks = pl.DataFrame(
        [_time(line, "week", week, 7) for line in LINES for week in WEEKS], schema_overrides=_TEXTS
    )
    days = [WEEKS[0] + timedelta(days=day) for day in range(28)]
    return replace(
        empty_run(told),
        lines=pl.DataFrame(
            {
                "line_id": [*LINES],
                "org_id": [org for org, _ in LINES.values()],
                "name": ["一号线", "二号线"],
                "profile": [profile for _, profile in LINES.values()],
                "unit": ["t"] * 2,
                "planned_rate": [RATE] * 2,
                "bottleneck": ["化成与老化", None],
            }
        ),
        weeks=weeks,
        days=pl.DataFrame([_time(line, "ds", day, 1) for line in LINES for day in days], schema_overrides=_TEXTS),
        contributions=_contributions(weeks),
        utilisation=pl.DataFrame(
            {
                "line_id": ["A", "B"], "ds": [date(2026, 12, 1)] * 2, "forecast": [0.6, 0.5], "q10": [0.5, 0.4],
                "q90": [0.7, 0.6],
            }
        ),
        routes=pl.DataFrame(
            [
                {"line_id": line, "product_id": product, "rate": RATE, "good_share": None, "margin_line": margin,
                 "margin_company": margin, "margin_group": margin + 1, "changeover_hours": 0.0, "lot": None,
                 "minimum_lot": None, "energy_per_unit": 1.0, "emission_per_unit": 0.1}
                for line, product, margin in ROUTES
            ],
            schema_overrides={"good_share": pl.Float64, "lot": pl.Float64, "minimum_lot": pl.Float64},
        ),
        products=pl.DataFrame(
            [
                {"product_id": product, "org_id": org, "family": "f", "unit": "t", "opening_stock": 0.0,
                 "opening_backlog": 0.0, "stock_floor": None, "stock_ceiling": None, "holding_cost": 0.01,
                 "backlog_cost": 1.0}
                for product, org in PRODUCTS.items()
            ],
            schema_overrides={"stock_floor": pl.Float64, "stock_ceiling": pl.Float64},
        ),
        demand=pl.DataFrame(
            [
                {"product_id": product, "week": week, "forecast": size, "q10": 0.8 * size, "q50": size, "q90": 1.2 * size}
                for product, size in DEMAND.items()
                for week in WEEKS
            ]
        ),
        shortfall_products=pl.DataFrame(
            [
                {"product_id": product, "week": week, "demand": DEMAND[product], "made": DEMAND[product] * 0.9,
                 "probability": chance, "expected": 20.0, "when_short": 40.0, "p90": 60.0, "stock": 0.0,
                 "bottleneck": line, "reason": "hours", "reason_zh": f"瓶颈为产线 {line}", "reason_en": f"Bottleneck is line {line}"}
                for product, chance, line in (("P1", 0.5, "A"), ("P2", 0.3, "B"), ("P3", 0.05, "B"))
                for week in WEEKS
            ]
        ),
        shortfall_lines=pl.DataFrame(
            [
                {"line_id": line, "week": week, "hours": HOURS, "load": 0.9, "full": 0.4, "probability": chance,
                 "hours_short": 4.0, "hours_short_p90": 9.0, "reason": "hours", "reason_zh": "工时不足", "reason_en": "too few hours"}
                for line, chance in (("A", 0.5), ("B", 0.3))
                for week in WEEKS
            ]
        ),
        stock_alerts=pl.DataFrame(
            [
                {"product_id": "P3", "side": side, "level": "watch", "week": WEEKS[1], "until": WEEKS[2], "worst_week": WEEKS[2],
                 "probability": 0.25, "bound": bound, "stock": 10.0, "text_zh": "库存", "text_en": "stock"}
                for side, bound in (("lower", 50.0), ("upper", 900.0))
            ]
        ),
    )  # fmt: skip


_TEXTS = {"reason_zh": pl.String, "reason_en": pl.String}


def _time(line: str, stamp: str, moment: date, days: int) -> dict[str, object]:
    hours = HOURS * days / 7
    known = ("full", None, None) if line == "A" else ("planned_rate", "历史太短", "too short a history")
    flag, zh, en = known
    return {
        "line_id": line, stamp: moment, "days": days, "calendar_hours": 24.0 * days, "planned_hours": hours,
        "run_hours": hours, "effective_hours": hours, "output": hours * RATE, "availability": 1.0, "performance": 1.0,
        "quality": 1.0, "oee": 1.0, "utilisation": hours / (24.0 * days), "planned_output": hours * RATE,
        "forecast": hours * RATE, "q10": hours * RATE * 0.8, "q25": hours * RATE * 0.9, "q50": hours * RATE,
        "q90": hours * RATE * 1.1, "quality_flag": flag, "reason_zh": zh, "reason_en": en,
    }  # fmt: skip


def _contributions(weeks: pl.DataFrame) -> pl.DataFrame:
    """Explain every week: 1,680 units around the clock less what calendar and formation hours take."""
    whole = 24.0 * 7 * RATE
    parts = {("planned_rate", "planned_rate"): whole, ("calendar", "usual_hours"): 1100.0 - whole,
             ("availability", "formation_channels"): -100.0}  # fmt: skip
    rows = [
        {"line_id": line, "week": week, "factor": factor, "driver": driver, "value": value}
        for line, week in weeks.select("line_id", "week").iter_rows()
        for (factor, driver), value in parts.items()
    ]
    return pl.DataFrame(rows)


def note(code: str, en: str) -> Note:
    return Note(code=code, zh=f"{en}（说明）", en=en)


def publish(home: Path, run: CapacityRun) -> Path:
    return write_run(home / "capacity", run)


@dataclass(frozen=True)
class CapacityClient:
    """The application with a published run, a key for the group and one for each of two companies."""

    client: "Client"
    group: str
    org07: str
    org08: str

    def post(self, path: str, body: object, key: str | None = None, **headers: str) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {
            "Authorization": f"Bearer {key or self.group}",
            "Content_Type": "application/json",
            **headers,
        }
        return self.client.http.post(f"/v1/capacity/{path}", content, **{"Accept_Language": "en", **given})

    def get(self, path: str, key: str | None = None, **query: str) -> httpx.Response:
        asked = f"?{urlencode(query)}" if query else ""
        return self.client.http.get(f"/v1/capacity/{path}{asked}", **self._headers(key))

    def at_address(self, address: str, key: str | None = None) -> httpx.Response:
        return self.client.http.get(address, **self._headers(key))

    def ended(self, receipt: Mapping[str, Any], key: str | None = None) -> dict[str, Any]:
        """Poll a job as a caller would until it has ended."""
        until = time.monotonic() + 60
        while time.monotonic() < until:
            found: dict[str, Any] = self.at_address(receipt["poll"], key).json()
            if found["state"] not in ("queued", "running"):
                return found
            time.sleep(0.02)
        raise AssertionError("the job did not end")

    def record(self, answer: httpx.Response) -> dict[str, Any]:
        return dict(self.client.deployment.parts.ledger.get(answer.json()["decision_id"]).record)

    def at(self, moment: datetime) -> None:
        self.client.deployment.parts.capacity.desk.clock = lambda: moment

    def _headers(self, key: str | None) -> dict[str, str]:
        return {"Authorization": f"Bearer {key or self.group}", "Accept_Language": "en"}
