"""Export to GraphML, read back by networkx."""

import stat
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import networkx as nx
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.edges import checked_edges
from graph.errors import InterchangeFileError
from graph.interchange.graphml import write_graphml, write_portrait_graphml
from graph.parquet_store import ParquetStore
from graph.parties import checked_parties
from graph.portrait import portrait

DAY = date(2024, 1, 1)


def party(party_id: str, name: str | None, known_at: date = DAY, kind: str = "company") -> dict[str, object]:
    return {
        "party_id": party_id,
        "kind": kind,
        "name": name,
        "credit_code": None,
        "valid_from": known_at,
        "known_at": known_at,
    }


def edge(edge_id: str, src: str, dst: str, **held: object) -> dict[str, object]:
    row: dict[str, object] = {
        "edge_id": edge_id,
        "src": src,
        "dst": dst,
        "kind": "owns",
        "share": 0.6,
        "amount": None,
        "role": None,
        "valid_from": date(2020, 1, 1),
        "valid_to": None,
        "known_at": date(2020, 1, 1),
        "retracted_at": None,
        "source": "registry",
        "confidence": 1.0,
    }
    return {**row, **held}


def tables(
    parties: list[dict[str, object]], edges: list[dict[str, object]]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    return checked_parties(pl.DataFrame(parties)), checked_edges(
        pl.DataFrame(edges, infer_schema_length=None)
    )


def read(path: Path) -> "nx.MultiDiGraph[str]":
    return nx.read_graphml(path, force_multigraph=True)


def test_names_types_and_dates_come_back(tmp_path: Path) -> None:
    parties, edges = tables(
        [party("A", '甲“集团”<&>"有限"公司'), party("B", None, kind="person")],
        [edge("E1", "A", "C", direct=True), edge("E2", "A", "C", share=0.1), edge("E3", "B", "A")],
    )
    path = tmp_path / "new" / "graph.graphml"
    write_graphml(path, parties, edges, as_of=DAY)
    graph = read(path)
    assert graph.is_directed()
    assert graph.nodes["A"] == {"kind": "company", "name": '甲“集团”<&>"有限"公司'}
    assert graph.nodes["B"] == {"kind": "person"}
    assert graph.nodes["C"] == {}
    assert graph["A"]["C"]["E1"] == {
        "kind": "owns",
        "share": 0.6,
        "valid_from": "2020-01-01",
        "known_at": "2020-01-01",
        "source": "registry",
        "confidence": 1.0,
        "direct": True,
    }
    assert graph["A"]["C"]["E2"]["share"] == 0.1
    assert graph.number_of_edges() == 3
    assert "甲" in path.read_text(encoding="utf-8")


def test_only_what_was_known_and_held_is_written(tmp_path: Path) -> None:
    parties, edges = tables(
        [party("A", "旧名", date(2020, 1, 1)), party("A", "新名", date(2023, 1, 1))],
        [
            edge("E1", "A", "B"),
            edge("E2", "A", "B", known_at=date(2023, 1, 1)),
            edge("E3", "A", "B", valid_to=date(2022, 1, 1)),
            edge("E4", "A", "B", retracted_at=date(2022, 1, 1)),
            edge("E5", "A", "B", retracted_at=date(2023, 1, 1)),
        ],
    )
    path = tmp_path / "graph.graphml"
    write_graphml(path, parties, edges, as_of=date(2022, 6, 1))
    graph = read(path)
    assert set(graph["A"]["B"]) == {"E1", "E5"}
    assert graph.nodes["A"]["name"] == "旧名"
    write_graphml(path, parties, edges, as_of=date(2022, 6, 1), valid_on=date(2021, 6, 1))
    assert set(read(path)["A"]["B"]) == {"E1", "E3", "E5"}
    assert '<data key="g_as_of">2022-06-01</data>' in path.read_text(encoding="utf-8")


def test_records_of_a_store_need_no_dates(tmp_path: Path) -> None:
    parties, edges = tables([party("A", "甲")], [edge("E1", "A", "B")])
    path = tmp_path / "graph.graphml"
    write_graphml(path, parties.drop("valid_from", "known_at"), edges.lazy(), as_of=DAY)
    assert read(path).nodes["A"]["name"] == "甲"


def test_an_empty_graph_is_a_valid_file(tmp_path: Path) -> None:
    parties, edges = tables([party("A", "甲")], [edge("E1", "A", "B")])
    path = tmp_path / "graph.graphml"
    write_graphml(path, parties.clear(), edges.clear(), as_of=DAY)
    assert read(path).number_of_nodes() == 0


def test_a_portrait_keeps_every_attribute(tmp_path: Path) -> None:
    graph: nx.MultiDiGraph[str] = nx.MultiDiGraph()
    graph.add_node("A", kind="company", name="甲", hop=0, hub=None, scores={"pd_12m": 0.03})
    graph.add_node("B", kind=None, name=None, hop=1, hub=250, scores={})
    dates = {"valid_from": date(2020, 1, 1), "valid_to": None, "known_at": date(2020, 2, 1)}
    graph.add_edge("A", "B", key="E1", kind="owns", properties={"share": 0.5, "direct": False}, **dates)
    graph.add_edge("A", "B", key="E2", kind="supplies", properties={"amount": 1e7}, **dates)
    path = tmp_path / "portrait.graphml"
    write_portrait_graphml(path, graph)
    back = read(path)
    assert back.nodes["A"] == {"kind": "company", "name": "甲", "hop": 0, "scores.pd_12m": 0.03}
    assert back.nodes["B"] == {"hop": 1, "hub": 250}
    days = {"valid_from": "2020-01-01", "known_at": "2020-02-01"}
    assert back["A"]["B"]["E1"] == {"kind": "owns", "share": 0.5, "direct": False, **days}
    assert back["A"]["B"]["E2"] == {"kind": "supplies", "amount": 1e7, **days}


def test_a_real_portrait_comes_back(tmp_path: Path) -> None:
    store = ParquetStore(tmp_path / "store")
    parties, edges = tables(
        [party("A", "甲"), party("B", "乙")], [edge("E1", "A", "B"), edge("E2", "B", "C")]
    )
    store.append(edges)
    store.append_parties(parties)
    drawn = portrait(store.view(DAY), "A")
    path = tmp_path / "portrait.graphml"
    write_portrait_graphml(path, drawn.graph)
    back = read(path)
    assert set(back.edges(keys=True)) == set(drawn.graph.edges(keys=True))
    assert {node: held.get("name") for node, held in back.nodes(data=True)} == {
        "A": "甲",
        "B": "乙",
        "C": None,
    }
    assert {held["share"] for *_, held in back.edges(data=True)} == {0.6}


def test_a_portrait_of_one_party_and_of_none(tmp_path: Path) -> None:
    graph: nx.MultiDiGraph[str] = nx.MultiDiGraph()
    path = tmp_path / "portrait.graphml"
    write_portrait_graphml(path, graph)
    assert read(path).number_of_nodes() == 0
    graph.add_node("A", name="甲")
    write_portrait_graphml(path, graph)
    assert dict(read(path).nodes(data=True)) == {"A": {"name": "甲"}}


def test_a_failed_export_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parties, edges = tables([party("A", "甲")], [edge("E1", "A", "B")])
    path = tmp_path / "graph.graphml"
    write_graphml(path, parties, edges, as_of=DAY)
    before = path.read_bytes()

    def broken(*_: object) -> Iterator[bytes]:
        yield b"<node"
        raise OSError("disk full")

    monkeypatch.setattr("graph.interchange.graphml._elements", broken)
    with pytest.raises(InterchangeFileError, match="disk full"):
        write_graphml(path, parties, edges, as_of=DAY)
    assert path.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == ["graph.graphml"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600, "it names persons"


def test_a_path_that_cannot_be_written_says_what_to_check(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    parties, edges = tables([party("A", "甲")], [edge("E1", "A", "B")])
    with pytest.raises(InterchangeFileError, match="Check the path") as caught:
        write_graphml(tmp_path / "file" / "graph.graphml", parties, edges, as_of=DAY)
    assert "请检查路径" in caught.value.zh


TEXT = st.text(
    st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\ufffe\uffff"), min_size=1
)
WITH_BREAKS = st.text(st.sampled_from("甲<>&\"'\n\t\r x\x00\x1f"), min_size=1, max_size=6)


@settings(max_examples=50)
@given(st.lists(TEXT | WITH_BREAKS, min_size=1, max_size=4, unique=True))
def test_any_text_comes_back(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    path = tmp_path_factory.mktemp("graphml") / "graph.graphml"
    parties, edges = tables(
        [party(f"P{number}", name) for number, name in enumerate(names)],
        [edge("E1", "P0", "Q", role=names[0])],
    )
    write_graphml(path, parties, edges, as_of=DAY)
    back = read(path)
    for number, name in enumerate(names):
        expected = name.replace("\x00", "\ufffd").replace("\x1f", "\ufffd")
        assert back.nodes[f"P{number}"]["name"] == expected
    assert back["P0"]["Q"]["E1"]["kind"] == "owns"
