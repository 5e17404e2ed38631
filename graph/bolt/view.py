"""The graph on a date behind a graph server, asked party by party."""

from collections.abc import Mapping, MutableMapping, Sequence
from datetime import date
from typing import Final

import polars as pl

from graph.bolt.connection import Connection, Row, Stamp, answers
from graph.bolt.cypher import CROWDED, EDGES_AROUND, RECORDS_OF, SCORES_OF, VISIBLE_COUNT, stamped
from graph.bolt.frames import edge_frame, frame_of, speaking_edges
from graph.parties import PARTY_SCHEMA, SCORE_SCHEMA, scores_as_of
from graph.store import Expansion

__all__ = ["BoltView"]

_SMALL_HUB: Final = 200
_NO_BOUND: Final = 2**31 - 1

# A portrait asks whether its party is known and then what stands around it: both are answered at once.
_MEETING: Final = stamped(RECORDS_OF, CROWDED, EDGES_AROUND)
_AROUND: Final = stamped(CROWDED, EDGES_AROUND)
_ABOUT: Final = stamped(RECORDS_OF, SCORES_OF)
_COUNT: Final = stamped(VISIBLE_COUNT)


class BoltView:
    """A `graph.store.GraphView` over a graph server.

    It answers about the graph as it stood at its first question: raises GraphChangedError when a load has finished
    since, so one answer never mixes two states. `counts` keeps the visible edges of hubs counted so far; the store
    hands the same one to every view of the same state and days.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        as_of: date,
        valid_on: date,
        counts: MutableMapping[tuple[int, date, date, str], int],
    ) -> None:
        self.as_of = as_of
        self.valid_on = valid_on
        self._connection = connection
        self._counts = counts
        self._since: Stamp | None = None
        self._alone: dict[str, pl.DataFrame] = {}
        self._about: tuple[frozenset[str], list[Row], list[Row]] | None = None

    def known(self, party_ids: Sequence[str]) -> set[str]:
        """Return which of the parties have a record known on `as_of` or a visible edge."""
        asked = list(dict.fromkeys(party_ids))
        if not asked:
            return set()
        records, crowded, rows = self._ask(_MEETING, asked, most=_SMALL_HUB)
        edges = speaking_edges(rows, self.valid_on)
        if len(asked) == 1 and not crowded:
            self._alone = {asked[0]: edges}
        met = {*self._latest(records), *edges["src"], *edges["dst"]}
        return met.intersection(asked) | {str(party) for [party] in crowded if self._count(str(party))}

    def expand(self, party_ids: Sequence[str], *, hub: int | None) -> Expansion:
        """Return the visible edges around parties, none of a party with more than `hub` of them (None: no bound).

        The edges of a party with more statements than `hub` are counted by the server and not fetched.
        """
        asked = list(dict.fromkeys(party_ids))
        if not asked:
            return Expansion(edge_frame([]), {})
        alone = self._alone.get(asked[0]) if len(asked) == 1 else None
        if alone is not None and (hub is None or alone.height <= hub):
            return Expansion(alone, {})
        most = _NO_BOUND if hub is None else hub
        crowded, rows = self._ask(_AROUND, asked, most=most)
        counts = {str(party): self._count(str(party)) for [party] in crowded}
        few = [party for party, count in counts.items() if count <= most]
        if few:
            rows = [*rows, *self._ask(_AROUND, few, most=_NO_BOUND)[1]]
        hubs = {party: count for party, count in counts.items() if count > most}
        return Expansion(speaking_edges(rows, self.valid_on), hubs)

    def nodes(self, party_ids: Sequence[str]) -> pl.DataFrame:
        """Return [party_id, kind, name, credit_code] in the order asked for, null where there is no record."""
        records = self._latest(self._told(party_ids)[0])
        rows = [(party, *records.get(party, (None, None, None))) for party in party_ids]
        return frame_of(
            rows, {name: PARTY_SCHEMA[name] for name in ("party_id", "kind", "name", "credit_code")}
        )

    def scores(self, party_ids: Sequence[str]) -> pl.DataFrame:
        """Return the latest scores of parties as of the date (SCORE_SCHEMA), sorted by party and name."""
        rows = self._told(party_ids)[1]
        found = frame_of(rows, SCORE_SCHEMA)
        return scores_as_of(found, self.as_of) if rows else found

    def _told(self, party_ids: Sequence[str]) -> tuple[list[Row], list[Row]]:
        """Return records and scores of parties: who asks for the one asks for the other next."""
        asked = frozenset(party_ids)
        if self._about is None or self._about[0] != asked:
            records, scores = self._ask(_ABOUT, sorted(asked))
            self._about = (asked, records, scores)
        return self._about[1:]

    def _latest(self, rows: Sequence[Row]) -> dict[str, Sequence[object]]:
        """Return kind, name and credit code of the parties that have a record, as `graph.parties.parties_as_of`."""
        as_of = self.as_of.isoformat()
        versions = ((str(begun), str(known), party, said) for party, *said, begun, known in rows)
        seen = (version for version in versions if max(version[0], version[1]) <= as_of)
        return {str(party): said for _, _, party, said in sorted(seen, key=lambda version: version[:2])}

    def _count(self, party: str) -> int:
        key = (self._since.number if self._since else 0, self.as_of, self.valid_on, party)
        if key not in self._counts:
            [[[count]]] = self._ask(_COUNT, [party])
            self._counts[key] = int(str(count))
        return self._counts[key]

    def _ask(self, text: str, party_ids: Sequence[str], **bounds: int) -> list[list[Row]]:
        given: Mapping[str, object] = {
            "party_ids": party_ids,
            "as_of": self.as_of,
            "day": self.valid_on,
            **bounds,
        }
        self._since, cells = answers(self._connection, text, given, self._since)
        return cells
