"""Errors of the graph, and the shape that every error of the house has: two languages and a remedy."""

from datetime import date
from pathlib import Path

__all__ = [
    "DefaultTableError",
    "EdgeTableError",
    "EmptyGraphError",
    "ExposureTableError",
    "GraphChangedError",
    "GraphDatabaseMissingError",
    "GraphError",
    "GraphQueryError",
    "GraphServerAddressError",
    "GraphServerDownError",
    "GraphServerError",
    "GraphServerPasswordError",
    "GraphServerSlowError",
    "GraphStoreError",
    "GraphWriteError",
    "InterchangeFileError",
    "LoadRunningError",
    "LoadTakenOverError",
    "MeasureArgumentError",
    "MissingExtraError",
    "PartyTableError",
    "PolicyError",
    "QuestionError",
    "RecordStoreError",
    "StatementConflictError",
    "UnfinishedLoadError",
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
            zh=f"查询参数“{argument}”{problem_zh}。",
            en=f"Argument '{argument}' of the question {problem_en}.",
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


class GraphWriteError(GraphError):
    """The embedded store could not write a part; nothing of it is kept."""

    def __init__(self, folder: Path, problem: str) -> None:
        self.folder = folder
        self.problem = problem
        super().__init__(
            zh=f"无法写入“{folder}”（{problem}），库中内容未变。请检查磁盘空间、写入权限以及文件系统是否支持硬链接，然后重试。",
            en=f"Cannot write to '{folder}' ({problem}); the store is as it was. "
            "Check free space, the right to write and that the file system has hard links, then try again.",
        )


class RecordStoreError(GraphStoreError):
    """A part of the party records or of the scores in the embedded store cannot be read."""

    def __init__(self, part: Path, problem: str) -> None:
        super().__init__(part, problem)
        self.zh = f"主体档案或评分文件“{part}”无法读取（{problem}）。请从备份恢复，或删除该文件后重新写入主体档案与评分。"
        self.en = (
            f"File '{part}' of party records or scores cannot be read ({problem}). "
            "Restore it from a backup, or delete it and write the records or scores again."
        )
        self.args = (self.en,)


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
        super().__init__(zh=f"参数“{argument}”{problem_zh}。", en=f"The argument '{argument}' {problem_en}.")


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


class GraphServerError(GraphError):
    """The graph server did not do what it was asked; `uri` is its address without credentials."""

    def __init__(self, uri: str, *, zh: str, en: str) -> None:
        self.uri = uri
        super().__init__(zh=zh, en=en)


class GraphServerAddressError(GraphServerError):
    """The address of the graph server cannot be used."""

    def __init__(self, uri: str, problem: str) -> None:
        super().__init__(
            uri,
            zh=f"图数据库地址“{uri}”不可用（{problem}）。地址形如 bolt://127.0.0.1:7687 或 neo4j+s://主机:7687。",
            en=f"The address '{uri}' of the graph server cannot be used ({problem}). "
            "It looks like bolt://127.0.0.1:7687 or neo4j+s://host:7687.",
        )


class GraphServerDownError(GraphServerError):
    """Nobody answers at the address of the graph server."""

    def __init__(self, uri: str, problem: str) -> None:
        super().__init__(
            uri,
            zh=f"连接不上图数据库 {uri}（{problem}）。请确认它已启动（本机：make neo4j）、地址与端口正确，然后重试。",
            en=f"The graph server {uri} does not answer ({problem}). "
            "Check that it runs (here: make neo4j) and that host and port are right, then try again.",
        )


class GraphServerPasswordError(GraphServerError):
    """The graph server refuses the user or the password."""

    def __init__(self, uri: str, user: str) -> None:
        self.user = user
        super().__init__(
            uri,
            zh=f"图数据库 {uri} 拒绝了用户“{user}”的登录。请核对用户名和密码（ZHIHENG_NEO4J_PASSWORD；本机由 make neo4j "
            "启动的，密码在 var/neo4j/password）。",
            en=f"The graph server {uri} refuses user '{user}'. Check user and password (ZHIHENG_NEO4J_PASSWORD; "
            "for a server that make neo4j started here: var/neo4j/password).",
        )


class GraphDatabaseMissingError(GraphServerError):
    """The graph server has no database of that name."""

    def __init__(self, uri: str, database: str) -> None:
        self.database = database
        super().__init__(
            uri,
            zh=f"图数据库 {uri} 中没有名为“{database}”的库。请核对名称（社区版只有 neo4j），或请管理员先建库。",
            en=f"The graph server {uri} has no database '{database}'. Check the name (the Community edition has only "
            "neo4j), or have it created.",
        )


class GraphServerSlowError(GraphServerError):
    """The graph server did not finish within the time allowed."""

    def __init__(self, uri: str, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(
            uri,
            zh=f"图数据库 {uri} 在 {seconds:g} 秒内没有完成。请稍后重试；若经常如此，请检查其负载与内存，或放宽时限。",
            en=f"The graph server {uri} did not finish within {seconds:g} s. Try again later; if this happens often "
            "look at its load and memory, or allow more time.",
        )


class UnfinishedLoadError(GraphServerError):
    """A load into the graph server broke off or is still under way, so what it holds must not be read."""

    def __init__(self, uri: str) -> None:
        super().__init__(
            uri,
            zh=f"图数据库 {uri} 中有一次写入尚未完成，为避免读到不完整的关系，暂不提供查询。"
            "若没有写入正在进行，请再次运行 `zhiheng graph push`，它会从中断处继续。",
            en=f"A load into the graph server {uri} is not finished, and a graph that is there in part is not read. "
            "If no load is running, run `zhiheng graph push` again: it goes on where it broke off.",
        )


class LoadRunningError(GraphServerError):
    """Another load into the graph server is under way."""

    def __init__(self, uri: str, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(
            uri,
            zh=f"另一次写入正在进行（图数据库 {uri}，{seconds:.0f} 秒前还有动作）。请等它结束；若它已中断，请一分钟后再运行 "
            "`zhiheng graph push`。",
            en=f"Another load into the graph server {uri} is under way (it last did something {seconds:.0f} s ago). "
            "Wait for it; if it broke off, run `zhiheng graph push` again in a minute.",
        )


class LoadTakenOverError(GraphServerError):
    """Another writer took this load over; it writes no more."""

    def __init__(self, uri: str) -> None:
        super().__init__(
            uri,
            zh=f"本次写入已被另一个进程接管（图数据库 {uri}），这里不再写入。请等那边结束，再运行 `zhiheng graph push` 核对。",
            en=f"Another process took this load into the graph server {uri} over, so nothing more is written here. "
            "Wait for the other one, then run `zhiheng graph push` to make sure.",
        )


class GraphChangedError(GraphServerError):
    """The graph server took in new statements while a question was being answered."""

    def __init__(self, uri: str) -> None:
        super().__init__(
            uri,
            zh=f"查询期间图数据库 {uri} 有新的写入，为避免新旧混杂，请重新查询。",
            en=f"The graph server {uri} took in new statements meanwhile. Ask again, so that old and new do not mix.",
        )


class GraphQueryError(GraphServerError):
    """The graph server refused a query for a reason of its own."""

    def __init__(self, uri: str, problem: str) -> None:
        self.problem = problem
        super().__init__(
            uri,
            zh=f"图数据库 {uri} 报告错误：{problem}。请查看其日志；内存或磁盘不足时先处理，再重试。",
            en=f"The graph server {uri} reports: {problem}. Look at its log; where memory or disk ran out, see to that "
            "first, then try again.",
        )


class PolicyError(GraphError):
    """The dated rules cannot be read, or none is in force on a day."""


class ExposureTableError(GraphError):
    """A table that exposure is measured from lacks a column or holds a row that cannot be used."""

    def __init__(self, table: str, column: str, problem_zh: str, problem_en: str) -> None:
        self.table = table
        self.column = column
        super().__init__(
            zh=f"表“{table}”的列“{column}”{problem_zh}。请更正后重试。",
            en=f"Table '{table}', column '{column}': {problem_en}. Correct it and try again.",
        )
