"""What profiles say of a panel and add to a plan."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from features.capacity.history_file import line_panel_of_file
from features.capacity.line_panel import FINDINGS, LinePanel
from models.capacity.allocation.problem import (
    CapKind,
    PlanCap,
    PlanLine,
    PlanOptions,
    PlanProblem,
    PlanProduct,
    Route,
)
from models.capacity.profiles.panel_facts import driver_findings, label_losses
from models.capacity.profiles.plan_limits import heed_profiles
from models.capacity.profiles.profile_files import load_profiles

PROFILES = load_profiles()
FIRST = date(2026, 3, 2)
WEEKS = tuple(date(2026, 9, 7) + timedelta(weeks=number) for number in range(3))


def _panel(rain: list[float], ahead: list[float | None]) -> LinePanel:
    days = [FIRST + timedelta(days=number) for number in range(len(rain) + len(ahead))]
    table = pl.DataFrame(
        {
            "line_id": ["S1"] * len(days), "ds": days, "planned_rate": [600.0] * len(days),
            "planned_hours": [8.0] * len(days), "unit": ["t"] * len(days), "profile": ["sea_salt"] * len(days),
            "rain": pl.Series([*rain, *ahead], dtype=pl.Float64), "wind": [3.0] * len(days),
        }
    )  # fmt: skip
    history = table.head(len(rain)).with_columns(output=pl.lit(4000.0))
    return line_panel_of_file(
        history, table.tail(len(ahead)), as_of=days[len(rain) - 1], drivers=["rain", "wind"]
    )


def test_values_out_of_the_plausible_range_are_counted_and_named() -> None:
    found = driver_findings(_panel([0, 5, 900, -1], [2.0, 999.0]), PROFILES)
    assert found.schema == pl.Schema(dict(FINDINGS))
    row = found.row(0, named=True)
    assert (row["line_id"], row["rule"], row["rows"]) == ("S1", "driver_out_of_range", 3)
    assert row["first_ds"] == FIRST + timedelta(days=2)
    assert "毫米／日" in row["treatment_zh"]
    assert "mm/day" in row["treatment_en"]


def test_a_driver_that_should_be_known_ahead_and_is_not_is_named() -> None:
    found = driver_findings(_panel([0, 5], [None, None]), PROFILES)
    assert found["rule"].to_list() == ["driver_not_known_ahead"]
    assert driver_findings(_panel([0, 5], [1.0, None]), PROFILES).is_empty()


def test_lines_without_a_profile_and_drivers_it_does_not_describe_are_left_alone() -> None:
    panel = _panel([0, 900], [None])
    assert driver_findings(panel, {}).is_empty()
    dry = replace(panel, drivers=("wind",))
    assert driver_findings(dry, PROFILES).is_empty()


def test_stops_stand_under_the_names_of_losses() -> None:
    losses = pl.DataFrame(
        {"line_id": ["S1", "S1", "X"], "reason": ["power", "storm", "power"], "hours": [1.0, 2.0, 3.0]}
    )
    lines = pl.DataFrame({"line_id": ["S1", "X"], "profile": ["sea_salt", None]})
    found = label_losses(losses, lines, PROFILES)
    assert found["loss"].to_list() == ["breakdown", None, None]
    assert found["loss_zh"].to_list() == ["收盐机械故障", None, None]
    assert found["factor"].to_list() == ["availability", None, None]
    assert found["hours"].to_list() == [1, 2, 3]


def _problem(*caps: PlanCap, energy: float = 0.0) -> PlanProblem:
    return PlanProblem(
        weeks=WEEKS,
        lines=(
            PlanLine("F", "O", "kg", np.array([150.0, 60.0, 150.0]), np.ones(3)),
            PlanLine("C", "O", "kg", np.full(3, 100.0), np.ones(3)),
        ),
        products=(PlanProduct("P", "O", "carbon_fibre", "kg"),),
        routes=(Route("F", "P", 180, 1, 1, 1, energy_per_unit=energy), Route("C", "P", 10, 1, 1, 1)),
        demand=np.full((1, 3), 20000.0),
        caps=caps,
    )


def test_a_furnace_must_run_in_weeks_that_offer_the_hours() -> None:
    problem, texts = heed_profiles(_problem(), {"F": PROFILES["carbon_fibre"]})
    assert problem.lines[0].least.tolist() == [120, 0, 120]
    assert not problem.lines[1].least.any()
    assert len(texts) == 1
    assert "120" in texts[0].zh
    off, none = heed_profiles(_problem(), {"F": PROFILES["carbon_fibre"]}, minimum_runs=False)
    assert not off.lines[0].least.any()
    assert none == ()


def test_a_minimum_of_the_lines_own_goes_first() -> None:
    base = _problem()
    own = replace(
        base, lines=(replace(base.lines[0], minimum_hours=np.array([10.0, 0.0, 0.0])), base.lines[1])
    )
    problem, texts = heed_profiles(own, {"F": PROFILES["carbon_fibre"]})
    assert problem.lines[0].least.tolist() == [10, 0, 0]
    assert texts == ()


@pytest.mark.parametrize(("energy", "expected"), [(0.0, 40.0), (55.0, 55.0)])
def test_a_route_without_energy_takes_the_profiles(energy: float, expected: float) -> None:
    cap = PlanCap("E", CapKind.ENERGY, 1e9)
    problem, texts = heed_profiles(
        _problem(cap, energy=energy), {"F": PROFILES["carbon_fibre"]}, minimum_runs=False
    )
    assert problem.routes[0].energy_per_unit == expected
    assert problem.routes[1].energy_per_unit == 0
    assert bool(texts) is (energy == 0)
    silent = replace(_problem(cap), options=PlanOptions(caps=False))
    assert heed_profiles(silent, {"F": PROFILES["carbon_fibre"]}, minimum_runs=False)[1] == ()
