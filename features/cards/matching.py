"""Compare cells with values of a card, whatever the type of either."""

from collections.abc import Sequence
from typing import TypeGuard

import polars as pl

from features.cards.card import Scalar

__all__ = ["is_one_of", "listed"]


def listed(wanted: Scalar | list[Scalar]) -> list[Scalar]:
    """Return one value or several as a list."""
    return wanted if isinstance(wanted, list) else [wanted]


def is_one_of(dtype: pl.DataType, column: str, wanted: Sequence[Scalar]) -> pl.Expr:
    """Compare numbers as numbers and text trimmed, so that "1" in a card meets 1.0 in a table and the reverse."""
    numbers = [float(v) for v in wanted if _reads_as_number(v)]
    if dtype.is_numeric():
        return pl.col(column).cast(pl.Float64).is_in(numbers)
    if dtype == pl.Boolean:
        asked = {str(v).strip().lower() for v in wanted}
        both = ([True] if asked & {"true", "1", "1.0"} else []) + (
            [False] if asked & {"false", "0", "0.0"} else []
        )
        return pl.col(column).is_in(both)
    cells = pl.col(column).cast(pl.String).str.strip_chars()
    text = [str(v).lower() if isinstance(v, bool) else str(v).strip() for v in wanted]
    if dtype == pl.String and numbers:
        return cells.is_in(text) | cells.cast(pl.Float64, strict=False).is_in(numbers).fill_null(value=False)
    return cells.is_in(text)


def _reads_as_number(value: Scalar) -> TypeGuard[int | float | str]:
    try:
        float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
    return True
