"""Apply a scenario to a plan's problem: each part on what the ones before it left, none without an effect."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from types import MappingProxyType

import numpy as np

from graph.ontology import Wording
from models.capacity.allocation.problem import PlanLine, PlanProblem
from models.capacity.scenarios.demand_changes import change_demand, move_cap
from models.capacity.scenarios.line_changes import (
    change_yield,
    grant_overtime,
    move_maintenance,
    take_line_out,
)
from models.capacity.scenarios.new_lines import add_line, model_of
from models.capacity.scenarios.scenario import (
    CapChange,
    DemandChange,
    LineOut,
    MaintenanceMoved,
    NewLine,
    Overtime,
    Part,
    Scenario,
    YieldChange,
)
from models.capacity.scenarios.scope import Scope

__all__ = ["Applied", "applied", "apply"]


@dataclass(frozen=True)
class Applied:
    """A problem under a scenario: what each part did in words, and which line each new line was made after."""

    scenario: Scenario
    base: PlanProblem
    problem: PlanProblem
    parts: tuple[Wording, ...]
    modelled_on: Mapping[str, str]

    @property
    def label(self) -> Wording:
        """Return the scenario's name in both languages, or what its parts do where it has none."""
        zh, en = "；".join(one.zh for one in self.parts), "; ".join(one.en for one in self.parts)
        return Wording(zh=self.scenario.zh or zh, en=self.scenario.en or en)


def apply(scenario: Scenario, problem: PlanProblem) -> PlanProblem:
    """Return the problem under a scenario; the given one is left as it is. Raises as `applied` does."""
    return applied(scenario, problem).problem


def applied(scenario: Scenario, problem: PlanProblem) -> Applied:
    """Apply all parts in their order and say what each did.

    Raises CapacityScenarioError for an unknown line, product, week or cap, outages of one line that overlap, a part or a
    whole scenario that changes nothing, and what each part refuses; PlanError for a problem that cannot be.
    """
    _refuse_overlapping_outages(scenario, problem)
    current, texts, models = problem, [], {}
    for number, part in enumerate(scenario.parts, start=1):
        scope = Scope(scenario.name, current, problem)
        changed, text = _apply(part, scope)
        if isinstance(part, NewLine):
            models[part.line] = model_of(part, scope).line_id
        if _same(current, changed):
            raise scope.error(
                f"第 {number} 部分（{text.zh}）没有改变任何东西。请核对产线、产品、周和数值，或去掉它。",
                f"part {number} ({text.en}) changes nothing. Check its line, product, weeks and numbers, or leave it out.",
            )
        current = changed
        texts.append(text)
    if _same(problem, current):
        raise Scope(scenario.name, current, problem).error(
            "各部分相互抵消，与基准没有差别。请去掉其中一部分。",
            "its parts undo each other, nothing differs from the base. Leave one out.",
        )
    return Applied(scenario, problem, current, tuple(texts), MappingProxyType(models))


def _apply(part: Part, scope: Scope) -> tuple[PlanProblem, Wording]:
    match part:
        case NewLine():
            return add_line(part, scope)
        case DemandChange():
            return change_demand(part, scope)
        case CapChange():
            return move_cap(part, scope)
        case _:
            return _apply_to_lines(part, scope)


def _apply_to_lines(
    part: LineOut | Overtime | YieldChange | MaintenanceMoved, scope: Scope
) -> tuple[PlanProblem, Wording]:
    match part:
        case LineOut():
            return take_line_out(part, scope)
        case Overtime():
            return grant_overtime(part, scope)
        case YieldChange():
            return change_yield(part, scope)
        case MaintenanceMoved():
            return move_maintenance(part, scope)


def _refuse_overlapping_outages(scenario: Scenario, problem: PlanProblem) -> None:
    scope = Scope(scenario.name, problem, problem)
    new = {one.line for one in scenario.parts if isinstance(one, NewLine)}
    outages = [
        (part.line if part.line in new else scope.line(part.line).line_id, scope.span(part.first, part.weeks))
        for part in scenario.parts
        if isinstance(part, LineOut)
    ]
    for (line, weeks), (other, others) in combinations(outages, 2):
        both = weeks & others
        if line == other and both.any():
            week = problem.weeks[int(np.flatnonzero(both)[0])]
            raise scope.error(
                f"产线 {line} 的两次停产在 {week} 周重叠。请改正 first 或 weeks，或合并为一次。",
                f"two outages of line {line} overlap in the week of {week}. Correct `first` or `weeks`, or make them one.",
            )


def _same(one: PlanProblem, other: PlanProblem) -> bool:
    return _seen(one) == _seen(other)


def _seen(problem: PlanProblem) -> tuple[object, ...]:
    """Return all that a plan sees of a problem, as values that compare."""
    return (
        [_seen_of_line(one, overtime=problem.options.overtime) for one in problem.lines],
        problem.products,
        problem.routes,
        problem.demand.tolist(),
        problem.orders,
        problem.caps if problem.options.caps else (),
    )


def _seen_of_line(line: PlanLine, *, overtime: bool) -> tuple[object, ...]:
    extra = (line.overtime.tolist(), line.overtime_cost) if overtime and line.overtime.any() else ()
    return (line.line_id, line.hours.tolist(), line.good_share.tolist(), line.least.tolist(), extra)
