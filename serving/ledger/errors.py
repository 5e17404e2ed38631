"""Errors of pruning and of archives, and how each would be shown."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from serving.errors import Problem, ServingError

__all__ = ["PROBLEMS", "ArchiveError", "PruneError"]


class PruneError(ServingError):
    """The ledger must not be pruned like this; nothing was removed."""

    def __init__(self, *, zh: str, en: str) -> None:
        super().__init__(zh=f"未裁剪台账：{zh}", en=f"The ledger was not pruned: {en}")


class ArchiveError(ServingError):
    """An archive of pruned decisions does not hold."""

    def __init__(self, name: str, *, zh: str, en: str) -> None:
        self.name = name
        super().__init__(zh=f"归档 {name}：{zh}", en=f"Archive {name}: {en}")


PROBLEMS: Final[Mapping[type[Exception], Problem]] = MappingProxyType(
    {
        PruneError: Problem("prune", 422, "未裁剪台账", "The ledger was not pruned"),
        ArchiveError: Problem("ledger-archive", 500, "台账归档不一致", "Archive of the ledger does not hold"),
    }
)
