"""Run a scenario through a model: drivers before it forecasts, events after; each one's effect on its own."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

import numpy as np

from features.timeline import Frequency, Timeline
from models.demand.hierarchies.hierarchy import Hierarchy
from models.demand.hierarchies.upper_series import driver_weights
from models.demand.scenarios.scenario import (
    DemandLevel,
    DriverChange,
    FestivalShift,
    Moment,
    Operation,
    Scenario,
    Shock,
)
from models.demand.series import BoolArray, FloatArray, IntArray, Series
from models.errors import ScenarioError

__all__ = ["EventEffect", "ScenarioForecast", "apply_scenario", "change_driver", "shock_factors"]

Model = Callable[[Series], FloatArray]
_EPOCH: Final = date(1970, 1, 1)
_SILENT: Final = 1e-9


@dataclass(frozen=True)
class EventEffect:
    """What one part of a scenario changes: values (n, h) in units of y; kind: level, driver, festival or shock.

    assumption: the size was stated, not learnt by the model; silent: the model does not react to it at all.
    """

    name: str
    kind: str
    zh: str
    en: str
    values: FloatArray
    assumption: bool
    silent: bool


@dataclass(frozen=True)
class ScenarioForecast:
    """A forecast under a scenario: `values` = `base` + the sum of the effects' values, (n, h) in units of y."""

    scenario: Scenario
    base: FloatArray
    values: FloatArray
    effects: tuple[EventEffect, ...]


def apply_scenario(
    model: Model,
    series: Series,
    scenario: Scenario,
    horizon: int,
    *,
    hierarchy: Hierarchy | None = None,
    bands: tuple[FloatArray, Sequence[float]] | None = None,
    festival: FloatArray | None = None,
    summed: Collection[str] = (),
) -> ScenarioForecast:
    """Forecast under a scenario and tell what each of its parts adds.

    model: forecasts (n, horizon) for series whose known drivers may have been changed; bands: quantiles (n, h, q) and
    their levels, for a level by quantile; festival: what Spring Festival adds to the base forecast, (n, h) in units of
    y, for a moved festival. With a hierarchy the series are its nodes in its order, `ids` of nodes mean all series
    below them, drivers of sums move with those of their series (the mean weighted by volume, added for those in
    `summed`), and all effects add up over the nodes as the model's forecasts do.

    Parts take effect one after the other in the order of `Scenario`: factors act on what the ones before them left, a
    learnt driver adds what it changes in the model's own forecast. Raises
    ScenarioError for ids or drivers that are not known, moments that are not on the table's timeline, a driver without
    values to start from, and parts that need bands or a festival effect where none is given.
    """
    base = model(series)
    run = _Run(model, series, horizon, hierarchy, frozenset(summed))
    effects: list[EventEffect] = []
    current = base
    if scenario.level is not None:
        effects.append(run.level(scenario.level, current, bands))
        current = current + effects[-1].values
    effects.extend(run.drivers(scenario.drivers, base, current))
    current = base + sum((one.values for one in effects), np.zeros_like(base))
    if scenario.festival is not None:
        effects.append(run.festival(scenario.festival, current, festival))
        current = current + effects[-1].values
    for shock in scenario.shocks:
        effects.append(run.shock(shock, current))
        current = current + effects[-1].values
    return ScenarioForecast(scenario, base, current, tuple(effects))


