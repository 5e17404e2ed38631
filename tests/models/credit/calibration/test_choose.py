"""The kind of map is chosen on other parties, the simplest that is as good, and later dates judge when there are any."""

import numpy as np
import pytest
from scipy.special import expit

from models.credit.calibration.choose import ALL, Choice, _pairs, choose_calibration
from models.credit.calibration.fit import fit_affine
from models.credit.calibration.maps import Kind
from models.errors import CalibrationError, NotTrainableError


def book(parties: int, seed: int, *, jump: bool = False, each: int = 5) -> tuple[np.ndarray, ...]:
    r = np.random.default_rng(seed)
    groups = np.repeat(np.arange(parties), each)
    raw = r.normal(-2, 1.2, parties)[groups] + r.normal(0, 0.2, len(groups))
    truth = np.where(raw < -1.5, -4.0, 1.0) if jump else 0.7 * raw - 0.2
    return raw, (r.random(len(groups)) < expit(truth)).astype(float), groups


def choose(seed: int, *, jump: bool = False) -> Choice:
    raw, y, groups = book(400, seed, jump=jump)
    return choose_calibration(raw, y, groups=groups, seed=seed)


def test_straight_truth_is_left_to_platt_and_a_jump_to_a_flexible_map() -> None:
    straight = [choose(seed).kind for seed in range(6)]
    assert straight.count(Kind.PLATT) >= 5
    assert {choose(seed, jump=True).kind for seed in range(3)} <= {Kind.ISOTONIC, Kind.VENN_ABERS}


def test_simpler_kind_within_a_standard_error_is_taken() -> None:
    for seed in range(6):
        found = choose(seed)
        ahead = ALL[: ALL.index(found.kind)]
        assert all(found.losses[kind].behind > found.losses[kind].standard_error for kind in ahead)
        assert found.losses[found.kind].behind <= found.losses[found.kind].standard_error
        assert str(found.kind) in found.zh
        assert str(found.kind) in found.en


def test_choice_is_fitted_on_all_rows_and_repeats() -> None:
    raw, y, groups = book(400, 1)
    found = choose_calibration(raw, y, groups=groups, seed=3)
    assert found.calibration == fit_affine(raw, y)
    assert found == choose_calibration(raw, y, groups=groups, seed=3)
    assert set(found.losses) == set(ALL)
    for losses in found.losses.values():
        assert 0 < losses.log_loss < 1
        assert 0 <= losses.ece < 0.2
        assert 0 < losses.brier < 0.25


def test_copies_of_a_party_do_not_buy_a_flexible_map() -> None:
    """A map that learns single parties by heart is judged on others; were copies apart, it would win."""
    r = np.random.default_rng(2)
    raw = r.normal(-1, 1, 150)
    y = (r.random(150) < expit(raw)).astype(float)
    copied = [np.repeat(values, 20) for values in (raw, y, np.arange(150))]
    together = choose_calibration(copied[0], copied[1], groups=copied[2], seed=1)
    apart = choose_calibration(copied[0], copied[1], groups=np.arange(3000), seed=1)
    assert together.kind in (Kind.PLATT, Kind.BETA)
    assert apart.kind in (Kind.ISOTONIC, Kind.VENN_ABERS)


def test_judged_rows_are_of_other_parties_and_with_dates_later() -> None:
    raw, y, groups = book(300, 4, each=8)
    dates = np.tile(np.arange(np.datetime64("2024-01"), np.datetime64("2024-09")), 300)
    judged_days = set()
    for order in (None, dates):
        pairs = list(_pairs(y, groups, order=order, seed=1, folds=5))
        for fit, judged in pairs:
            assert not set(groups[fit]) & set(groups[judged])
            if order is not None:
                assert dates[fit].max() < dates[judged].min()
                judged_days |= set(dates[judged])
        rows = np.concatenate([judged for _, judged in pairs])
        assert len(rows) == len(set(rows)) == (len(y) if order is None else (dates >= min(judged_days)).sum())
    assert len(judged_days) == 6  # all but the first quarter of the dates
    assert "later dates" in choose_calibration(raw, y, groups=groups, seed=1, order=dates).en


def test_one_date_leaves_the_judging_to_parties() -> None:
    raw, y, groups = book(400, 3)
    undated = choose_calibration(raw, y, groups=groups, seed=1)
    found = choose_calibration(raw, y, groups=groups, seed=1, order=np.zeros(len(y), dtype=np.int64))
    assert found.losses == undated.losses
    assert found.losses
    assert "later" not in found.en


def test_few_parties_leave_it_to_the_simplest() -> None:
    raw, y, groups = book(40, 3)
    found = choose_calibration(raw, y, groups=groups // 4, seed=1)
    assert (found.kind, found.losses) == (Kind.PLATT, {})
    assert "too little" in found.en


def test_bad_input_is_named() -> None:
    raw, y, groups = book(60, 3)
    with pytest.raises(CalibrationError, match="raw 299"):
        choose_calibration(raw[1:], y, groups=groups, seed=1)
    raw[6] = np.nan
    with pytest.raises(CalibrationError, match="row 7"):
        choose_calibration(raw, y, groups=groups, seed=1)
    raw, y, groups = book(400, 3)
    with pytest.raises(NotTrainableError, match="default less"):
        choose_calibration(-raw, y, groups=groups, seed=1)
