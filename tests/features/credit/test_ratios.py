"""Sums of money come out the same to the last bit in whatever order the rows stand."""

from random import Random

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from features.credit.ratios import exact_sum

amounts = st.lists(st.floats(-1e10, 1e10), min_size=1, max_size=60)


@given(amounts, st.randoms(use_true_random=False))
def test_exact_sum_does_not_depend_on_order(values: list[float], random: Random) -> None:
    shuffled = values.copy()
    random.shuffle(shuffled)
    first, second = (pl.DataFrame({"a": v}).select(exact_sum("a")).item() for v in (values, shuffled))
    assert first == second
    assert abs(first - sum(values)) <= 1e-4 * len(values) + 1e-12 * sum(map(abs, values))


def test_a_float_sum_would_depend_on_it() -> None:
    values = [1e9, 0.1, -1e9, 0.2] * 3
    frames = [pl.DataFrame({"a": v}) for v in (values, sorted(values))]
    assert len({frame["a"].sum() for frame in frames}) == 2
    assert {frame.select(exact_sum("a")).item() for frame in frames} == {0.9}
