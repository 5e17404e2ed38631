"""Bands of a hierarchy: shifted ones keep their width, sampled ones add up and move as the errors did."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from models.demand.coherent_bands import (
    coherent_samples,
    consistent_miss,
    reconcile_quantiles,
    shift_quantiles,
)
from models.demand.hierarchy import Hierarchy, hierarchy_of_levels
from models.demand.reconciliation import incoherence, reconcile, structural_variance
from models.demand.series import FloatArray
from models.errors import ReconciliationError

LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9)


def _world(
    correlation: float, seed: int, *, count: int = 4, cutoffs: int = 40
) -> tuple[Hierarchy, FloatArray, FloatArray]:
    """Return a hierarchy of like series, coherent forecasts of 100 a series, and errors of variance 1 a series."""
    static = pl.DataFrame(
        {"unique_id": [f"s{one}" for one in range(count)], "g": [f"g{one % 2}" for one in range(count)]}
    )
    hierarchy = hierarchy_of_levels(static, [["g"]])
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(cutoffs, 1, 3)) * np.sqrt(correlation)
    own = rng.normal(size=(cutoffs, count, 3)) * np.sqrt(1 - correlation)
    errors = np.stack([hierarchy.add_up(one) for one in shared + own])
    return hierarchy, hierarchy.add_up(np.full((count, 3), 100.0)), errors


def _bands(hierarchy: Hierarchy, forecasts: FloatArray, errors: FloatArray) -> FloatArray:
    """Return normal quantiles with each node's own standard deviation."""
    spread = errors.std(axis=(0, 2))
    return np.asarray(forecasts[:, :, None] + spread[:, None, None] * norm.ppf(LEVELS)[None, None, :])


@pytest.mark.parametrize("correlation", [0.0, 0.8])
def test_samples_add_up_and_correlate_as_the_errors_did(correlation: float) -> None:
    hierarchy, forecasts, errors = _world(correlation, 1)
    samples = coherent_samples(
        _bands(hierarchy, forecasts, errors), LEVELS, errors, hierarchy, structural_variance(hierarchy),
        reconciled=forecasts, draws=400, seed=1,
    )  # fmt: skip
    assert samples.shape == (7, 3, 400)
    assert incoherence(samples, hierarchy) <= 1e-9
    bottom = samples[hierarchy.upper :, 0]
    pairs = np.asarray(np.corrcoef(bottom))[np.triu_indices(4, 1)]
    assert pairs.mean() == pytest.approx(correlation, abs=0.15)
    # Of independent series the total varies as sqrt(4), of series that move together nearly as 4.
    expected = np.sqrt(4 + 12 * correlation)
    assert samples[0].std(axis=1).mean() == pytest.approx(expected, rel=0.2)


def test_sampled_bands_cover_what_they_say() -> None:
    hierarchy, forecasts, errors = _world(0.5, 2, cutoffs=60)
    bands = reconcile_quantiles(
        _bands(hierarchy, forecasts, errors), LEVELS, errors, hierarchy, structural_variance(hierarchy),
        reconciled=forecasts, seed=1,
    )  # fmt: skip
    fresh = _world(0.5, 3, cutoffs=300)[2] + forecasts[None]
    inside = (fresh >= bands[None, :, :, 0]) & (fresh <= bands[None, :, :, -1])
    assert inside.mean() == pytest.approx(0.8, abs=0.05)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 1000), st.floats(0.0, 3.0), st.booleans())
def test_bands_rise_with_the_level_and_stay_above_zero(seed: int, size: float, sparse: bool) -> None:
    hierarchy, forecasts, errors = _world(0.3, seed, cutoffs=5)
    forecasts, errors = forecasts * size / 100, errors.copy()
    if sparse:
        errors[:, -1] = np.nan
    bands = np.nan_to_num(_bands(hierarchy, forecasts, np.nan_to_num(errors)))
    quantiles = reconcile_quantiles(
        bands, LEVELS, errors, hierarchy, structural_variance(hierarchy),
        reconciled=forecasts, non_negative=True, draws=50, seed=seed,
    )  # fmt: skip
    assert (np.diff(quantiles, axis=2) >= 0).all()
    assert (quantiles >= 0).all()


