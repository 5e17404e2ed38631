"""Groups of connected clients: by control, by economic dependence, and why each party is in its group."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from string import Formatter
from typing import Final

import networkx as nx
import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from graph.errors import QuestionError
from graph.measures.arcs import row_numbers
from graph.measures.control import Basis, Control, find_control
from graph.measures.dependence import checked_figures, dependence_ratios
from graph.ontology import Wording
from graph.policy import Dependence, DependencePolicy, Policy
from graph.snapshot import Snapshot

__all__ = ["CONCERT", "FAMILY", "Groups", "connected_groups"]

FAMILY: Final = "family"
CONCERT: Final = "acts_in_concert"
"""Rules that join beside the bases of control and the ways of dependence."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_SENTENCES: Final[Mapping[str, Wording]] = {
    Basis.DECLARED: Wording(zh="{b} 经登记控制 {a}", en="{b} is recorded to control {a}"),
    Basis.MAJORITY: Wording(
        zh="{b} 一方控制 {a} {value} 的表决权", en="the bloc of {b} holds {value} of the votes of {a}"
    ),
    Basis.CONCERT_MAJORITY: Wording(
        zh="{b} 与其一致行动人控制 {a} {value} 的表决权",
        en="{b} and those acting in concert with it hold {value} of the votes of {a}",
    ),
    Basis.RELATIVE: Wording(
        zh="{b} 一方持有 {a} {value} 的表决权，其他各方均不能相比",
        en="the bloc of {b} holds {value} of the votes of {a}, and no other bloc is comparable",
    ),
    Basis.CONCERT_RELATIVE: Wording(
        zh="{b} 与其一致行动人持有 {a} {value} 的表决权，其他各方均不能相比",
        en="{b} and those acting in concert with it hold {value} of the votes of {a}, and no other bloc is comparable",
    ),
    CONCERT: Wording(
        zh="{a} 与 {b} 一致行动，共同控制企业",
        en="{a} acts in concert with {b}, and together they control a company",
    ),
    FAMILY: Wording(
        zh="{a} 与 {b} 为近亲属，其中有人控制企业",
        en="{a} and {b} are close family, and one of them controls a company",
    ),
    Dependence.SALES: Wording(
        zh="{a} 的年销售有 {value} 卖给 {b}", en="{a} makes {value} of its yearly sales to {b}"
    ),
    Dependence.PURCHASES: Wording(
        zh="{a} 的年采购有 {value} 来自 {b}", en="{a} makes {value} of its yearly purchases from {b}"
    ),
    Dependence.GUARANTEE: Wording(
        zh="{a} 为 {b} 的担保为其净资产的 {value}",
        en="{a} guarantees debts of {b} worth {value} of its net assets",
    ),
    Dependence.LENDING: Wording(
        zh="{a} 对 {b} 的债权为其净资产的 {value}", en="{a} has claims on {b} worth {value} of its net assets"
    ),
    Dependence.FUNDING: Wording(zh="{a} 的债务有 {value} 欠 {b}", en="{a} owes {value} of its debt to {b}"),
}
_NO_EQUITY: Final = Wording(zh="100% 以上（净资产不为正）", en="more than all (they are not positive)")


