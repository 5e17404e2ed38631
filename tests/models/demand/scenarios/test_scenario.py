"""Scenarios: read as data, applied to drivers before the model and to its forecast after, every effect on its own."""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from features.timeline import Frequency, Timeline
from models.demand.hierarchies.hierarchy import Hierarchy, hierarchy_of_levels
from models.demand.hierarchies.reconciliation import incoherence
from models.demand.hierarchies.upper_series import add_upper
from models.demand.scenarios.scenario import (
    DemandLevel,
    DriverChange,
    FestivalShift,
    Operation,
    Scenario,
    Shock,
    load_scenarios,
)
from models.demand.scenarios.scenario_run import (
    ScenarioForecast,
    apply_scenario,
    change_driver,
    shock_factors,
)
from models.demand.series import FloatArray, Series
from models.errors import ScenarioError

TEXT: Any = {"zh": "文", "en": "text"}  # given as keywords to parts with fields of many types
DAY = Timeline(Frequency.DAY)
MONTH = Timeline(Frequency.MONTH)
JANUARY = 2026 * 12  # the month's number


def _number(day: date) -> int:
    return (day - date(1970, 1, 1)).days


def _series(timeline: Timeline, last: int, horizon: int, *, count: int = 2) -> Series:
    y = np.outer(10.0 ** np.arange(count), np.arange(1.0, 5.0))
    price = np.full((count, 4 + horizon), 2.0)
    return Series(
        ids=tuple(f"s{number}" for number in range(count)),
        y=y,
        observed=np.ones_like(y, dtype=np.bool_),
        last=np.full(count, last),
        timeline=timeline,
        season=1,
        known={"price": price},
        ahead=horizon,
    )


def _scenario(**parts: object) -> Scenario:
    return Scenario.model_validate(
        {"name": "test", **TEXT, "valid_from": date(2026, 1, 1), "source": "a test", **parts}
    )


def _demand(series: Series) -> FloatArray:
    """Forecast the last value, less 3 for each unit of price."""
    return series.y[:, -1:] + 100 - 3 * series.known["price"][:, 4:]


def _adds_up(answer: ScenarioForecast) -> None:
    total = answer.base + sum((one.values for one in answer.effects), np.zeros_like(answer.base))
    np.testing.assert_allclose(answer.values, total, rtol=1e-12, atol=1e-9)


def test_base_changes_nothing() -> None:
    series = _series(DAY, _number(date(2026, 3, 1)), 5)
    base = load_scenarios().named("base", date(2026, 3, 1))
    answer = apply_scenario(_demand, series, base, 5)
    np.testing.assert_array_equal(answer.values, _demand(series))
    assert answer.effects == ()


def test_changed_price_reaches_the_model_and_its_effect_is_told() -> None:
    series = _series(DAY, _number(date(2026, 3, 1)), 5)
    change = DriverChange(
        name="cut", **TEXT, driver="price", operation=Operation.MULTIPLY, value=0.5, ids=("s1",),
        first=date(2026, 3, 3), last=date(2026, 3, 4),
    )  # fmt: skip
    answer = apply_scenario(_demand, series, _scenario(drivers=(change,)), 5)
    assert answer.effects[0].values.tolist() == [[0] * 5, [0, 3, 3, 0, 0]]
    assert not answer.effects[0].assumption
    _adds_up(answer)


def test_month_is_changed_by_its_share_of_days() -> None:
    series = _series(MONTH, JANUARY, 2)
    change = DriverChange(
        name="dear", **TEXT, driver="price", operation=Operation.ADD, value=28.0, first=date(2026, 2, 15),
        last=date(2026, 2, 21),
    )  # fmt: skip
    changed = change_driver(series, change, np.array([True, False]))
    assert changed.known["price"][:, 4:].tolist() == [[2 + 28 * 7 / 28, 2], [2, 2]]
    assert series.known["price"][0, 4] == 2


def test_missing_future_driver_starts_from_the_last_one_known() -> None:
    series = _series(DAY, 0, 3)
    table = series.known["price"].copy()
    table[0, 5:] = np.nan
    table[1] = np.nan
    lacking = Series(**{**series.__dict__, "known": {"price": table}})
    change = DriverChange(name="cut", **TEXT, driver="price", operation=Operation.MULTIPLY, value=0.5)
    changed = change_driver(lacking, change, np.array([True, False]))
    assert changed.known["price"][0, 4:].tolist() == [1, 1, 1]
    with pytest.raises(ScenarioError, match="series s1 have no value of 'price'"):
        change_driver(lacking, change, np.array([True, True]))
    setting = change.model_copy(update={"operation": Operation.SET})
    assert change_driver(lacking, setting, np.array([True, True])).known["price"][1, 4:].tolist() == [0.5] * 3


