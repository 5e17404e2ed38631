"""Job: forecast any table of unique_id, ds, y; no choice by hand."""

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

from experiments.job import Say
from features.checked_files import write_csv_atomically, write_parquet_atomically
from features.demand import Panel, build_panel
from features.sources import scan_table
from models.bundle import MANIFEST
from models.demand.arrays import codes_of, series_of
from models.demand.forecaster import fit_forecaster
from models.demand.hierarchies.hierarchy import Hierarchy
from models.demand.hierarchies.hierarchy_file import read_hierarchy
from models.demand.hierarchies.upper_series import check_sums
from models.demand.model import DemandModel
from models.demand.model_folder import save_demand_model
from models.demand.roster import find_member
from models.demand.router import Tier

__all__ = ["ForecastTable", "Forecasted", "TableOptions", "report_of", "writable_table", "write_table"]


@dataclass(frozen=True)
class Forecasted:
    """What a run left behind: the model, its forecast, and what was found in the table's series."""

    model: DemandModel
    forecast: pl.DataFrame
    report: pl.DataFrame


class TableOptions(BaseModel):
    """What a table's columns mean, and how it is to be forecast; forecast and backtest share them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    table: Path
    freq: str
    horizon: int = Field(ge=1, description="periods ahead")
    season: int | None = Field(
        default=None, ge=1, description="periods of a season; by frequency unless told"
    )
    known: tuple[str, ...] = Field(default=(), description="drivers known for the future")
    past: tuple[str, ...] = Field(default=(), description="drivers known only once they have happened")
    static: tuple[str, ...] = Field(default=(), description="columns that describe a series")
    hierarchy: Path | None = Field(default=None, description="TOML that says how series add up")
    tier: Tier = Tier.STANDARD
    extra: tuple[str, ...] = Field(default=(), description="members on request: auto_arima, auto_ces")
    as_of: date | None = Field(default=None, description="nothing that became known later counts")
    seed: int = 7

    def panel(self, as_of: date | None = None) -> Panel:
        """Read the table as it was known on a date, the option's unless told. Raises UnknownMemberError first of all."""
        for name in self.extra:
            find_member(name)
        return build_panel(
            _typed(scan_table(self.table), (*self.known, *self.past)),
            freq=self.freq,
            season=self.season,
            known=self.known,
            past=self.past,
            static=self.static,
            as_of=as_of or self.as_of,
        )

    def fit(
        self,
        panel: Panel,
        levels: Sequence[float],
        hierarchy: Hierarchy | None,
        *,
        keep_all: bool = False,
    ) -> DemandModel:
        """Learn from the panel, or from one cut short for a backtest; `hierarchy` comes from `sums`."""
        return fit_forecaster(
            panel,
            self.horizon,
            tier=self.tier,
            levels=levels,
            seed=self.seed,
            extra=self.extra,
            keep_all=keep_all,
            hierarchy=hierarchy,
        )

    def sums(self, panel: Panel) -> Hierarchy | None:
        """Read how the series that the panel took add up; a file may name some that it refused."""
        if self.hierarchy is None:
            return None
        refused = panel.refused["unique_id"].unique().sort().to_list()
        named = set(_names_in(self.hierarchy)).intersection(refused)
        ids = [*panel.series["unique_id"].to_list(), *sorted(named)]
        return read_hierarchy(self.hierarchy, panel.static, ids).without(named)


