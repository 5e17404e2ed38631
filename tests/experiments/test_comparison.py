import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from experiments.comparison import auc, auc_gain

PAIRS = st.lists(st.tuples(st.integers(0, 1), st.integers(-5, 5)), min_size=4, max_size=80).filter(
    lambda rows: len({y for y, _ in rows}) == 2
)


@given(PAIRS)
def test_auc_equals_scikit_learn(rows: list[tuple[int, int]]) -> None:
    y, p = np.array(rows, dtype=float).T
    assert auc(y, p) == pytest.approx(roc_auc_score(y, p))


def test_gain_is_paired_so_a_small_sure_gain_is_seen() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=2000)
    y = (rng.random(2000) < 1 / (1 + np.exp(-truth))).astype(float)
    weak = truth + rng.normal(0, 1, 2000)
    found = auc_gain(y, weak + 0.3 * truth, weak, seed=1)
    assert 0 < found.low < found.value < found.high
    same = auc_gain(y, weak, weak, seed=1)
    assert (same.low, same.value, same.high) == (0.0, 0.0, 0.0)