def test_driver_the_model_does_not_know_needs_a_stated_elasticity() -> None:
    series = _series(DAY, 0, 2)
    change = DriverChange(name="ads", **TEXT, driver="advertising", operation=Operation.MULTIPLY, value=2.0)
    with pytest.raises(ScenarioError, match=r"does not know the driver 'advertising' \(known: price\)"):
        apply_scenario(_demand, series, _scenario(drivers=(change,)), 2)
    stated = change.model_copy(update={"elasticity": 0.5})
    answer = apply_scenario(_demand, series, _scenario(drivers=(stated,)), 2)
    np.testing.assert_allclose(answer.values, answer.base * np.sqrt(2))
    assert answer.effects[0].assumption
    known = DriverChange(
        name="p", **TEXT, driver="price", operation=Operation.MULTIPLY, value=2.0, elasticity=-1.0
    )
    with pytest.raises(ScenarioError, match="has learnt what 'price' does"):
        apply_scenario(_demand, series, _scenario(drivers=(known,)), 2)


def test_model_that_does_not_react_is_said_to_be_silent() -> None:
    series = _series(DAY, 0, 2)
    change = DriverChange(name="cut", **TEXT, driver="price", operation=Operation.SET, value=1.0)
    deaf = apply_scenario(lambda one: one.y[:, -2:], series, _scenario(drivers=(change,)), 2)
    assert deaf.effects[0].silent
    assert not apply_scenario(_demand, series, _scenario(drivers=(change,)), 2).effects[0].silent


def test_shock_is_a_surge_and_then_what_it_took_from_later_days() -> None:
    shock = Shock(
        name="run", **TEXT, first=date(2026, 9, 2), surge=3.0, surge_days=2, hangover=0.5, hangover_days=4
    )
    days = np.arange(_number(date(2026, 9, 1)), _number(date(2026, 9, 9)))
    np.testing.assert_allclose(shock_factors(shock, DAY, days), [1, 3, 3, 0.5, 0.625, 0.75, 0.875, 1])


@settings(max_examples=50)
@given(st.integers(0, 400), st.integers(1, 60), st.integers(0, 120), st.floats(0.5, 20), st.floats(0, 1))
def test_shock_moves_as_much_in_months_and_weeks_as_in_days(
    start: int, surge_days: int, hangover_days: int, surge: float, hangover: float
) -> None:
    origin = _number(date(2026, 1, 1))
    first = date.fromordinal(date(2026, 1, 1).toordinal() + start)
    shock = Shock(
        name="run",
        **TEXT,
        first=first,
        surge=surge,
        surge_days=surge_days,
        hangover=hangover,
        hangover_days=hangover_days,
    )
    days = np.arange(origin, origin + 730)
    by_day = float((shock_factors(shock, DAY, days) - 1).sum())
    months = JANUARY + np.arange(24)
    length = (MONTH.ends(months) - MONTH.starts(months)).astype(np.int64) + 1
    assert float(((shock_factors(shock, MONTH, months) - 1) * length).sum()) == pytest.approx(
        by_day, abs=1e-6
    )
    weeks = Timeline(Frequency.WEEK, 3)
    numbers = (origin + 3 - 3) // 7 + np.arange(-1, 106)
    assert float((shock_factors(shock, weeks, numbers) - 1).sum() * 7) == pytest.approx(by_day, abs=1e-6)


def test_shocks_of_one_series_multiply_and_are_told_apart() -> None:
    series = _series(DAY, _number(date(2026, 9, 1)), 3)
    shocks = tuple(
        Shock(name=name, **TEXT, first=date(2026, 9, 2), surge=surge, surge_days=3, ids=("s0",))
        for name, surge in (("run", 2.0), ("rumour", 1.5))
    )
    answer = apply_scenario(_demand, series, _scenario(shocks=shocks), 3)
    np.testing.assert_allclose(answer.values[0], answer.base[0] * 3)
    np.testing.assert_array_equal(answer.values[1], answer.base[1])
    assert [one.name for one in answer.effects] == ["run", "rumour"]
    _adds_up(answer)


