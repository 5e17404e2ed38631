"""The learnt model: its parts add up to what it says, and a plan given later replaces the one it was learnt with."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from models.demand.member import Components
from models.demand.model import DemandModel, Learnt
from models.demand.series import FloatArray, Series
from models.errors import ForecastAdditivityError
from models.quantile_columns import quantile_name
from tests.models.demand.demand_tables import fit, good, long_table, shops


@pytest.fixture(scope="module")
def grouped() -> DemandModel:
    return shops()


def test_parts_of_every_step_add_up_to_its_forecast(grouped: DemandModel) -> None:
    parts = grouped.explain().group_by("unique_id", "step").agg(pl.col("value").sum())
    both = grouped.forecast().join(parts, on=["unique_id", "step"], how="full")
    assert both["value"].null_count() == both["forecast"].null_count() == 0
    np.testing.assert_allclose(both["value"], both["forecast"], rtol=1e-9, atol=1e-6)


def test_drivers_have_parts_of_their_own(grouped: DemandModel) -> None:
    names = set(grouped.explain()["component"])
    assert {"level", "season"} <= names
    assert any("promotion" in name or "price" in name for name in names)


def test_a_plan_given_later_counts_in_the_forecast_and_its_parts(grouped: DemandModel) -> None:
    plan = grouped.panel.future.with_columns(price=pl.lit(7.0)).drop("period")
    changed, parts = grouped.forecast(plan), grouped.explain(plan)
    assert not changed.equals(grouped.forecast())
    sums = parts.group_by("unique_id", "step").agg(pl.col("value").sum())
    both = changed.join(sums, on=["unique_id", "step"])
    np.testing.assert_allclose(both["value"], both["forecast"], rtol=1e-9, atol=1e-6)
    given = grouped.panel.future.drop("period")
    assert grouped.forecast(given).equals(grouped.forecast())


class _Liar:
    """A member whose parts are not its forecast."""

    def __init__(self, learnt: Learnt) -> None:
        self._fitted = learnt.fitted
        self.member = learnt.fitted.member

    def forecast(self, series: Series, horizon: int) -> FloatArray:
        return self._fitted.forecast(series, horizon)

    def components(self, series: Series, horizon: int) -> Components:
        own = self._fitted.components(series, horizon)
        return replace(own, values=own.values + 1)

    def files(self) -> dict[str, bytes]:
        return self._fitted.files()


def test_a_member_whose_parts_do_not_add_up_is_an_error_by_name() -> None:
    model = fit(long_table(good()))
    served = next(
        name
        for number, name in enumerate(model.combination.members)
        if model.combination.weights[:, number].any()
    )
    learnt = model.members[served]
    broken = replace(model, members={**model.members, served: Learnt(_Liar(learnt), learnt.rows)})
    with pytest.raises(ForecastAdditivityError, match=served):
        broken.explain()


def test_a_member_gone_astray_gives_its_weight_to_the_others() -> None:
    model = fit(long_table(good()))
    series = model.series()
    weights = np.full_like(model.combination.weights, 1 / len(model.combination.members))
    mixed = replace(model, combination=replace(model.combination, weights=weights))
    served = [name for name in mixed.combination.members if name in mixed.members]
    assert len(served) >= 2

    class Astray(_Liar):
        def forecast(self, series: Series, horizon: int) -> FloatArray:
            return np.full((len(series), horizon), 1e12)

    lost = mixed.members[served[-1]]
    broken = replace(mixed, members={**mixed.members, served[-1]: Learnt(Astray(lost), lost.rows)})
    outlook = broken.outlook(series)
    others = np.nanmean(
        [outlook.members[broken.combination.members.index(name)] for name in served[:-1]], axis=0
    )
    np.testing.assert_allclose(outlook.point, others)


@pytest.mark.parametrize(
    ("level", "name"), [(0.1, "q10"), (0.5, "q50"), (0.025, "q2.5"), (0.995, "q99.5"), (0.29, "q29")]
)
def test_a_level_names_its_column(level: float, name: str) -> None:
    assert quantile_name(level) == name
