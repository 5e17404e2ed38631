"""What the forecaster learns: the same for the same, the floor where nothing beats it, sums that add up."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from features.demand import build_panel
from models.demand.forecaster import fit_forecaster
from models.demand.hierarchies.hierarchy import hierarchy_of_levels
from models.demand.model import DemandModel
from models.demand.profile import Kind
from models.demand.router import Tier
from models.errors import HierarchyError
from tests.models.demand.demand_tables import (
    LEVELS,
    fit,
    good,
    long_table,
    months,
    shop_table,
    shops,
    week_table,
)


@pytest.fixture(scope="module")
def grouped() -> DemandModel:
    return shops()


def _bands_in_order(found: pl.DataFrame) -> bool:
    return bool(((found["q10"] <= found["q50"]) & (found["q50"] <= found["q90"])).all())


def test_the_same_table_and_seed_give_the_same_answer_whatever_the_order_of_rows(
    grouped: DemandModel,
) -> None:
    again = shops(table=shop_table().sample(fraction=1.0, shuffle=True, seed=5))
    assert again.forecast().equals(grouped.forecast())
    assert again.explain().equals(grouped.explain())


def test_every_step_of_every_node_is_answered_in_the_month_it_belongs_to(grouped: DemandModel) -> None:
    found = grouped.forecast()
    assert found.columns == ["unique_id", "ds", "step", "forecast", "q10", "q50", "q90", "members", "floor"]
    nodes = {"total", "shop=north", "shop=south", "north_a", "north_b", "south_a", "south_spares"}
    assert set(found["unique_id"]) == nodes
    for one in nodes:
        rows = found.filter(unique_id=one)
        assert rows["ds"].to_list() == months(78)[72:]
        assert rows["step"].to_list() == list(range(1, 7))


def test_what_is_served_adds_up_over_the_hierarchy(grouped: DemandModel) -> None:
    wide = grouped.forecast().pivot("unique_id", index="step", values="forecast")
    north, south = wide["north_a"] + wide["north_b"], wide["south_a"] + wide["south_spares"]
    largest = float(wide["total"].to_numpy().max())
    for node, parts in (("shop=north", north), ("shop=south", south), ("total", north + south)):
        assert np.abs((wide[node] - parts).to_numpy()).max() <= 1e-6 * largest
    assert grouped.coherence is not None
    assert grouped.coherence.incoherence(grouped.outlook(grouped.series()).point) <= 1e-6


def test_bands_are_in_order_finite_and_not_below_zero(grouped: DemandModel) -> None:
    found = grouped.forecast()
    assert _bands_in_order(found)
    numbers = found.select("forecast", "q10", "q50", "q90")
    assert numbers.select(pl.all().is_finite().all() & (pl.all() >= 0).all()).row(0) == (True,) * 4
    assert (found["q90"] > found["q10"]).any()


def test_counts_that_come_rarely_have_whole_numbers_for_bands(grouped: DemandModel) -> None:
    spares = grouped.forecast().filter(unique_id="south_spares")
    for name in ("q10", "q50", "q90"):
        assert spares[name].to_list() == spares[name].round().to_list()
    assert ("tsb" in spares["members"][0]) or ("smoothed_mean" in spares["members"][0]) or spares["floor"][0]


def test_planned_drivers_change_the_forecast_they_are_given_for(grouped: DemandModel) -> None:
    panel = grouped.panel
    plain = grouped.forecast()
    promoted = grouped.forecast(panel.future.with_columns(promotion=pl.lit(1.0)).drop("period"))
    bottom = plain["unique_id"].is_in(["north_a", "north_b", "south_a"])
    assert promoted.filter(bottom)["forecast"].sum() > plain.filter(bottom)["forecast"].sum()


@pytest.mark.parametrize("levels", [(0.5,), (0.025, 0.975), (0.1, 0.25, 0.5, 0.75, 0.9)])
def test_levels_asked_for_are_the_columns(levels: tuple[float, ...]) -> None:
    panel = build_panel(long_table(good(1, length=40)), freq="1mo")
    model = fit_forecaster(panel, 3, tier=Tier.FAST, levels=levels)
    names = [name for name in model.forecast().columns if name.startswith("q")]
    assert names == [f"q{100 * level:g}" for level in levels]
    assert model.levels == levels


def test_the_weights_of_a_series_are_told_and_sum_to_one(grouped: DemandModel) -> None:
    for text, floor in grouped.forecast().select("members", "floor").unique().iter_rows():
        weights = [float(part.split(" ")[0]) for part in text.split(" + ")]
        assert sum(weights) == pytest.approx(1, abs=0.01 * len(weights))
        assert floor == (text == "1.00 naive")


def test_where_the_last_season_cannot_be_beaten_it_is_served_and_the_reason_told() -> None:
    rng = np.random.default_rng(2)
    pattern = np.array([2.0, 9.0, 4.0, 30.0, 1.0, 7.0, 16.0, 3.0, 22.0, 5.0, 11.0, 8.0])
    exact = {f"exact{number}": np.tile(rng.permutation(pattern), 8).tolist() for number in range(4)}
    model = fit(long_table(exact))
    assert model.forecast()["floor"].all()
    assert all(
        reason and "nothing beat" in reason.en and "胜过" in reason.zh for reason in model.floor_reasons()
    )


def test_where_something_beats_the_floor_no_reason_is_given() -> None:
    model = fit(long_table(good()))
    assert not model.combination.floor.any()
    assert model.floor_reasons() == (None, None, None)


def test_what_is_served_never_lost_to_the_floor_in_the_backtests(grouped: DemandModel) -> None:
    combination = grouped.combination
    floor = combination.loss[:, combination.members.index("naive")]
    assert (combination.combined <= floor).all()


def test_a_series_that_is_none_of_theirs_takes_and_refuses_nothing_of_others() -> None:
    table = long_table(good())
    bad = long_table({"missing": [None] * 84})
    other = long_table({"other": np.random.default_rng(8).uniform(5, 9, 84).tolist()})
    before, after = (
        build_panel(pl.concat([table, bad]), freq="1mo"),
        build_panel(pl.concat([table, bad, other]), freq="1mo"),
    )
    assert after.refused.equals(before.refused)
    assert set(after.series["unique_id"]) == {*before.series["unique_id"], "other"}
    ours = after.frame.filter(pl.col("unique_id") != "other")
    assert ours.equals(before.frame)


def test_days_of_rest_are_forecast_as_zero_and_their_sums_add_up() -> None:
    panel = build_panel(week_table(), freq="1d", static=("side",))
    assert panel.static is not None
    hierarchy = hierarchy_of_levels(panel.static, [["side"]])
    model = fit_forecaster(panel, 14, tier=Tier.FAST, levels=LEVELS, hierarchy=hierarchy)
    found = model.forecast().with_columns(sunday=pl.col("ds").dt.weekday() == 7)
    stalls = found.filter(pl.col("unique_id").is_in(["fruit", "fish"]) & pl.col("sunday"))
    assert stalls.select(pl.max_horizontal("forecast", "q10", "q50", "q90").max()).item() == pytest.approx(0)
    assert found.filter(pl.col("sunday") & (pl.col("unique_id") == "kiosk"))["forecast"].min() > 20  # type: ignore[operator]  # a number
    wide = found.pivot("unique_id", index="step", values="forecast")
    total = wide["fruit"] + wide["fish"] + wide["kiosk"]
    np.testing.assert_allclose(wide["total"], total, atol=1e-6 * float(total.to_numpy().max()))
    parts = model.explain().group_by("unique_id", "step").agg(pl.col("value").sum())
    both = found.join(parts, on=["unique_id", "step"])
    np.testing.assert_allclose(both["value"], both["forecast"], atol=1e-6)


def test_a_hierarchy_goes_on_without_the_series_that_was_refused() -> None:
    table = shop_table()
    broken = table.with_columns(y=pl.when(pl.col("unique_id") == "north_b").then(None).otherwise("y"))
    panel = build_panel(table, freq="1mo", static=("shop",))
    assert panel.static is not None
    hierarchy = hierarchy_of_levels(panel.static, [["shop"]])
    poorer = build_panel(broken, freq="1mo", static=("shop",))
    model = fit_forecaster(poorer, 3, tier=Tier.FAST, levels=LEVELS, hierarchy=hierarchy)
    wide = model.forecast().pivot("unique_id", index="step", values="forecast")
    assert "north_b" not in wide.columns
    np.testing.assert_allclose(wide["shop=north"], wide["north_a"], rtol=1e-9)


def test_a_hierarchy_of_other_series_is_refused() -> None:
    panel = build_panel(long_table(good()), freq="1mo")
    strange = pl.DataFrame({"unique_id": ["elsewhere", "good0"], "side": ["a", "b"]})
    with pytest.raises(HierarchyError, match="elsewhere"):
        fit_forecaster(panel, 3, tier=Tier.FAST, hierarchy=hierarchy_of_levels(strange, [["side"]]))


def test_a_member_on_request_takes_part() -> None:
    panel = build_panel(long_table(good(1, length=48)), freq="1mo")
    model = fit_forecaster(panel, 3, tier=Tier.FAST, levels=LEVELS, extra=("croston_sba",), keep_all=True)
    assert "croston_sba" in model.combination.members
    assert "croston_sba" in model.members


def test_croston_on_request_tries_rare_demand() -> None:
    rare = np.where(np.arange(48) % 4 == 0, 3.0 + np.arange(48) % 5, 0.0)
    panel = build_panel(long_table({"rare": rare.tolist()}), freq="1mo")
    model = fit_forecaster(panel, 3, tier=Tier.FAST, levels=LEVELS, extra=("croston_sba",), keep_all=True)
    assert model.kinds == (Kind.INTERMITTENT,)
    assert np.isfinite(model.combination.loss[0, model.combination.members.index("croston_sba")])


def test_month_ends_stay_month_ends() -> None:
    table = long_table(good(1, length=38)).with_columns(pl.col("ds").dt.month_end())
    found = fit(table, 3).forecast()
    assert found["ds"].to_list() == [date(2018, 3, 31), date(2018, 4, 30), date(2018, 5, 31)]
