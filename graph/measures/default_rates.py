"""How many of a party's neighbours are known to have defaulted, by relation and direction, one and two steps away."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.sparse import csr_array

from graph.errors import DefaultTableError
from graph.neighbours import pattern, row_sums
from graph.ontology import RELATIONS, Direction
from graph.snapshot import Relation, Snapshot

__all__ = [
    "PRIOR_WEIGHT",
    "Outcomes",
    "Step",
    "default_rates",
    "group_default_rates",
    "known_outcomes",
    "overall_rates",
    "shrunk_rates",
    "two_hop_default_rates",
]

PRIOR_WEIGHT: Final = 5.0
"""Neighbours that the overall default rate stands for: with few neighbours a rate stays near that rate."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Step = tuple[str, Direction]
"""A relation kind and the direction it is walked in."""


@dataclass(frozen=True, eq=False)
class Outcomes:
    """What is known of each party on a date, in the order of a snapshot's ids (n): both hold 0 or 1.

    `failed` marks a known default; `observed` marks the parties of whom a default would have been seen (all that
    have failed are among them). Rates count observed parties only.
    """

    failed: Floats
    observed: Floats


def known_outcomes(
    snapshot: Snapshot,
    defaults: pl.DataFrame,
    *,
    as_of: date,
    since: date | None = None,
    observed: pl.Series | None = None,
) -> Outcomes:
    """Return who of the snapshot's parties is known by `as_of` to have defaulted on or before it.

    `defaults` is [party_id, default_on, known_at]; rows known later are not read, parties outside the graph are left
    out. With `since` a party whose first default lies on or before that day is not observed: its neighbours have
    lived through it. `observed` names the parties a default would have been seen of (default: all). Raises
    DefaultTableError naming a column that is missing or empty in a row.
    """
    _check(defaults)
    known = defaults.filter((pl.col("known_at") <= as_of) & (pl.col("default_on") <= as_of))
    first = known.group_by("party_id").agg(pl.col("default_on").min())
    on = snapshot.aligned(first, key="party_id")["default_on"]
    is_old = pl.Series([False], dtype=pl.Boolean).new_from_index(0, len(on)) if since is None else on <= since
    failed = (on.is_not_null() & ~is_old.fill_null(value=False)).to_numpy()
    seen = np.ones(len(on), dtype=bool) if observed is None else _marked(snapshot, observed)
    seen = (seen | on.is_not_null().to_numpy()) & ~is_old.fill_null(value=False).to_numpy()
    return Outcomes(failed.astype(np.float64), seen.astype(np.float64))


def _check(defaults: pl.DataFrame) -> None:
    for column in ("party_id", "default_on", "known_at"):
        if column not in defaults.columns:
            raise DefaultTableError(column, "缺失", "is missing")
        if defaults[column].null_count():
            row = int(defaults[column].is_null().arg_true()[0]) + 1
            raise DefaultTableError(column, f"第 {row} 行为空", f"is empty in row {row}")


def _marked(snapshot: Snapshot, party_ids: pl.Series) -> npt.NDArray[np.bool_]:
    given = party_ids.unique().alias("id").to_frame().with_columns(given=pl.lit(value=True))
    marked: npt.NDArray[np.bool_] = snapshot.aligned(given)["given"].is_not_null().to_numpy()
    return marked


def overall_rates(outcomes: Outcomes) -> Floats:
    """Return, per party, the default rate of all the other observed parties (n), 0 where there is none."""
    others = outcomes.observed.sum() - outcomes.observed
    among = outcomes.failed.sum() - outcomes.failed
    rates: Floats = np.divide(among, others, out=np.zeros(len(others)), where=others > 0)
    return rates


def shrunk_rates(failed: Floats, observed: Floats, overall: Floats, weight: float = PRIOR_WEIGHT) -> Floats:
    """Return (failed + weight × overall) ÷ (observed + weight), NaN where nobody is observed; arrays of one shape.

    The posterior mean of a rate under a Beta(weight × overall, weight × (1 − overall)) prior: Gelman et al., Bayesian
    Data Analysis, 3rd ed., section 2.4; as the m-estimate in Cestnik, Estimating probabilities, ECAI 1990.
    """
    rates: Floats = np.full(len(failed), np.nan)
    np.divide(failed + weight * overall, observed + weight, out=rates, where=observed > 0)
    return rates


