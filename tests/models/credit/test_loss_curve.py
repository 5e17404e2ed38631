"""The curve of the held-out loss is the loss of the booster after each round, and stops when it no longer falls."""

import numpy as np
import pytest
from scipy.special import expit

from models.credit.booster import BoosterSettings, Design, train_boosters
from models.credit.loss_curve import held_out_curve
from models.credit.measures import log_losses


def design(rows: int = 900) -> Design:
    r = np.random.default_rng(3)
    x = r.normal(size=(rows, 4))
    return Design(
        x, (r.random(rows) < expit(2 * x[:, 0] - 1)).astype(float), ("a", "b", "c", "d"), monotone={"a": 1}
    )


def test_last_point_is_the_loss_of_the_booster_of_so_many_rounds() -> None:
    d, fit, judged = design(), np.arange(600), np.arange(600, 900)
    settings = BoosterSettings(rounds=25, bags=1, patience=25)
    curve = held_out_curve(d, fit, judged, settings=settings, seed=4000, num_threads=1)
    assert len(curve) == 25
    raw = train_boosters(d.rows(fit), settings=settings, seed=4, num_threads=1).raw(d.x[judged])
    assert curve[-1] == pytest.approx(log_losses(d.y[judged], expit(raw)).mean(), rel=1e-6)


def test_curve_stops_when_the_loss_no_longer_falls() -> None:
    settings = BoosterSettings(rounds=400, bags=1, learning_rate=0.3, patience=7)
    curve = held_out_curve(
        design(), np.arange(600), np.arange(600, 900), settings=settings, seed=1, num_threads=1
    )
    assert len(curve) < 400
    assert len(curve) == int(curve.argmin()) + 1 + 7
