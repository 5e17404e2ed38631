"""What is said of lines is judged by weeks that were wholly ahead; shortfalls by what demand and lines became."""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from experiments.capacity_actuals import actual_demand, actual_hours
from experiments.capacity_backtest import (
    ALL,
    CutOff,
    actual_weeks,
    cut_off_days,
    cut_offs,
    line_errors,
    measures_of_lines,
)
from experiments.capacity_calibration import calibrate
from experiments.errors import TooShortToBacktestError
from features.capacity.group_lines import group_line_panel
from features.capacity.line_panel import LinePanel
from features.sources import read_tables
from models.capacity.profiles.profile_files import load_profiles
from tests.experiments.capacity_tables import AS_OF, write_tables

_MONDAY = date(2025, 9, 1)


def _quiet(zh: str, en: str) -> None:
    assert zh
    assert en


def _panel(history: pl.DataFrame, as_of: date) -> LinePanel:
    lines = pl.DataFrame({"line_id": ["A"], "planned_rate": [10.0]})
    nothing = pl.DataFrame()
    return LinePanel(as_of, lines, history, nothing, nothing, (), nothing, nothing)


def _history(days: int) -> pl.DataFrame:
    rows = [_MONDAY + timedelta(days=one) for one in range(days)]
    return pl.DataFrame(
        {
            "line_id": ["A"] * days,
            "ds": rows,
            "planned_hours": [8.0] * days,
            "output": [80.0] * days,
            "good_output": [72.0] * days,
        }
    )


@dataclass(frozen=True)
class _Says:
    """A model that says the same of every week."""

    frame: pl.DataFrame

    def weeks(self) -> pl.DataFrame:
        return self.frame


def _weeks(mondays: list[date], days: list[int]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "line_id": ["A"] * len(mondays),
            "week": mondays,
            "days": days,
            "q10": [400.0] * len(mondays),
            "q50": [500.0] * len(mondays),
            "q90": [510.0] * len(mondays),
            "planned_output": [560.0] * len(mondays),
        }
    )


def test_only_whole_weeks_that_were_reported_count_and_a_day_of_rest_made_nothing() -> None:
    history = _history(21).with_columns(
        pl.when(pl.col("ds") == _MONDAY + timedelta(days=8))
        .then(None)
        .otherwise(pl.col("good_output"))
        .alias("good_output"),
        pl.when(pl.col("ds") == _MONDAY + timedelta(days=8))
        .then(None)
        .otherwise(pl.col("output"))
        .alias("output"),
    )
    found = actual_weeks(_panel(history.head(20), _MONDAY))
    assert found.rows() == [("A", _MONDAY, 7 * 72.0)]  # the second lacks a report, the third a day
    rest = pl.when(pl.col("ds") == _MONDAY + timedelta(days=8)).then(0.0).otherwise(pl.col("planned_hours"))
    closed = actual_weeks(_panel(history.with_columns(rest.alias("planned_hours")), _MONDAY))
    assert closed["actual"].to_list() == [7 * 72.0, 6 * 72.0, 7 * 72.0]
    output_alone = actual_weeks(
        _panel(_history(7).with_columns(good_output=pl.lit(None, pl.Float64)), _MONDAY)
    )
    assert output_alone["actual"].to_list() == [7 * 80.0]


def test_cut_offs_lie_a_forecast_apart_so_that_no_week_is_judged_twice() -> None:
    panel = _panel(_history(100), _MONDAY + timedelta(days=110))
    last = _MONDAY + timedelta(days=99)
    assert cut_off_days(panel, 2, 28) == (last - timedelta(days=28), last - timedelta(days=56))
    assert cut_off_days(panel, 0, 28) == ()


