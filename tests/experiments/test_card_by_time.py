"""Choosing on later rows: shares where codes do not last, the plain design otherwise; the level of the latest rows."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from scipy.special import expit

from experiments.card_by_time import ByTime
from features.cards.read import PARTY, TIME
from models.credit.booster import BoosterSettings, Design
from models.credit.grade import group_master_scale
from models.credit.learn import learn_credit_model

ROWS = 3000
QUICK = BoosterSettings(rounds=60, num_leaves=6, min_data_in_leaf=10, bags=1)
CAREFUL = QUICK.model_copy(update={"learning_rate": 1e-6})


def _by_time() -> ByTime:
    days = [date(2020, 1, 1) + timedelta(days=i // 4) for i in range(ROWS)]
    main = pl.DataFrame({PARTY: [f"P{i}" for i in range(ROWS)], TIME: days})
    return ByTime.of(main, seed=1, num_threads=1)


def _designs(seed: int = 1, *, lasts: bool) -> tuple[Design, Design]:
    """Return rows whose category tells the outcome: by its code, anew every 200 days unless it `lasts`, or by its share."""
    rng = np.random.default_rng(seed)
    code = rng.integers(0, 40, ROWS).astype(float)
    epoch = np.zeros(ROWS, dtype=int) if lasts else np.arange(ROWS) // 800
    effect = rng.normal(0, 2.0, (4, 40))[epoch, code.astype(int)]
    common = rng.random(ROWS)
    y = (rng.random(ROWS) < expit(effect + 3.0 * (common - 0.5) * (not lasts))).astype(float)
    return (
        Design(code[:, None], y, ("bank",), categorical=("bank",)),
        Design(common[:, None], y, ("bank.share",)),
    )


@pytest.mark.parametrize("lasts", [True, False])
def test_shares_are_taken_where_codes_do_not_last(lasts: bool) -> None:
    plain, shared = _designs(lasts=lasts)
    design, _ = _by_time().choose(plain, shared, [QUICK])
    assert design is (plain if lasts else shared)


def test_the_settings_that_tell_later_rows_apart_are_taken() -> None:
    plain, _ = _designs(lasts=True)
    design, chosen = _by_time().choose(plain, plain, [CAREFUL, QUICK])
    assert design is plain
    assert chosen == QUICK


def test_too_few_rows_leave_no_choice() -> None:
    plain, shared = _designs(lasts=False)
    few = np.arange(40)
    by_time = _by_time()
    short = ByTime(by_time.day[few], by_time.party[few], 1, 1)
    design, chosen = short.choose(plain.rows(few), shared.rows(few), [CAREFUL, QUICK])
    assert design.features == ("bank",)
    assert chosen == CAREFUL


def test_the_level_follows_the_latest_rows() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=ROWS)
    y = (rng.random(ROWS) < expit(x - 1.0 + 1.6 * (np.arange(ROWS) > ROWS / 2))).astype(float)
    by_time = _by_time()
    learned = learn_credit_model(
        Design(x[:, None], y, ("x",)),
        groups=by_time.party, settings=QUICK, scale=group_master_scale(), seed=1, num_threads=1,
    )  # fmt: skip
    moved = by_time.levelled(learned, y)
    late = np.arange(ROWS) > 0.8 * ROWS
    before, after = (expit(one.out_of_fold_log_odds)[late].mean() for one in (learned, moved))
    assert after == pytest.approx(y[late].mean(), abs=0.03)
    assert abs(after - y[late].mean()) < abs(before - y[late].mean()) / 3
    frame = pl.DataFrame({"x": x})
    scored = moved.model.score(frame)
    assert scored.base_log_odds + scored.contributions.sum(axis=1) == pytest.approx(scored.log_odds, abs=1e-9)
