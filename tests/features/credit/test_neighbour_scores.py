"""Features from neighbours' own scores: against a loop over networkx neighbours, neutral values, own score kept out."""

import math
from datetime import date

import networkx as nx
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.catalogue import Dimension, catalogue
from features.credit.build import FEATURES
from features.credit.channels import Channel
from features.credit.links import LINKS_SCHEMA
from features.credit.neighbour_scores import SCORE_CATALOGUE, SCORE_FEATURES, neighbour_scores
from features.errors import DuplicateScoreError, MissingColumnError

DAY, LATER = date(2024, 5, 31), date(2024, 6, 30)
OWN_SCHEMA = {"party_id": pl.String, "as_of": pl.Date, "log_odds": pl.Float64}
WORST = {
    Channel.GUARANTEED: "guaranteed_parties_worst_pd",
    Channel.GUARANTOR: "guarantors_worst_pd",
    Channel.CUSTOMER: "customers_worst_pd",
    Channel.SUPPLIER: "suppliers_worst_pd",
    Channel.OWNER: "shareholders_worst_pd",
    Channel.OWNED: "investees_worst_pd",
    Channel.SISTER: "sister_companies_worst_pd",
    Channel.OTHER: "other_relations_worst_pd",
}
AT_STAKE = {
    Channel.GUARANTEED: "expected_guarantee_calls_to_equity",
    Channel.GUARANTOR: "guarantee_cover_at_risk",
    Channel.CUSTOMER: "sales_at_risk",
    Channel.SUPPLIER: "purchases_at_risk",
    Channel.OWNER: "ownership_at_risk",
    Channel.OWNED: "investments_at_risk",
}
PASSED_ON = {
    "guaranteed": 0.9,
    "guarantor": 0.5,
    "customer": 0.5,
    "supplier": 0.4,
    "owner": 0.6,
    "owned": 0.5,
}


def _links(*rows: tuple[str, str, str, float], as_of: date = DAY) -> pl.DataFrame:
    return pl.DataFrame([(as_of, *row) for row in rows], schema=LINKS_SCHEMA, orient="row")


def _own(as_of: date = DAY, **log_odds: float | None) -> pl.DataFrame:
    rows = [(party, as_of, value) for party, value in log_odds.items()]
    return pl.DataFrame(rows, schema=OWN_SCHEMA, orient="row")


def _pd(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds))


