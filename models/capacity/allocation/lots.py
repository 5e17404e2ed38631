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
_MOST_WHOLE: Final = 5_000
"""With more routes and weeks than this under minimum lots branch and bound finds nothing of use in a minute."""
_CUTS: Final = (0.3, 0.6, 0.9, 1.0, 1.0, 1.0)
_LEAST_SECONDS: Final = 5.0
"""For the prices of a plan that was found with the last second."""
_SLACK: Final = 1e-7

Found = tuple[Program, Solution]


def solve_with_lots(
    program: Program, relaxed: Solution, missed: float, gap: float, deadline: Deadline
) -> tuple[Program, Solution, float]:
    """Return the program with its lots fixed, its optimum and duals, and a bound on the cost of any plan with lots.

    `relaxed` is the optimum without minimum lots, which may be `missed` above the least cost for want of columns. First
    small lots are closed step by step (`_dive`); where that misses the bound by more than `gap` and there are not too
    many lots, branch and bound looks for better in the time left. The better of both is the plan.
    """
    bound = relaxed.cost - missed
    if not _partial(program, relaxed).any():
        return program, relaxed, bound
    found = _dive(program, relaxed, deadline)
    close = gap * abs(program.whole - relaxed.cost)
    few = int((lot_bounds(program)[0] > 0).sum()) <= _MOST_WHOLE
    if found is None or (few and found[1].cost - bound > close and time.monotonic() < deadline.until):
        better, least = _branched(program, gap, found, deadline)
        found, bound = better, bound if missed else max(bound, least)
    return *found, bound


def _partial(program: Program, solution: Solution) -> BoolArray:
    """Say which columns make something, but less than their minimum lot."""
    hours, least = solution.x[: program.stock_from], lot_bounds(program)[0]
    return np.asarray((hours > _SLACK) & (hours < least - _SLACK))


def _dive(program: Program, relaxed: Solution, deadline: Deadline) -> Found | None:
    """Close the lots made least of, plan again, and so on until every lot made is whole; None if that leads nowhere.

    When the time is up the lots whole so far are made and no other.
    """
    least, most = lot_bounds(program)
    fits, solution = least <= most, relaxed
    open_ = fits.copy()
    for cut in _CUTS:
        hours = solution.x[: program.stock_from]
        open_ &= ~(_partial(program, solution) & (hours < cut * least))
        try:
            solution = solve_linear(
                _bounded(program, np.zeros_like(least), np.where(open_, most, 0.0)), deadline
            )
            if not _partial(program, solution).any():
                fixed = _fixed(program, solution.x[: program.stock_from] > _SLACK)
                return fixed, solve_linear(fixed, deadline)
        except Infeasible:
            return None
        except SolverTimeoutError:
            break
    fixed = _fixed(program, open_ & (solution.x[: program.stock_from] >= least - _SLACK))
    try:
        return fixed, solve_linear(fixed, Deadline(deadline.limit_seconds, time.monotonic() + _LEAST_SECONDS))
    except Infeasible:
        return None


def _branched(program: Program, gap: float, found: Found | None, deadline: Deadline) -> tuple[Found, float]:
    """Return the better of branch and bound's plan and the one found, and the bound."""
    least, most = lot_bounds(program)
    fits = least <= most
    limited = _bounded(program, np.where(fits, least, 0.0), np.where(fits, most, 0.0))
    kinds: IntArray = np.zeros(program.cost.size, dtype=np.int64)
    kinds[: program.stock_from] = np.where((least > 0) & fits, _SEMI_CONTINUOUS, 0)
    try:
        mixed = solve_mixed(limited, kinds, gap, deadline)
        fixed = _fixed(program, mixed.x[: program.stock_from] > _SLACK)
        better = (
            fixed,
            solve_linear(fixed, Deadline.after(max(deadline.until - time.monotonic(), _LEAST_SECONDS))),
        )
    except (SolverTimeoutError, Infeasible):
        if found is None:
            raise
        return found, -np.inf
    return (better if found is None or better[1].cost < found[1].cost else found), mixed.bound


def lot_bounds(program: Program) -> tuple[FloatArray, FloatArray]:
    """Return the hours of the minimum lot, and the most there may be, of each column of production."""
    instance, columns = program.instance, program.columns
    good = instance.good[columns.route, columns.week]
    line = instance.of_line[columns.route]
    most = (instance.hours + instance.overtime)[line, columns.week]
    return instance.minimum_lot[columns.route] / good, np.minimum(most, columns.most)


def _fixed(program: Program, made: BoolArray) -> Program:
    """Return the program with the lots made at least whole and no other lot; routes without a lot stay free."""
    least, most = lot_bounds(program)
    chosen = made & (least <= most)
    return _bounded(
        program, np.where(chosen, least, 0.0), np.where(chosen | (least <= 0), program.columns.most, 0.0)
    )


def _bounded(program: Program, lower: FloatArray, upper: FloatArray) -> Program:
    rest = slice(program.stock_from, None)
    return replace(
        program,
        lower=np.concatenate([lower, program.lower[rest]]),
        upper=np.concatenate([upper, program.upper[rest]]),
    )
