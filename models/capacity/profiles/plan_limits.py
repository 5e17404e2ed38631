"""What profiles add to a plan's problem: minimum runs of continuous lines, energy and emission where routes say nothing."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from graph.ontology import Wording
from models.capacity.allocation.problem import PlanLine, PlanProblem, Route
from models.capacity.profiles.profile import Profile

__all__ = ["heed_profiles"]


def heed_profiles(
    problem: PlanProblem, profile_of: Mapping[str, Profile], *, minimum_runs: bool = True
) -> tuple[PlanProblem, tuple[Wording, ...]]:
    """Return the problem with what the lines' profiles (by line_id) add, and what was assumed in words.

    - `minimum_runs`: a line whose profile has `minimum_run_hours` and that has no minimum of its own must run these
      hours of each week that offers them. A program cannot leave the choice to stand still for a week: switch it off
      where a line may.
    - a route without energy or emission of its own takes that of its line's profile, in the profile's unit. Only where
      the plan has a cap of that kind does it count, and only then is it said.
    """
    lines = (
        tuple(_with_minimum(one, profile_of.get(one.line_id)) for one in problem.lines)
        if minimum_runs
        else problem.lines
    )
    routes = tuple(_with_resources(one, profile_of.get(one.line_id)) for one in problem.routes)
    texts = [
        *_runs_in_words(problem.lines, lines, profile_of),
        *_resources_in_words(problem, routes),
    ]
    return replace(problem, lines=lines, routes=routes), tuple(texts)


def _with_minimum(line: PlanLine, profile: Profile | None) -> PlanLine:
    least = None if profile is None else profile.constraints.minimum_run_hours
    if least is None or line.minimum_hours is not None:
        return line
    return replace(line, minimum_hours=np.where(line.hours >= least, least, 0.0))


def _with_resources(route: Route, profile: Profile | None) -> Route:
    if profile is None:
        return route
    energy, emission = (0.0 if one is None else one.per_unit for one in (profile.energy, profile.emission))
    return replace(
        route,
        energy_per_unit=route.energy_per_unit or energy,
        emission_per_unit=route.emission_per_unit or emission,
    )


def _runs_in_words(
    before: tuple[PlanLine, ...], after: tuple[PlanLine, ...], profile_of: Mapping[str, Profile]
) -> list[Wording]:
    found = []
    for old, new in zip(before, after, strict=True):
        if new is not old and new.least.any():
            least = profile_of[new.line_id].constraints.minimum_run_hours
            found.append(
                Wording(
                    zh=f"产线 {new.line_id} 为连续运行，每周至少运行 {least:g} 小时（行业档案）。",
                    en=f"Line {new.line_id} runs without a break: at least {least:g} h a week (profile).",
                )
            )
    return found


def _resources_in_words(problem: PlanProblem, routes: tuple[Route, ...]) -> list[Wording]:
    if not problem.options.caps:
        return []
    kinds = {one.kind.value for one in problem.caps}
    assumed = [
        (new, kind)
        for old, new in zip(problem.routes, routes, strict=True)
        for kind in sorted(kinds)
        if getattr(old, f"{kind}_per_unit") != getattr(new, f"{kind}_per_unit")
    ]
    names = {"energy": ("能耗", "energy"), "emission": ("排放", "emission")}
    return [
        Wording(
            zh=f"产线 {route.line_id} 生产 {route.product_id} 没有{names[kind][0]}数据，按行业档案 "
            f"{getattr(route, f'{kind}_per_unit'):g} 计。",
            en=f"Line {route.line_id} has no figure of {names[kind][1]} for {route.product_id}; the profile's "
            f"{getattr(route, f'{kind}_per_unit'):g} is taken.",
        )
        for route, kind in assumed
    ]
