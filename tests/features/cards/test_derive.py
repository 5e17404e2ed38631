from collections.abc import Callable
from datetime import date
from pathlib import Path

import networkx as nx
import numpy as np
import polars as pl
import pytest

from features.cards.card import Card, load_card
from features.cards.derive import Derived, derive, fit_relations
from features.cards.errors import CardTableError
from features.cards.read import CardTables, read_card_tables
from features.cards.state import Family, RelationalState, plain_names
from tests.features.cards.conftest import CARD, firms

Write = Callable[..., Path]


def _fit(path: Path) -> tuple[Card, CardTables, RelationalState, Derived]:
    card = load_card(path)
    tables = read_card_tables(card, label=True)
    train = (
        tables.main["part"] == "train"
        if "part" in tables.main.columns
        else pl.Series([True] * tables.main.height)
    )
    state, derived = fit_relations(card, tables, train)
    return card, tables, state, derived


def test_event_counts_and_shares_equal_a_plain_count(write: Write) -> None:
    _, tables, _, derived = _fit(write())
    suits = firms(1)["suits"]
    for i in (0, 7, 200):
        firm = tables.main["firm"][i]
        own = suits.filter(pl.col("firm") == firm)
        lost = own.filter(pl.col("result") == "lost").height
        assert derived.frame["suits.n"][i] == own.height
        assert derived.frame["suits.result=lost"][i] == lost
        share = derived.frame["suits.result=lost.share"][i]
        assert share == (pytest.approx(lost / own.height) if own.height else None)


def test_degrees_and_neighbours_equal_networkx(write: Write) -> None:
    _, tables, _, derived = _fit(write())
    edges = firms(1)["edges"].filter(pl.col("a") != pl.col("b"))
    directed = nx.MultiDiGraph()
    directed.add_nodes_from(tables.main["firm"])
    directed.add_edges_from(
        (r["a"], r["b"], {"kind": r["kind"], "amount": r["amount"]}) for r in edges.to_dicts()
    )
    simple = nx.Graph(directed)
    capital = dict(zip(tables.main["firm"], tables.main["capital"], strict=True))
    for i in range(0, 400, 23):
        firm, row = tables.main["firm"][i], derived.frame.row(i, named=True)
        given = [d for _, _, d in directed.out_edges(firm, data=True) if d["kind"] == "guarantees"]
        assert row["ties.guarantees.out"] == len(given)
        assert row["ties.guarantees.out.weight"] == pytest.approx(sum(d["amount"] for d in given))
        around = set(simple[firm])
        assert row["ties.neighbours"] == len(around)
        if around:
            assert row["ties.nb.capital.mean"] == pytest.approx(np.mean([capital[o] for o in around]))
        peers = {p for o in around for p in simple[o]} - {firm}
        assert row["ties.peers"] == len(peers)
        shared = max((len(around & set(simple[p])) for p in peers), default=0)
        assert row["ties.shared"] == shared
        walks = [(capital[p], 1 / len(simple[o])) for o in around for p in simple[o] if p != firm]
        if walks:
            mean = sum(c * w for c, w in walks) / sum(w for _, w in walks)
            assert row["ties.nb2.capital.mean"] == pytest.approx(mean)


def test_members_of_groups_leave_oneself_out(write: Write) -> None:
    card = CARD.replace('group = "group"', 'group = "group"\nmembers = true')
    _, tables, _, derived = _fit(write(card))
    town = [i for i in range(400) if i % 40 == 3]
    others = [tables.main["capital"][i] for i in town if i != 43]
    assert derived.frame["groups.town.members.capital"][43] == pytest.approx(np.mean(others))


def test_same_tables_in_another_order_give_the_same_features(write: Write) -> None:
    card, tables, state, derived = _fit(write())
    again = derive(card, tables, state)
    assert again.frame.equals(derived.frame)
    shuffled = {n: t.sample(fraction=1.0, shuffle=True, seed=3) for n, t in firms(1).items() if n != "firms"}
    other = load_card(write(folder="other", **shuffled))
    assert derive(other, read_card_tables(other, label=False), state).frame.equals(derived.frame)


def test_state_survives_its_json(write: Write) -> None:
    _, _, state, _ = _fit(write())
    assert RelationalState.model_validate_json(state.model_dump_json()) == state
    assert set(state.families.values()) >= {Family.OWN, Family.EVENTS, Family.EDGES}


