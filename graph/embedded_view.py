"""The graph on a date in memory, indexed by party, for questions about single parties."""

from collections.abc import Sequence
from datetime import date
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from graph.edges import EDGE_SCHEMA, EdgeFrame
from graph.parties import SCORE_SCHEMA
from graph.store import Expansion

__all__ = ["EmbeddedView"]

# Few values in many rows: kept as small integers. The ids of parties are positions in `ids`, edge ids are unique.
_REPEATED: Final = tuple(
    name
    for name, dtype in EDGE_SCHEMA.items()
    if dtype == pl.String and name not in {"edge_id", "src", "dst", "contract"}
)
_OWN: Final = tuple(name for name in EDGE_SCHEMA if name not in {"src", "dst"})
_BLOCK: Final = 4096
_RECORD: Final = ("kind", "name", "credit_code")

Rows = npt.NDArray[np.uint32]
Ints = npt.NDArray[np.int64]


class EmbeddedView:
    """A `graph.store.GraphView` over the edges visible on a date.

    Each party has the list of the rows of its edges (one sparse incidence matrix: pointers and row numbers), so an
    expansion reads only what it returns. At 1 million parties and 5 million edges with an amount, a share and a role
    the view takes about 0.5 GB: columns empty throughout are dropped, words repeated in many rows are small integers.
    """

    def __init__(
        self, edges: EdgeFrame, *, parties: pl.DataFrame, scores: pl.DataFrame, as_of: date, valid_on: date
    ) -> None:
        """Index `edges` (EDGE_SCHEMA, at most one row an edge), `parties` (one row a party) and `scores`."""
        self.as_of = as_of
        self.valid_on = valid_on
        repeated = [pl.col(name).cast(pl.Categorical) for name in _REPEATED]
        table = edges.lazy().select(EDGE_SCHEMA.names()).with_columns(repeated).collect()
        if not table["edge_id"].is_sorted():
            table = table.sort("edge_id")
        named = (table["src"], table["dst"], parties["party_id"], scores["party_id"])
        self._ids = pl.concat([names.alias("id") for names in named]).unique().sort()
        self._place = dict(zip(self._ids.to_list(), range(len(self._ids)), strict=True))
        self._src, self._dst = (_places(table[end], self._ids) for end in ("src", "dst"))
        given = [name for name in _OWN if table[name].null_count() < table.height]
        self._columns = table.select(given).get_columns()
        # One block of nulls as long as the longest answer so far, cut to length for each answer.
        self._absent = _nulls([name for name in _OWN if name not in given], _BLOCK)
        self._start, self._rows = _incidence(self._src, self._dst, len(self._ids))
        self._records, self._record_of = _by_place(parties.select("party_id", *_RECORD), self._ids)
        self._scores, self._score_of = _by_place(scores.select(SCORE_SCHEMA.names()), self._ids)

    @property
    def parties(self) -> pl.Series:
        """Return the parties with a visible edge, a record or a score, sorted."""
        return self._ids

    @property
    def memory(self) -> int:
        """Return the bytes held for edges, index, records and scores, the table from id to place estimated."""
        arrays = (self._src, self._dst, self._start, self._rows, self._record_of, self._score_of)
        tables = (pl.DataFrame(self._columns), self._ids.to_frame(), self._records, self._scores)
        held = sum(array.nbytes for array in arrays) + sum(int(table.estimated_size()) for table in tables)
        # A Python text of 8 letters takes 57 bytes, its number 32, its two cells of the table 40 to 100.
        return held + 160 * len(self._ids)

    def known(self, party_ids: Sequence[str]) -> set[str]:
        """Return which of the parties have a record known on `as_of` or a visible edge."""
        return {party for party in party_ids if self._is_known(self._place.get(party))}

    def degrees(self, party_ids: Sequence[str]) -> list[int]:
        """Return the number of visible edges of each of the parties, 0 for one that is not known."""
        places = self._places_of(party_ids)
        edges = np.where(places < 0, 0, self._start[places + 1] - self._start[places])
        return [int(count) for count in edges]

    def expand(self, party_ids: Sequence[str], *, hub: int | None) -> Expansion:
        """Return the visible edges around parties, none of a party with more than `hub` of them (None: no bound).

        Parties that are not known have no edges. Takes time in proportion to what it returns.
        """
        asked = list(dict.fromkeys(party for party in party_ids if party in self._place))
        places = self._places_of(asked)
        start, end = self._start[places], self._start[places + 1]
        closed = np.zeros(len(asked), np.bool_) if hub is None else end - start > hub
        hubs = {asked[one]: int(end[one] - start[one]) for one in np.flatnonzero(closed).tolist()}
        rows = self._rows[_ranges(start[~closed], end[~closed])]
        return Expansion(self._edges(rows if len(asked) == 1 else np.unique(rows)), hubs)

    def nodes(self, party_ids: Sequence[str]) -> pl.DataFrame:
        """Return [party_id, kind, name, credit_code] in the order asked for, null where there is no record."""
        asked = pl.Series("party_id", party_ids, dtype=pl.String)
        if self._records.is_empty():
            return pl.DataFrame([asked, *(_null(name, pl.String(), len(asked)) for name in _RECORD)])
        places = self._places_of(party_ids)
        row, end = self._record_of[places], self._record_of[places + 1]
        found = pl.Series(row.astype(np.uint32)).scatter(np.flatnonzero((places < 0) | (row == end)), None)
        return pl.DataFrame([asked, *(self._records[name][found] for name in _RECORD)])

    def scores(self, party_ids: Sequence[str]) -> pl.DataFrame:
        """Return the latest scores of parties as of the date (SCORE_SCHEMA), sorted by party and name."""
        if self._scores.is_empty():
            return self._scores
        places = np.unique(self._places_of([party for party in party_ids if party in self._place]))
        return self._scores[_ranges(self._score_of[places], self._score_of[places + 1])]

    def _places_of(self, party_ids: Sequence[str]) -> Ints:
        """Return the places of parties, -1 for one that is not there."""
        find = self._place.get
        return np.fromiter((find(party, -1) for party in party_ids), np.int64, len(party_ids))

    def _is_known(self, place: int | None) -> bool:
        if place is None:
            return False
        has_edge = self._start[place] < self._start[place + 1]
        return bool(has_edge or self._record_of[place] < self._record_of[place + 1])

    def _edges(self, rows: Rows) -> pl.DataFrame:
        """Return rows of the edge table in EDGE_SCHEMA; rows are in the order of edge ids."""
        # Columns are selected one by one and by position: a frame would be selected by several threads and an
        # expression planned first, either of which takes longer than the selection.
        at = pl.Series(rows)
        if self._absent.height < len(rows):
            self._absent = _nulls(self._absent.columns, len(rows))
        columns = {column.name: column for column in self._absent.head(len(rows))}
        columns |= {column.name: column[at] for column in self._columns}
        columns["src"] = self._ids[pl.Series(self._src[rows])].alias("src")
        columns["dst"] = self._ids[pl.Series(self._dst[rows])].alias("dst")
        typed = (columns[name] for name in EDGE_SCHEMA)
        return pl.DataFrame([one.cast(pl.String) if one.dtype == pl.Categorical else one for one in typed])


