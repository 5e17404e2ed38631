"""The segment of each party on a date: kind, size, ownership and industry of its newest profile."""

from collections.abc import Mapping
from datetime import date
from typing import Final

import polars as pl

from features.asof import Known
from features.credit.parties import profiles

__all__ = ["SEGMENT_COLUMNS", "segments"]

SEGMENT_COLUMNS: Final = ("kind", "size", "ownership", "industry")


def segments(tables: Mapping[str, pl.LazyFrame], as_of: date) -> pl.DataFrame:
    """Return [party_id, kind, size, ownership, industry] of the parties known on a date; null where unknown, sorted.

    Raises MissingTableError or MissingColumnError.
    """
    known = profiles(Known(tables, as_of))
    return known.select("party_id", *SEGMENT_COLUMNS).sort("party_id").collect()
