"""Guarantees: steps to the nearest default, chains behind and ahead, and amounts against net assets and shareholding."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.sparse import csr_array

from graph.errors import MeasureArgumentError
from graph.measures.arcs import expanded, row_numbers, seeds_of, values_at
from graph.measures.simple_cycles import strong_components
from graph.neighbours import row_sums
from graph.ontology import Direction
from graph.snapshot import Snapshot

__all__ = [
    "GroupLoad",
    "Standing",
    "beyond_shareholding",
    "chain_lengths",
    "default_distances",
    "group_load",
    "guarantee_load",
    "steps_to_others",
]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Standing(StrEnum):
    """How a guarantee stands to the guarantor's shareholding (国资发财评规〔2021〕75号, items 3 and 5)."""

    WITHIN = "within"
    BEYOND_SHARE = "beyond_share"
    NO_EQUITY = "no_equity"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class GroupLoad:
    """The guarantees of a group in CNY against its net assets; `ratio` is None where net assets are not positive."""

    given: float
    within: float
    outside: float
    unknown_amounts: int
    net_assets: float
    ratio: float | None
    allowed: float
    excess: float

    @property
    def breach(self) -> bool:
        """Tell whether more is guaranteed than allowed."""
        return self.excess > 0


def default_distances(snapshot: Snapshot, defaulted: pl.Series, kind: str = "guarantees") -> pl.DataFrame:
    """Return, per party (`id`), the steps along guarantees to the nearest other defaulted party, null where none is.

    `steps_to_guaranteed_default`: down to a party in default that it guarantees, directly (1) or through others: the
    way on which it will be called. `steps_to_guarantor_default`: up to a guarantor in default: the way on which its
    own cover falls away. A party's own default never counts, so its label does not change its value. Parties outside
    the graph are left out. Raises UnknownRelationError.
    """
    relation, seeds = snapshot.relation(kind), seeds_of(snapshot, defaulted)
    columns = {
        "steps_to_guaranteed_default": steps_to_others(relation.edges_towards(Direction.IN), seeds),
        "steps_to_guarantor_default": steps_to_others(relation.edges_towards(Direction.OUT), seeds),
    }
    return pl.DataFrame({"id": snapshot.ids, **columns}, nan_to_null=True)


def steps_to_others(spread: csr_array, seeds: Ints) -> Floats:
    """Return the fewest steps from a seed other than itself to each node along `spread` (n × n), NaN where none leads.

    Each node keeps its two nearest seeds: of these at most one is itself, and a third is never nearer to anybody.
    """
    size = spread.shape[0]
    nearest = np.full((size, 2), -1, dtype=np.int64)
    steps = np.full((size, 2), np.nan)
    nearest[seeds, 0], steps[seeds, 0] = seeds, 0.0
    node = source = seeds
    step = 0
    while len(node):
        step += 1
        places, target, _ = expanded(spread, node)
        node, source = _newly_reached(target, source[places], nearest)
        slot = _slots(node, nearest)
        nearest[node, slot], steps[node, slot] = source, float(step)
    own = nearest[:, 0] == np.arange(size)
    result: Floats = np.where(own, steps[:, 1], steps[:, 0])
    return result


def _newly_reached(target: Ints, source: Ints, nearest: Ints) -> tuple[Ints, Ints]:
    """Return the pairs of node and seed that find a free slot at the node, sorted, each once."""
    size = len(nearest)
    fresh = (nearest[target] != source[:, None]).all(axis=1) & (nearest[target, 1] < 0)
    node, seed = np.divmod(np.unique(target[fresh] * size + source[fresh]), size)
    first = np.searchsorted(node, node)
    free = (nearest[node] < 0).sum(axis=1)
    fits = np.arange(len(node)) - first < free
    return node[fits], seed[fits]


def _slots(node: Ints, nearest: Ints) -> Ints:
    """Return which of a node's two slots each of its new seeds takes; `node` is sorted."""
    place: Ints = np.arange(len(node)) - np.searchsorted(node, node) + (nearest[node, 0] >= 0)
    return place


