"""The embedded store: append-only, atomic, the same answer again."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.edges import EDGE_KEY, EDGE_SCHEMA, OPTIONAL_COLUMNS, visible
from graph.errors import (
    EdgeTableError,
    GraphStoreError,
    StatementConflictError,
)
from graph.ontology import RELATIONS
from graph.parquet_store import ParquetStore, rebuild
from graph.parties import SCORE_SCHEMA
from graph.snapshot import Snapshot
from graph.store import GraphStore
from tests.graph.plain_view import START, days, edge_frame

EdgeMaker = Callable[..., pl.DataFrame]

AS_OF = date(2022, 1, 1)


def test_round_trip_gives_the_same_statements(edge_table: EdgeMaker, tmp_path: Path) -> None:
    edges = edge_table({"src": "A", "dst": "B", "share": 0.4}, {"src": "B", "dst": "C"})
    store: GraphStore = ParquetStore(tmp_path / "graph")
    assert store.append(edges) == 2
    assert ParquetStore(tmp_path / "graph").statements().collect().equals(edges)
    assert store.edges(AS_OF).collect().equals(edges)


def test_same_statements_are_stored_once(edge_table: EdgeMaker, tmp_path: Path) -> None:
    edges = edge_table({"src": "A", "dst": "B"}, {"src": "B", "dst": "C"})
    store = ParquetStore(tmp_path)
    store.append(edges)
    assert store.append(pl.concat([edges, edges])) == 0
    assert [part.name for part in tmp_path.iterdir()] == ["part-000001.parquet"]


def test_retraction_closes_a_statement_and_keeps_the_past(edge_table: EdgeMaker, tmp_path: Path) -> None:
    store = ParquetStore(tmp_path)
    old = {"edge_id": "E", "src": "A", "dst": "B", "share": 0.3}
    store.append(edge_table(old))
    closed = edge_table({**old, "retracted_at": date(2021, 5, 1)})
    renewed = edge_table({**old, "share": 0.6, "known_at": date(2021, 5, 1)})
    assert store.append(pl.concat([closed, renewed])) == 2
    assert store.append(edge_table(old)) == 0
    assert store.edges(date(2021, 4, 30)).collect()["share"].to_list() == [0.3]
    assert store.edges(date(2021, 5, 1)).collect()["share"].to_list() == [0.6]


@pytest.mark.parametrize(
    ("change", "column"), [({"share": 0.9}, "share"), ({"retracted_at": date(2021, 6, 1)}, "retracted_at")]
)
def test_rewriting_a_statement_is_refused_and_nothing_is_written(
    edge_table: EdgeMaker, tmp_path: Path, change: dict[str, object], column: str
) -> None:
    store = ParquetStore(tmp_path)
    stated = {"src": "A", "dst": "B", "share": 0.3, "retracted_at": date(2021, 5, 1)}
    store.append(edge_table(stated))
    with pytest.raises(StatementConflictError, match=r"cannot be rewritten\. To correct") as caught:
        store.append(edge_table({**stated, **change}, {"src": "B", "dst": "C"}))
    assert (caught.value.edge_id, caught.value.columns) == ("E0", [column])
    assert store.statements().collect().height == 1


def test_invalid_table_is_refused_and_nothing_is_written(edge_table: EdgeMaker, tmp_path: Path) -> None:
    with pytest.raises(EdgeTableError):
        ParquetStore(tmp_path / "graph").append(edge_table({"src": "A", "dst": "A"}))
    assert not (tmp_path / "graph").exists()


def test_killed_append_leaves_no_part(
    edge_table: EdgeMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ParquetStore(tmp_path)

    def power_cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", power_cut)
        with pytest.raises(KeyboardInterrupt):
            store.append(edge_table({"src": "A", "dst": "B"}))
    assert store.statements().collect().is_empty()
    assert store.append(edge_table({"src": "A", "dst": "B"})) == 1


def test_two_writers_lose_nothing(
    edge_table: EdgeMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (
        edge_table({"edge_id": "X", "src": "A", "dst": "B"}),
        edge_table({"edge_id": "Y", "src": "A", "dst": "C"}),
    )
    overtaken = ParquetStore(tmp_path)
    link = os.link

    def overtake(source: Path, target: Path) -> None:
        patch.undo()
        ParquetStore(tmp_path).append(first)
        link(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", overtake)
        assert overtaken.append(second) == 1
    assert overtaken.statements().collect()["edge_id"].to_list() == ["X", "Y"]


def test_broken_part_is_named(edge_table: EdgeMaker, tmp_path: Path) -> None:
    store = ParquetStore(tmp_path)
    store.append(edge_table({"src": "A", "dst": "B"}))
    (tmp_path / "part-000002.parquet").write_bytes(b"half a file")
    with pytest.raises(GraphStoreError, match=r"part-000002\.parquet.*zhiheng graph build"):
        store.statements()


def test_part_of_another_table_is_named(edge_table: EdgeMaker, tmp_path: Path) -> None:
    pl.DataFrame({"src": ["A"]}).write_parquet(tmp_path / "part-000001.parquet")
    with pytest.raises(GraphStoreError, match=r"part-000001\.parquet.*columns \['src'\]"):
        ParquetStore(tmp_path).append(edge_table({"src": "A", "dst": "B"}))


def test_empty_store_gives_an_empty_graph_of_the_known_parties(tmp_path: Path) -> None:
    snapshot = ParquetStore(tmp_path / "none").snapshot(AS_OF, nodes=pl.Series(["B", "A"]))
    assert snapshot.ids.to_list() == ["A", "B"]
    assert set(snapshot.kinds) == set(RELATIONS)


@st.composite
def histories(draw: st.DrawFn) -> list[pl.DataFrame]:
    """Return tables to append one after another: new edges, corrections, later statements, repeats, retractions."""
    stated: dict[tuple[str, date], dict[str, object]] = {}
    tables = []
    for _ in range(draw(st.integers(1, 4))):
        table: dict[tuple[str, date], dict[str, object]] = {}
        for _ in range(draw(st.integers(0, 5))):
            edge, known = draw(st.sampled_from("PQRS")), draw(days)
            ends = {"edge_id": edge, "src": edge.lower(), "dst": "z", "known_at": known}
            said = {
                "valid_from": draw(days),
                "valid_to": draw(st.none() | days),
                "share": draw(st.sampled_from([0.1, 0.2])),
            }
            row = {**stated.get((edge, known), {**ends, **said})}
            if row.get("retracted_at") is None:
                row["retracted_at"] = draw(st.none() | days)
            stated[edge, known] = table[edge, known] = row
        tables.append(edge_frame([*table.values()]))
    return tables


@settings(max_examples=40)
@given(histories(), days, days)
def test_store_equals_a_plain_table_of_all_statements(
    tmp_path_factory: pytest.TempPathFactory, tables: Sequence[pl.DataFrame], as_of: date, valid_on: date
) -> None:
    store = ParquetStore(tmp_path_factory.mktemp("graph"))
    for table in tables:
        store.append(table)
        assert store.append(table) == 0
    every = (
        pl.concat(tables)
        .sort("retracted_at", nulls_last=True)
        .unique(EDGE_KEY, keep="first", maintain_order=True)
    )
    every = every.sort(EDGE_KEY)
    assert store.statements().collect().equals(every)
    for day in (None, valid_on):
        expected = visible(every, as_of, day).sort("edge_id").collect()
        assert store.edges(as_of, day).collect().equals(expected)
    _same_graph(store.snapshot(as_of), Snapshot.from_edges(every, as_of=as_of))


def _same_graph(one: Snapshot, other: Snapshot) -> None:
    assert (one.as_of, one.kinds, one.ids.to_list()) == (other.as_of, other.kinds, other.ids.to_list())
    for kind in one.kinds:
        mine, theirs = one.relation(kind), other.relation(kind)
        assert (mine.edges != theirs.edges).nnz == 0
        assert mine.measures == theirs.measures
        assert all((mine.measure(name) != theirs.measure(name)).nnz == 0 for name in mine.measures)


def test_reading_what_was_never_revised_groups_nothing(edge_table: EdgeMaker, tmp_path: Path) -> None:
    store = ParquetStore(tmp_path)
    once = {"edge_id": "E", "src": "A", "dst": "B"}
    store.append(edge_table(once, {"edge_id": "D", "src": "A", "dst": "C"}))
    for read in (store.statements(), store.edges(AS_OF)):
        assert "AGGREGATE" not in read.explain()
        assert "SORT" not in read.explain()
    store.append(edge_table({**once, "retracted_at": date(2021, 5, 1)}))
    assert "AGGREGATE" in store.statements().explain()


def test_part_of_an_older_release_is_read_and_added_to(edge_table: EdgeMaker, tmp_path: Path) -> None:
    row = {"edge_id": "E", "src": "A", "dst": "B", "share": 0.3}
    closed = {**row, "retracted_at": date(2021, 5, 1)}
    old = edge_table(row, {"edge_id": "D", "src": "A", "dst": "C"}, closed).drop(OPTIONAL_COLUMNS)
    old.write_parquet(tmp_path / "part-000001.parquet")
    store = ParquetStore(tmp_path)
    assert store.append(edge_table(closed)) == 0
    renewed = {**row, "share": 0.6, "known_at": date(2021, 5, 1)}
    assert store.append(edge_table(renewed, {"edge_id": "F", "src": "B", "dst": "C", "voting": 0.5})) == 2
    read = store.statements().collect()
    assert read.schema == EDGE_SCHEMA
    assert read.select("edge_id", "share", "voting", "retracted_at").rows() == [
        ("D", None, None, None),
        ("E", 0.3, None, date(2021, 5, 1)),
        ("E", 0.6, None, None),
        ("F", None, 0.5, None),
    ]
    assert store.edges(date(2021, 5, 1)).collect()["edge_id"].to_list() == ["D", "E", "F"]


@pytest.mark.parametrize("change", [{"src": "C"}, {"dst": "C"}, {"kind": "guarantees"}])
def test_id_of_a_stored_edge_is_not_given_to_another(
    edge_table: EdgeMaker, tmp_path: Path, change: dict[str, object]
) -> None:
    store = ParquetStore(tmp_path)
    row = {"edge_id": "E", "src": "A", "dst": "B"}
    store.append(edge_table(row))
    moved = {**row, **change, "known_at": date(2021, 5, 1)}
    with pytest.raises(
        EdgeTableError, match=f"'E' is stored already with another {next(iter(change))}"
    ) as caught:
        store.append(edge_table(moved))
    assert caught.value.column == "edge_id"
    assert store.statements().collect().height == 1


def test_of_overlapping_statements_the_later_begun_speaks(edge_table: EdgeMaker, tmp_path: Path) -> None:
    store = ParquetStore(tmp_path)
    row = {"edge_id": "E", "src": "A", "dst": "B", "share": 0.3}
    store.append(edge_table(row))
    raised = {**row, "share": 0.6, "valid_from": date(2021, 1, 1), "known_at": date(2021, 2, 1)}
    assert store.append(edge_table(raised)) == 1
    shares = [
        store.edges(known, held).collect()["share"].to_list()
        for known, held in ((date(2021, 1, 15), None), (AS_OF, None), (AS_OF, date(2020, 6, 1)))
    ]
    assert shares == [[0.3], [0.6], [0.3]]


def test_writers_at_the_same_time_lose_nothing(edge_table: EdgeMaker, tmp_path: Path) -> None:
    tables = [
        edge_table(
            {"edge_id": f"E{number}", "src": "A", "dst": "B"},
            {"edge_id": "shared", "src": "A", "dst": "C", "known_at": START + timedelta(days=number)},
        )
        for number in range(12)
    ]
    with ThreadPoolExecutor(4) as pool:
        added = list(pool.map(lambda table: ParquetStore(tmp_path).append(table), tables))
    assert added == [2] * 12
    read = ParquetStore(tmp_path).statements().collect()
    assert read.equals(pl.concat(tables).sort(EDGE_KEY))
    assert [row for row in tmp_path.iterdir() if row.name.startswith(".")] == []


def test_load_cut_short_is_taken_up_by_appending_again(edge_table: EdgeMaker, tmp_path: Path) -> None:
    chunks = [edge_table({"edge_id": f"E{number}", "src": "A", "dst": "B"}) for number in range(3)]
    store = ParquetStore(tmp_path)
    store.append(chunks[0])
    assert [store.append(chunk) for chunk in chunks] == [0, 1, 1]
    assert store.append(pl.concat(chunks)) == 0


def test_last_known_day_is_that_of_the_newest_statement(edge_table: EdgeMaker, tmp_path: Path) -> None:
    store = ParquetStore(tmp_path)
    assert store.last_known() is None
    store.append(edge_table({"src": "A", "dst": "B"}, {"src": "A", "dst": "B", "known_at": START}))
    assert store.last_known() == START
    store.append(edge_table({"src": "A", "dst": "B", "retracted_at": START + timedelta(days=2)}))
    assert store.last_known() == START + timedelta(days=2)


def test_rebuilding_from_a_table_that_is_refused_leaves_the_old_graph(
    edge_table: EdgeMaker, tmp_path: Path
) -> None:
    store = ParquetStore(tmp_path)
    store.append(edge_table({"src": "A", "dst": "B"}))
    with pytest.raises(EdgeTableError):
        rebuild(tmp_path, edge_table({"src": "A", "dst": "A"}))
    assert store.statements().collect().height == 1


def test_rebuilding_mends_a_broken_part_and_makes_an_empty_graph(
    edge_table: EdgeMaker, tmp_path: Path
) -> None:
    (tmp_path / "part-000001.parquet").write_bytes(b"half a file")
    assert rebuild(tmp_path, edge_table({"src": "A", "dst": "B"})) == (1, 0)
    assert ParquetStore(tmp_path).statements().collect().height == 1
    assert rebuild(tmp_path, edge_table()) == (0, 0)
    assert ParquetStore(tmp_path).statements().collect().is_empty()


def test_append_that_meets_a_rebuild_is_checked_against_the_new_graph(
    edge_table: EdgeMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ParquetStore(tmp_path)
    row = {"edge_id": "E", "src": "A", "dst": "B"}
    store.append(edge_table(row))
    link = os.link

    def overtake(source: Path, target: Path) -> None:
        patch.undo()
        rebuild(tmp_path, edge_table())
        link(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", overtake)
        assert store.append(edge_table(row, {"edge_id": "F", "src": "A", "dst": "C"})) == 2
    assert store.statements().collect()["edge_id"].to_list() == ["E", "F"]


def test_empty_store_answers(tmp_path: Path) -> None:
    store = ParquetStore(tmp_path / "none")
    assert store.statements().collect().schema == EDGE_SCHEMA
    assert store.edges(AS_OF).collect().is_empty()
    assert store.parties(AS_OF).is_empty()
    assert store.scores(AS_OF).schema == SCORE_SCHEMA
    assert store.view(AS_OF).known(["A"]) == set()
    assert store.append(edge_frame([])) == 0
    assert not store.folder.exists()