@dataclass(frozen=True, eq=False)
class Groups:
    """The groups of connected clients of a snapshot.

    `members`: [id, group_id, through], sorted; `through` is `control` for the one control group each party is in (a
    group of its own where nothing joins it), `dependence` for further groups whose members it depends on. `group_id`
    is the first id of the control group that a group is built around; it changes when that party leaves.
    `joins`: [a, b, rule, value, threshold, source, zh, en], the reason of each join; a is controlled by, of the family
    of, or dependent on b. `value` is null where control is declared, family, or net assets are not positive; `source` says
    so where its threshold was not found in the text.
    """

    members: pl.DataFrame
    joins: pl.DataFrame

    def group_of(self, party: str | int) -> pl.DataFrame:
        """Return the rows of `members` of each group the party is in. No row for a party that is not in the graph."""
        ids = self.members.filter(pl.col("id") == party)["group_id"]
        return self.members.filter(pl.col("group_id").is_in(ids.implode()))

    def sizes(self) -> pl.DataFrame:
        """Return [id, group_size, group_dependents] per party, of the control group it is in."""
        size = self.members.group_by("group_id").agg(
            group_size=pl.len().cast(pl.Int64),
            group_dependents=(pl.col("through") == "dependence").sum().cast(pl.Int64),
        )
        own = self.members.filter(pl.col("through") == "control").select("id", "group_id")
        return own.join(size, on="group_id", how="left", maintain_order="left").drop("group_id")

    def explain(self, one: str | int, other: str | int) -> pl.DataFrame:
        """Return the joins that lead from one party to another within a group, in their order, the fewest there are.

        Raises QuestionError for parties that share no group.
        """
        shared = set(self._groups_of(one)) & set(self._groups_of(other))
        if not shared or one == other:
            raise QuestionError(
                "other",
                f"“{other}”与“{one}”不在同一关联客户组。请核对编号，或查看各自所在的组",
                f"'{other}' shares no group of connected clients with '{one}'. Check the ids, or look at each one's groups",
            )
        paths = [self._path(one, other, group) for group in sorted(shared)]
        rows = min(paths, key=len)
        return self.joins[rows]

    def _groups_of(self, party: str | int) -> list[str | int]:
        return self.members.filter(pl.col("id") == party)["group_id"].to_list()

    def _path(self, one: str | int, other: str | int, group: str | int) -> list[int]:
        inside = self.members.filter(pl.col("group_id") == group)["id"].implode()
        joins = self.joins.with_row_index("row").filter(pl.col("a").is_in(inside) & pl.col("b").is_in(inside))
        web: nx.Graph[str | int] = nx.Graph()
        for row, a, b in joins.select("row", "a", "b").iter_rows():
            if not web.has_edge(a, b):
                web.add_edge(a, b, row=row)
        path = nx.shortest_path(web, one, other)
        return [web.edges[step]["row"] for step in pairwise(path)]


def connected_groups(
    snapshot: Snapshot,
    policy: Policy,
    *,
    parties: pl.DataFrame | None = None,
    figures: pl.DataFrame | None = None,
    investigate: pl.Series | None = None,
) -> Groups:
    """Return the groups of connected clients under the rules of a day.

    By control: each company joins the party its control runs through (`graph.measures.control`), so that all under one
    controller, persons included, are one group, as are those who control in concert; where the policy says so, close
    family joins if one of the two controls a company. Control groups share no member. Control by kinds the policy
    exempts (the state) joins nobody.

    By dependence: a party joins the group it depends on, with all that it controls itself. It stays the centre of its own
    group, so a party that depends on two groups is in both and these are not joined. Dependents of dependents join
    as far as `dependence_steps` (1: not at all), so that dependence is not chained without bound; whoever controls a
    dependent does not join. Ratios: `seller_share` and `buyer_share` of supplies; guarantees and loans to net assets, loans
    to the borrower's debt. A ratio whose parts are unknown is not guessed: amounts of supplies alone are not read.

    `parties` [party_id, kind] as in `find_control`; `figures` [id, net_assets, debt] in CNY, either column may be absent;
    `investigate` the clients whose dependence is looked into (exposure above `investigate_above` of tier-1 capital), at
    least one side of a dependence being among them; all by default.

    Sources: 《商业银行大额风险暴露管理办法》 (CBIRC Order 2018 No. 1) annex 1; Basel Framework LEX10; Delegated
    Regulation (EU) 2024/1728 (control groups are enlarged by those who depend on a member). Raises UnknownRelationError
    and MeasureArgumentError.
    """
    control = find_control(snapshot, policy.control, parties=parties, barriers=policy.connection.exempt_kinds)
    by_control = [
        _control_joins(control, policy),
        _concert_joins(snapshot, control, policy),
        *_family_joins(snapshot, control, policy),
    ]
    label = _control_groups(snapshot, by_control)
    rules = policy.dependence if policy.connection.dependence_steps else ()
    found = [_dependence_joins(snapshot, rule, checked_figures(snapshot, figures)) for rule in rules]
    by_dependence = [_investigated(snapshot, joins, investigate) for joins in found]
    members = _members(snapshot, control, label, by_dependence, policy.connection.dependence_steps)
    return Groups(members, _told(snapshot, [*by_control, *by_dependence]))