def test_partitions_do_not_see_each_other(write: Write) -> None:
    """A firm of the same id in another partition has a graph of its own."""
    base = firms(1)
    both = {n: t.with_columns(world=pl.lit("one")) for n, t in base.items()}
    both["firms"] = pl.concat(
        [both["firms"], both["firms"].with_columns(world=pl.lit("two"), part=pl.lit("valid"))]
    )
    card = CARD.replace('label = "failed"', 'label = "failed"\npartition = "world"')
    for table in ("suits", "edges", "groups"):
        card = card.replace(f'path = "{table}.parquet"', f'path = "{table}.parquet"\npartition = "world"')
    _, tables, _, derived = _fit(write(card, **both))
    two = (tables.main["world"] == "two").to_numpy()
    assert derived.frame["ties.neighbours"].to_numpy()[~two].sum() > 0
    assert derived.frame["ties.neighbours"].to_numpy()[two].sum() == 0
    assert derived.frame["suits.n"].to_numpy()[two].sum() == 0


def test_nothing_known_later_is_read(write: Write) -> None:
    """Events and edges of the day of decision and later do not move one feature."""
    rng = np.random.default_rng(5)
    base = firms(1)
    days = [date(2020, 1 + int(m), 15) for m in rng.integers(0, 12, 400)]
    base["firms"] = base["firms"].with_columns(pl.Series("day", days))
    dated = {
        n: base[n].with_columns(
            pl.Series("known", [date(2019, 1 + int(m), 20) for m in rng.integers(0, 12, base[n].height)])
        )
        for n in ("suits", "edges")
    }
    card = CARD.replace('label = "failed"', 'label = "failed"\ntime = "day"')
    card = card.replace('id = "firm"\n\n[[edges]]', 'id = "firm"\ntime = "known"\n\n[[edges]]')
    card = card.replace('weight = "amount"', 'weight = "amount"\ntime = "known"')
    fitted_card, _, state, before = _fit(write(card, **{**base, **dated}))
    assert fitted_card.edges[0].time == "known"
    later = {n: pl.concat([t, t.with_columns(known=pl.lit(date(2021, 1, 1)))]) for n, t in dated.items()}
    other = load_card(write(card, folder="later", **{**base, **later}))
    after = derive(other, read_card_tables(other, label=False), state)
    assert "suits.n_365d" in state.features
    assert after.frame.equals(derive(fitted_card, read_card_tables(fitted_card, label=False), state).frame)
    assert before.frame.height == 400


def test_unseen_category_counts_as_other_and_is_named(write: Write) -> None:
    _, _, state, _ = _fit(write())
    new = firms(1)["firms"].with_columns(
        pl.when(pl.col("firm") == "F0000").then(pl.lit("moon")).otherwise("region").alias("region")
    )
    card = load_card(write(folder="new", firms=new))
    derived = derive(card, read_card_tables(card, label=False), state)
    assert derived.frame["region"][0] == 3.0
    assert any("moon" in n.en and n.column == "region" for n in derived.notices)


def test_unseen_relation_kind_is_named(write: Write) -> None:
    _, _, state, _ = _fit(write())
    new = firms(1)["edges"].with_columns(kind=pl.lit("marries"))
    card = load_card(write(folder="new", edges=new))
    derived = derive(card, read_card_tables(card, label=False), state)
    assert any("marries" in n.en for n in derived.notices)
    assert derived.frame["ties.edges"].sum() == 0


def test_constant_and_missing_columns_are_left_out_and_named(write: Write) -> None:
    table = firms(1)["firms"].with_columns(
        same=pl.lit(5), gone=pl.lit(None, pl.Float64), name=pl.col("firm") + " Ltd"
    )
    _, _, state, derived = _fit(write(firms=table))
    assert {c.name for c in state.own} == {"capital", "region"}
    assert {n.column for n in derived.notices} == {"same", "gone", "name"}


def test_infinite_values_count_as_missing_and_are_named(write: Write) -> None:
    _, _, state, _ = _fit(write())
    broken = firms(1)["firms"].with_columns(
        pl.when(pl.col("firm") == "F0002").then(float("inf")).otherwise("capital").alias("capital")
    )
    card = load_card(write(folder="new", firms=broken))
    derived = derive(card, read_card_tables(card, label=False), state)
    assert derived.frame["capital"][2] is None
    assert any(n.column == "capital" and "row 3" in n.en for n in derived.notices)


