"""Job: forecast the group's sales, judge the procedure, register the model and publish the run."""

import math
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Final, Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from experiments.errors import TooShortToBacktestError
from experiments.forecast_ledger import publish_run
from experiments.job import Say
from experiments.kept_models import TRAINED_BY, keep_model, point_at_champion
from experiments.tracking import Run, tracked_run
from experiments.training_gates import GATE, demand_gate
from features.demand import Panel
from features.errors import MissingColumnError, NoSeriesError
from features.sales.panel import SALES_LEVELS, sales_panel
from features.sources import read_tables
from models.bundle import Bundle
from models.demand.arrays import codes_of, series_of
from models.demand.evaluation import COMBINATION, MEASURES, actuals_after, measure
from models.demand.forecaster import LEVELS, fit_forecaster
from models.demand.hierarchies.hierarchy import Hierarchy, hierarchy_of_levels
from models.demand.hierarchies.upper_panel import panel_with_sums
from models.demand.ledger.published_run import new_run_id
from models.demand.ledger.run_of_model import keys_of_nodes, run_of_model
from models.demand.model import DemandModel
from models.demand.model_folder import save_demand_model
from models.demand.router import Tier
from models.registry import CHALLENGER, CHAMPION, Registry

__all__ = ["HORIZONS", "PublishedDemand", "RunDemand"]

HORIZONS: Final = {"1d": 28, "1w": 13, "1mo": 12}
"""Periods ahead by frequency: four weeks of days for delivery, a quarter of weeks, a year of months."""

Sold = Literal["1d", "1w", "1mo"]


@dataclass(frozen=True)
class PublishedDemand:
    """What one frequency's run left behind."""

    run: Path
    model: Bundle
    measures: pl.DataFrame


