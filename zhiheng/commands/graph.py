"""Commands of the graph: build its store from the checked edges, count what it holds as of a date."""

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from zhiheng.console import teller
from zhiheng.settings import load_settings

if TYPE_CHECKING:
    import polars as pl

__all__ = ["app"]

app = typer.Typer(help="主体关系图。The graph of parties.", no_args_is_help=True)


@app.command()
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
    """把合格的关系写入关系图；已入库的不会重复写入，更正以追加方式保留历史。

    Write the checked edges to the graph; what is stored stays as it is, corrections are appended.
    """
    from features.errors import MissingTableError
    from features.sources import read_tables
    from graph.parquet_store import ParquetStore, rebuild

    settings = load_settings()
    folder = tables or settings.home / "checked" / "good"
    group = read_tables(folder)
    if "edges" not in group:
        raise MissingTableError(["edges"], str(folder))
    home = settings.home / "graph"
    added = rebuild(home, group["edges"]) if fresh else ParquetStore(home).append(group["edges"])
    teller(settings)(f"新增 {added:,} 条关系记录：{home}", f"{added:,} new statements in {home}")


@app.command()
def stats(
    as_of: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help="截至日期，默认为最新获知日。As of; the newest known day unless told."
        ),
    ] = None,
) -> None:
    """按关系种类统计某日已知的关系图。Count the graph as it was known on a day, by kind of relation."""
    import polars as pl

    from graph.census import census
    from graph.errors import EmptyGraphError
    from graph.parquet_store import ParquetStore

    settings = load_settings()
    zh = settings.lang == "zh"
    store = ParquetStore(settings.home / "graph")
    newest = store.statements().select(pl.col("known_at").max()).collect().item()
    if newest is None:
        raise EmptyGraphError(store.folder)
    day: date = as_of.date() if as_of else newest
    snapshot = store.snapshot(day)
    title = f"截至 {day}：{snapshot.parties:,} 个主体" if zh else f"as of {day}: {snapshot.parties:,} parties"
    Console().print(_census_table(census(snapshot), title=title, zh=zh))


def _census_table(counts: "pl.DataFrame", *, title: str, zh: bool) -> Table:
    from graph.ontology import RELATIONS

    heads = (
        ("关系", "条数", "主体对", "起点", "终点", "合计")
        if zh
        else ("relation", "edges", "pairs", "sources", "targets", "sum")
    )
    table = Table(*heads, title=title)
    for row in counts.iter_rows(named=True):
        kind = RELATIONS.get(row["kind"])
        label = kind.label.text("zh" if zh else "en") if kind else ""
        total = f"{row['weight']:,.1f} {kind.weight_unit}" if kind and kind.weight else ""
        numbers = (f"{row[name]:,}" for name in ("edges", "pairs", "sources", "targets"))
        table.add_row(f"{row['kind']} {label}" if zh else row["kind"], *numbers, total)
    return table
