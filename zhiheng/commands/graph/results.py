"""Write a whole result to a file, beside the part of it that the screen shows."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zhiheng.console import teller
from zhiheng.settings import Settings

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Out", "Shown", "money", "write_result"]

Shown = Annotated[int, typer.Option(min=1, help="在屏幕上列出几行。How many rows are shown.")]
Out = Annotated[
    Path | None, typer.Option(help="全部结果另存为 .csv 或 .parquet。Write all of it as .csv or .parquet.")
]


def write_result(table: "pl.DataFrame", out: Path | None, settings: Settings) -> None:
    """Write a table where the user said, whole or not at all, for the owner alone, as it may name persons; and say so.

    Raises QuestionError for another suffix and UnwritableFileError.
    """
    from features.checked_files import write_csv_atomically, write_parquet_atomically
    from graph.errors import QuestionError

    if out is None:
        return
    writers = {".csv": write_csv_atomically, ".parquet": write_parquet_atomically}
    if out.suffix not in writers:
        raise QuestionError("--out", "应以 .csv 或 .parquet 结尾", "must end in .csv or .parquet")
    writers[out.suffix](table, out, private=True)
    teller(settings)(f"全部 {table.height:,} 行已写入 {out}", f"all {table.height:,} rows written to {out}")


def money(amount: float | None) -> str:
    """Write an amount in yuan for the screen."""
    return "—" if amount is None else f"{amount:,.0f}"
