"""Give the text cells of a CSV or xlsx file the types their column plainly has."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import polars as pl

__all__ = ["PERCENT", "Typed", "typed_columns"]

PERCENT: Final = "%"  # the format of a column of percentages

_MISSING: Final = ("", "na", "n/a", "nan", "null", "none", "#n/a", "-")
_TRUE_FALSE: Final = {"true": True, "false": False}
_GROUPED: Final = r"^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$"
_PERCENT: Final = r"[%％]$"
_BEYOND_INTEGERS: Final = r"^[+-]?\d{19,}$"  # as a float such a number loses its last digits


@dataclass(frozen=True)
class Typed:
    """The typed frame, and the columns whose numbers were written with grouped digits or as percentages."""

    frame: pl.DataFrame
    grouped: tuple[str, ...] = ()
    percent: tuple[str, ...] = ()


def typed_columns(frame: pl.DataFrame, *, text: Collection[str] = ()) -> Typed:
    """Return the frame with columns of numbers as numbers and of true/false as Boolean; the rest stays text.

    Columns in `text` stay text whatever they hold, as an id is no number. A column with one cell that is no number stays
    text too, so that the cell can be named where a number is needed. Digits with a leading zero are codes and stay text,
    "inf" counts as a number (and is reported as infinite later). 1,200 is 1200; a column of percentages becomes
    fractions, as a workbook holds them.
    """
    columns: list[pl.Series] = []
    grouped: list[str] = []
    percent: list[str] = []
    for name in frame.columns:
        cells = frame[name]
        if cells.dtype != pl.String:
            columns.append(cells)
            continue
        cells = _filled(cells)
        if name in text:
            columns.append(_id_text(cells))
            continue
        typed = _typed(cells)
        if typed.dtype == pl.String and (numbers := _marked_numbers(cells)) is not None:
            typed = numbers
            grouped += [name] if cells.str.contains(",", literal=True).any() else []
            percent += [name] if cells.str.contains(_PERCENT).any() else []
        columns.append(typed)
    return Typed(pl.DataFrame(columns), tuple(grouped), tuple(percent))


def _filled(values: pl.Series) -> pl.Series:
    """Return trimmed cells, null where they only say that there is nothing."""
    text = values.str.strip_chars().to_frame("t")
    missing = pl.col("t").str.to_lowercase().is_in(_MISSING)
    return text.select(pl.when(~missing).then("t").alias(values.name))[values.name]


def _id_text(cells: pl.Series) -> pl.Series:
    """Return ids as written; 188.0 in all cells is how a program writes whole numbers beside a gap."""
    whole = cells.drop_nulls().str.contains(r"^-?\d+\.0$")
    return cells.str.replace(r"\.0$", "") if len(whole) and whole.all() else cells


def _typed(text: pl.Series) -> pl.Series:
    filled = text.drop_nulls()
    if filled.is_empty():
        return pl.Series(text.name, [None] * len(text), dtype=pl.Float64)
    if filled.str.to_lowercase().is_in(list(_TRUE_FALSE)).all():
        return text.str.to_lowercase().replace_strict(_TRUE_FALSE, return_dtype=pl.Boolean)
    if filled.str.contains(r"^[+-]?0\d").any():
        return text
    whole = text.cast(pl.Int64, strict=False)
    if whole.null_count() == text.null_count():
        return whole
    if filled.str.contains(_BEYOND_INTEGERS).any():
        return text
    numbers = text.cast(pl.Float64, strict=False)
    return numbers if numbers.null_count() == text.null_count() else text


def _marked_numbers(text: pl.Series) -> pl.Series | None:
    """Read grouped digits (beside plain numbers) and percentages (all cells or none, else 12 could be 12 %)."""
    filled = text.drop_nulls()
    percent = filled.str.contains(_PERCENT)
    if percent.any() and not percent.all():
        return None
    bare = text.str.replace(_PERCENT, "").str.strip_chars()
    is_grouped = bare.str.contains(_GROUPED).fill_null(value=False)
    if not percent.any() and not is_grouped.any():
        return None
    plain = bare.to_frame("t").select(
        pl.when(is_grouped).then(pl.col("t").str.replace_all(",", "", literal=True)).otherwise("t")
    )["t"]
    numbers = _typed(plain)
    if not numbers.dtype.is_numeric():
        return None
    return (numbers / 100.0 if percent.any() else numbers).alias(text.name)
