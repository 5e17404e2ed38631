"""A small run of capacity for tests: two lines, two products, three weeks."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import polars as pl

from models.capacity.published.capacity_run import CapacityRun, empty_run
from models.capacity.published.run_info import CapacityInfo

__all__ = ["WEEKS", "a_run", "info_of"]

WEEKS = [date(2026, 1, 5), date(2026, 1, 12), date(2026, 1, 19)]
LINES = ("L1", "L2")
_DAYS = 7


def info_of(run_id: str = "20260101T000000-capacity-abc", **given: object) -> CapacityInfo:
    """Return the info of a run with what a test gives."""
    values = {
        "run_id": run_id,
        "issued_at": datetime(2026, 1, 1, tzinfo=UTC),
        "data_as_of": date(2025, 12, 31),
        "model_version": "capacity-lines-1",
        "demand_run_id": "20251231T000000-1w-xyz",
        "horizon_days": 21,
        "seed": 7,
    }
    return CapacityInfo.model_validate({**values, **given})


def a_run(info: CapacityInfo | None = None) -> CapacityRun:
    """Return a run that holds together: L1 makes P1 and P2, L2 makes P2 alone."""
    weeks = _rows("week", WEEKS, hours=140.0, rate=10.0, days=_DAYS)
    return replace(
        empty_run(info or info_of()),
        lines=pl.DataFrame(
            {
                "line_id": LINES,
                "org_id": ["C1", "C2"],
                "name": ["一号线", "二号线"],
                "profile": ["sea_salt", None],
                "unit": ["t", "t"],
                "planned_rate": [10.0, 10.0],
                "bottleneck": ["蒸发", None],
            }
        ),
        days=_rows(
            "ds", [WEEKS[0] + timedelta(days=day) for day in range(21)], hours=20.0, rate=10.0, days=1
        ),
        weeks=weeks,
        contributions=weeks.select(
            "line_id",
            "week",
            pl.lit("planned_rate").alias("factor"),
            pl.lit(None, pl.String).alias("driver"),
            value="forecast",
        ),
        routes=pl.DataFrame(
            {
                "line_id": ["L1", "L1", "L2"],
                "product_id": ["P1", "P2", "P2"],
                "rate": [10.0, 10.0, 10.0],
                "good_share": [None, 0.9, None],
                "margin_line": [5.0, 4.0, 4.0],
                "margin_company": [4.0, 4.0, 3.0],
                "margin_group": [3.0, 2.0, 2.5],
                "changeover_hours": [1.0, 1.0, 0.0],
                "lot": [None, None, None],
                "minimum_lot": [None, None, None],
                "energy_per_unit": [1.0, 1.0, 1.0],
                "emission_per_unit": [0.1, 0.1, 0.1],
            },
            schema_overrides={"lot": pl.Float64, "minimum_lot": pl.Float64},
        ),
        products=pl.DataFrame(
            {
                "product_id": ["P1", "P2"],
                "org_id": ["C1", "C2"],
                "family": ["salt", "salt"],
                "unit": ["t", "t"],
                "opening_stock": [100.0, 0.0],
                "opening_backlog": [0.0, 0.0],
                "stock_floor": [50.0, None],
                "stock_ceiling": [500.0, None],
                "holding_cost": [0.1, 0.1],
                "backlog_cost": [1.0, 1.0],
            }
        ),
        demand=pl.DataFrame(
            [
                {
                    "product_id": product,
                    "week": week,
                    "forecast": 900.0,
                    "q10": 700.0,
                    "q50": 880.0,
                    "q90": 1200.0,
                }
                for product in ("P1", "P2")
                for week in WEEKS
            ]
        ),
    )


def _rows(stamp: str, times: list[date], *, hours: float, rate: float, days: int) -> pl.DataFrame:
    output = hours * 0.9 * 0.95
    return pl.DataFrame(
        [
            {
                "line_id": line,
                stamp: time,
                "step": step,
                "days": days,
                "calendar_hours": 24.0 * days,
                "planned_hours": hours,
                "run_hours": hours * 0.9,
                "effective_hours": hours * 0.9,
                "output": hours * 0.9 * rate,
                "availability": 0.9,
                "performance": 1.0,
                "quality": 0.95,
                "oee": 0.855,
                "utilisation": output / (24.0 * days),
                "planned_output": hours * rate,
                "forecast": output * rate,
                "q10": output * rate * 0.8,
                "q25": output * rate * 0.9,
                "q50": output * rate,
                "q90": output * rate * 1.1,
                "quality_flag": "full",
                "reason_zh": None,
                "reason_en": None,
            }
            for line in LINES
            for step, time in enumerate(times, 1)
        ],
        schema_overrides={"reason_zh": pl.String, "reason_en": pl.String},
    )
