"""The deeper half of the network view: circles, chains, groups under one controller and defaults further away."""

from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.sparse.csgraph import connected_components

from features.credit.ratios import exact_sum
from graph.columns import controlled_groups
from graph.measures.circles import circles
from graph.measures.control import Control, find_control
from graph.measures.cut_points import cut_points
from graph.measures.default_rates import Outcomes, Step, two_hop_default_rates
from graph.measures.guarantees import Standing, beyond_shareholding, chain_lengths, steps_to_others
from graph.measures.ownership import Ownership, reached
from graph.measures.pagerank import default_nearness, transitions
from graph.neighbours import pattern, row_sums
from graph.ontology import Direction, PartyKind
from graph.policy import ControlPolicy, policy_as_of
from graph.snapshot import Snapshot

__all__ = ["WALKS", "depth"]

_OUT, _IN = Direction.OUT, Direction.IN
WALKS: tuple[tuple[Step, Step], ...] = (
    (("guarantees", _OUT), ("guarantees", _OUT)),
    (("guarantees", _IN), ("guarantees", _IN)),
    (("supplies", _OUT), ("supplies", _OUT)),
    (("supplies", _IN), ("supplies", _IN)),
)
"""Two-step walks to parties whose default may reach a party through one in between."""

_TROUBLE = {"guarantees": 0.4, "owns": 0.3, "supplies": 0.3}
"""How a walk from a default chooses the relation it follows; only the order of parties by nearness is read."""

_ROUNDS, _NOTHING = 60, 1e-6

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Columns = dict[str, Floats]


def depth(snapshot: Snapshot, own: pl.DataFrame, kinds: pl.DataFrame, as_of: date) -> list[pl.DataFrame]:
    """Return frames in the order of the snapshot's ids, without a column of ids.

    `own` is aligned with the snapshot [id, dpd, adverse, defaulted, …]; `kinds` is [party_id, kind]. A party's own
    figures enter nothing of its row.
    """
    failed = own["defaulted"].fill_null(0.0).to_numpy()
    outcomes = Outcomes(failed, own["defaulted"].is_not_null().cast(pl.Float64).to_numpy())
    rules = policy_as_of(as_of).control
    control = find_control(snapshot, rules, parties=kinds, barriers=frozenset({PartyKind.GOVERNMENT}))
    walked = two_hop_default_rates(snapshot, outcomes, WALKS).drop("id", pl.selectors.ends_with("_rate"))
    return [
        walked.rename(_as_aggregate),
        _circles(snapshot, outcomes),
        _chains(snapshot, outcomes),
        _beyond(snapshot),
        _sole(snapshot),
        cut_points(snapshot, "supplies").drop("id").cast(pl.Float64),
        _groups(control, outcomes, own),
        _owners(snapshot, rules),
        _nearness(snapshot, outcomes),
    ]


def _as_aggregate(name: str) -> str:
    """Name the counts of a default rate as aggregates of neighbours' values are named."""
    return name.replace("_observed", "_defaulted_count") if name.endswith("_observed") else f"{name}_sum"


def _others(groups: Ints, values: Floats) -> Floats:
    """Return, per party, the sum over the other members of its group; exact for whole numbers."""
    sums: Floats = np.bincount(groups, weights=values, minlength=1)[groups] - values
    return sums


def _among(name: str, groups: Ints, outcomes: Outcomes) -> Columns:
    return {
        f"{name}_size": np.bincount(groups, minlength=1)[groups].astype(np.float64),
        f"{name}_defaulted_sum": _others(groups, outcomes.failed),
        f"{name}_defaulted_count": _others(groups, outcomes.observed),
    }


def _circles(snapshot: Snapshot, outcomes: Outcomes) -> pl.DataFrame:
    relation = snapshot.relation("guarantees")
    _, strong = connected_components(relation.edges, connection="strong")
    _, weak = connected_components(relation.edges, directed=False)
    back = pattern(relation.edges_t)
    columns = {
        "guarantees_mutual_neighbours": row_sums(pattern(relation.edges).multiply(back).tocsr()),
        "guarantees_mutual_weight": row_sums(relation.weights.multiply(back).tocsr()),
        **_among("guarantee_circle", strong.astype(np.int64), outcomes),
        **_among("guarantee_network", weak.astype(np.int64), outcomes),
    }
    found = circles(snapshot).parties
    through = found.select(
        pl.sum_horizontal(pl.selectors.matches(r"_circles_\d$")).alias("guarantee_circles_sum"),
        pl.col("guarantees_shortest_circle"),
    )
    return pl.DataFrame(columns).hstack(through)