class ForecastTable(TableOptions):
    """Where the forecast goes; beside it lie `<name>.report` and, where asked for, `<name>.components`."""

    out: Path
    quantiles: tuple[float, ...] = (0.1, 0.5, 0.9)
    explain: bool = False
    model: Path | None = Field(default=None, description="folder that gets the model")
    code_version: str = "unknown"

    @field_validator("quantiles")
    @classmethod
    def _between_zero_and_one(cls, levels: tuple[float, ...]) -> tuple[float, ...]:
        if not levels or any(not 0 < level < 1 for level in levels):
            raise PydanticCustomError("levels", "分位数须在 0 与 1 之间 / quantiles lie between 0 and 1")
        return tuple(sorted(set(levels)))

    @field_validator("model")
    @classmethod
    def _new_or_a_model(cls, folder: Path | None) -> Path | None:
        """Refuse to put a model in the place of anything but a model: what stands there is removed."""
        there = folder is not None and folder.exists()
        if folder is not None and there and not (folder / MANIFEST).is_file():
            raise PydanticCustomError(
                "folder", "已存在且不是模型目录，请换一个 / it exists and holds no model; name another folder"
            )
        return folder

    @field_validator("out")
    @classmethod
    def _of_a_known_kind(cls, out: Path) -> Path:
        return writable_table(out)

    def run(self, say: Say) -> Forecasted:
        """Check the table, learn, forecast, write; what is wrong with a series stands in the report."""
        panel, hierarchy = self._checked()
        found, lost = panel.findings["unique_id"].n_unique(), panel.refused.height
        count = panel.frame["unique_id"].n_unique()
        say(
            f"{count:,} 条序列可预测，{found:,} 条有需留意之处，{lost:,} 条无法预测",
            f"{count:,} series to forecast, {found:,} with something to note, {lost:,} refused",
        )
        model = self.fit(panel, self.quantiles, hierarchy)
        series = model.series()
        outlook = model.outlook(series)
        forecast, report = self._dated_as_given(model.frame(series, outlook)), report_of(model)
        write_table(forecast, self.out)
        write_table(report, _beside(self.out, "report"))
        if self.explain:
            write_table(model.components(series, outlook), _beside(self.out, "components"))
        if self.model is not None:
            save_demand_model(model, self.model, code_version=self.code_version)
        self._tell(say, model)
        return Forecasted(model, forecast, report)

    def _checked(self) -> tuple[Panel, Hierarchy | None]:
        """Read table and hierarchy; sums that the table brings along and that do not add up are named."""
        panel = self.panel()
        hierarchy = self.sums(panel)
        if hierarchy is None:
            return panel, None
        wrong = check_sums(series_of(panel, 0, codes_of(panel)), hierarchy)
        first = pl.col("first_ds").cast(panel.findings.schema["first_ds"])
        return replace(panel, findings=pl.concat([panel.findings, wrong.with_columns(first)])), hierarchy

    def _dated_as_given(self, forecast: pl.DataFrame) -> pl.DataFrame:
        """Give dates the type they have in the table, so that both can be joined; texts become dates."""
        given = scan_table(self.table).collect_schema()["ds"]
        typed = isinstance(given, pl.Datetime) or given.is_integer()
        return forecast.with_columns(pl.col("ds").cast(given)) if typed else forecast

    def _tell(self, say: Say, model: DemandModel) -> None:
        floors = int(model.combination.floor.sum())
        say(
            f"预测已写入 {self.out}；{floors:,} 条序列没有方法胜过季节性朴素，按朴素给出；逐条说明见 {_beside(self.out, 'report')}",
            f"forecast written to {self.out}; for {floors:,} series nothing beat the seasonal naive, which is given; "
            f"what was found in each series stands in {_beside(self.out, 'report')}",
        )


def report_of(model: DemandModel) -> pl.DataFrame:
    """List what was found in series and which were refused: unique_id, outcome, rule, zh, en."""
    panel = model.panel
    return pl.concat(
        [
            panel.findings.select(
                "unique_id",
                "rule",
                outcome=pl.lit("noted"),
                zh=pl.col("treatment_zh"),
                en=pl.col("treatment_en"),
            ),
            panel.refused.select(
                "unique_id", "rule", outcome=pl.lit("refused"), zh=pl.col("reason_zh"), en=pl.col("reason_en")
            ),
            _floors(model),
        ],
        how="vertical_relaxed",
    ).sort("unique_id", "rule")


def _floors(model: DemandModel) -> pl.DataFrame:
    ids = model.panel.series["unique_id"].sort()
    return pl.DataFrame(
        [
            {
                "unique_id": unique_id,
                "rule": "floor",
                "outcome": "floor",
                "zh": reason.zh,
                "en": reason.en,
            }
            for unique_id, reason in zip(ids, model.floor_reasons(), strict=True)
            if reason is not None
        ],
        schema=dict.fromkeys(("unique_id", "rule", "outcome", "zh", "en"), pl.String),
    )


def _typed(table: pl.LazyFrame, drivers: Sequence[str]) -> pl.LazyFrame:
    """Read drivers as numbers where a sheet, whose cells are all text, holds nothing else in them."""
    schema = table.collect_schema()
    texts = [name for name in drivers if schema.get(name) == pl.String]
    if not texts:
        return table
    cells = table.select(texts).collect().select(pl.all().str.strip_chars().replace("", None))
    numbers = cells.select(pl.all().cast(pl.Float64, strict=False))
    return table.with_columns(
        numbers[name] for name in texts if numbers[name].null_count() == cells[name].null_count()
    )


def _names_in(hierarchy: Path) -> Iterator[str]:
    """Name all series and nodes in a file of nodes; what is wrong with a file is said where it is read in full."""
    try:
        file = tomllib.loads(hierarchy.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return
    for table in (file.get("nodes"), file.get("parents")):
        for name, others in table.items() if isinstance(table, dict) else ():
            yield name
            yield from (str(one) for one in others) if isinstance(others, list) else ()


def _beside(path: Path, what: str) -> Path:
    return path.with_name(f"{path.stem}.{what}{path.suffix}")


def writable_table(path: Path) -> Path:
    """Return a path whose suffix says Parquet or CSV, for a job's settings."""
    if path.suffix.lower() not in (".parquet", ".csv"):
        raise PydanticCustomError(
            "suffix", "文件名须以 .parquet 或 .csv 结尾 / its name ends in .parquet or .csv"
        )
    return path


def write_table(frame: pl.DataFrame, path: Path) -> None:
    """Write a frame as its path's suffix says. Raises UnwritableFileError."""
    if path.suffix.lower() == ".csv":
        write_csv_atomically(frame, path)
    else:
        write_parquet_atomically(frame, path)
