"""The model of lines: what must hold of its days, weeks, bands and explanation."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from features.capacity.line_panel import LinePanel
from models.capacity.lines.limits import LineLimits
from models.capacity.lines.model import LEVELS, LineModel, fit_lines
from models.capacity.lines.settings import LineSettings
from models.errors import LineAdditivityError, LinePanelError

PlantOf = Callable[..., LinePanel]
QUICK = LineSettings(rounds=25, cutoffs=6, refits=2, most_lags=2)
QUANTILES = ["q5", "q10", "q25", "q50", "q75", "q90", "q95"]


def total(model: LineModel, line: str = "L0") -> float:
    return float(model.weeks().filter(pl.col("line_id") == line)["forecast"].sum())


def with_history(panel: LinePanel, **columns: pl.Expr) -> LinePanel:
    return replace(panel, history=panel.history.with_columns(**columns))


def test_days_are_those_of_the_future(model: LineModel, panel: LinePanel) -> None:
    days = model.days()
    assert_frame_equal(days.select("line_id", "ds"), panel.future.select("line_id", "ds"))
    assert days["step"].to_list()[:3] == [1, 2, 3]
    assert set(days["quality_flag"]) == {"full"}


def test_days_sum_to_weeks(model: LineModel) -> None:
    monday = pl.col("ds").dt.truncate("1w").alias("week")
    names = ["forecast", "planned_output", "planned_hours"]
    summed = model.days().group_by("line_id", monday).agg(pl.col(names).sum()).sort("line_id", "week")
    weeks = model.weeks()
    assert set(weeks["week"].dt.weekday()) == {1}
    for name in names:
        np.testing.assert_allclose(summed[name].to_numpy(), weeks[name].to_numpy(), rtol=1e-9)


@pytest.mark.parametrize("frame", ["days", "weeks"])
def test_quantiles_rise_and_are_never_negative(model: LineModel, frame: str) -> None:
    values = getattr(model, frame)().select(QUANTILES).to_numpy()
    assert (np.diff(values, axis=1) >= 0).all()
    assert (values >= 0).all()


def test_no_quantile_lies_above_the_best_rate_around_the_clock(model: LineModel, panel: LinePanel) -> None:
    pace = (
        panel.history.filter(pl.col("run_hours") > 4)
        .group_by("line_id")
        .agg((pl.col("good_output") / pl.col("run_hours")).max().alias("pace"))
    )
    days = model.days().join(pace, on="line_id")
    assert (days["q95"] <= 24 * days["pace"] * 1.05 + 1e-6).all()


def test_week_is_rolled_up_from_hours(model: LineModel) -> None:
    weeks = model.weeks().filter(pl.col("planned_hours") > 0)
    assert np.allclose(weeks["run_hours"] / weeks["planned_hours"], weeks["availability"])
    assert np.allclose(weeks["effective_hours"] / weeks["run_hours"], weeks["performance"])
    assert np.allclose(weeks["forecast"] / weeks["output"], weeks["quality"])
    product = weeks["availability"] * weeks["performance"] * weeks["quality"]
    assert np.allclose(product, weeks["oee"])
    assert np.allclose(weeks["utilisation"] * weeks["calendar_hours"], weeks["oee"] * weeks["planned_hours"])


def test_contributions_sum_to_the_forecast(model: LineModel) -> None:
    parts = model.contributions().group_by("line_id", "week").agg(pl.col("value").sum())
    joined = model.weeks().join(parts, on=["line_id", "week"])
    assert joined.height == model.weeks().height
    np.testing.assert_allclose(
        joined["value"].to_numpy(), joined["forecast"].to_numpy(), rtol=1e-6, atol=1e-3
    )


def test_planned_rate_part_is_the_planned_rate_around_the_clock(model: LineModel) -> None:
    part = model.contributions().filter(pl.col("factor") == "planned_rate").sort("line_id", "week")
    weeks = model.weeks()
    rate = {f"L{k}": 100.0 * (k + 1) for k in range(3)}
    expected = weeks["calendar_hours"] * weeks["line_id"].replace_strict(rate)
    np.testing.assert_allclose(part["value"].to_numpy(), expected.to_numpy(), rtol=1e-12)


def test_explanation_that_does_not_add_up_is_refused(
    model: LineModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bent(*arguments: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, np.dtype[np.float64]]:
        rows = arguments[2]
        return np.column_stack([np.zeros(rows.shape), np.full(len(rows), 1.5)])

    monkeypatch.setattr("models.capacity.lines.explanation.contributions", bent)
    with pytest.raises(LineAdditivityError, match="Line L"):
        model.contributions()


def test_nothing_after_the_last_report_moves_the_forecast(panel: LinePanel) -> None:
    """What was made after a date is cut off with it; only plans that were known may differ."""
    early = cut(panel, 40)
    rng = np.random.default_rng(1)
    last = early.history["ds"].max()
    noise = pl.Series(rng.uniform(0, 1, panel.history.height))
    tampered = with_history(
        panel,
        output=pl.when(pl.col("ds") > last).then(pl.col("output") * noise).otherwise("output"),
        good_output=pl.when(pl.col("ds") > last)
        .then(pl.col("good_output") * noise * 0.5)
        .otherwise("good_output"),
        run_hours=pl.when(pl.col("ds") > last).then(pl.col("run_hours") * noise).otherwise("run_hours"),
        planned_hours=pl.when(pl.col("ds") > last).then(24.0).otherwise("planned_hours"),
    )
    first, second = (fit_lines(one, settings=QUICK) for one in (early, cut(tampered, 40)))
    assert_frame_equal(first.days(), second.days(), check_exact=True)


def test_backtests_never_look_past_their_cutoff(panel: LinePanel) -> None:
    """Rows made for an origin in the past are the same whatever was reported after it."""
    from models.capacity.lines.columns import columns_of
    from models.capacity.lines.grid import codes_of, grid_of
    from models.capacity.lines.limits import NO_LIMITS
    from models.capacity.lines.rows import rows_of, world_of

    origin = 150
    after = pl.col("ds") > panel.history["ds"].min() + timedelta(days=origin)  # type: ignore[operator]
    tampered = with_history(
        panel,
        **{
            name: pl.when(after).then(pl.col(name) * 0.37 + 1).otherwise(name)
            for name in ("planned_hours", "run_hours", "output", "good_output")
        },
    )
    made = []
    for one in (panel, tampered):
        world = world_of(grid_of(one, codes_of(one)), one.as_of, (NO_LIMITS,) * 3)
        line = np.repeat(np.arange(3), 30)
        day = np.tile(np.arange(origin + 1, origin + 31), 3)
        made.append(rows_of(world, columns_of(world.grid, world.calendar), line, day, np.full(90, origin)))
    np.testing.assert_array_equal(made[0].x, made[1].x)
    np.testing.assert_array_equal(made[0].base, made[1].base)
    np.testing.assert_array_equal(made[0].hours, made[1].hours)
    np.testing.assert_array_equal(made[0].median, made[1].median)


def cut(panel: LinePanel, days: int) -> LinePanel:
    from models.capacity.lines.evaluation import cut_panel

    return cut_panel(panel, panel.as_of - timedelta(days=days), horizon_days=28)


def test_same_panel_and_seed_give_the_same_answer(model: LineModel, panel: LinePanel) -> None:
    assert_frame_equal(model.days(), fit_lines(panel, settings=QUICK).days(), check_exact=True)
    assert_frame_equal(model.weeks(), fit_lines(panel, settings=QUICK).weeks(), check_exact=True)


def test_row_order_does_not_matter(model: LineModel, panel: LinePanel) -> None:
    shuffled = replace(
        panel,
        history=panel.history.sample(fraction=1.0, shuffle=True, seed=5),
        future=panel.future.sample(fraction=1.0, shuffle=True, seed=6),
        stops=panel.stops.reverse(),
    )
    other = fit_lines(shuffled, settings=QUICK)
    assert_frame_equal(model.days(), other.days(), check_exact=True)
    assert_frame_equal(model.contributions(), other.contributions(), check_exact=True)
    assert_frame_equal(model.losses(), other.losses(), check_exact=True)


def test_units_do_not_matter(model: LineModel, plant_of: PlantOf) -> None:
    small = fit_lines(plant_of(scale=0.125), settings=QUICK)  # a power of two, so that no digit is lost
    np.testing.assert_allclose(small.weeks()["forecast"] * 8, model.weeks()["forecast"], rtol=0.01)


def test_maintenance_lowers_the_forecast_of_its_week(model: LineModel) -> None:
    future = model.panel.future
    week = model.weeks().filter((pl.col("line_id") == "L1") & (pl.col("days") == 7))["week"][1]
    inside = (pl.col("line_id") == "L1") & (pl.col("ds").dt.truncate("1w") == week)
    free = model.future_changed(future.with_columns(maintenance=pl.when(~inside).then("maintenance")))
    shut = model.future_changed(
        future.with_columns(maintenance=pl.when(inside).then(pl.lit("overhaul")).otherwise("maintenance"))
    )
    of_week = (pl.col("line_id") == "L1") & (pl.col("week") == week)
    open_week, shut_week = (one.weeks().filter(of_week)["forecast"][0] for one in (free, shut))
    assert shut_week < 0.15 * open_week
    lost = shut.contributions().filter(of_week & (pl.col("factor") == "maintenance"))["value"].sum()
    assert lost < -0.7 * open_week


def test_maintenance_of_an_unseen_kind_is_answered(model: LineModel) -> None:
    future = model.panel.future.with_columns(maintenance=pl.lit("refit"))
    changed = model.future_changed(future)
    assert total(changed) < total(model)
    changed.contributions()


def test_driver_that_helps_raises_the_forecast(model: LineModel) -> None:
    low, high = (
        model.future_changed(model.panel.future.with_columns(overtime=pl.lit(value))) for value in (0.0, 4.0)
    )
    assert total(high) > 1.01 * total(low)
    assert "overtime" in set(model.contributions()["driver"])


def test_driver_of_other_lines_explains_nothing_of_this_one(panel: LinePanel) -> None:
    without = pl.when(pl.col("line_id") != "L0").then(pl.col("overtime"))
    bare = replace(
        panel,
        history=panel.history.with_columns(overtime=without),
        future=panel.future.with_columns(overtime=without),
    )
    parts = fit_lines(bare, settings=QUICK).contributions()
    assert set(parts.filter(driver="overtime")["line_id"]) == {"L1", "L2"}


def test_driver_that_is_not_known_ahead_is_not_used(panel: LinePanel) -> None:
    blind = replace(panel, future=panel.future.with_columns(overtime=pl.lit(None, pl.Float64)))
    model = fit_lines(blind, settings=QUICK)
    assert not [name for name in model.columns.names if "overtime" in name]
    assert "overtime" not in set(model.contributions()["driver"])


def test_known_shift_plan_is_followed(plant_of: PlantOf) -> None:
    panel = plant_of(plans_known=True)
    model = fit_lines(panel, settings=QUICK)
    assert_frame_equal(model.days().select("planned_hours"), panel.future.select("planned_hours"))
    shut = model.future_changed(panel.future.with_columns(planned_hours=pl.lit(0.0)))
    assert shut.days()["forecast"].abs().max() == 0
    assert shut.days()["q95"].abs().max() == 0
    shut.contributions()


def test_forecast_is_near_what_such_a_plant_makes(plant_of: PlantOf) -> None:
    whole = plant_of(days=262, ahead=7)
    early = plant_of(days=220, ahead=42)
    model = fit_lines(early, settings=QUICK)
    made = (
        whole.history.filter(pl.col("ds") > early.as_of).group_by("line_id").agg(pl.col("good_output").sum())
    )
    told = model.days().group_by("line_id").agg(pl.col("forecast").sum()).join(made, on="line_id")
    assert (told["forecast"] / told["good_output"]).is_between(0.93, 1.07).all()


def test_line_that_reports_output_alone_has_one_factor(plant_of: PlantOf) -> None:
    model = fit_lines(plant_of(output_only=True), settings=QUICK)
    days = model.days().drop_nulls("availability")
    assert (days["availability"] == 1).all()
    assert (days["quality"] == 1).all()
    assert np.abs(days["performance"].to_numpy() - 0.88).mean() < 0.1
    factors = set(model.contributions()["factor"])
    assert not factors & {"availability", "quality"}


def test_one_line_is_enough(plant_of: PlantOf) -> None:
    model = fit_lines(plant_of(lines=1), settings=QUICK)
    assert set(model.weeks()["line_id"]) == {"L0"}
    model.contributions()


def test_constant_line_is_forecast_as_it_is(plant_of: PlantOf) -> None:
    panel = plant_of(lines=1)
    same = {"planned_hours": 20.0, "run_hours": 20.0, "output": 1800.0, "good_output": 1800.0}
    constant = with_history(
        panel, **{k: pl.lit(v) for k, v in same.items()}, maintenance=pl.lit(None, pl.String)
    )
    constant = replace(constant, future=panel.future.with_columns(maintenance=pl.lit(None, pl.String)))
    days = fit_lines(constant, settings=QUICK).days()
    np.testing.assert_allclose(days["q50"].to_numpy(), 1800.0, rtol=0.02)
    np.testing.assert_allclose(days["forecast"].to_numpy(), 1800.0, rtol=0.02)


def test_line_that_never_made_anything_is_forecast_to_make_nothing(plant_of: PlantOf) -> None:
    panel = plant_of()
    idle = pl.col("line_id") == "L2"
    zero = {
        name: pl.when(idle).then(0.0).otherwise(name)
        for name in ("planned_hours", "run_hours", "output", "good_output")
    }
    model = fit_lines(with_history(panel, **zero), settings=QUICK)
    weeks = model.weeks().filter(pl.col("line_id") == "L2")
    assert set(weeks["quality_flag"]) == {"planned_rate"} or (weeks["forecast"].abs() < 1e-6).all()
    model.contributions()


def test_thirty_days_of_history_are_flagged_and_answered(plant_of: PlantOf) -> None:
    model = fit_lines(plant_of(days=30, ahead=14), settings=QUICK)
    days = model.days()
    assert set(days["quality_flag"]) == {"short_history"}
    assert days["reason_zh"].null_count() == 0
    model.contributions()


def test_new_line_is_served_its_planned_rate_with_the_reason(plant_of: PlantOf) -> None:
    panel = plant_of()
    young = (pl.col("line_id") != "L1") | (pl.col("ds") > panel.as_of - timedelta(days=3))
    model = fit_lines(replace(panel, history=panel.history.filter(young)), settings=QUICK)
    days = model.days().filter(pl.col("line_id") == "L1")
    assert set(days["quality_flag"]) == {"planned_rate"}
    assert "planned rate" in days["reason_en"][0]
    assert "计划产能" in days["reason_zh"][0]
    np.testing.assert_allclose(days["forecast"], days["planned_output"])
    model.contributions()


def test_line_without_any_history_is_served_its_planned_rate(plant_of: PlantOf) -> None:
    panel = plant_of()
    model = fit_lines(replace(panel, history=panel.history.filter(pl.col("line_id") != "L1")), settings=QUICK)
    days = model.days().filter(pl.col("line_id") == "L1")
    assert days.height == 42
    assert set(days["quality_flag"]) == {"planned_rate"}
    assert (days["forecast"] <= 24 * 200 + 1e-6).all()
    model.contributions()


def test_bottleneck_of_the_profile_caps_the_day(model: LineModel) -> None:
    capped = replace(model, limits=(LineLimits(bottleneck_hours=5.0), *model.limits[1:]))
    days = capped.days().filter(pl.col("line_id") == "L0")
    assert (days["forecast"] <= 5.0 * 100 + 1e-9).all()
    parts = capped.contributions().filter(pl.col("driver") == "bottleneck")
    assert set(parts["line_id"]) == {"L0"}
    assert (parts["value"] < 0).all()


def test_maintenance_that_stops_by_profile_stops(model: LineModel) -> None:
    future = model.panel.future.with_columns(maintenance=pl.lit("refit"))
    stopped = replace(model.future_changed(future), limits=(LineLimits(stopping=("overhaul",)),) * 3)
    overhaul = replace(
        model.future_changed(future.with_columns(maintenance=pl.lit("overhaul"))),
        limits=(LineLimits(stopping=("overhaul",)),) * 3,
    )
    assert total(stopped) > 0
    assert total(overhaul) == 0
    overhaul.contributions()


def test_gap_in_reports_is_bridged(panel: LinePanel) -> None:
    gap = (pl.col("ds") > panel.as_of - timedelta(days=60)) & (
        pl.col("ds") < panel.as_of - timedelta(days=40)
    )
    names = ("planned_hours", "run_hours", "output", "good_output")
    model = fit_lines(with_history(panel, **{k: pl.when(~gap).then(k) for k in names}), settings=QUICK)
    assert model.days()["forecast"].is_finite().all()


def test_panel_without_lines_is_refused(panel: LinePanel) -> None:
    with pytest.raises(LinePanelError, match="has no line"):
        fit_lines(
            replace(
                panel, lines=panel.lines.clear(), history=panel.history.clear(), future=panel.future.clear()
            )
        )


def test_panel_without_days_to_come_is_refused(panel: LinePanel) -> None:
    with pytest.raises(LinePanelError, match="horizon_days"):
        fit_lines(replace(panel, future=panel.future.clear()))


def test_row_of_an_unknown_line_is_refused(panel: LinePanel) -> None:
    with pytest.raises(LinePanelError, match="L2"):
        fit_lines(replace(panel, lines=panel.lines.head(2)))


def test_day_given_twice_is_refused(panel: LinePanel) -> None:
    with pytest.raises(LinePanelError, match="several rows"):
        fit_lines(replace(panel, history=pl.concat([panel.history, panel.history.head(1)])))


@pytest.mark.parametrize("levels", [(0.1, 0.9), (0.9, 0.5, 0.1), (0.0, 0.5, 1.0)])
def test_levels_without_a_median_or_order_are_refused(panel: LinePanel, levels: tuple[float, ...]) -> None:
    with pytest.raises(LinePanelError, match="Levels"):
        fit_lines(panel, levels=levels)


def test_scenario_with_negative_hours_is_refused(model: LineModel) -> None:
    with pytest.raises(LinePanelError, match="planned hours"):
        model.future_changed(model.panel.future.with_columns(planned_hours=pl.lit(-1.0)))


def test_scenario_over_reported_days_is_refused(model: LineModel) -> None:
    with pytest.raises(LinePanelError, match="reported already"):
        model.future_changed(model.panel.history.select(model.panel.future.columns))


def test_scenario_without_a_column_is_refused(model: LineModel) -> None:
    with pytest.raises(LinePanelError, match="overtime"):
        model.future_changed(model.panel.future.drop("overtime"))


def test_marginals_are_whole_weeks_of_all_lines(model: LineModel) -> None:
    told = model.marginals()
    assert told.ids == ("L0", "L1", "L2")
    assert told.levels == LEVELS
    assert told.values.shape == (3, len(told.weeks), len(LEVELS))
    assert all(week > model.panel.as_of and week.weekday() == 0 for week in told.weeks)
    weeks = model.weeks().filter(pl.col("week").is_in(list(told.weeks)))
    np.testing.assert_array_equal(told.values.reshape(-1, 7), weeks.select(QUANTILES).to_numpy())
    assert told.errors.shape[1] == 3
    assert np.isfinite(told.errors).any()


def test_losses_of_the_last_quarter_by_reason(model: LineModel) -> None:
    lost = model.losses()
    assert lost["reason"].to_list() == ["breakdown", "material"]  # the power cut lies 200 days back
    assert lost["units"].to_list() == [300.0, 100.0]
    assert lost["share"].to_list() == [0.75, 0.25]
