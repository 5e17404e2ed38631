"""Plans that were not known yet, restarts and ceilings: what must not move a forecast, and what must."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from features.capacity.group_lines import group_line_panel
from features.capacity.line_panel import LinePanel
from features.contracts import CONTRACTS
from models.capacity.lines.columns import columns_of
from models.capacity.lines.grid import codes_of, grid_of
from models.capacity.lines.learnt import centred
from models.capacity.lines.limits import NO_LIMITS, LineLimits
from models.capacity.lines.model import LEVELS, LineModel, fit_lines
from models.capacity.lines.rows import Rows, rows_of, world_of
from models.capacity.lines.settings import LineSettings

PlantOf = Callable[..., LinePanel]
QUICK = LineSettings(rounds=25, cutoffs=6, refits=2, most_lags=2)
ORIGIN = 100
LOST = 6.0


def rows_seen_from(panel: LinePanel, origin: int, days: int) -> Rows:
    world = world_of(grid_of(panel, codes_of(panel)), panel.as_of, (NO_LIMITS,) * 3)
    line = np.repeat(np.arange(3), days)
    day = np.tile(np.arange(origin + 1, origin + days + 1), 3)
    return rows_of(world, columns_of(world.grid, world.calendar), line, day, np.full(len(day), origin))


def held_again(panel: LinePanel, after: int, first: int, last: int) -> LinePanel:
    """Plan other maintenance: none from day `after` on but an overhaul from `first` to `last`."""
    day = (pl.col("ds") - panel.history["ds"].min()).dt.total_days()
    kind = pl.when(day.is_between(first, last)).then(pl.lit("overhaul"))
    changed = pl.when(day >= after).then(kind).otherwise("maintenance")
    return replace(panel, history=panel.history.with_columns(maintenance=changed))


def test_maintenance_planned_later_than_any_plan_reaches_is_not_seen(panel: LinePanel) -> None:
    reach = panel.future["ds"].n_unique()
    late = held_again(panel, ORIGIN + reach + 1, ORIGIN + reach + 9, ORIGIN + reach + 20)
    first, second = (rows_seen_from(one, ORIGIN, 70) for one in (panel, late))
    for name in ("x", "base", "hours", "median", "trailing", "maintained"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name), err_msg=name)


def test_maintenance_within_the_reach_of_plans_is_seen(panel: LinePanel) -> None:
    near = held_again(panel, ORIGIN + 1, ORIGIN + 5, ORIGIN + 9)
    first, second = (rows_seen_from(one, ORIGIN, 20) for one in (panel, near))
    assert second.maintained.sum() == 3 * 5
    assert not np.array_equal(first.base, second.base)


def table(name: str, rows: list[dict[str, object]]) -> pl.DataFrame:
    contract = CONTRACTS[name]
    return pl.DataFrame(
        [{column: row.get(column) for column in contract.column_names} for row in rows],
        schema=contract.schema,
    )


def group_tables(plans: list[dict[str, object]]) -> dict[str, pl.DataFrame]:
    """Draw the tables of a group with one line that held two overhauls, and more of its plans."""
    rng = np.random.default_rng(4)
    line = {
        "line_id": "A",
        "org_id": "ORG-01",
        "name": "A",
        "family": "salt",
        "unit": "t",
        "planned_rate": 10.0,
    }
    held: list[dict[str, object]] = [plan(f"M{begin}", begin, begin + 4, known=0) for begin in (30, 70)]
    stopped = {*range(30, 35), *range(70, 75)}
    reports: list[dict[str, object]] = []
    for number in range(100):
        hours = 0.0 if number in stopped else 20.0
        made = round(9.0 * hours * float(rng.uniform(0.9, 1.0)), 2)
        reports.append(
            {"line_id": "A", "ds": day(number), "known_at": day(number + 1), "planned_hours": hours}
            | {"run_hours": hours * 0.95, "output": made, "good_output": made}
        )
    return {
        "lines": table("lines", [{**line, "bottleneck": None, "known_at": day(0)}]),
        "line_output": table("line_output", reports),
        "line_stops": table("line_stops", []),
        "maintenance": table("maintenance", held + plans),
    }


def day(number: int) -> date:
    return date(2024, 1, 1) + timedelta(days=number)


def plan(name: str, first: int, last: int, *, known: int) -> dict[str, object]:
    dates = {"start_on": day(first), "end_on": day(last), "known_at": day(known)}
    return {"plan_id": name, "line_id": "A", "kind": "overhaul", **dates}


def days_of_group(plans: list[dict[str, object]]) -> pl.DataFrame:
    panel = group_line_panel(group_tables(plans), as_of=day(100), horizon_days=28)
    return fit_lines(panel, settings=QUICK).days()


def test_maintenance_that_became_known_after_the_date_moves_nothing() -> None:
    """Plans made later for days to come, and plans of past days that were entered later, are not known yet."""
    without = days_of_group([])
    late = [plan("L1", 105, 112, known=101), plan("L2", 85, 88, known=102)]
    assert_frame_equal(days_of_group(late), without, check_exact=True)
    known = days_of_group([plan("L1", 105, 112, known=99)])
    held = pl.col("ds").is_between(day(105), day(112))
    shut, open_days = (np.sum(one.filter(held)["forecast"].to_numpy()) for one in (known, without))
    assert shut < 0.6 * open_days


def restarting(model: LineModel, seen: float) -> LineModel:
    limits = (LineLimits(restart_hours=LOST, stopping=("overhaul",)),) * 3
    return replace(model, limits=limits, learnt=replace(model.learnt, seen_restarts=np.full(3, seen)))


def test_restart_takes_its_hours_from_the_first_day_after_maintenance(model: LineModel) -> None:
    before, after = restarting(model, 9.0).days(), restarting(model, 0.0).days()
    plans = model.panel.future.sort("line_id", "ds")
    names = ["line_id", "ds", "maintenance"]
    whole = pl.concat([model.panel.history.select(names), plans.select(names)]).sort("line_id", "ds")
    held = pl.col("maintenance").is_not_null()
    first = whole.with_columns(first=~held & held.shift(1, fill_value=False).over("line_id"))
    ended = first.filter(pl.col("ds") > model.panel.as_of)["first"].to_numpy()
    assert ended.sum() >= 3
    lost = (before["forecast"] - after["forecast"]).to_numpy()
    np.testing.assert_array_equal(lost[~ended], 0.0)
    rate = 100.0 * (1 + plans["line_id"].str.slice(1).cast(pl.Int64).to_numpy())
    quality = after["quality"].to_numpy()
    np.testing.assert_allclose(
        lost[ended], LOST * rate[ended] * before["quality"].to_numpy()[ended], rtol=1e-9
    )
    assert np.isfinite(quality[ended]).all()


def test_restart_is_told_by_the_explanation(model: LineModel) -> None:
    told = restarting(model, 0.0)
    parts = told.contributions().filter(driver="restart")
    assert parts.height >= 2
    assert (parts["value"] < 0).all()
    lost = float(
        np.sum(told.weeks()["forecast"].to_numpy() - restarting(model, 9.0).weeks()["forecast"].to_numpy())
    )
    assert parts["value"].sum() == pytest.approx(lost)


def test_history_that_shows_restarts_needs_no_profile(model: LineModel) -> None:
    """Two restarts in the history are learnt from: the profile's hours would count them twice."""
    shown = replace(model, limits=(LineLimits(restart_hours=LOST, stopping=("overhaul",)),) * 3)
    assert (model.learnt.seen_restarts >= 2).all()
    stopping = replace(model, limits=(LineLimits(stopping=("overhaul",)),) * 3)
    assert_frame_equal(shown.days(), stopping.days(), check_exact=True)


