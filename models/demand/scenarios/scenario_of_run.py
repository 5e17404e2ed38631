"""Ask a published run what a scenario would change: its figures as the base, its model for what drivers do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import polars as pl
from scipy.sparse import csr_array, eye_array, vstack

from features.timeline import Timeline, timeline_of
from models.demand.hierarchies.hierarchy import Hierarchy
from models.demand.ledger.planner_overrides import most_detailed
from models.demand.ledger.published_run import KEYS, ForecastRun
from models.demand.model import DemandModel
from models.demand.scenarios.scenario import Scenario
from models.demand.scenarios.scenario_run import ScenarioForecast, apply_scenario
from models.demand.series import BoolArray, FloatArray, IntArray, Series
from models.quantile_columns import quantile_columns

__all__ = ["ScenarioBase", "scenario_base"]

_FESTIVAL: Final = "spring_festival"


@dataclass(frozen=True)
class ScenarioBase:
    """The figures of a run as arrays, one row a series: sums first (coarse to fine), the most detailed series last.

    ids: n series; point: (n, h); quantiles: (n, h, q) at `levels`; festival: (n, h), what Spring Festival adds, None
    where the run does not say. Steps that a run does not have are NaN.
    """

    ids: tuple[str, ...]
    point: FloatArray
    quantiles: FloatArray
    levels: tuple[float, ...]
    festival: FloatArray | None
    series: Series
    hierarchy: Hierarchy | None
    model: DemandModel | None

    def under(self, scenario: Scenario) -> ScenarioForecast:
        """Return the forecast under a scenario: the run's figures and what each part of the scenario adds to them.

        What a changed driver does is the change in the model's own forecast of the most detailed series, summed up,
        against the driver as it last was where no future value is known; without the model a driver can only be
        changed with an elasticity. Raises ScenarioError.
        """
        return apply_scenario(
            self._forecast,
            self.series,
            scenario,
            self.point.shape[1],
            hierarchy=self.hierarchy,
            bands=(self.quantiles, self.levels),
            festival=self.festival,
        )

    def _forecast(self, series: Series) -> FloatArray:
        """Return the run's figures, moved by what the model makes of drivers that are not as they were."""
        if self.model is None or series is self.series:
            return self.point
        change = np.zeros_like(self.point)
        known = {one: row for row, one in enumerate(self.ids)}
        mine = self.model.series()
        pairs = [
            (row, known[one])
            for row, one in enumerate(mine.ids)
            if one in known and mine.last[row] == self.series.last[known[one]]
        ]
        if not pairs:
            return self.point
        rows, here = (np.array(side, dtype=np.int64) for side in zip(*pairs, strict=True))
        held = {name: carried_on(table) for name, table in mine.known.items()}
        changed: dict[str, FloatArray] = {}
        for name, table in held.items():
            moved = table.copy()
            ahead = min(table.shape[1] - mine.y.shape[1], self.point.shape[1])
            width = mine.y.shape[1]
            told = series.known[name][here][:, series.y.shape[1] :][:, :ahead]
            moved[rows, width : width + ahead] = np.where(
                np.isfinite(told), told, moved[rows, width : width + ahead]
            )
            changed[name] = moved
        after = self.model.outlook(replace(mine, known=changed)).point
        before = self.model.outlook(replace(mine, known=held)).point
        steps = min(after.shape[1], change.shape[1])
        change[here, :steps] = (after - before)[rows, :steps]
        if self.hierarchy is not None:
            change = self.hierarchy.add_up(change[self.hierarchy.upper :])
        return self.point + change


def scenario_base(
    run: ForecastRun, ids: Sequence[str] | None = None, model: DemandModel | None = None
) -> ScenarioBase:
    """Lay a run, or those of its series that are named, out for scenarios.

    model: the one that made the run, for its drivers. Series that the run refused have no figures and are left out.
    """
    frame = run.forecast if ids is None else run.forecast.filter(pl.col("unique_id").is_in(ids))
    timeline = timeline_of(run.history["ds"], run.info.freq)
    detail = most_detailed(frame)
    order = _ordered(frame)
    names = tuple(order["unique_id"].to_list())
    place = {name: row for row, name in enumerate(names)}
    quantiles = quantile_columns(frame)
    grid = _Grid(place, run.info.horizon)
    return ScenarioBase(
        ids=names,
        point=grid.fill(frame, "forecast"),
        quantiles=np.stack([grid.fill(frame, name) for name in quantiles], axis=2)
        if quantiles
        else np.empty((len(names), run.info.horizon, 0)),
        levels=tuple(quantiles.values()),
        festival=_festival(run.components, grid),
        series=_series(run, frame, timeline, grid, model),
        hierarchy=None if detail is None else _hierarchy(order, detail),
        model=model,
    )


@dataclass(frozen=True)
class _Grid:
    """Where series and steps lie in arrays (n, h)."""

    place: Mapping[str, int]
    horizon: int

    def fill(self, frame: pl.DataFrame, column: str) -> FloatArray:
        """Write a column of (unique_id, step) rows into an array, adding up rows of one place; NaN elsewhere."""
        rows = frame["unique_id"].replace_strict(self.place, default=None, return_dtype=pl.Int64)
        kept = rows.is_not_null().to_numpy()
        values = np.full((len(self.place), self.horizon), np.nan)
        at = (rows.drop_nulls().to_numpy(), frame["step"].to_numpy()[kept] - 1)
        values[at] = 0.0
        np.add.at(values, at, frame[column].to_numpy()[kept])
        return values


