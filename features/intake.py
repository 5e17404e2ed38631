"""A frame taken in under a contract: its columns found, its values in the contract's types, what went wrong marked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from features.errors import ColumnTypeError, DuplicateColumnError, MissingColumnError, UnreadableTableError
from features.general_rules import SURPLUS_MARK, infinite_mark, unreadable_mark
from features.parsing import SURPLUS, converted, is_blank, parsed
from features.tables.contract import Column, Contract, Text

__all__ = ["ROW", "Intake", "TableWarning", "take_in"]

ROW: Final = "row"
_SHOWN_LINES: Final = 5


@dataclass(frozen=True)
class TableWarning:
    """What a user should know of a table although no row fails for it; `column` is empty for the whole table."""

    table: str
    kind: str
    column: str
    text: Text


@dataclass(frozen=True, eq=False)
class Intake:
    """A table read under its contract.

    `original` holds the row number and the cells as they came; `values` the row number, the columns in the
    contract's types (null where unreadable or infinite) and one Boolean column per mark that occurs (`marks`).
    """

    contract: Contract
    original: pl.DataFrame
    values: pl.DataFrame
    marks: frozenset[str]
    warnings: tuple[TableWarning, ...]


def take_in(contract: Contract, frame: pl.DataFrame | pl.LazyFrame, *, sheet: bool) -> Intake:
    """Read a frame under a contract.

    `sheet` says that the cells are text out of CSV or xlsx, whose first data row is line 2; other frames
    count their rows from 1. Raises MissingColumnError, DuplicateColumnError, ColumnTypeError and
    UnreadableTableError.
    """
    collected = _collected(contract, frame)
    original = _renamed(contract, collected).with_row_index(ROW, offset=2 if sheet else 1)
    warnings = _extra_columns(contract, original)
    if sheet:
        original, skipped = _without_blank_lines(contract, original)
        warnings += skipped
    values = original.select(
        pl.col(ROW),
        *(_read(contract, column, original[column.name], sheet=sheet) for column in contract.columns),
    )
    marks = _marks(contract, original, values)
    finite = values.with_columns(pl.when(pl.col(pl.Float64).is_finite()).then(pl.col(pl.Float64)))
    return Intake(contract, original, finite.with_columns(**marks), frozenset(marks), warnings)


def _collected(contract: Contract, frame: pl.DataFrame | pl.LazyFrame) -> pl.DataFrame:
    """Return the rows of a frame; a source that breaks off while being read is named."""
    try:
        return frame.lazy().collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise UnreadableTableError(contract.name, str(error).splitlines()[0]) from error


def _renamed(contract: Contract, frame: pl.DataFrame) -> pl.DataFrame:
    """Name the columns as the contract does; headers may also be labels in either language."""
    names = _spellings(contract)
    found = {header: names.get(header.strip().lower(), header) for header in frame.columns}
    taken = list(found.values())
    twice = sorted({name for name in taken if taken.count(name) > 1})
    if twice:
        raise DuplicateColumnError(contract.name, twice)
    missing = [column for column in contract.columns if column.name not in taken]
    required = [column.name for column in missing if not column.may_be_absent]
    if required:
        raise MissingColumnError(contract.name, required, frame.columns)
    # a foreign column must not stand in the way of the row number
    renamed = frame.rename(found | {header: f"{header} (source)" for header in found if header == ROW})
    return renamed.with_columns(pl.lit(None, dtype=column.dtype).alias(column.name) for column in missing)


def _spellings(contract: Contract) -> Mapping[str, str]:
    """Map each way to write a header, in lower case, to the column's name."""
    labels = {text.lower(): column.name for column in contract.columns for text in column.label}
    return labels | {column.name.lower(): column.name for column in contract.columns}


def _extra_columns(contract: Contract, original: pl.DataFrame) -> tuple[TableWarning, ...]:
    """Warn of columns that the contract does not know; good rows go on without them."""
    known = {*contract.column_names, ROW, SURPLUS}
    return tuple(
        TableWarning(
            contract.name,
            "extra_column",
            name,
            Text(
                f"列 {name} 不在契约中，合格数据不含该列",
                f"column {name} is not in the contract; good rows lack it",
            ),
        )
        for name in original.columns
        if name not in known
    )


def _without_blank_lines(
    contract: Contract, original: pl.DataFrame
) -> tuple[pl.DataFrame, tuple[TableWarning, ...]]:
    """Leave out lines of a sheet without any cell filled in, and say which."""
    cells = [pl.col(name) for name in original.columns if name != ROW]
    blank = original.select(pl.all_horizontal(is_blank(cell.cast(pl.String)) for cell in cells)).to_series()
    if not blank.any():
        return original, ()
    lines = original.filter(blank)[ROW].to_list()
    shown = ", ".join(map(str, lines[:_SHOWN_LINES])) + (" …" if len(lines) > _SHOWN_LINES else "")
    text = Text(
        f"跳过 {len(lines)} 个空行：第 {shown} 行", f"{len(lines)} blank line(s) skipped: line {shown}"
    )
    return original.filter(~blank), (TableWarning(contract.name, "blank_lines", "", text),)


def _read(contract: Contract, column: Column, cells: pl.Series, *, sheet: bool) -> pl.Series:
    """Return a column in the contract's type, null where a cell cannot be read."""
    if cells.dtype == pl.String() and (sheet or column.dtype == pl.String()):
        return parsed(cells, column)
    conversion = converted(column, cells.dtype)
    if conversion is None:
        raise ColumnTypeError(contract.name, column.name, str(column.dtype), str(cells.dtype))
    return cells.to_frame(column.name).select(conversion).to_series()


def _marks(contract: Contract, original: pl.DataFrame, values: pl.DataFrame) -> Mapping[str, pl.Series]:
    """Return the marks that occur: unreadable cells, infinite values, surplus cells."""
    marks: dict[str, pl.Series] = {}
    for column in contract.columns:
        cells = original[column.name]
        blank = (
            original.select(is_blank(pl.col(column.name))).to_series()
            if cells.dtype == pl.String()
            else cells.is_null()
        )
        marks[unreadable_mark(column.name)] = values[column.name].is_null() & ~blank
        if column.dtype.is_float():
            marks[infinite_mark(column.name)] = ~values[column.name].is_finite().fill_null(value=True)
    if SURPLUS in original.columns:
        marks[SURPLUS_MARK] = original[SURPLUS].is_not_null()
    return {name: mark for name, mark in marks.items() if mark.any()}
