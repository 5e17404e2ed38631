"""Backtests of lines: what is cut off is not seen, and scores are what they say."""

from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest

from features.capacity.line_panel import LinePanel
from models.capacity.lines.evaluation import LineScores, backtest_lines, cut_panel, score_lines
from models.capacity.lines.model import LineModel
from models.errors import LinePanelError


def test_cut_panel_ends_on_the_day(panel: LinePanel) -> None:
    cutoff = panel.as_of - timedelta(days=30)
    early = cut_panel(panel, cutoff, horizon_days=14)
    assert early.as_of == cutoff
    assert early.history["ds"].max() == cutoff
    assert early.future["ds"].min() == cutoff + timedelta(days=1)
    assert early.future["ds"].max() == cutoff + timedelta(days=14)
    assert set(early.future.columns) == set(panel.future.columns)
    assert (early.stops["ds"] <= cutoff).all()


def test_cut_panel_knows_no_more_of_plans_than_the_panel_does(panel: LinePanel) -> None:
    """Shift plans of days to come are not known in this panel: past ones were not, either."""
    early = cut_panel(panel, panel.as_of - timedelta(days=30), horizon_days=14)
    assert early.future["planned_hours"].null_count() == early.future.height
    assert early.future["overtime"].null_count() == 0
    short = panel.future.with_columns(
        overtime=pl.when(pl.col("ds") <= panel.as_of + timedelta(days=3)).then("overtime")
    )
    early = cut_panel(replace(panel, future=short), panel.as_of - timedelta(days=30), horizon_days=14)
    assert early.future["overtime"].drop_nulls().len() == 3 * 3


def test_cutoff_before_all_reports_is_refused(panel: LinePanel) -> None:
    with pytest.raises(LinePanelError, match="No line was reported"):
        cut_panel(panel, panel.as_of - timedelta(days=900), horizon_days=14)


def test_backtest_without_cutoffs_is_refused(panel: LinePanel) -> None:
    with pytest.raises(LinePanelError, match="cut-off"):
        backtest_lines(panel, [], horizon_days=14)


def test_scores_by_hand() -> None:
    detail = pl.DataFrame(
        {
            "line_id": ["A", "A"],
            "period": ["day", "day"],
            "made": [10.0, 30.0],
            "planned_output": [40.0, 40.0],
            "corrected": [20.0, 30.0],
            "naive": [20.0, 20.0],
            "forecast": [22.0, 22.0],
            "q10": [11.0, 20.0],
            "q50": [15.0, 25.0],
            "q90": [30.0, 35.0],
        }
    )
    row = LineScores(detail).by("line_id").row(0, named=True)
    assert row["mae"] == pytest.approx(5 / 20)
    assert row["mae_planned"] == pytest.approx(20 / 20)
    assert row["ratio"] == pytest.approx(0.25)
    assert row["ratio_corrected"] == pytest.approx(1.0)
    assert row["bias"] == pytest.approx(0.1)
    assert row["coverage"] == pytest.approx(0.5)


def test_model_is_nearer_than_the_planned_rate(panel: LinePanel) -> None:
    cutoffs = [panel.as_of - timedelta(days=days) for days in (14, 28)]
    told = backtest_lines(panel, cutoffs, horizon_days=14)
    scores = told.by()
    assert scores["period"].to_list() == ["day", "week"]
    assert (scores["ratio"] < 0.92).all()
    assert set(told.detail["cutoff"]) == set(cutoffs)


def test_scoring_what_has_not_come_yet_gives_no_rows(model: LineModel, panel: LinePanel) -> None:
    assert score_lines(model, panel).detail.height == 0
