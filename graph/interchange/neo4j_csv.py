"""Export to the CSV files that `neo4j-admin database import full` reads, in the shape of `graph.neo4j_store`."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl

from graph.bolt.cypher import PROPERTIES, SCHEMA, edge_index, relation_type
from graph.edges import EDGE_SCHEMA, EdgeFrame, checked_edges
from graph.errors import InterchangeFileError
from graph.interchange.whole_file import unwritable
from graph.parties import checked_parties, checked_scores, parties_as_of

__all__ = ["write_neo4j_csv"]

_TYPES: Final = {pl.Float64(): ":double", pl.Boolean(): ":boolean", pl.Date(): ":date"}
_BREAK: Final = r"[\r\n]"


def write_neo4j_csv(
    folder: Path, parties: pl.DataFrame, edges: EdgeFrame, *, scores: pl.DataFrame | None = None
) -> str:
    """Write every statement (EDGE_SCHEMA) and every version of the records (PARTY_SCHEMA), and return the command.

    The graph is the one `graph.neo4j_store.Neo4jStore` keeps: a node `Party` for every party, with its latest record,
    a node `PartyRecord` for every version and `Score` for every score (SCORE_SCHEMA), and a relationship for every
    statement, its type the kind in upper case. `parties.csv`, `party_records.csv`, `scores.csv` and one file for each
    kind of relation are UTF-8 with typed headers; what is null is empty, an empty text is quoted. `README.txt` holds the
    command and what to do before and after it, `after_import.cypher` the constraints and indexes.

    Raises InterchangeFileError for a folder that holds files already or cannot be written; EdgeTableError and
    PartyTableError for tables that break their schemas. The folder appears whole or not at all.
    """
    statements, records = checked_edges(edges), checked_parties(parties)
    tables = dict(_node_tables(records, statements, scores)) | dict(_relationship_tables(statements))
    command = _command(tables)
    indexes = [edge_index(kind) for kind in statements["kind"].unique().sort()]
    with _whole_folder(folder) as unfinished:
        for name, table in tables.items():
            _write(table, unfinished / name)
        (unfinished / "after_import.cypher").write_text(
            "".join(f"{statement};\n" for statement in (*SCHEMA, *indexes)), encoding="utf-8"
        )
        (unfinished / "README.txt").write_text(_readme(command), encoding="utf-8")
    return command


@contextmanager
def _whole_folder(folder: Path) -> Iterator[Path]:
    """Make a folder beside `folder` to be filled and give it that name when the block ends well, else remove it."""
    unfinished = folder.with_name(f".{folder.name}.{os.getpid()}")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InterchangeFileError(
            folder,
            None,
            "已存在且不为空。请换一个新文件夹，或先移走其中的文件。",
            "is there already and not empty. Give another folder, or move its files away first.",
        )
    try:
        shutil.rmtree(unfinished, ignore_errors=True)  # left by a process of the same number that was killed
        unfinished.mkdir(parents=True)
        yield unfinished
        unfinished.rename(folder)
    except BaseException as problem:
        shutil.rmtree(unfinished, ignore_errors=True)
        if isinstance(problem, OSError):
            raise unwritable(folder, problem) from problem
        raise


def _node_tables(
    records: pl.DataFrame, statements: pl.DataFrame, scores: pl.DataFrame | None
) -> Iterator[tuple[str, pl.DataFrame]]:
    current = parties_as_of(records, date.max)
    ends = pl.concat([current["party_id"], statements["src"], statements["dst"]]).unique().sort()
    nodes = ends.to_frame("party_id").join(current, on="party_id", how="left", maintain_order="left")
    identified = _typed(nodes, "Party").rename({"party_id": "party_id:ID"})
    yield "parties.csv", identified
    # Nodes that no relationship joins need no :ID.
    yield "party_records.csv", _typed(records, "PartyRecord")
    if scores is not None:
        yield "scores.csv", _typed(checked_scores(scores), "Score")


def _relationship_tables(statements: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    for (kind,), rows in statements.sort("kind", "edge_id", "known_at").group_by("kind", maintain_order=True):
        held = [name for name in PROPERTIES if rows[name].null_count() < rows.height]
        typed = {name: _header(name, EDGE_SCHEMA[name]) for name in held}
        yield (
            f"{kind}.csv",
            rows.select(
                pl.col("src").alias(":START_ID"),
                *(pl.col(name).alias(header) for name, header in typed.items()),
                pl.col("dst").alias(":END_ID"),
                pl.lit(relation_type(str(kind))).alias(":TYPE"),
            ),
        )


def _typed(table: pl.DataFrame, label: str) -> pl.DataFrame:
    headers = {name: _header(name, dtype) for name, dtype in table.schema.items()}
    return table.rename(headers).with_columns(pl.lit(label).alias(":LABEL"))


def _header(name: str, dtype: pl.DataType) -> str:
    return name + _TYPES.get(dtype, "")


def _write(table: pl.DataFrame, path: Path) -> None:
    with path.open("wb") as file:
        table.write_csv(file, quote_style="necessary", null_value="")
        file.flush()
        os.fsync(file.fileno())


def _command(tables: dict[str, pl.DataFrame]) -> str:
    """Return the command, to be run in the folder; fields over several lines are slower, so only where there are any."""
    options = [
        f"--relationships={name}" if ":TYPE" in table.columns else f"--nodes={name}"
        for name, table in tables.items()
    ]
    if any(_has_breaks(table) for table in tables.values()):
        options.append("--multiline-fields=true")
    return " ".join(["neo4j-admin database import full neo4j", *options])


def _has_breaks(table: pl.DataFrame) -> bool:
    texts = table.select(pl.col(pl.String).str.contains(_BREAK).any())
    return any(value is True for value in texts.row(0))


def _readme(command: str) -> str:
    return (
        "导入方法：停止 Neo4j，且数据库 neo4j 尚未建立（已建立时加 --overwrite-destination=true，原内容会被清除）。\n"
        "在本文件夹中运行：\n\n"
        f"    {command}\n\n"
        "启动 Neo4j 后，用 cypher-shell -f after_import.cypher 建立约束与索引；之后 zhiheng 可直接读写该库。\n\n"
        "How to import: stop Neo4j, with no database neo4j yet (where there is one, add --overwrite-destination=true, which\n"
        "discards its content). Run the command above in this folder. Then start Neo4j and make the constraints and indexes\n"
        "with cypher-shell -f after_import.cypher; from then on zhiheng reads and writes that database.\n"
    )
