"""Point-in-time columns of the network for every party of a graph at once, for models and for reports."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from graph.measures.circles import circles
from graph.measures.concentration import concentration
from graph.measures.control import Control
from graph.measures.cut_points import cut_points
from graph.measures.default_rates import (
    Outcomes,
    Step,
    default_rates,
    group_default_rates,
    known_outcomes,
    two_hop_default_rates,
)
from graph.measures.guarantees import chain_lengths, steps_to_others
from graph.measures.pagerank import default_nearness, transitions
from graph.neighbours import pattern, row_sums
from graph.ontology import RELATIONS, Direction
from graph.snapshot import Snapshot

__all__ = ["COLUMN_KINDS", "NEARNESS", "WALKS", "controlled_groups", "network_columns"]

COLUMN_KINDS: Final = ("owns", "guarantees", "supplies", "holds_position", "family_of", "lends_to")
"""The relations whose columns are given unless others are asked for."""

_OUT, _IN = Direction.OUT, Direction.IN
WALKS: Final[tuple[tuple[Step, Step], ...]] = (
    (("supplies", _OUT), ("supplies", _OUT)),
    (("supplies", _IN), ("supplies", _IN)),
    (("supplies", _IN), ("supplies", _OUT)),
    (("guarantees", _OUT), ("guarantees", _OUT)),
    (("guarantees", _IN), ("guarantees", _IN)),
    (("owns", _IN), ("owns", _OUT)),
    (("holds_position", _IN), ("holds_position", _OUT)),
)
"""Two-step walks whose ends matter: customers of customers, suppliers of suppliers, other customers of the suppliers,
chains of guarantees both ways, companies of the same owners and of the same officers."""

_CHAINED: Final = "guarantees"
_SUPPLIED: Final = "supplies"
_NETWORKS: Final = ("guarantees", "owns")
NEARNESS: Final = {"guarantees": 0.4, "owns": 0.3, "supplies": 0.3}
"""How a walk from a default chooses the relation it follows; nearness is an order of parties, so only ratios matter."""

_COUNTS: Final = r"_(degree|neighbours|defaulted|observed|size|sole|pieces|cut_off|circles_\d|component)$"
_SHARES: Final = r"_(rate|share|hhi)$|^default_nearness|^steps_to_|^chain_|_shortest_circle$"

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Columns = dict[str, Floats]


@dataclass(frozen=True, eq=False)
class _Network:
    """What every family of columns is made from; `kinds` are the relations looked at one by one."""

    snapshot: Snapshot
    outcomes: Outcomes
    kinds: Sequence[str]
    control: Control | None

    def sides(self) -> Iterator[tuple[str, csr_array, csr_array | None]]:
        """Yield, per kind and direction that means something: name, counts of edges, weights (None without)."""
        for kind in self.kinds:
            relation = self.snapshot.relation(kind)
            known = RELATIONS.get(kind)
            if known is not None and known.symmetric:
                yield kind, (relation.edges + relation.edges_t).tocsr(), None
                continue
            for way in Direction:
                weighs = kind in self.weighted()
                yield (
                    f"{kind}_{way}",
                    relation.edges_towards(way),
                    relation.weights_towards(way) if weighs else None,
                )

    def weighted(self) -> list[str]:
        """Return the kinds whose edges carry a weight."""
        return [kind for kind in self.kinds if kind not in RELATIONS or RELATIONS[kind].weight is not None]


def network_columns(
    snapshot: Snapshot,
    defaults: pl.DataFrame,
    *,
    as_of: date,
    kinds: Sequence[str] = COLUMN_KINDS,
    since: date | None = None,
    observed: pl.Series | None = None,
    control: Control | None = None,
) -> pl.DataFrame:
    """Return one row per party of the snapshot, in its order: `id`, then the columns of each family.

    Counts are UInt32, amounts Float64 in the unit of the kind, all else Float32, null where there is nothing to tell.
    `defaults` [party_id, default_on, known_at] is read as known by `as_of`; `since` and `observed` as in
    `known_outcomes`; with `control` (of the same snapshot) there are columns of the group under one controller.
    Nothing of a party's own outcome enters its row. Measures that follow one party's failure through the whole graph
    (DebtRank of all) are not here: they cost a pass over the graph per party. Raises UnknownRelationError and
    DefaultTableError.
    """
    outcomes = known_outcomes(snapshot, defaults, as_of=as_of, since=since, observed=observed)
    network = _Network(snapshot, outcomes, kinds, control)
    frames = [_narrowed(family(network)) for family in _FAMILIES]
    return pl.concat([snapshot.ids.to_frame("id"), *frames], how="horizontal")


def _narrowed(frame: pl.DataFrame) -> pl.DataFrame:
    """Keep counts and shares in half the room: a million parties with 150 columns have to fit in memory."""
    counts, shares = pl.selectors.matches(_COUNTS), pl.selectors.matches(_SHARES)
    return frame.drop("id", strict=False).with_columns(counts.cast(pl.UInt32), shares.cast(pl.Float32))


def _ties(network: _Network) -> pl.DataFrame:
    """Count edges and distinct neighbours and sum weights: `<kind>_<way>_degree`, `…_neighbours`, `…_weight`."""
    columns: Columns = {}
    for name, edges, weights in network.sides():
        columns[f"{name}_degree"] = row_sums(edges)
        columns[f"{name}_neighbours"] = np.diff(edges.indptr).astype(np.float64)
        if weights is not None:
            columns[f"{name}_weight"] = row_sums(weights)
    return pl.DataFrame(columns)


def _concentrations(network: _Network) -> pl.DataFrame:
    """Tell how much hangs on few (see `concentration`), and how many hang on the party alone: `…_sole`."""
    frames, sole = [], {}
    for kind in network.weighted():
        frames.append(
            concentration(network.snapshot, kind).drop("id", pl.selectors.ends_with("counterparties"))
        )
        if kind not in (_SUPPLIED, _CHAINED):
            continue
        relation = network.snapshot.relation(kind)
        for way, back in ((_OUT, _IN), (_IN, _OUT)):
            alone = (np.diff(relation.edges_towards(back).indptr) == 1).astype(np.float64)
            sole[f"{kind}_{way}_sole"] = pattern(relation.edges_towards(way)) @ alone
    return pl.concat([*frames, pl.DataFrame(sole)], how="horizontal")


def _defaults(network: _Network) -> pl.DataFrame:
    """Count and rate neighbours in default, and the weight that lies with them: `…_lost_weight`, `…_lost_share`."""
    # One kind at a time: before they are narrowed, the columns of all kinds would be the peak of the memory.
    rates = [_narrowed(default_rates(network.snapshot, network.outcomes, [kind])) for kind in network.kinds]
    columns: Columns = {}
    for name, _, weights in network.sides():
        if weights is None:
            continue
        lost, total = weights @ network.outcomes.failed, row_sums(weights)
        share = np.divide(lost, total, out=np.full(len(total), np.nan), where=total > 0)
        columns |= {f"{name}_lost_weight": lost, f"{name}_lost_share": share}
    return pl.concat([*rates, pl.DataFrame(columns, nan_to_null=True)], how="horizontal")


def _two_steps(network: _Network) -> pl.DataFrame:
    walks = [walk for walk in WALKS if {walk[0][0], walk[1][0]} <= {*network.kinds}]
    rates = [two_hop_default_rates(network.snapshot, network.outcomes, [walk]) for walk in walks]
    return pl.concat([_narrowed(frame) for frame in rates], how="horizontal") if rates else pl.DataFrame()


def _together(network: _Network) -> pl.DataFrame:
    """Tell of the parties that hang together by guarantees alone, and by shares alone: `<kind>_network_size`, …."""
    frames = []
    for kind in _NETWORKS:
        if kind in network.kinds:
            edges = network.snapshot.relation(kind).edges
            labels = connected_components(edges, directed=False)[1].astype(np.int64)
            rates = group_default_rates(network.snapshot, network.outcomes, f"{kind}_network", labels)
            frames.append(rates.drop("id"))
    return pl.concat(frames, how="horizontal") if frames else pl.DataFrame()


def controlled_groups(control: Control) -> Ints:
    """Return the group of each party (n): the position of its ultimate controller, its own where nobody controls it."""
    groups = np.arange(control.snapshot.parties)
    controller = control.frame["controller"]
    groups[controller.is_not_null().to_numpy()] = control.snapshot.positions(controller.drop_nulls())
    return groups


def _controlled(network: _Network) -> pl.DataFrame:
    """Tell of the group under one ultimate controller, and on what the control rests."""
    if network.control is None:
        return pl.DataFrame()
    groups = controlled_groups(network.control)
    rates = group_default_rates(network.snapshot, network.outcomes, "control_group", groups)
    led = pl.col("controller").is_not_null()
    told = network.control.frame.select(
        pl.when(led).then("votes").alias("controller_votes_share"),
        pl.when(led).then("chain_length").alias("chain_to_controller"),
        pl.col("flag").is_not_null().alias("control_unclear"),
    )
    return rates.hstack(told)


def _cut_points(network: _Network) -> pl.DataFrame:
    if _SUPPLIED not in network.kinds:
        return pl.DataFrame()
    return cut_points(network.snapshot, _SUPPLIED)


def _circles(network: _Network) -> pl.DataFrame:
    """Tell of guarantee circles, mutual guarantees, and how long the chains behind and ahead are."""
    if _CHAINED not in network.kinds:
        return pl.DataFrame()
    snapshot = network.snapshot
    relation = snapshot.relation(_CHAINED)
    back = pattern(relation.edges_t)
    both: Columns = {
        f"{_CHAINED}_mutual_neighbours": row_sums(pattern(relation.edges).multiply(back).tocsr()),
        f"{_CHAINED}_mutual_weight": row_sums(relation.weights.multiply(back).tocsr()),
    }
    chains = chain_lengths(snapshot, _CHAINED).drop("id")
    return pl.concat(
        [circles(snapshot, _CHAINED).parties.drop("id"), pl.DataFrame(both), chains], how="horizontal"
    )


def _nearness(network: _Network) -> pl.DataFrame:
    """Tell how near defaults are: steps along chains of guarantees, and damped walks from the others in default."""
    failed = np.flatnonzero(network.outcomes.failed)
    shares = {kind: share for kind, share in NEARNESS.items() if kind in network.kinds}
    columns: Columns = {}
    for way in Direction:
        walk = transitions(network.snapshot, shares, way)
        columns[f"default_nearness_{way}"] = default_nearness(walk, failed)
    if _CHAINED in network.kinds:
        relation = network.snapshot.relation(_CHAINED)
        columns["steps_to_guaranteed_default"] = steps_to_others(relation.edges_t, failed)
        columns["steps_to_guarantor_default"] = steps_to_others(relation.edges, failed)
    return pl.DataFrame(columns, nan_to_null=True)


_FAMILIES: Final = (
    _ties,
    _concentrations,
    _defaults,
    _two_steps,
    _together,
    _controlled,
    _cut_points,
    _circles,
    _nearness,
)
