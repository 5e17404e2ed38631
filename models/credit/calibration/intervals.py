"""How far the PD of a score could be from what the map says: an interval by bootstrap of whole parties."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import cycle
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from models.credit.calibration.cells import cells_of
from models.credit.calibration.maps import Calibration, Chained, Kind, Shifted
from models.credit.calibration.read import read_calibration, read_numbers
from models.errors import CalibrationError, NotTrainableError

__all__ = ["PdInterval", "fit_interval", "read_interval"]

_CELLS: Final = 400  # scores are counted in this many cells before each draw is fitted
_KNOTS: Final = 101  # and the ends are kept at this many quantiles of the score
_SMOOTH: Final = (Kind.BETA, Kind.ISOTONIC, Kind.VENN_ABERS)
_FLEXIBLE: Final = (Kind.ISOTONIC, Kind.VENN_ABERS)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PdInterval:
    """The interval of the default rate of parties with a given score, around the PD that the map answers.

    It says how much the calibration could be off, given the parties it was fitted on; it does not say whether one party
    defaults. `low` and `high` are log-odds at the scores `knots`, both rising; between knots they are joined by lines, and
    outside them they are as at the nearest. `widening` multiplies their distance from the PD, in log-odds.
    """

    calibration: Calibration
    knots: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    widening: float = 1.0

    def of(self, raw: Floats) -> tuple[Floats, Floats]:
        """Return the lower and upper PD of raw scores (n,); the map's PD is never outside them.

        Without widening, a higher score has no lower ends.
        """
        knots, low, high = self._arrays
        point = self.calibration.log_odds(raw)
        ends = np.minimum(np.interp(raw, knots, low), point), np.maximum(np.interp(raw, knots, high), point)
        if self.widening != 1.0:
            ends = point - self.widening * (point - ends[0]), point + self.widening * (ends[1] - point)
        return np.asarray(expit(ends[0])), np.asarray(expit(ends[1]))

    def widened(self, factor: float) -> "PdInterval":
        """Return an interval whose ends are `factor` times as far from the PD, in log-odds: for thin files.

        Raises CalibrationError when the factor is below 1: an interval is not made surer by saying so.
        """
        if not 1.0 <= factor < float("inf"):
            raise CalibrationError(
                zh=f"区间放宽倍数为 {factor}，须不小于 1。",
                en=f"The interval would be widened by {factor}; give a factor of at least 1.",
            )
        return replace(self, widening=self.widening * factor)

    def shifted(self, delta: float) -> "PdInterval":
        """Return the interval of the map moved by delta in log-odds; the ends move along."""
        low, high = (tuple((np.array(ends) + delta).tolist()) for ends in (self.low, self.high))
        return replace(self, calibration=Shifted(self.calibration, delta), low=low, high=high)

    def then(self, second: Calibration) -> "PdInterval":
        """Return the interval of the map followed by a second one, as `Chained` does; the ends go through it too."""
        low, high = (tuple(second.log_odds(np.array(ends)).tolist()) for ends in (self.low, self.high))
        return replace(self, calibration=Chained(self.calibration, second), low=low, high=high)

    def plain(self) -> dict[str, object]:
        """Return the interval as JSON values."""
        ends = {"knots": list(self.knots), "low": list(self.low), "high": list(self.high)}
        return {"calibration": self.calibration.plain(), **ends, "widening": self.widening}

    @cached_property
    def _arrays(self) -> tuple[Floats, Floats, Floats]:
        return np.array(self.knots), np.array(self.low), np.array(self.high)


def fit_interval(
    calibration: Calibration,
    raw: Floats,
    y: Floats,
    *,
    groups: NDArray[np.int64],
    seed: int,
    level: float = 0.9,
    draws: int = 150,
) -> PdInterval:
    """Fit the interval of a calibration on the out-of-fold rows that it was fitted on.

    raw (n,) log-odds, y (n,) in {0, 1}, groups (n,) parties. Each draw takes parties with replacement (Field, Welsh
    2007, Bootstrapping clustered data) and fits a map to them; the ends are quantiles of the draws at each score, put
    in rising order, which brings a band of a rising curve nearer to it (Chernozhukov, Fernández-Val, Galichon 2009,
    Improving point and interval estimators of monotone functions by rearrangement, Biometrika 96). The draws take
    turns in the kind of map: a bootstrap of Platt alone would be sure of a straight line that the data have merely not
    refuted. Where a flexible map was chosen, the smooth one takes no turn. Raises CalibrationError when level is not
    inside (0, 1), NotTrainableError when no draw can be fitted.
    """
    if not 0 < level < 1:
        raise CalibrationError(
            zh=f"区间的置信水平为 {level}，须大于 0 且小于 1（如 0.9）。",
            en=f"The level of the interval is {level}; it lies between 0 and 1, both excluded (0.9, say).",
        )
    knots = np.unique(np.quantile(raw, np.linspace(0, 1, _KNOTS)))
    found = _draws(_kinds(calibration), raw, y, groups, knots=knots, seed=seed, draws=draws)
    tail = (1 - level) / 2
    low, high = (np.sort(ends) for ends in np.quantile(found, [tail, 1 - tail], axis=0))
    return PdInterval(calibration, tuple(knots.tolist()), tuple(low.tolist()), tuple(high.tolist()))


def read_interval(plain: object) -> PdInterval:
    """Return the interval that `plain()` wrote. Raises CalibrationError when a value is missing or no number."""
    if not isinstance(plain, Mapping):
        plain = {}
    low, knots, high = (read_numbers(plain, name) for name in ("low", "knots", "high"))
    (widening,) = read_numbers({"widening": [plain.get("widening", 1.0)]}, "widening")
    return PdInterval(read_calibration(plain.get("calibration")), knots, low, high, widening)


def _kinds(calibration: Calibration) -> tuple[Kind, ...]:
    return _FLEXIBLE if calibration.kind in _FLEXIBLE else _SMOOTH


def _draws(
    kinds: tuple[Kind, ...],
    raw: Floats,
    y: Floats,
    groups: NDArray[np.int64],
    *,
    knots: Floats,
    seed: int,
    draws: int,
) -> Floats:
    """Return the log-odds at the knots of the maps fitted to each draw of parties, shape (draws, knots)."""
    cells = cells_of(raw, _CELLS)
    party = np.unique(groups, return_inverse=True)[1]
    rng, parties, found = np.random.default_rng(seed), int(party.max()) + 1, []
    failure: NotTrainableError | None = None
    for kind, _ in zip(cycle(kinds), range(draws), strict=False):
        times = np.bincount(rng.integers(0, parties, parties), minlength=parties)[party].astype(np.float64)
        try:
            found.append(cells.fitted(kind, y, times).log_odds(knots))
        except NotTrainableError as error:
            failure = error
    if not found:
        raise failure or NotTrainableError(zh="区间的抽样次数须至少为 1。", en="Give at least one draw.")
    return np.array(found)
