"""Errors of the graph, and the shape that every error of the house has: two languages and a remedy."""

from datetime import date
from pathlib import Path

__all__ = [
    "DefaultTableError",
    "EdgeTableError",
    "EmptyGraphError",
    "GraphError",
    "GraphStoreError",
    "InterchangeFileError",
    "MeasureArgumentError",
    "MissingExtraError",
    "PartyTableError",
    "QuestionError",
    "StatementConflictError",
    "UnknownMeasureError",
    "UnknownPartyError",
    "UnknownRelationError",
    "UserError",
]


class UserError(Exception):
    """An error a user can act on: says what happened, to which row or field, and what to do.

    `zh` and `en` hold the same message; the command line and the service choose by language.
    """

    def __init__(self, *, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh = zh
        self.en = en

    def message(self, language: str) -> str:
        """Return the text in the language asked for ("zh…" is Chinese, anything else English)."""
        return self.zh if language.lower().startswith("zh") else self.en


class GraphError(UserError):
    """An error of the graph."""


class EdgeTableError(GraphError):
    """The edge table lacks a column or holds one of the wrong type."""

    def __init__(self, column: str, problem_zh: str, problem_en: str) -> None:
        self.column = column
        super().__init__(
            zh=f"关系表的列“{column}”{problem_zh}。请对照 `zhiheng data template edges` 的模板修正。",
            en=f"Edge table, column '{column}': {problem_en}. Compare with `zhiheng data template edges`.",
        )


class PartyTableError(GraphError):
    """The table of party records or of scores lacks a column, or holds what it must not."""

    def __init__(self, column: str, problem_zh: str, problem_en: str) -> None:
        self.column = column
        super().__init__(
            zh=f"主体表或评分表的列“{column}”{problem_zh}。请改正该列后重试。",
            en=f"Table of parties or scores, column '{column}': {problem_en}. Correct that column and try again.",
        )


class DefaultTableError(GraphError):
    """The table of known defaults lacks a column or leaves one empty."""

    def __init__(self, column: str, problem_zh: str, problem_en: str) -> None:
        self.column = column
        super().__init__(
            zh=f"违约表的列“{column}”{problem_zh}。请提供 party_id、default_on（违约日）和 known_at（获知日），每行填全。",
            en=f"Table of defaults, column '{column}': {problem_en}. "
            "Give party_id, default_on and known_at, filled in each row.",
        )


class QuestionError(GraphError):
    """A question about the graph cannot be answered as it is put."""

    def __init__(self, argument: str, problem_zh: str, problem_en: str) -> None:
        self.argument = argument
        super().__init__(
            zh=f"查询参数“{argument}”{problem_zh}。", en=f"Argument '{argument}' of the question {problem_en}."
        )


class UnknownPartyError(GraphError):
    """A party is not in the graph or in the features as of the date."""

    def __init__(self, party_id: str) -> None:
        self.party_id = party_id
        super().__init__(
            zh=f"没有找到主体“{party_id}”。请核对编号，或先补录该主体及其业务数据。",
            en=f"Party '{party_id}' is unknown. Check the id, or record the party and its business first.",
        )


class UnknownRelationError(GraphError):
    """A relation kind is not in the graph."""

    def __init__(self, kind: str, known: tuple[str, ...]) -> None:
        self.kind = kind
        self.known = known
        listed = ", ".join(known) or "-"
        super().__init__(
            zh=f"图中没有关系“{kind}”。现有关系：{listed}。请核对名称，或先录入这种关系。",
            en=f"The graph has no relation '{kind}'. It has: {listed}. Check the name, or record such relations first.",
        )


class UnknownMeasureError(GraphError):
    """A relation has no such numeric column."""

    def __init__(self, kind: str, column: str, known: tuple[str, ...]) -> None:
        self.kind = kind
        self.column = column
        self.known = known
        listed = ", ".join(known)
        super().__init__(
            zh=f"关系“{kind}”没有可汇总的列“{column}”，现有：{listed}。请核对名称，或在关系表中补上该列。",
            en=f"Relation '{kind}' has no column '{column}' to sum; it has: {listed}. "
            "Check the name, or add the column to the edge table.",
        )


class EmptyGraphError(GraphError):
    """The store holds no statement yet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        super().__init__(
            zh=f"关系图“{folder}”中还没有数据。请先运行 `zhiheng data check` 和 `zhiheng graph build`。",
            en=f"The graph in '{folder}' is empty. Run `zhiheng data check` and `zhiheng graph build` first.",
        )


class GraphStoreError(GraphError):
    """A part of the embedded store cannot be read."""

    def __init__(self, part: Path, problem: str) -> None:
        self.part = part
        self.problem = problem
        super().__init__(
            zh=f"图数据文件“{part}”无法读取（{problem}）。请从备份恢复，或重新运行 `zhiheng graph build --fresh`。",
            en=f"Graph file '{part}' cannot be read ({problem}). "
            "Restore it from a backup, or run `zhiheng graph build --fresh`.",
        )


class StatementConflictError(GraphError):
    """A statement of the store would be rewritten."""

    def __init__(self, edge_id: str, known_at: date, columns: list[str]) -> None:
        self.edge_id = edge_id
        self.known_at = known_at
        self.columns = columns
        listed = ", ".join(columns)
        super().__init__(
            zh=f"关系“{edge_id}”（{known_at} 获知）已入库，其 {listed} 不能改写。"
            "更正时请为原记录填写 retracted_at，并以新的 known_at 追加一条记录；"
            "若要丢弃旧图重建，请运行 `zhiheng graph build --fresh`。",
            en=f"Edge '{edge_id}' (known at {known_at}) is stored already and its {listed} cannot be rewritten. "
            "To correct it, give the old row a retracted_at and append a row with a new known_at; "
            "to discard the old graph run `zhiheng graph build --fresh`.",
        )


class InterchangeFileError(GraphError):
    """A file of an exchange format cannot be read as that format, or written."""

    def __init__(self, path: Path, line: int | None, problem_zh: str, problem_en: str) -> None:
        self.path = path
        self.line = line
        where_zh, where_en = (f"第 {line} 行", f", line {line}") if line else ("", "")
        super().__init__(
            zh=f"交换文件“{path}”{where_zh}{problem_zh}",
            en=f"Exchange file '{path}'{where_en}: {problem_en}",
        )


class MeasureArgumentError(GraphError):
    """A measure of the graph was given an argument that it cannot work with."""

    def __init__(self, argument: str, problem_zh: str, problem_en: str) -> None:
        self.argument = argument
        super().__init__(
            zh=f"参数“{argument}”{problem_zh}。", en=f"The argument '{argument}' {problem_en}."
        )


class MissingExtraError(GraphError):
    """Something was asked for that needs a package which is not installed or does not start."""

    def __init__(self, extra: str, package: str, problem: str) -> None:
        self.extra = extra
        self.package = package
        super().__init__(
            zh=f"软件包“{package}”无法使用（{problem}）。请安装附加组件 `pip install 'zhiheng[{extra}]'`，或改用默认方式。",
            en=f"The package '{package}' cannot be used ({problem}). "
            f"Install the extra `pip install 'zhiheng[{extra}]'`, or leave the choice at its default.",
        )
