"""What a model learns to make forecasts add up: any order of series, the same answer after save and load."""

import numpy as np
import polars as pl
import pytest

from models.demand.hierarchy import hierarchy_of_levels
from models.demand.reconciler import Reconciler, learn_reconciler
from models.demand.reconciliation import incoherence
from models.demand.series import FloatArray, IntArray
from models.errors import ReconciliationError

LEVELS = (0.1, 0.5, 0.9)
HIERARCHY = hierarchy_of_levels(
    pl.DataFrame({"unique_id": ["d", "c", "b", "a"], "g": ["x", "x", "y", "y"]}), [["g"]]
)


def _world(cutoffs: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return forecasts and actuals of backtests, and forecasts of the future, in the hierarchy's order."""
    rng = np.random.default_rng(5)
    actuals = np.stack(
        [HIERARCHY.add_up(rng.gamma(4, 5, (4, 3))) for _ in range(cutoffs)] or [np.zeros((7, 3))]
    )[:cutoffs]
    forecasts = actuals + rng.normal(0, 4, actuals.shape)
    return forecasts, actuals, HIERARCHY.add_up(np.full((4, 3), 20.0)) + rng.normal(0, 4, (7, 3))


def _learnt(forecasts: FloatArray, actuals: FloatArray, order: IntArray | None = None) -> Reconciler:
    rows = np.arange(7) if order is None else order
    return learn_reconciler(
        forecasts[:, rows], actuals[:, rows], np.full(7, 4.0), HIERARCHY,
        ids=[HIERARCHY.ids[row] for row in rows], kinds=["smooth"] * 7, non_negative=np.ones(7, dtype=np.bool_),
        levels=LEVELS,
    )  # fmt: skip


@pytest.mark.parametrize("cutoffs", [0, 1, 6])
def test_forecasts_add_up_whatever_was_tested(cutoffs: int) -> None:
    forecasts, actuals, future = _world(cutoffs)
    answer = _learnt(forecasts, actuals).reconcile(HIERARCHY.ids, future, seed=1)
    assert answer.incoherence <= 1e-6
    assert incoherence(answer.point, HIERARCHY) == pytest.approx(answer.incoherence)
    assert np.isfinite(answer.quantiles).all()
    assert (np.diff(answer.quantiles, axis=2) >= 0).all()
    assert (answer.quantiles >= 0).all()


def test_order_of_the_series_does_not_matter() -> None:
    forecasts, actuals, future = _world(6)
    order = np.random.default_rng(1).permutation(7)
    straight = _learnt(forecasts, actuals).reconcile(HIERARCHY.ids, future, seed=1)
    mixed = _learnt(forecasts, actuals, order).reconcile(
        [HIERARCHY.ids[row] for row in order], future[order], seed=1
    )
    np.testing.assert_allclose(mixed.point, straight.point[order])
    np.testing.assert_allclose(mixed.quantiles, straight.quantiles[order])


def test_loaded_gives_the_same_answer_bit_for_bit() -> None:
    forecasts, actuals, future = _world(6)
    forecasts[0, 2] = np.nan
    learnt = _learnt(forecasts, actuals)
    again = Reconciler.load(learnt.files())
    assert again.hierarchy.same == HIERARCHY.same
    for one, other in zip(_parts(learnt, future), _parts(again, future), strict=True):
        np.testing.assert_array_equal(one, other)


def _parts(learnt: Reconciler, future: FloatArray) -> tuple[FloatArray, FloatArray]:
    answer = learnt.reconcile(HIERARCHY.ids, future, seed=3)
    return answer.point, answer.quantiles


def test_node_that_could_not_be_forecast_gets_the_coherent_value() -> None:
    forecasts, actuals, future = _world(6)
    future[[1, 4]] = np.nan
    answer = _learnt(forecasts, actuals).reconcile(HIERARCHY.ids, future, seed=1)
    assert np.isfinite(answer.point).all()
    assert np.isfinite(answer.quantiles).all()
    assert incoherence(answer.point, HIERARCHY) <= 1e-6


@pytest.mark.parametrize(("ids", "named"), [(HIERARCHY.ids[:-1], "a"), ((*HIERARCHY.ids, "new"), "new")])
def test_series_that_are_not_the_nodes_are_named(ids: tuple[str, ...], named: str) -> None:
    forecasts, actuals, _ = _world(2)
    with pytest.raises(ReconciliationError, match=f"^{named} are not in both"):
        _learnt(forecasts, actuals).reconcile(ids, np.zeros((len(ids), 3)), seed=1)
