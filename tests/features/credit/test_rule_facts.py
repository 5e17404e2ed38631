"""Facts for policy rules: what each says, what is unknown, and that nothing later is seen."""

from collections.abc import Callable
from datetime import date

import polars as pl
import pytest

from features.contracts import CONTRACTS
from features.credit.rule_facts import RULE_FACTS_SCHEMA, legal_limits, rule_facts
from features.errors import SnapshotDateError
from graph.errors import UnknownPartyError
from graph.snapshot import Snapshot
from tests.features.credit.test_look_ahead import CHANGES, Change, _tampered

Tables = dict[str, pl.LazyFrame]
TableMaker = Callable[..., Tables]
AS_OF = date(2022, 6, 30)
EARLY = date(2019, 1, 1)
KINDS = {"融资租赁": "finance_lease", "小额贷款": "micro_loan"}
ORGS = (("ORG-01", "P00", "融资租赁"), ("ORG-02", "P01", "小额贷款"), ("ORG-03", "P02", "控股管理"))


def companies(*rows: tuple[str, str, str], known_at: date = EARLY) -> pl.LazyFrame:
    table = [
        {
            "org_id": org,
            "party_id": party,
            "name": org,
            "business": business,
            "has_core_system": True,
            "known_at": known_at,
        }
        for org, party, business in rows
    ]
    return pl.DataFrame(table, schema=pl.Schema(CONTRACTS["companies"].schema)).lazy()


def facts(tables: Tables, as_of: date = AS_OF, **more: object) -> pl.DataFrame:
    snapshot = Snapshot.from_edges(tables["edges"], as_of=as_of)
    return rule_facts(tables, snapshot, as_of, **{"org_kinds": KINDS, **more})  # type: ignore[arg-type]


def of(frame: pl.DataFrame, party: str) -> dict[str, object]:
    return frame.row(by_predicate=pl.col("party_id") == party, named=True)


@pytest.fixture
def group(random_group: Tables) -> Tables:
    return {**random_group, "companies": companies(*ORGS)}


def test_one_row_a_party_in_the_declared_columns(group: Tables) -> None:
    frame = facts(group)
    assert frame.schema == RULE_FACTS_SCHEMA
    assert frame["party_id"].is_unique().all()
    assert frame["party_id"].is_sorted()
    assert frame["limit_uses"].list.len().max() > 0  # type: ignore[operator]


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_became_known_later_changes_no_fact(group: Tables, change: Change) -> None:
    assert facts(group).equals(facts(_tampered(group, AS_OF, change, seed=4)))


def test_the_same_tampering_is_seen_later(group: Tables) -> None:
    later = date(2024, 6, 30)
    # Each exposure stays one row: its contract allows no second one, and limits refuse to count it twice.
    tampered = _tampered(group, AS_OF, CHANGES["shuffled"], seed=4) | {"exposures": group["exposures"]}
    before, after = facts(group, later), facts(tampered, later)
    moved = {name for name in before.columns if not before[name].equals(after[name])}
    assert moved >= {
        *("in_default", "days_past_due", "outstanding", "net_assets", "enforcements_12m", "deregistrations"),
        *("guarantees_given", "connected_outstanding", "industry_share_of_book", "limit_uses"),
    }


def test_shares_of_the_book_add_up(group: Tables) -> None:
    frame = facts(group)
    assert frame["party_share_of_book"].sum() == pytest.approx(1)
    of_industry = frame.drop_nulls("industry").unique("industry")["industry_share_of_book"]
    without = frame.filter(pl.col("industry").is_null())["party_share_of_book"]
    assert sum(of_industry) + sum(without) == pytest.approx(1)


def test_only_those_asked_for(group: Tables) -> None:
    snapshot = Snapshot.from_edges(group["edges"], as_of=AS_OF)
    some = rule_facts(group, snapshot, AS_OF, ["P05", "P03"], org_kinds=KINDS)
    assert some.equals(facts(group).filter(pl.col("party_id").is_in(["P03", "P05"])))
    with pytest.raises(UnknownPartyError):
        rule_facts(group, snapshot, AS_OF, ["P99"])


