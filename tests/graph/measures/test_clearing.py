"""The clearing vector equals linear programming and keeps the rules of paying; failures equal one clearing each."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.sparse import csr_array

from graph.errors import MeasureArgumentError
from graph.measures.clearing import clear, single_failures_cleared

SIZE = 6
Floats = npt.NDArray[np.float64]

amounts = st.lists(st.sampled_from([0.0, 0.0, 1.0, 2.0, 7.0]), min_size=SIZE**2, max_size=SIZE**2)
outside = st.lists(st.sampled_from([0.0, 0.0, 0.5, 3.0, 10.0]), min_size=SIZE, max_size=SIZE)


def _debts(values: list[float]) -> Floats:
    dense = np.array(values).reshape(SIZE, SIZE)
    np.fill_diagonal(dense, 0.0)
    return dense


def _shares(debts: Floats) -> Floats:
    owed = debts.sum(axis=1, keepdims=True)
    shares: Floats = np.divide(debts, owed, out=np.zeros_like(debts), where=owed > 0)
    return shares


def _greatest(debts: Floats, assets: Floats) -> Floats:
    """Maximise the sum of payments that nobody owes less than or has less than (Eisenberg and Noe, lemma 4)."""
    inflow = np.eye(SIZE) - _shares(debts).T
    bounds = [(0.0, owed) for owed in debts.sum(axis=1)]
    found: Floats = linprog(-np.ones(SIZE), A_ub=inflow, b_ub=assets, bounds=bounds).x
    return found


@given(amounts, outside)
def test_payments_equal_linear_programming(values: list[float], assets: list[float]) -> None:
    debts, has = _debts(values), np.array(assets)
    found = clear(csr_array(debts), has)
    np.testing.assert_allclose(found.paid, _greatest(debts, has), atol=1e-7)


@given(amounts, outside)
def test_nobody_pays_more_than_it_has_and_creditors_come_first(
    values: list[float], assets: list[float]
) -> None:
    debts, has = _debts(values), np.array(assets)
    found = clear(csr_array(debts), has)
    received = _shares(debts).T @ found.paid
    assert (found.paid <= has + received + 1e-9).all()
    assert (found.paid >= 0).all()
    short = found.round > 0
    np.testing.assert_allclose(found.paid[short], (has + received)[short], atol=1e-8)
    np.testing.assert_allclose(found.paid[~short], found.owed[~short])
    np.testing.assert_allclose(found.equity[short], 0.0, atol=1e-8)
    np.testing.assert_allclose(found.loss, debts.sum(axis=0) - received, atol=1e-8)
    # What comes from outside ends up as somebody's equity: payments between parties only move it.
    assert found.equity.sum() == pytest.approx(has.sum(), abs=1e-7)


@settings(max_examples=60)
@given(amounts, outside)
def test_single_failures_equal_one_clearing_each(values: list[float], assets: list[float]) -> None:
    debts, has = _debts(values), np.array(assets)
    base = clear(csr_array(debts), has)
    found = single_failures_cleared(csr_array(debts), has, parties=np.arange(SIZE))
    for row in found.iter_rows(named=True):
        party = row["position"]
        others = np.arange(SIZE) != party
        alone = clear(csr_array(debts), np.where(others, has, 0.0))
        assert row["own_shortfall"] == pytest.approx(base.paid[party] - alone.paid[party], abs=1e-7)
        assert row["others_loss"] == pytest.approx((alone.loss - base.loss)[others].sum(), abs=1e-7)
        assert row["defaults"] == ((alone.round > 0) & (base.round == 0))[others].sum()


@pytest.mark.parametrize("gives_up", [False, True])
def test_large_networks_clear_alike_by_iteration_and_by_factors(
    monkeypatch: pytest.MonkeyPatch, gives_up: bool
) -> None:
    rng = np.random.default_rng(5)
    debts = rng.lognormal(size=(300, 300)) * (rng.random((300, 300)) < 0.02)
    np.fill_diagonal(debts, 0.0)
    assets = rng.lognormal(size=300)
    direct = clear(csr_array(debts), assets)
    assert len(direct.defaulted) > 50
    monkeypatch.setattr("graph.measures.clearing._DIRECT", 10)
    if gives_up:
        monkeypatch.setattr("graph.measures.clearing.bicgstab", lambda *_, **__: (None, 1))
    iterated = clear(csr_array(debts), assets)
    np.testing.assert_allclose(iterated.paid, direct.paid, rtol=1e-10)
    assert iterated.round.tolist() == direct.round.tolist()


def test_default_comes_in_rounds() -> None:
    # 0 owes 1 ten and has four; 1 owes 2 eight and has one; 2 owes 3 five and has one.
    debts = csr_array(np.array([[0, 10.0, 0, 0], [0, 0, 8.0, 0], [0, 0, 0, 5.0], [0, 0, 0, 0]]))
    found = clear(debts, np.array([4.0, 1.0, 1.0, 0.0]))
    assert found.round.tolist() == [1, 2, 0, 0]
    assert found.paid.tolist() == pytest.approx([4.0, 5.0, 5.0, 0.0])
    assert found.shortfall.tolist() == pytest.approx([6.0, 3.0, 0.0, 0.0])
    assert found.loss.tolist() == pytest.approx([0.0, 6.0, 3.0, 0.0])
    assert found.defaulted.tolist() == [0, 1]


def test_rounds_of_a_failure_count_from_it_whoever_else_is_in_default() -> None:
    # 0 owes 1, 1 owes 2, 2 owes 3, and each can pay as long as it is paid; 4 cannot pay 5 whatever happens.
    debts = np.zeros((6, 6))
    debts[0, 1], debts[1, 2], debts[2, 3] = 10.0, 8.0, 6.0
    has = np.array([10.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    chain = single_failures_cleared(csr_array(debts), has, parties=np.array([0]))
    debts[4, 5] = 1.0
    beside = single_failures_cleared(csr_array(debts), has, parties=np.array([0]))
    assert chain.row(0) == beside.row(0) == (0, 10.0, 24.0, 2, 2)


def test_parties_that_owe_each_other_without_assets_clear_in_full() -> None:
    # Paying nothing would clear too; the greatest vector is the one of the paper.
    found = clear(csr_array(np.array([[0.0, 5.0], [5.0, 0.0]])), np.zeros(2))
    assert (found.paid.tolist(), found.round.tolist()) == ([5.0, 5.0], [0, 0])


def test_network_without_debts_pays_nothing() -> None:
    assert clear(csr_array((0, 0)), np.zeros(0)).paid.tolist() == []
    nothing = clear(csr_array((2, 2)), np.array([1.0, 0.0]))
    assert (nothing.paid.tolist(), nothing.equity.tolist()) == ([0.0, 0.0], [1.0, 0.0])
    assert single_failures_cleared(csr_array((2, 2)), np.zeros(2)).height == 0


def test_bad_input_is_named() -> None:
    with pytest.raises(MeasureArgumentError, match=r"'obligations' hold a value that is negative.*\(-1.0\)"):
        clear(csr_array(np.array([[0.0, -1.0], [0.0, 0.0]])), np.zeros(2))
    with pytest.raises(MeasureArgumentError, match="'assets' hold a value that is negative or not finite"):
        clear(csr_array((2, 2)), np.array([np.nan, 0.0]))
    with pytest.raises(MeasureArgumentError, match="'assets' must have one value per party"):
        clear(csr_array((2, 2)), np.zeros(3))
    with pytest.raises(MeasureArgumentError, match="let party 1 owe itself"):
        clear(csr_array(np.array([[0.0, 0.0], [0.0, 2.0]])), np.zeros(2))
