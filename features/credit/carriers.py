"""Which neighbour carries a party's network effect: along each route the worst end and the path that leads to it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.sparse import csr_array

from features.credit.book import Book
from features.credit.channels import Channel
from features.credit.links import OTHER_KINDS, at_risk_of, channel_weights
from features.credit.neighbour_scores import PASSED_ON
from features.credit.network import HUB, NEIGHBOUR_KINDS, RECENT_MONTHS
from features.credit.routes import Route
from features.errors import MissingColumnError
from graph.neighbours import pattern, row_sums
from graph.ontology import RELATIONS, Direction
from graph.path_search import Arcs
from graph.snapshot import Snapshot
from graph.worst_walks import worst_walks

__all__ = [
    "ENDS_SCHEMA",
    "MAX_STEPS",
    "SISTER_STEP",
    "STEPS",
    "WALKS_SCHEMA",
    "Step",
    "carriers_of",
    "ends_of",
]

MAX_STEPS: Final = 3

Step = tuple[str, Direction]
"""A relation kind and whether the party in front is its source (out) or its target (in)."""

SISTER_STEP: Final[Step] = ("sister", Direction.OUT)
"""From a company to its sister: two edges from a common owner or officer, told apart when the path is told."""

_OUT, _IN = Direction.OUT, Direction.IN
_CHANNEL_STEPS: Final[dict[Channel, Step]] = {
    Channel.GUARANTEED: ("guarantees", _OUT),
    Channel.GUARANTOR: ("guarantees", _IN),
    Channel.CUSTOMER: ("supplies", _OUT),
    Channel.SUPPLIER: ("supplies", _IN),
    Channel.OWNER: ("owns", _IN),
    Channel.OWNED: ("owns", _OUT),
}
_LED: Final = ("owns", "controls", "acts_in_concert")
STEPS: Final[tuple[Step, ...]] = (
    *_CHANNEL_STEPS.values(),
    *((kind, way) for kind in OTHER_KINDS for way in Direction),
    SISTER_STEP,
)
"""Every step that a path can take, in the order in which ties are settled."""

ROUTES: Final[dict[Route, tuple[tuple[Step, ...], int]]] = {
    Route.GUARANTEED: ((("guarantees", _OUT),), 3),
    Route.GUARANTOR: ((("guarantees", _IN),), 3),
    Route.CUSTOMER: ((("supplies", _OUT),), 2),
    Route.SUPPLIER: ((("supplies", _IN),), 2),
    Route.OWNER: ((("owns", _IN),), 1),
    Route.OWNED: ((("owns", _OUT),), 1),
    Route.SISTER: ((SISTER_STEP,), 1),
    Route.OTHER: (tuple((kind, way) for kind in OTHER_KINDS for way in Direction), 1),
    Route.GUARANTEE_NETWORK: ((("guarantees", _OUT), ("guarantees", _IN)), 3),
    Route.CONTROL_GROUP: (tuple((kind, way) for kind in _LED for way in Direction), 3),
    Route.ANYONE: (tuple(step for step in STEPS if step != SISTER_STEP), 3),
}
"""The steps of each route and how many of them a path has at most: as far as the features of the route look."""

_LEAST: Final = 0.001
"""What a relation counts whose amount or share is not known, or nearly nothing: it still leads somewhere."""

ENDS_SCHEMA: Final = pl.Schema({"party_id": pl.String(), "own_pd": pl.Float64(), "default_on": pl.Date()})
WALKS_SCHEMA: Final = pl.Schema(
    {
        "party_id": pl.String(),
        "channel": pl.Enum([route.value for route in Route]),
        "end_id": pl.String(),
        "brings": pl.Float64(),
        "parties": pl.List(pl.String()),
        "steps": pl.List(pl.Int8()),
    }
)
"""One path: `parties` from the party to the end, `steps` the places in `STEPS` between them."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def ends_of(book: Book, snapshot: Snapshot, own: pl.DataFrame) -> pl.DataFrame:
    """Return ENDS_SCHEMA: the parties of the graph whose trouble counts, as known on the book's date.

    Those known to have defaulted in the last `RECENT_MONTHS` months, with the day, and those at risk (as in
    `links.links_of`) with the PD of their own log-odds; `own` is [party_id, log_odds], others in it are left aside.
    Raises MissingColumnError.
    """
    absent = [column for column in ("party_id", "log_odds") if column not in own.columns]
    if absent:
        raise MissingColumnError("own", absent, own.columns)
    at_risk = snapshot.ids.filter(pl.Series(at_risk_of(book, snapshot)))
    pd = 1 / (1 + (-pl.col("log_odds").cast(pl.Float64).fill_nan(None)).exp())
    scored = (
        own.with_columns(pl.col("party_id").cast(pl.String))
        .filter(pl.col("party_id").is_in(at_risk.implode()))
        .select("party_id", pd.alias("own_pd"), pl.lit(None, dtype=pl.Date).alias("default_on"))
        .drop_nulls("own_pd")
    )
    as_of, since = book.known.as_of, book.known.since(RECENT_MONTHS)
    recent = pl.col("default_on").is_between(since, as_of, closed="right")
    failed = book.defaults.filter(recent).select("party_id", "default_on").collect()
    failed = failed.filter(pl.col("party_id").is_in(snapshot.ids.implode()))
    failed = failed.select("party_id", pl.lit(None, dtype=pl.Float64).alias("own_pd"), "default_on")
    return pl.concat([scored, failed]).sort("party_id")


