"""Job: plan the newest run of capacity, compare with the last plan, keep it; and hold scenarios beside it."""

import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator

from experiments.errors import MissingCapacityRunError, OptionError
from experiments.forecast_table import writable_table, write_table
from experiments.job import Say
from models.capacity.allocation.plan import Plan
from models.capacity.allocation.problem import PlanProblem
from models.capacity.profiles.profile_files import load_profiles
from models.capacity.published.capacity_run import FOLDER, CapacityRun, latest_run_id, read_run
from models.capacity.published.plan_record import FOLDER as PLANS
from models.capacity.published.plan_record import latest_plan_id, write_plan
from models.capacity.published.planning import Planned, PlanRequest, plan_run, problem_asked, solve_asked
from models.capacity.published.run_info import Note
from models.capacity.published.shortfall_of_run import setting_of_run
from models.capacity.scenarios.apply import Applied
from models.capacity.scenarios.comparison import Comparison, beside_base, side_by_side
from models.capacity.scenarios.scenario import Scenario
from models.capacity.scenarios.scenario_files import load_scenarios, scenario_named
from models.capacity.scenarios.shortfall_changes import ShortfallPair, shortfalls_of
from models.capacity.shortfall.dependence import dependence_of_json
from models.errors import ModelError

__all__ = ["CompareScenarios", "Compared", "PlanCapacity", "read_capacity_run"]


PROFILES: Final = "profiles"
"""Folder of the business's own industry profiles below the home."""


class _OfRun(BaseModel):
    """Which run is planned, and how."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    home: Path
    run_id: str | None = Field(default=None, description="a published run; the newest by default")
    request: PlanRequest = PlanRequest()


class PlanCapacity(_OfRun):
    """Plan a run and publish the plan; where it fails, the last good plan stays in force."""

    issued_at: AwareDatetime

    def run(self, say: Say) -> Planned:
        """Solve, compare with the last plan, write. Raises MissingCapacityRunError and what `plan_run` raises."""
        root = self.home / PLANS
        run = read_capacity_run(self.home, self.run_id)
        try:
            planned = plan_run(
                run,
                self.request,
                root=root,
                issued_at=self.issued_at,
                suffix=uuid.uuid4().hex[:6],
                profiles=load_profiles(self.home / PROFILES),
            )
        except ModelError:
            before = latest_plan_id(root, companies=self.request.companies)
            if before is not None:
                say(f"上一份计划 {before} 继续有效。", f"The last plan {before} stays in force.")
            raise
        write_plan(root, planned.record)
        _tell(say, planned)
        return planned


@dataclass(frozen=True, eq=False)
class Compared:
    """Scenarios beside one base: the comparisons and their measures in columns."""

    comparisons: tuple[Comparison, ...]
    table: pl.DataFrame


class CompareScenarios(_OfRun):
    """Which scenarios are held beside the plan of a run; nothing is published."""

    names: tuple[str, ...] = Field(default=(), description="scenarios of the file; all by default")
    file: Path | None = Field(default=None, description="TOML of scenarios; the built-in examples by default")
    shortfalls: bool = Field(default=True, description="simulate shortfalls with and without each scenario")
    count: int = Field(default=1000, ge=100, description="futures drawn")
    out: Path | None = Field(default=None, description="table of the measures, .parquet or .csv")

    @field_validator("out")
    @classmethod
    def _of_a_known_kind(cls, out: Path | None) -> Path | None:
        return None if out is None else writable_table(out)

    def run(self, say: Say) -> Compared:
        """Solve the base and each scenario; of scenarios that nobody named, those that do not fit the plan are left out.

        Raises CapacityScenarioError, PlanError, MissingCapacityRunError, OptionError where none fits.
        """
        scenarios = self._chosen()
        run = read_capacity_run(self.home, self.run_id)
        problem, notes = problem_asked(run, self.request, load_profiles(self.home / PROFILES))
        problem, base, relaxed = solve_asked(problem, self.request)
        for note in (*notes, *relaxed):
            say(f"提示：{note.zh}", f"note: {note.en}")
        simulate = self._shortfalls(run)
        comparisons = []
        for scenario in scenarios:
            given: list[Note] = []
            try:
                found = beside_base(scenario, problem, self._solver(given), before=base, shortfalls=simulate)
            except ModelError as error:
                if self.names:
                    raise
                say(
                    f"情景 {scenario.name} 略过：{error.zh}",
                    f"scenario {scenario.name} left out: {error.message('en')}",
                )
                continue
            for part in found.parts:
                say(f"情景 {scenario.name}：{part.zh}", f"scenario {scenario.name}: {part.en}")
            for note in given:
                say(f"提示（{scenario.name}）：{note.zh}", f"note ({scenario.name}): {note.en}")
            say(found.text.zh, found.text.en)
            comparisons.append(found)
        if not comparisons:
            raise OptionError("file", "没有一个情景适用于此计划 / no scenario fits this plan")
        table = side_by_side(comparisons)
        if self.out is not None:
            write_table(table, self.out)
        return Compared(tuple(comparisons), table)

    def _chosen(self) -> Sequence[Scenario]:
        known = load_scenarios(self.file)
        return [scenario_named(name, known) for name in self.names] if self.names else known

    def _solver(self, given: list[Note]) -> Callable[[PlanProblem], Plan]:
        """Return how a scenario is solved; what gave way is added to `given`."""

        def solve(problem: PlanProblem) -> Plan:
            _, plan, notes = solve_asked(problem, self.request)
            given.extend(notes)
            return plan

        return solve

    def _shortfalls(self, run: CapacityRun) -> Callable[[Applied, Plan, Plan], ShortfallPair] | None:
        """Return how shortfalls are simulated: of all companies, whose products and lines the run's futures are of."""
        setting = setting_of_run(run) if run.dependence else None
        if not self.shortfalls or setting is None or self.request.companies is not None:
            return None
        dependence = dependence_of_json(json.dumps(dict(run.dependence)))

        def simulated(result: Applied, before: Plan, after: Plan) -> ShortfallPair:
            return shortfalls_of(
                result,
                setting,
                dependence,
                count=self.count,
                seed=run.info.seed,
                plans=(before.production, after.production),
            )

        return simulated