def change_driver(series: Series, change: DriverChange, rows: BoolArray) -> Series:
    """Return the series with a known driver changed after each one's end, in `rows` (n,), within the change's span.

    A missing future value starts from the last known one. Raises ScenarioError for a driver that is not known in
    advance or has no value to start from.
    """
    if change.driver not in series.known:
        raise _unknown_driver(series, change)
    table = series.known[change.driver].copy()
    width = series.y.shape[1]
    start = _carried(table)[:, width:]
    share = _share(series, change, table.shape[1] - width) * rows[:, None]
    lacking = np.isnan(start).any(axis=1) & (share > 0).any(axis=1) & (change.operation is not Operation.SET)
    if lacking.any():
        names = ", ".join(series.ids[row] for row in np.flatnonzero(lacking)[:5])
        raise ScenarioError(
            zh=f"情景“{change.name}”：序列 {names} 的驱动因素“{change.driver}”没有任何取值。请补充，或改用 set。",
            en=f"Scenario part '{change.name}': series {names} have no value of '{change.driver}' to start from. "
            "Give some, or use `set`.",
        )
    target = {
        Operation.MULTIPLY: start * change.value,
        Operation.ADD: start + change.value,
        Operation.SET: np.full_like(start, change.value),
    }[change.operation]
    mixed = np.where(np.isnan(start), target, (1 - share) * np.nan_to_num(start) + share * target)
    table[:, width:] = np.where(share > 0, mixed, table[:, width:])
    return replace(series, known={**series.known, change.driver: table})


def shock_factors(shock: Shock, timeline: Timeline, periods: IntArray) -> FloatArray:
    """Return the factor of demand in each period: the mean over its days of the shock's profile, same shape."""
    days = np.concatenate(
        [
            np.full(shock.surge_days, shock.surge - 1),
            (shock.hangover - 1) * (1 - np.arange(shock.hangover_days) / max(shock.hangover_days, 1)),
        ]
    )
    excess = np.concatenate([[0.0], np.cumsum(days)])
    first, last = _days(timeline, periods)
    origin = _day(shock.first, timeline, shock.name)
    begin, end = (np.clip(one - origin, 0, len(days)) for one in (first, last + 1))
    factors: FloatArray = 1 + (excess[end] - excess[begin]) / (last - first + 1)
    return factors


