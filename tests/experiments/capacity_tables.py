"""The sample group's lines and sales over a short past, and a weekly demand run of it, for the capacity jobs."""

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl

from experiments.capacity_actuals import demand_on
from features.sources import read_tables
from models.demand.ledger.published_run import write_run

__all__ = ["AS_OF", "ISSUED", "publish_demand", "write_tables"]

AS_OF = date(2025, 12, 31)
ISSUED = datetime(2026, 1, 2, 8, tzinfo=UTC)
_SAMPLE = Path(__file__).parents[2] / "data_samples" / "group"
_SINCE = date(2024, 8, 1)
_DAILY = ("line_output", "sales", "line_drivers", "line_plans")
_WHOLE = (
    "lines",
    "products",
    "line_products",
    "stocks",
    "plan_orders",
    "plan_caps",
    "maintenance",
    "line_stops",
)


def write_tables(folder: Path) -> Path:
    """Write the tables of the sample group that capacity is made from, with little more than a year of days."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (*_DAILY, *_WHOLE):
        table = pl.read_parquet(_SAMPLE / f"{name}.parquet")
        if name in _DAILY:
            table = table.filter(pl.col("ds") >= _SINCE)
        table.write_parquet(folder / f"{name}.parquet")
    return folder


def publish_demand(home: Path, tables: Path, as_of: date = AS_OF) -> str:
    """Publish a weekly demand run of these tables and return its id."""
    run = demand_on(read_tables(tables), as_of, seed=7)
    write_run(home / "forecasts", run)
    return run.info.run_id
