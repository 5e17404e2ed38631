"""The embedded store: append-only, atomic, the same answer again."""

import os
from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from graph.errors import EdgeTableError, GraphStoreError, StatementConflictError
from graph.ontology import RELATIONS
from graph.parquet_store import ParquetStore
from graph.store import GraphStore

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
