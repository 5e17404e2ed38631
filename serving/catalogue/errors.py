"""Errors of the catalogue, and how each is shown."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from serving.errors import Problem, ServingError

__all__ = ["PROBLEMS", "UnknownFeatureError"]


class UnknownFeatureError(ServingError):
    """There is no such feature."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            zh=f"没有特征“{name}”。请用 GET /v1/features 核对名称。",
            en=f"There is no feature '{name}'. Check the name with GET /v1/features.",
        )


PROBLEMS: Final[Mapping[type[Exception], Problem]] = MappingProxyType(
    {UnknownFeatureError: Problem("unknown-feature", 404, "没有该特征", "Unknown feature")}
)