class RunDemand(BaseModel):
    """Which tables, as of when, how far ahead; each frequency is a profile with a champion of its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tables: Path = Field(description="folder of checked tables")
    home: Path
    as_of: date
    issued_at: datetime
    freqs: tuple[Sold, ...] = ("1w", "1mo")
    tier: Tier = Tier.STANDARD
    plans: Path | None = Field(
        default=None, description="planned prices and promotions: unique_id, ds, price, promotion"
    )
    tracking_uri: str
    artifacts: Path
    code_version: str
    trained_by: str = Field(
        default="", description="who runs the training; this person may not approve the model"
    )
    seed: int = 7
    challenger: bool = Field(
        default=False, description="publish beside what is served, to be compared with it, not in its place"
    )

    def run(self, say: Say) -> list[PublishedDemand]:
        """Run every frequency; each is published whole or not at all."""
        return [self._one(freq, self._panel(freq, self.as_of), say) for freq in self.freqs]

    def _panel(self, freq: Sold, as_of: date) -> Panel:
        plans = None if self.plans is None else pl.read_parquet(self.plans)
        return sales_panel(read_tables(self.tables), freq=freq, as_of=as_of, plans=plans)

    def _one(self, freq: Sold, panel: Panel, say: Say) -> PublishedDemand:
        name, horizon = f"demand-{freq}", HORIZONS[freq]
        with tracked_run(
            name, tracking_uri=self.tracking_uri, artifacts=self.artifacts, name=f"{name} run"
        ) as run:
            measures = self._judge(freq, panel, horizon)
            model = self._fit(panel, horizon, keep_all=False)
            bundle = self._save(model, measures)
            self._log(run, name, bundle, measures)
            folder = self._publish(model, bundle, measures, run.run_id)
        served = measures.row(by_predicate=pl.col("name") == COMBINATION, named=True)
        floor = measures.row(by_predicate=pl.col("name") == "naive", named=True)
        say(
            f"{freq}：{model.panel.series.height} 条序列（含合计）预测 {horizon} 期；回测 WAPE {served['wape']:.1%}，"
            f"季节性朴素 {floor['wape']:.1%}；80% 区间覆盖 {served['coverage']:.0%}",
            f"{freq}: {model.panel.series.height} series with their sums, {horizon} periods ahead; backtest WAPE "
            f"{served['wape']:.1%}, seasonal naive {floor['wape']:.1%}; the 80 % band covers {served['coverage']:.0%}",
        )
        return PublishedDemand(folder, bundle, measures)

    def _fit(self, panel: Panel, horizon: int, *, keep_all: bool) -> DemandModel:
        return fit_forecaster(
            panel,
            horizon,
            tier=self.tier,
            levels=LEVELS,
            seed=self.seed,
            keep_all=keep_all,
            hierarchy=_hierarchy(panel),
        )

    def _judge(self, freq: Sold, panel: Panel, horizon: int) -> pl.DataFrame:
        """Forecast the last horizon from what was known before it, all members beside each other."""
        unit = freq.removeprefix("1")
        earlier = pl.Series([self.as_of]).dt.offset_by(f"-{horizon}{unit}")[0]
        try:
            past = self._panel(freq, earlier)
        except NoSeriesError as error:
            raise TooShortToBacktestError(horizon) from error
        model = self._fit(past, horizon, keep_all=True)
        whole = panel_with_sums(panel, _hierarchy(panel))
        came = series_of(whole, 0, codes_of(whole))
        return measure(model, actuals_after(came, model.series(), horizon))

    def _save(self, model: DemandModel, measures: pl.DataFrame) -> Bundle:
        served = measures.row(by_predicate=pl.col("name") == COMBINATION, named=True)
        freq = str(model.panel.timeline.frequency)
        notes = {
            "as_of": self.as_of.isoformat(),
            "freq": freq,
            TRAINED_BY: self.trained_by,
            GATE: demand_gate(measures),
        }
        return keep_model(
            self.home / "models" / "demand",
            lambda folder: save_demand_model(
                model, folder, code_version=self.code_version, metrics=_known(served), notes=notes
            ),
        )

    def _log(self, run: Run, name: str, bundle: Bundle, measures: pl.DataFrame) -> None:
        run.parameters(self.model_dump(mode="json", include={"as_of", "tier", "seed", "freqs"}))
        run.tags({"bundle_version": bundle.manifest.version})
        for row in measures.iter_rows(named=True):
            run.metrics({f"{row['name']}.{one}": value for one, value in _known(row).items()})
        registry = Registry(self.tracking_uri)
        registered = registry.register(name, folder=bundle.folder, run_id=run.run_id)
        alias = CHALLENGER if self.challenger else CHAMPION
        registry.set_alias(registered, alias)
        point_at_champion(
            bundle.folder.parent / f"{alias}-{name.removeprefix('demand-')}.json",
            bundle,
            registered=registered.number,
        )

    def _publish(self, model: DemandModel, bundle: Bundle, measures: pl.DataFrame, run_id: str) -> Path:
        freq = model.panel.timeline.frequency
        run = run_of_model(
            model,
            run_id=new_run_id(freq, self.issued_at, bundle.manifest.version[-6:]),
            issued_at=self.issued_at,
            data_as_of=self.as_of,
            model_version=bundle.manifest.version,
            model_folder=str(bundle.folder.relative_to(self.home)),
            accuracy={row["name"]: _known(row) for row in measures.iter_rows(named=True)},
            static=keys_of_nodes(_hierarchy(model.panel), _static(model.panel), SALES_LEVELS),
            mlflow_run_id=run_id,
        )
        told = {"challenger": self.challenger, TRAINED_BY: self.trained_by, GATE: demand_gate(measures)}
        info = run.info.model_copy(update=told)
        return publish_run(self.home, replace(run, info=info))


def _static(panel: Panel) -> pl.DataFrame:
    """Return what the most detailed series are of: unique_id, org_id, family, product_id, region."""
    if panel.static is None:
        raise MissingColumnError("sales", ["org_id", "family", "product_id", "region"], panel.frame.columns)
    return panel.static.filter(pl.col("region").is_not_null())


def _hierarchy(panel: Panel) -> Hierarchy:
    """Return how the most detailed series add up: product, family, company, group."""
    return hierarchy_of_levels(_static(panel), SALES_LEVELS)


def _known(row: dict[str, object]) -> dict[str, float]:
    """Return the measures of a row that could be taken."""
    taken = {one: float(str(row[one])) for one in MEASURES if row[one] is not None}
    return {one: value for one, value in taken.items() if math.isfinite(value)}
