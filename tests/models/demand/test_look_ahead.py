"""Nothing after a cutoff changes what is forecast from it: for every member, for the panel, and for the whole."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from features.demand import Panel, build_panel
from features.panels.cut import cut_panel
from models.demand.arrays import codes_of, series_of
from models.demand.backtest import run_backtest
from models.demand.forecaster import fit_forecaster
from models.demand.hierarchies.hierarchy import hierarchy_of_levels
from models.demand.roster import MEMBERS
from models.demand.router import Tier
from models.demand.series import FloatArray, Series
from tests.models.demand.demand_tables import LEVELS, good, long_table, shop_table, week_table

HORIZON = 4
SLOW = {"auto_arima", "auto_ces", "prophet"}


def _series() -> Series:
    """Return the shops as arrays, price known ahead, promotion only afterwards, one month filled."""
    table = shop_table(length=60).filter(
        ~(
            (pl.col("unique_id") == "north_a")
            & (pl.col("ds").dt.year() == 2016)
            & (pl.col("ds").dt.month() == 5)
        )
    )
    panel = build_panel(table, freq="1mo", known=("price",), past=("promotion",), static=("shop",))
    return series_of(panel, HORIZON, codes_of(panel))


def _shuffled(series: Series, back: int) -> Series:
    """Return the series with everything of the last `back` periods that was not known ahead made up anew."""
    rng = np.random.default_rng(99)

    def anew(values: FloatArray) -> FloatArray:
        changed = values.copy()
        changed[:, -back:] = rng.uniform(0, 500, changed[:, -back:].shape)
        return changed

    return replace(
        series, y=anew(series.y), past={name: anew(values) for name, values in series.past.items()}
    )


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in MEMBERS]
)
def test_no_member_sees_beyond_its_cutoff(name: str) -> None:
    series = _series()
    if name in SLOW:
        series = series.take(np.array([0, 2]))
    tried = {name: np.ones(len(series), dtype=np.bool_)}
    plain = run_backtest(series, tried, HORIZON, (HORIZON, 2 * HORIZON), seed=7).forecasts
    assert np.isfinite(plain).any()
    for place, back in enumerate((HORIZON, 2 * HORIZON)):
        changed = run_backtest(
            _shuffled(series, back), tried, HORIZON, (HORIZON, 2 * HORIZON), seed=7
        ).forecasts
        np.testing.assert_array_equal(changed[:, place:], plain[:, place:])


def test_known_drivers_of_the_periods_cut_off_do_count() -> None:
    series = _series()
    tried = {"trees": np.ones(len(series), dtype=np.bool_)}
    dearer = {name: values.copy() for name, values in series.known.items()}
    dearer["price"][:, series.y.shape[1] - HORIZON :] *= 0.5
    plain = run_backtest(series, tried, HORIZON, (HORIZON,), seed=7).forecasts
    changed = run_backtest(replace(series, known=dearer), tried, HORIZON, (HORIZON,), seed=7).forecasts
    assert not np.array_equal(plain, changed)


def _gaps(table: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Leave some rows out, empty some values, send something back."""
    rng = np.random.default_rng(seed)
    dice = pl.Series(rng.random(table.height))
    holed = table.with_columns(y=pl.when(dice < 0.03).then(None).when(dice > 0.995).then(-0.5).otherwise("y"))
    return holed.filter((dice < 0.9) | (dice > 0.95))


def _equal(one: Panel, other: Panel) -> None:
    for name in ("frame", "future", "series", "closed"):
        left, right = getattr(one, name), getattr(other, name)
        by = [column for column in ("unique_id", "period", "position") if column in left.columns]
        assert_frame_equal(left.sort(by), right.sort(by), check_exact=True)


@pytest.mark.parametrize("seed", range(6))
def test_a_panel_cut_short_is_the_panel_of_a_shorter_table(seed: int) -> None:
    table = _gaps(week_table(weeks=12), seed)
    panel = build_panel(table, freq="1d", static=("side",))
    ends = panel.series.select("unique_id", until=pl.col("last") - 9)
    shorter = (
        table.with_columns(period=panel.timeline.period("ds"))
        .join(ends, on="unique_id")
        .filter(pl.col("period") <= pl.col("until"))
        .drop("period", "until")
    )
    _equal(cut_panel(panel, 9), build_panel(shorter, freq="1d", static=("side",)))


@pytest.mark.parametrize("seed", range(3))
def test_what_came_later_does_not_change_a_panel_cut_short(seed: int) -> None:
    table = _gaps(shop_table(length=60), seed)
    rng = np.random.default_rng(seed)
    ends = table.filter(pl.col("y").is_not_null()).group_by("unique_id").agg(until=pl.col("ds").max())
    late = table.join(ends, on="unique_id").with_columns(
        later=(pl.col("ds") > pl.col("until").dt.offset_by("-6mo")) & (pl.col("ds") < pl.col("until"))
    )
    chance = pl.Series(rng.uniform(1, 300, late.height))
    changed = late.with_columns(y=pl.when("later").then(chance).otherwise("y"))
    panels = [
        cut_panel(build_panel(one.drop("until", "later"), freq="1mo", known=("price",), static=("shop",)), 6)
        for one in (late, changed)
    ]
    _equal(*panels)
    forecasts = [fit_forecaster(one, HORIZON, tier=Tier.FAST, levels=LEVELS).forecast() for one in panels]
    assert_frame_equal(*forecasts, check_exact=True)


def test_learning_from_a_cut_panel_is_learning_from_the_shorter_table() -> None:
    table = shop_table(length=72)
    panel = build_panel(table, freq="1mo", known=("price", "promotion"), static=("shop",))
    border = panel.frame["ds"].max()
    shorter = table.with_columns(y=pl.when(pl.col("ds") <= pl.lit(border).dt.offset_by("-6mo")).then("y"))
    cut, short = (
        cut_panel(panel, 6),
        build_panel(shorter, freq="1mo", known=("price", "promotion"), static=("shop",)),
    )
    assert cut.static is not None
    hierarchy = hierarchy_of_levels(cut.static, [["shop"]])
    models = [
        fit_forecaster(one, HORIZON, tier=Tier.FAST, levels=LEVELS, hierarchy=hierarchy)
        for one in (cut, short)
    ]
    assert_frame_equal(models[0].forecast(), models[1].forecast(), check_exact=True)
    assert_frame_equal(models[0].explain(), models[1].explain(), check_exact=True)


def test_series_that_began_later_are_gone_with_all_they_brought() -> None:
    table = pl.concat(
        [
            week_table(weeks=12),
            week_table(weeks=12)
            .filter((pl.col("unique_id") == "fish") & (pl.col("ds") > pl.lit("2023-03-20").str.to_date()))
            .with_columns(unique_id=pl.lit("late")),
        ]
    )
    panel = build_panel(table, freq="1d", static=("side",))
    cut = cut_panel(panel, 6)
    assert "late" in set(panel.series["unique_id"])
    assert cut.static is not None
    for frame in (cut.frame, cut.future, cut.series, cut.closed, cut.static):
        assert "late" not in set(frame["unique_id"])
    assert fit_forecaster(cut, 7, tier=Tier.FAST, levels=LEVELS).forecast()["unique_id"].n_unique() == 3


def test_cutting_nothing_off_changes_nothing() -> None:
    panel = build_panel(long_table(good()), freq="1mo")
    assert cut_panel(panel, 0) is panel
    assert cut_panel(panel, 84).frame.is_empty()