def test_same_seed_gives_the_same_bands() -> None:
    hierarchy, forecasts, errors = _world(0.3, 1)
    bands = _bands(hierarchy, forecasts, errors)

    def drawn(seed: int) -> FloatArray:
        return reconcile_quantiles(
            bands, LEVELS, errors, hierarchy, structural_variance(hierarchy), reconciled=forecasts, seed=seed
        )

    np.testing.assert_array_equal(drawn(1), drawn(1))
    assert (drawn(1) != drawn(2)).any()


def test_centre_of_the_bands_counts_only_where_the_misses_agree() -> None:
    hierarchy, forecasts, errors = _world(0.3, 4)
    assert consistent_miss(errors + 2.0, hierarchy).min() > 0.9
    alternating = errors + 5.0 * np.where(np.arange(len(errors)) % 2, 1, -1)[:, None, None]
    assert consistent_miss(alternating, hierarchy).max() < 0.5
    assert (consistent_miss(errors[:1] + 2.0, hierarchy) == 0).all()
    moved = _bands(hierarchy, forecasts, errors) + 2.0 * structural_variance(hierarchy)[:, None, None]

    def middle(misses: FloatArray) -> float:
        bands = reconcile_quantiles(
            moved, LEVELS, misses, hierarchy, structural_variance(hierarchy), reconciled=forecasts, seed=1
        )
        return float((bands[hierarchy.upper :, :, 2] - 100).mean())

    assert middle(np.stack([hierarchy.add_up(one[hierarchy.upper :] + 2.0) for one in errors])) > 1.5
    assert middle(alternating) < 1.0


def test_shifted_bands_keep_their_width() -> None:
    hierarchy, forecasts, errors = _world(0.3, 1)
    loud = forecasts + np.random.default_rng(0).normal(size=forecasts.shape)
    bands = _bands(hierarchy, loud, errors)
    reconciled = reconcile(loud, hierarchy, structural_variance(hierarchy))
    shifted = shift_quantiles(bands, loud, reconciled)
    np.testing.assert_allclose(np.diff(shifted, axis=2), np.diff(bands, axis=2))
    np.testing.assert_allclose(shifted[:, :, 2], reconciled)


def test_shifted_bands_stay_above_zero_where_the_series_does() -> None:
    bands = np.array([[[-1.0, 1.0, 3.0]], [[-1.0, 1.0, 3.0]]])
    point = np.ones((2, 1))
    shifted = shift_quantiles(bands, point, point, non_negative=np.array([True, False]))
    assert shifted[:, 0, 0].tolist() == [0.0, -1.0]


@pytest.mark.parametrize("levels", [(0.5,), (0.5, 0.1), (0.0, 0.5), (0.5, 1.0)])
def test_levels_that_are_none_are_refused(levels: tuple[float, ...]) -> None:
    hierarchy, forecasts, errors = _world(0.3, 1)
    bands = np.zeros((*forecasts.shape, len(levels)))
    with pytest.raises(ReconciliationError, match="Quantile levels"):
        reconcile_quantiles(
            bands, levels, errors, hierarchy, structural_variance(hierarchy), reconciled=forecasts, seed=1
        )


def test_errors_of_other_nodes_are_refused() -> None:
    hierarchy, forecasts, errors = _world(0.3, 1)
    bands = _bands(hierarchy, forecasts, errors)
    with pytest.raises(ReconciliationError, match="do not fit 7 nodes"):
        reconcile_quantiles(
            bands,
            LEVELS,
            errors[:, 1:],
            hierarchy,
            structural_variance(hierarchy),
            reconciled=forecasts,
            seed=1,
        )
