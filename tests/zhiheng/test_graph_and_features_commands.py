"""`zhiheng graph` and `zhiheng features`: what they print, and what they say when something is missing."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from features.catalogue import catalogue, catalogue_markdown
from features.errors import MissingTableError
from graph.edges import EDGE_SCHEMA
from graph.errors import EmptyGraphError, StatementConflictError
from graph.parquet_store import ParquetStore
from zhiheng.cli import app

Run = Callable[..., str]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a home folder with two checked edges: A owns B since 2020, B supplies C since 2022."""
    monkeypatch.setenv("ZHIHENG_HOME", str(tmp_path))
    monkeypatch.setenv("ZHIHENG_LANG", "en")
    monkeypatch.setenv("COLUMNS", "200")
    _write(tmp_path, share=0.4)
    return tmp_path


def _write(home: Path, share: float) -> None:
    edges = [
        {
            "edge_id": "E1",
            "src": "A",
            "dst": "B",
            "kind": "owns",
            "share": share,
            "valid_from": date(2020, 1, 1),
        },
        {
            "edge_id": "E2",
            "src": "B",
            "dst": "C",
            "kind": "supplies",
            "amount": 7.0,
            "valid_from": date(2022, 1, 1),
        },
    ]
    folder = home / "checked" / "good"
    folder.mkdir(parents=True, exist_ok=True)
    known = pl.col("valid_from").alias("known_at")
    pl.DataFrame(edges, schema=EDGE_SCHEMA).with_columns(known).write_parquet(folder / "edges.parquet")


@pytest.fixture
def run() -> Run:
    """Return a function that runs the command line and returns what it printed."""

    def invoke(*arguments: str) -> str:
        result = CliRunner().invoke(app, ["--lang", "en", *arguments], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    return invoke


def test_build_writes_the_checked_edges_once(home: Path, run: Run) -> None:
    assert "2 new statements" in run("graph", "build")
    assert "0 new statements" in run("graph", "build")
    assert ParquetStore(home / "graph").statements().collect()["edge_id"].to_list() == ["E1", "E2"]


def test_build_refuses_to_rewrite_and_fresh_builds_anew(home: Path, run: Run) -> None:
    run("graph", "build")
    _write(home, share=0.9)
    with pytest.raises(StatementConflictError, match="graph build --fresh"):
        run("graph", "build")
    assert "2 new statements" in run("graph", "build", "--fresh")
    assert ParquetStore(home / "graph").statements().collect()["share"].to_list() == [0.9, None]
    assert sorted(path.name for path in home.iterdir()) == ["checked", "graph"]


def test_build_without_edges_names_the_table(home: Path, run: Run) -> None:
    (home / "checked" / "good" / "edges.parquet").unlink()
    with pytest.raises(MissingTableError, match="edges"):
        run("graph", "build")


def test_stats_count_the_graph_as_of_a_date(home: Path, run: Run) -> None:
    run("graph", "build")
    assert "as of 2022-01-01: 3 parties" in run("graph", "stats")
    assert "as of 2021-06-30: 2 parties" in run("graph", "stats", "--as-of", "2021-06-30")


def test_stats_of_an_empty_graph_say_what_to_run(home: Path, run: Run) -> None:
    with pytest.raises(EmptyGraphError, match="graph build"):
        run("graph", "stats")


def test_catalogue_prints_every_feature_in_each_format(home: Path, run: Run) -> None:
    names = [item.name for item in catalogue()]
    assert json.loads(run("features", "catalogue", "--format", "json")) == [
        item.card() for item in catalogue()
    ]
    assert run("features", "catalogue", "--format", "markdown").strip() == catalogue_markdown().strip()
    table = run("features", "catalogue")
    assert "Total liabilities over total assets" in " ".join(table.split())
    assert all(name[:12] in table for name in names)
