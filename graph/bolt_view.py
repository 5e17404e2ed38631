"""The graph on a date behind a graph server, asked party by party."""

from collections.abc import Mapping, MutableMapping, Sequence
from datetime import date
from typing import Final

import polars as pl

from graph.bolt import Connection, Row, Run, Stamp, read_stamp, rows_since
from graph.bolt_frames import edge_frame, frame_of, speaking_edges
from graph.cypher import DEGREES, EDGES_AROUND, RECORDS_OF, SCORES_OF, VISIBLE_COUNT
from graph.errors import UnfinishedLoadError
from graph.parties import PARTY_SCHEMA, SCORE_SCHEMA, scores_as_of
from graph.store import Expansion

__all__ = ["BoltView"]

_SMALL_HUB: Final = 200


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

    def known(self, party_ids: Sequence[str]) -> set[str]:
        """Return which of the parties have a record known on `as_of` or a visible edge."""
        recorded = set(self._records(party_ids))
        others = [party for party in party_ids if party not in recorded]
        around = self.expand(others, hub=_SMALL_HUB)
        joined = {*around.edges["src"], *around.edges["dst"], *around.hubs}
        return recorded | joined.intersection(others)

    def expand(self, party_ids: Sequence[str], *, hub: int | None) -> Expansion:
        """Return the visible edges around parties, none of a party with more than `hub` of them (None: no bound).

        The edges of a party with more statements than `hub` are counted by the server and not fetched.
        """
        asked = list(dict.fromkeys(party_ids))
        if not asked:
            return Expansion(edge_frame([]), {})
        # A portrait asks whether its party is known and then what stands around it: the same edges.
        alone = self._alone.get(asked[0]) if len(asked) == 1 else None
        if alone is not None and (hub is None or alone.height <= hub):
            return Expansion(alone, {})
        hubs, rows = self._connection.read(lambda run: self._expand(run, asked, hub))
        edges = speaking_edges(rows, self.valid_on)
        if len(asked) == 1 and not hubs:
            self._alone = {asked[0]: edges}
        return Expansion(edges, hubs)

    def nodes(self, party_ids: Sequence[str]) -> pl.DataFrame:
        """Return [party_id, kind, name, credit_code] in the order asked for, null where there is no record."""
        records = self._records(party_ids)
        rows = [(party, *records.get(party, (None, None, None))) for party in party_ids]
        return frame_of(
            rows, {name: PARTY_SCHEMA[name] for name in ("party_id", "kind", "name", "credit_code")}
        )

    def scores(self, party_ids: Sequence[str]) -> pl.DataFrame:
        """Return the latest scores of parties as of the date (SCORE_SCHEMA), sorted by party and name."""
        rows = self._connection.read(
            lambda run: self._rows(run, SCORES_OF, {"party_ids": list(set(party_ids))})
        )
        found = frame_of(rows, SCORE_SCHEMA)
        return scores_as_of(found, self.as_of) if rows else found

    def _records(self, party_ids: Sequence[str]) -> dict[str, Sequence[object]]:
        """Return kind, name and credit code of the parties that have a record, as `graph.parties.parties_as_of`."""
        rows = self._connection.read(
            lambda run: self._rows(run, RECORDS_OF, {"party_ids": list(set(party_ids))})
        )
        as_of = self.as_of.isoformat()
        versions = ((str(begun), str(known), party, said) for party, *said, begun, known in rows)
        seen = (version for version in versions if max(version[0], version[1]) <= as_of)
        return {str(party): said for _, _, party, said in sorted(seen, key=lambda version: version[:2])}

    def _expand(self, run: Run, asked: list[str], hub: int | None) -> tuple[dict[str, int], list[Row]]:
        hubs: dict[str, int] = {}
        self._stamp(run)  # before anything else is read
        if hub is not None:
            for party, degree in run(DEGREES, {"party_ids": asked}):
                # Statements of all times are never fewer than visible edges, and the server has counted them already.
                if int(str(degree)) > hub and (count := self._count(run, str(party))) > hub:
                    hubs[str(party)] = count
        near = [party for party in asked if party not in hubs]
        return hubs, self._rows(run, EDGES_AROUND, {"party_ids": near, **self._days})

    def _count(self, run: Run, party: str) -> int:
        key = (self._stamp(run).number, self.as_of, self.valid_on, party)
        if key not in self._counts:
            [[count]] = run(VISIBLE_COUNT, {"party_id": party, **self._days})
            self._counts[key] = int(str(count))
        return self._counts[key]

    @property
    def _days(self) -> dict[str, object]:
        return {"as_of": self.as_of, "day": self.valid_on}

    def _rows(self, run: Run, text: str, given: Mapping[str, object]) -> list[Row]:
        since = self._stamp(run)
        return rows_since(self._connection, run(text, given), since)

    def _stamp(self, run: Run) -> Stamp:
        if self._since is None:
            found = read_stamp(run)
            if found.open:
                raise UnfinishedLoadError(self._connection.uri)
            self._since = found
        return self._since