def test_all_missing_column_when_scoring_is_named(write: Write) -> None:
    _, _, state, _ = _fit(write())
    card = load_card(
        write(folder="new", firms=firms(1)["firms"].with_columns(capital=pl.lit(None, pl.Float64)))
    )
    derived = derive(card, read_card_tables(card, label=False), state)
    assert any(n.column == "capital" and "missing" in n.en for n in derived.notices)


def test_number_that_became_text_is_refused(write: Write) -> None:
    _, _, state, _ = _fit(write())
    card = load_card(write(folder="new", firms=firms(1)["firms"].with_columns(capital=pl.lit("much"))))
    with pytest.raises(CardTableError, match="capital"):
        derive(card, read_card_tables(card, label=False), state)


def test_other_tables_than_trained_on_are_refused(write: Write) -> None:
    _, _, state, _ = _fit(write())
    lacking = load_card(write(folder="a", firms=firms(1)["firms"].drop("capital")))
    with pytest.raises(CardTableError, match="capital"):
        derive(lacking, read_card_tables(lacking, label=False), state)
    without = load_card(write(CARD.replace('name = "ties"', 'name = "bonds"'), folder="b"))
    with pytest.raises(CardTableError, match=r"missing ties; unexpected bonds"):
        derive(without, read_card_tables(without, label=False), state)


def test_feature_names_are_plain_and_unique() -> None:
    assert plain_names(["Debt / Capital", 'a"b', "a:b", "注册资本"]) == [
        "Debt_/_Capital",
        "a_b",
        "a_b_2",
        "注册资本",
    ]


def test_label_rates_never_read_own_or_same_fold_labels(write: Write) -> None:
    card = 'neighbour_label_rate = "out_of_fold"\n' + CARD
    fitted, tables, state, derived = _fit(write(card))
    assert derived.labels is not None
    assert "ties.labels.rate" in state.features
    fold = dict(derived.labels.frame.select("__party", "__fold").iter_rows())
    train = (tables.main["part"] == "train").to_list()
    changed = firms(1)["firms"].with_columns(
        pl.Series("failed", [1 - y if t and fold[f] == 4 else y for f, y, t in
                             zip(tables.main["firm"], tables.main["failed"], train, strict=True)])
    )  # fmt: skip
    _, _, _, other = _fit(write(card, folder="flipped", firms=changed))
    n = derived.frame["ties.labels.n"]
    assert n.sum() > 0
    assert n.equals(other.frame["ties.labels.n"])
    same = [i for i, f in enumerate(tables.main["firm"]) if train[i] and fold[f] == 4]
    prior = 2.0
    means = [float(d.labels.frame["__label"].mean()) for d in (derived, other) if d.labels]  # type: ignore[arg-type]
    for i in same:
        counts = [
            d.frame["ties.labels.rate"][i] * (n[i] + prior) - prior * m if n[i] else 0.0
            for d, m in zip((derived, other), means, strict=True)
        ]
        assert counts[0] == pytest.approx(counts[1])
    assert fitted.neighbour_label_rate == "out_of_fold"


def test_label_rates_as_of_read_only_what_was_known(write: Write) -> None:
    card = 'neighbour_label_rate = "as_of"\nlabel_known = "known"\n' + CARD.replace(
        'label = "failed"', 'label = "failed"\ntime = "day"'
    )
    base = firms(1)["firms"].with_columns(day=pl.lit(date(2020, 1, 1)), known=pl.lit(date(2021, 1, 1)))
    _, _, state, derived = _fit(write(card, firms=base))
    assert "ties.labels.n" not in state.features
    early = base.with_columns(
        known=pl.when(pl.int_range(pl.len()) % 2 == 0).then(pl.date(2019, 1, 1)).otherwise("known")
    )
    _, _, state, derived = _fit(write(card, folder="early", firms=early))
    assert derived.frame["ties.labels.n"].sum() > 0


def test_model_of_dates_refuses_a_card_without(write: Write) -> None:
    card = CARD.replace('label = "failed"', 'label = "failed"\ntime = "day"')
    dated = firms(1)["firms"].with_columns(day=pl.lit(date(2020, 1, 1)))
    _, _, state, _ = _fit(write(card, firms=dated))
    plain = load_card(write(folder="plain"))
    with pytest.raises(CardTableError, match="time"):
        derive(plain, read_card_tables(plain, label=False), state)


