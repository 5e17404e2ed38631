"""Build the embedded store from the checked tables."""

from pathlib import Path
from typing import Annotated

import typer

from zhiheng.commands.graph.stores import embedded_store
from zhiheng.console import teller
from zhiheng.settings import load_settings

__all__ = ["build"]


def build(
    tables: Annotated[
        Path | None,
        typer.Option(
            help="合格表所在文件夹，默认为检查结果。Folder of checked tables; the checked ones unless told."
        ),
    ] = None,
    *,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="不追加，从头重建。Build from nothing instead of appending.")
    ] = False,
) -> None:
    """把合格的关系和主体档案写入关系图；已入库的不会重复写入，更正以追加方式保留历史。

    Write the checked edges and parties to the graph; what is stored stays as it is, corrections are appended.
    """
    import polars as pl

    from features.errors import MissingTableError
    from features.sources import read_tables
    from graph.parquet_store import rebuild
    from graph.parties import PARTY_SCHEMA

    settings = load_settings()
    say = teller(settings)
    folder = tables or settings.home / "checked" / "good"
    group = read_tables(folder)
    if "edges" not in group:
        raise MissingTableError(["edges"], str(folder))
    if "parties" not in group:
        say(
            f"{folder} 中没有主体表，图中将只有编号",
            f"{folder} has no table of parties: the graph knows ids only",
        )
        group["parties"] = pl.LazyFrame(schema=PARTY_SCHEMA)
    records = group["parties"].select(PARTY_SCHEMA.names()).collect()
    home = settings.home / "graph"
    if fresh:
        added, known = rebuild(home, group["edges"], parties=records)
    else:
        store = embedded_store(settings)
        added, known = store.append(group["edges"]), store.append_parties(records)
    say(
        f"新增 {added:,} 条关系记录、{known:,} 条主体档案：{home}",
        f"{added:,} new statements and {known:,} new records of parties in {home}",
    )