def _chains(snapshot: Snapshot, outcomes: Outcomes) -> pl.DataFrame:
    relation, failed = snapshot.relation("guarantees"), np.flatnonzero(outcomes.failed)
    steps = {
        "steps_to_guaranteed_default": steps_to_others(relation.edges_t, failed),
        "steps_to_guarantor_default": steps_to_others(relation.edges, failed),
    }
    return chain_lengths(snapshot).drop("id").hstack(pl.DataFrame(steps, nan_to_null=True))


def _beyond(snapshot: Snapshot) -> pl.DataFrame:
    """Return the amount each party guarantees for parties it holds nothing of [guarantees_without_equity_sum]."""
    unheld = beyond_shareholding(snapshot).filter(standing=Standing.NO_EQUITY.value)
    amounts = unheld.group_by("guarantor").agg(exact_sum("amount").alias("guarantees_without_equity_sum"))
    return snapshot.aligned(amounts, key="guarantor").select(
        pl.col("guarantees_without_equity_sum").fill_null(0.0)
    )


def _sole(snapshot: Snapshot) -> pl.DataFrame:
    """Count the customers that have no other supplier and the suppliers that have no other customer."""
    relation = snapshot.relation("supplies")
    columns: Columns = {}
    for way, back in ((_OUT, _IN), (_IN, _OUT)):
        alone = (np.diff(relation.edges_towards(back).indptr) == 1).astype(np.float64)
        columns[f"supplies_{way}_sole_count"] = pattern(relation.edges_towards(way)) @ alone
    return pl.DataFrame(columns)


def _groups(control: Control, outcomes: Outcomes, own: pl.DataFrame) -> pl.DataFrame:
    """Return what is known of the group under a party's ultimate controller, the controller included."""
    groups = controlled_groups(control)
    columns = _among("control_group", groups, outcomes) | {
        "control_group_dpd_sum": _others(groups, own["dpd"].fill_null(0.0).to_numpy()),
        "control_group_dpd_count": _others(groups, own["dpd"].is_not_null().cast(pl.Float64).to_numpy()),
        "control_group_adverse_sum": _others(groups, own["adverse"].fill_null(0.0).to_numpy()),
    }
    led_by = control.frame.select(
        pl.when(pl.col("controller").is_not_null()).then(pl.col("votes")).alias("controller_votes"),
        pl.when(pl.col("controller").is_not_null()).then(pl.col("chain_length")).alias("control_steps"),
        pl.col("flag").is_not_null().cast(pl.Float64).alias("control_unclear"),
    )
    return pl.DataFrame(columns).hstack(led_by)


def _owners(snapshot: Snapshot, rules: ControlPolicy) -> pl.DataFrame:
    """Return the largest share that one ultimate owner has in each party through all holdings.

    Ultimate owners are parties nobody owns. Their integrated shares are the rows of W + W² + … (see `Ownership`), which
    is summed as long as it grows by a millionth; null where a holding on the way cannot be looked through.
    """
    ownership = Ownership.under(snapshot, rules)
    flow = ownership.flow
    owned = np.bincount(flow.indices, minlength=snapshot.parties) > 0
    roots = np.flatnonzero(~owned & (np.diff(flow.indptr) > 0))
    following = flow[roots].tocsr()
    total = following
    for _ in range(_ROUNDS):
        following = (following @ flow).tocsr()
        following.data[following.data < _NOTHING] = 0.0
        following.eliminate_zeros()
        if not following.nnz:
            break
        total = total + following
    largest = total.max(axis=0).toarray().ravel() if len(roots) else np.zeros(snapshot.parties)
    unsound = np.flatnonzero(ownership.unsound)
    largest = np.where(owned, largest, np.nan)
    largest[np.union1d(unsound, reached(ownership.direct, unsound))] = np.nan
    return pl.DataFrame({"largest_ultimate_share": largest}, nan_to_null=True)


def _nearness(snapshot: Snapshot, outcomes: Outcomes) -> pl.DataFrame:
    """Return walks from the others in default: against guarantees to who must pay, along supply and shares."""
    failed = np.flatnonzero(outcomes.failed)
    columns = {
        f"default_nearness_{way}": default_nearness(transitions(snapshot, _TROUBLE, way), failed)
        for way in Direction
    }
    return pl.DataFrame(columns)
