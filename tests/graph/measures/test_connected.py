"""Groups follow control in full and dependence one step, and every join has its reason."""

from datetime import date

import networkx as nx
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.errors import MeasureArgumentError, QuestionError
from graph.measures.connected import Groups, connected_groups
from graph.policy import Policy, policy_as_of
from graph.snapshot import Snapshot

RULES = policy_as_of(date(2025, 1, 1))
BEFORE_2018 = policy_as_of(date(2018, 6, 30))

Edge = tuple[str, str, str, dict[str, float]]

names = st.sampled_from([f"C{number}" for number in range(8)])
pairs = st.tuples(names, names).filter(lambda pair: pair[0] != pair[1])


def _owns(owner: str, company: str, share: float = 1.0) -> Edge:
    return (owner, company, "owns", {"share": share, "voting": share})


def _supplies(seller: str, buyer: str, **shares: float) -> Edge:
    return (seller, buyer, "supplies", {"amount": 1e6, **shares})


def _amount(source: str, target: str, kind: str, amount: float) -> Edge:
    return (source, target, kind, {"amount": amount})


def _plain(source: str, target: str, kind: str) -> Edge:
    return (source, target, kind, {})


def _snapshot(*edges: Edge, nodes: tuple[str, ...] = ()) -> Snapshot:
    day = date(2020, 1, 1)
    rows = [
        {
            "edge_id": f"E{n}",
            "src": a,
            "dst": b,
            "kind": kind,
            "valid_from": day,
            "known_at": day,
            "source": "x",
            **more,
        }
        for n, (a, b, kind, more) in enumerate(edges)
    ]
    columns = ("share", "voting", "amount", "seller_share", "buyer_share")
    schema = {
        **dict.fromkeys(("edge_id", "src", "dst", "kind", "role", "source"), pl.String),
        **dict.fromkeys(("valid_from", "valid_to", "known_at", "retracted_at"), pl.Date),
        **dict.fromkeys((*columns, "confidence"), pl.Float64),
    }
    frame = pl.DataFrame(rows, schema=schema)
    return Snapshot.from_edges(frame, as_of=date(2025, 1, 1), nodes=pl.Series(nodes, dtype=pl.String))


def _groups(*edges: Edge, rules: Policy = RULES, **more: pl.DataFrame | pl.Series) -> Groups:
    return connected_groups(_snapshot(*edges), rules, **more)  # type: ignore[arg-type]


def _members(groups: Groups, group: str) -> dict[str, str]:
    rows = groups.members.filter(pl.col("group_id") == group)
    return dict(zip(rows["id"], rows["through"], strict=True))


def _kinds(**kinds: str) -> pl.DataFrame:
    return pl.DataFrame({"party_id": list(kinds), "kind": list(kinds.values())})


@settings(max_examples=20)
@given(st.dictionaries(names, names, max_size=8), st.lists(pairs, max_size=5))
def test_control_groups_equal_components_and_dependents_those_one_step_away(
    owner_of: dict[str, str], sales: list[tuple[str, str]]
) -> None:
    owned = {company: owner for company, owner in owner_of.items() if company < owner}
    sold = dict(sales)
    groups = _groups(
        *(_owns(owner, company) for company, owner in owned.items()),
        *(_supplies(seller, buyer, seller_share=0.6) for seller, buyer in sold.items()),
    )
    tree: nx.DiGraph[str] = nx.DiGraph((owner, company) for company, owner in owned.items())
    tree.add_nodes_from(groups.members["id"])
    expected: dict[str, set[str]] = {}
    for part in nx.weakly_connected_components(tree):
        joined = {seller for seller, buyer in sold.items() if buyer in part}
        expected[min(part)] = (
            part | joined | {below for seller in joined for below in nx.descendants(tree, seller)}
        )
    found = {group: set(_members(groups, group)) for group in groups.members["group_id"].unique()}
    assert found == expected


