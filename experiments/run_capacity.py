"""Job: forecast what the group's lines can make, judge it, register the model, simulate shortfalls, publish the run."""

import json
import math
import tempfile
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
from experiments.capacity_outlook import Outlook, outlook_of
from experiments.errors import TooShortToBacktestError
from experiments.job import Say
from experiments.tracking import Run, tracked_run
from features.capacity.group_lines import group_line_panel
from features.capacity.line_panel import LinePanel
from features.capacity.plan_tables import PlanTables, plan_tables
from features.checked_files import write_text_atomically
from features.sources import read_tables
from models.bundle import Bundle
from models.capacity.lines.model import LineModel, fit_lines
from models.capacity.lines.model_folder import save_line_model
from models.capacity.profiles.line_profile import profile_of_line
from models.capacity.profiles.profile import Profile
from models.capacity.profiles.profile_files import load_profiles
from models.capacity.published.capacity_run import FOLDER, CapacityRun, new_run_id, write_run
from models.capacity.published.opening_stock import stock_carried_forward
from models.capacity.published.run_info import CapacityInfo, Note
from models.capacity.published.run_of_model import run_of_model
from models.capacity.published.shortfall_of_run import COUNT
from models.registry import Registry

__all__ = ["NAME", "PROFILES", "PublishedCapacity", "RunCapacity"]

NAME: Final = "capacity-lines"
PROFILES: Final = "profiles"
"""Folder below the home whose industry profiles come before the built-in ones."""
POINTER: Final = "champion.json"


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
    seed: int = 7

    def run(self, say: Say) -> PublishedCapacity:
        """Learn, judge, register and publish; nothing is published where a step fails, and the last run stays."""
        profiles = load_profiles(self.home / PROFILES)
        demand = find_demand(
            self.home, as_of=self.as_of, run_id=self.demand_run, required=self.require_demand
        )
        panel, plans, notes = self._inputs(profiles)
        with tracked_run(
            NAME, tracking_uri=self.tracking_uri, artifacts=self.artifacts, name=f"{NAME} run"
        ) as run:
            judged = self._judge(panel, profiles, say)
            model = fit_lines(panel, seed=self.seed, profiles=profiles)
            bundle = self._save(model, judged)
            published = self._assemble(model, bundle, judged, demand, (panel, plans, notes, profiles))
            published = replace(
                published, info=published.info.model_copy(update={"mlflow_run_id": run.run_id})
            )
            folder = write_run(self.home / FOLDER, published)
            self._log(run, bundle, judged)
        _tell(say, published)
        return PublishedCapacity(folder, bundle, judged.measures, judged.calibration)

    def _inputs(self, profiles: Mapping[str, Profile]) -> tuple[LinePanel, PlanTables, tuple[Note, ...]]:
        """Read the lines with their industries, and what a plan is made from."""
        tables = read_tables(self.tables)
        panel = group_line_panel(tables, as_of=self.as_of, horizon_days=self.horizon_days)
        plans = plan_tables(tables, as_of=self.as_of)
        named, notes = with_profiles(panel, tables, profiles)
        refused = tuple(
            Note(code="row_refused", zh=zh, en=en)
            for zh, en in plans.refused.select("reason_zh", "reason_en")
            .unique(maintain_order=True)
            .iter_rows()
        )
        return named, plans, (*notes, *refused)

    def _judge(self, panel: LinePanel, profiles: Mapping[str, Profile], say: Say) -> _Judged:
        """Forecast past weeks from what was known before them; without enough history nothing is claimed."""
        days = cut_off_days(panel, self.cutoffs, self.horizon_days)
        tables = read_tables(self.tables)
        try:
            cuts = cut_offs(
                tables, days, horizon_days=self.horizon_days, seed=self.seed, profiles=profiles, say=say
            )
        except TooShortToBacktestError as error:
            say(error.zh, error.en)
            return _Judged(measures_of_lines(line_errors([], actual_weeks(panel))), None)
        measures = measures_of_lines(line_errors(cuts, actual_weeks(panel)))
        return _Judged(measures, self._calibration(panel, cuts))

    def _calibration(self, panel: LinePanel, cuts: list[CutOff]) -> Calibration | None:
        tables = read_tables(self.tables)
        if not {"sales", "products", "line_products"} <= set(tables):
            return None
        return calibrate(tables, cuts, panel=panel, seed=self.seed, count=self.scenarios)

    def _save(self, model: LineModel, judged: _Judged) -> Bundle:
        models = self.home / "models" / "capacity"
        models.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=models, prefix=".new-") as folder:
            bundle = save_line_model(
                model,
                Path(folder) / "model",
                code_version=self.code_version,
                metrics=judged.accuracy.get("lines", {}),
            )
            place = models / bundle.manifest.version
            if not place.exists():
                bundle.folder.rename(place)
        return Bundle(place, bundle.manifest)

    def _assemble(
        self,
        model: LineModel,
        bundle: Bundle,
        judged: _Judged,
        demand: Demand,
        inputs: tuple[LinePanel, PlanTables, tuple[Note, ...], Mapping[str, Profile]],
    ) -> CapacityRun:
        panel, plans, notes, profiles = inputs
        info = self._info(bundle, judged, demand, notes)
        laid_out = run_of_model(model, info, panel=panel, tables=plans, demand=demand.products)
        run, carried = stock_carried_forward(laid_out, self._counted_on())
        found: Outlook = outlook_of(
            run,
            panel,
            demand,
            judged.calibration,
            profiles=profiles,
            months=self.utilisation_months,
            line_errors=model.marginals(),
            count=self.scenarios,
        )
        update = {"notes": (*run.info.notes, *carried, *found.notes), "scenarios": found.count}
        return replace(
            run,
            info=run.info.model_copy(update=update),
            utilisation=found.utilisation,
            shortfall_products=found.products,
            shortfall_lines=found.lines,
            stock_alerts=found.alerts,
            dependence=found.dependence,
        )

    def _counted_on(self) -> dict[str, date]:
        """Return the day of each product's last count that was known on `as_of`."""
        tables = read_tables(self.tables)
        if "stocks" not in tables:
            return {}
        known = tables["stocks"].filter(pl.col("known_at") <= self.as_of, pl.col("ds") <= self.as_of)
        return dict(known.group_by("product_id").agg(pl.col("ds").max()).collect().iter_rows())

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
        )

    def _log(self, run: Run, bundle: Bundle, judged: _Judged) -> None:
        include = {"as_of", "horizon_days", "scenarios", "cutoffs", "seed"}
        run.parameters(self.model_dump(mode="json", include=include))
        run.tags({"bundle_version": bundle.manifest.version})
        for subject, found in judged.accuracy.items():
            metrics = {f"{subject.replace(':', '.')}.{name}": value for name, value in found.items()}
            run.metrics(metrics)
        registry = Registry(self.tracking_uri)
        registered = registry.register(NAME, folder=bundle.folder, run_id=run.run_id)
        registry.set_alias(registered)
        pointer = {
            "version": bundle.manifest.version,
            "folder": bundle.folder.name,
            "registered": registered.number,
        }
        write_text_atomically(json.dumps(pointer) + "\n", bundle.folder.parent / POINTER)