def test_no_week_is_better_than_the_best_stretch_of_seven_days(model: LineModel) -> None:
    made = model.panel.history.select("line_id", "ds", "good_output", "run_hours").sort("line_id", "ds")
    sums = made.with_columns(pl.col("good_output", "run_hours").rolling_sum(7).over("line_id"))
    pace = (
        sums.filter(pl.col("run_hours") > 40)
        .group_by("line_id")
        .agg(pace=(pl.col("good_output") / pl.col("run_hours")).max())
    )
    weeks = model.weeks().join(pace, on="line_id")
    most = weeks["calendar_hours"] * weeks["pace"] * 1.01
    assert (weeks["q95"] <= most + 1e-6).all()


values = st.floats(-50, 50, allow_subnormal=False)


@given(
    st.lists(values, min_size=7, max_size=7).map(sorted),
    values,
)
@settings(max_examples=200)
def test_band_about_a_median_keeps_its_order_and_its_width(band: list[float], middle: float) -> None:
    """A median off the middle of its band does not fall together with a quantile that was apart from the others."""
    made = centred(np.array([band]), LEVELS, np.array([middle]))[0]
    assert made[3] == middle
    assert (np.diff(made) >= 0).all()
    if (np.diff(band) > 1e-6).all():
        assert (np.diff(made) > 0).all()


def test_quantiles_on_their_side_of_the_median_stay() -> None:
    band = [-4.0, -3.0, -1.0, 0.0, 1.0, 3.0, 4.0]
    np.testing.assert_array_equal(
        centred(np.array([band]), LEVELS, np.array([0.5]))[0], [*band[:3], 0.5, *band[4:]]
    )
    moved = centred(np.array([band]), LEVELS, np.array([2.0]))[0]
    np.testing.assert_allclose(moved, [-4.0, -3.0, -1.0, 2.0, 2.0 + 0.625, 3.0, 4.0])


def test_maintenance_that_stops_a_line_outdoes_its_shift_plan(plant_of: PlantOf) -> None:
    panel = plant_of(plans_known=True)
    working = panel.future.with_columns(planned_hours=pl.lit(20.0))
    held = pl.col("maintenance") == "overhaul"
    assert working.filter(held).height > 0
    planned = fit_lines(replace(panel, future=working), settings=QUICK)
    stopped = replace(planned, limits=(LineLimits(stopping=("overhaul",)),) * 3)
    days = stopped.days().join(working.select("line_id", "ds", "maintenance"), on=["line_id", "ds"])
    assert planned.days().join(working.filter(held), on=["line_id", "ds"], how="semi")["forecast"].min() > 0  # type: ignore[operator]
    assert days.filter(held).select(pl.max_horizontal("forecast", "q95", "planned_hours")).max().item() == 0
    assert days.filter(held.is_null())["forecast"].min() > 0  # type: ignore[operator]
    assert stopped.contributions().filter(factor="maintenance", driver="overhaul")["value"].max() < 0  # type: ignore[operator]
