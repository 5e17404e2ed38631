"""Give the text cells of a CSV or xlsx file the types their column plainly has."""

from typing import Final

import polars as pl

__all__ = ["typed_columns"]

_MISSING: Final = ("", "na", "n/a", "nan", "null", "none", "#n/a", "-")
_TRUE_FALSE: Final = {"true": True, "false": False}


def typed_columns(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame with columns of numbers as numbers and of true/false as Boolean; the rest stays text.

    A column with one cell that is no number stays text, so that the cell can be named where a number is needed.
    Digits with a leading zero are codes and stay text, "inf" counts as a number (and is reported as infinite later).
    """
    return frame.select(_typed(frame[c]) for c in frame.columns)


def _typed(values: pl.Series) -> pl.Series:
    if values.dtype != pl.String:
        return values
    text = values.str.strip_chars()
    text = text.to_frame("t").select(
        pl.when(~pl.col("t").str.to_lowercase().is_in(_MISSING)).then("t").alias(values.name)
    )[values.name]
    filled = text.drop_nulls()
    if filled.is_empty():
        return pl.Series(values.name, [None] * len(values), dtype=pl.Float64)
    if filled.str.to_lowercase().is_in(list(_TRUE_FALSE)).all():
        return text.str.to_lowercase().replace_strict(_TRUE_FALSE, return_dtype=pl.Boolean)
    if filled.str.contains(r"^[+-]?0\d").any():
        return text
    for dtype in (pl.Int64, pl.Float64):
        numbers = text.cast(dtype, strict=False)
        if numbers.null_count() == text.null_count():
            return numbers
    return text
