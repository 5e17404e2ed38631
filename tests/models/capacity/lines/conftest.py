"""A small plant of three lines with shifts, maintenance, stops and a driver, drawn by seed."""

from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from features.capacity.line_panel import FINDINGS, FUTURE, HISTORY, LINES, REFUSED, STOPS, LinePanel
from models.capacity.lines.model import LineModel, fit_lines
from models.capacity.lines.settings import LineSettings

START = date(2024, 1, 1)  # a Monday
QUICK = LineSettings(rounds=25, cutoffs=6, refits=2, most_lags=2)

PlantOf = Callable[..., LinePanel]


def plant(
    *,
    lines: int = 3,
    days: int = 220,
    ahead: int = 42,
    seed: int = 3,
    plans_known: bool = False,
    output_only: bool = False,
    scale: float = 1.0,
) -> LinePanel:
    """Draw a plant: hours 20 a day, 10 on Sundays, an overhaul of five days each 60, overtime that helps."""
    rng = np.random.default_rng(seed)
    ids = [f"L{k}" for k in range(lines)]
    span = np.arange(days + ahead)
    dates = [START + timedelta(days=int(one)) for one in span]
    told: list[pl.DataFrame] = []
    for k, name in enumerate(ids):
        held = (span + 20 * k) % 60 >= 55
        hours = np.where(held, 0.0, np.where(span % 7 == 6, 10.0, 20.0))
        overtime = np.round(rng.uniform(0, 4, len(span)), 1)
        lost = np.minimum(rng.exponential(0.5, len(span)), hours * 0.8) * (rng.random(len(span)) < 0.5)
        run = np.round(hours - lost, 2)
        rate = 100.0 * (k + 1) * scale
        output = np.round(run * rate * (0.9 + 0.01 * overtime + rng.normal(0, 0.01, len(span))), 3)
        good = np.round(output * np.clip(0.97 + rng.normal(0, 0.005, len(span)), 0, 1), 3)
        kinds: list[str | None] = ["overhaul" if one else None for one in held]
        told.append(
            pl.DataFrame(
                {
                    "line_id": [name] * len(span),
                    "ds": dates,
                    "planned_hours": hours,
                    "run_hours": [None] * len(span) if output_only else run,
                    "output": output,
                    "good_output": [None] * len(span) if output_only else good,
                    "planned_rate": rate,
                    "maintenance": kinds,
                    "overtime": overtime,
                },
                schema={**HISTORY, "overtime": pl.Float64},
            )
        )
    return panel_of(pl.concat(told), START + timedelta(days=days - 1), plans_known=plans_known)


def panel_of(rows: pl.DataFrame, as_of: date, *, plans_known: bool) -> LinePanel:
    """Split rows into history and future at `as_of`."""
    history = rows.filter(pl.col("ds") <= as_of).sort("line_id", "ds")
    plans = rows.filter(pl.col("ds") > as_of).sort("line_id", "ds")
    future = plans.select(*FUTURE, "overtime")
    if not plans_known:
        future = future.with_columns(planned_hours=pl.lit(None, pl.Float64))
    ids = history["line_id"].unique().sort().to_list()
    rates = history.group_by("line_id").agg(pl.col("planned_rate").last()).sort("line_id")
    lines = pl.DataFrame(
        {
            "line_id": ids,
            "org_id": ["ORG-1"] * len(ids),
            "name": ids,
            "profile": ["generic"] * len(ids),
            "unit": ["kg"] * len(ids),
            "planned_rate": rates["planned_rate"],
            "bottleneck": [None] * len(ids),
        },
        schema=dict(LINES),
    )
    stops = pl.DataFrame(
        {
            "line_id": [ids[0]] * 3,
            "ds": [as_of, as_of - timedelta(days=1), as_of - timedelta(days=200)],
            "reason": ["breakdown", "material", "power"],
            "hours": [3.0, 1.0, 9.0],
        },
        schema=dict(STOPS),
    )
    return LinePanel(
        as_of,
        lines,
        history,
        future,
        stops,
        ("overtime",),
        pl.DataFrame(schema=dict(FINDINGS)),
        pl.DataFrame(schema=dict(REFUSED)),
    )


@pytest.fixture(scope="session")
def plant_of() -> PlantOf:
    """Return the function that draws a plant."""
    return plant


@pytest.fixture(scope="session")
def panel() -> LinePanel:
    """Return a plant of three lines over 220 days."""
    return plant()


@pytest.fixture(scope="session")
def model(panel: LinePanel) -> LineModel:
    """Return the model of that plant."""
    return fit_lines(panel, settings=QUICK)