def _places(values: pl.Series, ids: pl.Series) -> Rows:
    index = ids.to_frame("id").with_row_index("place")
    joined = values.to_frame("id").join(index, on="id", how="left", maintain_order="left")
    places: Rows = joined["place"].to_numpy().astype(np.uint32)
    return places


def _incidence(src: Rows, dst: Rows, parties: int) -> tuple[Ints, Rows]:
    """Return pointers and row numbers: the edges of party i are `rows[start[i]:start[i + 1]]`, ascending."""
    ends = np.concatenate([src, dst])
    start = np.zeros(parties + 1, dtype=np.int64)
    np.cumsum(np.bincount(ends, minlength=parties), out=start[1:])
    row = np.tile(np.arange(len(src), dtype=np.uint32), 2)
    # Party and row in one number sort in half the time and memory of a sort by two keys.
    order = np.sort((ends.astype(np.uint64) << np.uint64(32)) | row)
    return start, (order & np.uint64(0xFFFFFFFF)).astype(np.uint32)


def _by_place(table: pl.DataFrame, ids: pl.Series) -> tuple[pl.DataFrame, Ints]:
    """Return the rows sorted by party and pointers: those of party i are from `start[i]` up to `start[i + 1]`."""
    ordered = table.sort([name for name in ("party_id", "name") if name in table.columns])
    start = np.zeros(len(ids) + 1, dtype=np.int64)
    np.cumsum(np.bincount(_places(ordered["party_id"], ids), minlength=len(ids)), out=start[1:])
    return ordered, start


def _ranges(start: Ints, end: Ints) -> Ints:
    """Return the numbers from each start up to its end, one range after the other."""
    length = end - start
    before = np.cumsum(length) - length
    numbers: Ints = np.arange(int(length.sum())) + np.repeat(start - before, length)
    return numbers


def _nulls(names: Sequence[str], rows: int) -> pl.DataFrame:
    return pl.DataFrame([_null(name, EDGE_SCHEMA[name], rows) for name in names])


def _null(name: str, dtype: pl.DataType, rows: int) -> pl.Series:
    return pl.Series(name, [None], dtype=dtype).new_from_index(0, rows)
