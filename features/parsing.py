"""Values as a contract wants them: text cells parsed, typed columns converted where nothing is lost."""

from collections.abc import Mapping
from typing import Final

import polars as pl

from features.tables.contract import Column

__all__ = ["SHEET_ERROR", "SURPLUS", "converted", "is_blank", "parsed"]

SURPLUS: Final = "surplus cells"  # column of what a line of a CSV file holds beyond its header
SHEET_ERROR: Final = "#ERROR!"  # what a cell with a formula error holds once it is read
_SHEET_ERRORS: Final = ("#N/A", "#REF!", "#DIV/0!", "#VALUE!", "#NAME?", "#NULL!", "#NUM!", SHEET_ERROR)
_DAY: Final = r"^(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?[T ]?"
_MOMENT_FORMATS: Final = ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y%m%d", "%Y-%m-%d %H:%M:%S%.f")
_YES_NO: Final[Mapping[str, bool]] = {
    **dict.fromkeys(("true", "yes", "y", "1", "1.0", "是"), True),
    **dict.fromkeys(("false", "no", "n", "0", "0.0", "否"), False),
}
_GROUPED_DIGITS: Final = r"^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$"
_LARGEST_EXACT: Final = float(2**53)  # beyond it a float no longer tells whole numbers apart


def is_blank(cell: pl.Expr) -> pl.Expr:
    """Tell whether a text cell is empty or holds white space only."""
    return cell.is_null() | (cell.str.strip_chars() == "")


def parsed(cells: pl.Series, column: Column) -> pl.Series:
    """Return text cells in the contract's type; null where they cannot be read."""
    if column.dtype.is_temporal():
        # a table has few different days: each spelling is parsed once
        spellings = cells.unique().to_frame("cell")
        values = spellings.with_columns(value=_parsed(pl.col("cell"), column))
        joined = cells.to_frame("cell").join(
            values, on="cell", how="left", nulls_equal=True, maintain_order="left"
        )
        return joined["value"].alias(column.name)
    return cells.to_frame("cell").select(_parsed(pl.col("cell"), column).alias(column.name)).to_series()


def _parsed(text: pl.Expr, column: Column) -> pl.Expr:
    """Return the expression that reads a text cell as the column's type."""
    cell = text.str.strip_chars()
    cell = pl.when(cell != "").then(cell)
    match column.dtype:
        case pl.String():
            return _parsed_text(cell, column)
        case pl.Float64():
            return _parsed_number(cell)
        case pl.Int32() | pl.Int64():
            return _whole(_parsed_number(cell), column.dtype)
        case pl.Boolean():
            return cell.str.to_lowercase().replace_strict(_YES_NO, default=None, return_dtype=pl.Boolean)
        case pl.Date():
            return _midnight(_parsed_moment(cell))
        case _:
            return _parsed_moment(cell)


def converted(column: Column, found: pl.DataType) -> pl.Expr | None:
    """Return a typed column in the contract's type, null where a value would change; None when impossible."""
    value, wanted = pl.col(column.name), column.dtype
    if found == wanted or found == pl.Null():
        return value.cast(wanted)
    if isinstance(found, pl.Categorical | pl.Enum) and wanted == pl.String():
        return value.cast(pl.String)
    if found.is_numeric() and wanted.is_numeric():
        return (
            _whole(value, wanted)
            if found.is_float() and wanted.is_integer()
            else value.cast(wanted, strict=False)
        )
    return _converted_time(value, found, wanted)


def _converted_time(value: pl.Expr, found: pl.DataType, wanted: pl.DataType) -> pl.Expr | None:
    """Return days as moments, and moments at midnight as days; pandas knows no days of its own."""
    if isinstance(found, pl.Datetime) and found.time_zone is None:
        moment = value.cast(pl.Datetime("us"))
        if wanted == pl.Date():
            return _midnight(moment)
        return moment if isinstance(wanted, pl.Datetime) else None
    return value.cast(wanted) if found == pl.Date() and isinstance(wanted, pl.Datetime) else None


def _parsed_text(cell: pl.Expr, column: Column) -> pl.Expr:
    """Return text without the error marks of spreadsheets; a Chinese label of a choice becomes its code."""
    readable = pl.when(~cell.str.to_uppercase().is_in(_SHEET_ERRORS)).then(cell)
    labels = {label: code for code, label in column.choices.items() if label != code}
    return readable.replace(labels) if labels else readable


def _parsed_number(cell: pl.Expr) -> pl.Expr:
    """Return numbers, also with separators between thousands."""
    grouped = cell.str.contains(_GROUPED_DIGITS)
    plain = pl.when(grouped).then(cell.str.replace_all(",", "", literal=True)).otherwise(cell)
    return plain.cast(pl.Float64, strict=False)


def _whole(number: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Return whole numbers, null where there are decimals or too many digits."""
    exact = (number == number.round()) & (number.abs() <= _LARGEST_EXACT)
    return pl.when(exact).then(number).cast(dtype, strict=False)


def _parsed_moment(cell: pl.Expr) -> pl.Expr:
    """Return moments out of the spellings of day and time in use."""
    dashed = cell.str.replace(_DAY, "$1-$2-$3 ").str.strip_chars()
    return pl.coalesce(dashed.str.to_datetime(form, strict=False, time_unit="us") for form in _MOMENT_FORMATS)


def _midnight(moment: pl.Expr) -> pl.Expr:
    """Return the day of moments at midnight, null for any other time."""
    return pl.when(moment == moment.dt.truncate("1d")).then(moment.dt.date())
