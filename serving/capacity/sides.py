"""One scenario beside the base plan: planned on the same problem, or with the reason why there is no plan."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from models.capacity.published.run_info import Note as RunNote
from models.capacity.scenarios.scenario import Scenario
from models.errors import PlanError
from serving.capacity.plan import Posed
from serving.capacity.plan_answers import rows_of
from serving.capacity.scenario_schemas import (
    ScenarioConstraint,
    ScenarioLineWeek,
    ScenarioMeasure,
    ScenarioProduct,
    ScenarioSide,
    ScenarioWords,
)
from serving.http.problem_table import problem_of
from serving.schemas import Note

if TYPE_CHECKING:
    from models.capacity.allocation.plan import Plan
    from models.capacity.allocation.problem import PlanProblem
    from models.capacity.scenarios.apply import Applied
    from models.capacity.scenarios.comparison import Comparison
    from models.capacity.scenarios.shortfall_changes import ShortfallPair

__all__ = ["Futures", "applied_to", "side_of"]

Futures: TypeAlias = 'Callable[["Applied", "Plan", "Plan"], "ShortfallPair"]'


def side_of(
    scenario: Scenario,
    posed: Posed,
    base: "tuple[Plan, Futures | None]",
    solve: "Callable[[PlanProblem], tuple[PlanProblem, Plan, Sequence[RunNote]]]",
    given: list[Note],
) -> ScenarioSide:
    """Plan one scenario; one without a feasible plan says why and stops none of the others.

    What gave way for it is added to `given`.
    """
    from models.capacity.scenarios.comparison import compare  # noqa: PLC0415 - only where scenarios are run

    result, (before, futures) = applied_to(scenario, posed.problem), base
    words = [ScenarioWords(text_zh=one.zh, text_en=one.en) for one in result.parts]
    try:
        _, after, eased = solve(result.problem)
    except PlanError as error:
        return _without_plan(scenario, result.label.zh, result.label.en, words, error)
    given += [
        Note(
            code=one.code,
            text_zh=f"情景 {scenario.name}：{one.zh}",
            text_en=f"Scenario {scenario.name}: {one.en}",
        )
        for one in eased
    ]
    shortfalls = None if futures is None else futures(result, before, after)
    return _with_plan(scenario, compare(result, before, after, shortfalls), words)


def applied_to(scenario: Scenario, problem: "PlanProblem") -> "Applied":
    """Return the problem under a scenario. Raises CapacityScenarioError."""
    from models.capacity.scenarios.apply import applied  # noqa: PLC0415 - only where scenarios are run

    return applied(scenario, problem)


def _with_plan(scenario: Scenario, found: "Comparison", words: list[ScenarioWords]) -> ScenarioSide:
    return ScenarioSide(
        name=scenario.name,
        text_zh=found.label.zh,
        text_en=found.label.en,
        verified=scenario.verified,
        outcome=ScenarioWords(text_zh=found.text.zh, text_en=found.text.en),
        parts=words,
        measures=rows_of(ScenarioMeasure, found.measures),
        products=rows_of(ScenarioProduct, found.products),
        line_weeks=rows_of(ScenarioLineWeek, found.line_weeks),
        binding=rows_of(ScenarioConstraint, found.binding),
        problem=None,
    )


def _without_plan(
    scenario: Scenario, zh: str, en: str, words: list[ScenarioWords], error: PlanError
) -> ScenarioSide:
    return ScenarioSide(
        name=scenario.name,
        text_zh=zh,
        text_en=en,
        verified=scenario.verified,
        outcome=None,
        parts=words,
        measures=[],
        products=[],
        line_weeks=[],
        binding=[],
        problem=Note(code=problem_of(error).slug, text_zh=error.zh, text_en=error.en),
    )
