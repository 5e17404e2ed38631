"""Errors of credit in the service, and how each is shown."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from serving.errors import Problem, ServingError

__all__ = ["PROBLEMS", "BasisError"]


class BasisError(ServingError):
    """What an answer was computed from cannot be read from its record."""

    def __init__(self, field: str, problem_zh: str, problem_en: str) -> None:
        self.field = field
        super().__init__(
            zh=f"台账记录的依据字段“{field}”{problem_zh}，不能据以重算。请用 `zhiheng ledger verify` 核对台账是否被改动。",
            en=f"Basis of the record, field '{field}': it {problem_en}, so the answer cannot be computed from it. "
            "Check with `zhiheng ledger verify` whether the ledger was changed.",
        )


PROBLEMS: Final[Mapping[type[Exception], Problem]] = MappingProxyType(
    {BasisError: Problem("basis", 422, "依据不可用", "Basis cannot be used")}
)
