"""Errors of capacity in the service, and how each is shown."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from features.errors import LineHistoryError
from models.errors import (
    CapacityScenarioError,
    LinePanelError,
    PlanError,
    PlanInfeasibleError,
    ProfileUnitError,
    SolverTimeoutError,
    UnknownProfileError,
)
from serving.errors import Problem, ServingError

__all__ = ["PROBLEMS", "UnknownLineError"]


class UnknownLineError(ServingError):
    """The published run of capacity holds no line or product that fits."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        super().__init__(
            zh=f"产能批次 {run_id} 中没有符合条件的产线或产品。请核对编号与筛选条件。",
            en=f"Capacity run {run_id} holds no line or product that fits. Check ids and filters.",
        )


PROBLEMS: Final[Mapping[type[Exception], Problem]] = MappingProxyType(
    {
        UnknownLineError: Problem("unknown-line", 404, "没有该产线或产品", "Unknown line or product"),
        CapacityScenarioError: Problem("scenario", 422, "情景无法推演", "Scenario cannot be run"),
        LineHistoryError: Problem("line-history", 422, "产线数据不可用", "Lines cannot be forecast"),
        LinePanelError: Problem("line-history", 422, "产线数据不可用", "Lines cannot be forecast"),
        UnknownProfileError: Problem("line-history", 422, "产线数据不可用", "Lines cannot be forecast"),
        ProfileUnitError: Problem("line-history", 422, "产线数据不可用", "Lines cannot be forecast"),
        PlanError: Problem("plan", 422, "无法制定计划", "Plan cannot be made"),
        PlanInfeasibleError: Problem("plan-infeasible", 422, "计划不可行", "No plan meets all constraints"),
        SolverTimeoutError: Problem("solver-timeout", 504, "求解超时", "Solver ran out of time"),
    }
)
