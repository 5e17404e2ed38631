"""Errors of demand in the service, and how each is shown."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from models.errors import ScenarioError
from serving.errors import Problem, ServingError

__all__ = ["PROBLEMS", "ForecasterBusyError", "UnknownOverrideError", "UnknownSeriesError"]


class UnknownSeriesError(ServingError):
    """The published run holds no series that fits."""

    def __init__(self, run_id: str, levels: Sequence[str]) -> None:
        self.run_id = run_id
        listed = ", ".join(levels) or "-"
        super().__init__(
            zh=f"预测批次 {run_id} 中没有符合条件的序列。请核对编号与筛选条件；可用的层级：{listed}。",
            en=f"Run {run_id} holds no series that fits. Check ids and filters; its levels are: {listed}.",
        )


class UnknownOverrideError(ServingError):
    """There is no such override, or not for the caller's companies."""

    def __init__(self, override_id: str) -> None:
        self.override_id = override_id
        super().__init__(
            zh=f"没有编号为“{override_id}”的调整。请用 GET /v1/demand/overrides 核对。",
            en=f"There is no override '{override_id}'. Check with GET /v1/demand/overrides.",
        )


class ForecasterBusyError(ServingError):
    """Another forecast is being computed; they are made one at a time."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(
            zh=f"正在计算另一个预测，等待 {seconds:g} 秒后仍未轮到，未出具结果。请稍后重试，或用 `zhiheng forecast` 离线计算。",
            en=f"Another forecast is being computed and did not end within {seconds:g} s; no answer is given. "
            "Try again later, or compute it with `zhiheng forecast`.",
        )


PROBLEMS: Final[Mapping[type[Exception], Problem]] = MappingProxyType(
    {
        UnknownSeriesError: Problem("unknown-series", 404, "没有该序列", "Unknown series"),
        UnknownOverrideError: Problem("unknown-override", 404, "没有该调整", "Unknown override"),
        ScenarioError: Problem("scenario", 422, "情景无法推演", "Scenario cannot be run"),
        ForecasterBusyError: Problem(
            "forecaster-busy", 503, "正在计算其他预测", "Another forecast is under way"
        ),
    }
)