def test_level_by_percent_and_by_quantile() -> None:
    series = _series(DAY, 0, 2)
    base = _demand(series)
    bands = (base[:, :, None] * np.array([0.8, 1.0, 1.3]), (0.1, 0.5, 0.9))
    percent = _scenario(level=DemandLevel(name="less", **TEXT, percent=-20))
    np.testing.assert_allclose(apply_scenario(_demand, series, percent, 2).values, base * 0.8)
    low = load_scenarios().named("low", date(2026, 5, 1))
    np.testing.assert_allclose(apply_scenario(_demand, series, low, 2, bands=bands).values, base * 0.8)
    between = _scenario(level=DemandLevel(name="more", **TEXT, quantile=0.7))
    np.testing.assert_allclose(apply_scenario(_demand, series, between, 2, bands=bands).values, base * 1.15)
    beyond = _scenario(level=DemandLevel(name="more", **TEXT, quantile=0.99))
    with pytest.raises(ScenarioError, match=r"needs the quantile 0\.99; there are: 0\.1 - 0\.9"):
        apply_scenario(_demand, series, beyond, 2, bands=bands)
    with pytest.raises(ScenarioError, match="there are: -"):
        apply_scenario(_demand, series, low, 2)


def test_festival_is_moved_day_by_day() -> None:
    series = _series(DAY, 0, 6)
    effect = np.array([[0, -5.0, -4, 0, 0, 0], [0, 7.0, 0, 0, 0, 0]])
    shift = FestivalShift(name="late", **TEXT, days=2)
    answer = apply_scenario(_demand, series, _scenario(festival=shift), 6, festival=effect)
    np.testing.assert_allclose(answer.effects[0].values, [[0, 5, 4, -5, -4, 0], [0, -7, 0, 7, 0, 0]])
    with pytest.raises(ScenarioError, match="no effect of Spring Festival"):
        apply_scenario(_demand, series, _scenario(festival=shift), 6)


def test_festival_moves_between_months_by_share_of_days() -> None:
    series = _series(MONTH, JANUARY, 2)
    effect = np.array([[-28.0, 0.0], [0.0, 0.0]])
    shift = FestivalShift(name="late", **TEXT, days=7)
    answer = apply_scenario(_demand, series, _scenario(festival=shift), 2, festival=effect)
    np.testing.assert_allclose(answer.effects[0].values[0], [7.0, -7.0])


def _company() -> tuple[Hierarchy, Series]:
    hierarchy = hierarchy_of_levels(
        pl.DataFrame({"unique_id": ["s0", "s1", "s2"], "g": ["x", "x", "y"]}), [["g"]]
    )
    return hierarchy, add_upper(_series(DAY, _number(date(2026, 9, 1)), 4, count=3), hierarchy)


def test_effects_add_up_over_the_hierarchy() -> None:
    hierarchy, series = _company()
    scenario = _scenario(
        level=DemandLevel(name="less", **TEXT, percent=-10, ids=("g=x",)),
        drivers=(
            DriverChange(
                name="ads", **TEXT, driver="ads", operation=Operation.MULTIPLY, value=2, elasticity=1
            ),
        ),
        festival=FestivalShift(name="late", **TEXT, days=1, ids=("s2",)),
        shocks=(Shock(name="run", **TEXT, first=date(2026, 9, 3), surge=3, surge_days=1, ids=("g=x",)),),
    )

    def model(one: Series) -> FloatArray:
        return hierarchy.add_up(np.repeat(one.y[hierarchy.upper :, -1:], 4, axis=1))

    festival = hierarchy.add_up(np.array([[0.0] * 4, [0] * 4, [0, -50, 0, 0]]))
    answer = apply_scenario(model, series, scenario, 4, hierarchy=hierarchy, festival=festival)
    assert incoherence(answer.values, hierarchy) <= 1e-12
    assert [one.kind for one in answer.effects] == ["level", "driver", "festival", "shock"]
    assert all(incoherence(one.values, hierarchy) <= 1e-12 for one in answer.effects)
    _adds_up(answer)
    np.testing.assert_allclose(answer.values[hierarchy.ids.index("s0")], [7.2, 21.6, 7.2, 7.2])
    np.testing.assert_allclose(answer.values[hierarchy.ids.index("s2")], [800, 850, 750, 800])


def test_driver_of_the_sums_moves_with_that_of_their_series() -> None:
    hierarchy, series = _company()
    seen: list[Series] = []

    def model(one: Series) -> FloatArray:
        seen.append(one)
        return np.ones((len(one), 4))

    change = DriverChange(
        name="cut", **TEXT, driver="price", operation=Operation.MULTIPLY, value=0.5, ids=("s1",)
    )
    apply_scenario(model, series, _scenario(drivers=(change,)), 4, hierarchy=hierarchy)
    price = dict(zip(hierarchy.ids, seen[-1].known["price"][:, -1], strict=True))
    assert price["s1"] == 1
    assert price["s0"] == price["s2"] == price["g=y"] == 2
    assert price["g=x"] == pytest.approx((1 * 2 + 10 * 1) / 11)
    assert price["total"] == pytest.approx((1 * 2 + 10 * 1 + 100 * 2) / 111)


