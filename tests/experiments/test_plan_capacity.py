"""Plans of a published run are kept with what changed; one that fails leaves the last good plan in force."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from experiments.errors import MissingCapacityRunError, OptionError
from experiments.plan_capacity import CompareScenarios, PlanCapacity
from models.capacity.published.capacity_run import FOLDER, CapacityRun, write_run
from models.capacity.published.plan_record import FOLDER as PLANS
from models.capacity.published.plan_record import failed_after, latest_plan_id, list_plans, read_plan
from models.capacity.published.planning import Planned, PlanRequest, plan_of_record
from models.errors import CapacityScenarioError, PlanInfeasibleError, PlanValueError, SolverTimeoutError
from tests.models.capacity.published.capacity_runs import WEEKS, a_run, info_of

_WHEN = datetime(2026, 1, 2, 8, tzinfo=UTC)


class _Told:
    """Collects what a job says; both languages must say something."""

    def __init__(self) -> None:
        self.en: list[str] = []

    def __call__(self, zh: str, en: str) -> None:
        assert zh
        self.en.append(en)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write_run(tmp_path / FOLDER, a_run())
    return tmp_path


def _plan(home: Path, hours: int = 0, **request: object) -> Planned:
    asked = PlanRequest.model_validate(request)
    return PlanCapacity(home=home, request=asked, issued_at=_WHEN + timedelta(hours=hours)).run(_Told())


def test_a_plan_is_kept_and_read_back_and_serves_its_demand_within_the_lines_hours(home: Path) -> None:
    planned = _plan(home)
    root = home / PLANS
    assert latest_plan_id(root) == planned.record.info.plan_id
    found = read_plan(root / planned.record.info.plan_id)
    assert found.info.run_id == a_run().info.run_id
    assert found.info.demand_run_id == a_run().info.demand_run_id
    assert found.production.equals(planned.plan.production)
    assert plan_of_record(found).summary.equals(planned.plan.summary)
    hours = found.production.group_by("line_id", "week").agg(pl.col("hours").sum())
    assert (hours["hours"] <= 126.0 + 1e-6).all()
    assert found.difference.is_empty()


def test_a_second_plan_says_what_changed(home: Path) -> None:
    first = _plan(home)
    second = _plan(home, hours=1, capacity=0.9, demand=0.9)
    assert second.record.info.before == first.record.info.plan_id
    assert (second.record.info.capacity, second.record.info.demand) == ("0.9", "0.9")
    said = second.record.difference_summary["text_en"].item()
    assert said.startswith("Capacity is counted with probability 0.9, at its expected value before")
    assert "demand is counted with probability 0.9" in said
    assert second.difference is not None
    assert not second.record.difference.is_empty()
    same = _plan(home, hours=2, capacity=0.9, demand=0.9)
    assert same.record.difference.is_empty()
    assert same.record.difference_summary["text_en"].item().startswith("The same")
    shorter = _plan(home, hours=3, capacity=0.9, demand=0.9, weeks=2, objective="line")
    unlike = shorter.record.difference_summary.row(0, named=True)
    assert unlike["weeks"] == 2
    assert "the last plan has 3 weeks, this one 2" in unlike["text_en"]
    assert "for the group, this one for the line" in unlike["text_en"]
    assert unlike["value_change"] > -shorter.record.info.objective_value / 2  # no third week counted
    assert same.plan.production.equals(second.plan.production)


def test_objectives_and_companies_are_planned_apart(home: Path) -> None:
    whole = _plan(home)
    alone = _plan(home, hours=1, companies=("C1",), objective="company")
    assert set(alone.plan.production["line_id"]) <= {"L1"}
    assert alone.record.info.before is None
    assert latest_plan_id(home / PLANS) == whole.record.info.plan_id
    assert latest_plan_id(home / PLANS, companies=["C1"]) == alone.record.info.plan_id


_PROFILE = """
id = "steady"
label = { zh = "连续生产", en = "Steady works" }
unit = "t"
source = "Test."
[calendar]
hours = 24
[constraints]
minimum_run_hours = 100
"""


def test_a_profile_of_the_home_makes_a_line_run_where_asked(tmp_path: Path) -> None:
    run = a_run()
    lines = run.lines.with_columns(profile=pl.Series([None, "steady"], dtype=pl.String))
    spare = run.demand.with_columns(forecast=pl.lit(100.0))
    write_run(tmp_path / FOLDER, replace(run, lines=lines, demand=spare))
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "steady.toml").write_text(_PROFILE, encoding="utf-8")
    hours = []
    for place, asked in enumerate((False, True)):
        planned = _plan(tmp_path, hours=place, minimum_runs=asked)
        used = planned.plan.lines.filter(pl.col("line_id") == "L2")["used"]
        hours.append(min(used.to_list()))
        assert ("profile_in_plan" in {note.code for note in planned.record.info.notes}) is asked
    assert hours[0] < 100 <= hours[1] + 1e-6


def test_an_infeasible_plan_names_what_to_relax_and_leaves_the_last_good_one(home: Path) -> None:
    good = _plan(home)
    root = home / PLANS
    kept = {path: path.read_bytes() for path in (root / good.record.info.plan_id).iterdir()}
    run = a_run(info_of("20260102T000000-capacity-xyz", issued_at=_WHEN))
    _publish_infeasible(home, run)
    told = _Told()
    with pytest.raises(PlanInfeasibleError) as caught:
        PlanCapacity(home=home, issued_at=_WHEN + timedelta(hours=3)).run(told)
    assert caught.value.relaxations
    assert any(good.record.info.plan_id in one for one in told.en)
    assert latest_plan_id(root) == good.record.info.plan_id
    assert {path: path.read_bytes() for path in kept} == kept
    failure = failed_after(root, _WHEN)
    assert failure is not None
    assert failure.error == "PlanInfeasibleError"
    assert failure.still_in_force == good.record.info.plan_id
    assert len(list_plans(root)) == 1


def test_where_asked_orders_and_floors_give_way_and_are_named(home: Path) -> None:
    _publish_infeasible(home, a_run(info_of("20260102T000000-capacity-xyz", issued_at=_WHEN)))
    planned = _plan(home, hours=1, relax=True)
    assert {note.code for note in planned.record.info.notes} <= {"orders_relaxed", "floors_relaxed"}
    assert any("O1" in note.en for note in planned.record.info.notes)
    assert latest_plan_id(home / PLANS) == planned.record.info.plan_id
    first_week = _plan(home, hours=2, relax=True, weeks=1)
    [order] = first_week.problem.orders
    made = 126.0 * 10.0 * 0.95 + 100.0 - 50.0  # all of the hours of its line, and the stock above its floor
    assert order.quantity == pytest.approx(made, rel=2e-3)
    assert first_week.problem.demand.max() == 1e6  # still asked for


def _publish_infeasible(home: Path, run: CapacityRun) -> None:
    orders = pl.DataFrame(
        {"order_id": ["O1"], "product_id": ["P1"], "week": WEEKS[:1], "quantity": [1e6]},
    )
    demand = run.demand.with_columns(
        pl.when((pl.col("product_id") == "P1") & (pl.col("week") == WEEKS[0]))
        .then(pl.lit(1e6))
        .otherwise(pl.col("forecast"))
        .alias("forecast")
    )
    write_run(home / FOLDER, replace(run, orders=orders, demand=demand))


def test_a_solver_that_runs_out_of_time_leaves_the_last_good_plan(home: Path) -> None:
    good = _plan(home)
    with pytest.raises(SolverTimeoutError):
        _plan(home, hours=1, time_limit_seconds=1e-9)
    assert latest_plan_id(home / PLANS) == good.record.info.plan_id
    failure = failed_after(home / PLANS)
    assert failure is not None
    assert failure.error == "SolverTimeoutError"


def test_what_cannot_be_planned_is_refused_before_solving(home: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingCapacityRunError, match="zhiheng capacity forecast"):
        PlanCapacity(home=tmp_path / "empty", issued_at=_WHEN).run(_Told())
    with pytest.raises(MissingCapacityRunError, match="no-such-run"):
        PlanCapacity(home=home, run_id="no-such-run", issued_at=_WHEN).run(_Told())
    with pytest.raises(PlanValueError, match="weeks"):
        _plan(home, weeks=30)
    assert latest_plan_id(home / PLANS) is None


_OWN = """
[[scenario]]
name = "out"
[[scenario.parts]]
kind = "line_out"
line = "L1"
weeks = 2

