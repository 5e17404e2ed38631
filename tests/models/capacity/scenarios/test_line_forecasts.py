"""Weekly forecasts of lines under a scenario: scaled where it acts, untouched elsewhere."""

from datetime import timedelta

import polars as pl
import pytest

from models.capacity.scenarios.apply import applied
from models.capacity.scenarios.line_forecasts import line_weeks_under
from tests.models.capacity.scenarios.scenario_problems import WEEKS, problem, scenario

AHEAD = (*WEEKS, WEEKS[-1] + timedelta(weeks=1))  # one week more than the plan has


def _weeks() -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "line_id": line, "week": week, "planned_hours": 120.0, "effective_hours": hours, "planned_output": 1200.0,
                "forecast": 900.0, "q10": 800.0, "q90": 950.0, "quality": 0.9, "oee": 0.7, "utilisation": 0.6,
                "quality_flag": "full",
            }
            for line, hours in (("L1", 100.0), ("L2", 60.0), ("X", 5.0)) for week in AHEAD
        ]
    )  # fmt: skip


def _under(part: dict[str, object]) -> pl.DataFrame:
    return line_weeks_under(applied(scenario(part), problem()), _weeks())


def test_an_outage_scales_hours_forecast_and_bands_of_its_weeks_alone() -> None:
    found = _under({"kind": "line_out", "line": "L1", "weeks": 2, "share": 0.5}).filter(
        pl.col("line_id") == "L1"
    )
    assert found["forecast"].to_list() == [450.0] * 2 + [900.0] * 7
    assert found["q10"].to_list()[0] == 400
    assert found["effective_hours"].to_list()[:3] == [50, 50, 100]
    assert found["oee"].to_list() == [0.7] * 9  # a share of planned hours: fewer of them change nothing


def test_lines_and_weeks_that_the_plan_does_not_have_stay_as_they_are() -> None:
    found = _under({"kind": "yield_change", "lines": ["L1"], "factor": 0.5})
    untouched = pl.col("line_id").is_in(["L2", "X"]) | (pl.col("week") == AHEAD[-1])
    before = _weeks().sort("line_id", "week").filter(untouched)
    assert found.filter(untouched).select(before.columns).equals(before)
    changed = found.filter(~untouched)
    assert set(changed["quality"]) == {0.45}
    assert set(changed["forecast"]) == {450.0}
    assert set(changed["planned_hours"]) == {120.0}


def test_overtime_stands_in_a_column_of_its_own() -> None:
    found = _under({"kind": "overtime", "lines": ["L2"], "hours": 6, "cost": 1, "first": 2, "weeks": 1})
    assert found.filter(pl.col("overtime_hours") > 0).select("line_id", "week", "overtime_hours").rows() == [
        ("L2", WEEKS[1], 6.0)
    ]
    assert found["forecast"].to_list() == [900.0] * 27


def test_a_new_line_has_its_models_rows_at_its_own_hours_and_rate() -> None:
    part = {"kind": "new_line", "line": "N", "copy_of": "L1", "hours": 50, "rate": 22, "first": 5}
    found = _under(dict(part)).filter(pl.col("line_id") == "N").sort("week")
    assert found["week"].to_list() == list(WEEKS)
    assert found["forecast"].to_list()[:4] == [0.0] * 4
    assert found["forecast"].to_list()[4:] == pytest.approx([900.0 * 0.5 * 22 / 11] * 4)