def test_a_later_graph_is_refused(group: Tables) -> None:
    snapshot = Snapshot.from_edges(group["edges"], as_of=date(2022, 7, 1))
    with pytest.raises(SnapshotDateError):
        rule_facts(group, snapshot, AS_OF)


def test_what_no_table_tells_is_null(group: Tables) -> None:
    bare = {
        name: table
        for name, table in group.items()
        if name not in {"companies", "registry_events", "statements"}
    }
    frame = facts(bare)
    unknown = {
        *("deregistrations", "abnormal_operations_12m", "administrative_penalties_36m", "on_blacklist"),
        *("statement_on", "net_assets", "leverage", "return_on_equity", "free_cash_flow"),
        *("is_group_company", "controlled_by_group", "officer_of_group", "family_of_group_officer"),
        *("province", "province_share_of_book"),  # the random group has none
        *("controlled_by_group_officer", "sells_to_group", "buys_from_group", "limit_uses"),
    }
    assert {name for name in frame.columns if frame[name].null_count() == frame.height} == unknown
    guaranteeing = frame.filter(pl.col("guarantees_given") > 0)
    assert guaranteeing["guarantees_beyond_net_assets"].null_count() == guaranteeing.height
    assert frame.filter(guarantees_given=0.0)["guarantees_beyond_net_assets"].unique().to_list() == [0.0]


def named(*parties: str) -> list[dict[str, object]]:
    return [{"party_id": party} for party in parties]


def test_blacklist_counts_while_it_holds_and_was_known(make_tables: TableMaker) -> None:
    tables = make_tables(parties=named("A", "B", "C", "D"))
    rows = [
        ("A", EARLY, None, EARLY),
        ("B", EARLY, date(2022, 1, 1), EARLY),
        ("C", EARLY, None, date(2022, 7, 1)),
    ]
    listed = pl.DataFrame(
        rows,
        schema={"party_id": pl.String, "valid_from": pl.Date, "valid_to": pl.Date, "known_at": pl.Date},
        orient="row",
    )
    assert facts(tables, blacklist=listed)["on_blacklist"].to_list() == [True, False, False, False]


def test_guarantees_circles_and_recent_defaults(make_tables: TableMaker) -> None:
    def guarantee(src: str, dst: str, amount: float) -> dict[str, object]:
        return {"src": src, "dst": dst, "kind": "guarantees", "amount": amount}

    tables = make_tables(
        parties=named("A", "B", "C", "D"),
        edges=[
            guarantee("A", "B", 700.0),
            guarantee("B", "C", 1.0),
            guarantee("C", "A", 1.0),
            guarantee("D", "C", 9.0),
        ],
        statements=[
            {
                "party_id": "A",
                "period_end": date(2021, 12, 31),
                "equity": 500.0,
                "total_assets": 1e3,
                "known_at": AS_OF,
            }
        ],
        court_events=[
            {"party_id": "C", "kind": "bankruptcy_filing", "occurred_on": date(2022, 3, 1)},
            {"party_id": "B", "kind": "bankruptcy_filing", "occurred_on": date(2020, 3, 1)},
        ],
    )
    frame = facts(tables)
    a, d = of(frame, "A"), of(frame, "D")
    assert (a["guarantees_given"], a["guarantees_beyond_net_assets"]) == (700.0, 200.0)
    assert (a["circle_members"], a["circle_defaults_12m"], a["guaranteed_defaults_12m"]) == (3, 1, 0)
    assert (d["circle_members"], d["circle_defaults_12m"], d["guaranteed_defaults_12m"]) == (1, 0, 1)
    assert d["guarantees_beyond_net_assets"] is None
    assert of(frame, "B")["in_default"]
    assert of(frame, "C")["circle_defaults_12m"] == 0