def test_errors_are_of_weeks_ahead_of_the_cut_off_and_measures_weigh_lines_alike() -> None:
    cutoff = _MONDAY + timedelta(days=6)
    mondays = [_MONDAY + timedelta(days=7 * one) for one in range(4)]
    says = _Says(_weeks(mondays, [7, 7, 7, 3]))
    cut = CutOff(cutoff, _panel(_history(7), cutoff), says)  # type: ignore[arg-type]  # a stand-in
    actual = actual_weeks(_panel(_history(28), _MONDAY))
    errors = line_errors([cut], actual)
    assert errors["week"].to_list() == mondays[1:3]
    measures = measures_of_lines(errors)
    assert measures["name"].to_list() == ["A", ALL]
    row = measures.row(0, named=True)
    assert row["mae"] == pytest.approx(4.0)  # 500 against 504
    assert row["planned_mae"] == pytest.approx(56.0)
    assert row["ratio"] == pytest.approx(4 / 56)
    assert row["coverage"] == 1.0
    assert measures.row(1, named=True)["mae"] == pytest.approx(4 / 560)
    assert measures_of_lines(line_errors([], actual)).is_empty()


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tables(tmp_path_factory.mktemp("tables"))


@pytest.fixture(scope="module")
def panel(tables: Path) -> LinePanel:
    return group_line_panel(read_tables(tables), as_of=AS_OF, horizon_days=70)


@pytest.fixture(scope="module")
def cut(tables: Path, panel: LinePanel) -> CutOff:
    days = cut_off_days(panel, 1, 70)
    (one,) = cut_offs(
        read_tables(tables), days, horizon_days=70, seed=7, profiles=load_profiles(), say=_quiet
    )
    return one


def test_a_cut_off_knows_nothing_that_became_known_later(cut: CutOff, panel: LinePanel) -> None:
    assert cut.panel.as_of == cut.as_of
    last = cut.panel.history["ds"].max()
    assert isinstance(last, date)
    assert last <= cut.as_of
    errors = line_errors([cut], actual_weeks(panel))
    assert errors.height > 0
    assert (errors["week"] > cut.as_of).all()


def test_probabilities_of_shortfalls_are_held_against_what_came(
    tables: Path, panel: LinePanel, cut: CutOff
) -> None:
    found = calibrate(read_tables(tables), [cut], panel=panel, seed=7, count=200)
    pairs = found.pairs
    products = set(actual_demand(read_tables(tables), AS_OF)["product_id"])
    assert set(pairs["product_id"]) <= products
    assert (pairs["week"] > cut.as_of).all()
    assert pairs["reference"].is_between(0, 1).all()
    assert found.measures["pairs"] == pairs.height >= 20
    assert 0 <= found.measures["calibration_error"] <= 1
    assert found.errors["step"].min() == 1
    again = calibrate(read_tables(tables), [cut], panel=panel, seed=7, count=200)
    assert again.pairs.equals(pairs)


def test_no_history_no_claims(tables: Path, panel: LinePanel) -> None:
    with pytest.raises(TooShortToBacktestError):
        cut_offs(
            read_tables(tables),
            [date(2019, 1, 1)],
            horizon_days=70,
            seed=7,
            profiles=load_profiles(),
            say=_quiet,
        )
    nothing = calibrate(read_tables(tables), [], panel=panel, seed=7)
    assert nothing.pairs.is_empty()
    assert nothing.measures == {}
    assert nothing.reliability is None


def test_good_hours_are_good_output_over_the_planned_rate(panel: LinePanel) -> None:
    hours = actual_hours(panel)
    made = actual_weeks(panel).join(panel.lines, on="line_id")
    np.testing.assert_allclose(hours["hours"], made["actual"] / made["planned_rate"])


def test_good_hours_of_before_a_change_of_the_planned_rate_are_counted_at_the_rate_of_then() -> None:
    rates = pl.Series("planned_rate", [20.0] * 7 + [10.0] * 7)
    found = actual_hours(_panel(_history(14).with_columns(rates), _MONDAY + timedelta(days=14)))
    np.testing.assert_allclose(found["hours"], [7 * 72 / 20, 7 * 72 / 10])
