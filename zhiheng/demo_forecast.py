"""Print the demo's forecast: the months ahead, their band, and what each figure is made of."""

from typing import Any, Final

from rich.console import Console
from rich.table import Table

__all__ = ["show_forecast"]

_PARTS_SHOWN: Final = 4


def show_forecast(answer: dict[str, Any], *, zh: bool) -> None:
    """Print the first series of an answer of the forecast endpoint."""
    series = answer["series"][0]
    name, members = series["unique_id"], series["members"]
    table = Table(title=f"{'销量预测' if zh else 'Forecast of sales'}: {name} ({members})")
    for heading in (
        ("月份", "预测", "10 %", "90 %", "主要组成")
        if zh
        else ("month", "forecast", "10 %", "90 %", "made of")
    ):
        table.add_column(
            heading, justify="left" if heading in ("月份", "month", "主要组成", "made of") else "right"
        )
    for point in series["points"]:
        low, high = point["quantiles"]["0.1"], point["quantiles"]["0.9"]
        table.add_row(
            point["ds"],
            f"{point['final']:,.0f}",
            f"{low:,.0f}",
            f"{high:,.0f}",
            _parts(point["drivers"], zh=zh),
        )
    console = Console()
    console.print(table)
    console.print(
        f"  model_version: {answer['model_version']}   run_id: {answer['run_id']}   data_as_of: {answer['data_as_of']}",
        highlight=False,
        soft_wrap=True,
    )


def _parts(drivers: list[dict[str, Any]], *, zh: bool) -> str:
    """Name the largest parts with their size; all parts of a step sum to its forecast."""
    largest = sorted(drivers, key=lambda part: -abs(part["value"]))[:_PARTS_SHOWN]
    return ", ".join(f"{part['text_zh' if zh else 'text_en']} {part['value']:+,.0f}" for part in largest)
