"""Categories by how common they are: a share of the training rows, for columns with many values."""

from collections.abc import Sequence
from typing import Final

import polars as pl

from features.cards.own import category_text
from features.cards.read import ROW
from features.cards.state import OwnColumn, OwnKind

__all__ = ["SUFFIX", "counted", "share_features"]

SUFFIX: Final = ".share"
_FEW: Final = 12  # up to so many values each one can be learnt by itself
_LEAST: Final = 2  # a value seen once is as good as new
_MOST: Final = 5000


def counted(column: OwnColumn, train: pl.DataFrame) -> OwnColumn:
    """Return the column with the number of training rows of each of its values, where it is a category of many values."""
    if column.kind is not OwnKind.CATEGORY or f"{column.name}{SUFFIX}" in train.columns:
        return column
    text = category_text(train[column.name])
    counts = text.drop_nulls().alias("v").to_frame().group_by("v").len().filter(pl.col("len") >= _LEAST)
    if counts.height <= _FEW:
        return column
    kept = counts.sort("len", "v", descending=[True, False]).head(_MOST)
    return column.model_copy(update={"counts": dict(kept.iter_rows()), "rows": train.height})


def share_features(main: pl.DataFrame, columns: Sequence[OwnColumn]) -> pl.DataFrame:
    """Return `__row` and, for each counted column, `<column>.share`: 0 for a value that training hardly saw."""
    out = [main[ROW]]
    for column in columns:
        if column.counts:
            shares = {value: count / column.rows for value, count in column.counts.items()}
            text = category_text(main[column.name])
            share = text.replace_strict(shares, default=0.0, return_dtype=pl.Float64)
            known = pl.DataFrame({"t": text, "s": share})
            out.append(
                known.select(
                    pl.when(pl.col("t").is_not_null()).then("s").alias(f"{column.name}{SUFFIX}")
                ).to_series()
            )
    return pl.DataFrame(out)
