"""Commands of features: print the catalogue, build the panel and the newest features."""

import json
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from zhiheng.console import teller
from zhiheng.settings import load_settings

if TYPE_CHECKING:
    from features.catalogue import Feature

__all__ = ["Format", "app"]

app = typer.Typer(help="特征目录与计算。Features: catalogue and build.", no_args_is_help=True)

_DAY: Final = ["%Y-%m-%d"]
_HEADS: Final = ("dimension", "feature", "text", "unit", "source", "code")


class Format(StrEnum):
    """How the catalogue is printed."""

    TABLE = "table"
    MARKDOWN = "markdown"
    JSON = "json"


@app.command()
def catalogue(
    form: Annotated[
        Format, typer.Option("--format", help="表格、Markdown 或 JSON。Table, Markdown or JSON.")
    ] = Format.TABLE,
) -> None:
    """列出全部特征：名称、说明、单位、来源、分级与代码位置。

    Print all features: name, text, unit, range, source, data class, and where they are defined.
    """
    from features.catalogue import catalogue as read
    from features.catalogue import catalogue_markdown

    features = read("credit")
    if form is Format.MARKDOWN:
        typer.echo(catalogue_markdown())
    elif form is Format.JSON:
        typer.echo(json.dumps([item.card() for item in features], ensure_ascii=False, indent=1))
    else:
        Console().print(_table(features, zh=load_settings().lang == "zh"))


def _table(features: "tuple[Feature, ...]", *, zh: bool) -> Table:
    heads = ("维度", "特征", "说明", "单位", "来源", "代码") if zh else _HEADS
    table = Table()
    for head in heads:
        # A name that is cut off could be neither searched for nor pasted.
        table.add_column(head, overflow="fold")
    for item in features:
        table.add_row(
            item.dimension.zh if zh else item.dimension.value,
            item.name,
            item.zh if zh else item.en,
            item.unit.value,
            ", ".join(item.sources),
            f"{item.file}:{item.line}",
        )
    return table


@app.command()
def build(
    as_of: Annotated[
        datetime,
        typer.Option(formats=_DAY, help="只用该日及以前已知的数据。Use only what was known by this day."),
    ],
    first_month: Annotated[
        datetime, typer.Option(formats=_DAY, help="样本的第一个月末。First month-end of the panel.")
    ],
) -> None:
    """由合格表和关系图计算训练样本与最新特征。Build the panel and the newest features from checked tables and graph."""
    from experiments.build_features import BuildFeatures

    settings = load_settings()
    home = settings.home
    BuildFeatures(
        tables=home / "checked" / "good",
        graph=home / "graph",
        out=home / "features",
        as_of=as_of.date(),
        first_month=first_month.date(),
    ).run(teller(settings))
