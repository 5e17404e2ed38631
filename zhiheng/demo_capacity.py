"""Print the demo's shortfalls: which product is short in which week, how surely, and what holds it back."""

from typing import Any, Final

from rich.console import Console
from rich.table import Table

__all__ = ["show_shortfalls"]

_SHOWN: Final = 6
_HEADINGS: Final = {
    "zh": ("产品", "周", "缺口概率", "预计缺口", "瓶颈与原因"),
    "en": ("product", "week", "probability", "expected", "what holds it back"),
}
_LEFT: Final = {0, 1, 4}


def show_shortfalls(answer: dict[str, Any], *, zh: bool) -> None:
    """Print the worst product-weeks of an answer of the shortfall endpoint, and the first alert of stock."""
    language = "zh" if zh else "en"
    table = Table(title="产能缺口（最可能的几周）" if zh else "Shortfalls of capacity (the likeliest weeks)")
    for place, heading in enumerate(_HEADINGS[language]):
        table.add_column(heading, justify="left" if place in _LEFT else "right")
    likeliest = sorted(
        answer["products"], key=lambda row: (-row["probability"], row["week"], row["product_id"])
    )
    for row in likeliest[:_SHOWN]:
        table.add_row(
            row["product_id"],
            row["week"],
            f"{row['probability']:.0%}",
            f"{row['expected']:,.0f} {row['unit'] or ''}",
            row[f"text_{language}"] or "",
        )
    console = Console()
    console.print(table)
    for alert in answer["stock_alerts"][:1]:
        console.print(f"  {alert[f'text_{language}']}", highlight=False, soft_wrap=True)
    console.print(
        f"  model_version: {answer['model_version']}   run_id: {answer['run_id']}   "
        f"demand_run_id: {answer['demand_run_id']}",
        highlight=False,
        soft_wrap=True,
    )