@dataclass(frozen=True)
class _Run:
    model: Model
    series: Series
    horizon: int
    hierarchy: Hierarchy | None
    summed: frozenset[str]

    @property
    def upper(self) -> int:
        return self.hierarchy.upper if self.hierarchy else 0

    @property
    def periods(self) -> IntArray:
        ahead: IntArray = self.series.last[:, None] + np.arange(1, self.horizon + 1)[None, :]
        return ahead

    def rows(self, ids: Sequence[str], part: str) -> BoolArray:
        """Return the bottom series that ids mean, as flags of all rows."""
        place = {one: row for row, one in enumerate(self.series.ids)}
        unknown = [one for one in ids if one not in place]
        if unknown:
            raise ScenarioError(
                zh=f"情景“{part}”：没有名为 {', '.join(unknown[:5])} 的序列或节点。请核对 ids。",
                en=f"Scenario part '{part}': there is no series or node {', '.join(unknown[:5])}. Check `ids`.",
            )
        count = len(self.series)
        if not ids:
            return np.arange(count) >= self.upper
        flags = np.zeros(count, dtype=np.bool_)
        for one in ids:
            flags[self._below(place[one])] = True
        return flags

    def _below(self, row: int) -> IntArray:
        if self.hierarchy is None:
            return np.array([row])
        sums = self.hierarchy.sums
        below: IntArray = self.upper + sums.indices[sums.indptr[row] : sums.indptr[row + 1]].astype(np.int64)
        return below

    def lifted(self, bottom: FloatArray) -> FloatArray:
        """Return effects (n, h) of which only those of the bottom rows are set, summed over the hierarchy."""
        return bottom if self.hierarchy is None else self.hierarchy.add_up(bottom[self.upper :])

    def scaled(self, current: FloatArray, factors: FloatArray, rows: BoolArray) -> FloatArray:
        """Return what factors (n, h) add to the bottom series in `rows`, summed over the hierarchy."""
        return self.lifted(np.where(rows[:, None], current * (factors - 1), 0.0))

    def level(
        self, level: DemandLevel, current: FloatArray, bands: tuple[FloatArray, Sequence[float]] | None
    ) -> EventEffect:
        rows = self.rows(level.ids, level.name)
        if level.percent is not None:
            factors = np.full_like(current, 1 + level.percent / 100)
        else:
            factors = self._quantile_factors(level, current, bands)
        return _effect(
            level, "level", self.scaled(current, factors, rows), assumption=level.percent is not None
        )

    def _quantile_factors(
        self, level: DemandLevel, current: FloatArray, bands: tuple[FloatArray, Sequence[float]] | None
    ) -> FloatArray:
        if bands is None or level.quantile is None or not bands[1][0] <= level.quantile <= bands[1][-1]:
            known = "-" if bands is None else f"{bands[1][0]} - {bands[1][-1]}"
            raise ScenarioError(
                zh=f"情景“{level.name}”需要 {level.quantile} 分位，现有：{known}。请在预测时加入该分位，或改用 percent。",
                en=f"Scenario part '{level.name}' needs the quantile {level.quantile}; there are: {known}. "
                "Forecast with it, or give percent.",
            )
        at = np.searchsorted(np.asarray(bands[1]), level.quantile)
        left = max(int(at) - 1, 0)
        right = int(at)
        gap = bands[1][right] - bands[1][left]
        share = (level.quantile - bands[1][left]) / gap if gap else 0.0
        quantile = (1 - share) * bands[0][:, :, left] + share * bands[0][:, :, right]
        factors = np.divide(quantile, current, out=np.ones_like(current), where=np.abs(current) > 0)
        node = level.of if level.of is not None else self.series.ids[0] if self.hierarchy else None
        if node is None:
            return factors
        self.rows((node,), level.name)
        return np.broadcast_to(factors[self.series.ids.index(node)], current.shape)

    def drivers(
        self, changes: Sequence[DriverChange], base: FloatArray, current: FloatArray
    ) -> list[EventEffect]:
        effects, series, before = [], self.series, base
        for change in changes:
            rows = self.rows(change.ids, change.name)
            if change.elasticity is not None:
                if change.driver in series.known:
                    raise ScenarioError(
                        zh=f"情景“{change.name}”：模型已学到“{change.driver}”的影响，不能再给 elasticity。请去掉其一。",
                        en=f"Scenario part '{change.name}': the model has learnt what '{change.driver}' does. "
                        "Leave out the elasticity.",
                    )
                share = _share(self.series, change, self.horizon)
                factors = (1 + share * (change.value - 1)) ** change.elasticity
                effects.append(
                    _effect(change, "driver", self.scaled(current, factors, rows), assumption=True)
                )
            else:
                series = self._with(series, change, rows)
                after = self.model(series)
                effects.append(_effect(change, "driver", after - before, assumption=False))
                before = after
            current = current + effects[-1].values
        return effects

    def _with(self, series: Series, change: DriverChange, rows: BoolArray) -> Series:
        """Change a driver of bottom series, and with it that of the sums above them."""
        changed = change_driver(series, change, rows)
        if self.hierarchy is None:
            return changed
        old, new = (_carried(one.known[change.driver])[self.upper :] for one in (series, changed))
        weights = driver_weights(series.y[self.upper :], summed=change.driver in self.summed)
        moved = self.hierarchy.sums[: self.upper] @ (np.nan_to_num(new - old) * weights[:, None])
        total = (
            1.0 if change.driver in self.summed else (self.hierarchy.sums[: self.upper] @ weights)[:, None]
        )
        table = changed.known[change.driver].copy()
        width = series.y.shape[1]
        table[: self.upper, width:] = (_carried(table)[: self.upper] + moved / total)[:, width:]
        return replace(changed, known={**changed.known, change.driver: table})

    def festival(self, shift: FestivalShift, current: FloatArray, festival: FloatArray | None) -> EventEffect:
        if festival is None:
            raise ScenarioError(
                zh=f"情景“{shift.name}”：模型没有春节效应可移动。请使用含日历成分的模型（Prophet 或 LightGBM）。",
                en=f"Scenario part '{shift.name}': the model has no effect of Spring Festival to move. "
                "Use one with calendar components.",
            )
        rows = self.rows(shift.ids, shift.name)
        moved = np.zeros_like(current)
        for last in np.unique(self.series.last[rows]):
            alike = rows & (self.series.last == last)
            matrix = _move(self.series.timeline, last + np.arange(1, self.horizon + 1), shift.days)
            moved[alike] = festival[alike] @ matrix - festival[alike]
        floored = np.where((current >= 0) & rows[:, None], np.maximum(moved, -current), moved)
        return _effect(shift, "festival", self.lifted(floored), assumption=True)

    def shock(self, shock: Shock, current: FloatArray) -> EventEffect:
        factors = shock_factors(shock, self.series.timeline, self.periods)
        return _effect(
            shock, "shock", self.scaled(current, factors, self.rows(shock.ids, shock.name)), assumption=True
        )


