"""Which of the group's companies have or had business with a party: what their own people may ask about."""

from typing import Final

import numpy as np
import polars as pl

from features.asof import Known
from features.credit.book import Book
from graph.snapshot import Snapshot

__all__ = ["DEALINGS_SCHEMA", "dealings", "own_parties"]

DEALINGS_SCHEMA: Final = pl.Schema({"party_id": pl.String(), "companies": pl.List(pl.String())})
_PAIR: Final = pl.Schema({"party_id": pl.String(), "org_id": pl.String()})


def dealings(book: Book, snapshot: Snapshot) -> pl.DataFrame:
    """Return DEALINGS_SCHEMA, sorted, of every party that owes or owed a company of the group, or trades with one.

    Exposures count from the day they became known, ended ones too: a company may ask about whom it lent to.
    """
    lent = book.states.select(pl.col(name).cast(dtype) for name, dtype in _PAIR.items()).collect()
    pairs = pl.concat([lent, _trade(book, snapshot)]).drop_nulls().unique()
    return pairs.group_by("party_id").agg(companies=pl.col("org_id").sort()).sort("party_id")


def own_parties(known: Known) -> pl.DataFrame:
    """Return [org_id, party_id]: every party that a company of the group is or was; none without such a table."""
    if "companies" not in known.tables:
        return pl.DataFrame(schema={"org_id": pl.String, "party_id": pl.String})
    rows = known.rows("companies", "org_id", "party_id").unique().sort("org_id", "party_id")
    return rows.select(pl.col("org_id", "party_id").cast(pl.String)).collect()


def _trade(book: Book, snapshot: Snapshot) -> pl.DataFrame:
    """Return [party_id, org_id] of who supplies a company of the group or is supplied by it on the book's date."""
    rows = own_parties(book.known)
    supplies = snapshot.relation("supplies").weights.tocoo()
    ids = snapshot.ids.to_numpy()
    ends = [
        pl.DataFrame(
            {"own": ids[own], "party_id": ids[other]}, schema={"own": pl.String, "party_id": pl.String}
        )
        for own, other in ((supplies.row, supplies.col), (supplies.col, supplies.row))
        if len(np.atleast_1d(own))
    ]
    if not ends:
        return _PAIR.to_frame()
    owned = rows.rename({"party_id": "own"})
    return pl.concat(ends).join(owned, on="own").select(_PAIR.names())
