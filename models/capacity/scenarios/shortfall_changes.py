"""What a scenario does to the futures that shortfalls are counted in: the same luck, other demand, hours and routes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.capacity.allocation.problem import PlanLine, PlanProblem
from models.capacity.published.shortfall_of_run import PASSES, Setting
from models.capacity.scenarios.apply import Applied
from models.capacity.shortfall.dependence import Dependence
from models.capacity.shortfall.marginals import Marginals
from models.capacity.shortfall.simulation import Shortfall, simulate
from models.capacity.shortfall.supply import Supply, median_shares, plan_shares

__all__ = ["ShortfallPair", "setting_under", "shortfalls_of"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ShortfallPair:
    """Shortfalls without and with a scenario, from the same random numbers."""

    base: Shortfall
    scenario: Shortfall


def shortfalls_of(
    result: Applied,
    setting: Setting,
    dependence: Dependence,
    *,
    count: int,
    seed: int,
    plans: tuple[pl.DataFrame, pl.DataFrame] | None = None,
    line_dependence: Dependence | None = None,
) -> ShortfallPair:
    """Simulate the shortfalls without and with a scenario.

    Each product and line has a stream of random numbers of its own (`drawing.draw`), so that what differs is the
    scenario and not luck. plans: the production frames of the plans without and with it, whose sharing out of the
    lines' hours then counts; else the median demand's. Lines fail independently without `line_dependence`; a new line
    then depends on the others as the line it was made after does.
    """
    base_plan, plan = (None, None) if plans is None else plans
    before = setting if base_plan is None else replace(setting, shares=_shares(setting, base_plan))
    after = setting_under(result, setting, plan=plan)
    shortfalls = [
        simulate(
            one.demand, one.hours, one.supply, dependence=dependence, shares=one.shares, stock=one.stock,
            line_dependence=_lines_depend(result, line_dependence, one.hours.ids), count=count, passes=PASSES, seed=seed,
        )
        for one in (before, after)
    ]  # fmt: skip
    return ShortfallPair(*shortfalls)


def setting_under(result: Applied, setting: Setting, *, plan: pl.DataFrame | None = None) -> Setting:
    """Return the setting under a scenario: quantiles scaled as the scenario scales the plan's demand and good hours.

    Where the plan had none, and for overtime, the scenario's amount is added as it is, without a band of its own. A new
    line has the band of the line it was made after. Weeks that the plan does not have stay as they are.
    """
    demand = _changed(setting.demand, *_demand_change(result, setting.demand))
    hours = _changed(setting.hours, *_hours_change(result, setting.hours))
    new = [one for one in result.problem.lines if one.line_id in result.modelled_on]
    if new:
        hours = _with_new_lines(hours, setting.hours, new, result)
    supply = _supply(result, setting.supply, new)
    changed = replace(setting, demand=demand, hours=hours, supply=supply)
    shares = median_shares(supply, demand.median, hours.median)
    return replace(
        changed, shares=shares if plan is None else plan_shares(plan, supply, demand.weeks, otherwise=shares)
    )


def _lines_depend(
    result: Applied, dependence: Dependence | None, line_ids: Sequence[str]
) -> Dependence | None:
    """Return how these lines depend on each other; a new one as the line it was made after."""
    if dependence is None:
        return None
    taken = dependence.take([result.modelled_on.get(one, one) for one in line_ids])
    return replace(taken, ids=tuple(line_ids))


def _shares(setting: Setting, plan: pl.DataFrame) -> FloatArray:
    return plan_shares(plan, setting.supply, setting.demand.weeks, otherwise=setting.shares)


def _changed(marginals: Marginals, factor: FloatArray, extra: FloatArray) -> Marginals:
    return replace(marginals, values=marginals.values * factor[:, :, None] + extra[:, :, None])


def _demand_change(result: Applied, marginals: Marginals) -> tuple[FloatArray, FloatArray]:
    """Return factor and amount of each product and week, (p, w) each."""
    pairs = {
        one.product_id: (before, after)
        for one, before, after in zip(
            result.base.products, result.base.demand, result.problem.demand, strict=True
        )
    }
    return _ratios(pairs, marginals, result.base.weeks)


def _hours_change(result: Applied, marginals: Marginals) -> tuple[FloatArray, FloatArray]:
    """Return factor and amount of each line and week, (l, w) each; more overtime is an amount."""
    after = {one.line_id: one for one in result.problem.lines}
    pairs = {one.line_id: (_good(one), _good(after[one.line_id])) for one in result.base.lines}
    factor, extra = _ratios(pairs, marginals, result.base.weeks)
    overtime = {
        one.line_id: _overtime(after[one.line_id], result.problem) - _overtime(one, result.base)
        for one in result.base.lines
    }
    for row, name in enumerate(marginals.ids):
        if name in overtime:
            there, place = _places(marginals.weeks, result.base.weeks)
            extra[row, there] += np.maximum(overtime[name][place], 0.0)
    return factor, extra


def _ratios(
    pairs: dict[str, tuple[FloatArray, FloatArray]], marginals: Marginals, weeks: Sequence[date]
) -> tuple[FloatArray, FloatArray]:
    shape = (len(marginals.ids), len(marginals.weeks))
    factor, extra = np.ones(shape), np.zeros(shape)
    there, place = _places(marginals.weeks, weeks)
    for row, name in enumerate(marginals.ids):
        if name in pairs:
            before, after = (one[place] for one in pairs[name])
            factor[row, there] = np.divide(after, before, out=np.ones(len(place)), where=before > 0)
            extra[row, there] = np.where(before > 0, 0.0, after)
    return factor, extra


def _with_new_lines(
    hours: Marginals, before: Marginals, new: Sequence[PlanLine], result: Applied
) -> Marginals:
    rows = {name: row for row, name in enumerate(before.ids)}
    models = {one.line_id: one for one in (*result.base.lines, *result.problem.lines)}
    there, place = _places(before.weeks, result.base.weeks)
    added = np.zeros((len(new), len(before.weeks), len(before.levels)))
    for number, line in enumerate(new):
        model, wanted = result.modelled_on[line.line_id], _good(line)[place]
        if model in rows:
            whole = _good(models[model])[place]
            share = np.divide(wanted, whole, out=np.zeros(len(place)), where=whole > 0)
            banded = before.values[rows[model]][there] * share[:, None]
            added[number, there] = np.where(whole[:, None] > 0, banded, wanted[:, None])
        else:
            added[number, there] = wanted[:, None]
    ids = (*hours.ids, *(one.line_id for one in new))
    return replace(hours, ids=ids, values=np.concatenate([hours.values, added]))


def _supply(result: Applied, supply: Supply, new: Sequence[PlanLine]) -> Supply:
    """Return the supply with a column for each new line; a route's own good share counts relative to its line's."""
    rows = {name: row for row, name in enumerate(supply.product_ids)}
    columns = np.zeros((len(rows), len(new)))
    for column, line in enumerate(new):
        usual = float(line.good_share.mean())
        for route in result.problem.routes:
            if route.line_id == line.line_id and route.product_id in rows:
                share = 1.0 if route.good_share is None or usual <= 0 else route.good_share / usual
                columns[rows[route.product_id], column] = route.rate * share
    line_ids = (*supply.line_ids, *(one.line_id for one in new))
    return Supply(supply.product_ids, line_ids, np.concatenate([supply.rate, columns], axis=1))


def _good(line: PlanLine) -> FloatArray:
    return np.asarray(line.hours * line.good_share, dtype=np.float64)


def _overtime(line: PlanLine, problem: PlanProblem) -> FloatArray:
    return np.asarray(line.overtime * line.good_share * float(problem.options.overtime), dtype=np.float64)


def _places(weeks: Sequence[date], of: Sequence[date]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the positions of the common weeks in both."""
    where = {one: row for row, one in enumerate(of)}
    pairs = [(row, where[one]) for row, one in enumerate(weeks) if one in where]
    return np.array([row for row, _ in pairs], dtype=np.int64), np.array(
        [at for _, at in pairs], dtype=np.int64
    )
