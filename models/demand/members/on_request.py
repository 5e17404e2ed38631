"""AutoARIMA and AutoCES of statsforecast, on request only: they cost ten to fifty times what the others cost."""

import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import joblib
import numpy as np

from models.demand.member import Components, Fitted, refit_backtest
from models.demand.members.arima_state import arima_path, arima_state
from models.demand.series import FloatArray, Series

__all__ = ["AUTO_ARIMA", "AUTO_CES"]

State = Mapping[str, float | str | list[float] | list[list[float]]]
"""Parameters and last state of one series, as JSON knows them."""

_FILE: Final = "states.json"
_NEWEST: Final = 520  # periods; older ones cost much and tell little
_LONGEST_SEASON: Final = 24  # longer ones take minutes a series; they are left to other members
_LEAST: Final = 10  # observations
_CES_PARAMETERS: Final = ("alpha_0", "alpha_1", "beta_0", "beta_1")  # a form without a season lacks beta
_MANY: Final = 200  # series from which on worker processes earn the time they take to start


@dataclass(frozen=True)
class RequestedFit:
    """States of n series, None where there is none."""

    member: str
    states: Sequence[State | None]
    path: Callable[[State, int], FloatArray]

    def forecast(self, series: Series, horizon: int) -> FloatArray:
        """Forecast from the stored states, (n, horizon)."""
        forecast: FloatArray = self.components(series, horizon).values[:, :, 0]
        return forecast

    def components(self, series: Series, horizon: int) -> Components:
        """Return the forecast as one part: these methods do not come apart."""
        values = np.full((len(self.states), horizon, 1), np.nan)
        for row, state in enumerate(self.states):
            if state is not None:
                path = self.path(state, horizon)
                values[row, :, 0] = path if np.isfinite(path).all() else np.nan
        return Components(("level",), values)

    def files(self) -> dict[str, bytes]:
        """Return the states as JSON, one entry a series."""
        return {_FILE: (json.dumps(list(self.states), allow_nan=False) + "\n").encode()}


@dataclass(frozen=True)
class RequestedMember:
    """A method of statsforecast, learnt series by series."""

    name: str
    learn: Callable[[FloatArray, int], State]
    path: Callable[[State, int], FloatArray]

    def fit(self, series: Series, horizon: int, *, seed: int) -> Fitted:
        """Learn every series; a series that is too short or that the method fails on gets NaN."""
        season = series.season if series.season <= _LONGEST_SEASON else 1
        workers = joblib.cpu_count() or 1 if len(series) >= _MANY else 1
        states = joblib.Parallel(n_jobs=workers)(
            joblib.delayed(_learn_one)(self.learn, y[-_NEWEST:], max(season, 1)) for y in series.y
        )
        return RequestedFit(self.name, tuple(states), self.path)

    def backtest(self, series: Series, horizon: int, backs: Sequence[int], *, seed: int) -> FloatArray:
        """Learn anew at every cutoff."""
        return refit_backtest(self, series, horizon, backs, seed=seed)

    def load(self, files: Mapping[str, bytes]) -> Fitted:
        """Read the states."""
        return RequestedFit(self.name, tuple(json.loads(files[_FILE])), self.path)


def _learn_one(learn: Callable[[FloatArray, int], State], y: FloatArray, season: int) -> State | None:
    known = np.ascontiguousarray(y[np.isfinite(y)])
    if known.size < _LEAST:
        return None
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter(
            "ignore"
        )  # orders that do not converge are what the search is there to leave behind
        try:
            return learn(known, season)
        except Exception:  # noqa: BLE001  whatever one series breaks inside the library must not stop the others
            return None


def _learn_arima(y: FloatArray, season: int) -> State:
    from statsforecast.models import AutoARIMA  # noqa: PLC0415  takes seconds, and only those who ask pay

    return arima_state(AutoARIMA(season_length=season).fit(y).model_)


def _learn_ces(y: FloatArray, season: int) -> State:
    from statsforecast.models import AutoCES  # noqa: PLC0415  takes seconds, and only those who ask pay

    model = AutoCES(season_length=season).fit(y).model_
    parameters = {name: float(model["par"][name]) for name in _CES_PARAMETERS}
    states = np.asarray(model["states"], dtype=np.float64)
    last = 2 * max(int(model["m"]), 1)  # the library keeps a season of forecast states behind the newest
    return {
        **{name: value for name, value in parameters.items() if np.isfinite(value)},
        "season": float(model["m"]),
        "kind": str(model["seasontype"]),
        "states": states[-last:].tolist(),
    }


def _ces_path(state: State, horizon: int) -> FloatArray:
    """Forecast by the recursion of Svetunkov, Kourentzes and Ord 2022, as statsforecast runs it."""
    from statsforecast.ces import cesforecast, switch_ces  # noqa: PLC0415  takes seconds

    states = np.asarray(state["states"], dtype=np.float64)
    forecast = np.full(horizon, np.nan)
    parameters = {name: state.get(name, float("nan")) for name in _CES_PARAMETERS}
    season = int(float(str(state["season"])))
    cesforecast(
        states=states,
        n=0,
        m=season,
        season=switch_ces(str(state["kind"])),
        h=horizon,
        f=forecast,
        **parameters,
    )
    return forecast


AUTO_ARIMA: Final = RequestedMember("auto_arima", _learn_arima, arima_path)
AUTO_CES: Final = RequestedMember("auto_ces", _learn_ces, _ces_path)
