"""The public demand sets as the benchmark reads them: nothing of the future in the past, published figures found again."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from bench.forecast_parts.datasets import DATASETS, NEW_YEARS, problems
from bench.forecast_parts.shape import aligned, histories
from models.demand import measures

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("shared_data")]


@pytest.fixture(scope="module")
def folder(shared_data: Path) -> Path:
    found = shared_data / "forecast"
    if not found.is_dir():
        pytest.skip(f"the demand sets are not on this machine ({found})")
    return found


@pytest.mark.parametrize("dataset", list(DATASETS))
def test_history_ends_before_the_horizon_begins_and_drivers_reach_into_it(folder: Path, dataset: str) -> None:
    for problem in problems(folder, dataset):
        ends = problem.train.group_by("unique_id").agg(end=pl.col("ds").max())
        begins = problem.actuals.group_by("unique_id").agg(
            begin=pl.col("ds").min(), judged=pl.len(), last=pl.col("ds").max()
        )
        both = ends.join(begins, on="unique_id", how="full")
        assert both.null_count().sum_horizontal().item() == 0
        assert both.filter(pl.col("begin") <= pl.col("end")).is_empty()
        assert both["judged"].max() == problem.horizon
        assert "y" not in problem.future.columns
        keys = problem.actuals.select("unique_id", "ds").sort("unique_id", "ds")
        assert problem.future.select("unique_id", "ds").sort("unique_id", "ds").equals(keys)
        whole = problem.panel_frame()
        assert whole["y"].null_count() == problem.future.height
        for name in problem.known:
            assert whole[name].null_count() == 0
        for name in problem.static:
            assert problem.train.group_by("unique_id").agg(pl.col(name).n_unique())[name].max() == 1


@pytest.mark.parametrize("dataset", ["tourism_large", "tourism_small"])
def test_every_node_is_the_sum_of_its_members_and_every_level_of_the_total(
    folder: Path, dataset: str
) -> None:
    (problem,) = problems(folder, dataset)
    assert problem.members is not None
    rows = problem.train.select("ds", "y", bottom="unique_id")
    sums = problem.members.join(rows, on="bottom").group_by("unique_id", "ds").agg(total=pl.col("y").sum())
    both = problem.train.join(sums, on=["unique_id", "ds"])
    assert both.height == problem.train.height
    assert np.allclose(both["y"], both["total"], rtol=1e-6)
    levels = problem.train.join(problem.level, on="unique_id").group_by("level").agg(pl.col("y").sum())
    assert levels.height == {"tourism_large": 8, "tourism_small": 4}[dataset]
    assert np.allclose(levels["y"], levels["y"][0], rtol=1e-6)


def test_forecastpro_is_as_good_as_published(folder: Path) -> None:
    (problem,) = problems(folder, "m3_monthly")
    steps = problem.actuals.sort("unique_id", "ds").with_columns(
        step=pl.int_range(1, pl.len() + 1).over("unique_id")
    )
    entered = pl.read_parquet(folder / "m3_published_forecasts.parquet")
    found = steps.join(entered.filter(pl.col("method") == "ForecastPro"), on=["unique_id", "step"])
    ids, actual, forecast, _ = aligned(problem.actuals, found.select("unique_id", "ds", "forecast"))
    # Makridakis and Hibon (2000): its symmetric MAPE over the 18 steps of the monthly series is 13.9.
    assert measures.smape(actual, forecast).mean() == pytest.approx(13.9, abs=0.05)
    assert measures.owa(actual, forecast, histories(problem.train, ids), 12) == pytest.approx(
        0.8227, abs=1e-4
    )


def test_two_new_years_lie_in_the_horizons_of_the_power_set(folder: Path) -> None:
    found = problems(folder, "taiwan_power")
    assert len(found) == 6
    for problem in found:
        new_year = next(day for day in NEW_YEARS if day.isoformat() > problem.origin)
        lowest = problem.actuals.sort("y")["ds"][0]
        assert 0 <= (lowest - new_year).days <= 1


def test_closed_days_of_rossmann_have_no_row(folder: Path) -> None:
    for problem in problems(folder, "rossmann"):
        assert problem.future["Open"].unique().to_list() == [1]
        assert 1 < problem.future.height / problem.future["unique_id"].n_unique() < problem.horizon
