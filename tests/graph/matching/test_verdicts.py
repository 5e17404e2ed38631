"""A filled review list is read as persons and spreadsheets write it, and refused with a reason where it cannot be."""

from datetime import date

import polars as pl
import pytest

from graph.identity import DECISION_SCHEMA
from graph.matching.errors import DecisionError, ReviewListError
from graph.matching.verdicts import ANSWERS, decisions_of, to_be_filled

DAY = date(2026, 1, 5)


def filled(verdict: str | None = "同", day: str | None = "2026-01-05") -> pl.DataFrame:
    row = {"party_a": "A", "party_b": "B", "credit_code_a": None, "credit_code_b": None, "reason": "weak",
           "verdict": verdict, "decided_by": "李工", "decided_on": day, "comment": "执照一致"}  # fmt: skip
    return pl.DataFrame([row], schema=dict.fromkeys(row, pl.String))


@pytest.mark.parametrize(
    "day", ["2026-01-05", "2026/1/5", "2026.1.5", "2026年1月5日", "2026-01-05 00:00:00", " 2026-1-5 "]
)
def test_a_day_is_read_as_spreadsheets_write_it(day: str) -> None:
    decisions = decisions_of(filled(day=day))
    assert decisions.schema == DECISION_SCHEMA
    assert decisions.rows() == [("A", "B", True, "李工", DAY, "执照一致")]


def test_days_of_several_forms_stand_in_one_list() -> None:
    both = pl.concat([filled(day="2026-01-05 00:00:00"), filled(day="2026/1/5")])
    assert decisions_of(both)["decided_on"].to_list() == [DAY, DAY]


@pytest.mark.parametrize(("verdict", "accepted"), [(" Same ", True), ("不同", False), ("No", False)])
def test_a_verdict_is_read_in_both_languages(verdict: str, accepted: bool) -> None:
    assert decisions_of(filled(verdict))["accepted"].to_list() == [accepted]


@pytest.mark.parametrize("verdict", [None, "", "  "])
def test_a_row_without_a_verdict_is_no_decision(verdict: str | None) -> None:
    assert decisions_of(filled(verdict)).is_empty()


@pytest.mark.parametrize(
    ("row", "part"), [(filled("perhaps"), "verdict 'perhaps'"), (filled(day="5.1.26"), "decided_on '5.1.26'")]
)
def test_what_cannot_be_read_is_named(row: pl.DataFrame, part: str) -> None:
    with pytest.raises(DecisionError, match=part) as caught:
        decisions_of(row)
    assert "无法理解" in caught.value.zh


@pytest.mark.parametrize("column", ["party_a", "verdict", "decided_on"])
def test_another_file_than_the_list_is_refused(column: str) -> None:
    with pytest.raises(ReviewListError, match="zhiheng graph resolve") as caught:
        decisions_of(filled().drop(column))
    assert caught.value.column == column


def test_a_comment_may_be_left_out() -> None:
    assert decisions_of(filled().drop("comment"))["reason"].to_list() == [None]


def test_answers_of_a_half_filled_list_are_taken_over() -> None:
    review = pl.DataFrame({"party_a": ["A", "C"], "party_b": ["B", "D"], "score": [0.9, 0.8]})
    assert to_be_filled(review).select(ANSWERS).null_count().row(0) == (2, 2, 2, 2)
    again = to_be_filled(review, filled())
    assert again.select("party_a", "score", *ANSWERS).rows() == [
        ("A", 0.9, "同", "李工", "2026-01-05", "执照一致"),
        ("C", 0.8, None, None, None, None),
    ]
    assert to_be_filled(review, filled().drop("comment")).select(ANSWERS).null_count().row(0) == (2, 2, 2, 2)
