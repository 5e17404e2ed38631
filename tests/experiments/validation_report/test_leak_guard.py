"""Planted leaks are found on the panel; what month-ends do by themselves is not taken for one."""

from dataclasses import replace

import polars as pl
import pytest

from experiments.validation_report.content import Outcome, Section
from experiments.validation_report.criteria import Criteria
from experiments.validation_report.judged import Judged
from experiments.validation_report.leak_guard import _without_calendar, leak_guard
from features.leaks import Finding as Suspect
from features.leaks import Sign, SignKind, Verdict
from tests.experiments.validation_report.conftest import Book


def with_feature(judged: Judged, name: str, value: pl.Expr) -> Judged:
    past, test = (
        replace(part, frame=part.frame.with_columns(value.alias(name))) for part in (judged.past, judged.test)
    )
    return replace(judged, past=past, test=test, features=(*judged.features, name))


def outcomes(section: Section) -> dict[str, tuple[Outcome, str]]:
    return {finding.name: (finding.outcome, finding.found.en) for finding in section.findings}


def test_a_sound_panel_has_no_certain_leak(book: Book) -> None:
    found = outcomes(leak_guard(book(), Criteria()))
    assert {outcome for outcome, _ in found.values()} == {Outcome.MET}


def test_the_label_in_disguise_is_named(book: Book) -> None:
    disguised = with_feature(book(), "score_of_bureau", pl.col("label") * 3.0 + pl.col("noise") / 10)
    outcome, text = outcomes(leak_guard(disguised, Criteria()))["no_certain_leak"]
    assert outcome is Outcome.NOT_MET
    assert "score_of_bureau" in text


def test_a_feature_counted_to_the_default_is_named(book: Book) -> None:
    days = (pl.col("default_on") - pl.col("as_of")).dt.total_days().cast(pl.Float64)
    known = pl.when(pl.col("label") == 1).then(days).otherwise(210 + pl.col("noise"))
    outcome, text = outcomes(leak_guard(with_feature(book(), "days_left", known), Criteria()))[
        "no_feature_of_the_date"
    ]
    assert outcome is Outcome.NOT_MET
    assert "days_left" in text


def suspect(column: str, *kinds: SignKind) -> Suspect:
    return Suspect("main", column, Verdict.EXCLUDED, tuple(Sign(kind, "迹象", "sign") for kind in kinds))


def test_the_calendar_counts_for_features_in_months_only() -> None:
    months = {"months_since_late"}
    in_months = suspect("months_since_late", SignKind.CALENDAR)
    assert _without_calendar(in_months, months) is in_months
    assert _without_calendar(suspect("statement_age_days", SignKind.CALENDAR, SignKind.NAME), months) is None


@pytest.mark.parametrize(
    ("other", "verdict"), [(SignKind.FADES, Verdict.WARNED), (SignKind.SEPARATES, Verdict.EXCLUDED)]
)
def test_what_else_speaks_against_a_feature_stays(other: SignKind, verdict: Verdict) -> None:
    left = _without_calendar(suspect("statement_age_days", SignKind.CALENDAR, other), set())
    assert left is not None
    assert (left.verdict, [sign.kind for sign in left.signs]) == (verdict, [other])


def test_without_dates_of_default_that_question_stays_open(book: Book) -> None:
    judged = book()
    untold = replace(judged, past=replace(judged.past, frame=judged.past.frame.drop("default_on")))
    section = leak_guard(untold, Criteria())
    assert outcomes(section)["no_feature_of_the_date"][0] is Outcome.UNKNOWN
    assert [table.key for table in section.tables] == ["leak_signs"]