def default_rates(
    snapshot: Snapshot,
    outcomes: Outcomes,
    kinds: Iterable[str] | None = None,
    *,
    prior_weight: float = PRIOR_WEIGHT,
) -> pl.DataFrame:
    """Return, per party (`id`), for each kind and direction, the defaults among its distinct neighbours.

    `<kind>_<out|in>_defaulted` and `…_observed` count neighbours (Float64), `…_default_rate` is the shrunk rate, null
    where no neighbour is observed (see `shrunk_rates`). A symmetric kind has both directions in one, named `<kind>_…`.
    Nothing of a party's own outcome enters its row: nobody is
    their own neighbour, and the rate it is shrunk to is that of all others. Raises UnknownRelationError.
    """
    overall = overall_rates(outcomes)
    columns: dict[str, Floats] = {}
    for kind in snapshot.kinds if kinds is None else kinds:
        for name, around in _surroundings(snapshot.relation(kind)):
            failed, observed = around @ outcomes.failed, around @ outcomes.observed
            columns |= _named(name, failed, observed, overall, weight=prior_weight)
    return pl.DataFrame({"id": snapshot.ids, **columns}, nan_to_null=True)


def _surroundings(relation: Relation) -> Iterator[tuple[str, csr_array]]:
    """Yield the name and the pattern of the neighbours in each direction that means something."""
    kind = RELATIONS.get(relation.kind)
    if kind is not None and kind.symmetric:
        yield relation.kind, pattern((relation.edges + relation.edges_t).tocsr())
        return
    for way in Direction:
        yield f"{relation.kind}_{way}", pattern(relation.edges_towards(way))


def two_hop_default_rates(
    snapshot: Snapshot,
    outcomes: Outcomes,
    walks: Iterable[tuple[Step, Step]],
    *,
    prior_weight: float = PRIOR_WEIGHT,
) -> pl.DataFrame:
    """Return, per party (`id`), the defaults at the end of each kind of two-step walk, such as customers of customers.

    A walk joins distinct neighbours, first then second step; a party that two walks lead to counts twice, as trouble
    has two ways to come, which keeps the cost linear in the edges. Walks back to the party itself are taken out
    exactly, so its own outcome never enters its row. Columns are `<kind>_<way>_<kind>_<way>_defaulted`, `…_observed`
    and `…_default_rate` as in `default_rates`. Raises UnknownRelationError.
    """
    overall = overall_rates(outcomes)
    columns: dict[str, Floats] = {}
    for (first_kind, first_way), (second_kind, second_way) in walks:
        first = pattern(snapshot.relation(first_kind).edges_towards(first_way))
        onward = snapshot.relation(second_kind)
        second = pattern(onward.edges_towards(second_way))
        back = pattern(onward.edges_towards(_opposite(second_way)))
        failed, observed = _walked(first, second, back, outcomes)
        name = f"{first_kind}_{first_way}_{second_kind}_{second_way}"
        columns |= _named(name, failed, observed, overall, weight=prior_weight)
    return pl.DataFrame({"id": snapshot.ids, **columns}, nan_to_null=True)


def group_default_rates(
    snapshot: Snapshot, outcomes: Outcomes, name: str, groups: Ints, *, prior_weight: float = PRIOR_WEIGHT
) -> pl.DataFrame:
    """Return, per party (`id`), the defaults among the other members of its group: `<name>_size`, `…_defaulted`, ….

    `groups` (n) numbers the group of each party from 0. `…_size` counts the party itself; `…_defaulted`, `…_observed`
    and `…_default_rate` leave it out (see `default_rates`).
    """
    failed = np.bincount(groups, weights=outcomes.failed)[groups] - outcomes.failed
    observed = np.bincount(groups, weights=outcomes.observed)[groups] - outcomes.observed
    size = np.bincount(groups)[groups].astype(np.float64)
    rates = _named(name, failed, observed, overall_rates(outcomes), weight=prior_weight)
    return pl.DataFrame({"id": snapshot.ids, f"{name}_size": size, **rates}, nan_to_null=True)


def _walked(
    first: csr_array, second: csr_array, back: csr_array, outcomes: Outcomes
) -> tuple[Floats, Floats]:
    """Return the failed and the observed at the ends of two-step walks that do not end where they began."""
    # Entry (i, i) of first · second counts the walks i → j → i; `back` is the transpose of `second`.
    closed = row_sums(first.multiply(back).tocsr())
    failed: Floats = first @ (second @ outcomes.failed) - closed * outcomes.failed
    observed: Floats = first @ (second @ outcomes.observed) - closed * outcomes.observed
    return failed, observed


def _opposite(way: Direction) -> Direction:
    return Direction.IN if way is Direction.OUT else Direction.OUT


def _named(
    name: str, failed: Floats, observed: Floats, overall: Floats, *, weight: float
) -> dict[str, Floats]:
    rate = shrunk_rates(failed, observed, overall, weight)
    return {f"{name}_defaulted": failed, f"{name}_observed": observed, f"{name}_default_rate": rate}