def test_all_under_one_controller_are_one_group_with_its_reasons() -> None:
    groups = _groups(_owns("P", "A", 0.6), _owns("A", "B", 0.7), _owns("P", "C", 0.8), _owns("Q", "D"))
    assert _members(groups, "A") == dict.fromkeys("ABCP", "control")
    assert set(_members(groups, "D")) == {"D", "Q"}
    join = groups.joins.filter(pl.col("a") == "B").row(0, named=True)
    assert (join["b"], join["rule"], join["value"], join["threshold"]) == ("A", "majority", 0.7, 0.5)
    assert join["en"] == "the bloc of A holds 70.0% of the votes of B"
    assert join["zh"] == "A 一方控制 B 70.0% 的表决权"
    assert "第八十四条" in join["source"]


def test_why_two_parties_are_in_one_group_is_a_path_of_joins() -> None:
    groups = _groups(_owns("P", "A", 0.6), _owns("A", "B", 0.7), _owns("P", "C", 0.8), _owns("Q", "D"))
    path = groups.explain("B", "C")
    assert path.select("a", "b").rows() == [("B", "A"), ("A", "P"), ("C", "P")]
    with pytest.raises(QuestionError, match="shares no group") as raised:
        groups.explain("B", "D")
    assert "关联客户组" in raised.value.zh


def test_the_state_as_owner_joins_nobody_but_its_companies_have_groups() -> None:
    edges = (_owns("G", "A"), _owns("G", "B"), _owns("A", "A1"), _owns("B", "B1"))
    groups = _groups(*edges, parties=_kinds(G="government"))
    assert set(_members(groups, "A")) == {"A", "A1"}
    assert set(_members(groups, "B")) == {"B", "B1"}
    without_kinds = _groups(*edges)
    assert set(_members(without_kinds, "A")) == {"A", "A1", "B", "B1", "G"}


def test_close_family_of_a_controller_is_one_with_it() -> None:
    edges = (_owns("P", "A"), _owns("Q", "B"), _plain("P", "Q", "family_of"), _plain("R", "S", "family_of"))
    groups = _groups(*edges, parties=_kinds(P="person", Q="person", R="person", S="person"))
    assert set(_members(groups, "A")) == {"A", "B", "P", "Q"}
    assert set(_members(groups, "R")) == {"R"}
    rules = Policy(**{**vars(RULES), "connection": RULES.connection.model_copy(update={"family": False})})
    assert set(_members(_groups(*edges, rules=rules), "A")) == {"A", "P"}


def test_those_who_control_in_concert_are_one_group() -> None:
    edges = (
        _owns("P", "A", 0.3),
        _owns("Q", "A", 0.35),
        _owns("R", "A", 0.35),
        _plain("P", "Q", "acts_in_concert"),
    )
    groups = _groups(*edges)
    assert set(_members(groups, "A")) == {"A", "P", "Q"}
    assert groups.explain("P", "Q")["rule"].to_list() == ["acts_in_concert"]


def test_a_dependent_joins_with_what_it_controls_but_not_its_controller() -> None:
    # D sells most to A of the group of P; O controls D, D controls E.
    groups = _groups(
        _owns("P", "A"),
        _owns("O", "D"),
        _owns("D", "E"),
        _supplies("D", "A", seller_share=0.5, buyer_share=0.1),
    )
    assert _members(groups, "A") == {"A": "control", "P": "control", "D": "dependence", "E": "dependence"}
    assert set(_members(groups, "D")) == {"D", "E", "O"}
    assert set(groups.group_of("D")["group_id"]) == {"A", "D"}
    assert groups.explain("E", "P")["rule"].to_list() == ["majority", "sales", "majority"]


def test_dependence_is_not_chained_and_does_not_join_those_depended_on() -> None:
    groups = _groups(
        _supplies("C", "B", seller_share=0.9),
        _supplies("B", "A", seller_share=0.9),
        _supplies("Z", "C", buyer_share=0.7),
    )
    assert set(_members(groups, "A")) == {"A", "B"}
    assert set(_members(groups, "B")) == {"B", "C"}
    assert set(_members(groups, "Z")) == {"Z", "C"}
    two = Policy(**{**vars(RULES), "connection": RULES.connection.model_copy(update={"dependence_steps": 2})})
    chained = _groups(_supplies("C", "B", seller_share=0.9), _supplies("B", "A", seller_share=0.9), rules=two)
    assert set(_members(chained, "A")) == {"A", "B", "C"}


