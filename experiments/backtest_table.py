"""Job: judge the whole forecasting procedure on a table by rolling origins, beside the naive floor and the members."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
from pydantic import Field, field_validator

from experiments.errors import TooShortToBacktestError
from experiments.forecast_table import TableOptions, writable_table, write_table
from experiments.job import Say
from experiments.tracking import tracked_run
from features.demand import Panel
from features.errors import NoSeriesError
from features.panels.cut import cut_panel
from features.sources import scan_table
from features.timeline import Frequency
from models.demand.arrays import codes_of, series_of
from models.demand.evaluation import COMBINATION, MEASURES, actuals_after, measure
from models.demand.forecaster import LEVELS
from models.demand.hierarchies.hierarchy import Hierarchy
from models.demand.hierarchies.upper_panel import panel_with_sums
from models.demand.series import Series

__all__ = ["EXPERIMENT", "BacktestTable"]

EXPERIMENT = "demand backtest"


class BacktestTable(TableOptions):
    """How many origins, and where the run is written down; at each origin the model is learnt anew from what was there."""

    origins: int = Field(default=2, ge=1, description="cutoffs, one horizon apart, the newest first")
    tracking_uri: str
    artifacts: Path
    out: Path | None = Field(default=None, description="file for the measures of every origin")

    @field_validator("out")
    @classmethod
    def _of_a_known_kind(cls, out: Path | None) -> Path | None:
        return None if out is None else writable_table(out)

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
            run.metrics({name: float(served[name]) for name in MEASURES if served[name] is not None})
        if self.out is not None:
            write_table(judged, self.out)
        return means

    def _origins(self, panel: Panel, say: Say) -> Iterator[pl.DataFrame]:
        hierarchy = self.sums(panel)
        whole = _whole(panel, hierarchy)
        for number in range(1, self.origins + 1):
            back = number * self.horizon
            past = self._past(panel, back)
            if past is None:
                if number == 1:
                    raise TooShortToBacktestError(self.horizon)
                return
            young = set(panel.series["unique_id"]).difference(past.series["unique_id"])
            sums = None if hierarchy is None else hierarchy.without(young)
            model = self.fit(past, LEVELS, sums, keep_all=True)
            rows = measure(model, actuals_after(whole, model.series(), self.horizon))
            say(f"起点 {number}：{back} 期之前", f"origin {number}: {back} periods back")
            yield rows.with_columns(origin=pl.lit(back))

    def _past(self, panel: Panel, back: int) -> Panel | None:
        """Return what was known at an origin, None where there was nothing.

        A table that says when each row became known is read anew as of the origin's last day: later revisions do not
        count, and late reports are missing as they were then. Other tables are cut.
        """
        dated = panel.timeline.frequency != Frequency.INTEGER
        if not (dated and "known_at" in scan_table(self.table).collect_schema()):
            past = cut_panel(panel, back)
            return past if past.frame.height else None
        newest = np.array([panel.series["last"].max()], dtype=np.int64) - back
        day = panel.timeline.ends(newest)[0].astype("datetime64[D]").item()
        try:
            return self.panel(as_of=day)
        except NoSeriesError:
            return None


def _whole(panel: Panel, hierarchy: Hierarchy | None) -> Series:
    """Return what came, with the sums of the hierarchy where there is one."""
    full = panel if hierarchy is None else panel_with_sums(panel, hierarchy)
    return series_of(full, 0, codes_of(full))


def _means(judged: pl.DataFrame) -> pl.DataFrame:
    known = [pl.col(name).fill_nan(None).mean().alias(name) for name in MEASURES]
    return judged.group_by("name", maintain_order=True).agg(
        pl.col("series").max(), pl.len().alias("origins"), *known
    )
