"""How much a party depends on few others: Herfindahl index, largest share, and who has a single source."""

from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.sparse import csr_array

from graph.errors import MeasureArgumentError, UnknownMeasureError
from graph.measures.arcs import row_numbers
from graph.neighbours import row_sums
from graph.ontology import Direction
from graph.snapshot import Relation, Snapshot

__all__ = ["SINGLE_SHARE", "concentration", "concentration_columns", "dependence", "single_sources"]

SINGLE_SHARE: Final = 0.5
"""A share of purchases (or sales) from which on one counterparty cannot be replaced at short notice: a judgement."""

_DEPENDENCE: Final = {Direction.IN: "buyer_share", Direction.OUT: "seller_share"}

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def concentration_columns(kind: str, direction: Direction) -> tuple[str, ...]:
    """Return the names of the columns that `concentration` gives for one kind and direction."""
    measures = ("counterparties", "largest", "largest_share", "hhi")
    return tuple(f"{kind}_{direction}_{measure}" for measure in measures)


def concentration(snapshot: Snapshot, kind: str = "supplies") -> pl.DataFrame:
    """Return, per party (`id`), how concentrated its edges of a kind are, in both directions (Float64).

    `<kind>_<out|in>_counterparties`: distinct counterparties (for supplies: out customers, in suppliers); `…_largest`:
    the largest weight with one of them, in the unit of the kind, 0 without any; `…_largest_share`: that over the sum;
    `…_hhi`: the sum of squared shares, 1/k for k equal ones to 1 for a single one (Herfindahl 1950, Hirschman 1964).
    Unknown weights count as 0, and so do negative ones (what was taken back), so shares are over known weights; null
    where no weight is known. Raises UnknownRelationError.
    """
    relation = snapshot.relation(kind)
    columns: dict[str, Floats] = {}
    for direction in Direction:
        weights = relation.weights_towards(direction)
        figures = (np.diff(weights.indptr).astype(np.float64), *_shares(weights))
        columns |= dict(zip(concentration_columns(kind, direction), figures, strict=True))
    return pl.DataFrame({"id": snapshot.ids, **columns}, nan_to_null=True)


def _shares(weights: csr_array) -> tuple[Floats, Floats, Floats]:
    """Return the largest entry, its share and the Herfindahl index of each row; NaN where no entry is known."""
    # Shares before squares: the square of a small amount is 0 in floating point, its share is not.
    share = np.nan_to_num(_parts(weights))
    squares = row_sums(csr_array((share**2, weights.indices, weights.indptr), shape=weights.shape))
    largest, largest_share = _largest(weights, weights.data), _largest(weights, share)
    known = largest > 0
    return largest, np.where(known, largest_share, np.nan), np.where(known, squares, np.nan)


def _parts(weights: csr_array) -> Floats:
    """Return the part of each entry (nnz) in the sum of the positive ones of its row; NaN for any other."""
    positive = np.maximum(weights.data, 0.0)
    total = row_sums(csr_array((positive, weights.indices, weights.indptr), shape=weights.shape))
    parts: Floats = np.full(weights.nnz, np.nan)
    np.divide(weights.data, total[row_numbers(weights)], out=parts, where=weights.data > 0)
    return parts


def _largest(matrix: csr_array, values: Floats) -> Floats:
    """Return the largest of the values (nnz) stored in each row, 0 for an empty row or where none is above 0."""
    result = np.zeros(matrix.shape[0])
    filled = np.flatnonzero(np.diff(matrix.indptr))
    if len(filled):
        result[filled] = np.maximum(np.maximum.reduceat(values, matrix.indptr[filled]), 0.0)
    return result


def dependence(snapshot: Snapshot, kind: str = "supplies") -> pl.DataFrame:
    """Return, per party (`id`), how much it depends on its most important counterparty, in both directions (Float64).

    `<kind>_<out|in>_dependence` is the largest share of its sales (out) or purchases (in) with one counterparty: the
    statements' own `seller_share` or `buyer_share` where given, else the share in the known amounts; null where
    neither is known. Compare with `single_sources`, which names the counterparties. Raises UnknownRelationError.
    """
    relation = snapshot.relation(kind)
    columns = {}
    for direction in Direction:
        weights = relation.weights_towards(direction)
        share, _ = _known_shares(relation, weights, direction)
        largest = _largest(weights, np.nan_to_num(share))
        columns[f"{kind}_{direction}_dependence"] = np.where(largest > 0, largest, np.nan)
    return pl.DataFrame({"id": snapshot.ids, **columns}, nan_to_null=True)


def single_sources(
    snapshot: Snapshot, kind: str = "supplies", *, threshold: float = SINGLE_SHARE
) -> pl.DataFrame:
    """Return who depends on one counterparty [id, party, direction, share, recorded, only_one], one row per dependence.

    `direction` in: `id` buys from `party`, at least `threshold` of its purchases; out: it sells to `party`, at least
    `threshold` of its sales. `share` is the statement's own (`buyer_share`, `seller_share`: `recorded`) or, where none
    is given, the party's share in the known amounts; a known share speaks even when it is below the threshold.
    `only_one` marks the only counterparty known, listed even if no amount is known (`share` null). What the group does
    not see (other suppliers) can make a computed share too high, never too low. Sorted by id, direction, share and
    party. Raises UnknownRelationError, and MeasureArgumentError for a threshold outside 0 to 1.
    """
    if not 0 < threshold <= 1:
        raise MeasureArgumentError(
            "threshold",
            f"应大于 0 且不超过 1，现为 {threshold}",
            f"must be above 0 and at most 1, is {threshold}",
        )
    relation = snapshot.relation(kind)
    frames = [_dependence(snapshot, relation, direction) for direction in Direction]
    depends = (pl.col("share") >= threshold) | pl.col("only_one")
    # "in" (what it buys) comes before "out" in the alphabet too.
    return (
        pl.concat(frames)
        .filter(depends.fill_null(value=False))
        .sort(["id", "direction", "share", "party"], descending=[False, False, True, False], nulls_last=True)
    )


def _dependence(snapshot: Snapshot, relation: Relation, direction: Direction) -> pl.DataFrame:
    weights = relation.weights_towards(direction)
    rows, columns = row_numbers(weights), weights.indices.astype(np.int64)
    share, recorded = _known_shares(relation, weights, direction)
    return pl.DataFrame(
        {
            "id": snapshot.ids.gather(rows),
            "party": snapshot.ids.gather(columns),
            "direction": pl.Series([direction.value], dtype=pl.String).new_from_index(0, len(rows)),
            "share": share,
            "recorded": recorded,
            "only_one": np.diff(weights.indptr)[rows] == 1,
        },
        nan_to_null=True,
    )


def _known_shares(
    relation: Relation, weights: csr_array, direction: Direction
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Return the share of each edge in what its row sells or buys, NaN where unknown, and whether it was recorded."""
    recorded = _recorded(relation, direction)
    given = recorded > 0
    return np.where(given, np.minimum(recorded, 1.0), _parts(weights)), given


def _recorded(relation: Relation, direction: Direction) -> Floats:
    """Return the recorded shares of dependence in the order of the edges in a direction, 0 where none is recorded."""
    try:
        shares = relation.measure(_DEPENDENCE[direction])
    except UnknownMeasureError:
        return np.zeros(relation.edges.nnz)
    recorded: Floats = np.nan_to_num((shares if direction is Direction.OUT else shares.T.tocsr()).data)
    return recorded
