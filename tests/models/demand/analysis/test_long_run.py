"""The long-run variance tells swings from noise, and steps do not bend it much."""

import numpy as np
import pytest

from models.demand.analysis.long_run import long_run_variance
from models.demand.series import FloatArray


def _correlated(memory: float, rows: int = 200, width: int = 400) -> FloatArray:
    steps = np.random.default_rng(2).normal(size=(rows, width + 100))
    noise = np.zeros_like(steps)
    for place in range(1, width + 100):
        noise[:, place] = memory * noise[:, place - 1] + steps[:, place]
    return noise[:, 100:]


@pytest.mark.parametrize("memory", [0.0, 0.3, 0.6, 0.8])
def test_an_autoregression_has_the_long_run_variance_of_the_textbook(memory: float) -> None:
    found, _ = long_run_variance(_correlated(memory))
    assert np.median(found) == pytest.approx(1 / (1 - memory) ** 2, rel=0.2)


def test_lines_and_levels_count_nothing_and_the_unit_counts_squared() -> None:
    noise = _correlated(0.3, rows=20)
    plain, _ = long_run_variance(noise)
    moved, _ = long_run_variance(1_000 + 5 * np.arange(400) + noise)
    np.testing.assert_allclose(moved, plain, rtol=1e-6)
    scaled, _ = long_run_variance(3 * noise)
    np.testing.assert_allclose(scaled, 9 * plain, rtol=1e-6)


def test_a_constant_has_none() -> None:
    assert long_run_variance(np.full((2, 50), 4.0))[0].tolist() == [0.0, 0.0]
