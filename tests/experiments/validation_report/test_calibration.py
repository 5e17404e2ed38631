"""Stated against observed rates: counts by hand, and miscalibration found where it was planted."""

import numpy as np
import polars as pl
import pytest

from experiments.metrics import Interval
from experiments.validation_report.calibration import calibration
from experiments.validation_report.content import Outcome, Section
from experiments.validation_report.criteria import Criteria
from tests.experiments.validation_report.conftest import TEST, Book


def rows_of(section: Section, key: str) -> list[dict[str, object]]:
    table = next(table for table in section.tables if table.key == key)
    return [dict(zip([column.key for column in table.columns], row, strict=True)) for row in table.rows]


def test_bins_grades_and_months_count_every_row_once(book: Book) -> None:
    judged = book()
    section = calibration(judged, Criteria(), seed=1)
    for key in ("reliability", "level_by_month", "grades"):
        found = rows_of(section, key)
        assert sum(int(str(row["rows"])) for row in found) == judged.test.frame.height
        assert sum(int(str(row["defaults"])) for row in found) == int(judged.test.y.sum())


def test_grades_are_those_of_the_scale(book: Book) -> None:
    judged = book()
    graded = pl.DataFrame(
        {"grade": judged.scale.of(judged.test.pd).tolist(), "y": judged.test.y, "pd": judged.test.pd}
    )
    expected = {
        row["grade"]: row
        for row in graded.group_by("grade").agg(pl.len(), pl.col("y").mean(), pl.col("pd").mean()).to_dicts()
    }
    found = rows_of(calibration(judged, Criteria(), seed=1), "grades")
    assert {row["grade"] for row in found} == set(expected)
    for row in found:
        same = expected[str(row["grade"])]
        observed = row["observed"]
        assert isinstance(observed, Interval)
        assert (row["rows"], row["mean_pd"], observed.value) == pytest.approx(
            (same["len"], same["pd"], same["y"])
        )
        assert float(str(row["effective_rows"])) < float(str(row["rows"])), (
            "three months of a party are not three parties"
        )


def test_months_are_told_with_their_own_rate(book: Book) -> None:
    judged = book()
    found = rows_of(calibration(judged, Criteria(), seed=1), "level_by_month")
    assert [row["month"] for row in found] == [str(day) for day in TEST]
    month = judged.test.on(TEST[1])
    assert found[1]["mean_pd"] == pytest.approx(month.pd.mean())
    observed = found[1]["observed"]
    assert isinstance(observed, Interval)
    assert observed.value == pytest.approx(month.y.mean())
    assert observed.low < month.y.mean() < observed.high


def test_the_true_model_holds_and_a_shifted_one_does_not(book: Book) -> None:
    true = calibration(book(), Criteria(), seed=1)
    assert {finding.outcome for finding in true.findings} == {Outcome.MET}
    shifted = {f.name: f.outcome for f in calibration(book(shift=1.5), Criteria(), seed=1).findings}
    assert shifted["grades_hold"] is Outcome.NOT_MET
    assert shifted["level_by_month"] is Outcome.NOT_MET
    assert shifted["grades_rise"] is Outcome.MET, "a shift keeps the order"


def test_grades_that_fall_are_found(book: Book) -> None:
    found = {f.name: f.outcome for f in calibration(book(slope=-1.5), Criteria(), seed=1).findings}
    assert found["grades_rise"] is Outcome.NOT_MET


def test_a_bin_without_defaults_is_drawn(book: Book) -> None:
    judged = book(parties=60, slope=4.0)
    section = calibration(judged, Criteria(), seed=1)
    assert any(row["defaults"] == 0 for row in rows_of(section, "reliability"))
    assert all(plot.svg.lstrip().startswith("<?xml") for plot in section.plots)
    assert np.isfinite([float(str(row["mean_pd"])) for row in rows_of(section, "reliability")]).all()