def carriers_of(
    snapshot: Snapshot,
    sizes: pl.DataFrame,
    ends: pl.DataFrame,
    *,
    groups: Ints | None = None,
    closed: Bools | None = None,
    routes: Iterable[Route] = tuple(Route),
) -> pl.DataFrame:
    """Return WALKS_SCHEMA: for each party of the graph and route the path that brings it most trouble, if any.

    A relation passes on its weight (see `links_of`) times the transmission of its kind in the ontology, a path the
    product of its relations; the end's badness is 1 in default (see `ends_of`), else its own PD. A direct neighbour in
    default comes before all others; then decides badness times path, then the shorter path. Paths run as far as the
    features of the route look, at most `MAX_STEPS`, and through no hub (more than `HUB` relations). `groups` (n) is
    `graph.columns.controlled_groups`, which the control group stays within; without it any holding is followed.
    `sizes` as in `links.channel_weights`; `closed` (n) gives the hubs where the snapshot is only a part of the graph.
    Sorted by party and route.
    """
    steps = {step: place for place, step in enumerate(STEPS)}
    every = dict(_arcs(snapshot, sizes))
    standing = snapshot.aligned(ends, key="party_id")
    failed = standing["default_on"].is_not_null().cast(pl.Float64).to_numpy()
    badness = np.maximum(failed, standing["own_pd"].fill_null(0.0).to_numpy())
    hubs = _hubs(snapshot) if closed is None else closed
    frames = [pl.DataFrame(schema=WALKS_SCHEMA)]
    for route in routes:
        taken, most = ROUTES[route]
        arcs, step = _joined(snapshot.parties, [(steps[one], every[one]) for one in taken])
        if route is Route.CONTROL_GROUP and groups is not None:
            within = groups[arcs.tail] == groups[arcs.head]
            arcs, step = _only(arcs, within), step[within]
        chosen = _chosen(arcs, failed, badness, most, hubs)
        frames.append(_walks(route, snapshot.ids, arcs, step, chosen))
    return pl.concat(frames).sort("party_id", "channel")


def _arcs(snapshot: Snapshot, sizes: pl.DataFrame) -> Iterator[tuple[Step, csr_array]]:
    """Yield for each step the matrix of how far trouble of column j reaches row i by it."""
    weights = channel_weights(snapshot, sizes)
    for channel, step in _CHANNEL_STEPS.items():
        yield step, weights[channel] * PASSED_ON[channel]
    yield SISTER_STEP, weights[Channel.SISTER]
    for kind in OTHER_KINDS:
        transmission = RELATIONS[kind].transmission
        yield (kind, _OUT), pattern(snapshot.relation(kind).edges) * transmission.in_
        yield (kind, _IN), pattern(snapshot.relation(kind).edges_t) * transmission.out


def _hubs(snapshot: Snapshot) -> Bools:
    touching = np.zeros(snapshot.parties)
    for kind in NEIGHBOUR_KINDS:
        relation = snapshot.relation(kind)
        touching += row_sums(relation.edges) + row_sums(relation.edges_t)
    return touching > HUB


def _joined(parties: int, matrices: list[tuple[int, csr_array]]) -> tuple[Arcs, Ints]:
    """Return the arcs of several steps as one multigraph, and the step of each arc."""
    tails = [np.repeat(np.arange(parties), np.diff(matrix.indptr)) for _, matrix in matrices]
    counts = [matrix.nnz for _, matrix in matrices]
    factor = np.concatenate([matrix.data for _, matrix in matrices])
    arcs = Arcs(
        parties,
        np.concatenate(tails).astype(np.int64),
        np.concatenate([matrix.indices for _, matrix in matrices]).astype(np.int64),
        np.clip(factor, _LEAST, 1.0),
    )
    return arcs, np.repeat([place for place, _ in matrices], counts)


def _only(arcs: Arcs, kept: Bools) -> Arcs:
    return Arcs(arcs.nodes, arcs.tail[kept], arcs.head[kept], arcs.factor[kept])


@dataclass(frozen=True, eq=False)
class _Chosen:
    end: Ints
    brings: Floats
    arcs: Ints


def _chosen(arcs: Arcs, failed: Floats, badness: Floats, most: int, hubs: Bools) -> _Chosen:
    near = worst_walks(arcs, failed, max_steps=1)
    far = worst_walks(arcs, badness, max_steps=most, closed=hubs)
    direct = near.end >= 0
    first = np.full_like(far.steps, -1)
    first[:, :1] = near.steps
    return _Chosen(
        np.where(direct, near.end, far.end),
        np.where(direct, near.brings, far.brings),
        np.where(direct[:, None], first, far.steps),
    )


def _walks(route: Route, ids: pl.Series, arcs: Arcs, step: Ints, chosen: _Chosen) -> pl.DataFrame:
    party = np.flatnonzero(chosen.end >= 0)
    taken = chosen.arcs[party]
    row, place = np.nonzero(taken >= 0)
    arc = taken[row, place]
    hops = pl.DataFrame({"row": row, "head": ids.gather(arcs.head[arc]).cast(pl.String), "step": step[arc]})
    paths = hops.group_by("row", maintain_order=True).agg("head", pl.col("step").cast(pl.Int8))
    start = ids.gather(party).cast(pl.String)
    return pl.DataFrame(
        {
            "party_id": start,
            "channel": pl.Series([route.value], dtype=WALKS_SCHEMA["channel"]).new_from_index(0, len(party)),
            "end_id": ids.gather(chosen.end[party]).cast(pl.String),
            "brings": chosen.brings[party],
            "parties": pl.DataFrame({"start": start, "head": paths["head"]}).select(
                pl.concat_list("start", "head")
            )["start"],
            "steps": paths["step"],
        },
        schema=WALKS_SCHEMA,
    )
