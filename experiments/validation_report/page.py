"""Write the report as one HTML file: no script, no outside asset, everything escaped."""

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from experiments.metrics import Interval
from experiments.validation_report.content import Cell, Column, Form, Outcome, Report, Table, Text

__all__ = ["report_page"]

_TEMPLATE: Final = "page.html.j2"

# What a reader should take away from the worst outcome; the decision is somebody else's.
_ADVICE: Final = {
    Outcome.NOT_MET: Text(
        "有判据未达到：上线前须逐项说明原因与处置，由门禁的批准人决定。",
        "Criteria are not met: each needs an explanation and a remedy before the model goes live; the approvers at the gate decide.",
    ),
    Outcome.UNKNOWN: Text(
        "没有未达到的判据，但有判据无法判断：看看缺什么，能补则补。",
        "No criterion is missed, but some cannot be judged: see what is lacking and supply it where that can be done.",
    ),
    Outcome.MET: Text("全部判据达到。", "All criteria are met."),
}


@dataclass(frozen=True)
class _Shown:
    """A cell as the page shows it: a text in two languages, or a number with the ends of its interval."""

    text: Text | None = None
    number: str = ""
    ends: str = ""


def report_page(report: Report) -> str:
    """Return the page; what is not met stands first, on the first screen."""
    environment = Environment(
        loader=PackageLoader("experiments.validation_report", package_path=""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "svg_address": _svg_address,
        "shown": _shown_rows,
        "numeric": _numeric,
        "first_row": _first_row,
        "groups": _groups,
    }
    return environment.get_template(_TEMPLATE).render(
        report=report,
        outcomes=tuple(Outcome),
        not_met=Outcome.NOT_MET,
        unknown=Outcome.UNKNOWN,
        advice=_ADVICE[report.outcome],
    )


def _svg_address(svg: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode("ascii")


def _numeric(column: Column) -> bool:
    return column.form is not Form.TEXT


def _shown_rows(table: Table) -> Sequence[Sequence[tuple[bool, _Shown]]]:
    """Return the rows of the page, each cell with whether it stands to the right as numbers do."""
    return [
        [(_numeric(column), _shown(cell, column)) for cell, column in zip(row, table.columns, strict=True)]
        for row in table.visible()
    ]


def _groups(columns: Sequence[Column]) -> Sequence[tuple[Text | None, int]]:
    """Return what stands over runs of columns, with how many each run has."""
    runs = groupby(columns, key=lambda column: column.over)
    return [(over, len(list(members))) for over, members in runs]


def _first_row(table: Table) -> Sequence[tuple[Text, _Shown]]:
    """Return the numbers of the first row with their heads: what stands large on the first screen."""
    cells = zip(table.rows[0], table.columns, strict=True)
    return [(column.head, _shown(cell, column)) for cell, column in cells if _numeric(column)]


def _shown(cell: Cell, column: Column) -> _Shown:
    if isinstance(cell, Text):
        return _Shown(text=cell)
    if isinstance(cell, Interval):
        low, high = column.form.written(cell.low), column.form.written(cell.high)
        return _Shown(number=column.form.written(cell.value), ends=f"[{low}, {high}]")
    if isinstance(cell, str):
        return _Shown(number=cell)
    if cell is None or not math.isfinite(cell):
        return _Shown(number="–")
    return _Shown(number=column.form.written(cell))
