"""Move a calibrated model to a stated default rate of the portfolio: the ranking stays, the level changes."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit, logit

from models.credit.calibration.maps import Calibration, Shifted
from models.errors import CalibrationError

__all__ = ["prior_shift", "rate_shift", "shifted_by_prior", "shifted_to_rate"]

Floats = NDArray[np.float64]


def prior_shift(trained_rate: float, stated_rate: float) -> float:
    """Return what is added to log-odds when the default rate goes from one value to another: logit π' - logit π.

    That is, odds are multiplied by π'(1 - π) / (π(1 - π')). It is right when parties that default, and those that do
    not, look as they did in training, and only their shares change. Source: Elkan (2001), The foundations of
    cost-sensitive learning, theorem 2; Saerens, Latinne, Decaestecker (2002), Adjusting the outputs of a classifier
    to new a priori probabilities, Neural Computation 14. Raises CalibrationError when a rate is not inside (0, 1).
    """
    _check_rate(trained_rate, "trained_rate")
    _check_rate(stated_rate, "stated_rate")
    return float(logit(stated_rate) - logit(trained_rate))


def rate_shift(log_odds: Floats, rate: float, weight: Floats | None = None) -> float:
    """Return the delta for which the (weighted) mean of expit(log_odds + delta) is `rate`; log_odds (n,) finite.

    Raises CalibrationError when the rate is not inside (0, 1), or the portfolio is empty or holds a value that is no
    number.
    """
    _check_rate(rate, "rate")
    if len(log_odds) == 0 or not np.isfinite(log_odds).all():
        wrong = (
            "为空"
            if len(log_odds) == 0
            else f"第 {int(np.argmin(np.isfinite(log_odds))) + 1} 行的得分不是有限数"
        )
        en = (
            "is empty"
            if len(log_odds) == 0
            else f"has no finite score in row {int(np.argmin(np.isfinite(log_odds))) + 1}"
        )
        raise CalibrationError(
            zh=f"用于调整水平的组合{wrong}。请给出组合中每个主体的得分。",
            en=f"The portfolio to shift {en}. Give the score of every party in the portfolio.",
        )
    share = np.full(len(log_odds), 1 / len(log_odds)) if weight is None else weight / weight.sum()
    # at the first end every PD is at most the rate, at the last every one at least
    low, high = logit(rate) - log_odds.max() - 1e-9, logit(rate) - log_odds.min() + 1e-9
    return float(brentq(lambda delta: share @ expit(log_odds + delta) - rate, low, high, xtol=1e-13))


def shifted_by_prior(calibration: Calibration, *, trained_rate: float, stated_rate: float) -> Shifted:
    """Return the map moved by the closed form of `prior_shift`; no portfolio is needed."""
    return Shifted(calibration, prior_shift(trained_rate, stated_rate))


def shifted_to_rate(calibration: Calibration, raw: Floats, rate: float) -> Shifted:
    """Return the map moved so that the mean PD of the portfolio with scores raw (n,) is exactly `rate`.

    A map that was shifted already is moved further, not wrapped twice. Errors as for `rate_shift`.
    """
    delta = rate_shift(calibration.log_odds(raw) if len(raw) else raw, rate)
    if isinstance(calibration, Shifted):
        return Shifted(calibration.base, calibration.delta + delta)
    return Shifted(calibration, delta)


def _check_rate(rate: float, name: str) -> None:
    if not 0 < rate < 1:
        raise CalibrationError(
            zh=f"违约率 {name} 为 {rate}，须大于 0 且小于 1（如 0.02 表示 2%）。",
            en=f"{name} is {rate}; a default rate lies between 0 and 1, both excluded (0.02 is 2 %).",
        )
