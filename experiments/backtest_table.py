"""Job: judge the whole forecasting procedure on a table by rolling origins, beside the naive floor and the members."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
from pydantic import Field

from experiments.errors import TooShortToBacktestError
from experiments.forecast_table import TableOptions
from experiments.job import Say
from experiments.tracking import tracked_run
from features.checked_files import write_parquet_atomically
from features.demand import Panel
from features.panel_cut import cut_panel
from models.demand.arrays import codes_of, series_of
from models.demand.evaluation import COMBINATION, MEASURES, measure
from models.demand.forecaster import LEVELS, fit_forecaster
from models.demand.series import FloatArray

__all__ = ["EXPERIMENT", "BacktestTable"]

EXPERIMENT = "demand backtest"


class BacktestTable(TableOptions):
    """How many origins, and where the run is written down; at each origin the model is learnt anew from what was there."""

    origins: int = Field(default=2, ge=1, description="cutoffs, one horizon apart, the newest first")
    tracking_uri: str
    artifacts: Path
    out: Path | None = Field(default=None, description="file for the measures of every origin")

    def run(self, say: Say) -> pl.DataFrame:
        """Return the measures, means over origins: name, series, origins and the columns of MEASURES.

        Raises TooShortToBacktestError when no series reaches back beyond one horizon.
        """
        panel = self.panel()
        with tracked_run(
            EXPERIMENT, tracking_uri=self.tracking_uri, artifacts=self.artifacts, name=self.table.stem
        ) as run:
            run.parameters(self.model_dump(mode="json", exclude={"tracking_uri", "artifacts"}))
            judged = pl.concat(self._origins(panel, say))
            means = _means(judged)
            served = means.row(by_predicate=pl.col("name") == COMBINATION, named=True)
            run.metrics({name: float(served[name]) for name in MEASURES})
        if self.out is not None:
            write_parquet_atomically(judged, self.out)
        return means

    def _origins(self, panel: Panel, say: Say) -> Iterator[pl.DataFrame]:
        judged = 0
        for number in range(1, self.origins + 1):
            back = number * self.horizon
            past = cut_panel(panel, back)
            if past.frame.height == 0:
                break
            judged += 1
            model = fit_forecaster(
                past,
                self.horizon,
                tier=self.tier,
                levels=LEVELS,
                seed=self.seed,
                extra=self.extra,
                keep_all=True,
            )
            rows = measure(model, _actual(panel, past, back, self.horizon))
            say(f"起点 {number}：{back} 期之前", f"origin {number}: {back} periods back")
            yield rows.with_columns(origin=pl.lit(back))
        if not judged:
            raise TooShortToBacktestError(self.horizon)


def _actual(panel: Panel, past: Panel, back: int, horizon: int) -> FloatArray:
    """Return what came after the cut, in the order of the cut panel's series, (n, horizon)."""
    whole = series_of(panel, 0, codes_of(panel))
    kept = series_of(past, 0, codes_of(panel)).ids
    place = {unique_id: row for row, unique_id in enumerate(whole.ids)}
    rows = np.array([place[unique_id] for unique_id in kept], dtype=np.int64)
    return whole.take(rows).actuals(back, horizon)


def _means(judged: pl.DataFrame) -> pl.DataFrame:
    known = [pl.col(name).fill_nan(None).mean().alias(name) for name in MEASURES]
    return judged.group_by("name", maintain_order=True).agg(
        pl.col("series").max(), pl.len().alias("origins"), *known
    )
