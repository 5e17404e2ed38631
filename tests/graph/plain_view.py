"""Random bitemporal graphs, and a view over them that is slow and plain: the oracle of views, portraits and paths."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

import polars as pl
from hypothesis import strategies as st

from graph.edges import EDGE_SCHEMA
from graph.embedded_view import EmbeddedView
from graph.parties import SCORE_SCHEMA
from graph.store import Expansion

START: Final = date(2024, 1, 1)
KINDS: Final = ("owns", "guarantees", "supplies", "family_of", "holds_position", "related_to")
NO_RECORDS: Final = pl.DataFrame(schema=dict.fromkeys(("party_id", "kind", "name", "credit_code"), pl.String))
NO_SCORES: Final = pl.DataFrame(schema=SCORE_SCHEMA)

days = st.integers(0, 9).map(lambda number: START + timedelta(days=number))
ratios = st.sampled_from([None, 0.25, 0.5, 0.8, 1.0])
amounts = st.sampled_from([None, 1e4, 5e6, 7e6])


def edge_rows(parties: str, size: int) -> st.SearchStrategy[list[dict[str, object]]]:
    """Return lists of edges among parties of one letter, parallel ones included, none to itself."""
    columns: dict[str, st.SearchStrategy[object]] = {
        "src": st.sampled_from(parties),
        "dst": st.sampled_from(parties),
        "kind": st.sampled_from(KINDS),
        "share": ratios,
        "amount": amounts,
        "confidence": ratios,
    }
    row = st.fixed_dictionaries(columns)
    return st.lists(row.filter(lambda edge: edge["src"] != edge["dst"]), max_size=size)


def edge_frame(rows: Sequence[dict[str, object]]) -> pl.DataFrame:
    """Return an edge table of rows that give only what matters."""
    filled = [
        {"edge_id": f"E{number:03}", "kind": "owns", "valid_from": START, "known_at": START, **row}
        for number, row in enumerate(rows)
    ]
    return pl.DataFrame(filled, schema=EDGE_SCHEMA)


def star_frame(size: int) -> pl.DataFrame:
    """Return a party named hub that guarantees P000000, P000001 … with amounts 0, 1 …"""
    number = pl.int_range(size)
    text = number.cast(pl.String).str.zfill(6)
    table = pl.select(
        edge_id=pl.lit("E") + text,
        src=pl.lit("hub"),
        dst=pl.lit("P") + text,
        kind=pl.lit("guarantees"),
        amount=number.cast(pl.Float64),
        valid_from=pl.lit(START),
        known_at=pl.lit(START),
    )
    absent = [
        pl.lit(None, dtype=EDGE_SCHEMA[name]).alias(name) for name in EDGE_SCHEMA if name not in table.columns
    ]
    return table.with_columns(absent).select(EDGE_SCHEMA.names())


def embedded(
    rows: Sequence[dict[str, object]] | pl.DataFrame,
    *,
    parties: pl.DataFrame = NO_RECORDS,
    scores: pl.DataFrame = NO_SCORES,
) -> EmbeddedView:
    """Return the view of edges that are all visible."""
    edges = rows if isinstance(rows, pl.DataFrame) else edge_frame(rows)
    return EmbeddedView(edges, parties=parties, scores=scores, as_of=START, valid_on=START)


class PlainView:
    """A view that looks through the whole table for every question."""

    def __init__(self, edges: pl.DataFrame) -> None:
        self.rows = edges.rows(named=True)
        self.as_of = self.valid_on = START

    def known(self, party_ids: Sequence[str]) -> set[str]:
        return {party for party in party_ids if self._degree(party)}

    def expand(self, party_ids: Sequence[str], *, hub: int | None) -> Expansion:
        hubs = {
            party: self._degree(party) for party in party_ids if hub is not None and self._degree(party) > hub
        }
        wanted = set(party_ids) - set(hubs)
        edges = [row for row in self.rows if {row["src"], row["dst"]} & wanted]
        return Expansion(pl.DataFrame(edges, schema=EDGE_SCHEMA).sort("edge_id"), hubs)

    def nodes(self, party_ids: Sequence[str]) -> pl.DataFrame:
        nothing = [None] * len(party_ids)
        held = {"party_id": list(party_ids), "kind": nothing, "name": nothing, "credit_code": nothing}
        return pl.DataFrame(held, schema=NO_RECORDS.schema)

    def scores(self, party_ids: Sequence[str]) -> pl.DataFrame:
        return NO_SCORES

    def _degree(self, party: str) -> int:
        return sum(party in (row["src"], row["dst"]) for row in self.rows)
