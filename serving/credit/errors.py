"""Errors of credit in the service, and how each is shown."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from graph.errors import UnknownPartyError
from serving.errors import Problem, ServingError

__all__ = [
    "PROBLEMS",
    "BasisError",
    "BookGoneError",
    "BookStoreError",
    "FeatureStoreError",
    "NoFeaturesError",
    "NoScoreError",
    "UnknownBookRowError",
]


class NoFeaturesError(ServingError):
    """Not one feature has a value, so the score would say nothing about the party."""

    def __init__(self, total: int) -> None:
        self.total = total
        super().__init__(
            zh=f"模型的 {total} 个特征全部缺失，拒绝评分。请至少提供一个特征值，或先补录该主体的数据。",
            en=f"All {total} features of the model are missing; the score is refused. "
            "Give at least one value or record the party's data first.",
        )


class NoScoreError(ServingError):
    """The route of this line and stage gives no score, and says why."""


class FeatureStoreError(ServingError):
    """The stored features cannot be used."""

    def __init__(self, path: str, *, problem_zh: str, problem_en: str) -> None:
        self.path = path
        super().__init__(
            zh=f"特征文件“{path}”{problem_zh}。请重新生成特征（`zhiheng features build`）。",
            en=f"Feature file '{path}': {problem_en}. Build the features again (`zhiheng features build`).",
        )


class BookStoreError(ServingError):
    """What answers need beside the features cannot be used."""

    def __init__(self, path: str, *, problem_zh: str, problem_en: str) -> None:
        self.path = path
        super().__init__(
            zh=f"文件“{path}”{problem_zh}。请运行 `zhiheng credit prepare`。",
            en=f"File '{path}': {problem_en}. Run `zhiheng credit prepare`.",
        )


class BasisError(ServingError):
    """What an answer was computed from cannot be read from its record."""

    def __init__(self, field: str, problem_zh: str, problem_en: str) -> None:
        self.field = field
        super().__init__(
            zh=f"台账记录的依据字段“{field}”{problem_zh}，不能据以重算。请用 `zhiheng ledger verify` 核对台账是否被改动。",
            en=f"Basis of the record, field '{field}': it {problem_en}, so the answer cannot be computed from it. "
            "Check with `zhiheng ledger verify` whether the ledger was changed.",
        )


class BookGoneError(ServingError):
    """The files of a book are not here any more, or on another host."""

    def __init__(self, book_id: str, names: Sequence[str]) -> None:
        self.book_id, self.names = book_id, tuple(names)
        listed = ", ".join(names)
        super().__init__(
            zh=f"批次 {book_id} 的文件 {listed} 已过保存期被清理，或在另一台主机上。其摘要仍在台账中；"
            f"请从备份恢复 home/books/{book_id} 后再试，多台主机须共用 books 目录。",
            en=f"The files {listed} of book {book_id} were kept long enough and removed, or lie on another host. Their hashes "
            f"are still in the ledger; restore home/books/{book_id} from a backup and try again. Several hosts have to share "
            "the folder books.",
        )


class UnknownBookRowError(ServingError):
    """The decision is about no book, or its book has no such row."""

    def __init__(self, decision_id: str, row: str) -> None:
        self.decision_id, self.row = decision_id, row
        super().__init__(
            zh=f"决策 {decision_id[:64]} 没有第 {row[:20]} 行：它不是成批评分，或该批没有这一行。"
            "行号见结果的 row 列（表格从 2 起，其他从 1 起）。",
            en=f"Decision {decision_id[:64]} has no row {row[:20]}: it is no book, or the book has no such row. The column `row` "
            "of the answer has the numbers (from 2 in a spreadsheet, from 1 elsewhere).",
        )


PROBLEMS: Final[Mapping[type[Exception], Problem]] = MappingProxyType(
    {
        UnknownPartyError: Problem("unknown-party", 404, "没有该主体", "Unknown party"),
        UnknownBookRowError: Problem("unknown-row", 404, "没有这一行", "No such row"),
        BookGoneError: Problem("book-gone", 410, "批次文件已不在", "Files of the book are gone"),
        NoFeaturesError: Problem("no-features", 422, "没有可用特征", "No feature has a value"),
        NoScoreError: Problem("no-score", 422, "此条线与阶段不出分", "No score for this line and stage"),
        BasisError: Problem("basis", 422, "依据不可用", "Basis cannot be used"),
    }
)
