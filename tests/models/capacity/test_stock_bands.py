"""Stock balances, its probabilities are normal ones where demand is, and alerts name week, side and remedy."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.ontology import Wording
from models.capacity.shortfall.drawing import Draws
from models.capacity.stock_bands import AlertLevel, StockBands, StockOutlook, project_stock
from models.demand.series import FloatArray
from models.errors import StockBandError

NONE = np.nan


def _weeks(count: int) -> list[date]:
    return [date(2025, 3, 3) + timedelta(weeks=one) for one in range(count)]


def _project(
    demand: Draws,
    production: Draws | FloatArray,
    opening: float,
    *,
    floor: float = NONE,
    ceiling: float = NONE,
) -> StockOutlook:
    bands = StockBands(np.array([floor]), np.array([ceiling]))
    weeks = _weeks(demand.shape[2])
    return project_stock(["salt"], weeks, demand, production, opening=np.array([opening]), bands=bands)


def _certain(demand: list[float], count: int = 8) -> Draws:
    return np.broadcast_to(np.array(demand, dtype=np.float32), (count, 1, len(demand)))


def test_certain_stock_is_opening_plus_production_less_demand() -> None:
    found = _project(_certain([10, 20, 30]), np.array([[5.0, 5.0, 5.0]]), 40.0, floor=20.0)
    assert found.weeks["stock"].to_list() == pytest.approx([35, 20, 0])
    assert found.weeks["backlog"].to_list() == pytest.approx([0, 0, 5])
    assert found.weeks["below"].to_list() == [0, 0, 1]  # on the bound is inside
    assert found.weeks["out"].to_list() == [0, 0, 1]
    assert found.weeks["above"].to_list() == [0, 0, 0]


@given(st.integers(0, 1000))
@settings(max_examples=25)
def test_the_balance_closes_and_quantiles_rise(seed: int) -> None:
    rng = np.random.default_rng(seed)
    demand = rng.uniform(0, 50, (40, 1, 6)).astype(np.float32)
    made = rng.uniform(0, 50, (40, 1, 6)).astype(np.float32)
    frame = _project(demand, made, 60.0, floor=30.0, ceiling=90.0).weeks
    net = 60 + (made.astype(np.float64) - demand)[:, 0].cumsum(axis=1).mean(axis=0)
    assert (frame["stock"] - frame["backlog"]).to_numpy() == pytest.approx(net, abs=1e-3)
    assert frame.select("below", "above", "out").to_numpy().min() >= 0
    assert frame.select("below", "above").sum_horizontal().max() <= 1  # type: ignore[operator]
    quantiles = frame.select("q5", "q10", "q25", "q50", "q75", "q90", "q95").to_numpy()
    assert (np.diff(quantiles, axis=1) >= 0).all()


def test_probabilities_are_those_of_a_normal() -> None:
    demand = np.random.default_rng(1).normal(100, 10, (40_000, 1, 2)).astype(np.float32)
    found = _project(demand, np.array([[100.0, 100.0]]), 50.0, floor=40.0, ceiling=70.0).weeks
    # After one week stock is N(50, 10), after two N(50, 14.1).
    assert found["below"].to_list() == pytest.approx([0.1587, 0.2398], abs=0.01)
    assert found["above"].to_list() == pytest.approx([0.0228, 0.0786], abs=0.01)


def test_more_demand_makes_the_floor_nearer_and_the_ceiling_farther() -> None:
    demand = np.random.default_rng(1).uniform(50, 150, (500, 1, 4)).astype(np.float32)
    plan = np.full((1, 4), 100.0)
    base = _project(demand, plan, 80.0, floor=50.0, ceiling=150.0).weeks
    more = _project(np.asarray(demand * 1.2, dtype=np.float32), plan, 80.0, floor=50.0, ceiling=150.0).weeks
    assert (more["below"] >= base["below"]).all()
    assert (more["above"] <= base["above"]).all()
    assert more["below"].sum() > base["below"].sum()


def test_a_reserve_is_the_part_of_the_stock_that_goes_last() -> None:
    demand, made = _certain([30, 30, 30]), np.zeros((1, 3))
    told = Wording(zh="储备", en="reserve")
    bands = StockBands(np.array([20.0]), np.array([50.0]), np.array([25.0]), told)
    found = project_stock(["salt"], _weeks(3), demand, made, opening=np.array([100.0]), bands=bands)
    assert found.weeks["stock"].to_list() == pytest.approx([25, 25, 10])  # of 70, 40 and 10
    assert found.weeks["below"].to_list() == [0, 0, 1]
    assert found.alerts["text_en"].str.contains("reserve of salt may run below").all()
    much = StockBands(np.array([20.0]), np.array([50.0]), np.array([60.0]), told)
    above = project_stock(["salt"], _weeks(3), demand, made, opening=np.array([100.0]), bands=much)
    assert above.weeks["above"].to_list() == [1, 0, 0]


def test_alerts_run_from_the_first_week_to_the_last_and_say_what_to_do() -> None:
    alerts = _project(
        _certain([0, 30, 30, 0, 0]), np.array([[0.0, 0, 0, 90, 0]]), 60.0, floor=40.0, ceiling=80.0
    )
    lower, upper = alerts.alerts.iter_rows(named=True)
    weeks = _weeks(5)
    assert (lower["side"], lower["week"], lower["until"]) == ("lower", weeks[1], weeks[2])
    assert (upper["side"], upper["week"], upper["until"]) == ("upper", weeks[3], weeks[4])
    assert lower["level"] == upper["level"] == "alarm"
    assert lower["bound"] == 40
    assert "salt" in lower["text_zh"]
    assert "低于下限" in lower["text_zh"]
    assert "100%" in lower["text_en"]
    assert "above its ceiling" in upper["text_en"]
    assert "高于上限" in upper["text_zh"]


@pytest.mark.parametrize(("chance", "level"), [(0.1, None), (0.3, "watch"), (0.6, "warning"), (0.9, "alarm")])
def test_the_level_goes_by_the_probability(chance: float, level: str | None) -> None:
    demand = np.where(np.arange(100) < 100 * chance, 50, 0).astype(np.float32).reshape(100, 1, 1)
    alerts = _project(demand, np.zeros((1, 1)), 60.0, floor=20.0).alerts
    assert alerts["level"].to_list() == ([] if level is None else [level])


def test_thresholds_are_the_callers() -> None:
    bands = StockBands(np.array([20.0]), np.array([NONE]))
    demand = np.where(np.arange(100) < 10, 50, 0).astype(np.float32).reshape(100, 1, 1)
    strict = {AlertLevel.WATCH: 0.05, AlertLevel.ALARM: 0.09}
    found = project_stock(
        ["salt"],
        _weeks(1),
        demand,
        np.zeros((1, 1)),
        opening=np.array([60.0]),
        bands=bands,
        thresholds=strict,
    )
    assert found.alerts["level"].to_list() == ["alarm"]


def test_without_bounds_there_is_no_alert() -> None:
    found = _project(_certain([500, 500]), np.zeros((1, 2)), 0.0)
    assert found.alerts.is_empty()
    assert found.weeks["below"].sum() == 0


@pytest.mark.parametrize(
    ("floor", "ceiling", "opening"), [(50.0, 40.0, 10.0), (-1.0, NONE, 10.0), (1.0, 2.0, NONE)]
)
def test_bands_and_stocks_that_cannot_be_are_refused_by_product(
    floor: float, ceiling: float, opening: float
) -> None:
    with pytest.raises(StockBandError, match="salt") as caught:
        _project(_certain([1.0]), np.zeros((1, 1)), opening, floor=floor, ceiling=ceiling)
    assert "salt" in caught.value.zh


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(StockBandError, match="do not fit"):
        _project(_certain([1.0, 2.0]), np.zeros((1, 3)), 1.0)