def _random(seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Draw links and own scores of 30 parties on two dates; some parties have no score."""
    rng = np.random.default_rng(seed)
    names = [f"P{number:02d}" for number in range(30)]
    rows = {
        (day, str(a), str(b), str(rng.choice([channel.value for channel in Channel])))
        for day in (DAY, LATER)
        for a, b in rng.choice(names, (120, 2))
        if a != b
    }
    links = pl.DataFrame(
        [(*row, float(rng.random())) for row in sorted(rows)], schema=LINKS_SCHEMA, orient="row"
    )
    own = pl.DataFrame(
        [(name, day, float(rng.normal(-3, 1.5))) for name in names[:27] for day in (DAY, LATER)]
        + [(names[27], DAY, None), (names[28], DAY, math.nan)],
        schema=OWN_SCHEMA,
        orient="row",
    )
    return links, own


def _graph(links: pl.DataFrame, day: date) -> "nx.MultiDiGraph[str]":
    graph: nx.MultiDiGraph[str] = nx.MultiDiGraph()
    for _, party, neighbour, channel, weight in links.filter(as_of=day).iter_rows():
        graph.add_edge(party, neighbour, channel, weight=weight)
    return graph


def _expected(graph: "nx.MultiDiGraph[str]", party: str, pds: dict[str, float]) -> dict[str, float | None]:
    around = [
        (channel, held["weight"], pds[neighbour], neighbour)
        for _, neighbour, channel, held in (
            graph.out_edges(party, keys=True, data=True) if party in graph else ()
        )
        if neighbour in pds
    ]
    row: dict[str, float | None] = {}
    for channel, name in WORST.items():
        row[name] = max((pd for kind, _, pd, _ in around if kind == channel), default=None)
    for channel, name in AT_STAKE.items():
        stakes = [weight * pd for kind, weight, pd, _ in around if kind == channel]
        row[name] = sum(stakes) if stakes else None
    once = {neighbour: pd for _, _, pd, neighbour in around}
    row["neighbours_worst_pd"] = max(once.values(), default=None)
    row["neighbours_expected_defaults"] = sum(once.values()) if once else None
    row["neighbours_mean_pd"] = sum(once.values()) / len(once) if once else None
    passed = sum(weight * pd * PASSED_ON.get(kind, 0.0) for kind, weight, pd, _ in around)
    row["transmitted_risk"] = passed if around else None
    row["scored_neighbours"] = len(once)
    return row


@pytest.mark.parametrize("seed", [1, 2])
def test_features_are_those_of_a_loop_over_neighbours(seed: int) -> None:
    links, own = _random(seed)
    frame = neighbour_scores(links, own)
    assert frame.columns == ["party_id", "as_of", *SCORE_FEATURES]
    assert frame.select("party_id", "as_of").equals(own.select("party_id", "as_of"))
    for day in (DAY, LATER):
        scored = own.filter(as_of=day).drop_nulls().drop_nans()
        pds = {party: _pd(value) for party, _, value in scored.iter_rows()}
        graph = _graph(links, day)
        for row in frame.filter(as_of=day).iter_rows(named=True):
            expected = _expected(graph, row["party_id"], pds)
            assert set(expected) == set(SCORE_FEATURES)
            assert {name: row[name] for name in SCORE_FEATURES} == pytest.approx(expected, abs=2e-8)


def test_own_score_enters_neighbours_rows_only() -> None:
    links = _links(("A", "B", "customer", 0.5), ("B", "A", "supplier", 1.0), ("A", "C", "other", 1.0))
    before = neighbour_scores(links, _own(A=-3.0, B=-2.0, C=-1.0))
    after = neighbour_scores(links, _own(A=2.0, B=-2.0, C=-1.0))
    assert before.filter(party_id="A").equals(after.filter(party_id="A"))
    assert before.filter(party_id="C").equals(after.filter(party_id="C"))
    assert after.filter(party_id="B")["suppliers_worst_pd"].item() == pytest.approx(_pd(2.0))


def test_a_link_to_itself_gives_a_party_nothing() -> None:
    row = neighbour_scores(_links(("A", "A", "customer", 1.0)), _own(A=3.0)).row(0, named=True)
    assert [row[name] for name in SCORE_FEATURES if name != "scored_neighbours"] == [None] * 18
    assert row["scored_neighbours"] == 0


def test_without_scored_neighbours_all_is_empty_but_the_count() -> None:
    """A has no neighbour, B one without a score, C one whose score is null."""
    links = _links(("B", "X", "owner", 1.0), ("C", "D", "owner", 1.0))
    frame = neighbour_scores(links, _own(A=-1.0, B=-1.0, C=-1.0, D=None))
    assert frame["scored_neighbours"].to_list() == [0, 0, 0, 0]
    assert frame.drop("party_id", "as_of", "scored_neighbours").null_count().row(0) == (4,) * 18


def test_scores_of_another_date_are_not_read() -> None:
    own = pl.concat([_own(A=-1.0), _own(LATER, B=2.0)])
    assert neighbour_scores(_links(("A", "B", "customer", 1.0)), own)["scored_neighbours"].to_list() == [0, 0]


def test_a_neighbour_of_two_channels_counts_once_among_all() -> None:
    links = _links(("A", "B", "customer", 0.5), ("A", "B", "owner", 0.2))
    row = neighbour_scores(links, _own(A=-5.0, B=0.0)).row(0, named=True)
    assert (row["scored_neighbours"], row["neighbours_expected_defaults"]) == (1, 0.5)
    assert (row["sales_at_risk"], row["ownership_at_risk"]) == (0.25, 0.1)


def test_extreme_scores_stay_finite() -> None:
    links = _links(("A", "B", "customer", 1.0), ("A", "C", "supplier", 1.0))
    row = neighbour_scores(links, _own(A=0.0, B=2000.0, C=-2000.0)).row(0, named=True)
    assert (row["customers_worst_pd"], row["suppliers_worst_pd"]) == (1, 0)


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000), order=st.integers(0, 10_000))
def test_order_of_rows_changes_no_bit(seed: int, order: int) -> None:
    links, own = _random(seed)
    again = neighbour_scores(
        links.sample(fraction=1, shuffle=True, seed=order), own.sample(fraction=1, shuffle=True, seed=order)
    )
    key = ["party_id", "as_of"]
    assert neighbour_scores(links, own).sort(key).equals(again.sort(key))


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000), rise=st.floats(0, 5))
def test_a_worse_neighbour_lowers_no_monotone_feature(seed: int, rise: float) -> None:
    links, own = _random(seed)
    worse = own.with_columns(pl.col("log_odds") + rise)
    before, after = neighbour_scores(links, own), neighbour_scores(links, worse)
    for item in SCORE_CATALOGUE:
        if item.monotone == 1:
            assert (after[item.name] >= before[item.name]).drop_nulls().all()


def test_a_score_given_twice_is_refused_by_name() -> None:
    own = pl.concat([_own(A=-1.0), _own(A=-2.0)])
    with pytest.raises(
        DuplicateScoreError, match="Party A has more than one own score as of 2024-05-31"
    ) as found:
        neighbour_scores(_links(), own)
    assert "主体 A" in found.value.zh


def test_a_missing_column_is_named() -> None:
    with pytest.raises(MissingColumnError, match="own lacks the column"):
        neighbour_scores(_links(), _own(A=1.0).drop("log_odds"))
    with pytest.raises(MissingColumnError, match="links lacks the column"):
        neighbour_scores(_links().drop("weight"), _own(A=1.0))


def test_no_rows_give_no_rows() -> None:
    assert neighbour_scores(_links(), _own()).columns == ["party_id", "as_of", *SCORE_FEATURES]


def test_the_catalogue_lists_score_features_after_the_others_and_under_names_of_their_own() -> None:
    names = tuple(item.name for item in catalogue("credit"))
    assert names == FEATURES + SCORE_FEATURES
    assert len(set(names)) == len(names)
    assert {item.dimension for item in SCORE_CATALOGUE} == {Dimension.RELATIONS, Dimension.SUPPLY}
