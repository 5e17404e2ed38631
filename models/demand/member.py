"""What a forecasting method has to offer to take part: learn, forecast, explain, be written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from models.demand.series import FloatArray, Series

__all__ = ["Components", "Fitted", "Member", "refit_backtest"]


@dataclass(frozen=True)
class Components:
    """A forecast taken apart, in units of y: `values.sum(axis=2)` is the forecast.

    names: k component names (`level`, `trend`, `season`, `calendar`, `driver:price`, ...); values: (n, h, k).
    """

    names: tuple[str, ...]
    values: FloatArray


class Fitted(Protocol):
    """A method that has learnt from some series; it forecasts for exactly these, in their order."""

    @property
    def member(self) -> str:
        """Name of the member that learnt it."""

    def forecast(self, series: Series, horizon: int) -> FloatArray:
        """Forecast the `horizon` periods after each series' end, (n, horizon); NaN where it cannot.

        `series` are those it learnt from (history as lags, known drivers of the future, which may have been changed
        for a scenario).
        """

    def components(self, series: Series, horizon: int) -> Components:
        """Take the same forecast apart."""

    def files(self) -> dict[str, bytes]:
        """Return what was learnt as native files (LightGBM text, JSON, Parquet), by name; read back by `Member.load`."""


class Member(Protocol):
    """A forecasting method."""

    @property
    def name(self) -> str:
        """Short lower-case name: `ets`, `theta`, `trees`, ..."""

    def fit(self, series: Series, horizon: int, *, seed: int) -> Fitted:
        """Learn from the series as they stand, for forecasts up to `horizon` periods ahead."""

    def backtest(self, series: Series, horizon: int, backs: Sequence[int], *, seed: int) -> FloatArray:
        """Forecast from cutoffs `backs` periods before each series' end, (len(backs), n, horizon); NaN where it cannot.

        Nothing after a cutoff may change its forecast. What was learnt at the oldest cutoff may serve newer ones.
        """

    def load(self, files: Mapping[str, bytes]) -> Fitted:
        """Read what `Fitted.files` returned."""


def refit_backtest(
    member: Member, series: Series, horizon: int, backs: Sequence[int], *, seed: int
) -> FloatArray:
    """Backtest by learning anew at every cutoff."""
    forecasts = np.full((len(backs), len(series), horizon), np.nan)
    for number, back in enumerate(backs):
        cut = series.before(back)
        forecasts[number] = member.fit(cut, horizon, seed=seed).forecast(cut, horizon)
    return forecasts
