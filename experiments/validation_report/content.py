"""What a report holds: sections of findings, tables and plots; the page and the JSON are two views of it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from experiments.metrics import Interval
from features.tables.contract import Text

__all__ = ["Cell", "Column", "Finding", "Form", "Outcome", "Plot", "Report", "Section", "Table", "Text"]

Cell = str | int | float | Interval | Text | None


class Outcome(StrEnum):
    """What became of a criterion; what could not be judged is never counted as met."""

    NOT_MET = "not_met"
    UNKNOWN = "cannot_be_judged"
    MET = "met"

    @property
    def text(self) -> Text:
        """Return the words a reader sees."""
        return _OUTCOMES[self]


_OUTCOMES = {
    Outcome.NOT_MET: Text("未达到", "not met"),
    Outcome.UNKNOWN: Text("无法判断", "cannot be judged"),
    Outcome.MET: Text("达到", "met"),
}


class Form(StrEnum):
    """How the numbers of a column are written."""

    TEXT = "text"
    COUNT = "count"
    FIGURE = "figure"
    SHARE = "share"

    def written(self, value: float) -> str:
        """Return a number as the page shows it."""
        if self is Form.COUNT:
            return f"{value:,.0f}"
        return f"{100 * value:.2f} %" if self is Form.SHARE else f"{value:.4f}"


@dataclass(frozen=True)
class Finding:
    """A criterion, what was found, and whether it is met."""

    name: str
    criterion: Text
    found: Text
    outcome: Outcome

    def plain(self) -> dict[str, object]:
        """Return the finding as JSON types."""
        return {
            "name": self.name,
            "outcome": self.outcome.value,
            "criterion": self.criterion._asdict(),
            "found": self.found._asdict(),
        }


@dataclass(frozen=True)
class Column:
    """A column of a table: its key in the JSON, its head, how its numbers are written, what stands over several heads."""

    key: str
    head: Text
    form: Form = Form.TEXT
    over: Text | None = None


@dataclass(frozen=True)
class Table:
    """Figures with a sentence that says what they mean; `shown` rows stand on the page, all of them in the JSON."""

    key: str
    title: Text
    meaning: Text
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    shown: int | None = None

    def visible(self) -> Sequence[tuple[Cell, ...]]:
        """Return the rows of the page."""
        return self.rows if self.shown is None else self.rows[: self.shown]

    def plain(self) -> dict[str, object]:
        """Return the table as JSON types, one object a row."""
        keys = [column.key for column in self.columns]
        return {
            "key": self.key,
            "title": self.title._asdict(),
            "meaning": self.meaning._asdict(),
            "rows": [dict(zip(keys, (_plain_cell(cell) for cell in row), strict=True)) for row in self.rows],
        }


@dataclass(frozen=True)
class Plot:
    """A drawing as SVG text, with the words for who cannot see it."""

    title: Text
    meaning: Text
    svg: str


@dataclass(frozen=True)
class Section:
    """The answer to one question: findings first, then the tables and plots they rest on."""

    key: str
    title: Text
    question: Text
    findings: tuple[Finding, ...] = ()
    tables: tuple[Table, ...] = ()
    plots: tuple[Plot, ...] = ()
    notes: tuple[Text, ...] = ()

    def plain(self) -> dict[str, object]:
        """Return the section as JSON types; plots are views of the tables and stay out."""
        return {
            "key": self.key,
            "title": self.title._asdict(),
            "findings": [finding.plain() for finding in self.findings],
            "tables": [table.plain() for table in self.tables],
            "notes": [note._asdict() for note in self.notes],
        }


@dataclass(frozen=True)
class Report:
    """The whole report: what was judged, the headline figures, the sections."""

    subject: tuple[tuple[str, Text, str], ...]
    headline: Table
    sections: tuple[Section, ...]

    def findings(self, outcome: Outcome) -> tuple[tuple[Section, Finding], ...]:
        """Return the findings of one outcome with their sections."""
        return tuple((s, f) for s in self.sections for f in s.findings if f.outcome is outcome)

    @property
    def outcome(self) -> Outcome:
        """Return the worst outcome of all findings: one criterion that is not met is not made good by the others."""
        return next((kind for kind in Outcome if self.findings(kind)), Outcome.UNKNOWN)

    def plain(self) -> dict[str, object]:
        """Return the report as JSON types."""
        return {
            "outcome": self.outcome.value,
            "counts": {kind.value: len(self.findings(kind)) for kind in Outcome},
            "subject": {key: value for key, _, value in self.subject},
            "headline": self.headline.plain(),
            "sections": [section.plain() for section in self.sections],
        }


def _plain_cell(cell: Cell) -> object:
    if isinstance(cell, Interval):
        return {name: _finite(getattr(cell, name)) for name in ("value", "low", "high")}
    if isinstance(cell, Text):
        return cell._asdict()
    return _finite(cell) if isinstance(cell, float) else cell


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