def test_numbers_of_events_are_summed_the_same_in_any_order(write: Write) -> None:
    rng = np.random.default_rng(8)
    suits = firms(1)["suits"].with_columns(pl.Series("amount", rng.lognormal(8, 3, firms(1)["suits"].height)))
    suits = suits.with_columns(
        pl.when(pl.int_range(pl.len()) == 5).then(float("inf")).otherwise("amount").alias("amount")
    )
    card, tables, state, derived = _fit(write(suits=suits))
    kept = suits.filter(pl.col("amount").is_finite())
    for i in range(0, 400, 37):
        own = kept.filter(pl.col("firm") == tables.main["firm"][i])["amount"].to_list()
        assert derived.frame["suits.amount.sum"][i] == (pytest.approx(sum(own)) if own else None)
        assert derived.frame["suits.amount.mean"][i] == (pytest.approx(np.mean(own)) if own else None)
    other = load_card(write(folder="other", suits=suits.sample(fraction=1.0, shuffle=True, seed=4)))
    again = derive(other, read_card_tables(other, label=False), state)
    assert again.frame.equals(derived.frame)
    assert any(n.column == "amount" and "infinite" in n.en for n in again.notices)
    assert card.events[0].numeric is None


def test_distinct_neighbours_are_there_where_no_two_edges_are_parallel(write: Write) -> None:
    """A scored table without parallel edges has the distinct counts of the training, equal to its degrees."""
    edges = firms(1)["edges"]
    doubled = pl.concat([edges, edges.head(300)])
    _, _, state, _ = _fit(write(edges=doubled))
    distinct = [f for f in state.features if f.endswith(".distinct")]
    assert distinct
    single = load_card(write(folder="single", edges=edges.unique(["a", "b", "kind"])))
    frame = derive(single, read_card_tables(single, label=False), state).frame
    for name in distinct:
        assert frame[name].to_list() == frame[name.removesuffix(".distinct")].to_list()


def test_distinct_neighbours_are_no_gap_in_the_world_without_parallel_edges(write: Write) -> None:
    base = firms(1)
    one = {n: t.with_columns(world=pl.lit("one")) for n, t in base.items()}
    two = {n: t.with_columns(world=pl.lit("two")) for n, t in base.items()}
    one["edges"] = pl.concat([one["edges"], one["edges"].head(300)])
    two["edges"] = two["edges"].unique(["a", "b", "kind"])
    card = CARD.replace('label = "failed"', 'label = "failed"\npartition = "world"')
    for table in ("suits", "edges", "groups"):
        card = card.replace(f'path = "{table}.parquet"', f'path = "{table}.parquet"\npartition = "world"')
    _, _, state, derived = _fit(write(card, **{n: pl.concat([one[n], two[n]]) for n in base}))
    distinct = [f for f in state.features if f.endswith(".distinct")]
    assert distinct
    assert sum(derived.frame[f].null_count() for f in distinct) == 0


def test_distinct_neighbours_that_repeat_the_degree_are_no_feature(write: Write) -> None:
    _, _, state, _ = _fit(write(edges=firms(1)["edges"].unique(["a", "b", "kind"])))
    assert not [f for f in state.features if f.endswith(".distinct")]


def test_recent_events_are_none_where_there_is_no_event(write: Write) -> None:
    base = firms(1)
    days = pl.Series("day", [date(2020, 6, 1)] * 400)
    known = pl.Series("known", [date(2020, 1 + i % 5, 20) for i in range(base["suits"].height)])
    card = CARD.replace('label = "failed"', 'label = "failed"\ntime = "day"')
    card = card.replace('id = "firm"\n\n[[edges]]', 'id = "firm"\ntime = "known"\n\n[[edges]]')
    _, _, _, derived = _fit(
        write(card, firms=base["firms"].with_columns(days), suits=base["suits"].with_columns(known))
    )
    none = derived.frame.filter(pl.col("suits.n") == 0)
    assert none.height > 0
    assert none["suits.n_90d"].to_list() == [0.0] * none.height


def test_table_that_leaves_no_edge_at_fit_gives_no_neighbours_and_a_notice(write: Write) -> None:
    card = CARD.replace(
        'kind = "kind"\nweight', 'kind = "kind"\ndrop_kinds = ["guarantees", "supplies"]\nweight'
    )
    _, _, state, derived = _fit(write(card))
    assert state.edges["ties"].kinds == ()
    assert not [f for f in state.features if state.families[f] is Family.EDGES]
    assert any(n.table == "ties" and "no edge" in n.en and "没有边" in n.zh for n in derived.notices)