def _ordered(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the series with their keys, those with the fewest keys first."""
    series = frame.select("unique_id", *KEYS).unique("unique_id", maintain_order=True)
    details = pl.sum_horizontal([pl.col(key).is_not_null().cast(pl.Int64) for key in KEYS])
    return series.sort(details, "unique_id")


def _hierarchy(order: pl.DataFrame, detail: Sequence[str]) -> Hierarchy:
    held = pl.all_horizontal([pl.col(key).is_not_null() for key in detail])
    upper, bottom = order.filter(~held), order.filter(held)
    below = [np.flatnonzero(_below(bottom, keys)) for keys in upper.select(KEYS).iter_rows()]
    starts = np.concatenate([[0], np.cumsum([len(columns) for columns in below])]).astype(np.int64)
    columns = np.concatenate(below) if below else np.empty(0, dtype=np.int64)
    block = csr_array((np.ones(len(columns)), columns, starts), shape=(upper.height, bottom.height))
    return Hierarchy(
        ids=tuple(order["unique_id"].to_list()),
        sums=csr_array(vstack([block, eye_array(bottom.height)])),
        level=tuple("series" if row >= upper.height else "sum" for row in range(order.height)),
    )


def _below(bottom: pl.DataFrame, keys: tuple[str | None, ...]) -> BoolArray:
    inside = np.ones(bottom.height, dtype=np.bool_)
    for name, value in zip(KEYS, keys, strict=True):
        if value is not None:
            inside &= (bottom[name] == value).fill_null(value=False).to_numpy()
    return inside


def _festival(components: pl.DataFrame, grid: _Grid) -> FloatArray | None:
    mine = components.filter(pl.col("component").str.split(":").list.last() == _FESTIVAL)
    return np.nan_to_num(grid.fill(mine, "value")) if mine.height else None


def _series(
    run: ForecastRun, frame: pl.DataFrame, timeline: Timeline, grid: _Grid, model: DemandModel | None
) -> Series:
    """Return what `apply_scenario` reads of the series: ends, histories and known drivers; sums have no drivers."""
    count = len(grid.place)
    starts = frame.group_by("unique_id").agg(
        timeline.period().sort_by("step").first().alias("period"), pl.col("step").min()
    )
    last = np.zeros(count, dtype=np.int64)
    for name, period, step in starts.iter_rows():
        last[grid.place[name]] = period - step
    y = _histories(run, timeline, grid, last)
    known = {} if model is None else _drivers(model.series(), grid, last, y.shape[1])
    return Series(
        ids=tuple(grid.place),
        y=y,
        observed=np.isfinite(y),
        last=last,
        timeline=timeline,
        season=run.info.season,
        known=known,
        ahead=grid.horizon,
    )


def _drivers(mine: Series, grid: _Grid, last: IntArray, width: int) -> dict[str, FloatArray]:
    """Return the model's drivers, (n, width + h), by the periods of the run; NaN where the model has none.

    What nobody told of a period is as it last was. It has to be said before a scenario changes some periods, or those
    after them would be carried on from the change.
    """
    rows = np.array([row for row, one in enumerate(mine.ids) if one in grid.place], dtype=np.int64)
    here = np.array([grid.place[mine.ids[row]] for row in rows], dtype=np.int64)
    ahead = np.arange(1 - width, grid.horizon + 1)[None, :] + (last[here] - mine.last[rows])[:, None]
    columns = ahead + mine.y.shape[1] - 1
    known = {}
    for name, table in mine.known.items():
        inside = (columns >= 0) & (columns < table.shape[1])
        values = np.take_along_axis(carried_on(table)[rows], np.clip(columns, 0, table.shape[1] - 1), axis=1)
        known[name] = np.full((len(grid.place), width + grid.horizon), np.nan)
        known[name][here] = np.where(inside, values, np.nan)
    return known


def carried_on(table: FloatArray) -> FloatArray:
    """Fill missing values of each row with the last one before them; those before the first stay NaN."""
    place = np.where(np.isfinite(table), np.arange(table.shape[1])[None, :], 0)
    filled: FloatArray = np.take_along_axis(table, np.maximum.accumulate(place, axis=1), axis=1)
    return filled


def _histories(run: ForecastRun, timeline: Timeline, grid: _Grid, last: IntArray) -> FloatArray:
    """Return the histories right-aligned, (n, T)."""
    history = run.history.with_columns(timeline.period().alias("period")).filter(
        pl.col("unique_id").is_in(list(grid.place))
    )
    rows = history["unique_id"].replace_strict(grid.place, return_dtype=pl.Int64).to_numpy()
    back = last[rows] - history["period"].to_numpy()
    width = int(back.max(initial=0)) + 1
    y = np.full((len(grid.place), width), np.nan)
    inside = back >= 0
    y[rows[inside], width - 1 - back[inside]] = history["y"].to_numpy()[inside]
    return y