def test_the_groups_own_circle(make_tables: TableMaker) -> None:
    def edge(src: str, dst: str, kind: str, **more: object) -> dict[str, object]:
        return {"src": src, "dst": dst, "kind": kind, **more}

    people = [{"party_id": party, "kind": "person"} for party in ("OFFICER", "SISTER", "STRANGER")]
    tables = make_tables(
        parties=[*named("HOLDING", "BELOW", "OFFICERS", "SISTERS", "OTHER"), *people],
        edges=[
            edge("HOLDING", "BELOW", "owns", share=0.8),
            edge("OFFICER", "HOLDING", "holds_position", role="director"),
            edge("OFFICER", "SISTER", "family_of"),
            edge("OFFICER", "OFFICERS", "owns", share=0.9),
            edge("SISTER", "SISTERS", "owns", share=0.9),
            edge("STRANGER", "OTHER", "owns", share=0.9),
            edge("OTHER", "HOLDING", "supplies", amount=30.0),
            edge("HOLDING", "BELOW", "supplies", amount=40.0),
        ],
    )
    frame = facts({**tables, "companies": companies(("ORG-01", "HOLDING", "控股管理"))})
    flags = {
        name: set(frame.filter(pl.col(name))["party_id"])
        for name in (
            *("is_group_company", "controlled_by_group", "officer_of_group"),
            *("family_of_group_officer", "controlled_by_group_officer"),
        )
    }
    assert flags == {
        "is_group_company": {"HOLDING"},
        "controlled_by_group": {"BELOW"},
        "officer_of_group": {"OFFICER"},
        "family_of_group_officer": {"SISTER"},
        "controlled_by_group_officer": {"OFFICERS", "SISTERS"},
    }
    assert of(frame, "OTHER")["sells_to_group"] == 30.0
    assert of(frame, "BELOW")["buys_from_group"] == 40.0


def test_connected_clients_share_exposure_and_limits(make_tables: TableMaker) -> None:
    def lease(number: int, party: str, principal: float) -> dict[str, object]:
        return {
            "exposure_id": f"X{number}",
            "party_id": party,
            "principal": principal,
            "start_on": date(2022, 1, 1),
        }

    tables = make_tables(
        parties=named("LESSOR", "PARENT", "CHILD", "SISTER", "ALONE"),
        edges=[
            {"src": "PARENT", "dst": child, "kind": "owns", "share": 0.8} for child in ("CHILD", "SISTER")
        ],
        exposures=[lease(1, "PARENT", 200.0), lease(2, "CHILD", 200.0), lease(3, "ALONE", 100.0)],
        statements=[
            {
                "party_id": "LESSOR",
                "period_end": date(2021, 12, 31),
                "equity": 700.0,
                "total_assets": 1e3,
                "known_at": date(2022, 4, 1),
            }
        ],
    )
    frame = facts({**tables, "companies": companies(("ORG-01", "LESSOR", "融资租赁"))})
    child = of(frame, "CHILD")
    assert (child["connected_members"], child["connected_outstanding"]) == (3, 400.0)
    assert child["connected_share_of_book"] == pytest.approx(0.8)
    assert child["party_share_of_book"] == pytest.approx(0.4)
    uses = {use["code"]: (use["used"], use["limit"]) for use in child["limit_uses"]}  # type: ignore[attr-defined]
    assert uses == {
        "finance-lease-single": (200.0, pytest.approx(210.0)),
        "finance-lease-group": (400.0, pytest.approx(350.0)),
    }
    # A member that owes nothing yet is held against what its group uses.
    sister = of(frame, "SISTER")
    assert [(use["code"], use["used"]) for use in sister["limit_uses"]] == [("finance-lease-group", 400.0)]  # type: ignore[attr-defined]
    assert of(frame, "LESSOR")["limit_uses"] == []
    every = {**tables, "companies": companies(("ORG-01", "LESSOR", "融资租赁"))}
    limits = legal_limits(every, Snapshot.from_edges(tables["edges"], as_of=AS_OF), AS_OF, KINDS)
    assert limits.select("org_id", "code", "scope", "used", "limit").rows() == [
        ("ORG-01", "finance-lease-group", "group", 0.0, pytest.approx(350.0)),
        ("ORG-01", "finance-lease-related-all", "all_related", 0.0, pytest.approx(350.0)),
        ("ORG-01", "finance-lease-related-single", "related_party", 0.0, pytest.approx(210.0)),
        ("ORG-01", "finance-lease-single", "party", 0.0, pytest.approx(210.0)),
    ]
    bare = legal_limits(tables, Snapshot.from_edges(tables["edges"], as_of=AS_OF), AS_OF, KINDS)
    assert bare.is_empty()
    assert bare.schema == limits.schema
