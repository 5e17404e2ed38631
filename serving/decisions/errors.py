"""Errors about decisions, and how each is shown."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from serving.errors import Problem, ServingError, UnknownDecisionError

__all__ = ["PROBLEMS", "ExportFormatError"]


class ExportFormatError(ServingError):
    """None of the asked formats is one that can be written."""

    def __init__(self, offered: Sequence[str]) -> None:
        self.offered = tuple(offered)
        listed = ", ".join(offered)
        super().__init__(
            zh=f"请求头 Accept 中没有可用的格式。请在其中给出一种：{listed}。",
            en=f"The Accept header names no format that can be given. Name one of: {listed}.",
        )


PROBLEMS: Final[Mapping[type[Exception], Problem]] = MappingProxyType(
    {
        UnknownDecisionError: Problem("unknown-decision", 404, "没有该决策", "Unknown decision"),
        ExportFormatError: Problem("export-format", 406, "没有可用的格式", "No such format"),
    }
)
