"""The tables as they were known on a date: the only way features read them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from features.errors import MissingColumnError, MissingTableError

__all__ = ["Known", "in_order", "month_ends", "months_before"]


@dataclass(frozen=True, eq=False)
class Known:
    """Tables in which only what was known by `as_of` can be seen."""

    tables: Mapping[str, pl.LazyFrame]
    as_of: date

    def rows(self, table: str, *columns: str) -> pl.LazyFrame:
        """Return the columns asked for of the rows with `known_at` on or before the date.

        Raises MissingTableError or MissingColumnError, naming what is absent.
        """
        if table not in self.tables:
            raise MissingTableError([table], f"features as of {self.as_of}")
        frame = self.tables[table]
        found = frame.collect_schema().names()
        absent = [column for column in (*columns, "known_at") if column not in found]
        if absent:
            raise MissingColumnError(table, absent, found)
        return frame.filter(pl.col("known_at") <= self.as_of).select(columns)

    def since(self, months: int) -> date:
        """Return the day that lies `months` months before the date."""
        return months_before(self.as_of, months)


def in_order(frame: pl.LazyFrame, *columns: str) -> pl.LazyFrame:
    """Return the rows, read and sorted once for all that share them.

    The order settles ties (the first or last of equal rows), not sums: those of money are exact (`ratios.exact_sum`).
    """
    return frame.sort(*columns).collect().lazy()


def months_before(day: date, months: int) -> date:
    """Return the same day of an earlier (or, negative, later) month, or that month's last day."""
    moved: date = pl.select(pl.lit(day).dt.offset_by(f"{-months}mo")).item()
    return moved


def month_ends(first: date, last: date) -> list[date]:
    """Return the month-ends from `first` to `last`, both included where they are month-ends."""
    starts = pl.date_range(first.replace(day=1), last.replace(day=1), interval="1mo", eager=True)
    return [day for day in starts.dt.month_end() if first <= day <= last]
