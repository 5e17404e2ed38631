"""Rows that were handed in, put beside those that are there: new ones added, equal ones skipped, others said."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from features.tables.contract import Contract

__all__ = ["Against", "Merged", "against", "merge"]

_UPLOAD: Final = "upload"


@dataclass(frozen=True)
class Against:
    """How many of some rows are new, are there already, and are there with other content."""

    new: int
    repeated: int
    changed: int


@dataclass(frozen=True, eq=False)
class Merged:
    """A table after a merge. `changed` are the rows handed in whose key was there with other content, with their upload.

    They were taken in the place of the old ones where corrections were asked for, else left out. `moved` tells whether the
    table differs from what was there.
    """

    table: str
    rows: pl.DataFrame
    added: int
    repeated: int
    changed: pl.DataFrame
    corrected: bool
    moved: bool


def against(contract: Contract, rows: pl.DataFrame, held: pl.LazyFrame) -> Against:
    """Compare good rows with what is held; of a large table only rows of the same keys are read."""
    columns, key = list(contract.column_names), list(contract.key)
    same = held.select(columns).join(rows.lazy().select(key), on=key, how="semi", nulls_equal=True).collect()
    known = rows.join(same, on=key, how="semi", nulls_equal=True)
    equal = known.join(same, on=columns, how="semi", nulls_equal=True).height
    return Against(rows.height - known.height, equal, known.height - equal)


def merge(
    contract: Contract,
    held: pl.DataFrame,
    uploads: Sequence[tuple[str, pl.DataFrame]],
    *,
    corrections: bool,
) -> Merged:
    """Put uploads, in the order in which they were taken, into a table; merging the same again changes nothing.

    A row is known by the key of its contract. With `corrections` a row of an upload replaces one of the same key, a later
    upload an earlier one; without, the one that is there stays and the other is told.
    """
    columns, key = list(contract.column_names), list(contract.key)
    rows, added, repeated = held.select(columns), 0, 0
    changed: list[pl.DataFrame] = []
    for upload, frame in uploads:
        taken = frame.select(columns)
        known = taken.join(rows, on=key, how="semi", nulls_equal=True)
        other = known.join(rows, on=columns, how="anti", nulls_equal=True)
        new = taken.join(rows, on=key, how="anti", nulls_equal=True)
        added, repeated = added + new.height, repeated + known.height - other.height
        changed.append(other.with_columns(pl.lit(upload).alias(_UPLOAD)))
        if corrections:
            rows = rows.join(other, on=key, how="anti", nulls_equal=True).vstack(other)
        rows = rows.vstack(new)
    said = pl.concat(changed) if changed else rows.clear().with_columns(pl.lit("").alias(_UPLOAD))
    # Of two uploads of one key the later stands, each time they are merged: then nothing moved.
    replaced = corrections and said.height > 0 and not rows.sort(key).equals(held.select(columns).sort(key))
    moved = bool(added or replaced)
    return Merged(contract.name, rows.rechunk(), added, repeated, said, corrected=corrections, moved=moved)
