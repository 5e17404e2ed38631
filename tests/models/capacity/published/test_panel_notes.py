"""What was found in a panel of lines becomes notes that name the lines."""

from datetime import date

import polars as pl

from features.capacity.line_panel import FINDINGS
from models.capacity.published.panel_notes import FOUND, notes_of_findings


def _findings(*rows: tuple[str, str, int | None, date | None]) -> pl.DataFrame:
    told = [(*row, f"{row[1]} 的说明", f"about {row[1]}") for row in rows]
    return pl.DataFrame(told, schema=dict(FINDINGS), orient="row")


def test_lines_of_which_the_same_was_found_share_a_note_whatever_the_order_of_rows() -> None:
    rows = (
        ("B", "days_missing", 3, date(2026, 1, 5)),
        ("A", "days_missing", 2, date(2026, 2, 5)),
        ("A", "profile_assumed", None, None),
    )
    notes = notes_of_findings(_findings(*rows))
    assert notes == notes_of_findings(_findings(*rows[::-1]))
    assert [one.code for one in notes] == ["days_missing", "profile_assumed"]
    assert notes[0].zh == "产线 A（2 次，首见 2026-02-05）、B（3 次，首见 2026-01-05）：days_missing 的说明"
    assert notes[0].en == (
        "A (2 found, first on 2026-02-05), B (3 found, first on 2026-01-05): about days_missing"
    )
    assert notes[1].en == "A: about profile_assumed"
    assert {one.code for one in notes} <= FOUND


def test_many_lines_are_counted() -> None:
    (note,) = notes_of_findings(_findings(*((f"L{one:02}", "rest_days", None, None) for one in range(15))))
    assert note.en.startswith("L00, L01")
    assert "L11 and 3 more: " in note.en
    assert "等 15 条：" in note.zh
    assert notes_of_findings(_findings()) == ()
