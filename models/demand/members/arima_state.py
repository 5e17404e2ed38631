"""What of a fitted ARIMA model its mean forecast needs, and that forecast."""

from collections.abc import Mapping

import numpy as np

from models.demand.series import FloatArray

__all__ = ["arima_path", "arima_state"]


def arima_state(model: Mapping[str, object]) -> dict[str, float | str | list[float] | list[list[float]]]:
    """Return the last state and the coefficients that carry it on, from a model of statsforecast's auto_arima_f."""
    space = model["model"]
    coefficients = model["coef"]
    history = np.asarray(model["x"], dtype=np.float64)
    if not isinstance(space, Mapping) or not isinstance(coefficients, Mapping):
        raise TypeError("statsforecast's ARIMA model has changed its form")
    if (history == history[0]).all():
        return {"constant": float(history[0])}
    drift = float(coefficients.get("drift", coefficients.get("ex_1", 0.0)))
    return {
        "phi": _numbers(space["phi"]),
        "delta": _numbers(space["Delta"] if "Delta" in space else space["delta"]),
        "state": _numbers(space["a"]),
        "intercept": float(coefficients.get("intercept", 0.0)),
        "drift": drift,
        "length": float(history.size),
    }


def arima_path(state: Mapping[str, object], horizon: int) -> FloatArray:
    """Forecast the mean, (horizon,): the state-space recursion without noise, plus intercept and drift.

    The transition is that of Gardner, Harvey and Phillips 1980 with differencing appended, as in R's arima and in
    statsforecast.
    """
    if "constant" in state:
        return np.full(horizon, _number(state, "constant"))
    intercept, drift, length = (_number(state, name) for name in ("intercept", "drift", "length"))
    phi, delta, now = (np.asarray(state[name], dtype=np.float64) for name in ("phi", "delta", "state"))
    ahead = length + np.arange(1, horizon + 1)
    transition, seen = _transition(phi, delta, len(now) - len(delta))
    forecast = np.empty(horizon)
    for step in range(horizon):
        now = transition @ now
        forecast[step] = now @ seen
    explained: FloatArray = forecast + intercept + drift * ahead
    return explained


def _transition(phi: FloatArray, delta: FloatArray, order: int) -> tuple[FloatArray, FloatArray]:
    """Return the transition matrix and what of the state is seen."""
    size = order + len(delta)
    seen = np.concatenate([[1.0], np.zeros(order - 1), delta])
    transition = np.zeros((size, size))
    transition[: len(phi), 0] = phi
    transition[np.arange(order - 1), np.arange(1, order)] = 1
    if len(delta):
        transition[order] = seen
        shifted = order + np.arange(1, len(delta))
        transition[shifted, shifted - 1] = 1
    return transition, seen


def _numbers(values: object) -> list[float]:
    return [float(value) for value in np.asarray(values, dtype=np.float64).ravel()]


def _number(state: Mapping[str, object], name: str) -> float:
    value = state[name]
    return float(value) if isinstance(value, int | float) else float("nan")
