"""Where the field knows the sign, the PD never moves against it: every signed feature is moved over its range."""

from functools import cache
from typing import Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.catalogue import Dimension, Feature, catalogue
from models.credit.booster import BoosterSettings, Design
from models.credit.grade import group_master_scale
from models.credit.learn import Network, learn_credit_model
from models.credit.model import CreditModel

SIGNED: Final = tuple(item for item in catalogue() if item.monotone is not None)
NAMES: Final = tuple(item.name for item in SIGNED)
AROUND: Final = tuple(
    item.name for item in SIGNED if item.dimension in (Dimension.RELATIONS, Dimension.SUPPLY)
)
ROWS, STEPS, PARTIES = 2500, 15, 8
_WIDEST: Final = 100.0


def _values(item: Feature, shares: np.ndarray) -> np.ndarray:
    """Return values in the feature's range, most of them near its lower end as most counts and days are."""
    return item.low + min(item.high - item.low, _WIDEST) * shares


@cache
def design(*, signed: bool) -> Design:
    """Make a panel whose every second feature works against its sign: only a constraint keeps the model to it."""
    r = np.random.default_rng(11)
    shares = r.beta(0.6, 2.0, (ROWS, len(SIGNED)))
    way = np.array([(item.monotone or 0) * (-1) ** i for i, item in enumerate(SIGNED)])
    effect = (shares - shares.mean(axis=0)) @ (way * r.uniform(0.5, 1.5, len(SIGNED)))
    y = (r.random(ROWS) < 1 / (1 + np.exp(-effect + 1.0))).astype(float)
    x = np.column_stack([_values(item, shares[:, i]) for i, item in enumerate(SIGNED)])
    x[r.random(x.shape) < 0.1] = np.nan
    signs = {item.name: item.monotone for item in SIGNED if item.monotone} if signed else {}
    return Design(x, y, NAMES, monotone=signs)


@cache
def model(*, signed: bool) -> CreditModel:
    learned = learn_credit_model(
        design(signed=signed),
        groups=np.arange(ROWS) // 2,
        settings=BoosterSettings(rounds=60, bags=1, learning_rate=0.15, lambda_l2=0.1, feature_fraction=0.8),
        scale=group_master_scale(),
        seed=3,
        num_threads=1,
        folds=3,
        network=Network(features=AROUND, keep=True),
    )
    return learned.model


def pds(trained: CreditModel, item: Feature) -> np.ndarray:
    """Return the PDs (parties, steps) of some parties while one feature rises from one end of its range to the other."""
    place = trained.features.index(item.name)
    mine = [NAMES.index(name) for name in trained.features]
    rows = np.repeat(design(signed=True).x[:PARTIES][:, mine], STEPS, axis=0)
    steps = np.append(_values(item, np.linspace(0, 1, STEPS - 1)), item.high)
    rows[:, place] = np.tile(steps, PARTIES)
    return trained.score_matrix(rows).pd.reshape(PARTIES, STEPS)


def test_own_and_network_boosters_both_take_part() -> None:
    trained = model(signed=True)
    assert trained.network is not None
    assert set(trained.features) == set(NAMES)


@pytest.mark.parametrize("item", SIGNED, ids=NAMES)
def test_pd_never_moves_against_the_sign(item: Feature) -> None:
    steps = np.diff(pds(model(signed=True), item), axis=1) * (item.monotone or 0)
    assert steps.min() >= -1e-12


def test_most_signed_features_move_the_pd_and_without_signs_many_would_move_it_wrongly() -> None:
    """What keeps the test above from passing on a model that nothing moves."""
    with_signs = [np.ptp(pds(model(signed=True), item), axis=1).max() for item in SIGNED]
    assert np.mean(np.array(with_signs) > 0) > 0.3
    free = model(signed=False)
    wrong = [np.min(np.diff(pds(free, item), axis=1) * (item.monotone or 0)) < -1e-6 for item in SIGNED]
    assert np.mean(wrong) > 0.5


@given(
    place=st.integers(0, len(SIGNED) - 1),
    row=st.integers(0, ROWS - 1),
    ends=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_of_two_parties_alike_but_for_one_feature_the_sign_says_which_is_worse(
    place: int, row: int, ends: tuple[float, float]
) -> None:
    trained, item = model(signed=True), SIGNED[place]
    mine = [NAMES.index(name) for name in trained.features]
    pair = np.repeat(design(signed=True).x[row][mine][None, :], 2, axis=0)
    pair[:, trained.features.index(item.name)] = item.low + (item.high - item.low) * np.sort(ends)
    low, high = trained.score_matrix(pair).pd
    assert (high - low) * (item.monotone or 0) >= -1e-12
