"""The log-like scale goes there and back, and parts on it become units of y that add up."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from models.demand.trees.explanation import in_units
from models.demand.trees.scale import LogScale


@settings(max_examples=60)
@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=30))
def test_scale_goes_there_and_back(values: list[float]) -> None:
    y = np.array([values])
    scale = LogScale.of(y)
    np.testing.assert_allclose(scale.back(scale.forward(y)), y, rtol=1e-9, atol=1e-9 * scale.unit[0])


def test_scale_is_a_logarithm_for_usual_values_and_zero_at_zero() -> None:
    y = np.array([[100.0, 200.0, 400.0, 0.0]])
    z = LogScale.of(y).forward(y)[0]
    np.testing.assert_allclose(np.diff(z[:3]), np.log(2), rtol=0.02)
    assert z[3] == 0


@settings(max_examples=60)
@given(seed=st.integers(0, 10_000), size=st.floats(1e-9, 3), level=st.floats(-2, 8))
def test_parts_in_units_add_up_and_keep_their_signs(seed: int, size: float, level: float) -> None:
    rng = np.random.default_rng(seed)
    scale = LogScale(np.array([0.5, 7.0]))
    parts = rng.normal(0, size, (2, 3, 4))
    start = np.full((2, 3), level)
    forecast = scale.back(start + parts.sum(axis=2))
    units = in_units(scale, start, parts, forecast)
    np.testing.assert_allclose(units.sum(axis=2), forecast, rtol=1e-9, atol=1e-9)
    assert (np.sign(units[:, :, 1:]) == np.sign(parts)).all()
    np.testing.assert_allclose(units[:, :, 0], scale.back(start), rtol=1e-5, atol=1e-5)


def test_parts_that_cancel_are_still_shown() -> None:
    scale = LogScale(np.array([1.0]))
    start = np.array([[5.0]])
    units = in_units(scale, start, np.array([[[0.3, -0.3]]]), scale.back(start))
    assert units[0, 0, 1] > 20
    np.testing.assert_allclose(units[0, 0, 1], -units[0, 0, 2])
