"""Measure the graph: guarantee circles, who controls, who stands together, what one failure does."""

import warnings
from typing import Annotated

import typer
from rich.console import Console

from zhiheng.commands.graph.results import Out, Shown, money, screen_table, write_result
from zhiheng.commands.graph.standing import known_figures
from zhiheng.commands.graph.stores import AsOf, Store, StoreName, day_of, opened, whole_graph
from zhiheng.console import teller
from zhiheng.settings import load_settings

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
    with opened(settings, store) as graph:
        day = day_of(graph, as_of, home=settings.home)
        snapshot, records = whole_graph(graph, day)
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
    zh = settings.lang == "zh"
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
    Console().print(screen)
    say = teller(settings)
    if found.left_out is not None:
        say(f"！{found.left_out.zh}", f"! {found.left_out.en}")
    write_result(table, out, settings)


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
    from graph.ontology import RELATIONS

    settings = load_settings()
    with opened(settings, store) as graph:
        day = day_of(graph, as_of, home=settings.home)
        snapshot, records = whole_graph(graph, day)
    names = records.select("party_id", "name")
    figures = known_figures(settings, day)
    found = follow(snapshot, parties, figures.select("id", equity="net_assets"))
    told = found.parties.join(names, left_on="id", right_on="party_id", how="left", maintain_order="left")
    zh = settings.lang == "zh"
    heads = (
        ("主体", "名称", "损失（元）", "净资产（元）", "占比", "第几轮", "何轮违约", "途径")
        if zh
        else ("party", "name", "loss, CNY", "equity, CNY", "share", "round", "fails in", "through")
    )
    title = (
        f"截至 {day}：其他主体损失合计 {money(found.total_loss)} 元，{found.rounds} 轮"
        if zh
        else f"as of {day}: others lose CNY {money(found.total_loss)} in {found.rounds} rounds"
    )
    screen = screen_table(title, heads, figures=range(2, 7), ids=(0,))
    for row in told.head(top).iter_rows(named=True):
        share = "—" if row["share_of_equity"] is None else f"{row['share_of_equity']:.1%}"
        fails = "—" if row["failed_in_round"] is None else str(row["failed_in_round"])
        labels = [RELATIONS[kind].label.text(settings.lang) for kind in row["through"]]
        screen.add_row(
            *(row["id"], row["name"] or "—", money(row["loss"]), money(row["equity"]), share),
            *(str(row["round"]), fails, "、".join(labels) if zh else ", ".join(labels)),
        )
    Console().print(screen)
    say = teller(settings)
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
