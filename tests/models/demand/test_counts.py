"""Quantiles of counts: SciPy's negative binomial, dispersions drawn to their class."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import nbinom

from models.demand.counts import are_counts, count_quantiles, learn_dispersion

LEVELS = (0.05, 0.1, 0.5, 0.9, 0.95, 0.995)


@given(
    mean=st.floats(1e-6, 1e5),
    dispersion=st.floats(0.02, 20),
)
def test_quantiles_are_scipys_and_rise(mean: float, dispersion: float) -> None:
    got = count_quantiles(np.array([[mean]]), np.array([dispersion]), LEVELS)[0, 0]
    size, chance = 1 / dispersion, 1 / (1 + mean * dispersion)
    expected = nbinom.ppf(LEVELS, size, chance)
    np.testing.assert_allclose(got, expected, atol=1 if expected.max() < 400 else 1e-6 * expected.max())
    assert (np.diff(got) >= 0).all()
    assert (got == np.round(got)).all()
    # Where sums and SciPy part by one, the level lies on the step itself.
    for level, ours, theirs in zip(LEVELS, got, expected, strict=True):
        if ours != theirs:
            assert abs(nbinom.cdf(min(ours, theirs), size, chance) - level) < 1e-9


def test_unknown_mean_is_nan_and_no_mean_is_zero() -> None:
    got = count_quantiles(np.array([[np.nan, 0.0, -1.0, 5.0]]), np.array([0.5]), (0.1, 0.9))
    assert np.isnan(got[0, 0]).all()
    np.testing.assert_array_equal(got[0, 1:3], 0.0)
    assert got[0, 3, 1] > 5


def test_wider_dispersion_wider_band() -> None:
    means = np.full((2, 3), 20.0)
    got = count_quantiles(means, np.array([0.05, 1.0]), (0.1, 0.9))
    assert (got[1, :, 1] - got[1, :, 0] > got[0, :, 1] - got[0, :, 0]).all()


def test_dispersion_is_found_again() -> None:
    rng = np.random.default_rng(1)
    truth = np.repeat([0.2, 1.5], 100)
    mean = np.full((200, 200), 6.0)
    actual = rng.negative_binomial(1 / truth[:, None], 1 / (1 + mean * truth[:, None]))
    got = learn_dispersion(actual.astype(float), mean, ["calm"] * 100 + ["wild"] * 100)
    np.testing.assert_allclose(np.median(got[:100]), 0.2, rtol=0.2)
    np.testing.assert_allclose(np.median(got[100:]), 1.5, rtol=0.2)


def test_coverage_is_what_the_levels_say() -> None:
    rng = np.random.default_rng(2)
    mean = rng.gamma(2, 5, (500, 1)) * np.ones((1, 40))
    actual = rng.negative_binomial(2, 1 / (1 + mean * 0.5)).astype(float)
    dispersion = learn_dispersion(actual[:, :28], mean[:, :28], ["one"] * 500)
    band = count_quantiles(mean[:, 28:], dispersion, (0.1, 0.9))
    inside = (actual[:, 28:] >= band[:, :, 0]) & (actual[:, 28:] <= band[:, :, 1])
    assert 0.79 < inside.mean() < 0.90  # whole numbers: a band of counts holds a little more than it says


def test_series_without_pairs_or_demand_takes_its_groups_dispersion() -> None:
    rng = np.random.default_rng(3)
    mean = np.full((60, 100), 4.0)
    actual = rng.negative_binomial(1, 1 / 5, (60, 100)).astype(float)
    actual[0] = np.nan
    got = learn_dispersion(actual, mean, ["rare"] * 60)
    np.testing.assert_allclose(got[0], np.median(got[1:]), rtol=0.15)


def test_group_without_demand_takes_that_of_all() -> None:
    actual = np.r_[np.random.default_rng(4).poisson(8, (20, 50)).astype(float) ** 1.5, np.zeros((1, 50))]
    mean = np.r_[np.full((20, 50), 23.0), np.full((1, 50), 1e-9)]
    got = learn_dispersion(actual, mean, ["busy"] * 20 + ["dead"])
    assert np.isfinite(got).all()
    np.testing.assert_allclose(got, learn_dispersion(actual, mean, ["busy"] * 21))


def test_shrinking_pulls_short_histories_to_the_group() -> None:
    rng = np.random.default_rng(5)
    mean = np.full((50, 3), 2.0)
    got = learn_dispersion(rng.poisson(2, (50, 3)).astype(float), mean, ["few"] * 50)
    raw = (((rng.poisson(2, (50, 3)) - 2) ** 2 - 2).sum(axis=1)) / 12
    assert np.std(got) < np.std(raw)


def test_tells_counts_from_quantities() -> None:
    history = np.array([[np.nan, 0, 3], [0.5, 1, 2], [-1, 0, 2], [np.nan, np.nan, np.nan]])
    np.testing.assert_array_equal(are_counts(history), [True, False, False, False])


def test_no_series() -> None:
    assert count_quantiles(np.zeros((0, 3)), np.zeros(0), (0.5,)).shape == (0, 3, 1)
    assert learn_dispersion(np.zeros((0, 3)), np.zeros((0, 3)), []).shape == (0,)
