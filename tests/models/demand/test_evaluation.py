"""What came is matched to what was forecast by series and period, and measured beside the floor and the members."""

import numpy as np
import polars as pl

from features.demand import build_panel
from features.panels.cut import cut_panel
from models.demand.arrays import codes_of, series_of
from models.demand.evaluation import COMBINATION, MEASURES, actuals_after, measure
from models.demand.forecaster import fit_forecaster
from models.demand.measures import wape
from models.demand.router import Tier
from tests.models.demand.demand_tables import LEVELS, good, long_table


def test_measures_stand_beside_the_floor_and_every_member() -> None:
    panel = build_panel(long_table(good()), freq="1mo")
    past = cut_panel(panel, 6)
    model = fit_forecaster(past, 6, tier=Tier.FAST, levels=LEVELS, keep_all=True)
    actual = actuals_after(series_of(panel, 0, codes_of(panel)), model.series(), 6)
    rows = measure(model, actual)
    assert rows.columns == ["name", "series", *MEASURES]
    assert rows["name"].to_list() == [COMBINATION, *model.combination.members]
    assert set(rows["series"]) == {3}
    assert rows.select(MEASURES).null_count().sum_horizontal().item() == 0
    served = rows.row(0, named=True)
    np.testing.assert_allclose(served["wape"], wape(actual, model.outlook(model.series()).point))
    floor = rows.row(by_predicate=pl.col("name") == "naive", named=True)
    assert floor["owa"] > served["owa"]


def test_actuals_are_those_of_the_right_series_and_months() -> None:
    series = {"short": [float(at) for at in range(20)], "long": [100.0 + at for at in range(40)]}
    panel = build_panel(long_table(series), freq="1mo")
    past = cut_panel(panel, 4)
    actual = actuals_after(series_of(panel, 0, codes_of(panel)), series_of(past, 0, codes_of(past)), 6)
    np.testing.assert_array_equal(actual[0], [136, 137, 138, 139, np.nan, np.nan])
    np.testing.assert_array_equal(actual[1], [16, 17, 18, 19, np.nan, np.nan])


def test_a_gap_that_was_filled_is_no_actual() -> None:
    values: list[float | None] = [float(at % 12 + 5) for at in range(40)]
    values[37] = None
    panel = build_panel(long_table({"gap": values}), freq="1mo")
    past = cut_panel(panel, 4)
    actual = actuals_after(series_of(panel, 0, codes_of(panel)), series_of(past, 0, codes_of(past)), 4)
    np.testing.assert_array_equal(np.isfinite(actual[0]), [True, False, True, True])


def test_a_series_the_past_does_not_know_is_no_error() -> None:
    panel = build_panel(long_table({**good(1), "new": [3.0, 4.0]}), freq="1mo")
    past = cut_panel(panel, 4)
    assert past.series["unique_id"].to_list() == ["good0"]
    actual = actuals_after(series_of(panel, 0, codes_of(panel)), series_of(past, 0, codes_of(past)), 4)
    np.testing.assert_array_equal(actual[0], good(1)["good0"][-4:])


def test_nothing_that_came_gives_no_measure() -> None:
    model = fit_forecaster(
        build_panel(long_table(good(1, length=40)), freq="1mo"), 3, tier=Tier.FAST, levels=LEVELS
    )
    rows = measure(model, np.full((1, 3), np.nan))
    assert rows["wape"].is_nan().all()
