"""Errors of pruning and of archives, and how each would be shown."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from serving.errors import Problem, ServingError

__all__ = ["PROBLEMS", "ArchiveError", "LedgerUnavailableError", "PruneError", "UnknownAnswerError"]


class LedgerUnavailableError(ServingError):
    """The ledger cannot be read or written, so no answer is given."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(
            zh=f"决策台账当前不可用（{reason}），未出具结果。请检查磁盘与文件权限后重试。",
            en=f"The decision ledger is not available ({reason}); no answer is given. "
            "Check disk and file permissions, then try again.",
        )


class UnknownAnswerError(ServingError):
    """There is no such kept answer, or not for the caller's companies."""

    def __init__(self, answer_id: str) -> None:
        self.answer_id = answer_id
        super().__init__(
            zh=f"没有编号为“{answer_id}”的结果，或该密钥不覆盖其中的全部企业。请核对编号。",
            en=f"There is no result '{answer_id}', or the key does not cover all of its companies. Check the id.",
        )


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
        UnknownAnswerError: Problem("unknown-answer", 404, "没有该结果", "Unknown result"),
        PruneError: Problem("prune", 422, "未裁剪台账", "The ledger was not pruned"),
        ArchiveError: Problem("ledger-archive", 500, "台账归档不一致", "Archive of the ledger does not hold"),
        LedgerUnavailableError: Problem("ledger-unavailable", 503, "决策台账不可用", "Ledger not available"),
    }
)
