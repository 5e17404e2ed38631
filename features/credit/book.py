"""The group's lending as it was known on a date: read once, used by several families and by the labels."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from features.asof import Known, in_order
from features.credit.defaults import first_defaults
from features.credit.instalments import exposure_states, instalments

__all__ = ["Book"]


@dataclass(frozen=True, eq=False)
class Book:
    """What was known of exposures on a date: the instalments, the state of each exposure, the parties in default."""

    known: Known
    ledger: pl.LazyFrame
    states: pl.LazyFrame
    defaults: pl.LazyFrame

    @classmethod
    def read(cls, tables: Mapping[str, pl.LazyFrame], as_of: date) -> "Book":
        """Read the book; raises MissingTableError or MissingColumnError."""
        known = Known(tables, as_of)
        ledger = in_order(instalments(known), "exposure_id", "due_on", "installment_no")
        states = in_order(exposure_states(known, ledger), "exposure_id")
        return cls(known, ledger, states, first_defaults(known, ledger).collect().lazy())

    def borrowers(self) -> pl.LazyFrame:
        """Return the parties with a live exposure, sorted [party_id]."""
        return self.states.filter("is_live").select("party_id").unique().sort("party_id")
