"""The sample group at full scale, and a small plant of its own."""

from collections.abc import Mapping
from datetime import date, datetime, time

import polars as pl
import pytest

from features.contracts import CONTRACTS
from sample_group.generator import generate
from sample_group.window import Window

Tables = dict[str, pl.DataFrame]
Row = Mapping[str, object]

AS_OF = date(2024, 3, 20)


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    folder = tmp_path_factory.mktemp("lines") / "group"
    generate(folder, seed=7, scale=1, window=Window(date(2021, 1, 1), date(2024, 6, 30)), say=lambda _: None)
    names = (
        "companies",
        "products",
        "lines",
        "line_output",
        "line_stops",
        "maintenance",
        "sales",
        "line_products",
        "line_drivers",
        "line_plans",
        "stocks",
        "plan_orders",
        "plan_caps",
    )
    return {name: pl.read_parquet(folder / f"{name}.parquet") for name in names}


def table(name: str, *rows: Row) -> pl.DataFrame:
    """Return rows as a table of the contract; what is not given is null."""
    contract = CONTRACTS[name]
    return pl.DataFrame(
        [{column: row.get(column) for column in contract.column_names} for row in rows],
        schema=contract.schema,
    )


def day(number: int, month: int = 3) -> date:
    return date(2024, month, number)


def at(number: int, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(day(number), time(hour, minute))


def reported(
    number: int, values: Mapping[str, float] | None = None, *, line: str = "A", known: date | None = None
) -> Row:
    """Return a day's report, known on the next day, with some values changed."""
    usual = {"planned_hours": 20.0, "run_hours": 18.0, "output": 180.0, "good_output": 171.0}
    return {
        "line_id": line,
        "ds": day(number),
        "known_at": known or day(number + 1),
        **usual,
        **(values or {}),
    }


@pytest.fixture
def plant() -> Tables:
    """Return one line with a week of reports and nothing else."""
    line = {
        "line_id": "A",
        "org_id": "ORG-01",
        "name": "一线",
        "family": "salt",
        "unit": "t",
        "planned_rate": 10.0,
        "bottleneck": "包装",
        "known_at": day(1, 1),
    }
    return {
        "lines": table("lines", line),
        "line_output": table("line_output", *(reported(number) for number in range(4, 11))),
        "line_stops": table("line_stops"),
        "maintenance": table("maintenance"),
    }