@dataclass(frozen=True, eq=False)
class _Joins:
    """Pairs (a, b) by position with the rule, the ratio, the threshold and the source of each; NaN is no ratio."""

    a: Ints
    b: Ints
    rule: list[str]
    value: Floats
    threshold: Floats
    source: str

    def only(self, kept: Bools) -> "_Joins":
        rule = [name for name, keep in zip(self.rule, kept, strict=True) if keep]
        return _Joins(self.a[kept], self.b[kept], rule, self.value[kept], self.threshold[kept], self.source)


def _control_joins(control: Control, policy: Policy) -> _Joins:
    under = np.flatnonzero(control.controlled)
    basis = control.frame["basis"].gather(under)
    held = control.frame["votes"].gather(under).to_numpy().astype(np.float64)
    declared = (basis == Basis.DECLARED).to_numpy()
    relative = basis.is_in([Basis.RELATIVE, Basis.CONCERT_RELATIVE]).to_numpy()
    threshold = np.where(relative, policy.control.relative, policy.control.majority)
    return _Joins(
        under,
        control.via[under],
        basis.to_list(),
        np.where(declared, np.nan, held),
        np.where(declared, np.nan, threshold),
        policy.control.cited,
    )


def _concert_joins(snapshot: Snapshot, control: Control, policy: Policy) -> _Joins:
    several = control.frame.filter(pl.col("members").list.len() > 1).select("controller", "members").unique()
    pairs = (
        several.explode("members")
        .filter(pl.col("members") != pl.col("controller"))
        .unique()
        .sort("members", "controller")
    )
    unknown = np.full(pairs.height, np.nan)
    return _Joins(
        snapshot.positions(pairs["members"]),
        snapshot.positions(pairs["controller"]),
        [CONCERT] * pairs.height,
        unknown,
        unknown,
        policy.control.cited,
    )


def _family_joins(snapshot: Snapshot, control: Control, policy: Policy) -> Iterable[_Joins]:
    if not policy.connection.family or "family_of" not in snapshot.kinds:
        return ()
    edges = snapshot.relation("family_of").edges
    a, b = row_numbers(edges).astype(np.int64), edges.indices.astype(np.int64)
    controls = np.zeros(snapshot.parties, dtype=np.bool_)
    controls[control.via[control.controlled]] = True
    kept = controls[a] | controls[b]
    pairs = np.unique(np.sort(np.column_stack([a[kept], b[kept]]), axis=1), axis=0)
    unknown = np.full(len(pairs), np.nan)
    return (
        _Joins(pairs[:, 0], pairs[:, 1], [FAMILY] * len(pairs), unknown, unknown, policy.connection.cited),
    )


def _control_groups(snapshot: Snapshot, joins: Iterable[_Joins]) -> Ints:
    """Return the first member of each party's control group (n)."""
    size = snapshot.parties
    a, b = (np.concatenate([getattr(join, end) for join in joins]) for end in ("a", "b"))
    if not size:
        return np.zeros(0, dtype=np.int64)
    count, component = connected_components(
        coo_array((np.ones(len(a)), (a, b)), shape=(size, size)), directed=False
    )
    first = np.full(count, size)
    np.minimum.at(first, component, np.arange(size))
    groups: Ints = first[component]
    return groups


def _dependence_joins(snapshot: Snapshot, rule: DependencePolicy, figures: dict[str, Floats]) -> _Joins:
    a, b, ratio = dependence_ratios(snapshot, rule.rule, figures)
    # An amount against net assets of zero or less is beyond any ratio.
    kept = np.isinf(ratio) | (ratio >= rule.threshold)
    value = np.where(np.isinf(ratio), np.nan, ratio)[kept]
    thresholds = np.full(int(kept.sum()), rule.threshold)
    return _Joins(a[kept], b[kept], [str(rule.rule)] * len(value), value, thresholds, rule.cited)


