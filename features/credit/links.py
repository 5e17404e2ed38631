"""Who is linked to whom on a date: the neighbours that have an own score, by channel, with what hangs on them."""

from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.sparse import csr_array

from features.credit.book import Book
from features.credit.channels import LINKS_SCHEMA, Channel
from features.credit.network import KINDS, NEIGHBOUR_KINDS, sisters
from features.credit.parties import profiles
from features.credit.standing import Standing, standings
from features.credit.statements import latest_statements
from features.errors import SnapshotDateError
from graph.neighbours import pattern, row_sums
from graph.ontology import Direction
from graph.snapshot import Relation, Snapshot

__all__ = ["LINKS_SCHEMA", "OTHER_KINDS", "at_risk_of", "channel_weights", "links_of", "sizes_of"]

_OUT, _IN = Direction.OUT, Direction.IN
OTHER_KINDS: Final = tuple(
    kind for kind in NEIGHBOUR_KINDS if kind not in KINDS or kind in ("holds_position", "family_of")
)

Floats = npt.NDArray[np.float64]


def links_of(book: Book, snapshot: Snapshot, parties: pl.Series | None = None) -> pl.DataFrame:
    """Return LINKS_SCHEMA: the neighbours at risk of each party (default: of every party in the graph), as known then.

    A neighbour is at risk when it has a live exposure and has not defaulted on what was known on the book's date;
    only such a one has a score of its own. A party never is its own neighbour; through several channels the same
    neighbour stands in several rows. Sorted by party, channel, neighbour.

    `weight`, in 0..1, is what hangs on the neighbour: guaranteed, the amount over the party's equity (without a
    statement its registered capital; 1 where that is not positive or not known); guarantor, its part of all
    guarantees received; customer, its part of the yearly sales (the recorded share, else the amount over the larger of
    reported revenue and all known sales); supplier, its part of all known purchases (the recorded share first);
    owner and owned, the share held; sister and other, 1. Raises SnapshotDateError when the graph is later than the book.
    """
    if snapshot.as_of is None or snapshot.as_of > book.known.as_of:
        raise SnapshotDateError(snapshot.as_of, book.known.as_of)
    at_risk = at_risk_of(book, snapshot)
    rows = np.ones(snapshot.parties, dtype=np.bool_)
    if parties is not None:
        rows = snapshot.ids.is_in(parties.implode()).to_numpy()
    frames = [
        _long(channel, matrix, snapshot.ids, rows, at_risk)
        for channel, matrix in channel_weights(snapshot, sizes_of(book, snapshot)).items()
    ]
    return (
        pl.concat(frames)
        .with_columns(as_of=pl.lit(book.known.as_of))
        .select(LINKS_SCHEMA.names())
        .sort("party_id", "channel", "neighbour_id")
    )


def at_risk_of(book: Book, snapshot: Snapshot) -> npt.NDArray[np.bool_]:
    """Return which parties of the graph have a live exposure and have not defaulted, as known then (n)."""
    standing = standings(book, snapshot.ids)["standing"]
    return (standing == Standing.AT_RISK.value).to_numpy()


def channel_weights(snapshot: Snapshot, sizes: pl.DataFrame) -> dict[Channel, csr_array]:
    """Return for each channel the matrix (n × n) whose row i holds the weights of party i's neighbours, see `links_of`.

    `sizes` is [id, strength, revenue_year] in the order of the snapshot's ids, NaN where unknown.
    """
    guarantees, supplies, owns = (snapshot.relation(kind) for kind in ("guarantees", "supplies", "owns"))
    sold, bought = row_sums(supplies.weights), row_sums(supplies.weights_t)
    sales, one = np.fmax(sold, sizes["revenue_year"].to_numpy()), np.ones(snapshot.parties)
    other = csr_array((snapshot.parties, snapshot.parties))
    for kind in OTHER_KINDS:
        relation = snapshot.relation(kind)
        other = other + relation.edges + relation.edges_t
    return {
        Channel.GUARANTEED: _parts(guarantees.weights, sizes["strength"].to_numpy()),
        Channel.GUARANTOR: _parts(guarantees.weights_t, row_sums(guarantees.weights_t)),
        Channel.CUSTOMER: _recorded(_parts(supplies.weights, sales), supplies, "seller_share", _OUT),
        Channel.SUPPLIER: _recorded(_parts(supplies.weights_t, bought), supplies, "buyer_share", _IN),
        Channel.OWNER: _parts(owns.weights_t, one),
        Channel.OWNED: _parts(owns.weights, one),
        Channel.SISTER: pattern(sisters(snapshot)),
        Channel.OTHER: pattern(other),
    }


def sizes_of(book: Book, snapshot: Snapshot) -> pl.DataFrame:
    """Return [id, strength, revenue_year] in the order of the snapshot's ids, NaN where unknown.

    `strength` is the equity of the latest statement, else the registered capital.
    """
    reported = latest_statements(book.known).select("party_id", "equity", "revenue_year")
    capital = profiles(book.known).select("party_id", "registered_capital")
    sizes = capital.join(reported, on="party_id", how="left").select(
        "party_id",
        pl.coalesce("equity", "registered_capital").cast(pl.Float64).alias("strength"),
        pl.col("revenue_year").cast(pl.Float64),
    )
    return snapshot.aligned(sizes.collect(), key="party_id").with_columns(
        pl.col(pl.Float64).fill_null(np.nan)
    )


def _parts(matrix: csr_array, whole: Floats) -> csr_array:
    """Return each entry over its row's whole, at most 1; 1 where the whole is unknown or not positive."""
    over = np.repeat(whole, np.diff(matrix.indptr))
    known = over > 0
    parts = np.where(known, np.minimum(matrix.data / np.where(known, over, 1.0), 1.0), 1.0)
    return csr_array((parts, matrix.indices, matrix.indptr), shape=matrix.shape)


def _recorded(parts: csr_array, relation: Relation, column: str, direction: Direction) -> csr_array:
    """Return the recorded share where there is one, else the part worked out."""
    if column not in relation.measures:
        return parts
    recorded = relation.measure(column)
    shares = (recorded if direction is _OUT else recorded.T.tocsr()).data
    data = np.where(shares > 0, np.minimum(shares, 1.0), parts.data)
    return csr_array((data, parts.indices, parts.indptr), shape=parts.shape)


def _long(
    channel: Channel,
    matrix: csr_array,
    ids: pl.Series,
    rows: npt.NDArray[np.bool_],
    at_risk: npt.NDArray[np.bool_],
) -> pl.DataFrame:
    party = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    kept = rows[party] & at_risk[matrix.indices] & (party != matrix.indices)
    return pl.DataFrame(
        {
            "party_id": ids.gather(party[kept]).cast(pl.String),
            "neighbour_id": ids.gather(matrix.indices[kept]).cast(pl.String),
            "channel": pl.Series([channel.value], dtype=LINKS_SCHEMA["channel"]).new_from_index(
                0, int(kept.sum())
            ),
            "weight": pl.Series(matrix.data[kept], dtype=pl.Float64),
        }
    )
