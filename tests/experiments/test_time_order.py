"""Judging ways of learning on later rows of other parties, and the level of the latest ones."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import expit

from experiments.time_order import better, forward_losses, forward_slices, level_shift, simplest
from models.credit.booster import BoosterSettings, Design

QUICK = BoosterSettings(rounds=40, num_leaves=4, bags=1)


@settings(max_examples=40)
@given(seed=st.integers(0, 10_000), parties=st.integers(2, 2000))
def test_judged_rows_are_later_and_of_other_parties(seed: int, parties: int) -> None:
    rng = np.random.default_rng(seed)
    day, party = rng.integers(0, 300, 1200), rng.integers(0, parties, 1200)
    slices = forward_slices(day, party, rng.integers(0, 2, 1200).astype(float))
    pairs = [pair for found in slices for pair in found]
    judged = np.concatenate([held for _, held in pairs])
    assert len(np.unique(judged)) == len(judged)
    for learnt, held in pairs:
        assert day[learnt].max() < day[held].min()
        assert not set(party[learnt]) & set(party[held])


def test_every_later_row_is_judged_once_where_parties_do_not_return() -> None:
    day = np.arange(1000)
    slices = forward_slices(day, np.arange(1000), (day % 2).astype(float))
    assert [len(pairs) for pairs in slices] == [1, 1, 1]
    assert sorted(np.concatenate([held for pairs in slices for _, held in pairs])) == list(range(549, 1000))


def test_a_side_without_a_class_is_not_judged() -> None:
    day = np.arange(1000)
    assert forward_slices(day, day, np.zeros(1000)) == []
    late = forward_slices(day, day, (day < 800).astype(float))
    assert all(held.min() < 800 for pairs in late for _, held in pairs)


def _drawn(log_odds: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    drawn = np.random.default_rng(seed).random(len(log_odds)) < expit(log_odds)
    return drawn.astype(np.float64)  # type: ignore[no-any-return]


def test_a_level_that_moves_costs_nothing_but_a_relation_that_turns_does() -> None:
    rng = np.random.default_rng(1)
    x, day = rng.normal(size=3000), np.arange(3000)
    slices = forward_slices(day, day, (day % 2).astype(float))
    moved = _drawn(2 * x - 1.0 + 2.0 * (day > 2000), 2)
    turned = _drawn(np.where(day > 2000, -2, 2) * x, 2)
    losses = [
        forward_losses(Design(x[:, None], y, ("x",)), slices, settings=QUICK, seed=1, num_threads=1).mean()
        for y in (moved, turned)
    ]
    assert losses[0] < 0.55
    assert losses[1] > np.log(2)


def test_another_way_is_taken_only_when_it_is_surely_better() -> None:
    rng = np.random.default_rng(0)
    plain = rng.exponential(size=500)
    assert better([plain, plain - 0.1]) == 1
    noise = rng.normal(size=500)
    assert better([plain, plain + noise - noise.mean() - 0.01]) == 0
    assert better([plain, plain + 0.1]) == 0


def test_the_simplest_way_is_taken_unless_another_is_surely_better() -> None:
    rng = np.random.default_rng(0)
    best, noise = rng.exponential(size=500), rng.normal(size=500)
    close = best + noise - noise.mean() + 0.01
    assert simplest([close, best]) == 0
    assert simplest([best + 0.1, close, best]) == 1
    assert simplest([best + 0.1, best + 0.2, best]) == 2


@pytest.mark.parametrize("rise", [0.8, -0.8])
def test_a_level_that_lasts_is_found(rise: float) -> None:
    rng = np.random.default_rng(3)
    day = np.arange(12_000)
    known = rng.normal(-1.0, 1.0, 12_000)
    y = _drawn(known + rise * (day > 6000), 4)
    # What a model that does not see the day says: right on the average over time.
    said = known + rise / 2
    shift = level_shift(said, y, day)
    assert shift == pytest.approx(rise / 2, abs=0.12)
    late = day > 10_000
    assert expit(said + shift)[late].mean() == pytest.approx(y[late].mean(), abs=0.005)


def test_a_level_that_comes_and_goes_is_left_alone() -> None:
    rng = np.random.default_rng(5)
    day = np.arange(12_000)
    known = rng.normal(-1.0, 1.0, 12_000)
    y = _drawn(known + np.where((day // 2000) % 2 == 0, 0.8, -0.8), 6)
    assert level_shift(known, y, day) == 0.0


def test_too_few_defaults_in_a_slice_leave_the_level_alone() -> None:
    day = np.arange(1200)
    y = ((day < 200) | (day > 1100)).astype(float)
    assert level_shift(np.zeros(1200), y, day) == 0.0
