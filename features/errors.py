"""Errors of tables and sources: whole-table problems that no row can answer for."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from graph.errors import UserError

__all__ = [
    "AmbiguousTableError",
    "ColumnTypeError",
    "ContradictingRowsError",
    "DataError",
    "DatabaseReadError",
    "DuplicateColumnError",
    "DuplicateScoreError",
    "EmptyFileError",
    "EmptyTableError",
    "ExposureFileError",
    "FeatureDefinitionError",
    "FrequencyError",
    "ImmatureObservationError",
    "LineHistoryError",
    "MissingColumnError",
    "MissingTableError",
    "MixedFrequencyError",
    "NoSeriesError",
    "PanelArgumentError",
    "PanelColumnError",
    "PanelTypeError",
    "SnapshotDateError",
    "TemplateExistsError",
    "UnknownTableError",
    "UnreadableFileError",
    "UnreadableTableError",
    "UnusableTablesError",
    "UnwritableFileError",
]


class DataError(UserError):
    """A problem of a whole table or file."""


class TemplateExistsError(DataError):
    """A template would overwrite a file, which may hold a company's data."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(
            zh=f"文件 {path} 已存在，不会覆盖。请用 --out 指定其他文件名，或先移走该文件。",
            en=f"The file {path} is already there and is not overwritten. Name another one with --out, or move it first.",
        )


class ExposureFileError(DataError):
    """The prepared exposures are absent, broken or not whole."""

    def __init__(self, path: Path, problem_zh: str, problem_en: str) -> None:
        self.path = path
        super().__init__(
            zh=f"敞口文件 {path.name} 不可用：{problem_zh}。请运行 `zhiheng credit prepare` 重新生成。",
            en=f"The exposures {path.name} cannot be used: {problem_en}. Make them again with `zhiheng credit prepare`.",
        )


class UnknownTableError(DataError):
    """A table has no contract."""

    def __init__(self, table: str, known: Sequence[str]) -> None:
        self.table = table
        super().__init__(
            zh=f"没有名为“{table}”的表。可用的表：{'、'.join(known)}。文件名与表名不同时请用 --table 指明。",
            en=f"There is no table '{table}'. Tables: {', '.join(known)}. Where the file has another name, say which "
            "table it is with --table.",
        )


class MissingTableError(DataError):
    """A table of the group is absent."""

    def __init__(self, tables: Sequence[str], where: str) -> None:
        self.tables = tuple(tables)
        super().__init__(
            zh=f"{where} 缺少表：{'、'.join(tables)}。请补上 <表名>.parquet、.csv 或 .xlsx"
            f"（模板：`zhiheng data template {tables[0]}`）；只检查部分表时加 --partial。",
            en=f"{where} lacks the table(s) {', '.join(tables)}. Add <table>.parquet, .csv or .xlsx "
            f"(template: `zhiheng data template {tables[0]}`); to check a part of the group pass --partial.",
        )


class MissingColumnError(DataError):
    """A table lacks columns of its contract."""

    def __init__(self, table: str, columns: Sequence[str], found: Sequence[str]) -> None:
        self.table = table
        self.columns = tuple(columns)
        super().__init__(
            zh=f"表 {table} 缺少列：{'、'.join(columns)}（现有：{'、'.join(found)}）。"
            f"请按 `zhiheng data template {table}` 的表头补上；没有数据的可空列保留表头、单元格留空。",
            en=f"Table {table} lacks the column(s) {', '.join(columns)} (it has: {', '.join(found)}). Add them as in "
            f"`zhiheng data template {table}`; a column without data keeps its header and empty cells.",
        )


class DatabaseReadError(DataError):
    """A database cannot be reached or refuses a query."""

    def __init__(self, address: str, reason: str) -> None:
        self.address = address
        super().__init__(
            zh=f"从数据库 {address} 读取失败：{reason}。请检查地址、账号权限和查询语句，以及是否安装了驱动。",
            en=f"Reading from the database {address} failed: {reason}. Check the address, the rights of the account and "
            "the query, and that the driver is installed.",
        )


class DuplicateColumnError(DataError):
    """Two columns of a file stand for the same column of the contract."""

    def __init__(self, table: str, columns: Sequence[str]) -> None:
        self.table = table
        self.columns = tuple(columns)
        super().__init__(
            zh=f"表 {table} 的列重复：{'、'.join(columns)}。每列只保留一个。",
            en=f"Table {table} has the column(s) {', '.join(columns)} more than once. Keep one of each.",
        )


class ColumnTypeError(DataError):
    """A column holds another type than its contract demands, and cannot be converted without loss."""

    def __init__(self, table: str, column: str, expected: str, found: str) -> None:
        self.table = table
        self.column = column
        self.expected = expected
        self.found = found
        super().__init__(
            zh=f"表 {table} 的列 {column} 类型为 {found}，应为 {expected}。请在导出时改正该列的类型，"
            "或改用 CSV／xlsx 提交（按文本逐行解析）。",
            en=f"Table {table}, column {column} is {found}, expected {expected}. Correct the type in the export, or hand "
            "in CSV or xlsx, which is parsed row by row.",
        )