def chain_lengths(snapshot: Snapshot, kind: str = "guarantees") -> pl.DataFrame:
    """Return, per party (`id`), how long the longest chains of guarantees behind and ahead of it are, in steps.

    `chain_behind` counts guarantors of guarantors up to the last one, `chain_ahead` the parties it guarantees, those
    that they guarantee, and so on. Parties of one circle (strong component) are one link: within circles the longest
    chain has no end that could be found, and adds no party that is not answerable already. Raises
    UnknownRelationError.
    """
    edges = snapshot.relation(kind).edges
    labels = strong_components(edges)
    links = _condensed(edges, labels)
    behind, ahead = _levels(links), _levels(links.T.tocsr())
    columns = {"chain_behind": behind[labels], "chain_ahead": ahead[labels]}
    return pl.DataFrame({"id": snapshot.ids, **columns}, schema_overrides=dict.fromkeys(columns, pl.Float64))


def _condensed(edges: csr_array, labels: Ints) -> csr_array:
    """Return the edges between strong components, each once."""
    count = int(labels.max(initial=-1)) + 1
    source, target = labels[row_numbers(edges)], labels[edges.indices]
    apart = source != target
    source, target = np.divmod(np.unique(source[apart] * count + target[apart]), max(count, 1))
    return csr_array((np.ones(len(source), dtype=np.int64), (source, target)), shape=(count, count))


def _levels(links: csr_array) -> Floats:
    """Return the longest path that ends in each node of a graph without cycles."""
    waiting = np.bincount(links.indices, minlength=links.shape[0])
    level = np.zeros(links.shape[0])
    ready = np.flatnonzero(waiting == 0)
    depth = 0
    while len(ready):
        level[ready] = depth
        _, target, _ = expanded(links, ready)
        reached, times = np.unique(target, return_counts=True)
        waiting[reached] -= times
        ready = reached[waiting[reached] == 0]
        depth += 1
    return level


def guarantee_load(
    snapshot: Snapshot, net_assets: pl.DataFrame, *, limit: float, kind: str = "guarantees"
) -> pl.DataFrame:
    """Return, per party, the guarantees it has given and received against its own net assets, in CNY.

    `net_assets` is [id, net_assets] in CNY. Returns [id, given, received, unknown_amounts, net_assets, ratio, allowed,
    excess, above_limit, above_net_assets]: `unknown_amounts` counts parties it guarantees for an unknown amount
    (`given` is a lower bound then), `allowed` is `limit` × net assets, or 0 where these are negative, and `excess` what
    goes beyond. Without known net assets all that depends on them is null, and `ratio` is null where they are not
    positive. The limit in force is `policy_as_of(day).guarantee.single`. Raises UnknownRelationError, MeasureArgumentError, and
    EdgeTableError for a party given twice.
    """
    _check_limit(limit)
    weights = snapshot.relation(kind).weights
    unknown = np.bincount(row_numbers(weights)[weights.data <= 0], minlength=snapshot.parties)
    figures = {"given": row_sums(weights), "received": np.asarray(weights.sum(axis=0)).ravel()}
    held = snapshot.aligned(net_assets.select("id", pl.col("net_assets").cast(pl.Float64).fill_nan(None)))
    return held.with_columns(**figures, unknown_amounts=pl.Series(unknown, dtype=pl.Int64)).select(
        *("id", "given", "received", "unknown_amounts", "net_assets"),
        pl.when(pl.col("net_assets") > 0).then(pl.col("given") / pl.col("net_assets")).alias("ratio"),
        (pl.col("net_assets").clip(0.0) * limit).alias("allowed"),
        (pl.col("given") - pl.col("net_assets").clip(0.0) * limit).clip(0.0).alias("excess"),
        (pl.col("given") > pl.col("net_assets").clip(0.0) * limit).alias("above_limit"),
        (pl.col("given") > pl.col("net_assets").clip(0.0)).alias("above_net_assets"),
    )


