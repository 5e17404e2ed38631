"""A forecaster that can be worked out by hand: the mean of a series, moved by one driver."""

from collections.abc import Sequence
from datetime import datetime

import polars as pl

from features.demand import Panel, build_panel
from models.demand.floor import FloorReason
from models.demand.ledger.published_run import ForecastRun
from models.demand.ledger.run_of_model import run_of_model
from serving.demand.payload import Table

__all__ = ["MeanModel", "by_mean"]


class MeanModel:
    """A model that forecasts the mean of a series, one tenth more for every unit of a driver `promo`."""

    tier, seed = "fast", 7

    def __init__(self, panel: Panel, horizon: int) -> None:
        self.panel, self.horizon = panel, horizon

    def _frame(self) -> pl.DataFrame:
        panel = self.panel
        means = panel.frame.group_by("unique_id").agg(
            pl.col("y").mean().alias("mean"), pl.col("period").max()
        )
        steps = pl.DataFrame({"step": range(1, self.horizon + 1)}, schema={"step": pl.Int64})
        frame = means.join(steps, how="cross").with_columns(pl.col("period") + pl.col("step"))
        promo = pl.lit(0.0).alias("promo")
        if "promo" in panel.known:
            frame = frame.join(
                panel.future.select("unique_id", "period", "promo"), on=["unique_id", "period"], how="left"
            )
            promo = pl.col("promo").fill_null(0.0)
        frame = frame.with_columns(
            panel.timeline.stamp().alias("ds"), (pl.col("mean") * promo / 10).alias("driver")
        )
        return frame.sort("unique_id", "step")

    def forecast(self) -> pl.DataFrame:
        frame = self._frame().with_columns((pl.col("mean") + pl.col("driver")).alias("forecast"))
        low, high = pl.col("forecast") * 0.8, pl.col("forecast") * 1.2
        named = frame.with_columns(
            low.alias("q10"), high.alias("q90"), members=pl.lit("1.00 mean"), floor=pl.lit(value=False)
        )
        return named.drop("mean", "driver", "period")

    def explain(self) -> pl.DataFrame:
        frame = self._frame()
        parts = [
            frame.select("unique_id", "step", pl.lit(name).alias("component"), pl.col(column).alias("value"))
            for column, name in (("mean", "level"), ("driver", "driver:promo"))
        ]
        return pl.concat(parts)

    def floor_reasons(self) -> Sequence[FloorReason | None]:
        return [None] * self.panel.series.height


def by_mean(table: Table, *, version: str, issued_at: datetime, seed: int) -> ForecastRun:
    assert seed == 7
    panel = build_panel(table.frame, freq=str(table.freq), known=table.known, past=table.past)
    model = MeanModel(panel, table.horizon)
    day = issued_at.date()
    return run_of_model(model, run_id="payload", issued_at=issued_at, data_as_of=day, model_version=version)