def _effect(
    part: DemandLevel | DriverChange | FestivalShift | Shock,
    kind: str,
    values: FloatArray,
    *,
    assumption: bool,
) -> EventEffect:
    silent = bool(np.nanmax(np.abs(values), initial=0.0) <= _SILENT)
    return EventEffect(part.name, kind, part.zh, part.en, values, assumption, silent)


def _unknown_driver(series: Series, change: DriverChange) -> ScenarioError:
    known = ", ".join(series.known) or "-"
    return ScenarioError(
        zh=f"情景“{change.name}”：模型不认识驱动因素“{change.driver}”（已知：{known}）。请把它作为未来已知的列让模型学习"
        "（demand run 用 --plans，forecast 用 --known），或给出 elasticity 作为假设。",
        en=f"Scenario part '{change.name}': the model does not know the driver '{change.driver}' (known: {known}). "
        "Let it learn it as a driver known ahead (demand run --plans, forecast --known), or state an elasticity as an "
        "assumption.",
    )


def _carried(table: FloatArray) -> FloatArray:
    """Fill missing values with the last one before them."""
    place = np.where(np.isfinite(table), np.arange(table.shape[1])[None, :], 0)
    return np.take_along_axis(table, np.maximum.accumulate(place, axis=1), axis=1)


def _share(series: Series, change: DriverChange, horizon: int) -> FloatArray:
    """Return the share of days of each future period that lies in the change's span, (n, horizon)."""
    first, last = _days(series.timeline, series.last[:, None] + np.arange(1, horizon + 1)[None, :])
    begin = (
        first if change.first is None else np.maximum(first, _day(change.first, series.timeline, change.name))
    )
    end = last if change.last is None else np.minimum(last, _day(change.last, series.timeline, change.name))
    share: FloatArray = np.maximum(end - begin + 1, 0) / (last - first + 1)
    return share


def _move(timeline: Timeline, periods: IntArray, days: int) -> FloatArray:
    """Return how the effect of period i, spread over its days and moved, falls into period j: (h, h)."""
    first, last = _days(timeline, periods)
    begin = np.maximum(first[:, None] + days, first[None, :])
    end = np.minimum(last[:, None] + days, last[None, :])
    matrix: FloatArray = np.maximum(end - begin + 1, 0) / (last - first + 1)[:, None]
    return matrix


def _days(timeline: Timeline, periods: IntArray) -> tuple[IntArray, IntArray]:
    """Return the first and last day of each period as numbers; plain integers are days themselves."""
    if timeline.frequency is Frequency.INTEGER:
        return periods, periods
    flat = periods.ravel()
    first, last = (
        one.astype("datetime64[D]").astype(np.int64) for one in (timeline.starts(flat), timeline.ends(flat))
    )
    return first.reshape(periods.shape), last.reshape(periods.shape)


def _day(moment: Moment, timeline: Timeline, part: str) -> int:
    if (timeline.frequency is Frequency.INTEGER) is isinstance(moment, date):
        raise ScenarioError(
            zh=f"情景“{part}”：时点 {moment} 与表的时间轴不符。日期表请给日期，整数期表请给期数。",
            en=f"Scenario part '{part}': {moment} is not on the table's timeline. Give dates for dates, numbers for numbers.",
        )
    return (moment - _EPOCH).days if isinstance(moment, date) else moment
