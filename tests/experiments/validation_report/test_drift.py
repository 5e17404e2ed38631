"""Shifts of score and features are found where they were planted, and seasons are not taken for shifts."""

from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest

from experiments.metrics import Interval
from experiments.validation_report.content import Outcome, Section, Table
from experiments.validation_report.criteria import Criteria
from experiments.validation_report.drift import drift
from experiments.validation_report.judged import Judged
from experiments.validation_report.stability import Bins, stability_index
from tests.experiments.validation_report.conftest import BETWEEN, PAST, TEST, Book


def outcomes(section: Section) -> dict[str, Outcome]:
    return {finding.name: finding.outcome for finding in section.findings}


def rows_of(section: Section, key: str) -> list[dict[str, object]]:
    table = next(table for table in section.tables if table.key == key)
    assert isinstance(table, Table)
    return [dict(zip([column.key for column in table.columns], row, strict=True)) for row in table.rows]


def changed(judged: Judged, value: pl.Expr) -> Judged:
    past, between, test = judged.past, judged.between, judged.test
    assert between is not None
    return replace(
        judged,
        past=replace(past, frame=past.frame.with_columns(value)),
        between=replace(between, frame=between.frame.with_columns(value)),
        test=replace(test, frame=test.frame.with_columns(value)),
    )


def test_months_and_figures_of_the_score(book: Book) -> None:
    judged = book()
    section = drift(judged, Criteria(), seed=1)
    found = rows_of(section, "score_psi")
    assert [row["month"] for row in found] == [str(day) for day in (*BETWEEN, *TEST)]
    last = judged.test.on(TEST[-1]).log_odds
    expected = stability_index(judged.past.log_odds, last, Bins.of(judged.past.log_odds))
    assert found[-1]["psi"] == pytest.approx(expected)
    assert outcomes(section)["score_psi"] is Outcome.MET
    assert outcomes(drift(book(shift=3.0), Criteria(), seed=1))["score_psi"] is Outcome.NOT_MET


def test_a_source_that_dries_up_is_named(book: Book) -> None:
    gone = pl.when(pl.col("as_of") < TEST[0]).then("noise").alias("noise")
    section = drift(changed(book(), gone), Criteria(), seed=1)
    worst = rows_of(section, "feature_csi")[0]
    assert (worst["feature"], worst["missing_before"], worst["missing_last"]) == ("noise", 0.0, 1.0)
    finding = next(finding for finding in section.findings if finding.name == "feature_csi")
    assert finding.outcome is Outcome.NOT_MET
    assert "noise" in finding.found.en


def test_a_season_is_no_shift(book: Book) -> None:
    month = pl.col("as_of").dt.month()
    season = drift(changed(book(), (month + pl.col("noise") / 10).alias("noise")), Criteria(), seed=1)
    row = next(row for row in rows_of(season, "feature_csi") if row["feature"] == "noise")
    assert float(str(row["against_whole"])) > 1.0, "one month differs from the year"
    assert float(str(row["largest"])) < 0.25, "but not from the same month a year before"


def test_json_holds_every_feature_and_month(book: Book) -> None:
    judged = book()
    section = drift(judged, Criteria(), seed=1)
    every = rows_of(section, "feature_csi_by_month")
    assert len(every) == len(judged.features) * len(judged.later)
    one = next(row for row in every if row["feature"] == "risk" and row["month"] == str(TEST[0]))
    before = judged.past.frame["risk"].to_numpy()
    expected = stability_index(before, judged.test.on(TEST[0]).frame["risk"].to_numpy(), Bins.of(before))
    assert one["against_whole"] == pytest.approx(expected)
    april = judged.past.frame.filter(pl.col("as_of") == date(2021, 4, 30))["risk"].to_numpy()
    same = stability_index(april, judged.test.on(TEST[0]).frame["risk"].to_numpy(), Bins.of(before))
    assert one["against_same_months"] == pytest.approx(same)


def test_months_between_are_not_judged_by_their_outcomes(book: Book) -> None:
    found = rows_of(drift(book(), Criteria(), seed=1), "auc_by_month")
    assert [row["month"] for row in found] == [str(day) for day in (*PAST, *TEST)]
    assert all(isinstance(row["auc"], Interval) for row in found)


def test_too_few_defaults_give_no_figure(book: Book) -> None:
    section = drift(book(parties=20), Criteria(), seed=1)
    assert all(row["auc"] is None for row in rows_of(section, "auc_by_month"))
    assert outcomes(section)["auc_by_month"] is Outcome.UNKNOWN


def test_a_model_that_stops_ranking_is_found(book: Book) -> None:
    assert outcomes(drift(book(slope=-1.5), Criteria(), seed=1))["auc_by_month"] is Outcome.NOT_MET
    assert np.isfinite(
        float(str(rows_of(drift(book(), Criteria(), seed=1), "score_psi")[0]["psi_by_chance"]))
    )
