"""What parts of a scenario do to the lines of a plan: outages, overtime, yields, maintenance moved."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from graph.ontology import Wording
from models.capacity.allocation.problem import PlanLine, PlanProblem, Route
from models.capacity.scenarios.scenario import LineOut, MaintenanceMoved, Overtime, YieldChange
from models.capacity.scenarios.scope import Scope

__all__ = ["change_yield", "grant_overtime", "move_maintenance", "take_line_out", "weeks_in_words"]

Weeks = NDArray[np.bool_]
_NOTHING: Final = 1e-9


def take_line_out(part: LineOut, scope: Scope) -> tuple[PlanProblem, Wording]:
    """Take a share of a line's hours, overtime and minimum away in the weeks of an outage."""
    line, out = scope.line(part.line), scope.span(part.first, part.weeks)
    left = np.where(out, 1 - part.share, 1.0)
    hours = line.hours * left
    changed = replace(
        line,
        hours=hours,
        overtime_hours=None if line.overtime_hours is None else line.overtime_hours * left,
        minimum_hours=None if line.minimum_hours is None else np.minimum(line.minimum_hours * left, hours),
    )
    zh, en = weeks_in_words(scope, out)
    text = (
        Wording(zh=f"产线 {line.line_id} {zh}停产", en=f"line {line.line_id} out {en}")
        if part.share == 1
        else Wording(zh=f"产线 {line.line_id} {zh}少 {part.share:.0%} 工时", en=f"line {line.line_id} {part.share:.0%} fewer hours {en}")
    )  # fmt: skip
    return _with_lines(scope.problem, {line.line_id: changed}), text


def grant_overtime(part: Overtime, scope: Scope) -> tuple[PlanProblem, Wording]:
    """Allow overtime on top of what a line has; where the costs differ, the hours' mean cost counts.

    Where the plan allows none so far, only the overtime of the scenario is allowed. A week has 168 hours by the clock:
    what its shifts leave of them, counted as the line's own hours are, is all the overtime there can be, and none in a
    week in which the line does not work. Where all lines are meant, each gets what it has room for, and those with less
    are named. Raises CapacityScenarioError where a line that was named has less.
    """
    span = scope.span(part.first, part.weeks)
    base = scope.problem if scope.problem.options.overtime else _without_overtime(scope.problem)
    chosen = {one.line_id for one in scope.lines(part.lines)}
    changed = {one.line_id: _longer(one, part, span, scope) for one in base.lines if one.line_id in chosen}
    problem = _with_lines(base, changed)
    zh, en = weeks_in_words(scope, span)
    names_zh, names_en = _names(part.lines, sorted(chosen))
    mixed_zh, mixed_en = _mean_costs(changed.values(), part)
    less_zh, less_en = _less(base.lines, changed, part, span)
    return problem, Wording(
        zh=f"{names_zh}{zh}每周可加班 {part.hours:g} 小时（{part.cost:g} 元／小时{mixed_zh}{less_zh}）",
        en=f"up to {part.hours:g} h of overtime a week on {names_en} {en} ({part.cost:g} CNY/h{mixed_en}{less_en})",
    )


def change_yield(part: YieldChange, scope: Scope) -> tuple[PlanProblem, Wording]:
    """Multiply the good share of lines, and of routes that have one of their own, by a factor; at most 1.

    Raises CapacityScenarioError where a route has a good share of its own and only some weeks are meant.
    """
    span = scope.span(part.first, part.weeks)
    chosen = {one.line_id for one in scope.lines(part.lines)}
    own = [one for one in scope.problem.routes if one.line_id in chosen and one.good_share is not None]
    if own and not span.all():
        raise scope.error(
            f"产线 {own[0].line_id} 生产 {own[0].product_id} 的路线有自己的合格率，不随周变化。请去掉 first 和 weeks，作用于整个计划期。",
            f"the route of {own[0].product_id} on line {own[0].line_id} has a good share of its own, which does not change "
            "by week. Leave out `first` and `weeks`, so that the whole plan is meant.",
        )
    factor = np.where(span, part.factor, 1.0)
    lines = {
        one.line_id: replace(one, good_share=np.minimum(one.good_share * factor, 1.0))
        for one in scope.problem.lines
        if one.line_id in chosen
    }
    routes = tuple(_yielding(one, part.factor) if one in own else one for one in scope.problem.routes)
    zh, en = weeks_in_words(scope, span)
    names_zh, names_en = _names(part.lines, sorted(chosen))
    text = Wording(
        zh=f"{names_zh}{zh}合格率 × {part.factor:g}",
        en=f"good share of {names_en} times {part.factor:g} {en}",
    )
    return replace(_with_lines(scope.problem, lines), routes=routes), text


