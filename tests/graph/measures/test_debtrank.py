"""DebtRank equals a party-by-party simulation of both papers; single failures equal one scenario at a time."""

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from graph.errors import MeasureArgumentError
from graph.measures.debtrank import Distress, Spread, debtrank, impacts, single_failures

SIZE = 6
Floats = npt.NDArray[np.float64]

amounts = st.lists(st.sampled_from([0.0, 0.0, 0.0, 1.0, 3.0, 8.0]), min_size=SIZE**2, max_size=SIZE**2)
buffers = st.lists(st.sampled_from([1.0, 2.0, 5.0, 20.0]), min_size=SIZE, max_size=SIZE)
shocks = st.lists(st.sampled_from([0.0, 0.0, 0.25, 1.0]), min_size=SIZE, max_size=SIZE)


def _exposures(values: list[float]) -> Floats:
    dense = np.array(values).reshape(SIZE, SIZE)
    np.fill_diagonal(dense, 0.0)
    return dense


def _once(exposures: Floats, equity: list[float], shock: list[float]) -> list[float]:
    """Simulate Battiston et al. 2012 with the states undistressed, distressed and inactive."""
    level, state = list(shock), ["D" if value > 0 else "U" for value in shock]
    while "D" in state:
        following = list(level)
        for j in range(SIZE):
            for i in range(SIZE):
                if state[i] == "D":
                    following[j] += min(1.0, exposures[j, i] / equity[j]) * level[i]
            following[j] = min(1.0, following[j])
        for i in range(SIZE):
            if state[i] == "D":
                state[i] = "I"
            elif state[i] == "U" and following[i] > 0:
                state[i] = "D"
        level = following
    return level


def _increments(exposures: Floats, equity: list[float], shock: list[float], rounds: int) -> list[float]:
    """Simulate Bardoscia et al. 2015: a party that was in default before passes nothing on any more."""
    before, level = [0.0] * SIZE, list(shock)
    for _ in range(rounds):
        following = list(level)
        for j in range(SIZE):
            for i in range(SIZE):
                if before[i] < 1:
                    following[j] += min(1.0, exposures[j, i] / equity[j]) * (level[i] - before[i])
            following[j] = min(1.0, following[j])
        before, level = level, following
    return level


@given(amounts, buffers, shocks)
def test_distress_passed_on_once_equals_the_simulation(
    values: list[float], equity: list[float], shock: list[float]
) -> None:
    impact = impacts(csr_array(_exposures(values)), np.array(equity))
    found = debtrank(impact, np.array(shock))
    np.testing.assert_allclose(found.level, _once(_exposures(values), equity, shock), atol=1e-12)
    assert found.debtrank == pytest.approx((found.level - shock).sum() / SIZE)
    assert found.converged


@given(amounts, buffers, shocks)
def test_increments_equal_the_simulation_and_are_never_less(
    values: list[float], equity: list[float], shock: list[float]
) -> None:
    impact = impacts(csr_array(_exposures(values)), np.array(equity))
    found = debtrank(impact, np.array(shock), spread=Spread.INCREMENTS, rounds=60)
    np.testing.assert_allclose(found.level, _increments(_exposures(values), equity, shock, 60), atol=1e-9)
    assert (found.level >= debtrank(impact, np.array(shock)).level - 1e-12).all()


@given(amounts, buffers, st.sampled_from([2, 10_000]))
def test_single_failures_equal_one_scenario_each(
    values: list[float], equity: list[float], pairs: int
) -> None:
    impact = impacts(csr_array(_exposures(values)), np.array(equity))
    value = np.arange(1.0, SIZE + 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("graph.measures.debtrank._PAIRS", pairs)
        found = single_failures(impact, parties=np.arange(SIZE), value=value)
    assert found["position"].to_list() == list(range(SIZE))
    for row in found.iter_rows(named=True):
        shock = np.eye(SIZE)[row["position"]]
        alone = debtrank(impact, shock, value=value)
        others = np.arange(SIZE) != row["position"]
        assert row["debtrank"] == pytest.approx(alone.debtrank)
        assert row["affected"] == (alone.first_hit[others] > 0).sum()
        assert row["brought_down"] == (alone.level[others] >= 1.0).sum()
        assert row["rounds"] == alone.first_hit.max()


def _chain(spread: Spread = Spread.ONCE) -> Distress:
    # 1 is exposed to 0 with half of its equity, 2 to 1 with a fifth.
    exposures = csr_array(np.array([[0.0, 0, 0], [5.0, 0, 0], [0, 2.0, 0]]))
    return debtrank(impacts(exposures, np.array([1.0, 10.0, 10.0])), np.array([1.0, 0, 0]), spread=spread)


@pytest.mark.parametrize("spread", list(Spread))
def test_loss_is_relative_to_equity_and_dampens_along_a_chain(spread: Spread) -> None:
    found = _chain(spread)
    assert found.level.tolist() == pytest.approx([1.0, 0.5, 0.1])
    assert found.first_hit.tolist() == [0, 1, 2]
    assert found.debtrank == pytest.approx(0.2)


def test_party_without_equity_loses_all_and_one_of_unknown_equity_is_left_alone() -> None:
    exposures = csr_array(np.array([[0.0, 0, 0], [1e-3, 0, 0], [9.0, 0, 0]]))
    impact = impacts(exposures, np.array([1.0, -4.0, np.nan]))
    assert impact.toarray()[0].tolist() == [0.0, 1.0, 0.0]


def test_small_distress_is_not_passed_on_when_told_so() -> None:
    exposures = csr_array(np.array([[0.0, 0, 0], [5.0, 0, 0], [0, 2.0, 0]]))
    impact = impacts(exposures, np.array([1.0, 10.0, 10.0]))
    assert single_failures(impact)["affected"].to_list() == [2, 1]
    assert single_failures(impact, smallest=0.6)["affected"].to_list() == [1, 1]


def test_rounds_that_do_not_suffice_are_told() -> None:
    # Distress that goes round and dies down slowly: half a percent is lost each time.
    ring = csr_array(np.array([[0.0, 0.995], [0.995, 0.0]]))
    found = debtrank(ring, np.array([0.001, 0.0]), spread=Spread.INCREMENTS, rounds=5)
    assert (found.converged, found.rounds) == (False, 5)


def test_empty_graph_has_no_distress() -> None:
    impact = impacts(csr_array((0, 0)), np.zeros(0))
    assert debtrank(impact, np.zeros(0)).debtrank == 0.0
    assert single_failures(impact).equals(pl.DataFrame(schema=single_failures(impact).schema))


def test_bad_arguments_are_named() -> None:
    with pytest.raises(MeasureArgumentError, match="'exposures' hold a value that is negative or not finite"):
        impacts(csr_array(np.array([[0.0, -1.0], [0.0, 0.0]])), np.ones(2))
    with pytest.raises(MeasureArgumentError, match="'equity' must have one value per party"):
        impacts(csr_array((2, 2)), np.ones(3))
    with pytest.raises(MeasureArgumentError, match="'shock' must lie between 0 and 1"):
        debtrank(csr_array((2, 2)), np.array([0.0, 1.5]))
    for value in (np.array([1.0, np.nan]), np.array([1.0, -1.0]), np.ones(3)):
        with pytest.raises(MeasureArgumentError, match="'value' must be a finite number of 0 or more"):
            debtrank(csr_array((2, 2)), np.zeros(2), value=value)
        with pytest.raises(MeasureArgumentError, match="'value' must be a finite number of 0 or more"):
            single_failures(csr_array((2, 2)), value=value)