def test_a_long_chain_in_which_each_depends_on_the_next_is_one_group_of_its_size() -> None:
    # Followed down from each link, the chain would be as many memberships as it has pairs.
    size = 20_000
    ends = pl.DataFrame({"src": range(size), "dst": range(1, size + 1)})
    shares = {"weight": 1.0, "voting": 1.0, "seller_share": 0.9, "buyer_share": 0.9}
    both = pl.concat([ends.with_columns(kind=pl.lit(kind)) for kind in ("owns", "supplies")])
    frame = both.with_columns(**{name: pl.lit(share) for name, share in shares.items()})
    snapshot = Snapshot.from_edges(frame, as_of=None, kinds=("controls", "acts_in_concert"))
    groups = connected_groups(snapshot, RULES)
    assert groups.members["group_id"].unique().to_list() == [0]
    assert groups.members["through"].unique().to_list() == ["control"]
    assert groups.members.height == size + 1


def test_shares_below_one_half_and_unknown_shares_join_nobody() -> None:
    groups = _groups(_supplies("B", "A", seller_share=0.49, buyer_share=0.49), _supplies("C", "A"))
    assert groups.joins.is_empty()
    assert groups.members["id"].to_list() == ["A", "B", "C"]


def test_guarantees_and_loans_are_held_against_net_assets_and_debt() -> None:
    edges = (
        _amount("A", "B", "guarantees", 60.0),
        _amount("C", "D", "guarantees", 40.0),
        _amount("E", "F", "lends_to", 10.0),
        _amount("G", "H", "guarantees", 1.0),
        _amount("I", "J", "guarantees", 99.0),
        _amount("K", "L", "lends_to", 1.0),
    )
    figures = pl.DataFrame(
        {
            "id": ["A", "C", "E", "F", "G", "K", "L"],
            "net_assets": [100.0, 100.0, 100.0, None, -5.0, 0.0, None],
            "debt": [None, None, None, 15.0, None, None, 0.0],
        }
    )
    joins = _groups(*edges, figures=figures).joins
    assert joins.select("a", "b", "rule", "value").rows() == [
        ("A", "B", "guarantee", 0.6),
        ("F", "E", "funding", pytest.approx(2 / 3)),
        ("G", "H", "guarantee", None),
        ("K", "L", "lending", None),
    ]
    assert "不为正" in joins["zh"][2]
    assert "60.0%" in joins["en"][0]
    assert _groups(*edges).joins.is_empty()


def test_dependence_is_looked_into_for_the_clients_asked_for() -> None:
    edges = (_supplies("B", "A", seller_share=0.9), _supplies("D", "C", seller_share=0.9))
    groups = _groups(*edges, investigate=pl.Series(["A"]))
    assert groups.joins["a"].to_list() == ["B"]
    assert "not checked" in groups.joins["source"][0]


def test_before_the_rule_of_2018_there_is_no_dependence() -> None:
    groups = _groups(_owns("P", "A"), _supplies("B", "A", seller_share=0.9), rules=BEFORE_2018)
    assert set(_members(groups, "A")) == {"A", "P"}
    assert groups.joins["rule"].to_list() == ["majority"]


def test_sizes_count_the_own_group() -> None:
    sizes = _groups(_owns("P", "A"), _supplies("B", "A", seller_share=0.9)).sizes()
    assert sizes.sort("id").rows() == [("A", 3, 1), ("B", 1, 0), ("P", 3, 1)]


def test_an_empty_graph_has_no_groups_and_wrong_figures_are_refused() -> None:
    empty = _groups()
    assert empty.members.is_empty()
    assert empty.joins.is_empty()
    assert empty.group_of("A").is_empty()
    with pytest.raises(MeasureArgumentError, match="net_assets"):
        _groups(_owns("P", "A"), figures=pl.DataFrame({"id": ["A"], "net_assets": ["many"]}))
