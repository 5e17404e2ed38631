"""The columns of a plant's own table of lines, read into their types; what cannot be read is named by row."""

from collections.abc import Iterable
from typing import Final

import polars as pl

from features.errors import LineHistoryError
from features.parsing import converted, is_blank, parsed
from features.tables.columns import HOURS, day, identifier, number, text
from features.tables.contract import Column, Text

__all__ = ["KNOWN_COLUMNS", "ROW", "as_drivers", "read_columns"]

ROW: Final = "row"
_UNIT: Final = Text("计量单位", "units")
_RATE: Final = Text("计量单位／小时", "units per hour")

KNOWN_COLUMNS: Final = {
    column.name: column
    for column in (
        identifier("line_id", "产线编号", "Line id"),
        day("ds", "日期", "Day"),
        number("planned_rate", "计划产能", "Planned rate", unit=_RATE),
        number("planned_hours", "计划工时", "Planned hours", unit=HOURS),
        number("run_hours", "运行工时", "Run hours", unit=HOURS),
        number("output", "产量", "Output", unit=_UNIT),
        number("good_output", "合格产量", "Good output", unit=_UNIT),
        text("maintenance", "检修", "Maintenance"),
        text("stop_reason", "停机原因", "Reason of the stop"),
        text("unit", "计量单位", "Unit"),
        text("profile", "行业配置", "Profile"),
        text("org_id", "企业编号", "Company id"),
        text("name", "名称", "Name"),
        text("bottleneck", "瓶颈工序", "Bottleneck"),
        day("known_at", "获知日期", "Known at"),
    )
}
"""What a column of the table means; any other column can be a driver."""

_NEEDED: Final = ("line_id", "ds")


def read_columns(frame: pl.DataFrame, required: Iterable[str], *, table: str) -> pl.DataFrame:
    """Return the table with its known columns in their types and `row`, the number of a row, counted from 1.

    Raises LineHistoryError naming a column that is not there, or a cell that is no day or number.
    """
    absent = [name for name in required if name not in frame.columns]
    if absent:
        found = ", ".join(frame.columns) or "-"
        raise LineHistoryError(
            f"缺少列 {'、'.join(absent)}（现有：{found}）。请改表头，或补上该列。",
            f"column(s) {', '.join(absent)} are missing (it has: {found}). Mend the header, or add them.",
            table=table,
        )
    known = [KNOWN_COLUMNS[name] for name in frame.columns if name in KNOWN_COLUMNS]
    rest = frame.select(name for name in frame.columns if name not in KNOWN_COLUMNS and name != ROW)
    typed = [_typed(frame[column.name], column, table) for column in known]
    return pl.DataFrame(
        [pl.Series(ROW, range(1, frame.height + 1), dtype=pl.Int64), *typed, *rest.get_columns()]
    )


def _typed(cells: pl.Series, column: Column, table: str) -> pl.Series:
    """Return a column in its type."""
    values = _values(cells, column, table)
    blank = cells.is_null()
    if cells.dtype == pl.String():
        blank = cells.to_frame("cell").select(is_blank(pl.col("cell"))).to_series()
    elif cells.dtype.is_float():
        blank = blank | cells.is_nan()  # what pandas writes for an empty cell
        values = values.fill_nan(None)
    lost = values.is_null() & (~blank if column.name not in _NEEDED else pl.Series([True]))
    if column.dtype.is_float():
        lost = lost | values.is_infinite().fill_null(value=False)
    if lost.any():
        at = int(lost.arg_true()[0])
        shown = ("空单元格", "an empty cell") if cells[at] is None else (f"“{cells[at]}”", f"'{cells[at]}'")
        raise LineHistoryError(
            f"{shown[0]}不是{_KINDS[column.dtype].zh}。请改正；没有数据时留空（line_id 和 ds 不可为空）。",
            f"{shown[1]} is no {_KINDS[column.dtype].en}. Correct it; leave it empty where there is none (but line_id and "
            "ds).",
            column=column.name,
            row=at + 1,
            table=table,
        )
    return values


_KINDS: Final = {
    pl.String(): Text("文本", "text"),
    pl.Float64(): Text("有限的数字", "finite number"),
    pl.Date(): Text("日期（年-月-日）", "day (YYYY-MM-DD)"),
}


def _values(cells: pl.Series, column: Column, table: str) -> pl.Series:
    """Return what can be read of the cells of a column."""
    if cells.dtype == pl.String():
        return parsed(cells, column)
    if column.dtype == pl.String() and cells.dtype.is_integer():
        return cells.cast(pl.String)  # line numbers
    found = converted(column, cells.dtype)
    if found is None:
        raise LineHistoryError(
            f"类型为 {cells.dtype}，应为{_KINDS[column.dtype].zh}。请在导出时改正。",
            f"is {cells.dtype}; it should be {_KINDS[column.dtype].en}. Correct it in the export.",
            column=column.name,
            table=table,
        )
    return cells.to_frame(column.name).select(found).to_series()


def as_drivers(
    frame: pl.DataFrame, names: Iterable[str]
) -> tuple[pl.DataFrame, tuple[str, ...], tuple[str, ...]]:
    """Return the table with its drivers as Float64 or String, and the names of the numeric and of the text ones.

    A column of text whose filled cells are all numbers, as every column of a CSV file is read, is numeric. Yes and no
    become 1 and 0, whatever is not finite is null, empty text is null, days are text.
    """
    names = sorted(names)
    frame = frame.with_columns(_numbers(frame[name]) for name in names if frame.schema[name] == pl.String())
    numeric, texts, columns = [], [], []
    for name in names:
        dtype, value = frame.schema[name], pl.col(name)
        if dtype.is_numeric() or dtype == pl.Boolean():
            numeric.append(name)
            number_ = value.cast(pl.Float64)
            columns.append(pl.when(number_.is_finite()).then(number_).alias(name))
        else:
            texts.append(name)
            cell = value.cast(pl.String).str.strip_chars()
            columns.append(pl.when(cell != "").then(cell).alias(name))
    return frame.with_columns(columns), tuple(numeric), tuple(texts)


def _numbers(cells: pl.Series) -> pl.Series:
    """Return a column of text as numbers where all that it holds are numbers, else as it is."""
    read = parsed(cells, number(cells.name, cells.name, cells.name, unit=_UNIT))
    blank = cells.to_frame("cell").select(is_blank(pl.col("cell"))).to_series()
    lost = read.is_null() & ~blank
    return cells if lost.any() or blank.all() else read.alias(cells.name)
