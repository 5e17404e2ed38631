"""How good forecasts are: errors of points, of quantiles, of bands, as the literature defines them."""

from typing import Final

import numpy as np

from models.demand.series import FloatArray

__all__ = [
    "average",
    "bias",
    "coverage",
    "mase",
    "naive2",
    "naive_scale",
    "owa",
    "pinball",
    "rmsse",
    "scaled_quantile_loss",
    "smape",
    "wape",
    "weighted_quantile_loss",
]

_SEASONAL_AT: Final = 1.645  # 90 % of a normal, as the M4 competition tests for a season
_LEAST_SEASONS: Final = 3

# All functions take actuals and forecasts of shape (n, h), quantiles (n, h, q) and histories (n, T), right-aligned with
# NaN before a series starts. Where an actual or a forecast is NaN, the pair does not count.


def wape(actual: FloatArray, forecast: FloatArray) -> float:
    """Return the sum of absolute errors over the sum of absolute actuals, of all series together."""
    error, size = np.abs(actual - forecast), np.where(np.isfinite(forecast), np.abs(actual), np.nan)
    return _ratio(float(np.nansum(error)), float(np.nansum(size)))


def bias(actual: FloatArray, forecast: FloatArray) -> float:
    """Return the sum of forecast minus actual over the sum of absolute actuals; above zero: too much forecast."""
    error, size = forecast - actual, np.where(np.isfinite(forecast), np.abs(actual), np.nan)
    return _ratio(float(np.nansum(error)), float(np.nansum(size)))


def naive_scale(history: FloatArray, season: int, *, squared: bool = False) -> FloatArray:
    """Return each series' mean absolute (or root mean squared) seasonal difference in sample, (n,).

    A history without two values a season apart is measured by differences of one period; NaN where there are none or
    all are zero.
    """
    scale = _difference_scale(history, season, squared=squared)
    if season > 1:
        scale = np.where(np.isnan(scale), _difference_scale(history, 1, squared=squared), scale)
    return scale


def _difference_scale(history: FloatArray, lag: int, *, squared: bool) -> FloatArray:
    if history.shape[1] <= lag:
        return np.full(len(history), np.nan)
    gaps = history[:, lag:] - history[:, :-lag]
    sizes = gaps**2 if squared else np.abs(gaps)
    scale = _row_means(sizes)
    scale = np.sqrt(scale) if squared else scale
    return np.where(scale > 0, scale, np.nan)


def mase(actual: FloatArray, forecast: FloatArray, history: FloatArray, season: int) -> FloatArray:
    """Return the mean absolute scaled error of each series, (n,) (Hyndman and Koehler 2006)."""
    scaled: FloatArray = _row_means(np.abs(actual - forecast)) / naive_scale(history, season)
    return scaled


def rmsse(actual: FloatArray, forecast: FloatArray, history: FloatArray, season: int) -> FloatArray:
    """Return the root mean squared scaled error of each series, (n,) (M5 competition)."""
    root = np.sqrt(_row_means((actual - forecast) ** 2))
    scaled: FloatArray = root / naive_scale(history, season, squared=True)
    return scaled


def smape(actual: FloatArray, forecast: FloatArray) -> FloatArray:
    """Return the symmetric mean absolute percentage error of each series, 0 to 200, (n,) (M4 competition)."""
    size = np.abs(actual) + np.abs(forecast)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(size > 0, 200 * np.abs(actual - forecast) / size, 0.0)
    return _row_means(np.where(np.isfinite(size), share, np.nan))


def naive2(history: FloatArray, season: int, horizon: int) -> FloatArray:
    """Forecast by the last value after a classical multiplicative deseasonalisation, (n, horizon).

    As the M4 competition defines it: only series that pass a test of their autocorrelation at the seasonal lag (90 %)
    and have three seasons of history are deseasonalised.
    """
    forecasts = np.full((len(history), horizon), np.nan)
    for row, padded in enumerate(history):
        y = padded[np.isfinite(padded)]
        if y.size == 0:
            continue
        indices = _seasonal_indices(y, season) if _is_seasonal(y, season) else np.ones(max(season, 1))
        level = y[-1] / indices[(y.size - 1) % indices.size]
        forecasts[row] = level * indices[(y.size + np.arange(horizon)) % indices.size]
    return forecasts


