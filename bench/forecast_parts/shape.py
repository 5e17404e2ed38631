"""The form in which every forecaster of the benchmark hands in its answer."""

from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

__all__ = ["LEVELS", "QUANTILES", "Floats", "aligned", "histories"]

Floats = NDArray[np.float64]
LEVELS: Final = tuple(round(0.1 * step, 1) for step in range(1, 10))
QUANTILES: Final = tuple(f"q{round(100 * level)}" for level in LEVELS)


def aligned(actuals: pl.DataFrame, forecasts: pl.DataFrame) -> tuple[pl.DataFrame, Floats, Floats, Floats]:
    """Lay forecasts beside actuals.

    Returns the ids [unique_id] in the order of the rows, actuals (n, h), forecasts (n, h) and quantiles (n, h, 9); NaN
    where there is none. Step s is a series' s-th row that is judged.
    """
    columns = ["forecast", *(q for q in QUANTILES if q in forecasts.columns)]
    both = actuals.sort("unique_id", "ds").join(
        forecasts.select("unique_id", "ds", *columns),
        on=["unique_id", "ds"],
        how="left",
        maintain_order="left",
    )
    both = both.with_columns(step=pl.int_range(pl.len()).over("unique_id"))
    ids = both.select("unique_id").unique(maintain_order=True)
    row = both["unique_id"].rle_id().to_numpy()
    step = both["step"].to_numpy()
    shape = (ids.height, int(step.max()) + 1)

    def spread(name: str) -> Floats:
        values = np.full(shape, np.nan)
        if name in both.columns:
            values[row, step] = both[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
        return values

    quantiles = np.stack([spread(q) for q in QUANTILES], axis=2)
    return ids, spread("y"), spread("forecast"), quantiles


def histories(train: pl.DataFrame, ids: pl.DataFrame) -> Floats:
    """Return the series' histories (n, T), right-aligned, NaN before a series starts."""
    rows = ids.with_row_index("row").join(train.select("unique_id", "ds", "y"), on="unique_id", how="inner")
    rows = rows.sort("row", "ds").with_columns(
        back=pl.len().over("row") - pl.int_range(pl.len()).over("row"),
    )
    values = np.full((ids.height, int(rows["back"].cast(pl.Int64).max() or 1)), np.nan)  # type: ignore[arg-type]
    values[rows["row"].to_numpy(), values.shape[1] - rows["back"].to_numpy()] = rows["y"].to_numpy()
    return values
