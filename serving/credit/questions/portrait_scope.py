"""What of the graph a key may see: business of other companies of the group is left out, persons are told by id."""

from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl

from graph.business import PUBLIC_KINDS
from graph.store import Expansion, GraphView
from serving.access.caller import Caller

__all__ = ["ScopedView"]


class ScopedView:
    """A `graph.store.GraphView` without the business relations of companies that the caller does not cover.

    `companies` maps each company of the group to the party it is. A relation is another company's business when one of
    its ends is such a party and its kind is in no public register.
    """

    def __init__(self, view: GraphView, caller: Caller, companies: Mapping[str, str]) -> None:
        self.as_of: date = view.as_of
        self.valid_on: date = view.valid_on
        self.hid = False
        self._view = view
        self._others = (
            [] if caller.sees_all else [party for org, party in companies.items() if not caller.sees(org)]
        )

    def known(self, party_ids: Sequence[str]) -> set[str]:
        """Return which of the parties have a record or an edge."""
        return self._view.known(party_ids)

    def nodes(self, party_ids: Sequence[str]) -> pl.DataFrame:
        """Return the records of parties."""
        return self._view.nodes(party_ids)

    def scores(self, party_ids: Sequence[str]) -> pl.DataFrame:
        """Return the scores of parties."""
        return self._view.scores(party_ids)

    def expand(self, party_ids: Sequence[str], *, hub: int | None) -> Expansion:
        """Return the edges around parties that the caller may see."""
        found = self._view.expand(party_ids, hub=hub)
        if not self._others:
            return found
        others = pl.Series(self._others, dtype=pl.String).implode()
        business = ~pl.col("kind").is_in(PUBLIC_KINDS) & (
            pl.col("src").is_in(others) | pl.col("dst").is_in(others)
        )
        shown = found.edges.filter(~business)
        self.hid = self.hid or shown.height < found.edges.height
        return Expansion(shown, found.hubs)