def _is_seasonal(y: FloatArray, season: int) -> bool:
    if season <= 1 or y.size < _LEAST_SEASONS * season or np.ptp(y) == 0 or (y <= 0).any():
        return False
    centred = y - y.mean()
    lagged = np.array([centred[lag:] @ centred[:-lag] for lag in range(1, season + 1)]) / (centred @ centred)
    limit = _SEASONAL_AT * np.sqrt((1 + 2 * np.sum(lagged[:-1] ** 2)) / y.size)
    return bool(abs(lagged[-1]) > limit)


def _seasonal_indices(y: FloatArray, season: int) -> FloatArray:
    kernel = np.full(season, 1 / season)
    if season % 2 == 0:
        kernel = np.r_[0.5, np.ones(season - 1), 0.5] / season
    trend = np.convolve(y, kernel, mode="valid")
    offset = (kernel.size - 1) // 2
    ratios = np.full(y.size, np.nan)
    ratios[offset : offset + trend.size] = y[offset : offset + trend.size] / trend
    indices = np.array([np.nanmean(ratios[place::season]) for place in range(season)])
    normal: FloatArray = indices / indices.mean()
    return normal


def owa(actual: FloatArray, forecast: FloatArray, history: FloatArray, season: int) -> float:
    """Return the overall weighted average of the M4 competition: sMAPE and MASE against Naive2, half each."""
    floor = naive2(history, season, actual.shape[1])
    by_smape = _ratio(average(smape(actual, forecast)), average(smape(actual, floor)))
    by_mase = _ratio(
        average(mase(actual, forecast, history, season)), average(mase(actual, floor, history, season))
    )
    return (by_smape + by_mase) / 2


def pinball(actual: FloatArray, quantiles: FloatArray, levels: FloatArray) -> FloatArray:
    """Return the quantile loss of every pair and level, (n, h, q)."""
    gap = actual[:, :, None] - quantiles
    loss: FloatArray = np.maximum(levels * gap, (levels - 1) * gap)
    return loss


def scaled_quantile_loss(
    actual: FloatArray, quantiles: FloatArray, levels: FloatArray, history: FloatArray, season: int
) -> float:
    """Return twice the quantile loss over each series' naive scale, the mean over steps, levels and series."""
    by_series = _row_means(2 * pinball(actual, quantiles, levels).mean(axis=2))
    return average(by_series / naive_scale(history, season))


def weighted_quantile_loss(actual: FloatArray, quantiles: FloatArray, levels: FloatArray) -> float:
    """Return twice the sum of quantile losses over the sum of absolute actuals, the mean over levels."""
    loss = pinball(actual, quantiles, levels)
    size = float(np.nansum(np.abs(np.where(np.isfinite(quantiles[:, :, 0]), actual, np.nan))))
    return _ratio(float(2 * np.nansum(loss, axis=(0, 1)).mean()), size)


def coverage(actual: FloatArray, low: FloatArray, high: FloatArray) -> float:
    """Return the share of actuals that lie within their band, ends included."""
    counted = np.isfinite(actual) & np.isfinite(low) & np.isfinite(high)
    return _ratio(float(((actual >= low) & (actual <= high) & counted).sum()), float(counted.sum()))


def _row_means(values: FloatArray) -> FloatArray:
    counted = np.isfinite(values)
    counts = counted.sum(axis=1)
    sums = np.where(counted, values, 0.0).sum(axis=1)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def average(values: FloatArray) -> float:
    """Return the mean over series, those whose measure is NaN left out; NaN when there is none."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")


def _ratio(above: float, below: float) -> float:
    return above / below if below > 0 else float("nan")
