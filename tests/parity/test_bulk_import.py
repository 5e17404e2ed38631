"""The exported CSV files, read by Neo4j's own bulk import."""

import os
import re
import shutil
import subprocess
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from graph.edges import checked_edges
from graph.interchange.neo4j_csv import write_neo4j_csv
from graph.parties import checked_parties
from tests.parity.conftest import Address

_OPENED = ("java.nio", "java.io", "sun.nio.ch")


@pytest.fixture
def classpath(neo4j: Address) -> str:
    """Return the jars of the Neo4j that the tests started."""
    if neo4j.classpath is None:
        pytest.skip("the Neo4j of NEO4J_URI runs elsewhere, its jars are not known")
    return neo4j.classpath.read_text(encoding="utf-8").strip()


def _import(folder: Path, home: Path, command: str, classpath: str) -> str:
    (home / "conf").mkdir(parents=True)
    (home / "conf" / "neo4j.conf").write_text("db.tx_log.preallocate=false\n", encoding="utf-8")
    opened = [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENED]
    main = "org.neo4j.server.startup.Neo4jAdminCommand"
    done = subprocess.run(
        [
            str(shutil.which("java")),
            "-Xmx512m",
            *opened,
            f"-Dbasedir={home}",
            "-cp",
            classpath,
            main,
            *command.split()[1:],
        ],
        cwd=folder,
        env={**os.environ, "NEO4J_HOME": str(home), "NEO4J_CONF": str(home / "conf")},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_neo4j_reads_every_node_and_relationship(tmp_path: Path, classpath: str) -> None:
    day = date(2020, 1, 1)
    held = {"valid_from": day, "known_at": day, "source": "", "confidence": 1.0, "amount": None, "role": None}
    edges = [
        {"edge_id": "E1", "src": "A", "dst": "乙", "kind": "owns", "share": 0.6, "direct": False, **held},
        {
            "edge_id": "E2",
            "src": "P",
            "dst": "A",
            "kind": "holds_position",
            "share": None,
            "direct": None,
            **held,
        },
    ]
    table = pl.DataFrame(edges).with_columns(
        valid_to=pl.lit(None, dtype=pl.Date), retracted_at=pl.lit(None, dtype=pl.Date)
    )
    named = {"kind": "company", "valid_from": day, "known_at": day}
    parties = [
        {"party_id": "A", "name": '新名"有限"\n公司, 斜\\杠', **named},
        {"party_id": "A", "name": "更名", **named, "valid_from": date(2021, 1, 1)},
        {"party_id": "乙", "name": "", **named},
    ]
    folder = tmp_path / "csv"
    command = write_neo4j_csv(folder, checked_parties(pl.DataFrame(parties)), checked_edges(table))
    told = _import(folder, tmp_path / "home", command, classpath)
    assert "IMPORT DONE" in told
    counts = {name: int(count) for count, name in re.findall(r"(\d+) (nodes|relationships)\s", told)}
    # Three parties and three versions of their records.
    assert counts == {"nodes": 6, "relationships": 2}
