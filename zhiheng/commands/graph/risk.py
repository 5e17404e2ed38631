"""Measure the graph: guarantee circles, and what the failure of some parties does to the others."""

import warnings
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from zhiheng.commands.graph.results import Out, Shown, money, screen_table, show, write_result
from zhiheng.commands.graph.standing import known_figures
from zhiheng.commands.graph.stores import AsOf, Store, StoreName, graph_on
from zhiheng.console import teller
from zhiheng.settings import load_settings

if TYPE_CHECKING:
    import polars as pl

__all__ = ["circles", "stress"]


def circles(
    as_of: AsOf = None,
    longest: Annotated[int, typer.Option(min=2, max=12, help="最长几家。Longest circle.")] = 6,
    top: Shown = 20,
    out: Out = None,
    store: Store = StoreName.PARQUET,
) -> None:
    """找出担保圈：一圈互相担保的主体，按能转一圈的金额排列。

    Find guarantee circles, by the amount that can go round.
    """
    import polars as pl

    from graph.measures.circles import CirclesLeftOutWarning
    from graph.measures.circles import circles as find

    settings = load_settings()
    day, snapshot, records = graph_on(settings, store, as_of)
    names = records.select("party_id", "name")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CirclesLeftOutWarning)  # said below, in the user's language
        found = find(snapshot, longest=longest)
    told = found.members.join(names, left_on="id", right_on="party_id", how="left").sort("circle", "position")
    shown = pl.coalesce("name", pl.col("id").cast(pl.String))
    rounds = told.group_by("circle", maintain_order=True).agg(
        pl.col("id").cast(pl.String).str.join(" → ").alias("ids"), shown.str.join(" → ").alias("parties")
    )
    table = found.circles.join(rounds, on="circle").sort(
        ["smallest", "length", "circle"], descending=[True, False, False], nulls_last=True
    )
    show(_circles_screen(table, day, top=top, zh=settings.lang == "zh"))
    if found.left_out is not None:
        teller(settings)(f"！{found.left_out.zh}", f"! {found.left_out.en}")
    write_result(table, out, settings)


def _circles_screen(table: "pl.DataFrame", day: date, *, top: int, zh: bool) -> Table:
    heads = (
        ("家数", "可转一圈的金额（元）", "合计（元）", "主体")
        if zh
        else ("parties", "can go round, CNY", "total, CNY", "who")
    )
    title = (
        f"截至 {day}：{table.height:,} 个担保圈" if zh else f"as of {day}: {table.height:,} guarantee circles"
    )
    screen = screen_table(title, heads, figures=range(3))
    for row in table.head(top).iter_rows(named=True):
        screen.add_row(str(row["length"]), money(row["smallest"]), money(row["total"]), row["parties"])
    return screen


def stress(
    parties: Annotated[
        list[str], typer.Argument(help="假设违约的主体编号。Ids of the parties taken to fail.")
    ],
    *,
    as_of: AsOf = None,
    top: Shown = 20,
    out: Out = None,
    store: Store = StoreName.PARQUET,
) -> None:
    """假设一个或几个主体违约：损失沿担保、出借、供货、持股如何传到其他主体。

    Let parties fail and follow the losses along guarantees, loans, supplies and ownership.
    """
    import polars as pl

    from graph.measures.stress import stress as follow

    settings = load_settings()
    day, snapshot, records = graph_on(settings, store, as_of)
    figures = known_figures(settings, day)
    found = follow(snapshot, parties, figures.select("id", equity="net_assets"))
    names = records.select("party_id", "name")
    told = found.parties.join(names, left_on="id", right_on="party_id", how="left", maintain_order="left")
    zh, say = settings.lang == "zh", teller(settings)
    title = (
        f"截至 {day}：其他主体损失合计 {money(found.total_loss)} 元，{found.rounds} 轮"
        if zh
        else f"as of {day}: others lose CNY {money(found.total_loss)} in {found.rounds} rounds"
    )
    show(_losses_screen(told.head(top), title, zh=zh))
    if found.unknown_equity:
        count = len(found.unknown_equity)
        say(
            f"！{count:,} 个受影响主体的净资产未知，未假设其违约，因此结果是下限",
            f"! the equity of {count:,} parties that are hit is unknown; they are not taken to fail, so this is a lower bound",
        )
    if found.unknown_amounts:
        say(
            f"！遇到 {found.unknown_amounts:,} 条没有金额的关系，未计入损失",
            f"! {found.unknown_amounts:,} edges met carry no amount and brought no loss",
        )
    write_result(told.with_columns(pl.col("through").list.join("|")), out, settings)


def _losses_screen(losses: "pl.DataFrame", title: str, *, zh: bool) -> Table:
    from graph.ontology import RELATIONS

    heads = (
        ("主体", "名称", "损失（元）", "净资产（元）", "占比", "第几轮", "何轮违约", "途径")
        if zh
        else ("party", "name", "loss, CNY", "equity, CNY", "share", "round", "fails in", "through")
    )
    screen = screen_table(title, heads, figures=range(2, 7), ids=(0,))
    for row in losses.iter_rows(named=True):
        share = "—" if row["share_of_equity"] is None else f"{row['share_of_equity']:.1%}"
        fails = "—" if row["failed_in_round"] is None else str(row["failed_in_round"])
        labels = [RELATIONS[kind].label for kind in row["through"]]
        through = "、".join(label.zh for label in labels) if zh else ", ".join(label.en for label in labels)
        screen.add_row(
            *(row["id"], row["name"] or "—", money(row["loss"]), money(row["equity"]), share),
            *(str(row["round"]), fails, through),
        )
    return screen
