"""Write scores of parties back to the graph, where portraits show them."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zhiheng.commands.graph.results import say_unrecorded
from zhiheng.commands.graph.stores import Store, StoreName, opened
from zhiheng.console import teller
from zhiheng.settings import load_settings

if TYPE_CHECKING:
    import polars as pl

__all__ = ["scores"]


def scores(
    file: Annotated[
        Path,
        typer.Argument(
            help="评分表，至少有 party_id 与 value 两列（Parquet、CSV、xlsx）。Table with party_id and value."
        ),
    ],
    *,
    as_of: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help="评分日，表中没有 as_of 列时用。Day of the scores, if no column."
        ),
    ] = None,
    known_at: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="评分算出的日期，表中没有 known_at 列时用，默认今天。Day they were made, if no column; today unless told.",
        ),
    ] = None,
    name: Annotated[str, typer.Option(help="评分名称，表中没有 name 列时用。Name, if no column.")] = "pd_12m",
    model_version: Annotated[
        str | None,
        typer.Option(help="模型版本，表中没有 model_version 列时用。Version of the model, if no column."),
    ] = None,
    store: Store = StoreName.PARQUET,
) -> None:
    """把模型评分写回关系图，画像中随主体显示；同一主体、名称、日期与版本的评分以新值为准。

    Write scores back to the graph; one of the same party, name, day and model version is replaced.
    """
    import polars as pl

    from features.sources import read_table
    from graph.parties import checked_scores, unrecorded

    settings = load_settings()
    say = teller(settings)
    told = {
        "as_of": as_of.date() if as_of else None,
        "known_at": (known_at or datetime.now(UTC)).date(),
        "name": name,
        "model_version": model_version,
    }
    table = read_table(file)
    absent = {column: value for column, value in told.items() if column not in table.columns and value}
    frame = checked_scores(
        _typed(table.with_columns(pl.lit(value).alias(name) for name, value in absent.items()))
    )
    with opened(settings, store) as graph:
        written = graph.write_scores(frame)
        strangers = unrecorded(frame["party_id"], graph.records())
    say(f"写入 {written:,} 条评分", f"{written:,} scores written")
    say_unrecorded(strangers, say)


def _typed(table: "pl.DataFrame") -> "pl.DataFrame":
    """Read days and figures that a sheet holds as text; what cannot be read is null, which the check names."""
    import polars as pl

    texts = {column for column, dtype in table.schema.items() if dtype == pl.String}
    read = {day: pl.col(day).str.to_date("%Y-%m-%d", strict=False) for day in ("as_of", "known_at")}
    read["value"] = pl.col("value").cast(pl.Float64, strict=False)
    return table.with_columns(expression for column, expression in read.items() if column in texts)
