"""Which published demand a capacity run is held against, and how its products move together."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl

from experiments.errors import DemandRunError
from experiments.forecast_ledger import FOLDER
from features.timeline import Frequency
from models.capacity.published.demand_of_run import (
    GROUP_LEVELS,
    demand_by_product,
    groups_of_products,
    refused_notes,
    sums_of_run,
)
from models.capacity.published.run_info import Note
from models.capacity.shortfall.dependence import Dependence
from models.capacity.shortfall.learning import dependence_of_errors, dependence_of_widths
from models.capacity.shortfall.marginals import marginals_of_frame
from models.demand.ledger.published_run import ForecastRun, RunInfo, list_runs, read_run
from models.demand.series import FloatArray

__all__ = ["Demand", "dependence_of_demand", "find_demand"]

_OLD_DAYS: Final = 35
"""Days between the demand run's data and the capacity's after which a reader is told."""


@dataclass(frozen=True, eq=False)
class Demand:
    """A weekly demand run by product, or none (`run` is null and a note says why)."""

    run: ForecastRun | None
    products: pl.DataFrame | None
    notes: tuple[Note, ...]

    @property
    def info(self) -> RunInfo | None:
        """Return who made the demand run."""
        return None if self.run is None else self.run.info


def find_demand(home: Path, *, as_of: date, run_id: str | None = None, required: bool = False) -> Demand:
    """Return the newest weekly demand run that was made of data up to `as_of` or before, or the one named.

    Without one, or with one whose weeks are all past, the capacity run has no shortfalls: a note says so, or
    DemandRunError is raised where it is `required` or the one named is not there, is not weekly or knows more than `as_of`.
    """
    runs = list_runs(home / FOLDER, Frequency.WEEK)
    if run_id is not None:
        named = next((info for info in runs if info.run_id == run_id), None)
        if named is None or named.data_as_of > as_of:
            raise DemandRunError(as_of, run_id=run_id, later=named is not None)
        return _taken(home, named, as_of, required=required)
    known = [info for info in runs if info.data_as_of <= as_of]
    if known:
        newest = max(known, key=lambda info: (info.data_as_of, info.issued_at, info.run_id))
        return _taken(home, newest, as_of, required=required)
    missing = DemandRunError(as_of, later=bool(runs))
    if required:
        raise missing
    return Demand(None, None, (Note(code="no_demand_run", zh=missing.zh, en=missing.message("en")),))


def dependence_of_demand(demand: Demand, errors: FloatArray | None = None) -> Dependence:
    """Learn how products move together from the widths of the demand run's bands, and from backtest errors if given.

    errors: (cutoffs, n, weeks), the products in the order of their ids.
    """
    if demand.run is None or demand.products is None:
        raise DemandRunError(date.max)
    groups = groups_of_products(demand.products)
    parts = marginals_of_frame(demand.products, "product_id")
    sums = marginals_of_frame(sums_of_run(demand.run), "unique_id")
    prior = dependence_of_widths(parts, sums, groups, levels=GROUP_LEVELS)
    if errors is None or errors.shape[1] != groups.height:
        return prior
    return dependence_of_errors(errors, groups, levels=GROUP_LEVELS, prior=prior)


def _taken(home: Path, info: RunInfo, as_of: date, *, required: bool) -> Demand:
    run = read_run(home / FOLDER / info.run_id)
    products = demand_by_product(run)
    notes = list(refused_notes(run, products["product_id"].unique().to_list()))
    if products.filter(pl.col("week") > as_of).is_empty():
        over = DemandRunError(as_of, run_id=info.run_id, over=True)
        if required:
            raise over
        notes.append(Note(code="demand_run_over", zh=over.zh, en=over.en))
        return Demand(run, products, tuple(notes))
    age = (as_of - info.data_as_of).days
    if age > _OLD_DAYS:
        notes.append(
            Note(
                code="demand_run_old",
                zh=f"需求批次 {info.run_id} 的数据截至 {info.data_as_of}，比产能数据早 {age} 天；"
                "建议先运行 `zhiheng demand run --freq 1w`。",
                en=f"Demand run {info.run_id} is of data up to {info.data_as_of}, {age} days before that of the lines; "
                "run `zhiheng demand run --freq 1w` first.",
            )
        )
    return Demand(run, products, tuple(notes))
