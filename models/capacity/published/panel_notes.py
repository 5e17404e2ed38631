"""What was found in a panel of lines as the notes of a run: one for each thing found, naming its lines."""

from datetime import date
from typing import Final

import polars as pl

from features.capacity.line_rules import LINE_RULES
from models.capacity.published.run_info import Note

__all__ = ["FOUND", "notes_of_findings"]

FOUND: Final = frozenset(
    {
        *LINE_RULES,
        "driver_not_known_ahead",
        "driver_out_of_range",
        "hours_of_profile",
        "profile_assumed",
        "profile_unverified",
    }
)
"""Codes of these notes: they tell a plant what to look at; a line that is worse off for it has a flag of its own."""

_LINES_TOLD: Final = 12
_SAME: Final = ("rule", "treatment_zh", "treatment_en")


def notes_of_findings(findings: pl.DataFrame) -> tuple[Note, ...]:
    """Return the notes of `LinePanel.findings`, sorted by rule; the code is the rule.

    Lines of which the same was found share a note; it names twelve of them with how often and since when, and counts the
    rest.
    """
    ordered = findings.sort("rule", "treatment_en", "line_id", "first_ds")
    same = ordered.group_by(*_SAME, maintain_order=True).agg("line_id", "rows", "first_ds")
    notes = []
    for rule, zh, en, lines, rows, firsts in same.iter_rows():
        places = list(zip(lines, rows, firsts, strict=True))
        told = places[:_LINES_TOLD]
        rest = len(places) - len(told)
        named_zh = "、".join(_place(*one, times="次，首见", brackets=("（", "）")) for one in told)
        named_en = ", ".join(_place(*one, times="found, first on", brackets=(" (", ")")) for one in told)
        more_zh, more_en = (f"等 {len(places)} 条", f" and {rest} more") if rest else ("", "")
        notes.append(Note(code=rule, zh=f"产线 {named_zh}{more_zh}：{zh}", en=f"{named_en}{more_en}: {en}"))
    return tuple(notes)


def _place(line: str, rows: int | None, first: date | None, *, times: str, brackets: tuple[str, str]) -> str:
    """Name a line, how often a thing was found in it and since when."""
    if rows is None or first is None:
        return line
    return f"{line}{brackets[0]}{rows} {times} {first}{brackets[1]}"
