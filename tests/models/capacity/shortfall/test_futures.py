"""In every future stock balances, no line works longer than its hours, and no product gets more than it needs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.capacity.shortfall.futures import Stock, weeks_of_futures
from models.capacity.shortfall.sharing import make, rates_of
from models.capacity.shortfall.supply import Supply, median_shares


def _world(
    seed: int, products: int = 6, lines: int = 3, weeks: int = 5
) -> tuple[np.random.Generator, Supply]:
    rng = np.random.default_rng(seed)
    rate = rng.uniform(0.5, 3, (products, lines)) * (rng.random((products, lines)) < 0.6)
    names = tuple(f"p{one}" for one in range(products)), tuple(f"l{one}" for one in range(lines))
    return rng, Supply(*names, rate)


@given(st.integers(0, 10_000), st.integers(0, 3))
@settings(max_examples=60)
def test_hours_and_needs_are_kept(seed: int, passes: int) -> None:
    rng, supply = _world(seed)
    need = rng.uniform(0, 100, (6, 40)).astype(np.float32) * (rng.random((6, 1)) < 0.8)
    hours = rng.uniform(0, 120, (3, 40)).astype(np.float32) * (rng.random((3, 1)) < 0.8)
    shares = median_shares(supply, need.mean(axis=1, keepdims=True), hours.mean(axis=1, keepdims=True))[0]
    short, idle = make(need, hours, rates_of(supply), shares, passes=passes)
    assert (short >= 0).all()
    assert (short <= need * (1 + 1e-5)).all()
    assert (idle >= 0).all()
    assert (idle <= hours * (1 + 1e-5)).all()
    # What is made lies between what the hours used make at the slowest and at the fastest of the line's rates.
    slowest = np.where(supply.rate > 0, supply.rate, np.inf).min(axis=0, initial=np.inf)
    used = np.where(np.isfinite(slowest), slowest, 0.0) @ (hours - idle)
    fastest = supply.rate.max(axis=0) @ (hours - idle)
    made = (need - short).sum(axis=0)
    assert (made >= used * (1 - 1e-3) - 1e-2).all()
    assert (made <= fastest * (1 + 1e-3) + 1e-2).all()


@given(st.integers(0, 10_000), st.booleans())
@settings(max_examples=40)
def test_the_stock_balance_closes(seed: int, with_target: bool) -> None:
    rng, supply = _world(seed)
    demand = rng.uniform(0, 60, (30, 6, 5)).astype(np.float32)
    hours = rng.uniform(0, 120, (30, 3, 5)).astype(np.float32)
    opening, owed = rng.uniform(0, 50, 6), rng.uniform(0, 20, 6)
    target = rng.uniform(0, 80, (6, 5)) if with_target else None
    shares = median_shares(supply, demand.mean(axis=0), hours.mean(axis=0))
    stock, backlog = np.repeat(opening[:, None], 30, 1), np.repeat(owed[:, None], 30, 1)
    futures = weeks_of_futures(demand, hours, supply, shares, stock=Stock(opening, owed, target), passes=2)
    for week in futures:
        after = stock - backlog + week.made - week.demand
        assert week.stock - week.short == pytest.approx(after, abs=0.05)
        assert (week.stock >= 0).all()
        stock, backlog = week.stock.astype(np.float64), week.short.astype(np.float64)
        if target is not None:
            assert (week.made >= -1e-3).all()


def test_nothing_is_short_while_a_line_that_could_make_it_is_idle_on_a_single_line() -> None:
    supply = Supply(("a", "b"), ("l",), np.array([[2.0], [1.0]]))
    need = np.array([[100.0], [0.0]], dtype=np.float32)
    short, idle = make(
        need, np.array([[60.0]], dtype=np.float32), rates_of(supply), np.full((2, 1), 0.5), passes=1
    )
    assert short.ravel() == pytest.approx([0.0, 0.0])
    assert idle.ravel() == pytest.approx([10.0])
