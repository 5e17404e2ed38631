"""Plans with minimum lots: nothing or at least the lot, by mixed integer programming."""

import time
from dataclasses import replace
from typing import Final

import numpy as np

from models.capacity.allocation.instance import BoolArray, FloatArray, IntArray
from models.capacity.allocation.program import Program
from models.capacity.allocation.solver import Deadline, Infeasible, Solution, solve_linear, solve_mixed
from models.errors import SolverTimeoutError

__all__ = ["lot_bounds", "solve_with_lots"]

_SEMI_CONTINUOUS: Final = 2
_SHARE_OF_TIME: Final = 0.7
_SLACK: Final = 1e-7


def solve_with_lots(
    program: Program, relaxed: Solution, missed: float, gap: float, deadline: Deadline
) -> tuple[Program, Solution, float]:
    """Return the program with its lots fixed, its optimum and duals, and a bound on the cost of any plan with lots.

    `relaxed` is the optimum without minimum lots, which may be `missed` above the least cost for want of columns. Where
    HiGHS finds no plan in most of the time, the relaxed plan is rounded: lots at least half made are made in full.
    """
    least, most, bound = *lot_bounds(program), relaxed.cost - missed
    hours = relaxed.x[: program.stock_from]
    if bool(np.all((hours <= _SLACK) | (hours >= least - _SLACK))):
        return program, relaxed, bound
    limited = _within(program, least, most)
    kinds: IntArray = np.zeros(program.cost.size, dtype=np.int64)
    kinds[: program.stock_from] = np.where((least > 0) & (least <= most), _SEMI_CONTINUOUS, 0)
    first = Deadline(deadline.limit_seconds, time.monotonic() + _SHARE_OF_TIME * deadline.left())
    try:
        mixed = solve_mixed(limited, kinds, gap, first)
        made = mixed.x[: program.stock_from] > _SLACK
        bound = max(bound, mixed.bound) if not missed else bound
    except SolverTimeoutError:
        made = hours >= 0.5 * least
    fixed = _fixed(program, least, most, made)
    try:
        return fixed, solve_linear(fixed, deadline), bound
    except Infeasible:
        raise deadline.passed() from None


def lot_bounds(program: Program) -> tuple[FloatArray, FloatArray]:
    """Return the hours of the minimum lot, and the most there may be, of each column of production."""
    instance, columns = program.instance, program.columns
    good = instance.good[columns.route, columns.week]
    line = instance.of_line[columns.route]
    most = (instance.hours + instance.overtime)[line, columns.week]
    return instance.minimum_lot[columns.route] / good, np.minimum(most, columns.most)


def _within(program: Program, least: FloatArray, most: FloatArray) -> Program:
    """Return the program with the bounds of semi-continuous hours; a lot that no week can hold is not made."""
    fits = least <= most
    return _bounded(program, np.where(fits, least, 0.0), np.where(fits, most, 0.0))


def _fixed(program: Program, least: FloatArray, most: FloatArray, made: BoolArray) -> Program:
    free = least <= 0
    chosen = made & (least <= most)
    return _bounded(program, np.where(chosen, least, 0.0), np.where(chosen | free, program.columns.most, 0.0))


def _bounded(program: Program, lower: FloatArray, upper: FloatArray) -> Program:
    rest = slice(program.stock_from, None)
    return replace(
        program,
        lower=np.concatenate([lower, program.lower[rest]]),
        upper=np.concatenate([upper, program.upper[rest]]),
    )