def with_profiles(
    panel: LinePanel, tables: Mapping[str, pl.LazyFrame], profiles: Mapping[str, Profile]
) -> tuple[LinePanel, tuple[Note, ...]]:
    """Return the panel with the industry of every line, and what was assumed; raises UnknownProfileError and ProfileUnitError."""
    families = dict(tables["lines"].select("line_id", "family").collect().iter_rows())
    names, notes = [], []
    for row in panel.lines.iter_rows(named=True):
        found = profile_of_line({**row, "family": families.get(row["line_id"])}, profiles)
        names.append(found.profile.id)
        if found.finding is not None:
            notes.append(Note(code="profile_assumed", zh=found.finding.zh, en=found.finding.en))
    named = panel.lines.with_columns(pl.Series("profile", names, dtype=pl.String))
    return replace(panel, lines=named), tuple(notes)


def _tell(say: Say, run: CapacityRun) -> None:
    info = run.info
    for note in info.notes:
        say(f"提示：{note.zh}", f"note: {note.en}")
    told = info.accuracy.get("lines", {})
    if "ratio" in told:
        say(
            f"{run.lines.height} 条产线；周产量中位数误差为计划产能的 {told['ratio']:.2f} 倍，80% 区间覆盖 {told['coverage']:.0%}",
            f"{run.lines.height} lines; error of the median week {told['ratio']:.2f} times the planned rate's, the 80 % band "
            f"covers {told['coverage']:.0%}",
        )
    fell = info.accuracy.get("shortfall", {})
    if "calibration_error" in fell:
        skill = fell.get("brier_skill", math.nan)
        say(
            f"缺口概率回测：Brier 技巧 {skill:+.2f}，校准误差 {fell['calibration_error']:.3f}（{fell['pairs']:.0f} 对）",
            f"shortfall probabilities in the backtest: Brier skill {skill:+.2f}, calibration error "
            f"{fell['calibration_error']:.3f} ({fell['pairs']:.0f} pairs)",
        )
    likely = run.shortfall_products.filter(pl.col("probability") >= 0.5)["product_id"].n_unique()  # noqa: PLR2004 - more likely than not
    say(
        f"已发布 {info.run_id}；{likely} 种产品在某周很可能短缺，{run.stock_alerts.height} 条库存预警。下一步：zhiheng capacity plan",
        f"published {info.run_id}; {likely} products more likely short than not in some week, {run.stock_alerts.height} "
        "stock alerts. Next: zhiheng capacity plan",
    )


def _rows(measures: pl.DataFrame) -> list[dict[str, object]]:
    return measures.to_dicts()


def _known(row: Mapping[str, object]) -> dict[str, float]:
    """Return the measures of a row that could be taken."""
    numbers = {name: float(value) for name, value in row.items() if isinstance(value, int | float)}
    return {name: value for name, value in numbers.items() if math.isfinite(value)}