def move_maintenance(part: MaintenanceMoved, scope: Scope) -> tuple[PlanProblem, Wording]:
    """Let two weeks of a line change places: its hours, good share, overtime and minimum.

    Raises CapacityScenarioError where the first week has no fewer hours than the second: no maintenance to move.
    """
    line, old, new = scope.line(part.line), scope.week(part.week), scope.week(part.to)
    if old != new and line.hours[old] >= line.hours[new]:
        raise scope.error(
            f"产线 {line.line_id} 在 {scope.problem.weeks[old]} 周的工时不少于 "
            f"{scope.problem.weeks[new]} 周，看不出可移动的检修。请核对两周。",
            f"line {line.line_id} has no fewer hours in the week of {scope.problem.weeks[old]} than in that of "
            f"{scope.problem.weeks[new]}, so there is no maintenance to move. Check the two weeks.",
        )
    order = np.arange(len(scope.problem.weeks))
    order[[old, new]] = order[[new, old]]
    changed = replace(
        line,
        hours=line.hours[order],
        good_share=line.good_share[order],
        overtime_hours=None if line.overtime_hours is None else line.overtime_hours[order],
        minimum_hours=None if line.minimum_hours is None else line.minimum_hours[order],
        planned_hours=None if line.planned_hours is None else line.planned_hours[order],
    )
    weeks = scope.problem.weeks
    return _with_lines(scope.problem, {line.line_id: changed}), Wording(
        zh=f"产线 {line.line_id} 的检修由 {weeks[old]} 周移到 {weeks[new]} 周",
        en=f"maintenance of line {line.line_id} moved from the week of {weeks[old]} to that of {weeks[new]}",
    )


def weeks_in_words(scope: Scope, span: Weeks) -> tuple[str, str]:
    """Return which weeks are meant, for the middle of a sentence."""
    place = np.flatnonzero(span)
    if span.all():
        return "全期", "throughout"
    first = scope.problem.weeks[int(place[0])]
    return f"自 {first} 起 {place.size} 周", f"for {place.size} week(s) from {first} on"


def _longer(line: PlanLine, part: Overtime, span: Weeks, scope: Scope) -> PlanLine:
    before = line.overtime
    left = np.maximum(line.room - before, 0.0)
    over = np.flatnonzero((part.hours > left + _NOTHING) & span)
    if over.size and part.lines:
        week, room = scope.problem.weeks[over[0]], math.floor(left[over[0]] * 100) / 100
        raise scope.error(
            f"产线 {line.line_id} 在 {week} 周加班后超过 168 小时，或当周停产。请把 hours 降到 {room:g} 以下，或不含该产线或该周。",
            f"line {line.line_id} would work more than 168 hours in the week of {week}, or stands still in it. Give at most "
            f"{room:g} `hours`, or leave the line or the week out.",
        )
    after = before + np.where(span, np.minimum(part.hours, left), 0.0)
    had, added = float(before.sum()), float((after - before).sum())
    cost = (
        (had * line.overtime_cost + added * part.cost) / (had + added) if had + added else line.overtime_cost
    )
    return replace(line, overtime_hours=after, overtime_cost=cost)


def _mean_costs(lines: Iterable[PlanLine], part: Overtime) -> tuple[str, str]:
    """Name the lines whose own overtime costs something else, with the mean cost that counts."""
    mixed = [one for one in lines if not math.isclose(one.overtime_cost, part.cost)]
    if not mixed:
        return "", ""
    listed = ", ".join(f"{one.line_id} {one.overtime_cost:.4g}" for one in mixed)
    return f"；与原有加班合计的均价：{listed}", f"; mean cost with the overtime there was: {listed}"


def _less(
    before: Sequence[PlanLine], changed: Mapping[str, PlanLine], part: Overtime, span: Weeks
) -> tuple[str, str]:
    """Name the lines that have no room for all of the overtime in some week, with what they get on average."""
    found = {}
    for line in before:
        got = (changed[line.line_id].overtime - line.overtime)[span] if line.line_id in changed else None
        if got is not None and (got < part.hours - _NOTHING).any():
            found[line.line_id] = float(got.mean())
    if not found:
        return "", ""
    listed = ", ".join(f"{name} {hours:.3g}" for name, hours in found.items())
    return f"；一周时间不够的产线平均只有：{listed}", f"; lines without that much room, on average: {listed}"


def _without_overtime(problem: PlanProblem) -> PlanProblem:
    lines = tuple(replace(one, overtime_hours=None, overtime_cost=0.0) for one in problem.lines)
    return replace(problem, lines=lines, options=replace(problem.options, overtime=True))


def _yielding(route: Route, factor: float) -> Route:
    share = 1.0 if route.good_share is None else route.good_share
    return replace(route, good_share=min(share * factor, 1.0))


def _with_lines(problem: PlanProblem, changed: dict[str, PlanLine]) -> PlanProblem:
    return replace(problem, lines=tuple(changed.get(one.line_id, one) for one in problem.lines))


def _names(asked: Sequence[str], line_ids: Sequence[str]) -> tuple[str, str]:
    listed = ", ".join(line_ids)
    return (f"产线 {listed} ", f"line {listed}") if asked else ("所有产线", "all lines")
