"""Build the embedded store from the checked tables."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zhiheng.commands.graph.results import say_unrecorded
from zhiheng.commands.graph.stores import embedded_store
from zhiheng.console import teller
from zhiheng.settings import load_settings

if TYPE_CHECKING:
    import polars as pl

    from graph.parquet_store import ParquetStore

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
    from graph.parquet_store import rebuild
    from graph.parties import PARTY_SCHEMA, unrecorded

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
    profiles = group["parties"]
    records = profiles.select(name for name in PARTY_SCHEMA if name in profiles.collect_schema()).collect()
    home, store = settings.home / "graph", embedded_store(settings)
    if fresh:
        added, known = rebuild(home, _with_decisions(group["edges"].collect(), store, say), records)
    else:
        added, known = store.load(group["edges"], records)
    say(
        f"新增 {added:,} 条关系记录、{known:,} 条主体档案：{home}",
        f"{added:,} new statements and {known:,} new records of parties in {home}",
    )
    ends = group["edges"].select("src", "dst").collect()
    ids = pl.concat([ends["src"], ends["dst"].alias("src")])
    say_unrecorded(unrecorded(ids, store.records()), say)


def _with_decisions(
    edges: "pl.DataFrame", store: "ParquetStore", say: Callable[[str, str], None]
) -> "pl.DataFrame":
    """Return the edges with what the old graph says of sameness, and say what of it the tables will not bring back.

    Tables do not hold what persons decided, so it must not be lost.
    """
    import polars as pl

    from graph.edges import EDGE_KEY
    from graph.errors import GraphStoreError

    try:
        old = store.statements().collect()
    except GraphStoreError as error:
        say(
            f"！旧图无法读取，其中的“同一主体”认定未能保留：{error.zh}",
            f"! the old graph cannot be read, so decisions on `same_as` are not kept: {error.en}",
        )
        return edges
    gone = old.join(edges, on=EDGE_KEY, how="anti")
    kept = gone.filter(pl.col("kind") == "same_as")
    say(f"保留 {kept.height:,} 条“同一主体”记录", f"{kept.height:,} `same_as` statements kept")
    if gone.height > kept.height:
        say(
            f"！旧图中有 {gone.height - kept.height:,} 条关系记录不在表中，不再保留；由文件导入的请重新导入",
            f"! {gone.height - kept.height:,} statements of the old graph are not in the tables and fall away; "
            "import again what came from files",
        )
    return pl.concat([edges, kept], how="diagonal_relaxed")
