"""What a model learns to make its forecasts add up: any order of series, the same answer after save and load."""

import io

import numpy as np
import polars as pl
import pytest

from models.demand.hierarchies.coherence import Coherence, learn_coherence
from models.demand.hierarchies.coherence_files import coherence_frames, read_coherence
from models.demand.hierarchies.hierarchy import hierarchy_of_levels
from models.demand.series import FloatArray, IntArray
from models.errors import HierarchyError

HIERARCHY = hierarchy_of_levels(
    pl.DataFrame({"unique_id": ["d", "c", "b", "a"], "g": ["x", "x", "y", "y"]}), [["g"]]
)
FREE, FLOORED = np.zeros(7, dtype=np.bool_), np.ones(7, dtype=np.bool_)


def _world(cutoffs: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return forecasts and actuals of backtests, and forecasts of the future, in the hierarchy's order."""
    rng = np.random.default_rng(5)
    actuals = np.stack(
        [HIERARCHY.add_up(rng.gamma(4, 5, (4, 3))) for _ in range(cutoffs)] or [np.zeros((7, 3))]
    )[:cutoffs]
    forecasts = actuals + rng.normal(0, 4, actuals.shape)
    return forecasts, actuals, HIERARCHY.add_up(np.full((4, 3), 20.0)) + rng.normal(0, 4, (7, 3))


def _learnt(forecasts: FloatArray, actuals: FloatArray, order: IntArray | None = None) -> Coherence:
    rows = np.arange(7) if order is None else order
    ids = tuple(HIERARCHY.ids[row] for row in rows)
    return learn_coherence(forecasts[:, rows], actuals[:, rows], HIERARCHY, ids=ids, non_negative=FREE)[0]


@pytest.mark.parametrize("cutoffs", [0, 1, 6])
def test_forecasts_add_up_whatever_was_tested(cutoffs: int) -> None:
    forecasts, actuals, future = _world(cutoffs)
    learnt = _learnt(forecasts, actuals)
    assert learnt.incoherence(future) > 1e-3
    point = learnt.point(future, FREE)
    assert np.isfinite(point).all()
    assert learnt.incoherence(point) <= 1e-9


def test_what_is_below_zero_is_clipped_and_summed_again() -> None:
    forecasts, actuals, future = _world(4)
    future[3:] = -5.0
    learnt = _learnt(forecasts, actuals)
    point = learnt.point(future, FLOORED)
    assert (point >= 0).all()
    assert learnt.incoherence(point) <= 1e-9


def test_order_of_the_series_does_not_matter() -> None:
    forecasts, actuals, future = _world(6)
    order = np.random.default_rng(1).permutation(7)
    straight = _learnt(forecasts, actuals).point(future, FREE)
    mixed = _learnt(forecasts, actuals, order).point(future[order], FREE)
    np.testing.assert_allclose(mixed, straight[order])


def test_reconciled_backtests_add_up_too() -> None:
    forecasts, actuals, _ = _world(3)
    learnt, made = learn_coherence(forecasts, actuals, HIERARCHY, ids=HIERARCHY.ids, non_negative=FREE)
    assert max(learnt.incoherence(one) for one in made) <= 1e-9
    np.testing.assert_allclose(made[0], learnt.point(forecasts[0], FREE))


def test_loaded_gives_the_same_answer_bit_for_bit() -> None:
    forecasts, actuals, future = _world(6)
    forecasts[0, 2] = np.nan
    learnt = _learnt(forecasts, actuals)
    files = {f"{name}.parquet": _parquet(frame) for name, frame in coherence_frames(learnt).items()}
    again = read_coherence(files.__getitem__)
    np.testing.assert_array_equal(again.point(future, FLOORED), learnt.point(future, FLOORED))
    assert again.hierarchy.ids == HIERARCHY.ids


def test_a_node_that_could_not_be_forecast_gets_the_coherent_value() -> None:
    forecasts, actuals, future = _world(6)
    future[[1, 4]] = np.nan
    learnt = _learnt(forecasts, actuals)
    point = learnt.point(future, FLOORED)
    assert np.isfinite(point).all()
    assert learnt.incoherence(point) <= 1e-9


@pytest.mark.parametrize(("ids", "named"), [(HIERARCHY.ids[:-1], "a"), ((*HIERARCHY.ids, "new"), "new")])
def test_series_that_are_not_the_nodes_are_named(ids: tuple[str, ...], named: str) -> None:
    with pytest.raises(HierarchyError, match=named):
        learn_coherence(
            np.zeros((1, len(ids), 3)), np.zeros((1, len(ids), 3)), HIERARCHY, ids=ids, non_negative=FREE
        )


def _parquet(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()
