"""Look at the graph: how much it holds, what stands around a party, how trouble could travel between two."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from zhiheng.commands.graph.results import say_unrecorded, screen_table, show
from zhiheng.commands.graph.stores import AsOf, Store, StoreName, ValidOn, day_of, graph_on, opened
from zhiheng.console import teller
from zhiheng.settings import load_settings

if TYPE_CHECKING:
    import polars as pl

    from graph.portrait import Portrait

__all__ = ["path", "portrait", "stats"]

Party = Annotated[str, typer.Argument(help="主体编号。Party id.")]
Hub = Annotated[
    int, typer.Option(min=1, help="边数超过它的主体不展开。A party with more edges is not followed.")
]


def stats(as_of: AsOf = None, store: Store = StoreName.PARQUET) -> None:
    """按关系种类统计某日已知的关系图。Count the graph as it was known on a day, by kind of relation."""
    from graph.census import census
    from graph.parties import unrecorded

    settings = load_settings()
    zh = settings.lang == "zh"
    day, snapshot, records = graph_on(settings, store, as_of)
    title = f"截至 {day}：{snapshot.parties:,} 个主体" if zh else f"as of {day}: {snapshot.parties:,} parties"
    show(_census_table(census(snapshot), title=title, zh=zh))
    say_unrecorded(unrecorded(snapshot.ids, records), teller(settings))


def _census_table(counts: "pl.DataFrame", *, title: str, zh: bool) -> Table:
    from graph.ontology import RELATIONS

    heads = (
        ("关系", "条数", "主体对", "起点", "终点", "合计")
        if zh
        else ("relation", "edges", "pairs", "sources", "targets", "sum")
    )
    table = screen_table(title, heads, figures=range(1, 6))
    for row in counts.filter(counts["edges"] > 0).iter_rows(named=True):
        kind = RELATIONS.get(row["kind"])
        label = kind.label.zh if kind else ""
        unit = kind.weight_unit.text("zh" if zh else "en") if kind and kind.weight_unit else None
        total = f"{row['weight']:,.0f} {unit}" if unit else ""  # a sum of ratios would tell nothing
        numbers = (f"{row[name]:,}" for name in ("edges", "pairs", "sources", "targets"))
        table.add_row(f"{row['kind']} {label}" if zh else row["kind"], *numbers, total)
    return table


def portrait(
    party: Party,
    *,
    as_of: AsOf = None,
    valid_on: ValidOn = None,
    hops: Annotated[int, typer.Option(min=0, max=5, help="看几步。How many steps.")] = 2,
    hub: Hub = 200,
    nodes: Annotated[int, typer.Option(min=1, help="最多显示多少主体。Most parties shown.")] = 500,
    out: Annotated[
        Path | None, typer.Option(help="另存为 .json 或 .graphml。Also write it as .json or .graphml.")
    ] = None,
    store: Store = StoreName.PARQUET,
) -> None:
    """看一个主体周围的关系：几步之内有谁、怎样相连，未展开的都会说明。

    Show what stands around a party; hubs are not followed and everything left out is said.
    """
    from graph.ontology import RELATIONS
    from graph.portrait import portrait as around
    from graph.sentences import edge_sentence

    settings = load_settings()
    with opened(settings, store) as graph:
        view = graph.view(day_of(graph, as_of, home=settings.home), valid_on.date() if valid_on else None)
        found = around(view, party, hops=hops, hub=hub, max_nodes=nodes)
    names = {node: data.get("name") or node for node, data in found.graph.nodes(data=True)}
    zh = settings.lang == "zh"
    heads = ("关系", "内容", "来源", "自", "获知") if zh else ("relation", "edge", "source", "from", "known")
    table = screen_table(found.summary().text(settings.lang), heads)
    for source, target, key, data in found.graph.edges(keys=True, data=True):
        edge = {"edge_id": key, "src": source, "dst": target, **data, **data["properties"]}
        told = edge_sentence(edge, names).text(settings.lang)
        label = RELATIONS[data["kind"]].label.text(settings.lang)
        table.add_row(label, told, data["source"] or "", str(data["valid_from"]), str(data["known_at"]))
    show(table)
    say = teller(settings)
    known = "  ".join(f"{name} {value:g}" for name, value in found.graph.nodes[party]["scores"].items())
    if known:
        say(f"评分：{known}", f"scores: {known}")
    if out is not None:
        _write(found, out)
        say(f"已写入 {out}", f"written to {out}")


def _write(found: "Portrait", out: Path) -> None:
    from features.checked_files import write_text_atomically
    from graph.errors import QuestionError
    from graph.interchange.graphml import write_portrait_graphml

    if out.suffix == ".graphml":
        write_portrait_graphml(out, found.graph)
    elif out.suffix == ".json":
        write_text_atomically(json.dumps(found.to_json(), ensure_ascii=False, indent=1), out, private=True)
    else:
        raise QuestionError("--out", "应以 .json 或 .graphml 结尾", "must end in .json or .graphml")


def path(
    source: Party,
    target: Annotated[str, typer.Argument(help="另一主体编号。Id of the other party.")],
    *,
    as_of: AsOf = None,
    valid_on: ValidOn = None,
    hops: Annotated[int, typer.Option(min=1, max=6, help="最多几步。Most steps.")] = 4,
    top: Annotated[int, typer.Option(min=1, help="列出几条。How many paths.")] = 5,
    hub: Hub = 200,
    store: Store = StoreName.PARQUET,
) -> None:
    """找出风险最可能从一个主体传到另一个主体的路径。Find the paths along which trouble travels most easily."""
    from graph.paths import riskiest_paths

    settings = load_settings()
    with opened(settings, store) as graph:
        view = graph.view(day_of(graph, as_of, home=settings.home), valid_on.date() if valid_on else None)
        found = riskiest_paths(view, source, target, max_hops=hops, top=top, hub=hub)
    say = teller(settings)
    if not found:
        say(
            f"{hops} 步之内没有路径（不经过边数超过 {hub} 的主体）",
            f"no path within {hops} steps (none through a party of over {hub} edges)",
        )
    for number, one in enumerate(found, 1):
        say(f"{number}. 传导强度 {one.strength:.3f}", f"{number}. strength {one.strength:.3f}")
        for step in one.sentences:
            say(f"   {step.zh}", f"   {step.en}")
