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
    from features.errors import MissingTableError
    from features.sources import read_tables
    from graph.parquet_store import rebuild
    from graph.parties import PARTY_SCHEMA

    settings = load_settings()
    folder = tables or settings.home / "checked" / "good"
    group = read_tables(folder)
    absent = [name for name in ("edges", "parties") if name not in group]
    if absent:
        raise MissingTableError(absent, str(folder))
    records = group["parties"].select(PARTY_SCHEMA.names()).collect()
    home = settings.home / "graph"
    if fresh:
        added, known = rebuild(home, group["edges"], parties=records)
    else:
        store = embedded_store(settings)
        added, known = store.append(group["edges"]), store.append_parties(records)
    teller(settings)(
        f"新增 {added:,} 条关系记录、{known:,} 条主体档案：{home}",
        f"{added:,} new statements and {known:,} new records of parties in {home}",
    )