def group_load(
    snapshot: Snapshot,
    members: pl.Series,
    net_assets: float,
    *,
    limit: float,
    kind: str = "guarantees",
) -> GroupLoad:
    """Return what the members of a group guarantee, for each other and for outsiders, against its net assets (CNY).

    `net_assets` are the consolidated ones; the limit in force is `policy_as_of(day).guarantee.group`. Raises UnknownPartyError for a
    member that is not in the graph, UnknownRelationError and MeasureArgumentError.
    """
    _check_limit(limit)
    if not np.isfinite(net_assets):
        raise MeasureArgumentError("net_assets", "应为有限数", "must be finite")
    inside = np.zeros(snapshot.parties, dtype=bool)
    inside[snapshot.positions(members)] = True
    weights = snapshot.relation(kind).weights
    ours = inside[row_numbers(weights)]
    within = ours & inside[weights.indices]
    given = float(weights.data[ours].sum())
    inner = float(weights.data[within].sum())
    allowed = max(net_assets, 0.0) * limit
    return GroupLoad(
        given=given,
        within=inner,
        outside=float(weights.data[ours & ~within].sum()),
        unknown_amounts=int((weights.data[ours] <= 0).sum()),
        net_assets=net_assets,
        ratio=given / net_assets if net_assets > 0 else None,
        allowed=allowed,
        excess=max(given - allowed, 0.0),
    )


def beyond_shareholding(
    snapshot: Snapshot,
    financing: pl.DataFrame | None = None,
    *,
    shares: csr_array | None = None,
    guarantors: pl.Series | None = None,
) -> pl.DataFrame:
    """Return each guarantee against the guarantor's share in the guaranteed party (超股比担保), in CNY.

    `financing` is [id, financing], what a party has borrowed in all; without it the guarantees known for the party
    stand for it, which can only overstate the excess. `shares` (n × n, 0 to 1) replaces the direct shares of `owns`, so
    that looked-through ones can be taken; `guarantors` keeps the rows of these parties (of the group's own companies:
    the rule is not made for others). Returns [guarantor, guaranteed, amount, share, base, base_is_financing, allowed,
    excess, standing], sorted by guarantor and guaranteed: `allowed` = share × base, `standing` a `Standing`. Source:
    国资发财评规〔2021〕75号, items 3 and 5: no guarantee for parties outside the group without equity in them, none beyond
    the share for an investee, and for a subsidiary only if the group's board approves. Raises UnknownPartyError,
    UnknownRelationError, EdgeTableError.
    """
    weights = snapshot.relation("guarantees").weights
    rows, columns = row_numbers(weights), weights.indices.astype(np.int64)
    amount = weights.data.astype(np.float64)
    held = snapshot.relation("owns").weights if shares is None else shares
    if guarantors is not None:
        kept = np.isin(rows, snapshot.positions(guarantors))
        rows, columns, amount = rows[kept], columns[kept], amount[kept]
    received = np.asarray(weights.sum(axis=0), dtype=np.float64).ravel()
    borrowed = _borrowed(snapshot, financing)[columns]
    table = pl.DataFrame(
        {
            "guarantor": snapshot.ids.gather(rows),
            "guaranteed": snapshot.ids.gather(columns),
            "amount": np.where(amount > 0, amount, np.nan),
            "share": np.clip(values_at(held, rows, columns), 0.0, 1.0),
            "base": np.where(borrowed > 0, borrowed, received[columns]),
            "base_is_financing": borrowed > 0,
        },
        nan_to_null=True,
    )
    return table.with_columns(allowed=pl.col("share") * pl.col("base")).with_columns(
        excess=(pl.col("amount") - pl.col("allowed")).clip(0.0), standing=_standing()
    )


def _borrowed(snapshot: Snapshot, financing: pl.DataFrame | None) -> Floats:
    if financing is None:
        return np.zeros(snapshot.parties)
    known = snapshot.aligned(financing.select("id", pl.col("financing").cast(pl.Float64)))
    return known["financing"].fill_null(0.0).fill_nan(0.0).to_numpy()


def _standing() -> pl.Expr:
    # Sums of amounts in floating point must not make a guarantee in proportion to the share a breach.
    beyond = pl.col("amount") > pl.col("allowed") * (1 + 1e-9)
    return (
        pl.when(pl.col("share") <= 0)
        .then(pl.lit(Standing.NO_EQUITY.value))
        .when(pl.col("amount").is_null())
        .then(pl.lit(Standing.UNKNOWN.value))
        .when(beyond)
        .then(pl.lit(Standing.BEYOND_SHARE.value))
        .otherwise(pl.lit(Standing.WITHIN.value))
    )


def _check_limit(limit: float) -> None:
    if not (np.isfinite(limit) and limit > 0):
        raise MeasureArgumentError("limit", f"应为正数，现为 {limit}", f"must be positive, is {limit}")
