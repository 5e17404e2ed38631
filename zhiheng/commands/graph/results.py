"""Show a part of a result on the screen and write the whole of it to a file."""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from zhiheng.console import teller
from zhiheng.settings import Settings

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Out", "Shown", "money", "say_unrecorded", "screen_table", "show", "write_result"]

_NAMED: Final = 3
"""How many parties a warning names."""
Shown = Annotated[int, typer.Option(min=1, help="在屏幕上列出几行。How many rows are shown.")]
Out = Annotated[
    Path | None, typer.Option(help="全部结果另存为 .csv 或 .parquet。Write all of it as .csv or .parquet.")
]


def screen_table(
    title: str, heads: Sequence[str], *, figures: Collection[int] = (), ids: Collection[int] = ()
) -> Table:
    """Return an empty table that cuts nothing off on a narrow screen: text is folded, figures and ids are not broken."""
    table = Table(title=title)
    for place, head in enumerate(heads):
        whole = place in figures or place in ids
        table.add_column(
            head, justify="right" if place in figures else "left", no_wrap=whole, overflow="fold"
        )
    return table


def show(table: Table) -> None:
    """Print a table as it is: brackets in a name are no markup."""
    Console(markup=False, highlight=False).print(table)


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


def say_unrecorded(party_ids: "pl.Series", say: Callable[[str, str], None]) -> None:
    """Say which parties have no record; nothing where there are none."""
    if party_ids.is_empty():
        return
    first = party_ids.head(_NAMED).to_list()
    more = len(party_ids) > _NAMED
    say(
        f"！{len(party_ids):,} 个主体没有档案（{'、'.join(first)}{' 等' if more else ''}），"
        "只能显示编号；请在主体表中补录",
        f"! {len(party_ids):,} parties have no record ({', '.join(first)}{', …' if more else ''}): "
        "they are shown by id only; add them to the table of parties",
    )
