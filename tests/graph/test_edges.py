"""The bitemporal edge table: what is visible when, and what a broken table says."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.edges import EDGE_SCHEMA, OPTIONAL_COLUMNS, checked_edges, visible
from graph.errors import EdgeTableError

EdgeMaker = Callable[..., pl.DataFrame]

START = date(2024, 1, 1)
days = st.integers(0, 12).map(lambda days: START + timedelta(days=days))
statements = st.fixed_dictionaries(
    {
        "valid_from": days,
        "valid_to": st.none() | days,
        "known_at": days,
        "retracted_at": st.none() | days,
    }
)


def _frame(rows: Sequence[dict[str, date]]) -> pl.DataFrame:
    times = dict.fromkeys(("valid_from", "valid_to", "known_at", "retracted_at"), pl.Date)
    return pl.DataFrame(rows, schema=times).with_row_index("row")


@given(st.lists(statements, max_size=30), days, st.none() | days)
def test_visible_equals_brute_force(rows: list[dict[str, date]], as_of: date, valid_on: date | None) -> None:
    day = valid_on or as_of
    expected = [
        number
        for number, row in enumerate(rows)
        if row["known_at"] <= as_of
        and (row["retracted_at"] is None or row["retracted_at"] > as_of)
        and row["valid_from"] <= day
        and (row["valid_to"] is None or row["valid_to"] > day)
    ]
    assert visible(_frame(rows), as_of, valid_on).collect()["row"].to_list() == expected


@given(st.lists(statements, min_size=1, max_size=30), days)
def test_visible_hides_later_retractions(rows: list[dict[str, date]], as_of: date) -> None:
    read = visible(_frame(rows), as_of).collect()
    assert read["retracted_at"].null_count() == read.height


def test_correction_replaces_the_old_statement_from_the_day_it_is_known(edge_table: EdgeMaker) -> None:
    old = {"edge_id": "E", "src": "A", "dst": "B", "share": 0.3, "retracted_at": date(2021, 5, 1)}
    new = {"edge_id": "E", "src": "A", "dst": "B", "share": 0.6, "known_at": date(2021, 5, 1)}
    edges = edge_table(old, new)
    shares = [
        visible(edges, day).collect()["share"].to_list() for day in (date(2021, 4, 30), date(2021, 5, 1))
    ]
    assert shares == [[0.3], [0.6]]


def test_what_held_in_the_past_is_read_with_the_knowledge_of_today(edge_table: EdgeMaker) -> None:
    edges = edge_table({"src": "A", "dst": "B", "known_at": date(2022, 1, 1)})
    assert visible(edges, date(2021, 1, 1)).collect().is_empty()
    assert visible(edges, date(2022, 1, 1), valid_on=date(2021, 1, 1)).collect().height == 1


def test_checked_edges_gives_the_schema(edge_table: EdgeMaker) -> None:
    table = edge_table({"src": "A", "dst": "B"}).with_columns(share=pl.lit(1), extra=pl.lit("x"))
    assert checked_edges(table).schema == EDGE_SCHEMA


def test_missing_column_is_named(edge_table: EdgeMaker) -> None:
    _refused(edge_table({"src": "A", "dst": "B"}).drop("valid_from"), "valid_from", "is missing")


def test_wrong_type_is_named(edge_table: EdgeMaker) -> None:
    table = edge_table({"src": "A", "dst": "B"}).with_columns(pl.col("known_at").cast(pl.String))
    _refused(table, "known_at", "must be Date, is String")


def test_empty_cell_is_named_with_its_row(edge_table: EdgeMaker) -> None:
    _refused(edge_table({"src": "A", "dst": "B"}, {"src": "A"}), "dst", "is empty in row 2")


def test_unknown_relation_kind_is_named(edge_table: EdgeMaker) -> None:
    _refused(edge_table({"src": "A", "dst": "B", "kind": "likes"}), "kind", "'likes' is none of owns")


def test_self_loop_is_refused(edge_table: EdgeMaker) -> None:
    _refused(edge_table({"src": "A", "dst": "A"}), "dst", "equals src in E0")


def test_two_contents_of_one_statement_are_refused(edge_table: EdgeMaker) -> None:
    table = edge_table({"edge_id": "E", "src": "A", "dst": "B"}, {"edge_id": "E", "src": "A", "dst": "C"})
    _refused(table, "edge_id", "not unique with known_at: E @ 2020-01-10")


def _refused(table: pl.DataFrame, column: str, message: str) -> None:
    with pytest.raises(EdgeTableError, match=message) as caught:
        checked_edges(table)
    assert caught.value.column == column
    assert column in caught.value.message("zh")


def test_of_two_believed_statements_the_one_that_begins_last_speaks(edge_table: EdgeMaker) -> None:
    edge = {"edge_id": "E", "src": "A", "dst": "B"}
    first = {**edge, "share": 0.3}
    raised = {**edge, "share": 0.6, "valid_from": date(2022, 1, 1), "known_at": date(2022, 2, 1)}
    ended = {**raised, "valid_to": date(2023, 1, 1), "known_at": date(2023, 2, 1)}
    edges = edge_table(first, raised, ended)

    def shares(as_of: date, valid_on: date) -> list[float]:
        return visible(edges, as_of, valid_on).collect()["share"].to_list()

    assert shares(date(2024, 1, 1), date(2021, 1, 1)) == [0.3]
    assert shares(date(2022, 1, 15), date(2022, 1, 15)) == [0.3], "the rise was not known yet"
    assert shares(date(2022, 6, 1), date(2022, 6, 1)) == [0.6]
    assert shares(date(2024, 1, 1), date(2022, 6, 1)) == [0.6]
    assert shares(date(2024, 1, 1), date(2024, 1, 1)) == [], "the end of the later statement ends the edge"


@given(st.lists(statements, max_size=30), days, st.none() | days)
def test_statements_of_one_edge_equal_brute_force(
    rows: list[dict[str, date]], as_of: date, valid_on: date | None
) -> None:
    day = valid_on or as_of
    edges = _frame(rows).with_columns(edge_id=pl.col("row") % 3)
    speaking: dict[int, tuple[date, date, int]] = {}
    for number, row in enumerate(rows):
        believed = row["known_at"] <= as_of and (row["retracted_at"] is None or row["retracted_at"] > as_of)
        if believed and row["valid_from"] <= day:
            key = (row["valid_from"], row["known_at"], number)
            speaking[number % 3] = max(speaking.get(number % 3, key), key)
    tops = {edge: key[:2] for edge, key in speaking.items()}
    expected = [
        number
        for number, row in enumerate(rows)
        if row["known_at"] <= as_of
        and (row["retracted_at"] is None or row["retracted_at"] > as_of)
        and (row["valid_from"], row["known_at"]) == tops.get(number % 3)
        and (row["valid_to"] is None or row["valid_to"] > day)
    ]
    assert visible(edges, as_of, valid_on).collect()["row"].to_list() == expected


@pytest.mark.parametrize("column", ["share", "voting", "seller_share", "score", "confidence"])
@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), float("inf")])
def test_a_ratio_outside_0_to_1_is_refused(edge_table: EdgeMaker, column: str, value: float) -> None:
    _refused(edge_table({"src": "A", "dst": "B", column: value}), column, "must be between 0 and 1")


def test_an_edge_cannot_change_its_ends(edge_table: EdgeMaker) -> None:
    table = edge_table(
        {"edge_id": "E", "src": "A", "dst": "B"},
        {"edge_id": "E", "src": "A", "dst": "C", "known_at": date(2021, 1, 1)},
    )
    _refused(table, "edge_id", "'E' joins other parties")


def test_a_table_may_leave_out_what_only_some_kinds_say(edge_table: EdgeMaker) -> None:
    table = edge_table({"src": "A", "dst": "B"})
    assert checked_edges(table.drop(OPTIONAL_COLUMNS)).equals(checked_edges(table))