def read_capacity_run(home: Path, run_id: str | None = None) -> CapacityRun:
    """Read a published run, the newest where none is named. Raises MissingCapacityRunError, BundleError."""
    root = home / FOLDER
    name = run_id or latest_run_id(root)
    if name is None or not (root / name / "run.json").is_file():
        raise MissingCapacityRunError(str(root), name)
    return read_run(root / name)


def _tell(say: Say, planned: Planned) -> None:
    info, summary = planned.record.info, planned.plan.summary.row(0, named=True)
    for note in info.notes:
        say(f"提示：{note.zh}", f"note: {note.en}")
    say(str(summary["text_zh"]), str(summary["text_en"]))
    if planned.difference is not None:
        changed = planned.difference.summary.row(0, named=True)
        say(
            f"与上一份计划 {info.before} 相比：{changed['text_zh']}",
            f"Against {info.before}: {changed['text_en']}",
        )
    say(
        f"计划 {info.plan_id} 已保存（{info.weeks[0]} 起 {len(info.weeks)} 周，"
        f"产能按{_counted_zh(info.capacity)}，需求按{_counted_zh(info.demand)}）。"
        "下一步：zhiheng capacity scenario",
        f"plan {info.plan_id} is kept ({len(info.weeks)} weeks from {info.weeks[0]}, capacity {info.capacity}, demand "
        f"{info.demand}). Next: zhiheng capacity scenario",
    )


def _counted_zh(value: str) -> str:
    return "期望值" if value == "expected" else f"概率 {value}"
