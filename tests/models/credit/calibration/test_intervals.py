"""The interval of a PD: holds the PD, covers the true rate, widens, and is the same after JSON."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from models.credit.calibration.fit import FITS, fit_affine, fit_isotonic
from models.credit.calibration.intervals import PdInterval, fit_interval, read_interval
from models.credit.calibration.maps import AffineCalibration, Kind
from models.errors import CalibrationError, NotTrainableError

FINITE = st.floats(allow_nan=False, allow_infinity=False)


def book(parties: int, seed: int, slopes: tuple[float, float], each: int = 4) -> tuple[np.ndarray, ...]:
    r = np.random.default_rng(seed)
    groups = np.repeat(np.arange(parties), each)
    raw = r.normal(-2, 1.3, parties)[groups] + r.normal(0, 0.3, len(groups))
    truth = expit(-slopes[0] * np.logaddexp(0, -raw) + slopes[1] * np.logaddexp(0, raw) - 0.2)
    shared = r.random(parties)[groups]  # a party's rows default together, as months of one party do
    return (
        raw,
        (np.where(r.random(len(groups)) < 0.7, shared, r.random(len(groups))) < truth).astype(float),
        groups,
        truth,
    )


RAW, Y, GROUPS, _ = book(600, 1, (0.8, 0.8))
INTERVAL = fit_interval(fit_affine(RAW, Y), RAW, Y, groups=GROUPS, seed=1, draws=60)


@given(st.lists(FINITE, min_size=2, max_size=30))
def test_interval_holds_the_pd_and_its_ends_rise(raw: list[float]) -> None:
    scores = np.sort(np.array(raw))
    low, high = INTERVAL.of(scores)
    pd = INTERVAL.calibration.pd(scores)
    assert ((low <= pd) & (pd <= high)).all()
    assert np.diff(low).min() >= -1e-12
    assert np.diff(high).min() >= -1e-12


@pytest.mark.parametrize("slopes", [(0.8, 0.8), (1.5, 0.4)], ids=["straight", "bent"])
@pytest.mark.parametrize("kind", [Kind.PLATT, Kind.ISOTONIC])
def test_nominal_ninety_per_cent_covers_the_true_rate(slopes: tuple[float, float], kind: Kind) -> None:
    covered = []
    for seed in range(12):
        raw, y, groups, _ = book(1500, seed, slopes)
        found = fit_interval(FITS[kind](raw, y, None), raw, y, groups=groups, seed=seed, draws=60)
        later, _, _, truth = book(500, seed + 99, slopes)
        low, high = found.of(later)
        covered.append(np.mean((low <= truth) & (truth <= high)))
    assert 0.82 <= np.mean(covered) <= 0.97


def test_more_parties_narrow_it_and_copies_of_parties_do_not() -> None:
    def width(raw: np.ndarray, y: np.ndarray, groups: np.ndarray) -> float:
        low, high = fit_interval(fit_affine(raw, y), raw, y, groups=groups, seed=2, draws=60).of(RAW)
        return float((high - low).mean())

    once = width(RAW, Y, GROUPS)
    assert width(*(np.repeat(values, 5) for values in (RAW, Y, GROUPS))) == pytest.approx(once, rel=0.25)
    assert width(*book(6000, 3, (0.8, 0.8))[:3]) < once / 2


def test_round_trip_and_seed() -> None:
    again = read_interval(json.loads(json.dumps(INTERVAL.widened(1.5).plain(), allow_nan=False)))
    assert again == INTERVAL.widened(1.5)
    assert again.of(RAW)[0].tobytes() == INTERVAL.widened(1.5).of(RAW)[0].tobytes()
    repeated = fit_interval(fit_affine(RAW, Y), RAW, Y, groups=GROUPS, seed=1, draws=60)
    assert repeated == INTERVAL
    assert fit_interval(fit_affine(RAW, Y), RAW, Y, groups=GROUPS, seed=2, draws=60) != INTERVAL


def test_widened_moves_both_ends_in_log_odds_and_never_inwards() -> None:
    def ends(interval: PdInterval) -> tuple[np.ndarray, np.ndarray]:
        z = interval.calibration.log_odds(RAW)
        low, high = (np.log(p / (1 - p)) for p in interval.of(RAW))
        return z - low, high - z

    for once, twice in zip(ends(INTERVAL), ends(INTERVAL.widened(2.0)), strict=True):
        np.testing.assert_allclose(twice, 2 * once, atol=1e-9)
    assert INTERVAL.widened(1.0).of(RAW)[0].tobytes() == INTERVAL.of(RAW)[0].tobytes()
    for factor in (0.5, float("nan"), float("inf")):
        with pytest.raises(CalibrationError, match="at least 1"):
            INTERVAL.widened(factor)


def test_ends_follow_a_second_map() -> None:
    moved = INTERVAL.then(AffineCalibration(1.0, 0.5))
    for before, after in zip(INTERVAL.of(RAW), moved.of(RAW), strict=True):
        np.testing.assert_allclose(after, expit(np.log(before / (1 - before)) + 0.5), atol=1e-12)


def test_flexible_map_on_few_rows_is_bounded_without_a_failure() -> None:
    raw, y, groups, _ = book(60, 5, (0.8, 0.8), each=1)
    low, high = fit_interval(fit_isotonic(raw, y), raw, y, groups=groups, seed=1, draws=30).of(raw)
    assert ((low > 0) & (high < 1)).all()


def test_bad_input_is_named() -> None:
    calibration = fit_affine(RAW, Y)
    with pytest.raises(CalibrationError, match="level"):
        fit_interval(calibration, RAW, Y, groups=GROUPS, seed=1, level=90)
    with pytest.raises(NotTrainableError, match="default less"):
        fit_interval(calibration, -RAW, (RAW > -2).astype(float), groups=GROUPS, seed=1, draws=6)
    with pytest.raises(NotTrainableError, match="one draw"):
        fit_interval(calibration, RAW, Y, groups=GROUPS, seed=1, draws=0)
    with pytest.raises(CalibrationError, match="'knots'"):
        read_interval({"low": [0.1], "high": [0.2]})
