"""How good the forecasts of a data set are, all its origins together, by the measures of models.demand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from bench.forecast_parts.datasets import NEW_YEARS, Problem
from bench.forecast_parts.shape import LEVELS, Floats, aligned, histories
from models.demand import measures

__all__ = ["Judged", "figures", "judge"]

Bools = NDArray[np.bool_]
_LEVELS: Final = np.array(LEVELS)
_WINDOW: Final = (-15, 20)  # days around Lunar New Year that the calendar covers


@dataclass(frozen=True)
class Judged:
    """Forecasts of all origins beside what came; rows are series at an origin."""

    origin: tuple[str, ...]  # (n,)
    ids: pl.Series  # (n,)
    actual: Floats  # (n, h)
    forecast: Floats  # (n, h)
    quantiles: Floats  # (n, h, 9)
    history: Floats  # (n, T)
    days: Floats  # (n, h) days since 1970, NaN where ds is an integer
    open: Bools  # (n, h) pairs that were not answered; they are judged as the last value repeated


def judge(problems: Sequence[Problem], forecasts: pl.DataFrame) -> Judged:
    """Lay the forecasts of every origin beside its actuals."""
    parts = [_one(problem, forecasts.filter(pl.col("origin") == problem.origin)) for problem in problems]
    return Judged(
        tuple(origin for part in parts for origin in part.origin),
        pl.concat([part.ids for part in parts]),
        _stacked([part.actual for part in parts]),
        _stacked([part.forecast for part in parts]),
        _stacked([part.quantiles for part in parts]),
        _stacked([part.history for part in parts], left=True),
        _stacked([part.days for part in parts]),
        _stacked([part.open.astype(np.float64) for part in parts]) == 1,
    )


def _one(problem: Problem, forecasts: pl.DataFrame) -> Judged:
    ids, actual, forecast, quantiles = aligned(problem.actuals, forecasts)
    days = aligned(problem.actuals.with_columns(y=_day(problem.actuals["ds"])), forecasts)[1]
    origin = (problem.origin,) * ids.height
    history = histories(problem.train, ids)
    unanswered = np.isfinite(actual) & ~np.isfinite(forecast)
    last = np.broadcast_to(history[:, -1:], actual.shape)
    forecast = np.where(unanswered, last, forecast)
    quantiles = np.where(unanswered[:, :, None], last[:, :, None], quantiles)
    return Judged(origin, ids["unique_id"], actual, forecast, quantiles, history, days, unanswered)


def _stacked(arrays: Sequence[Floats], *, left: bool = False) -> Floats:
    width = max(array.shape[1] for array in arrays)
    return np.concatenate([_padded(array, width, left=left) for array in arrays])


def _day(ds: pl.Series) -> pl.Series:
    if ds.dtype.is_integer():
        return pl.Series("y", [float("nan")] * len(ds))
    return ds.to_physical().cast(pl.Float64)


def _padded(array: Floats, width: int, *, left: bool) -> Floats:
    missing = width - array.shape[1]
    edges = [(0, 0)] * array.ndim
    edges[1] = (missing, 0) if left else (0, missing)
    return np.pad(array, edges, constant_values=np.nan)


def figures(judged: Judged, problem: Problem) -> dict[str, float]:
    """Return the data set's figures, those that its goals ask for among them.

    Errors are pooled over all series and origins; `unanswered` is the share of pairs that got no forecast. Quantile
    losses are of 10 to 90 % in tens; `wql` over all series of a hierarchy is the mean over its levels too, since each
    level adds up to the same total.
    """
    actual, forecast, history = judged.actual, judged.forecast, judged.history
    judged_pairs = np.isfinite(actual)
    low, high = judged.quantiles[:, :, 0], judged.quantiles[:, :, -1]
    found: dict[str, float] = {
        "wape": measures.wape(actual, forecast),
        "bias": measures.bias(actual, forecast),
        "mase": _mean(measures.mase(actual, forecast, history, problem.season)),
        "wql": measures.weighted_quantile_loss(actual, judged.quantiles, _LEVELS),
        "sql": measures.scaled_quantile_loss(actual, judged.quantiles, _LEVELS, history, problem.season),
        "cover80": measures.coverage(actual, low, high),
        "unanswered": float(judged.open.sum() / judged_pairs.sum()),
        "negatives": float((np.concatenate([forecast.ravel(), low.ravel()]) < 0).mean()),
    }
    if problem.dataset in ("m3_monthly", "m4_weekly"):
        found["owa"] = measures.owa(actual, forecast, history, problem.season)
    found.update(_by_origin(judged))
    found.update(_special(judged, problem))
    return found


def _by_origin(judged: Judged) -> dict[str, float]:
    origin = np.array(judged.origin)
    names = dict.fromkeys(judged.origin)
    if len(names) == 1:
        return {}
    return {
        f"wape@{name}": measures.wape(judged.actual[origin == name], judged.forecast[origin == name])
        for name in names
    }


def _special(judged: Judged, problem: Problem) -> Mapping[str, float]:
    match problem.dataset:
        case "taiwan_power":
            days = _near_new_year(judged.days)
            return {"wape_new_year": measures.wape(np.where(days, judged.actual, np.nan), judged.forecast)}
        case "china_macro":
            # December origins: the first three steps are January to March.
            return {"wape_jan_mar": measures.wape(judged.actual[:, :3], judged.forecast[:, :3])}
        case "tourism_large" | "tourism_small":
            return {"incoherence": _incoherence(judged, problem)}
        case _:
            return {}


def _near_new_year(days: Floats) -> Bools:
    near = np.zeros(days.shape, dtype=np.bool_)
    for day in NEW_YEARS:
        offset = days - (day - date(1970, 1, 1)).days
        near |= (offset >= _WINDOW[0]) & (offset <= _WINDOW[1])
    return near


def _incoherence(judged: Judged, problem: Problem) -> float:
    """Return the largest gap between a node's forecast and the sum of its bottom series', over the node's size."""
    if problem.members is None:
        return float("nan")
    forecasts = pl.DataFrame({"bottom": judged.ids, "forecast": list(judged.forecast)})
    rows = {one: place for place, one in enumerate(judged.ids)}
    worst = 0.0
    for key, group in problem.members.join(forecasts, on="bottom").group_by("unique_id"):
        total = np.sum(np.array(group["forecast"].to_list()), axis=0)
        node = judged.forecast[rows[str(key[0])]]
        worst = max(worst, float(np.max(np.abs(node - total) / np.maximum(np.abs(node), 1.0))))
    return worst


def _mean(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")
