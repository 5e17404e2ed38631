import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from features.ranking import auc, auc_of_levels, levels

ROWS = st.lists(
    st.tuples(st.integers(0, 1), st.integers(-5, 5), st.integers(1, 4)), min_size=4, max_size=80
).filter(lambda rows: len({y for y, _, _ in rows}) == 2)


@given(ROWS)
def test_auc_equals_scikit_learn_with_and_without_weights(rows: list[tuple[int, int, int]]) -> None:
    y, score, weight = np.array(rows, dtype=float).T
    assert auc(y, score) == pytest.approx(roc_auc_score(y, score))
    assert auc(y, score, weight) == pytest.approx(roc_auc_score(y, score, sample_weight=weight))
    assert auc_of_levels(y, levels(score), weight) == auc(y, score, weight)


def test_one_class_has_no_auc() -> None:
    assert np.isnan(auc(np.ones(3), np.arange(3.0)))
    assert np.isnan(auc(np.array([0.0, 1.0]), np.arange(2.0), np.array([1.0, 0.0])))
