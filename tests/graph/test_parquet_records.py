"""Records of parties and scores in the embedded store: versions, replacement, loads and rebuilds of both tables."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from graph.errors import EdgeTableError, PartyTableError, RecordStoreError
from graph.parquet_store import ParquetStore, rebuild
from graph.parties import PARTY_SCHEMA, SCORE_SCHEMA
from tests.graph.plain_view import START

EdgeMaker = Callable[..., pl.DataFrame]


def test_a_load_writes_both_tables_or_neither(edge_table: EdgeMaker, tmp_path: Path) -> None:
    store = ParquetStore(tmp_path)
    edges, parties = edge_table({"src": "A", "dst": "B"}), _parties(("A", "甲", START, START))
    assert store.load(edges, parties) == (1, 1)
    assert store.load(edges, parties) == (0, 0)
    more = edge_table({"edge_id": "F", "src": "A", "dst": "C"})
    with pytest.raises(PartyTableError, match="cannot be rewritten"):
        store.load(more, _parties(("A", "乙", START, START)))
    with pytest.raises(EdgeTableError):
        store.load(more.drop("kind"), _parties(("C", "丙", START, START)))
    assert (store.statements().collect().height, store.records().height) == (1, 1)


def test_rebuilding_replaces_statements_and_keeps_records_and_scores(
    edge_table: EdgeMaker, tmp_path: Path
) -> None:
    store = ParquetStore(tmp_path / "graph")
    store.append(edge_table({"edge_id": "old", "src": "A", "dst": "B"}))
    store.append_parties(_parties(("A", "甲", START, START)))
    store.write_scores(_scores(("A", START, 0.1, "7")))
    assert rebuild(store.folder, edge_table({"edge_id": "new", "src": "A", "dst": "B"})) == (1, 0)
    assert store.statements().collect()["edge_id"].to_list() == ["new"]
    assert store.parties(START)["name"].to_list() == ["甲"]
    assert store.scores(START)["value"].to_list() == [0.1]
    assert store.append(edge_table({"edge_id": "old", "src": "B", "dst": "C"})) == 1


def test_rebuilding_with_records_replaces_them_too(edge_table: EdgeMaker, tmp_path: Path) -> None:
    store = ParquetStore(tmp_path / "graph")
    store.append_parties(_parties(("A", "甲", START, START), ("B", "乙", START, START)))
    edges = edge_table({"src": "A", "dst": "B"})
    assert rebuild(store.folder, edges, _parties(("A", "丙", START, START))) == (1, 1)
    assert store.parties(START)["name"].to_list() == ["丙"]
    unknown = _parties(("A", "丙", START, START)).with_columns(kind=pl.lit("planet"))
    with pytest.raises(PartyTableError, match="'planet'"):
        rebuild(store.folder, edges.clear(), unknown)
    assert store.statements().collect().height == 1


def test_party_records_are_read_as_of_a_date(tmp_path: Path) -> None:
    store = ParquetStore(tmp_path)
    later = START + timedelta(days=9)
    assert store.append_parties(_parties(("B", "乙", START, START), ("A", "甲", START, START))) == 2
    renamed = _parties(("A", "甲", START, START), ("A", "甲集团", later, later))
    assert (store.append_parties(renamed), store.append_parties(renamed)) == (1, 0)
    assert store.parties(START)["name"].to_list() == ["甲", "乙"]
    assert store.parties(later)["name"].to_list() == ["甲集团", "乙"]
    assert store.parties(START - timedelta(days=1)).is_empty()
    assert store.view(later).nodes(["A"])["name"].to_list() == ["甲集团"]
    assert store.records()["name"].to_list() == ["甲", "甲集团", "乙"]


def test_version_of_a_party_record_is_not_rewritten(tmp_path: Path) -> None:
    store = ParquetStore(tmp_path)
    store.append_parties(_parties(("A", "甲", START, START)))
    with pytest.raises(PartyTableError, match=r"A, 2024-01-01, 2024-01-01\) is stored already"):
        store.append_parties(_parties(("A", "乙", START, START), ("B", "丙", START, START)))
    assert store.parties(START).height == 1


def test_scores_replace_those_of_the_same_date_and_model(tmp_path: Path) -> None:
    store = ParquetStore(tmp_path)
    later = START + timedelta(days=9)
    first = _scores(("A", START, 0.1, "7"), ("B", START, 0.2, "7"))
    assert (store.write_scores(first), store.write_scores(first)) == (2, 0)
    assert (
        store.write_scores(_scores(("A", START, 0.3, "7"), ("B", later, 0.4, "7"), ("B", START, 0.2, "7")))
        == 2
    )
    assert store.scores(START).drop("known_at").rows() == [
        ("A", START, "pd_12m", 0.3, "7"),
        ("B", START, "pd_12m", 0.2, "7"),
    ]
    assert store.scores(later)["value"].to_list() == [0.3, 0.4]
    assert store.every_score()["value"].to_list() == [0.3, 0.2, 0.4]
    assert store.write_scores(_scores(("A", START, 0.1, "7"))) == 1
    assert store.view(START).scores(["A"])["value"].to_list() == [0.1]


def test_broken_file_of_scores_says_how_to_mend_it(tmp_path: Path) -> None:
    store = ParquetStore(tmp_path)
    store.write_scores(_scores(("A", START, 0.1, "7")))
    (tmp_path / "scores" / "part-000002.parquet").write_bytes(b"half a file")
    with pytest.raises(
        RecordStoreError, match=r"part-000002\.parquet.*write the records or scores again"
    ) as caught:
        store.scores(START)
    assert "重新写入" in caught.value.message("zh")


def _parties(*rows: tuple[str, str, date, date]) -> pl.DataFrame:
    full = [(party, "company", name, None, begun, known) for party, name, begun, known in rows]
    return pl.DataFrame(full, schema=PARTY_SCHEMA, orient="row")


def _scores(*rows: tuple[str, date, float, str]) -> pl.DataFrame:
    full = [(party, day, day, "pd_12m", value, model) for party, day, value, model in rows]
    return pl.DataFrame(full, schema=SCORE_SCHEMA, orient="row")
