"""Jobs: take the demand of any table apart, and nowcast its running periods."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from experiments.job import Say
from features.checked_files import write_parquet_atomically
from features.demand import build_panel
from features.sources import read_table, scan_table
from features.timeline import read_frequency, timeline_of
from models.demand.analysis.change_points import change_points
from models.demand.analysis.decomposition import decompose
from models.demand.analysis.outliers import outlier_runs, outliers
from models.demand.arrays import codes_of, series_of
from models.demand.nowcasting.nowcast import nowcast
from models.demand.series import IntArray, Series

__all__ = ["AnalyseDemand", "Analysed", "NowcastDemand"]

_SHOWN: Final = 10


@dataclass(frozen=True)
class Analysed:
    """Frames of an analysis, under the names of the files they are written to."""

    parts: pl.DataFrame
    strengths: pl.DataFrame
    changes: pl.DataFrame
    outliers: pl.DataFrame
    runs: pl.DataFrame
    refused: pl.DataFrame

    def write(self, folder: Path) -> None:
        """Write each as Parquet."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, frame in vars(self).items():
            write_parquet_atomically(frame, folder / f"{name}.parquet")


class AnalyseDemand(BaseModel):
    """What a table's columns mean, and where the analysis goes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    table: Path
    freq: str
    out: Path
    season: int | None = Field(
        default=None, ge=1, description="periods of a season; by frequency unless told"
    )
    drivers: tuple[str, ...] = Field(
        default=(), description="columns that may explain outliers: promotion, price"
    )
    events: Path | None = Field(default=None, description="table event, start_on, end_on of known events")
    calendar: bool = Field(default=True, description="look for effects of the Chinese calendar")
    as_of: date | None = Field(default=None, description="nothing that became known later counts")
    most_parts: int = Field(default=200, ge=0, description="series that are decomposed, the largest first")

    def run(self, say: Say) -> Analysed:
        """Find outliers and changes of all series, and decompose the largest."""
        panel = build_panel(
            scan_table(self.table), freq=self.freq, season=self.season, past=self.drivers, as_of=self.as_of
        )
        series = series_of(panel, 0, codes_of(panel))
        events = read_table(self.events) if self.events is not None else None
        found = outliers(series, events=events, calendar=self.calendar, drivers=self._numeric(series))
        apart = decompose(series.take(_largest(series, self.most_parts)), calendar=self.calendar)
        analysed = Analysed(
            apart.frame(),
            apart.strengths(),
            change_points(series, calendar=self.calendar),
            found,
            outlier_runs(found),
            panel.refused,
        )
        analysed.write(self.out)
        say(
            f"{len(series):,} 条序列：{analysed.changes.height:,} 个变点，{analysed.runs.height:,} 段异常值（共 {found.height:,} 期），"
            f"已分解 {len(apart.series):,} 条；{panel.refused.height:,} 条无法分析。结果在 {self.out}",
            f"{len(series):,} series: {analysed.changes.height:,} changes, {analysed.runs.height:,} runs of outliers "
            f"({found.height:,} periods), {len(apart.series):,} taken apart; {panel.refused.height:,} refused. "
            f"Written to {self.out}",
        )
        return analysed

    def _numeric(self, series: Series) -> tuple[str, ...]:
        return tuple(name for name in self.drivers if name not in series.categorical)


class NowcastDemand(BaseModel):
    """Where orders and published forecasts lie, and where the nowcast goes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    orders: Path
    forecast: Path
    freq: str
    as_of: date
    out: Path
    history: Path | None = Field(default=None, description="forecasts published for earlier periods")
    groups: Path | None = Field(
        default=None, description="table unique_id, group: series that report together"
    )

    def run(self, say: Say) -> pl.DataFrame:
        """Complete the running periods and say which leave the band."""
        forecast = read_table(self.forecast)
        timeline = timeline_of(forecast["ds"].cast(pl.Date), read_frequency(self.freq))
        found = nowcast(
            read_table(self.orders),
            forecast,
            timeline=timeline,
            as_of=self.as_of,
            history=read_table(self.history) if self.history is not None else None,
            groups=read_table(self.groups) if self.groups is not None else None,
        )
        write_parquet_atomically(found, self.out)
        above, below = (int((found["verdict"] == verdict).sum()) for verdict in ("above", "below"))
        say(
            f"{found.height:,} 个进行中的预测期：{above:,} 个高于预测区间，{below:,} 个低于。结果在 {self.out}",
            f"{found.height:,} running periods: {above:,} above the forecast's band, {below:,} below. Written to {self.out}",
        )
        outside = found.filter(pl.col("verdict") != "inside").sort("difference", descending=True)
        for row in outside.head(_SHOWN).iter_rows(named=True):
            say(f"{row['unique_id']}：{row['text_zh']}", f"{row['unique_id']}: {row['text_en']}")
        return found


def _largest(series: Series, most: int) -> IntArray:
    totals = (
        pl.Series(series.y.tolist() if len(series) else [], dtype=pl.List(pl.Float64))
        .list.eval(pl.element().fill_nan(None).abs())
        .list.sum()
    )
    return totals.arg_sort(descending=True).head(most).sort().to_numpy().astype("int64")
