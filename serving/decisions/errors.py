"""Errors about decisions, and how each is shown."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from serving.errors import Problem, ServingError

__all__ = ["PROBLEMS", "UnknownDecisionError"]


class UnknownDecisionError(ServingError):
    """The ledger holds no such decision."""

    def __init__(self, decision_id: str) -> None:
        self.decision_id = decision_id
        super().__init__(
            zh=f"台账中没有决策“{decision_id}”。请核对编号。",
            en=f"The ledger holds no decision '{decision_id}'. Check the id.",
        )


PROBLEMS: Final[Mapping[type[Exception], Problem]] = MappingProxyType(
    {UnknownDecisionError: Problem("unknown-decision", 404, "没有该决策", "Unknown decision")}
)
