"""Errors about decisions, and how each is shown."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from serving.errors import Problem, UnknownDecisionError

__all__ = ["PROBLEMS"]

PROBLEMS: Final[Mapping[type[Exception], Problem]] = MappingProxyType(
    {UnknownDecisionError: Problem("unknown-decision", 404, "没有该决策", "Unknown decision")}
)
