"""Facts for policy rules that stand around a party: guarantees, the group's own circle, trade with the factories."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from features.asof import Known
from features.credit.book import Book
from features.credit.network import RECENT_MONTHS
from features.credit.ratios import ratio
from features.credit.statements import latest_statements
from graph.measures.control import Control, find_control
from graph.measures.guarantees import guarantee_load
from graph.measures.simple_cycles import strong_components
from graph.neighbours import pattern
from graph.policy import Policy, policy_as_of
from graph.snapshot import Snapshot

__all__ = ["Clients", "guarantee_facts", "related_facts", "trade_facts"]

Bools = npt.NDArray[np.bool_]
_STATEMENT: Final = ("net_assets", "leverage", "return_on_equity", "free_cash_flow")


@dataclass(frozen=True, eq=False)
class Clients:
    """The graph of a date with what every network fact needs.

    `kinds` [party_id, kind]; `statements` [party_id, statement_on, net_assets, leverage, return_on_equity,
    free_cash_flow] in CNY a year and decimals; `defaulted` the ids of who defaulted in the last 12 months;
    `companies` [org_id, party_id, business] of the group, None where there is no such table.
    """

    snapshot: Snapshot
    policy: Policy
    kinds: pl.DataFrame
    statements: pl.DataFrame
    defaulted: pl.Series
    companies: pl.DataFrame | None

    @classmethod
    def read(cls, book: Book, snapshot: Snapshot, ids: pl.DataFrame) -> "Clients":
        """Read what was known on the book's date of the parties with these ids."""
        known = book.known
        kinds = known.rows("parties", "party_id", "kind").unique("party_id", keep="first").collect()
        companies = None
        if "companies" in known.tables:
            rows = known.rows("companies", "org_id", "party_id", "business", "known_at").sort("known_at")
            companies = rows.unique("org_id", keep="last").drop("known_at").sort("org_id").collect()
        # An older default has been lived through by those around it, as in `features.credit.network`.
        recent = pl.col("default_on") > known.since(RECENT_MONTHS)
        return cls(
            snapshot=snapshot,
            policy=policy_as_of(known.as_of),
            kinds=kinds.join(ids, on="party_id", how="semi").sort("party_id"),
            statements=_statements(known),
            defaulted=book.defaults.filter(recent).collect()["party_id"],
            companies=companies,
        )

    def marks(self, parties: pl.Series) -> Bools:
        """Tell which parties of the graph are among those named (n)."""
        return self.snapshot.ids.is_in(parties.implode()).to_numpy()

    @cached_property
    def control(self) -> Control:
        """Return who controls whom under the rules of the date."""
        exempt = self.policy.connection.exempt_kinds
        return find_control(self.snapshot, self.policy.control, parties=self.kinds, barriers=exempt)


def _statements(known: Known) -> pl.DataFrame:
    if "statements" not in known.tables:
        return pl.DataFrame(
            schema={"party_id": pl.String, "statement_on": pl.Date, **dict.fromkeys(_STATEMENT, pl.Float64)}
        )
    return (
        latest_statements(known)
        .select(
            "party_id",
            pl.col("period_end").alias("statement_on"),
            pl.col("equity").alias("net_assets"),
            ratio("total_liabilities", "total_assets").alias("leverage"),
            ratio("net_profit_year", "equity").alias("return_on_equity"),
            (pl.col("operating_cash_flow_year") - pl.col("capex_year")).alias("free_cash_flow"),
        )
        .collect()
    )


