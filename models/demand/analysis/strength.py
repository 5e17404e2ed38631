"""How strong trend and season of many short series are: moving averages, all series at once."""

import numpy as np

from models.demand.series import BoolArray, FloatArray, IntArray

__all__ = ["moving_parts", "seasonal_strength", "trend_strength"]

_ROWS = 20_000  # series at a time: keeps the working memory of 60 periods near 10 MB an array
_PASSES = 2  # the second one fills gaps and cuts outliers with what the first one found
_CUT = 4.0  # robust scales beyond which a remainder counts as an outlier
_NORMAL_MAD = 1.4826  # scale of a normal distribution over its median absolute deviation
_SHORTEST_WINDOW = 5
_FLAT = 1e-12  # a spread this small beside the level is rounding


def seasonal_strength(y: FloatArray, season: int) -> FloatArray:
    """Return how much of what is left after the trend the season explains, 0 (nothing) to 1 (all), (n,).

    y: (n, T), right-aligned, NaN before the start and in gaps; season: periods. NaN where fewer than two seasons are
    there; 0 for a constant and for season 1. Strength as in Wang, Smith and Hyndman (2006), 1 - Var(R) / Var(S + R),
    of a moving-average decomposition with outliers cut; both variances are divided by their degrees of freedom, so
    that noise has a strength near 0 also where only few seasons are there (plain variances give it 1 / seasons).
    """
    return _strengths(y, season)[1]


def trend_strength(y: FloatArray, season: int) -> FloatArray:
    """Return how much of what is left after the season the trend explains, 0 to 1, (n,); see `seasonal_strength`."""
    return _strengths(y, season)[0]


