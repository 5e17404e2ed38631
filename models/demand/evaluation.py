"""Judge a model's forecasts by what came: one row of measures for it, the naive floor and each member."""

from typing import Final

import numpy as np
import polars as pl

from models.demand import measures
from models.demand.conformal import Bands
from models.demand.model import DemandModel
from models.demand.series import FloatArray, Series

__all__ = ["COMBINATION", "MEASURES", "actuals_after", "measure"]

COMBINATION: Final = "zhiheng"
MEASURES: Final = ("wape", "mase", "rmsse", "smape", "owa", "scaled_quantile_loss", "coverage", "bias")


def measure(model: DemandModel, actual: FloatArray) -> pl.DataFrame:
    """Return a row for the combination and for each member: name, series, and the columns of MEASURES.

    actual: (n, h) what came, in the order of the model's series, NaN where it is not known. Coverage is that of the band
    between the outermost quantile levels. A member is judged on the series it forecasts.
    """
    series = model.series()
    outlook = model.outlook(series)
    rows = [
        _row(COMBINATION, series, actual, outlook.point, quantiles=outlook.quantiles, levels=model.levels)
    ]
    for number, name in enumerate(model.combination.members):
        if name in model.members:
            forecast = outlook.members[number]
            quantiles = _member_quantiles(model.member_bands[name], forecast)
            rows.append(_row(name, series, actual, forecast, quantiles=quantiles, levels=model.levels))
    return pl.DataFrame(rows)


def actuals_after(whole: Series, past: Series, horizon: int) -> FloatArray:
    """Return what `whole` says of the `horizon` periods after each past series, (n, horizon), NaN where it is not known."""
    place = {unique_id: row for row, unique_id in enumerate(whole.ids)}
    rows = np.array([place[unique_id] for unique_id in past.ids], dtype=np.int64)
    came = whole.take(rows)
    seen = np.where(came.observed, came.y, np.nan)
    columns = (past.last - came.last)[:, None] + seen.shape[1] + np.arange(horizon)[None, :]
    inside = columns < seen.shape[1]
    actual = np.take_along_axis(seen, np.where(inside, columns, 0), axis=1)
    return np.where(inside, actual, np.nan)


def _member_quantiles(bands: Bands, forecast: FloatArray) -> FloatArray:
    return np.sort(bands.quantiles(forecast), axis=2)


def _row(
    name: str,
    series: Series,
    actual: FloatArray,
    forecast: FloatArray,
    *,
    quantiles: FloatArray,
    levels: tuple[float, ...],
) -> dict[str, object]:
    history = np.where(series.observed, series.y, np.nan)
    seen = np.where(np.isfinite(forecast), actual, np.nan)
    return {
        "name": name,
        "series": int(np.isfinite(forecast).any(axis=1).sum()),
        "wape": measures.wape(seen, forecast),
        "mase": measures.average(measures.mase(seen, forecast, history, series.season)),
        "rmsse": measures.average(measures.rmsse(seen, forecast, history, series.season)),
        "smape": measures.average(measures.smape(seen, forecast)),
        "owa": measures.owa(seen, forecast, history, series.season),
        "scaled_quantile_loss": measures.scaled_quantile_loss(
            seen, quantiles, np.array(levels), history, series.season
        ),
        "coverage": measures.coverage(seen, quantiles[:, :, 0], quantiles[:, :, -1]),
        "bias": measures.bias(seen, forecast),
    }
