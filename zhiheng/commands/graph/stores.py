"""Which store a command reads, and as of which day."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zhiheng.settings import Settings

if TYPE_CHECKING:
    import polars as pl

    from features.sources import Tables
    from graph.neo4j_store import Neo4jStore
    from graph.parquet_store import ParquetStore
    from graph.snapshot import Snapshot
    from graph.store import GraphStore

__all__ = [
    "AsOf",
    "Store",
    "StoreName",
    "ValidOn",
    "checked_tables",
    "day_of",
    "embedded_store",
    "graph_on",
    "opened",
    "server_store",
]


class StoreName(StrEnum):
    """Where the graph is read from."""

    PARQUET = "parquet"
    NEO4J = "neo4j"


AsOf = Annotated[
    datetime | None,
    typer.Option(
        formats=["%Y-%m-%d"],
        help="截至日期（当时已知），默认为最新获知日。As of (what was known); the newest known day unless told.",
    ),
]
ValidOn = Annotated[
    datetime | None,
    typer.Option(
        formats=["%Y-%m-%d"],
        help="当日成立的关系，默认与截至日期相同。The day on which relations held; as of unless told.",
    ),
]
Store = Annotated[StoreName, typer.Option(help="从内置图库或 Neo4j 读取。Read the embedded store or Neo4j.")]


def embedded_store(settings: Settings) -> "ParquetStore":
    """Return the store under ZHIHENG_HOME."""
    from graph.parquet_store import ParquetStore

    return ParquetStore(settings.home / "graph")


def checked_tables(settings: Settings) -> "Tables":
    """Return the checked tables under ZHIHENG_HOME; none where no table was checked, as in a graph made by imports."""
    from features.sources import read_tables

    folder = settings.home / "checked" / "good"
    return read_tables(folder) if folder.is_dir() else {}


@contextmanager
def server_store(settings: Settings) -> "Iterator[Neo4jStore]":
    """Connect to the graph server of the settings; its errors say what is wrong with it."""
    from graph.neo4j_store import BoltConnection, Neo4jStore, TimeLimits

    limits = TimeLimits(connect=min(settings.neo4j_timeout, 10.0), question=settings.neo4j_timeout)
    with BoltConnection(
        settings.neo4j_uri,
        user=settings.neo4j_user,
        password=settings.neo4j_secret,
        database=settings.neo4j_database,
        limits=limits,
    ) as connection:
        yield Neo4jStore(connection)


@contextmanager
def opened(settings: Settings, name: StoreName) -> "Iterator[GraphStore]":
    """Open the store a command asks for; raises EmptyGraphError when the embedded one was never filled."""
    if name is StoreName.NEO4J:
        with server_store(settings) as remote:
            yield remote
    else:
        yield embedded_store(settings)


def day_of(store: "GraphStore", as_of: datetime | None, *, home: Path) -> date:
    """Return the day asked for, else the newest known day of the store; raises EmptyGraphError."""
    from graph.errors import EmptyGraphError

    newest = store.last_known()
    if newest is None:
        raise EmptyGraphError(home / "graph")
    return as_of.date() if as_of else newest


def graph_on(
    settings: Settings, name: StoreName, as_of: datetime | None
) -> "tuple[date, Snapshot, pl.DataFrame]":
    """Return the day, the graph on it, parties without any relation too, and the records of the parties."""
    with opened(settings, name) as store:
        day = day_of(store, as_of, home=settings.home)
        records = store.parties(day)
        return day, store.snapshot(day, nodes=records["party_id"]), records