def moving_parts(y: FloatArray, season: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Take series apart into trend, season and remainder, each (n, T); the remainder is NaN where y is.

    Trend: centred moving average over one season, drawn on as a line at both ends; season: means by position in the
    season, over all years. Gaps are filled and outliers cut for learning, never in the result: the three add up to y.
    """
    seen = np.isfinite(y)
    started = _start(seen)
    working = np.where(seen, y, _row_mean(y, seen)[:, None])
    trend, seasonal = working, np.zeros_like(working)
    for number in range(_PASSES):
        trend = _moving_average(working - seasonal, started, season)
        seasonal = _seasonal_means(working - trend, started, season)
        if number + 1 < _PASSES:
            working = _tamed(y, trend + seasonal, seen)
    return trend, seasonal, y - trend - seasonal


def _start(seen: BoolArray) -> IntArray:
    """Return the column of each row's first observation, the width where there is none."""
    if not seen.shape[1]:
        return np.zeros(len(seen), dtype=np.int64)
    started: IntArray = np.where(seen.any(axis=1), seen.argmax(axis=1), seen.shape[1]).astype(np.int64)
    return started


def _strengths(y: FloatArray, season: int) -> tuple[FloatArray, FloatArray]:
    parts = [_chunk_strengths(y[i : i + _ROWS], max(season, 1)) for i in range(0, len(y), _ROWS)]
    if not parts:
        return np.empty(0), np.empty(0)
    return np.concatenate([trend for trend, _ in parts]), np.concatenate([seasonal for _, seasonal in parts])


def _chunk_strengths(y: FloatArray, season: int) -> tuple[FloatArray, FloatArray]:
    seen = np.isfinite(y)
    count = seen.sum(axis=1)
    started = _start(seen)
    if not y.shape[1]:
        return np.full(len(y), np.nan), np.full(len(y), np.nan)
    enough = (y.shape[1] - started >= max(2 * season, 4)) & (count >= season + 3)
    scaled, flat = _standardised(y, seen)
    trend, seasonal, _ = moving_parts(scaled, season)
    rest = _tamed(scaled, trend + seasonal, seen) - trend - seasonal
    trends = np.maximum(count / _window(season), 2.0)  # degrees of freedom that the moving average takes
    noise = _variance(rest, seen) / np.maximum(count - trends - (season - 1), 1.0)
    with_season = _variance(seasonal + rest, seen) / np.maximum(count - trends, 1.0)
    with_trend = _variance(trend + rest, seen) / np.maximum(count - season, 1.0)
    return _share(noise, with_trend, enough, flat), _share(noise, with_season, enough, flat)


def _share(noise: FloatArray, whole: FloatArray, enough: BoolArray, flat: BoolArray) -> FloatArray:
    flat = flat | (whole <= _FLAT)
    share = np.clip(1.0 - noise / np.where(flat, 1.0, whole), 0.0, 1.0)
    return np.where(enough, np.where(flat, 0.0, share), np.nan)


def _standardised(y: FloatArray, seen: BoolArray) -> tuple[FloatArray, BoolArray]:
    """Return the series around 0 within -1 and 1, and which of them are constant."""
    centred = y - _row_mean(y, seen)[:, None]
    spread = np.where(seen, np.abs(centred), 0.0).max(axis=1, initial=0.0)
    flat = spread <= _FLAT * np.where(seen, np.abs(y), 0.0).max(axis=1, initial=0.0)
    return np.where(flat[:, None], 0.0 * centred, centred / np.where(flat, 1.0, spread)[:, None]), flat


def _row_mean(y: FloatArray, seen: BoolArray) -> FloatArray:
    mean: FloatArray = np.where(seen, y, 0.0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    return mean


def _variance(values: FloatArray, seen: BoolArray) -> FloatArray:
    """Return the sum of squares around the mean of what was seen."""
    spread: FloatArray = (np.where(seen, values - _row_mean(values, seen)[:, None], 0.0) ** 2).sum(axis=1)
    return spread


def _tamed(y: FloatArray, fit: FloatArray, seen: BoolArray) -> FloatArray:
    """Return y with its gaps filled by the fit and its outliers drawn to their limit."""
    rest = np.where(seen, y - fit, 0.0)
    limit = _CUT * _robust_scale(rest, seen)[:, None]
    return fit + np.where(limit > 0, np.clip(rest, -limit, limit), rest)


def _robust_scale(rest: FloatArray, seen: BoolArray) -> FloatArray:
    """Return 1.4826 x the median absolute remainder of each row (0 where half of them are 0)."""
    if not rest.shape[1]:
        return np.zeros(len(rest))
    ordered = np.sort(np.where(seen, np.abs(rest), np.inf), axis=1)
    middle = np.maximum((seen.sum(axis=1) - 1) // 2, 0)
    median = np.take_along_axis(ordered, middle[:, None], axis=1)[:, 0]
    return np.where(np.isfinite(median), _NORMAL_MAD * median, 0.0)


def _window(season: int) -> int:
    return season * max(1, -(-_SHORTEST_WINDOW // season)) if season < _SHORTEST_WINDOW - 1 else season


def _moving_average(values: FloatArray, started: IntArray, season: int) -> FloatArray:
    """Average over a window centred on each period (its ends half, where the window is even); lines at both ends."""
    width = values.shape[1]
    window = _window(season)
    half = window // 2
    first, last = started + half, width - 1 - half
    sums = np.concatenate([np.zeros((len(values), 1)), np.cumsum(values, axis=1)], axis=1)
    at = np.arange(width)
    low, high = np.clip(at - half, 0, width), np.clip(at + half + 1, 0, width)
    average = sums[:, high] - sums[:, low]
    if window % 2 == 0:
        average -= 0.5 * (
            values[:, np.clip(at - half, 0, width - 1)] + values[:, np.clip(at + half, 0, width - 1)]
        )
    average /= window
    return _with_ends(average, values, (first, last), window)


def _with_ends(
    average: FloatArray, values: FloatArray, span: tuple[IntArray, int], window: int
) -> FloatArray:
    """Draw the average on as a line where its window does not fit; a series too short for one has its mean."""
    first, last = span
    at = np.arange(average.shape[1])[None, :]
    fits = first <= last
    left, right = np.clip(first, 0, max(last, 0)), np.full(len(first), max(last, 0))
    run = np.clip(right - left, 0, window)
    rows = np.arange(len(average))
    divisor = np.maximum(run, 1)
    rise = (average[rows, left + run] - average[rows, left]) / divisor
    slope = (average[rows, right] - average[rows, right - run]) / divisor
    start = average[rows, left][:, None] + (at - left[:, None]) * rise[:, None]
    end = average[rows, right][:, None] + (at - right[:, None]) * slope[:, None]
    drawn = np.where(at < left[:, None], start, np.where(at > right[:, None], end, average))
    began = np.clip(first - window // 2, 0, average.shape[1])[:, None]
    inside = at >= began
    mean = np.where(inside, values, 0.0).sum(axis=1) / np.maximum(inside.sum(axis=1), 1)
    return np.where(fits[:, None], drawn, mean[:, None])


def _seasonal_means(values: FloatArray, started: IntArray, season: int) -> FloatArray:
    """Return the mean of each position in the season over the years, adding up to 0 over a season."""
    rows, width = values.shape
    if season <= 1:
        return np.zeros_like(values)
    inside = np.arange(width)[None, :] >= started[:, None]
    pad = -width % season
    shape = (rows, (width + pad) // season, season)
    summed = np.pad(np.where(inside, values, 0.0), ((0, 0), (pad, 0))).reshape(shape).sum(axis=1)
    counted = np.pad(inside, ((0, 0), (pad, 0))).reshape(shape).sum(axis=1)
    means = summed / np.maximum(counted, 1)
    means -= means.mean(axis=1, keepdims=True)
    return np.tile(means, (1, shape[1]))[:, pad:]
