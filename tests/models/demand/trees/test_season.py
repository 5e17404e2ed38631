"""A season is found on plain integers where earlier seasons foretell it, and not in noise or wandering series."""

import numpy as np
import pytest

from features.timeline import Frequency, Timeline
from models.demand.members.trees import TREES
from models.demand.series import FloatArray, Series
from models.demand.trees.history import Learnt


def integers(y: FloatArray, season: int = 1, frequency: Frequency = Frequency.INTEGER) -> Series:
    return Series(
        ids=tuple(str(number) for number in range(len(y))),
        y=y,
        observed=np.isfinite(y),
        last=np.full(len(y), y.shape[1], dtype=np.int64),
        timeline=Timeline(frequency),
        season=season,
    )


def wandering(count: int, width: int, seed: int = 0) -> FloatArray:
    steps = np.random.default_rng(seed).normal(0, 0.02, (count, width))
    return np.asarray(np.exp(5 + steps.cumsum(axis=1)))


@pytest.mark.parametrize("season", [4, 12, 52])
def test_season_is_found_and_used(season: int) -> None:
    width = 6 * season + 40
    shape = np.random.default_rng(season).normal(0, 0.2, season)
    y = wandering(30, width) * np.exp(np.resize(shape, width))
    series = integers(y)
    assert Learnt.of(series).season == season
    cut = series.before(8)
    forecast = TREES.fit(cut, 8, seed=0).forecast(cut, 8)
    level = np.repeat(cut.y[:, -1:], 8, axis=1)
    assert np.abs(forecast - y[:, -8:]).mean() < 0.6 * np.abs(level - y[:, -8:]).mean()


def test_wandering_and_noise_have_no_season() -> None:
    rng = np.random.default_rng(1)
    assert Learnt.of(integers(wandering(40, 400))).season == 1
    assert Learnt.of(integers(np.exp(rng.normal(5, 0.3, (40, 400))))).season == 1
    assert Learnt.of(integers(np.exp(rng.normal(5, 0.3, (3, 6))))).season == 1


def test_a_season_given_or_a_frequency_that_has_one_is_kept() -> None:
    y = wandering(5, 120)
    assert Learnt.of(integers(y, season=6)).season == 6
    assert Learnt.of(integers(y, season=1, frequency=Frequency.MONTH)).season == 1
