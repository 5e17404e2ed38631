"""Choose the routes and weeks worth a look in a large plan, and prove that no other would have paid.

With 50 lines x 300 products x 26 weeks every product on every line has 390,000 columns, of which some 8,000 are used.
A plan in a few coarse periods tells what an hour of each line and a unit of each product are worth (its duals); columns
far from paying at these prices are left out. At the prices of the plan that results every column is priced again
(column generation: Gilmore & Gomory 1961, Desaulniers, Desrosiers & Solomon 2005): those that would pay are added and
the plan is solved again, until none does or what they could earn together is below `_PROVEN` of the plan.
"""

from typing import Final

import numpy as np

from models.capacity.allocation.instance import BoolArray, FloatArray, Instance, IntArray
from models.capacity.allocation.program import (
    TIE,
    Columns,
    Program,
    all_columns,
    cap_scale,
    hour_costs,
    program_of,
    typical_margin,
)
from models.capacity.allocation.solver import Deadline, Infeasible, Solution, solve_linear

__all__ = ["reduced_costs", "solve_by_columns"]

_DIRECT: Final = 60_000
"""Up to so many columns all are taken."""
_PROVEN: Final = 1e-6
_KEPT: Final = (((8, 40), (4, 16)), ((16, 80), (10, 40)))
"""Routes kept of each product, and of each line, after the plan in one period; then of each product and week, and of
each line and week, after that in blocks. More where these cannot meet the orders and bounds."""
_BLOCK: Final = 5
_NEAR: Final = 0.02
_FAR: Final = 0.3
_MOST_ROUNDS: Final = 20


def solve_by_columns(
    instance: Instance, columns: Columns, deadline: Deadline
) -> tuple[Program, Solution, float]:
    """Return the program, its optimum and what leaving columns out may have cost at most (its money)."""
    if len(columns.route) <= _DIRECT:
        program = program_of(instance, columns)
        return program, solve_linear(program, deadline), 0.0
    for kept in _KEPT:
        try:
            return _in_rounds(instance, columns, _first_choice(instance, kept, deadline), deadline)
        except Infeasible:  # perhaps only for want of the columns left out
            continue
    program = program_of(instance, columns)
    return program, solve_linear(program, deadline), 0.0


def _in_rounds(
    instance: Instance, columns: Columns, chosen: BoolArray, deadline: Deadline
) -> tuple[Program, Solution, float]:
    kept = chosen[columns.route, columns.week]
    for _ in range(_MOST_ROUNDS):
        program = program_of(instance, _taken(columns, kept))
        solution = solve_linear(program, deadline)
        pays = reduced_costs(program, solution)[columns.route, columns.week] + columns.extra
        missed = _missed(instance, columns, np.minimum(pays, 0.0)) / program.money
        if missed <= _PROVEN * abs(program.whole - solution.cost):
            break
        kept = (pays < 0) | (kept & (pays < _far(program, solution)))
    return program, solution, missed


def _far(program: Program, solution: Solution) -> float:
    """Return the reduced cost (CNY an hour) beyond which a column is left out of the next round.

    Those in use cost nothing to keep (theirs is 0), so no round is worse than the one before.
    """
    worth = -program.money * solution.limits[: program.instance.hours.size]
    return _FAR * float(worth.mean()) + _FAR * TIE * typical_margin(program.instance)


def _taken(columns: Columns, kept: BoolArray) -> Columns:
    return Columns(columns.route[kept], columns.week[kept], columns.extra[kept], columns.most[kept])


def _missed(instance: Instance, columns: Columns, paying: FloatArray) -> float:
    """Return a bound on what the columns left out could earn: each line's hours on its best of them, CNY."""
    best = np.zeros_like(instance.hours)
    np.minimum.at(best, (instance.of_line[columns.route], columns.week), paying)
    return -float((best * (instance.hours + instance.overtime)).sum())


def reduced_costs(program: Program, solution: Solution) -> FloatArray:
    """Return what an hour of each route and week would cost the plan (r, w), CNY: 0 where used, never far below 0.

    Cost of the hour less what its units are worth, plus the hours, minimum hours and caps that it takes.
    """
    instance = program.instance
    _, products, _, weeks = instance.shape
    value = solution.balance.reshape(products, weeks) / instance.unit[:, None]
    hours = solution.limits[: instance.hours.size].copy()
    hours[program.least_at] -= solution.limits[program.least_from : program.caps_from]
    caps = solution.limits[program.caps_from : program.taken_from].reshape(-1, weeks) / cap_scale(instance)
    unit_price = value[instance.of_product] + instance.usage.T @ caps
    line_price = hours.reshape(-1, weeks)[instance.of_line]
    return np.asarray(hour_costs(instance) - program.money * (unit_price * instance.good + line_price))


def _first_choice(
    instance: Instance, keep: tuple[tuple[int, int], tuple[int, int]], deadline: Deadline
) -> BoolArray:
    """Return the routes and weeks (r, w) that pay or nearly pay at the prices of coarser plans."""
    weeks = instance.hours.shape[1]
    chosen: BoolArray = np.ones((len(instance.of_line), 1), dtype=bool)
    for sizes, (of_product, of_line) in zip(([weeks], _blocks(weeks)), keep, strict=True):
        coarse = instance.merged(sizes)
        columns = all_columns(coarse)
        pays = _priced(coarse, _taken(columns, chosen[columns.route, 0]), instance, sizes, deadline)
        near = _NEAR * float(np.median(np.abs(pays)))
        chosen = (_rank(instance.of_product, pays) < of_product) | (pays < near)
        chosen |= (
            _rank(instance.of_line, pays) < of_line
        )  # what a line may turn to in a week unlike its block
        if len(sizes) == 1:
            chosen = np.asarray(chosen.any(axis=1))[:, None]
    return chosen


def _blocks(weeks: int) -> list[int]:
    return [len(part) for part in np.array_split(np.arange(weeks), max(weeks // _BLOCK, 1))]


def _priced(
    coarse: Instance, columns: Columns, instance: Instance, sizes: list[int], deadline: Deadline
) -> FloatArray:
    program = program_of(coarse, columns)
    solution = solve_linear(program, deadline)
    per_hour = reduced_costs(program, solution)
    return np.repeat(per_hour, sizes, axis=1)


def _rank(group: IntArray, pays: FloatArray) -> FloatArray:
    """Return the place of each route among its group's in each week, 0 the best (r, w)."""
    order = np.lexsort((pays.T, np.broadcast_to(group, pays.T.shape)), axis=-1).T
    first = np.searchsorted(group[order[:, 0]], group[order[:, 0]], side="left")
    rank = np.empty(pays.shape)
    np.put_along_axis(
        rank, order, np.broadcast_to((np.arange(len(group)) - first)[:, None], pays.shape), axis=0
    )
    return rank