class AmbiguousTableError(DataError):
    """A folder holds a table more than once."""

    def __init__(self, table: str, paths: Sequence[Path]) -> None:
        self.table = table
        self.paths = tuple(paths)
        names = ", ".join(path.name for path in paths)
        super().__init__(
            zh=f"表 {table} 有多个文件：{names}。请只保留一个。",
            en=f"Table {table} lies there more than once: {names}. Keep one of them.",
        )


class EmptyFileError(DataError):
    """A file has no content."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(
            zh=f"文件 {path} 是空的。请重新导出；没有记录的表也要有表头。",
            en=f"The file {path} is empty. Export it again; a table without records still has its header.",
        )


class EmptyTableError(DataError):
    """A table has no rows although the group cannot be without them."""

    def __init__(self, table: str, where: str = "") -> None:
        self.table = table
        at = f" ({where})" if where else ""
        super().__init__(
            zh=f"表 {table}{at} 没有数据行。请检查导出条件，或重新导出该表。",
            en=f"Table {table}{at} has no rows. Check the filter of the export, or export the table again.",
        )


class UnreadableFileError(DataError):
    """A file cannot be read as what its name says."""

    def __init__(self, path: Path, reason_zh: str, reason_en: str) -> None:
        self.path, self.reason_zh, self.reason_en = path, reason_zh, reason_en
        super().__init__(zh=f"无法读取文件 {path}：{reason_zh}", en=f"Cannot read {path}: {reason_en}")


class UnreadableTableError(DataError):
    """A table broke off while its rows were being read."""

    def __init__(self, table: str, reason: str) -> None:
        self.table = table
        super().__init__(
            zh=f"读取表 {table} 的数据时出错：{reason}。文件可能损坏或不完整，请重新导出。",
            en=f"Reading the rows of table {table} failed: {reason}. The file may be damaged or incomplete; export it "
            "again.",
        )


class UnwritableFileError(DataError):
    """A file cannot be written; what stood in its place is as it was."""

    def __init__(self, path: Path, problem: str) -> None:
        self.path = path
        super().__init__(
            zh=f"无法写入文件 {path}（{problem}）。请检查路径、写入权限和磁盘空间，然后重试。",
            en=f"Cannot write {path} ({problem}). Check the path, the right to write and free space, then try again.",
        )


class UnusableTablesError(DataError):
    """Some tables could not be checked at all; `problems` holds one error for each."""

    def __init__(self, problems: Sequence[DataError]) -> None:
        self.problems = tuple(problems)
        super().__init__(
            zh="以下各表无法检查：\n" + "\n".join(f"- {problem.zh}" for problem in problems),
            en="These tables could not be checked:\n" + "\n".join(f"- {problem.en}" for problem in problems),
        )


class FeatureDefinitionError(TypeError):
    """A feature is declared wrongly: an error of the code, raised when it is imported, never caused by data."""

    def __init__(self, name: str, problem: str) -> None:
        self.name = name
        super().__init__(f"feature {name}: {problem}")


class SnapshotDateError(DataError):
    """The graph is not as of the date of the features, or later than it: neighbours would show the future."""

    def __init__(self, snapshot_as_of: date | None, as_of: date) -> None:
        self.snapshot_as_of = snapshot_as_of
        self.as_of = as_of
        super().__init__(
            zh=f"关系图的日期为 {snapshot_as_of or '无'}，不能用于 {as_of} 的特征。请用该日或更早日期的快照：store.snapshot({as_of})。",
            en=f"The graph is as of {snapshot_as_of or 'no date'} and cannot serve features as of {as_of}. "
            f"Take a snapshot of that day or earlier: store.snapshot({as_of}).",
        )


class ImmatureObservationError(DataError):
    """Labels are asked for on dates whose outcome cannot be known yet."""

    def __init__(self, dates: Sequence[date], known_by: date, latest: date) -> None:
        self.dates = tuple(dates)
        self.known_by = known_by
        self.latest = latest
        listed = ", ".join(map(str, self.dates))
        super().__init__(
            zh=f"观察日 {listed} 的结果在 {known_by} 尚未完全可知。请把观察日限制在 {latest} 及以前，或推迟数据截止日。",
            en=f"The outcome of {listed} cannot be fully known by {known_by}. "
            f"Observe on {latest} or earlier, or wait for later data.",
        )


class DuplicateScoreError(DataError):
    """A party has more than one own score on a date, so it is not clear which one its neighbours see."""

    def __init__(self, party_id: str, as_of: date) -> None:
        self.party_id = party_id
        self.as_of = as_of
        super().__init__(
            zh=f"主体 {party_id} 在 {as_of} 有多个自身评分（列 party_id、as_of 重复）。请每个主体每个日期只保留一个。",
            en=f"Party {party_id} has more than one own score as of {as_of} (columns party_id, as_of repeat). Keep one "
            "score per party and date.",
        )


class FrequencyError(DataError):
    """A frequency is not one that demand series can have."""

    def __init__(self, word: str, known: Sequence[str]) -> None:
        self.word = word
        super().__init__(
            zh=f"不认识的频率“{word}”。可用：{'、'.join(known)}（1h 小时、1d 日、1w 周、1mo 月、1q 季，ds 为整数时用 1）。",
            en=f"Frequency '{word}' is not known here. Use one of {', '.join(known)} (1 where ds is an integer).",
        )


class MixedFrequencyError(DataError):
    """Dates of a panel do not lie on one frequency."""

    def __init__(self, frequency: str, dates: Sequence[str]) -> None:
        self.frequency, self.dates = frequency, tuple(dates)
        shown = ", ".join(dates)
        super().__init__(
            zh=f"ds 列的日期不符合频率 {frequency}，例如 {shown}。"
            "周数据须落在同一星期几，月、季数据须统一用首日或末日；请改日期或用 --freq 指定正确的频率。",
            en=f"Dates in ds do not lie on frequency {frequency}, for example {shown}. Weeks need one weekday, months and "
            "quarters all their first or all their last day; mend the dates or name the right --freq.",
        )


class PanelColumnError(DataError):
    """A demand table lacks columns that it needs or that were declared."""

    def __init__(self, columns: Sequence[str], found: Sequence[str]) -> None:
        self.columns, self.found = tuple(columns), tuple(found)
        super().__init__(
            zh=f"预测表缺少列：{'、'.join(columns)}（现有：{'、'.join(found) or '无'}）。必须有 unique_id、ds、y；"
            "驱动因素和静态列的名称须与表头一致。请改表头或改参数。",
            en=f"The demand table lacks the column(s) {', '.join(columns)} (it has: {', '.join(found) or 'none'}). It needs "
            "unique_id, ds and y, and drivers and static columns under the names given. Mend the header or the names.",
        )


class PanelTypeError(DataError):
    """A column of a demand table has a type that cannot be read as what it stands for."""

    def __init__(self, column: str, found: str, *, wanted_zh: str, wanted_en: str) -> None:
        self.column, self.found = column, found
        super().__init__(
            zh=f"预测表的列 {column} 类型为 {found}，应为{wanted_zh}。请在导出时改正。",
            en=f"Column {column} of the demand table is {found}; it should be {wanted_en}. Correct it in the export.",
        )


class PanelArgumentError(DataError):
    """A panel was asked for in a way that cannot be."""

    def __init__(self, argument: str, *, problem_zh: str, problem_en: str) -> None:
        self.argument = argument
        super().__init__(zh=f"参数 {argument}：{problem_zh}。", en=f"Argument {argument}: {problem_en}.")


class NoSeriesError(DataError):
    """No series of a demand table can be used; `reasons` holds (unique_id, zh, en) of the first refused."""

    def __init__(self, reasons: Sequence[tuple[str, str, str]], refused: int) -> None:
        self.reasons, self.refused = tuple(reasons), refused
        zh = "；".join(f"“{name}” {text}" for name, text, _ in reasons)
        en = " ".join(f"'{name}': {text}" for name, _, text in reasons)
        super().__init__(
            zh=f"预测表没有可用的序列（{refused} 条被拒绝）。{zh or '表中没有数据行；请检查导出条件和截止日。'}",
            en=f"No series of the demand table can be used ({refused} refused). "
            f"{en or 'The table has no rows; check the filter of the export and the as-of date.'}",
        )


class ContradictingRowsError(DataError):
    """Rows of one key that became known on the same day differ, so that none of them can count."""

    def __init__(self, table: str, key: Mapping[str, object]) -> None:
        self.table, self.key = table, dict(key)
        shown = ", ".join(f"{name}={value}" for name, value in key.items())
        super().__init__(
            zh=f"表 {table} 中 {shown} 有多行在同一天获知但内容不同。请只保留正确的一行，或填写各自的获知日期。",
            en=f"Table {table} has several rows of {shown} that were known on the same day and differ. Keep the right one, or "
            "give each the day it became known.",
        )


class LineHistoryError(DataError):
    """A plant's table of lines cannot be read; `line_id`, `row` and `column` name the place where there is one."""

    def __init__(
        self,
        problem_zh: str,
        problem_en: str,
        *,
        column: str = "",
        line_id: str = "",
        row: int | None = None,
        table: str = "history",
    ) -> None:
        self.column, self.line_id, self.row, self.table = column, line_id, row, table
        parts_zh = [
            f"第 {row} 行" if row else "",
            f"产线 {line_id}" if line_id else "",
            f"列 {column}" if column else "",
        ]
        parts_en = [
            f"row {row}" if row else "",
            f"line {line_id}" if line_id else "",
            f"column {column}" if column else "",
        ]
        name = {"history": ("历史表", "history"), "plan": ("计划表", "plan")}.get(table, (table, table))
        zh, en = ("，".join(filter(None, parts_zh)), ", ".join(filter(None, parts_en)))
        super().__init__(
            zh=f"产线{name[0]}{'，' + zh if zh else ''}：{problem_zh}",
            en=f"Table of lines ({name[1]}){', ' + en if en else ''}: {problem_en}",
        )
