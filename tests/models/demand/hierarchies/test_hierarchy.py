"""What adds up to what: built from columns or from nodes, refused where it contradicts itself."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.demand.hierarchies.hierarchy import TOTAL, hierarchy_of_levels, hierarchy_of_nodes
from models.errors import HierarchyError

STATIC = pl.DataFrame(
    {
        "unique_id": ["a", "b", "c", "d"],
        "org": ["x", "x", "y", "y"],
        "family": ["salt", "salt", "salt", "cells"],
        "region": ["east", "west", "east", "west"],
    }
)


def test_levels_group_series_by_their_columns() -> None:
    built = hierarchy_of_levels(STATIC, [["org"], ["org", "family"], ["region"]])
    assert built.ids == (
        "total", "org=x", "org=y", "org=x,family=salt", "org=y,family=salt", "org=y,family=cells",
        "region=east", "region=west", "a", "b", "c", "d",
    )  # fmt: skip
    assert built.level_names == ("total", "org", "org/family", "region", "series")
    assert built.bottom_ids == ("a", "b", "c", "d")
    assert built.add_up(np.array([1.0, 10, 100, 1000])).tolist()[:8] == [
        1111,
        11,
        1100,
        11,
        100,
        1000,
        101,
        1010,
    ]
    assert built.sums.nnz == 4 * 5


def test_aggregates_of_the_same_series_are_kept_and_named() -> None:
    built = hierarchy_of_levels(STATIC, {"company": ["org"], "family of a company": ["org", "family"]})
    assert set(built.same) == {
        ("org=x", "org=x,family=salt"), ("org=y,family=salt", "c"), ("org=y,family=cells", "d"),
    }  # fmt: skip
    assert built.level_names == ("total", "company", "family of a company", "series")


def test_nodes_give_the_same_sums_as_levels() -> None:
    nodes = {"x": ["a", "b"], "everything": ["x", "y"], "y": ["c", "d"]}
    built = hierarchy_of_nodes(nodes, ["a", "b", "c", "d"])
    by_columns = hierarchy_of_levels(STATIC, [["org"]])
    assert built.ids == ("everything", "x", "y", "a", "b", "c", "d")
    assert built.level == ("level 1", "level 2", "level 2", *["series"] * 4)
    assert (built.sums.toarray() == by_columns.sums.toarray()).all()


def test_total_is_added_where_no_node_holds_everything() -> None:
    built = hierarchy_of_nodes({"x": ["a", "b"], "y": ["c"]}, ["a", "b", "c"])
    assert built.ids[0] == TOTAL
    assert built.sums.toarray()[0].tolist() == [1, 1, 1]


def test_grouped_nodes_may_overlap_when_said() -> None:
    nodes = {"all": ["salt", "cells", "east", "west"], "salt": ["a", "b"], "cells": ["c", "d"],
             "east": ["a", "c"], "west": ["b", "d"]}  # fmt: skip
    built = hierarchy_of_nodes(nodes, ["a", "b", "c", "d"], overlapping=True)
    assert built.sums.toarray()[0].tolist() == [1, 1, 1, 1]
    with pytest.raises(HierarchyError, match="all adds a series up twice"):
        hierarchy_of_nodes(nodes, ["a", "b", "c", "d"])


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ({"x": ["a", "zzz"], "y": ["b"]}, "zzz are neither a series of the table nor a node"),
        ({"x": ["y", "a"], "y": ["z"], "z": ["x", "b"]}, "contain each other in a circle"),
        ({"x": ["a"]}, "b are in no node"),
        ({"x": ["a", "b"], "y": []}, "y have no parts"),
        ({}, "no parts"),
        ({"total": ["a"], "y": ["b"]}, "total are names of more than one"),
    ],
)
def test_nodes_that_contradict_are_refused_by_name(nodes: dict[str, list[str]], message: str) -> None:
    with pytest.raises(HierarchyError, match=message) as caught:
        hierarchy_of_nodes(nodes, ["a", "b"])
    assert caught.value.zh.startswith("层级结构")


def test_circle_is_shown_whole() -> None:
    with pytest.raises(HierarchyError) as caught:
        hierarchy_of_nodes({"x": ["y", "a"], "y": ["x"]}, ["a"])
    assert set(caught.value.nodes) == {"x", "y"}
    assert caught.value.nodes[0] == caught.value.nodes[-1]


@pytest.mark.parametrize(
    ("static", "levels", "message"),
    [
        (STATIC, [["plant"]], "plant are columns"),
        (STATIC.with_columns(region=pl.lit(None)), [["region"]], "a, b, c, d have no region"),
        (pl.concat([STATIC, STATIC.head(1)]), [["org"]], "a stand in the static table more than once"),
        (STATIC.clear(), [["org"]], "no series"),
        (STATIC.with_columns(unique_id=pl.Series(["a", "b", "c", "total"])), [["org"]], "total are names"),
    ],
)
def test_columns_that_cannot_group_are_refused(
    static: pl.DataFrame, levels: list[list[str]], message: str
) -> None:
    with pytest.raises(HierarchyError, match=message):
        hierarchy_of_levels(static, levels)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30),
    st.integers(0, 2**32 - 1),
)
def test_every_level_holds_every_series_once(places: list[tuple[int, int]], seed: int) -> None:
    static = pl.DataFrame(
        {
            "unique_id": [f"s{number}" for number in range(len(places))],
            "p": [f"p{p}" for p, _ in places],
            "r": [f"r{r}" for _, r in places],
        }
    )
    built = hierarchy_of_levels(static, [["p"], ["r"], ["p", "r"]])
    values = np.random.default_rng(seed).normal(size=(len(places), 3))
    added = built.add_up(values)
    for level in built.level_names:
        np.testing.assert_allclose(added[built.rows_of(level)].sum(axis=0), values.sum(axis=0))
