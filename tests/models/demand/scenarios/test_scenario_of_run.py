"""Scenarios over a published run: its figures are the base, its model says what a driver does, and all adds up."""

from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest

from features.demand import build_panel
from models.demand.forecaster import fit_forecaster
from models.demand.hierarchies.hierarchy import hierarchy_of_levels
from models.demand.ledger.published_run import ForecastRun, checked_run
from models.demand.ledger.run_of_model import keys_of_nodes, run_of_model
from models.demand.model import DemandModel
from models.demand.router import Tier
from models.demand.scenarios.scenario import DemandLevel, DriverChange, Operation, Scenario
from models.demand.scenarios.scenario_of_run import ScenarioBase, scenario_base
from models.errors import ScenarioError

HORIZON = 4
LAST_PRICE = 10.0
KEYS = [("ORG-07", "p1", "e"), ("ORG-07", "p1", "w"), ("ORG-07", "p2", "e"), ("ORG-08", "p3", "e")]


def sales() -> pl.DataFrame:
    """Return five years of months whose demand falls with the square root of the price; the last price is 10."""
    rng = np.random.default_rng(3)
    months = [date(2021 + i // 12, i % 12 + 1, 1) for i in range(60)]
    parts = []
    for number, (org, product, region) in enumerate(KEYS):
        price = np.exp(rng.normal(np.log(LAST_PRICE), 0.25, 60))
        price[-1] = LAST_PRICE
        y = 100 * (number + 1) * (LAST_PRICE / price) ** 0.5 * rng.normal(1, 0.02, 60)
        parts.append(
            pl.DataFrame(
                {"unique_id": f"{product}/{region}", "ds": months, "y": y, "price": price}
            ).with_columns(org_id=pl.lit(org), product_id=pl.lit(product), region=pl.lit(region))
        )
    return pl.concat(parts)


@pytest.fixture(scope="module")
def learnt() -> tuple[ForecastRun, DemandModel]:
    frame = sales()
    static = frame.select("unique_id", "org_id", "product_id", "region").unique(
        "unique_id", maintain_order=True
    )
    levels = {"company": ["org_id"], "product": ["product_id"]}
    hierarchy = hierarchy_of_levels(static, levels)
    panel = build_panel(frame.select("unique_id", "ds", "y", "price"), freq="1mo", known=("price",))
    model = fit_forecaster(panel, HORIZON, tier=Tier.FAST, seed=7, hierarchy=hierarchy)
    run = run_of_model(
        model,
        run_id="r",
        issued_at=datetime(2026, 1, 3, tzinfo=UTC),
        data_as_of=date(2026, 1, 1),
        model_version="v",
        static=keys_of_nodes(hierarchy, static, levels),
    )
    return checked_run(run), model


@pytest.fixture(scope="module")
def base(learnt: tuple[ForecastRun, DemandModel]) -> ScenarioBase:
    run, model = learnt
    return scenario_base(run, None, model)


def scenario(**parts: object) -> Scenario:
    return Scenario.model_validate(
        {"name": "s", "zh": "-", "en": "-", "valid_from": date(2026, 1, 1), "source": "-", **parts}
    )


def price(operation: Operation, value: float, **span: object) -> Scenario:
    change = DriverChange.model_validate(
        {
            "name": "price",
            "zh": "-",
            "en": "-",
            "driver": "price",
            "operation": operation,
            "value": value,
            **span,
        }
    )
    return scenario(drivers=(change,))


def test_base_is_the_run_sums_first(base: ScenarioBase, learnt: tuple[ForecastRun, DemandModel]) -> None:
    assert base.ids[0] == "total"
    assert set(base.ids[-4:]) == {"p1/e", "p1/w", "p2/e", "p3/e"}
    under = base.under(scenario())
    for row, name in enumerate(base.ids):
        told = learnt[0].forecast.filter(unique_id=name)["forecast"].to_list()
        assert under.base[row].tolist() == under.values[row].tolist() == told


def test_a_driver_set_to_what_it_was_changes_nothing(base: ScenarioBase) -> None:
    (effect,) = base.under(price(Operation.SET, LAST_PRICE)).effects
    assert effect.silent
    assert np.abs(effect.values).max() == 0


def test_a_lower_price_raises_demand_and_everything_adds_up(base: ScenarioBase) -> None:
    under = base.under(price(Operation.MULTIPLY, 0.7))
    assert base.hierarchy is not None
    assert (under.values[0] > under.base[0]).all()
    assert under.values == pytest.approx(under.base + under.effects[0].values)
    bottom = under.effects[0].values[base.hierarchy.upper :]
    assert base.hierarchy.add_up(bottom) == pytest.approx(under.effects[0].values)


def test_a_price_of_one_month_and_one_product_moves_them_most(base: ScenarioBase) -> None:
    """Sums see part of the change in their own price, so reconciliation lets some of it reach their other parts."""
    span = {"first": date(2026, 2, 1), "last": date(2026, 2, 28), "ids": ("product_id=p1",)}
    effect = base.under(price(Operation.MULTIPLY, 0.7, **span)).effects[0].values
    of = dict(zip(base.ids, effect, strict=True))
    there = of["p1/e"][1] + of["p1/w"][1]
    assert there > 10
    assert np.abs(effect[:, [0, 2, 3]]).max() < there / 3
    assert np.abs(np.array([of["p2/e"], of["p3/e"]])).max() < there / 3


def test_what_is_left_out_of_the_base_is_not_known(learnt: tuple[ForecastRun, DemandModel]) -> None:
    run, model = learnt
    mine = scenario_base(run, ["org_id=ORG-07", "p1/e", "p1/w", "p2/e"], model)
    assert mine.ids[0] == "org_id=ORG-07"
    assert mine.under(price(Operation.MULTIPLY, 0.7)).values.shape == (4, HORIZON)
    level = DemandLevel(name="level", zh="-", en="-", percent=10, ids=("p3/e",))
    with pytest.raises(ScenarioError, match="p3/e"):
        mine.under(scenario(level=level))


def test_without_the_model_a_driver_is_not_known(learnt: tuple[ForecastRun, DemandModel]) -> None:
    with pytest.raises(ScenarioError, match="elasticity"):
        scenario_base(learnt[0]).under(price(Operation.MULTIPLY, 0.7))
