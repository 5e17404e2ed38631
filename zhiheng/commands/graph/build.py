"""Build the embedded store from the checked tables."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zhiheng.commands.graph.stores import embedded_store
from zhiheng.console import teller
from zhiheng.settings import Settings, load_settings

if TYPE_CHECKING:
    import polars as pl

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
        bool,
        typer.Option(
            "--fresh",
            help="不追加，由表重建（保留“同一主体”认定）。Build anew from the tables; decisions on same_as stay.",
        ),
    ] = False,
) -> None:
    """把合格的关系和主体档案写入关系图；已入库的不会重复写入，更正以追加方式保留历史。

    Write the checked edges and parties to the graph; what is stored stays as it is, corrections are appended.
    """
    import polars as pl

    from features.errors import MissingTableError
    from features.sources import read_tables
    from graph.edges import EDGE_KEY
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
        kept = _decisions(settings)
        new = pl.concat([group["edges"].collect(), kept], how="diagonal_relaxed").unique(
            EDGE_KEY, keep="first"
        )
        added, known = rebuild(home, new, records)
        say(f"保留 {kept.height:,} 条“同一主体”记录", f"{kept.height:,} `same_as` statements kept")
    else:
        store = embedded_store(settings)
        added, known = store.append(group["edges"]), store.append_parties(records)
    say(
        f"新增 {added:,} 条关系记录、{known:,} 条主体档案：{home}",
        f"{added:,} new statements and {known:,} new records of parties in {home}",
    )


def _decisions(settings: Settings) -> "pl.DataFrame":
    """Return the `same_as` statements of the store: tables do not hold what persons decided, so it must not be lost."""
    import polars as pl

    from graph.errors import GraphStoreError

    try:
        return embedded_store(settings).statements().filter(pl.col("kind") == "same_as").collect()
    except GraphStoreError as error:
        teller(settings)(
            f"！旧图无法读取，其中的“同一主体”认定未能保留：{error.zh}",
            f"! the old graph cannot be read, so decisions on `same_as` are not kept: {error.en}",
        )
        return pl.DataFrame()