def guarantee_facts(clients: Clients) -> pl.DataFrame:
    """Return what each party guarantees, what of it is beyond its net assets, and its guarantee circle.

    Amounts in CNY. Beyond is 0 for a party that guarantees nothing, and null where its net assets are not known; a
    circle is a strong component of guarantees, so each member can be called for each other.
    """
    snapshot, net_assets = clients.snapshot, clients.statements.select(id="party_id", net_assets="net_assets")
    load = guarantee_load(snapshot, net_assets, limit=1.0)
    relation, failed = snapshot.relation("guarantees"), clients.marks(clients.defaulted).astype(np.float64)
    circle = strong_components(relation.edges)
    members = np.bincount(circle, minlength=1)[circle]
    lost = np.bincount(circle, weights=failed, minlength=1)[circle] - failed
    none = pl.col("given") + pl.col("unknown_amounts") == 0
    found = load.select(
        pl.col("id").alias("party_id"),
        pl.col("given").alias("guarantees_given"),
        pl.when(none).then(0.0).otherwise("excess").alias("guarantees_beyond_net_assets"),
        pl.col("unknown_amounts").alias("guarantees_of_unknown_amount"),
        pl.Series("circle_members", members),
        pl.Series("circle_defaults_12m", lost),
        pl.Series("guaranteed_defaults_12m", pattern(relation.edges) @ failed),
    )
    return _everyone(clients, found, {"circle_members": 1})


def related_facts(clients: Clients) -> pl.DataFrame:
    """Return how each party belongs to the group itself; all null where the group's companies are not known.

    Officers hold a position in one of the group's companies; controlled is who stands below it in a chain of control.
    """
    names = (
        *("is_group_company", "controlled_by_group", "officer_of_group"),
        *("family_of_group_officer", "controlled_by_group_officer"),
    )
    if clients.companies is None:
        return pl.DataFrame(schema={"party_id": pl.String, **dict.fromkeys(names, pl.Boolean)})
    own = clients.marks(clients.companies["party_id"])
    serves = pattern(clients.snapshot.relation("holds_position").edges)
    kin = pattern(clients.snapshot.relation("family_of").edges)
    officers = (serves @ own.astype(np.float64)) > 0
    family = (((kin + kin.T) @ officers.astype(np.float64)) > 0) & ~officers
    via = clients.control.via
    below_group, below_officers = _below(own, via), _below(officers | family, via)
    others = ~(own | below_group | officers | family)
    marks = (own, below_group & ~own, officers, family, below_officers & others)
    found = pl.DataFrame({"party_id": clients.snapshot.ids, **dict(zip(names, marks, strict=True))})
    listed = _everyone(clients, found, dict.fromkeys(names, False))
    is_own = pl.col("party_id").is_in(clients.companies["party_id"].implode())
    return listed.with_columns(is_group_company=is_own)


def _below(roots: Bools, via: npt.NDArray[np.int64]) -> Bools:
    """Tell which parties stand below a root in a chain of control (n); `via` is -1 where nobody controls."""
    found = roots.copy()
    while True:
        reached = found | ((via >= 0) & found[via])
        if (reached == found).all():
            return found
        found = reached


def trade_facts(clients: Clients) -> pl.DataFrame:
    """Return what each party sells to and buys from the group's companies in CNY a year; null where these are not known."""
    if clients.companies is None:
        schema = {"party_id": pl.String, "sells_to_group": pl.Float64, "buys_from_group": pl.Float64}
        return pl.DataFrame(schema=schema)
    own = clients.marks(clients.companies["party_id"]).astype(np.float64)
    supplies = clients.snapshot.relation("supplies")
    found = pl.DataFrame(
        {
            "party_id": clients.snapshot.ids,
            "sells_to_group": supplies.weights @ own,
            "buys_from_group": supplies.weights_t @ own,
        }
    )
    return _everyone(clients, found, {})


def _everyone(clients: Clients, found: pl.DataFrame, without: dict[str, float]) -> pl.DataFrame:
    """Return a row per known party; one that the graph does not have has no edges: 0 unless told otherwise."""
    outside = clients.kinds.select("party_id").join(found, on="party_id", how="anti")
    nothing = [
        pl.lit(without.get(name, 0)).cast(dtype).alias(name)
        for name, dtype in found.schema.items()
        if name != "party_id"
    ]
    return pl.concat([found, outside.with_columns(nothing)])