def test_low_takes_the_top_of_the_hierarchy_as_measure() -> None:
    hierarchy, series = _company()

    def model(one: Series) -> FloatArray:
        return hierarchy.add_up(np.repeat(one.y[hierarchy.upper :, -1:], 4, axis=1))

    base = model(series)
    width = np.linspace(0.1, 0.9, len(hierarchy))[:, None, None]
    bands = (base[:, :, None] * (1 + width * np.array([-1.0, 0, 1])), (0.1, 0.5, 0.9))
    low = load_scenarios().named("low", date(2026, 5, 1))
    answer = apply_scenario(model, series, low, 4, hierarchy=hierarchy, bands=bands)
    np.testing.assert_allclose(answer.values, base * 0.9)


@pytest.mark.parametrize("ids", [("s9",), ("s0", "g=z")])
def test_ids_that_are_not_there_are_named(ids: tuple[str, ...]) -> None:
    series = _series(DAY, 0, 2)
    scenario = _scenario(level=DemandLevel(name="less", **TEXT, percent=-10, ids=ids))
    with pytest.raises(ScenarioError, match=f"no series or node {ids[-1]}"):
        apply_scenario(_demand, series, scenario, 2)


def test_dates_do_not_fit_a_table_of_numbers_nor_numbers_one_of_dates() -> None:
    numbers = _series(Timeline(Frequency.INTEGER), 10, 3)
    dated = Shock(name="run", **TEXT, first=date(2026, 1, 1), surge=2, surge_days=1)
    with pytest.raises(ScenarioError, match="not on the table's timeline"):
        apply_scenario(_demand, numbers, _scenario(shocks=(dated,)), 3)
    counted = dated.model_copy(update={"first": 12})
    answer = apply_scenario(_demand, numbers, _scenario(shocks=(counted,)), 3)
    np.testing.assert_allclose(answer.values / answer.base, [[1, 2, 1]] * 2)
    with pytest.raises(ScenarioError, match="not on the table's timeline"):
        apply_scenario(_demand, _series(DAY, 10, 3), _scenario(shocks=(counted,)), 3)


@pytest.mark.parametrize(
    "part",
    [
        {"drivers": [{"name": "p", **TEXT, "driver": "price", "operation": "multiply", "value": 0}]},
        {"drivers": [{"name": "p", **TEXT, "driver": "price", "operation": "add", "value": 1, "elasticity": -1}]},
        {"drivers": [{"name": "p", **TEXT, "driver": "price", "operation": "set", "value": 1,
                      "first": date(2026, 2, 1), "last": date(2026, 1, 1)}]},
        {"drivers": [{"name": "p", **TEXT, "driver": "price", "operation": "set", "value": 1, "first": date(2026, 2, 1), "last": 3}]},
        {"shocks": [{"name": "s", **TEXT, "first": date(2026, 2, 1), "surge": 0, "surge_days": 1}]},
        {"level": {"name": "l", **TEXT}},
        {"level": {"name": "l", **TEXT, "percent": -10, "quantile": 0.1}},
        {"level": {"name": "l", **TEXT, "percent": -10}, "festival": {"name": "l", **TEXT, "days": 3}},
        {"weather": {}},
    ],
)  # fmt: skip
def test_scenarios_that_cannot_be_are_refused(part: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        _scenario(**part)


def test_default_scenarios_have_texts_sources_and_marks() -> None:
    scenarios = load_scenarios().scenario
    assert {one.name for one in scenarios} >= {
        "base", "low", "high", "price_cut", "promotion", "spring_festival_later", "salt_panic",
    }  # fmt: skip
    assert all(one.zh and one.en and one.source for one in scenarios)
    assert [one.name for one in scenarios if one.verified] == ["base"]


def test_newest_scenario_in_force_is_taken(tmp_path: Path) -> None:
    entry = '[[scenario]]\nname = "x"\nzh = "甲"\nen = "{}"\nsource = "s"\nvalid_from = {}\n'
    file = tmp_path / "scenarios.toml"
    file.write_text(entry.format("old", "2026-01-01") + entry.format("new", "2026-06-01"), encoding="utf-8")
    scenarios = load_scenarios(file)
    assert scenarios.named("x", date(2026, 5, 31)).en == "old"
    assert scenarios.named("x", date(2026, 6, 1)).en == "new"
    with pytest.raises(ScenarioError, match="no scenario 'x' on 2025-12-31"):
        scenarios.named("x", date(2025, 12, 31))
    file.write_text("[[scenario]]\nname = 3\n", encoding="utf-8")
    with pytest.raises(ScenarioError, match="cannot be used"):
        load_scenarios(file)
