"""The program with every constraint that may be at fault made elastic, each by a slack that belongs to a named group."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import sparse

from models.capacity.allocation.instance import FloatArray, Instance, IntArray
from models.capacity.allocation.lots import lot_bounds
from models.capacity.allocation.prices import Kind
from models.capacity.allocation.problem import WEEK_HOURS
from models.capacity.allocation.program import Program, all_columns, cap_scale, program_of

__all__ = ["MINIMUM_LOT", "Elastic", "elastic_of"]

MINIMUM_LOT: Final = "minimum_lot"

Group = tuple[str, int]
"""Kind of constraint and the place of its line, product, cap or route."""


@dataclass(frozen=True, eq=False)
class Slacks:
    """Slacks of one kind: the place and week of each, at most `upper`, `share` of its size, `unit` of the reader."""

    kind: str
    at: IntArray
    week: IntArray
    columns: sparse.csc_array
    upper: FloatArray
    share: FloatArray
    unit: FloatArray


@dataclass(frozen=True, eq=False)
class Elastic:
    """matrix x within [low, high], lower <= x <= upper; the last `len(groups)` columns are the slacks.

    `groups`: kind and place of each slack, `week` its week; `share`: its weight, so that a slack as large as what it
    relaxes weighs 1; `unit`: what one of it is to the reader.
    """

    matrix: sparse.csc_array
    low: FloatArray
    high: FloatArray
    lower: FloatArray
    upper: FloatArray
    kinds: IntArray
    groups: tuple[Group, ...]
    week: IntArray
    share: FloatArray
    unit: FloatArray


def elastic_of(instance: Instance, kinds: Collection[str] | None = None) -> Elastic:
    """Build the elastic program: orders may slip, stock leave its bounds, lines run more or less, caps be passed.

    With `kinds`, only constraints of these kinds give way.
    """
    program = program_of(instance, all_columns(instance))
    rows = sparse.vstack([program.balance, program.limits], format="csc")
    slacks = [
        part for part in _slacks(program, rows) if part.at.size and (kinds is None or part.kind in kinds)
    ]
    late, links = _late(program, rows)
    count = sum(part.at.size for part in slacks)
    matrix = sparse.block_array(
        [
            [rows, late, sparse.hstack([part.columns for part in slacks], format="csc") if slacks else None],
            [None, links, _due_columns(program, slacks, links.shape[0], count)],
        ],
        format="csc",
    )
    least, most = lot_bounds(program)
    semi = (least > 0) & (least <= most)
    upper = program.upper.copy()
    upper[: program.stock_from] = np.where(
        least > most, 0.0, np.where(semi, most, upper[: program.stock_from])
    )
    lower = program.lower.copy()
    lower[: program.stock_from] = np.where(semi, least, 0.0)
    equal, bound = program.owed, program.bound
    return Elastic(
        matrix=matrix,
        low=np.concatenate([equal, np.full(bound.size + links.shape[0], -np.inf)]),
        high=np.concatenate([equal, bound, np.zeros(links.shape[0])]),
        lower=np.concatenate([lower, np.zeros(late.shape[1] + count)]),
        upper=np.concatenate([upper, np.full(late.shape[1], np.inf), *[part.upper for part in slacks]]),
        kinds=np.concatenate(
            [
                np.where(semi, 2, 0),
                np.zeros(rows.shape[1] - semi.size + late.shape[1] + count, dtype=np.int64),
            ]
        ),
        groups=tuple((part.kind, int(at)) for part in slacks for at in part.at),
        week=np.concatenate([part.week for part in slacks]) if slacks else np.zeros(0, dtype=np.int64),
        share=np.concatenate([part.share for part in slacks]) if slacks else np.zeros(0),
        unit=np.concatenate([part.unit for part in slacks]) if slacks else np.zeros(0),
    )


def _slacks(program: Program, rows: sparse.csc_array) -> Iterator[Slacks]:
    yield _orders(program, rows)
    yield _stock(program, rows, Kind.STOCK_FLOOR)
    yield _stock(program, rows, Kind.STOCK_CEILING)
    yield _hours(program, rows, Kind.LINE_HOURS)
    yield _hours(program, rows, Kind.MINIMUM_HOURS)
    yield _caps(program, rows)
    yield _lots(program, rows)


def _orders(program: Program, rows: sparse.csc_array) -> Slacks:
    """Quantities of orders that slip; they act through `_late`, so their columns here are empty."""
    instance = program.instance
    product, week = np.nonzero(instance.due > 0)
    due = instance.due[product, week] / instance.unit[product]
    empty = sparse.csc_array((rows.shape[0], len(product)))
    return Slacks(Kind.ORDER.value, product, week, empty, due, 1.0 / due, instance.unit[product])


def _late(program: Program, rows: sparse.csc_array) -> tuple[sparse.csc_array, sparse.csc_array]:
    """Return columns of backlog or lost sales beyond what orders allow, and a link row for each."""
    ever = np.repeat(program.instance.due.sum(axis=1) > 0, program.instance.hours.shape[1])
    at = np.flatnonzero(ever)
    return rows[:, program.short_from + at], sparse.eye_array(len(at), format="csc")


def _due_columns(program: Program, slacks: list[Slacks], links: int, count: int) -> sparse.csc_array:
    """Late in a week is at most what slipped of the orders due by then (in it, where sales are lost)."""
    instance, weeks = program.instance, program.instance.hours.shape[1]
    if not links or not slacks or slacks[0].kind != Kind.ORDER.value:
        return sparse.csc_array((links, count))
    cells = np.flatnonzero(np.repeat(instance.due.sum(axis=1) > 0, weeks))
    product, week = cells // weeks, cells % weeks
    same = product[:, None] == slacks[0].at[None, :]
    now = week[:, None] == slacks[0].week[None, :]
    by_then = week[:, None] >= slacks[0].week[None, :]
    acts = same & np.where(instance.owed[product][:, None], by_then, now)
    wide = np.zeros((links, count))
    wide[:, : acts.shape[1]] = -acts.astype(np.float64)
    return sparse.csc_array(wide)


def _stock(program: Program, rows: sparse.csc_array, kind: Kind) -> Slacks:
    """Stock below its floor is a copy of its column turned round, above its ceiling a copy."""
    instance = program.instance
    below = kind is Kind.STOCK_FLOOR
    bounds = instance.floor if below else instance.ceiling
    product, week = (
        np.nonzero((bounds > 0) & np.isfinite(bounds)) if below else np.nonzero(np.isfinite(bounds))
    )
    at = product * instance.hours.shape[1] + week
    copied = rows[:, program.stock_from + at]
    size = bounds[product, week] / instance.unit[product]
    most = (instance.hours + instance.overtime).sum() + instance.opening_stock[product] / instance.unit[
        product
    ]
    return Slacks(
        kind.value,
        product,
        week,
        -copied if below else copied,
        size if below else 4.0 * most,
        1.0 / np.maximum(size, 1.0),
        instance.unit[product],
    )


def _hours(program: Program, rows: sparse.csc_array, kind: Kind) -> Slacks:
    instance = program.instance
    more = kind is Kind.LINE_HOURS
    cells = np.arange(instance.hours.size) if more else program.least_at
    row = program.balance.shape[0] + (cells if more else program.least_from + np.arange(len(cells)))
    weeks = instance.hours.shape[1]
    size = instance.hours.ravel() if more else instance.least.ravel()[cells]
    # no week has more hours than the clock leaves; what counts as one line may be several machines
    left = np.maximum(instance.room - instance.overtime, 0.0).ravel()
    spare = np.where(instance.hours.ravel() <= WEEK_HOURS, left, instance.hours.ravel())
    return Slacks(
        kind.value,
        cells // weeks,
        cells % weeks,
        _minus(row, rows.shape[0]),
        spare if more else size,
        1.0 / np.maximum(size, 1.0),
        np.ones(len(cells)),
    )


def _caps(program: Program, rows: sparse.csc_array) -> Slacks:
    instance = program.instance
    cells = np.arange(instance.limit.size)
    weeks = instance.hours.shape[1]
    scale = np.repeat(cap_scale(instance), weeks)
    size = instance.limit.ravel() / scale
    return Slacks(
        Kind.CAP.value,
        cells // weeks,
        cells % weeks,
        _minus(program.balance.shape[0] + program.caps_from + cells, rows.shape[0]),
        np.full(len(cells), (instance.hours + instance.overtime).sum(axis=0).max(initial=0.0) * 10.0),
        1.0 / np.maximum(size, 1.0),
        scale,
    )


def _lots(program: Program, rows: sparse.csc_array) -> Slacks:
    """Hours below the minimum lot: a copy of the route's column without the lot."""
    least, most = lot_bounds(program)
    at = np.flatnonzero(least > 0)
    route, week = program.columns.route[at], program.columns.week[at]
    return Slacks(
        MINIMUM_LOT,
        route,
        week,
        rows[:, at],
        np.minimum(least, most)[at],
        1.0 / least[at],
        program.instance.good[route, week],
    )


def _minus(rows: IntArray, height: int) -> sparse.csc_array:
    return sparse.csc_array((-np.ones(len(rows)), (rows, np.arange(len(rows)))), shape=(height, len(rows)))
