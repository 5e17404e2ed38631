"""Job: forecast what the group's lines can make, judge it, register the model, simulate shortfalls, publish the run."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from experiments.capacity_backtest import (
    ALL,
    CutOff,
    actual_weeks,
    cut_off_days,
    cut_offs,
    line_errors,
    measures_of_lines,
)
from experiments.capacity_calibration import Calibration, calibrate
from experiments.capacity_demand import Demand, find_demand
from experiments.capacity_gate import PLANNED_VERSION, Served, gate_outcome, served
from experiments.capacity_inputs import CapacityInputs, capacity_inputs
from experiments.capacity_outlook import Outlook, outlook_of
from experiments.capacity_words import tell_run
from experiments.errors import TooShortToBacktestError
from experiments.job import Say
from experiments.kept_models import TRAINED_BY, keep_model, point_at_champion
from experiments.tracking import Run, tracked_run
from features.capacity.line_panel import LinePanel
from features.sources import Tables, read_tables
from models.bundle import Bundle
from models.capacity.lines.model import LineModel, fit_lines
from models.capacity.lines.model_folder import save_line_model
from models.capacity.profiles.panel_facts import labelled_losses
from models.capacity.profiles.profile_files import load_profiles
from models.capacity.published.capacity_run import FOLDER, CapacityRun, latest_run_id, new_run_id, write_run
from models.capacity.published.opening_stock import stock_carried_forward
from models.capacity.published.run_info import CapacityInfo, Note
from models.capacity.published.run_of_model import run_of_model
from models.capacity.published.shortfall_of_run import COUNT
from models.registry import CHALLENGER, CHAMPION, Registry

__all__ = ["NAME", "PROFILES", "PublishedCapacity", "RunCapacity"]

NAME: Final = "capacity-lines"
PROFILES: Final = "profiles"
"""Folder below the home whose industry profiles come before the built-in ones."""


@dataclass(frozen=True, eq=False)
class PublishedCapacity:
    """What a run left behind; `calibration` is None where nothing could be held against what came."""

    run: Path
    model: Bundle
    measures: pl.DataFrame
    calibration: Calibration | None


@dataclass(frozen=True, eq=False)
class _Judged:
    measures: pl.DataFrame
    calibration: Calibration | None

    @property
    def accuracy(self) -> dict[str, dict[str, float]]:
        """Return the measures by subject and name, as a run publishes them."""
        found = {
            ("lines" if row["name"] == ALL else f"line:{row['name']}"): _known(row)
            for row in _rows(self.measures)
        }
        if self.calibration is not None and self.calibration.measures:
            found["shortfall"] = self.calibration.measures
        return found


class RunCapacity(BaseModel):
    """Which tables, as of when, how far ahead, and against which demand."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tables: Path = Field(description="folder of checked tables")
    home: Path
    as_of: date
    issued_at: AwareDatetime
    horizon_days: int = Field(default=98, ge=7, le=750, description="days ahead of as_of")
    demand_run: str | None = Field(
        default=None, description="id of a weekly demand run; the newest by default"
    )
    require_demand: bool = Field(default=False, description="refuse to publish without a demand run")
    scenarios: int = Field(default=COUNT, ge=100, description="futures drawn")
    cutoffs: int = Field(default=3, ge=0, le=12, description="past days judged; 0 for none")
    utilisation_months: int = Field(default=6, ge=1, le=24)
    tracking_uri: str
    artifacts: Path
    code_version: str
    trained_by: str = Field(
        default="", description="who runs the training; this person may not approve the model"
    )
    seed: int = 7

    def run(self, say: Say) -> PublishedCapacity:
        """Learn, judge, register and publish; nothing is published where a step fails, and the last run stays.

        A model that did no better than the planned rate is registered, and does not become champion: the planned rate is
        published, and the model's own run beside it, as the challenger's. Nor does a model of older data than the newest
        run's.
        """
        profiles = load_profiles(self.home / PROFILES)
        demand = find_demand(
            self.home, as_of=self.as_of, run_id=self.demand_run, required=self.require_demand
        )
        tables = read_tables(self.tables)
        inputs = capacity_inputs(tables, profiles, as_of=self.as_of, horizon_days=self.horizon_days)
        with tracked_run(
            NAME, tracking_uri=self.tracking_uri, artifacts=self.artifacts, name=f"{NAME} run"
        ) as run:
            judged = self._judge(tables, inputs, say)
            model = fit_lines(inputs.panel, seed=self.seed, profiles=profiles)
            chosen = served(model, judged.accuracy.get("lines", {}))
            bundle = self._save(model, judged, chosen)
            published = self._assemble(chosen, bundle, judged, demand, inputs)
            published = replace(
                published, info=published.info.model_copy(update={"mlflow_run_id": run.run_id})
            )
            folder = write_run(self.home / FOLDER, published)
            newest = latest_run_id(self.home / FOLDER)
            if not chosen.promoted:
                beside = self._assemble(Served(model, promoted=True), bundle, judged, demand, inputs)
                write_run(self.home / FOLDER, _challengers(beside, run.run_id))
            self._log(run, bundle, judged, promoted=chosen.promoted and newest == folder.name)
        tell_run(say, published, newest=newest)
        return PublishedCapacity(folder, bundle, judged.measures, judged.calibration)

    def _judge(self, tables: Tables, inputs: CapacityInputs, say: Say) -> _Judged:
        """Forecast past weeks from what was known before them; without enough history nothing is claimed."""
        days = cut_off_days(inputs.panel, self.cutoffs, self.horizon_days)
        try:
            cuts = cut_offs(
                tables,
                days,
                horizon_days=self.horizon_days,
                seed=self.seed,
                profiles=inputs.profiles,
                say=say,
            )
        except TooShortToBacktestError as error:
            if self.cutoffs:
                say(error.zh, error.message("en"))
            return _Judged(measures_of_lines(line_errors([], actual_weeks(inputs.panel))), None)
        measures = measures_of_lines(line_errors(cuts, actual_weeks(inputs.panel)))
        return _Judged(measures, self._calibration(tables, inputs.panel, cuts))

    def _calibration(self, tables: Tables, panel: LinePanel, cuts: list[CutOff]) -> Calibration | None:
        if not {"sales", "products", "line_products"} <= set(tables):
            return None
        return calibrate(tables, cuts, panel=panel, seed=self.seed, count=self.scenarios)

    def _save(self, model: LineModel, judged: _Judged, chosen: Served) -> Bundle:
        metrics = judged.accuracy.get("lines", {})
        notes = {TRAINED_BY: self.trained_by, "gate": gate_outcome(chosen)}
        return keep_model(
            self.home / "models" / "capacity",
            lambda folder: save_line_model(
                model, folder, code_version=self.code_version, metrics=metrics, notes=notes
            ),
        )

    def _assemble(
        self,
        chosen: Served,
        bundle: Bundle,
        judged: _Judged,
        demand: Demand,
        inputs: CapacityInputs,
    ) -> CapacityRun:
        info = self._info(bundle, judged, demand, (*chosen.notes, *inputs.notes))
        if not chosen.promoted:
            info = info.model_copy(
                update={"model_version": PLANNED_VERSION, "model_folder": None, "gate": ""}
            )
        laid_out = run_of_model(
            chosen.lines, info, panel=inputs.panel, tables=inputs.plans, demand=demand.products
        )
        run, carried = stock_carried_forward(laid_out, inputs.counted_on, actual_weeks(inputs.panel))
        found: Outlook = outlook_of(
            run,
            inputs.panel,
            demand,
            judged.calibration,
            profiles=inputs.profiles,
            months=self.utilisation_months,
            line_errors=chosen.lines.marginals(),
            count=self.scenarios,
        )
        update = {"notes": (*run.info.notes, *carried, *found.notes), "scenarios": found.count}
        return replace(
            run,
            info=run.info.model_copy(update=update),
            utilisation=found.utilisation,
            losses=labelled_losses(inputs.panel, inputs.profiles).join(run.lines, on="line_id", how="semi"),
            shortfall_products=found.products,
            shortfall_lines=found.lines,
            stock_alerts=found.alerts,
            dependence=found.dependence,
        )

    def _info(self, bundle: Bundle, judged: _Judged, demand: Demand, notes: tuple[Note, ...]) -> CapacityInfo:
        made = demand.info
        return CapacityInfo(
            run_id=new_run_id(self.issued_at, bundle.manifest.version[-6:]),
            issued_at=self.issued_at,
            data_as_of=self.as_of,
            model_version=bundle.manifest.version,
            model_folder=str(bundle.folder.relative_to(self.home)),
            demand_run_id=None if made is None else made.run_id,
            demand_model_version=None if made is None else made.model_version,
            demand_as_of=None if made is None else made.data_as_of,
            horizon_days=self.horizon_days,
            seed=self.seed,
            accuracy=judged.accuracy,
            notes=(*demand.notes, *notes),
            trained_by=self.trained_by,
            gate=bundle.manifest.notes.get("gate", ""),
        )

    def _log(self, run: Run, bundle: Bundle, judged: _Judged, *, promoted: bool) -> None:
        include = {"as_of", "horizon_days", "scenarios", "cutoffs", "seed"}
        run.parameters(self.model_dump(mode="json", include=include))
        run.tags({"bundle_version": bundle.manifest.version, "promoted": str(promoted).lower()})
        for subject, found in judged.accuracy.items():
            metrics = {f"{subject.replace(':', '.')}.{name}": value for name, value in found.items()}
            run.metrics(metrics)
        registry = Registry(self.tracking_uri)
        registered = registry.register(NAME, folder=bundle.folder, run_id=run.run_id)
        alias = CHAMPION if promoted else CHALLENGER
        registry.set_alias(registered, alias)
        point_at_champion(
            bundle.folder.parent / f"{alias}.json",
            bundle,
            registered=registered.number,
        )


def _challengers(run: CapacityRun, mlflow_run_id: str) -> CapacityRun:
    """Return a run as its challenger's, which is compared with what is served and answers nobody."""
    update = {
        "run_id": f"{run.info.run_id}-challenger",
        "challenger": True,
        "mlflow_run_id": mlflow_run_id,
    }
    return replace(run, info=run.info.model_copy(update=update))


def _rows(measures: pl.DataFrame) -> list[dict[str, object]]:
    return measures.to_dicts()


def _known(row: Mapping[str, object]) -> dict[str, float]:
    """Return the measures of a row that could be taken."""
    numbers = {name: float(value) for name, value in row.items() if isinstance(value, int | float)}
    return {name: value for name, value in numbers.items() if math.isfinite(value)}
