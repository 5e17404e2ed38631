"""`zhiheng graph push` and `pull`, and questions to the server: what comes back is what was there."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from polars.testing import assert_frame_equal
from typer.testing import CliRunner

from graph.neo4j_store import Neo4jStore
from graph.parquet_store import ParquetStore
from tests.parity.conftest import Address
from tests.parity.random_graphs import DAYS, random_graph
from zhiheng.cli import app

GRAPH = random_graph(11, parties=20, edges=60)


def _run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["--lang", "en", "graph", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def home(server: Address, remote: Neo4jStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a home whose settings name an empty server."""
    assert remote.last_known() is None
    assert urlsplit(server.uri).username is None
    for name, value in {"URI": server.uri, "USER": server.user, "PASSWORD": server.password}.items():
        monkeypatch.setenv(f"ZHIHENG_NEO4J_{name}", value)
    monkeypatch.setenv("ZHIHENG_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


def test_the_graph_goes_to_the_server_and_comes_back(home: Path) -> None:
    here = ParquetStore(home / "graph")
    here.append(GRAPH.edges)
    here.append_parties(GRAPH.parties)
    here.write_scores(GRAPH.scores)
    assert f"{GRAPH.edges.height:,} statements" in _run("push")
    assert "0 statements" in _run("push"), "what is there is not written again"
    assert _run("stats", "--store", "neo4j") == _run("stats")
    assert _run("circles", "--store", "neo4j") == _run("circles")
    day = str(DAYS[-1])
    party = GRAPH.edges["src"][0]
    asked = ("portrait", party, "--as-of", day)
    assert _run(*asked, "--store", "neo4j") == _run(*asked)

    (home / "graph").rename(home / "lost")
    assert f"{GRAPH.edges.height:,} statements" in _run("pull")
    back, before = ParquetStore(home / "graph"), ParquetStore(home / "lost")
    assert_frame_equal(back.statements().collect(), before.statements().collect())
    assert_frame_equal(back.records(), before.records())
    assert_frame_equal(back.every_score(), before.every_score())