def _investigated(snapshot: Snapshot, joins: _Joins, investigate: pl.Series | None) -> _Joins:
    if investigate is None:
        return joins
    looked = snapshot.ids.is_in(investigate.cast(snapshot.ids.dtype).implode()).to_numpy()
    return joins.only(looked[joins.a] | looked[joins.b])


def _members(
    snapshot: Snapshot, control: Control, label: Ints, dependences: list[_Joins], steps: int
) -> pl.DataFrame:
    size = snapshot.parties
    a = np.concatenate([np.zeros(0, dtype=np.int64), *(joins.a for joins in dependences)])
    b = np.concatenate([np.zeros(0, dtype=np.int64), *(joins.b for joins in dependences)])
    known = np.arange(size) + label * size  # a membership (group, party) as one number
    joined = known[:0]
    frontier = pl.DataFrame({"group": label, "b": np.arange(size)})
    dependents = pl.DataFrame({"b": b, "a": a})
    for _ in range(steps):
        direct = frontier.join(dependents, on="b").select("group", party="a").unique()
        # All that a member of a control group controls is a member already: nothing below it need be followed.
        outside = direct.filter(label[direct["party"].to_numpy()] != direct["group"].to_numpy())
        reached = _with_controlled(outside, control)
        new = np.setdiff1d(
            reached["group"].to_numpy() * size + reached["party"].to_numpy(), np.append(known, joined)
        )
        joined = np.append(joined, new)
        frontier = pl.DataFrame({"group": new // max(size, 1), "b": new % max(size, 1)})
    place = np.append(known, joined)
    through = pl.Series(["control"] * len(known) + ["dependence"] * len(joined), dtype=pl.String)
    ids = snapshot.ids
    frame = {
        "id": ids.gather(place % max(size, 1)),
        "group_id": ids.gather(place // max(size, 1)),
        "through": through,
    }
    return pl.DataFrame(frame).sort("group_id", "through", "id")


def _with_controlled(found: pl.DataFrame, control: Control) -> pl.DataFrame:
    """Add to (group, party) all that the parties control, each once."""
    under = np.flatnonzero(control.controlled)
    below = pl.DataFrame({"party": control.via[under], "below": under})
    parts, frontier = [found], found
    while frontier.height:
        lower = frontier.join(below, on="party").select("group", party="below").unique()
        frontier = lower.join(pl.concat(parts), on=["group", "party"], how="anti")
        parts.append(frontier)
    return pl.concat(parts)


def _told(snapshot: Snapshot, joins: Iterable[_Joins]) -> pl.DataFrame:
    return pl.concat([_told_joins(snapshot, part) for part in joins]).sort("a", "b", "rule")


def _told_joins(snapshot: Snapshot, joins: _Joins) -> pl.DataFrame:
    frame = pl.DataFrame(
        {
            "a": snapshot.ids.gather(joins.a),
            "b": snapshot.ids.gather(joins.b),
            "rule": pl.Series(joins.rule, dtype=pl.String),
            "value": pl.Series(joins.value, dtype=pl.Float64).fill_nan(None),
            "threshold": pl.Series(joins.threshold, dtype=pl.Float64).fill_nan(None),
            "source": pl.Series([joins.source] * len(joins.a), dtype=pl.String),
        }
    )
    parts = [
        part.with_columns(_sentence(str(part["rule"][0]), "zh"), _sentence(str(part["rule"][0]), "en"))
        for part in frame.partition_by("rule")
    ]
    return pl.concat(parts) if parts else frame.with_columns(pl.lit("").alias("zh"), pl.lit("").alias("en"))


def _sentence(rule: str, language: str) -> pl.Expr:
    value = pl.format("{}%", (pl.col("value") * 100).round(1)).fill_null(_NO_EQUITY.text(language))
    columns = {"a": pl.col("a").cast(pl.String), "b": pl.col("b").cast(pl.String), "value": value}
    parts: list[pl.Expr] = []
    for text, column, _, _ in Formatter().parse(_SENTENCES[rule].text(language)):
        parts.append(pl.lit(text))
        if column is not None:
            parts.append(columns[column])
    return pl.concat_str(parts).alias(language)
