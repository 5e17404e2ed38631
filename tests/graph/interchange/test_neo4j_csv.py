"""Export to the CSV files of neo4j-admin."""

import csv
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from graph.bolt.cypher import SCHEMA
from graph.edges import checked_edges
from graph.errors import EdgeTableError, InterchangeFileError
from graph.interchange.neo4j_csv import write_neo4j_csv
from graph.parties import checked_parties

DAY = date(2024, 1, 1)


def parties(*rows: tuple[str, str, str | None, date]) -> pl.DataFrame:
    held = [
        {"party_id": party, "kind": kind, "name": name, "valid_from": day, "known_at": day}
        for party, kind, name, day in rows
    ]
    return checked_parties(pl.DataFrame(held))


def edges(*rows: dict[str, object]) -> pl.DataFrame:
    filled = [
        {
            "edge_id": f"E{number}",
            "kind": "owns",
            "share": None,
            "amount": None,
            "role": None,
            "valid_from": date(2020, 1, 1),
            "valid_to": None,
            "known_at": date(2020, 1, 2),
            "retracted_at": None,
            "source": "registry",
            "confidence": 1.0,
            **row,
        }
        for number, row in enumerate(rows)
    ]
    return pl.DataFrame(filled, infer_schema_length=None)


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_files_have_the_shape_of_the_store(tmp_path: Path) -> None:
    folder = tmp_path / "out" / "csv"
    command = write_neo4j_csv(
        folder,
        parties(("A", "company", "旧名", date(2020, 1, 1)), ("A", "company", '甲,"乙"', DAY)),
        edges(
            {"src": "A", "dst": "B", "share": 0.6, "direct": False, "valid_to": DAY},
            {"src": "P", "dst": "A", "kind": "holds_position", "role": "director"},
            {"src": "A", "dst": "B", "share": 1e-07, "direct": None},
        ),
    )
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.txt",
        "after_import.cypher",
        "holds_position.csv",
        "owns.csv",
        "parties.csv",
        "party_records.csv",
    ]
    nodes = {row["party_id:ID"]: row for row in read(folder / "parties.csv")}
    assert nodes["A"]["name"] == '甲,"乙"'
    assert nodes["P"] == {"party_id:ID": "P", "kind": "", "name": "", "credit_code": "", ":LABEL": "Party"}
    records = read(folder / "party_records.csv")
    assert [(row["name"], row["valid_from:date"], row[":LABEL"]) for row in records] == [
        ("旧名", "2020-01-01", "PartyRecord"),
        ('甲,"乙"', "2024-01-01", "PartyRecord"),
    ]
    first, second = read(folder / "owns.csv")
    assert first == {
        ":START_ID": "A",
        "edge_id": "E0",
        "share:double": "0.6",
        "valid_from:date": "2020-01-01",
        "valid_to:date": "2024-01-01",
        "known_at:date": "2020-01-02",
        "source": "registry",
        "confidence:double": "1.0",
        "direct:boolean": "false",
        ":END_ID": "B",
        ":TYPE": "OWNS",
    }
    assert (second["direct:boolean"], second["valid_to:date"], float(second["share:double"])) == (
        "",
        "",
        1e-07,
    )
    assert command == (
        "neo4j-admin database import full neo4j --nodes=parties.csv --nodes=party_records.csv "
        "--relationships=holds_position.csv --relationships=owns.csv"
    )
    assert command in (folder / "README.txt").read_text(encoding="utf-8")
    after = (folder / "after_import.cypher").read_text(encoding="utf-8")
    assert all(statement in after for statement in SCHEMA)
    assert "edge_owns" in after


def test_null_is_empty_and_an_empty_text_is_quoted(tmp_path: Path) -> None:
    named = parties(("A", "company", "", DAY), ("B", "company", None, DAY))
    write_neo4j_csv(tmp_path / "csv", named, edges({"src": "A", "dst": "B"}))
    lines = (tmp_path / "csv" / "parties.csv").read_text(encoding="utf-8").splitlines()
    assert lines[1:] == ['A,company,"",,Party', "B,company,,,Party"]


def test_lines_within_a_name_are_quoted_and_announced(tmp_path: Path) -> None:
    named = parties(("A", "company", "甲\n乙", DAY))
    command = write_neo4j_csv(tmp_path / "csv", named, edges({"src": "A", "dst": "B"}))
    assert command.endswith(" --multiline-fields=true")
    assert read(tmp_path / "csv" / "parties.csv")[0]["name"] == "甲\n乙"


def test_scores_are_nodes(tmp_path: Path) -> None:
    scores = pl.DataFrame(
        {
            "party_id": ["A"],
            "as_of": [DAY],
            "known_at": [DAY],
            "name": ["pd_12m"],
            "value": [0.03],
            "model_version": ["v1"],
        }
    )
    named = parties(("A", "company", "甲", DAY))
    command = write_neo4j_csv(tmp_path / "csv", named, edges({"src": "A", "dst": "B"}), scores=scores)
    assert "--nodes=scores.csv" in command
    assert read(tmp_path / "csv" / "scores.csv") == [
        {
            "party_id": "A",
            "as_of:date": "2024-01-01",
            "known_at:date": "2024-01-01",
            "name": "pd_12m",
            "value:double": "0.03",
            "model_version": "v1",
            ":LABEL": "Score",
        }
    ]


def test_no_statement_gives_nodes_alone(tmp_path: Path) -> None:
    empty = checked_edges(edges({"src": "A", "dst": "B"})).clear()
    command = write_neo4j_csv(tmp_path / "csv", parties(("A", "company", "甲", DAY)), empty)
    assert command.endswith("--nodes=parties.csv --nodes=party_records.csv")


def test_a_folder_that_holds_files_is_refused_and_untouched(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(InterchangeFileError, match="not empty"):
        write_neo4j_csv(tmp_path, parties(("A", "company", "甲", DAY)), edges({"src": "A", "dst": "B"}))
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_bad_table_or_a_broken_write_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, named = tmp_path / "csv", parties(("A", "company", "甲", DAY))
    with pytest.raises(EdgeTableError):
        write_neo4j_csv(folder, named, edges({"src": "A", "dst": "B", "share": 1.5}))

    def full(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("graph.interchange.neo4j_csv._write", full)
    with pytest.raises(InterchangeFileError, match="disk full"):
        write_neo4j_csv(folder, named, edges({"src": "A", "dst": "B"}))
    assert list(tmp_path.iterdir()) == []