[[scenario]]
name = "unknown"
[[scenario.parts]]
kind = "line_out"
line = "L9"
weeks = 2
"""


def test_scenarios_stand_beside_the_base_and_publish_nothing(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "beside.csv"
    told = _Told()
    found = CompareScenarios(home=home, names=("demand_up_10", "line_out_six_weeks"), out=out).run(told)
    assert [one.name for one in found.comparisons] == ["demand_up_10", "line_out_six_weeks"]
    assert {"base", "demand_up_10", "line_out_six_weeks"} <= set(found.table.columns)
    assert pl.read_csv(out).height == found.table.height
    assert any("line_out_six_weeks: line L1 out" in one for one in told.en)  # whom @most_valuable means
    assert latest_plan_id(home / PLANS) is None


def test_a_scenario_that_does_not_fit_is_refused_by_name_and_left_out_where_nobody_named_it(
    home: Path, tmp_path: Path
) -> None:
    file = tmp_path / "own.toml"
    file.write_text(_OWN, encoding="utf-8")
    told = _Told()
    found = CompareScenarios(home=home, file=file).run(told)
    assert [one.name for one in found.comparisons] == ["out"]
    assert any("unknown" in one and "L9" in one for one in told.en)
    with pytest.raises(CapacityScenarioError, match="L9"):
        CompareScenarios(home=home, file=file, names=("unknown",)).run(_Told())
    with pytest.raises(CapacityScenarioError, match="no-such"):
        CompareScenarios(home=home, names=("no-such",)).run(_Told())
    file.write_text(_OWN.replace('"L1"', '"L8"'), encoding="utf-8")
    with pytest.raises(OptionError, match="no scenario fits"):
        CompareScenarios(home=home, file=file).run(_Told())
