"""The graph as of a date: integer ids and, for each relation kind, one sparse matrix and its transpose."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.sparse import csr_array

from graph.edges import EdgeFrame, visible
from graph.errors import EdgeTableError, UnknownMeasureError, UnknownPartyError, UnknownRelationError
from graph.numbering import sorted_positions
from graph.ontology import RELATIONS, Direction

__all__ = ["ANY_KIND", "WEIGHT", "Relation", "Snapshot"]

ANY_KIND: Final = "edge"
"""The kind of every edge of a table that has no column `kind`."""

WEIGHT: Final = "weight"
"""The name of the measure that is a kind's weight."""

_TIMES: Final = ("valid_from", "valid_to", "known_at", "retracted_at")

_INT32: Final = 2**31

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Relation:
    """The edges of one kind between the parties of a snapshot, parallel edges summed.

    `edges[i, j]` is the number of edges from party i to party j, `weights[i, j]` their summed weight (an edge whose
    weight is unknown adds 0 and still counts); `weights_t` and `edges_t` are the transposes, rows being targets,
    made when first asked for. All matrices of a direction share their pattern.
    """

    def __init__(self, kind: str, edges: csr_array, measures: Mapping[str, Floats]) -> None:
        self.kind = kind
        self.edges = edges
        self._measures = measures

    @property
    def weights(self) -> csr_array:
        """Return the summed weights (n × n), in the unit the ontology gives for the kind."""
        return self.measure(WEIGHT)

    @cached_property
    def edges_t(self) -> csr_array:
        """Return the transpose of `edges`."""
        return self._transposed(self.edges.data)

    @cached_property
    def weights_t(self) -> csr_array:
        """Return the transpose of `weights`."""
        return self._transposed(self.weights.data)

    def _transposed(self, data: npt.NDArray[np.number]) -> csr_array:
        places = self._places_t
        return csr_array((data[places.data], places.indices, places.indptr), shape=places.shape)

    @cached_property
    def _places_t(self) -> csr_array:
        """Return the transpose of the pattern, each entry the place of the edge in `edges.data`."""
        pattern = self.edges
        places = np.arange(pattern.nnz, dtype=np.int32 if pattern.nnz < _INT32 else np.int64)
        return csr_array((places, pattern.indices, pattern.indptr), shape=pattern.shape).T.tocsr()

    @property
    def measures(self) -> tuple[str, ...]:
        """Return the columns that `measure` can give."""
        return tuple(self._measures)

    def measure(self, column: str) -> csr_array:
        """Return a numeric column summed over parallel edges (n × n), with the pattern of `edges`.

        Raises UnknownMeasureError for a column that the ontology does not sum for this kind.
        """
        if column not in self._measures:
            raise UnknownMeasureError(self.kind, column, self.measures)
        pattern = self.edges
        return csr_array((self._measures[column], pattern.indices, pattern.indptr), shape=pattern.shape)

    def weights_towards(self, direction: Direction) -> csr_array:
        """Return the matrix whose row i holds the weights of party i's edges in a direction (n × n)."""
        return self.weights if direction is Direction.OUT else self.weights_t

    def edges_towards(self, direction: Direction) -> csr_array:
        """Return the matrix whose row i counts party i's edges in a direction (n × n)."""
        return self.edges if direction is Direction.OUT else self.edges_t


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The graph as it was known on a date.

    `ids` is the sorted id column, a party's integer id is its position in it; `self_loops` counts the edges left
    out because they join a party to itself (kept, they would make a party its own neighbour).
    """

    as_of: date | None
    ids: pl.Series
    relations: Mapping[str, Relation]
    self_loops: int

    @classmethod
    def from_edges(
        cls,
        edges: EdgeFrame,
        *,
        as_of: date | None,
        nodes: pl.Series | None = None,
        kinds: Iterable[str] | None = None,
    ) -> "Snapshot":
        """Build the graph of the edges visible on `as_of`, or of all edges when it is None (they carry no time).

        `edges` needs `src` and `dst` (strings or integers); `kind` defaults to `ANY_KIND`. The weight is the column
        `weight` where there is one, else the column the ontology names for the kind, else 1. `nodes` adds parties
        that may have no edge; parties that only occur in edges are kept. `kinds` adds relation kinds that may have
        no edge; with a date those of the ontology are always there.

        Raises EdgeTableError naming a column that is missing, of another type, empty in a row or not finite.
        """
        held = edges.lazy() if as_of is None else _dated(edges, as_of)
        table = _plain_edges(held)
        loops = table["src"] == table["dst"]
        ids, source, target = _numbered(table, nodes)
        wanted = {*table["kind"].unique(), *(kinds or ()), *(() if as_of is None else RELATIONS)}
        place = pl.Series("place", source * len(ids) + target)
        everything = table.drop("src", "dst").with_columns(place)
        placed = everything.filter(~loops) if loops.any() else everything
        parts = {str(key[0]): part for key, part in placed.partition_by("kind", as_dict=True).items()}
        empty = placed.clear()
        relations = {kind: _relation(kind, parts.get(kind, empty), len(ids)) for kind in sorted(wanted)}
        return cls(as_of=as_of, ids=ids, relations=relations, self_loops=int(loops.sum()))

    @property
    def kinds(self) -> tuple[str, ...]:
        """Return the relation kinds, sorted."""
        return tuple(self.relations)

    @property
    def parties(self) -> int:
        """Return the number of parties."""
        return len(self.ids)

    def relation(self, kind: str) -> Relation:
        """Return the relation of a kind; raises UnknownRelationError for one the snapshot does not have."""
        if kind not in self.relations:
            raise UnknownRelationError(kind, self.kinds)
        return self.relations[kind]

    def positions(self, party_ids: pl.Series) -> Ints:
        """Return the integer ids of parties; raises UnknownPartyError for the first one that is not in the graph."""
        found = _lookup(party_ids, self.ids)
        if found.null_count():
            raise UnknownPartyError(str(party_ids.filter(found.is_null())[0]))
        return found.to_numpy()

    def aligned(self, values: pl.DataFrame, key: str = "id") -> pl.DataFrame:
        """Return `values` with one row for each party in the order of `ids`, null where a party has none.

        Raises EdgeTableError when the key is missing or gives a party twice; rows of other parties are left out.
        """
        if key not in values.columns:
            raise EdgeTableError(key, "缺失（按它对齐各主体的取值）", "is missing (values are aligned by it)")
        if values[key].is_duplicated().any():
            again = values.filter(pl.col(key).is_duplicated())[key][0]
            raise EdgeTableError(
                key, f"中“{again}”出现多次，应每个主体一行", f"gives '{again}' more than once"
            )
        keyed = values.with_columns(_like(values[key], self.ids))
        return self.ids.to_frame("id").join(
            keyed.rename({key: "id"}), on="id", how="left", maintain_order="left"
        )


def _dated(edges: EdgeFrame, as_of: date) -> pl.LazyFrame:
    present = edges.lazy().collect_schema()
    for column in _TIMES:
        if column not in present:
            raise EdgeTableError(
                column, "缺失，无法按日期读取", "is missing, so it cannot be read as of a date"
            )
    columns = present.names()
    read = {*_TIMES, "edge_id", "src", "dst", "kind", WEIGHT, "share"} | {
        kind.weight for kind in RELATIONS.values()
    }
    read |= {name for kind in RELATIONS.values() for name in kind.measures}
    return visible(edges.lazy().select([name for name in columns if name in read]), as_of)


def _plain_edges(held: pl.LazyFrame) -> pl.DataFrame:
    """Return src, dst, kind, weight and the measures; what is unknown of these is 0."""
    present = held.collect_schema()
    if "kind" not in present:
        held = held.with_columns(kind=pl.lit(ANY_KIND))
    for column in ("src", "dst"):
        if column not in present:
            raise EdgeTableError(column, "缺失", "is missing")
    kind = pl.col("kind").cast(pl.String)
    numbers = [_weight(present.names()).alias(WEIGHT), *_measures(present.names())]
    table = held.select("src", "dst", kind, *numbers).collect()
    for column in ("src", "dst", "kind"):
        if table[column].null_count():
            row = int(table[column].is_null().arg_true()[0]) + 1
            raise EdgeTableError(column, f"第 {row} 行为空", f"is empty in row {row}")
    _check_ids(table)
    for column in table.columns[3:]:
        infinite = table.filter(pl.col(column).is_infinite())
        if infinite.height:
            where = "{src} → {dst}".format(**infinite.row(0, named=True))
            raise EdgeTableError(column, f"有无穷大的值（{where}）", f"is infinite ({where})")
    return table.with_columns(pl.col(table.columns[3:]).fill_nan(None).fill_null(0.0))


def _measures(columns: list[str]) -> list[pl.Expr]:
    """Return the further numeric columns of the kinds; where votes are not told apart they follow the share."""
    wanted = sorted({name for kind in RELATIONS.values() for name in kind.measures} & {*columns})
    measures = [pl.col(name).cast(pl.Float64) for name in wanted if name not in ("src", "dst", "kind")]
    if "share" not in columns:
        return measures
    share = pl.col("share").cast(pl.Float64)
    followed = pl.coalesce(pl.col("voting").cast(pl.Float64), share) if "voting" in columns else share
    return [*(item for item in measures if item.meta.output_name() != "voting"), followed.alias("voting")]


def _check_ids(frame: pl.DataFrame) -> None:
    for column in ("src", "dst"):
        dtype = frame.schema[column]
        if not (dtype.is_integer() or dtype in (pl.String, pl.Null)):
            raise EdgeTableError(
                column, f"应为文本或整数，现为 {dtype}", f"must be text or integers, is {dtype}"
            )
    if frame.schema["src"].is_integer() != frame.schema["dst"].is_integer() and frame.height:
        raise EdgeTableError(
            "dst", "与 src 的类型不同（一为文本，一为整数）", "is not of the same type as src"
        )


def _weight(columns: list[str]) -> pl.Expr:
    if "weight" in columns:
        return pl.col("weight").cast(pl.Float64)
    named = [kind for kind in RELATIONS.values() if kind.weight in columns]
    by_kind = (
        pl.coalesce(
            pl.when(pl.col("kind") == kind.name).then(
                pl.col(str(kind.weight)).cast(pl.Float64).fill_null(0.0)
            )
            for kind in named
        )
        if named
        else pl.lit(None, dtype=pl.Float64)
    )
    return by_kind.fill_null(1.0)


def _numbered(table: pl.DataFrame, nodes: pl.Series | None) -> tuple[pl.Series, Ints, Ints]:
    """Return the sorted ids and the positions in them of the sources and of the targets of the edges."""
    ends = pl.concat([table["src"].alias("id"), table["dst"].alias("id")])
    if nodes is None:
        every = ends
    elif table.is_empty():
        every = nodes.drop_nulls()
    else:
        every = pl.concat([ends, _like(nodes, ends).drop_nulls().alias("id")])
    typed = every.cast(pl.String) if every.dtype == pl.Null else every
    ids, positions = sorted_positions(typed.alias("id"))
    return ids, positions[: table.height], positions[table.height : 2 * table.height]


def _like(values: pl.Series, ids: pl.Series) -> pl.Series:
    """Return values in the type of the ids (wider integers), or raise where one is text and the other is not."""
    if values.dtype in (ids.dtype, pl.Null):
        return values.cast(ids.dtype)
    if values.dtype.is_integer() and ids.dtype.is_integer():
        return values.cast(ids.dtype)
    raise EdgeTableError(
        values.name or "id",
        f"类型为 {values.dtype}，而图中的编号为 {ids.dtype}",
        f"is {values.dtype}, the ids of the graph are {ids.dtype}",
    )


def _lookup(values: pl.Series, ids: pl.Series) -> pl.Series:
    index = ids.to_frame("id").with_row_index("position").with_columns(pl.col("position").cast(pl.Int64))
    keyed = _like(values, ids).alias("id").to_frame()
    return keyed.join(index, on="id", how="left", maintain_order="left")["position"]


def _relation(kind: str, part: pl.DataFrame, size: int) -> Relation:
    named = RELATIONS[kind].measures if kind in RELATIONS else ()
    columns = [WEIGHT, *(name for name in named if name in part.columns)]
    # Sorting by what is summed too makes the sums, to the last bit, independent of the order of the rows.
    ordered = part.select("place", *columns).sort("place", *columns)
    place = ordered["place"].to_numpy()
    first = np.flatnonzero(np.diff(place, prepend=-1))
    row, column = np.divmod(place[first], max(size, 1))
    pointer = np.zeros(size + 1, dtype=np.int64)
    np.cumsum(np.bincount(row, minlength=size), out=pointer[1:])
    counts = np.diff(first, append=len(place))
    measures = {name: _sums(ordered[name].to_numpy(), first) for name in columns}
    return Relation(kind, csr_array((counts, column, pointer), shape=(size, size)), measures)


def _sums(values: Floats, first: Ints) -> Floats:
    sums: Floats = np.add.reduceat(values, first) if len(first) else values
    return sums
