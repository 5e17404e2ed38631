"""The graph as told: circles, versions, shares."""

from datetime import date

import polars as pl

from tests.data_samples.conftest import Group


def as_of(edges: pl.DataFrame, day: date) -> pl.DataFrame:
    known = (pl.col("known_at") <= day) & (pl.col("retracted_at").is_null() | (pl.col("retracted_at") > day))
    holds = (pl.col("valid_from") <= day) & (pl.col("valid_to").is_null() | (pl.col("valid_to") > day))
    return edges.filter(known & holds)


def test_planted_circles_are_directed_cycles(group: Group) -> None:
    circles = group.truth("guarantee_circles").sort("circle_id", "position")
    assert set(circles["length"]) == {2, 3, 4, 5}
    for (_,), links in circles.group_by("circle_id", maintain_order=True):
        src, dst = links["src"].to_list(), links["dst"].to_list()
        assert dst == src[1:] + src[:1]
        assert links["length"][0] == links.height


def test_planted_circles_stand_in_the_edges_as_of_their_date(group: Group) -> None:
    circles = group.truth("guarantee_circles")
    edges = group.clean("edges").filter(kind="guarantees")
    late = {key.split("|")[0] for key in group.faults("edges", "late")["key"]}
    seen = 0
    for (_,), links in circles.group_by("circle_id", maintain_order=True):
        day = links.select(pl.col("valid_from").max().dt.offset_by("40d")).item()
        if day >= links["valid_to"].min() or late & set(links["edge_id"]):
            continue
        pairs = set(as_of(edges, day).select("src", "dst").iter_rows())
        assert set(links.select("src", "dst").iter_rows()) <= pairs
        seen += 1
    assert seen > 10


def test_a_new_version_closes_the_one_before(group: Group) -> None:
    edges = group.clean("edges").sort("edge_id", "known_at")
    closing = edges.with_columns(next=pl.col("known_at").shift(-1).over("edge_id"))
    assert closing.filter(~pl.col("retracted_at").eq_missing(pl.col("next"))).is_empty()
    assert closing.filter(pl.col("known_at") >= pl.col("retracted_at")).is_empty()
    assert edges.filter(pl.col("retracted_at").is_not_null()).height > 500
    same = ["src", "dst", "kind", "role", "valid_from"]
    assert edges.group_by("edge_id").agg(pl.struct(same).n_unique().alias("n"))["n"].max() == 1


def test_corrections_change_amounts_not_dates(group: Group) -> None:
    edges = group.clean("edges").sort("edge_id", "known_at")
    first = edges.with_columns(then=pl.coalesce("share", "amount").shift(-1).over("edge_id"))
    corrected = first.filter(
        pl.col("retracted_at").is_not_null() & (pl.coalesce("share", "amount") != pl.col("then"))
    )
    stated = edges.filter(pl.coalesce("share", "amount").is_not_null())["edge_id"].n_unique()
    assert 0.02 < corrected["edge_id"].n_unique() / stated < 0.04
    assert corrected.filter(pl.coalesce("share", "amount") > pl.col("then")).is_empty()


def test_shares_held_in_a_company_never_exceed_the_whole(group: Group) -> None:
    for year in range(2020, 2026):
        held = (
            as_of(group.clean("edges"), date(year, 12, 31))
            .filter(kind="owns")
            .group_by("dst")
            .agg(pl.col("share").sum())
        )
        assert held.height > 1000
        assert held["share"].max() <= 1.0  # type: ignore[operator]


def test_ownership_has_trees_persons_on_top_and_some_cycles(group: Group) -> None:
    owns = group.clean("edges").filter(kind="owns").unique("edge_id").select("src", "dst")
    persons = group.clean("parties").filter(kind="person")["party_id"].unique()
    assert owns.filter(pl.col("src").is_in(persons.implode())).height > 500
    assert owns.filter(pl.col("dst").is_in(persons.implode())).is_empty()
    mutual = owns.join(owns, left_on=["src", "dst"], right_on=["dst", "src"])
    assert mutual.height > 0


def test_every_kind_of_relation_has_its_columns(group: Group) -> None:
    edges = group.clean("edges")
    assert set(edges["kind"]) == {"owns", "guarantees", "supplies", "holds_position", "family_of"}
    for kind, column in (
        ("owns", "share"),
        ("guarantees", "amount"),
        ("supplies", "amount"),
        ("holds_position", "role"),
    ):
        assert edges.filter(kind=kind)[column].null_count() == 0
        assert (
            edges.filter(pl.col("kind") == kind)
            .select({"share", "amount", "role"} - {column})
            .null_count()
            .row(0)
            == (edges.filter(kind=kind).height,) * 2
        )
    own = group.table("companies")["party_id"].implode()
    supplies = edges.filter(kind="supplies")
    assert supplies.filter(pl.col("src").is_in(own)).height > 50
    assert supplies.filter(pl.col("dst").is_in(own)).height > 50
