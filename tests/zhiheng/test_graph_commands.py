"""`zhiheng graph`: what its questions print, write to files and say when they cannot be answered."""

import json
import stat
from collections.abc import Callable
from datetime import date
from pathlib import Path

import networkx as nx
import polars as pl
import pytest
from typer.testing import CliRunner

from features.contracts import CONTRACTS
from graph.edges import EDGE_SCHEMA
from graph.errors import (
    EmptyGraphError,
    GraphServerDownError,
    PartyTableError,
    QuestionError,
    UnknownPartyError,
)
from graph.identity import canonical_ids, identity_as_of
from graph.matching.errors import DecisionError
from graph.parquet_store import ParquetStore
from zhiheng.cli import app

Run = Callable[..., str]

DAY = date(2022, 1, 1)
EDGES = (
    ("G1", "A", "B", "guarantees", 900.0),
    ("G2", "B", "C", "guarantees", 700.0),
    ("G3", "C", "A", "guarantees", 800.0),
    ("S1", "D", "C", "supplies", 400.0),
    ("O1", "H", "A", "owns", 0.6),
)
NAMES = {
    "A": "青岑新材料有限公司",
    "B": "岚川物资有限公司",
    "C": "晏城运输有限公司",
    "D": "青岑新材料集团有限公司",
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a home folder with checked tables: three companies guarantee each other in a ring, D supplies one."""
    monkeypatch.setenv("ZHIHENG_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("ZHIHENG_NEO4J_URI", "bolt://127.0.0.1:9")
    good = tmp_path / "checked" / "good"
    good.mkdir(parents=True)
    rows = [
        {
            "edge_id": edge,
            "src": src,
            "dst": dst,
            "kind": kind,
            "share" if kind == "owns" else "amount": size,
            "valid_from": DAY,
            "known_at": DAY,
        }
        for edge, src, dst, kind, size in EDGES
    ]
    pl.DataFrame(rows, schema=EDGE_SCHEMA).write_parquet(good / "edges.parquet")
    parties = pl.DataFrame({"party_id": list(NAMES), "name": list(NAMES.values())}).with_columns(
        kind=pl.lit("company"),
        credit_code=pl.lit(None, dtype=pl.String),
        id_hash=pl.lit(None, dtype=pl.String),
        valid_from=pl.lit(DAY),
        known_at=pl.lit(DAY),
    )
    parties.write_parquet(good / "parties.parquet")
    said = {"period": "annual", "period_end": date(2021, 12, 31), "known_at": DAY}
    statements = [{"party_id": "A", "equity": 100.0, **said}, {"party_id": "B", "equity": 5000.0, **said}]
    pl.DataFrame(statements, schema=CONTRACTS["statements"].schema).write_parquet(good / "statements.parquet")
    return tmp_path


@pytest.fixture
def run(home: Path) -> Run:
    """Return a function that runs a command on a graph that was built, and returns what it printed."""

    def invoke(*arguments: str) -> str:
        result = CliRunner().invoke(app, ["--lang", "en", "graph", *arguments], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    invoke("build")
    return invoke


def test_circles_are_listed_by_what_can_go_round(run: Run, tmp_path: Path) -> None:
    printed = run("circles", "--out", str(tmp_path / "circles.csv"))
    assert "1 guarantee circles" in printed
    assert f"{NAMES['A']} → {NAMES['B']} → {NAMES['C']}" in printed
    (circle,) = pl.read_csv(tmp_path / "circles.csv").to_dicts()
    assert (circle["length"], circle["smallest"], circle["total"]) == (3, 700.0, 2400.0)
    assert circle["ids"] == "A → B → C"
    assert "0 guarantee circles" in run("circles", "--longest", "2")


def test_a_result_with_another_suffix_is_refused(run: Run, tmp_path: Path) -> None:
    with pytest.raises(QuestionError, match=r"\.csv or \.parquet"):
        run("circles", "--out", str(tmp_path / "circles.doc"))
    assert not (tmp_path / "circles.doc").exists()


def test_portrait_is_printed_and_written(run: Run, tmp_path: Path) -> None:
    printed = run("portrait", "A", "--hops", "1", "--out", str(tmp_path / "a.json"))
    assert f"{NAMES['A']} guarantees {NAMES['B']}" in printed
    assert NAMES["D"] not in printed
    written = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert stat.S_IMODE((tmp_path / "a.json").stat().st_mode) == 0o600, "it may name persons"
    assert {node["party_id"] for node in written["nodes"]} == {"A", "B", "C", "H"}
    run("portrait", "A", "--out", str(tmp_path / "a.graphml"))
    assert nx.read_graphml(tmp_path / "a.graphml").nodes["A"]["name"] == NAMES["A"]


def test_brackets_in_a_name_are_printed_as_they_are(run: Run, home: Path) -> None:
    good = home / "checked" / "good" / "parties.parquet"
    named = pl.when(pl.col("party_id") == "B").then(pl.lit("[bold]岚川[/x]")).otherwise("name").alias("name")
    pl.read_parquet(good).with_columns(named).write_parquet(good)
    run("build", "--fresh")
    for command in (("portrait", "A"), ("circles",), ("stress", "B"), ("group", "A")):
        assert "[bold]岚川[/x]" in run(*command)


def test_portrait_reads_both_times(run: Run) -> None:
    with pytest.raises(UnknownPartyError):
        run("portrait", "A", "--as-of", "2021-12-31")


def test_path_tells_each_step(run: Run) -> None:
    printed = run("path", "D", "A", "--top", "1")
    assert f"{NAMES['D']} supplies {NAMES['C']}" in printed
    assert f"{NAMES['A']} guarantees {NAMES['B']}" in printed, (
        "the failure of C calls its guarantor B, then A"
    )
    assert "no path within 1 steps" in run("path", "D", "A", "--hops", "1")


def test_stress_follows_a_failure_and_says_whose_equity_is_unknown(run: Run, tmp_path: Path) -> None:
    printed = run("stress", "B", "--out", str(tmp_path / "losses.parquet"))
    losses = pl.read_parquet(tmp_path / "losses.parquet").select("id", "loss", "failed_in_round")
    # A guarantees B and fails on 900 of 100 equity; C then pays 800 for A and H loses its stake; both equities are unknown.
    assert losses.rows() == [("A", 900.0, 1), ("C", 800.0, None), ("H", 60.0, None), ("B", 0.0, 0)]
    assert "equity of 2 parties" in printed


def test_controller_is_named_with_its_chain_or_the_reason_why_not(run: Run) -> None:
    printed = run("controller", "A")
    assert f"{NAMES['A']} is controlled in the end by (2022-01-01): H" in printed
    assert "60.00%" in printed
    assert "nobody was found to control it" in run("controller", "B")
    with pytest.raises(UnknownPartyError):
        run("controller", "nobody")


def test_a_declared_controller_is_told_with_its_basis(run: Run, home: Path) -> None:
    good = home / "checked" / "good" / "edges.parquet"
    stated = {"edge_id": "K1", "src": "D", "dst": "B", "kind": "controls", "basis": "board_majority",
              "valid_from": DAY, "known_at": DAY}  # fmt: skip
    pl.concat([pl.read_parquet(good), pl.DataFrame([stated], schema=EDGE_SCHEMA)]).write_parquet(good)
    run("build")
    assert "recorded control (board majority)" in run("controller", "B")
    told = (
        CliRunner().invoke(app, ["--lang", "zh", "graph", "controller", "B"], catch_exceptions=False).output
    )
    assert "登记的控制 (董事会多数席位)" in told


def test_names_replace_ids_only_where_they_are_words(run: Run, home: Path) -> None:
    good = home / "checked" / "good"
    edges, parties = pl.read_parquet(good / "edges.parquet"), pl.read_parquet(good / "parties.parquet")
    owed = edges.filter(pl.col("edge_id") == "G1").with_columns(edge_id=pl.lit("G9"), dst=pl.lit("ass"))
    named = parties.head(1).with_columns(party_id=pl.lit("ass"), name=pl.lit("驴业有限公司"))
    pl.concat([edges, owed]).write_parquet(good / "edges.parquet")
    pl.concat([parties, named]).write_parquet(good / "parties.parquet")
    run("build")
    assert f"{NAMES['A']} guarantees debts of 驴业有限公司 worth 900.0% of its net assets" in run(
        "group", "A"
    )


def test_group_tells_why_its_members_are_connected(run: Run, tmp_path: Path) -> None:
    printed = run("group", "H", "--out", str(tmp_path / "joins.csv"))
    assert f"the bloc of H holds 60.0% of the votes of {NAMES['A']}" in printed
    assert f"{NAMES['A']} guarantees debts of {NAMES['B']} worth 900.0% of its net assets" in run(
        "group", "A"
    )
    assert pl.read_csv(tmp_path / "joins.csv").select("a", "b", "rule").row(0) == ("A", "H", "majority")
    with pytest.raises(UnknownPartyError):
        run("group", "nobody")


def test_graph_leaves_and_comes_back(run: Run, home: Path, tmp_path: Path) -> None:
    run("export", str(tmp_path / "graph.graphml"))
    assert nx.read_graphml(tmp_path / "graph.graphml").number_of_edges() == len(EDGES)
    assert "neo4j-admin database import full" in run("export", str(tmp_path / "csv"), "--format", "neo4j-csv")
    with pytest.raises(QuestionError, match="always holds all statements"):
        run("export", str(tmp_path / "past"), "--format", "neo4j-csv", "--as-of", "2022-01-01")
    owner = {
        "id": "o1",
        "schema": "Company",
        "properties": {"name": ["Owner Ltd"], "retrievedAt": ["2022-02-01"]},
    }
    asset = {
        "id": "o2",
        "schema": "Company",
        "properties": {"name": ["Asset Ltd"], "retrievedAt": ["2022-02-01"]},
    }
    stake = {
        "id": "o3",
        "schema": "Ownership",
        "properties": {"owner": ["o1"], "asset": ["o2"], "percentage": ["60"], "retrievedAt": ["2022-02-01"]},
    }
    strange = {"id": "o4", "schema": "Vessel", "properties": {}}
    file = tmp_path / "entities.ftm.json"
    file.write_text("\n".join(json.dumps(line) for line in (owner, asset, stake, strange)), encoding="utf-8")
    assert "1 could not be carried" in run("import", str(file), "--format", "ftm", "--dry-run")
    assert ParquetStore(home / "graph").statements().collect().height == len(EDGES)
    assert "2 new records and 1 new statements" in run(
        "import", str(file), "--format", "ftm", "--prefix", "x:"
    )
    assert (home / "graph-left-out.csv").exists()
    file.write_text(json.dumps(owner), encoding="utf-8")
    run("import", str(file), "--format", "ftm", "--prefix", "x:")
    assert not (home / "graph-left-out.csv").exists(), "nothing was left out of the last file"
    added = ParquetStore(home / "graph").statements().filter(pl.col("src") == "x:o1").collect()
    assert added.select("src", "dst", "share").rows() == [("x:o1", "x:o2", 0.6)]


def test_doubtful_pairs_are_listed_decided_and_not_asked_again(run: Run, home: Path) -> None:
    run("resolve", "--dry-run")
    listed = home / "graph-review.csv"
    assert stat.S_IMODE(listed.stat().st_mode) == 0o600, "the list may name persons"
    pairs = pl.read_csv(listed, infer_schema=False)
    assert ("A", "D") in pairs.select("party_a", "party_b").rows()
    about = (pl.col("party_a") == "A") & (pl.col("party_b") == "D")
    filled = {"verdict": "same", "decided_by": "Li", "decided_on": "2022-03-01", "comment": "licence seen"}
    answered = pairs.with_columns(
        pl.when(about).then(pl.lit(value)).alias(name) for name, value in filled.items()
    )
    answered.write_csv(listed)
    run("resolve", "--dry-run")
    assert "1 new decisions" in run("decide"), "what was filled in is still there"
    assert "0 new decisions" in run("decide")
    answered.with_columns(pl.when(about).then(pl.lit("different")).alias("verdict")).write_csv(
        home / "no.csv"
    )
    with pytest.raises(DecisionError, match="give a later day"):
        run("decide", str(home / "no.csv"))
    store = ParquetStore(home / "graph")
    stated = identity_as_of(store.statements(), date(2022, 3, 1))
    assert canonical_ids(stated).rows() == [("A", "A"), ("D", "A")]
    assert stated["source"].to_list() == ["Li"]
    assert canonical_ids(identity_as_of(store.statements(), DAY)).is_empty(), "decided later"
    assert "1 `same_as` statements kept" in run("build", "--fresh")
    assert canonical_ids(identity_as_of(store.statements(), date(2022, 3, 1))).height == 2
    run("resolve")
    assert ("A", "D") not in pl.read_csv(listed, infer_schema=False).select("party_a", "party_b").rows()


def test_a_graph_made_by_imports_alone_is_asked_all_questions(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZHIHENG_HOME", str(home / "other"))
    names = {"o1": NAMES["A"], "o2": NAMES["D"]}
    lines = [
        {"id": one, "schema": "Company", "properties": {"name": [name], "retrievedAt": ["2022-02-01"]}}
        for one, name in names.items()
    ]
    stake = {"owner": ["o2"], "asset": ["o1"], "percentage": ["60"], "retrievedAt": ["2022-02-01"]}
    lines.append({"id": "o3", "schema": "Ownership", "properties": stake})
    file = home / "entities.ftm.json"
    file.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")

    def run(*arguments: str) -> str:
        return CliRunner().invoke(app, ["--lang", "en", "graph", *arguments], catch_exceptions=False).output

    run("import", str(file), "--format", "ftm")
    printed = run("group", "o1")
    assert "no table of statements" in printed
    assert f"the bloc of {NAMES['D']} holds 60.0% of the votes" in printed
    assert "no table of statements" in run("stress", "o1")
    printed = run("resolve")
    assert "no persons are joined" in printed
    assert "1 pairs to decide" in printed


def test_a_verdict_that_is_neither_is_refused(run: Run, home: Path) -> None:
    run("resolve", "--dry-run")
    listed = home / "graph-review.csv"
    pl.read_csv(listed, infer_schema=False).with_columns(verdict=pl.lit("perhaps")).write_csv(listed)
    with pytest.raises(DecisionError, match="'perhaps', which cannot be read; write same or different"):
        run("decide")


def test_parties_without_relations_count_and_those_without_a_record_are_named(run: Run, home: Path) -> None:
    good = home / "checked" / "good" / "parties.parquet"
    alone = pl.read_parquet(good).head(1).with_columns(party_id=pl.lit("Z"), name=pl.lit("孤岛有限公司"))
    pl.concat([pl.read_parquet(good), alone]).write_parquet(good)
    assert "1 parties have no record (H)" in run("build")
    printed = run("stats")
    assert "as of 2022-01-01: 6 parties" in printed
    assert "have no record (H)" in printed
    assert "2,400 CNY" in printed
    assert "connected with 0 other parties" in run("group", "Z")
    assert "nobody was found to control it" in run("controller", "Z")


def test_amounts_are_whole_on_a_narrow_screen(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    for printed in (run("circles"), run("stress", "B"), run("stats"), run("portrait", "A")):
        assert "…" not in printed
    assert "2,400" in run("circles")


def test_a_load_that_is_refused_in_part_leaves_nothing(run: Run, home: Path) -> None:
    good = home / "checked" / "good"
    edges = pl.read_parquet(good / "edges.parquet")
    pl.concat([edges, edges.head(1).with_columns(edge_id=pl.lit("G9"))]).write_parquet(good / "edges.parquet")
    pl.read_parquet(good / "parties.parquet").with_columns(name=pl.lit("x")).write_parquet(
        good / "parties.parquet"
    )
    with pytest.raises(PartyTableError, match="cannot be rewritten"):
        run("build")
    assert ParquetStore(home / "graph").statements().collect().height == len(EDGES)


def test_a_table_of_parties_that_lacks_a_column_is_refused_by_its_name(run: Run, home: Path) -> None:
    good = home / "checked" / "good" / "parties.parquet"
    pl.read_parquet(good).drop("known_at").write_parquet(good)
    with pytest.raises(PartyTableError, match="column 'known_at': is missing"):
        run("build")


def test_scores_are_written_back_and_shown_in_portraits(run: Run, home: Path) -> None:
    file = home / "pd.csv"
    file.write_text("party_id,value\nA,0.03\nX,0.5\n", encoding="utf-8")
    printed = run(
        "scores", str(file), "--as-of", "2022-01-01", "--known-at", "2022-01-01", "--model-version", "7"
    )
    assert "2 scores written" in printed
    assert "1 parties have no record (X)" in printed
    assert "scores: pd_12m 0.03" in run("portrait", "A", "--hops", "0", "--out", str(home / "a.json"))
    (node,) = json.loads((home / "a.json").read_text(encoding="utf-8"))["nodes"]
    assert node["scores"] == {"pd_12m": 0.03}
    assert "0 scores written" in run(
        "scores", str(file), "--as-of", "2022-01-01", "--known-at", "2022-01-01", "--model-version", "7"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("party_id,value\nA,0.03\n", "'as_of': is missing"),
        ("party_id,value,as_of\nA,x,2022-01-01\n", "'value': is empty in row 1"),
        ("party_id,value,as_of\nA,0.1,soon\n", "'as_of': is empty in row 1"),
    ],
)
def test_a_table_of_scores_that_cannot_be_read_is_refused(
    run: Run, home: Path, text: str, message: str
) -> None:
    file = home / "pd.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(PartyTableError, match=message):
        run("scores", str(file), "--model-version", "7")


def test_a_rebuild_says_what_of_the_old_graph_falls_away(run: Run, home: Path) -> None:
    edges = pl.read_parquet(home / "checked" / "good" / "edges.parquet")
    ParquetStore(home / "graph").append(edges.head(1).with_columns(edge_id=pl.lit("imported")))
    printed = run("build", "--fresh")
    assert "1 statements of the old graph are not in the tables and fall away" in printed
    assert "fall away" not in run("build", "--fresh")


def test_a_broken_graph_can_be_built_anew(run: Run, home: Path) -> None:
    (home / "graph" / "part-000001.parquet").write_bytes(b"half a file")
    assert "decisions on `same_as` are not kept" in run("build", "--fresh")
    assert "as of 2022-01-01: 5 parties" in run("stats")


@pytest.mark.parametrize("command", [("push",), ("pull",), ("stats", "--store", "neo4j")])
def test_a_server_that_is_down_is_named_with_a_remedy(run: Run, command: tuple[str, ...]) -> None:
    with pytest.raises(GraphServerDownError, match=r"bolt://127\.0\.0\.1:9"):
        run(*command)


@pytest.mark.parametrize(
    "command", [("circles",), ("portrait", "A"), ("stress", "A"), ("push",), ("export", "x")]
)
def test_an_empty_graph_says_what_to_run(home: Path, command: tuple[str, ...]) -> None:
    with pytest.raises(EmptyGraphError, match="graph build"):
        CliRunner().invoke(app, ["--lang", "en", "graph", *command], catch_exceptions=False)
