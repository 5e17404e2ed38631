"""Draws follow the marginals, correlate as they should, and are the same for a series whatever stands beside it."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.capacity.shortfall.dependence import Dependence, dependence_of_shares, independent
from models.capacity.shortfall.drawing import draw
from models.errors import ShortfallError
from tests.models.capacity.shortfall.shortfall_world import LEVELS, normal

IDS = {"a": 100.0, "b": 50.0, "c": 200.0, "d": 80.0}
GROUPS = pl.DataFrame({"unique_id": list(IDS), "family": ["x", "x", "y", "y"]})


def _dependence(persistence: float = 0.6) -> Dependence:
    return dependence_of_shares(GROUPS, {"total": 0.2, "family": 0.4}, persistence=persistence, source="test")


def test_draws_have_the_marginals_quantiles() -> None:
    marginals = normal(IDS)
    drawn = draw(marginals, _dependence(), count=20_000, seed=3)
    assert drawn.shape == (20_000, 4, 4)
    assert drawn.dtype == np.float32
    found = np.quantile(drawn, LEVELS, axis=0).transpose(1, 2, 0)
    assert found == pytest.approx(marginals.values, rel=0.02)


def test_series_correlate_as_the_dependence_says() -> None:
    drawn = draw(normal(IDS), _dependence(), count=20_000, seed=3)
    assert np.corrcoef(drawn[:, :, 2].T) == pytest.approx(_dependence().correlation, abs=0.03)
    assert _dependence().correlation[0] == pytest.approx([1, 0.6, 0.2, 0.2])


def test_weeks_hang_together_as_the_persistence_says() -> None:
    drawn = draw(normal(IDS, weeks=6), _dependence(0.7), count=20_000, seed=3)
    found = np.asarray(np.corrcoef(drawn[:, 1].T))
    assert found[0, 1:] == pytest.approx([0.7**lag for lag in range(1, 6)], abs=0.03)


def test_a_series_draws_the_same_whatever_stands_beside_it() -> None:
    everything = draw(normal(IDS), _dependence(), count=101, seed=5)
    some = normal({"d": 80.0, "a": 100.0})
    assert np.array_equal(draw(some, _dependence(), count=101, seed=5), everything[:, [3, 0]])


@given(st.integers(2, 60), st.integers(0, 2**31))
@settings(max_examples=20)
def test_the_seed_decides(count: int, seed: int) -> None:
    first = draw(normal(IDS), _dependence(), count=count, seed=seed)
    assert np.array_equal(first, draw(normal(IDS), _dependence(), count=count, seed=seed))
    assert not np.array_equal(first, draw(normal(IDS), _dependence(), count=count, seed=seed + 1))


def test_a_longer_horizon_leaves_the_first_weeks_as_they_were() -> None:
    short = draw(normal(IDS, weeks=3), _dependence(), count=50, seed=1)
    assert np.array_equal(draw(normal(IDS, weeks=7), _dependence(), count=50, seed=1)[:, :, :3], short)


def test_more_demand_means_more_in_every_future() -> None:
    base = draw(normal(IDS), _dependence(), count=400, seed=1)
    more = draw(normal(IDS).scaled(1.3), _dependence(), count=400, seed=1)
    assert more == pytest.approx(1.3 * base, rel=1e-5)


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(ShortfallError, match="does not hold a"):
        draw(normal(IDS), independent(["b", "c", "d"]), count=10, seed=1)
    with pytest.raises(ShortfallError, match="1 scenarios are too few"):
        draw(normal(IDS), _dependence(), count=1, seed=1)
