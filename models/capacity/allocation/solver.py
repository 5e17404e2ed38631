"""Have HiGHS solve a program through SciPy within the time left, and say what went wrong in words."""

import time
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, OptimizeResult, linprog, milp

from models.capacity.allocation.instance import FloatArray, IntArray
from models.capacity.allocation.program import Program
from models.errors import PlanError, SolverTimeoutError, UnboundedPlanError

__all__ = ["Deadline", "Infeasible", "MixedSolution", "Solution", "solve_linear", "solve_mixed"]

_OPTIMAL: Final = 0
_LIMIT: Final = 1
_INFEASIBLE: Final = 2
_UNBOUNDED: Final = 3
_FAILED: Final = 4
"""What HiGHS says where its presolve breaks off, as with some lots that are nothing or within bounds; without it they are solved."""
_SIMPLEX_COLUMNS: Final = 4_000
"""Up to so many columns the simplex method takes milliseconds; above, the interior point method's time is steadier."""


class Infeasible(Exception):  # noqa: N818  # caught within the package, never shown
    """No point meets all constraints of the program."""


@dataclass(frozen=True)
class Deadline:
    """A moment by which the solver must have finished."""

    limit_seconds: float
    until: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """Return the deadline so many seconds from now."""
        return cls(seconds, time.monotonic() + seconds)

    def left(self) -> float:
        """Return the seconds left, or raise `SolverTimeoutError` if there are none."""
        left = self.until - time.monotonic()
        if left <= 0:
            raise self.passed()
        return left

    def passed(self) -> SolverTimeoutError:
        """Return the error that says the time is up and what to do."""
        return SolverTimeoutError(
            zh=f"求解在 {self.limit_seconds:g} 秒内没有完成，未产生新计划。请减少周数或产品，"
            "关闭最小批量，或放宽求解时限后重试。",
            en=f"The solver did not finish within {self.limit_seconds:g} s; there is no new plan. "
            "Plan fewer weeks or products, switch minimum lots off, or allow more time.",
        )


@dataclass(frozen=True, eq=False)
class Solution:
    """A program's optimum: x, and by how much the cost grows per unit of each right side and bound (in its money)."""

    x: FloatArray
    balance: FloatArray
    limits: FloatArray
    lower: FloatArray
    upper: FloatArray
    cost: float
    method: str


@dataclass(frozen=True, eq=False)
class MixedSolution:
    """The best plan found with minimum lots; `bound` is what no plan can fall below."""

    x: FloatArray
    cost: float
    bound: float


def solve_linear(program: Program, deadline: Deadline) -> Solution:
    """Return the optimum of the program with its duals; raise `Infeasible`, or an error for the user."""
    first = "highs-ds" if program.cost.size <= _SIMPLEX_COLUMNS else "highs-ipm"
    result = _linprog(program, first, deadline)
    if first == "highs-ipm" and result.status not in {
        _OPTIMAL,
        _LIMIT,
    }:  # simplex says for certain what is wrong
        result = _linprog(program, "highs-ds", deadline)
        first = "highs-ds"
    _raise_unless_solved(result, deadline)
    return Solution(
        x=np.asarray(result.x),
        balance=np.asarray(result.eqlin.marginals),
        limits=np.asarray(result.ineqlin.marginals),
        lower=np.asarray(result.lower.marginals),
        upper=np.asarray(result.upper.marginals),
        cost=float(result.fun),
        method=first,
    )


def _linprog(program: Program, method: str, deadline: Deadline) -> OptimizeResult:
    return linprog(
        program.cost,
        A_ub=program.limits,
        b_ub=program.bound,
        A_eq=program.balance,
        b_eq=program.owed,
        bounds=np.column_stack([program.lower, program.upper]),
        method=method,
        options={"time_limit": deadline.left()},
    )


def solve_mixed(program: Program, kinds: IntArray, gap: float, deadline: Deadline) -> MixedSolution:
    """Return the best point where columns of kind 1 are whole and of kind 2 nothing or within their bounds."""
    result = _milp(program, kinds, gap, deadline, presolve=True)
    if result.status == _FAILED:
        result = _milp(program, kinds, gap, deadline, presolve=False)
    if not (result.status == _LIMIT and result.x is not None):  # stopped by the clock with a plan in hand
        _raise_unless_solved(result, deadline)
    bound = result.fun if result.mip_dual_bound is None else result.mip_dual_bound
    return MixedSolution(np.asarray(result.x), float(result.fun), float(bound))


def _milp(
    program: Program, kinds: IntArray, gap: float, deadline: Deadline, *, presolve: bool
) -> OptimizeResult:
    return milp(
        program.cost,
        integrality=kinds,
        bounds=Bounds(program.lower, program.upper),
        constraints=[
            LinearConstraint(program.balance, program.owed, program.owed),
            LinearConstraint(program.limits, -np.inf, program.bound),
        ],
        options={"time_limit": deadline.left(), "mip_rel_gap": gap, "presolve": presolve},
    )


def _raise_unless_solved(result: OptimizeResult, deadline: Deadline) -> None:
    if result.status == _LIMIT:
        raise deadline.passed()
    if result.status == _INFEASIBLE:
        raise Infeasible
    if result.status == _UNBOUNDED:
        raise UnboundedPlanError(
            zh="计划没有最优解：某项利润可以无限增加。请检查成本是否为负、库存上限与需求是否合理。",
            en="The plan has no best answer: something may be earned without limit. Look for negative costs and check "
            "stock ceilings and demand.",
        )
    if result.status != _OPTIMAL:
        raise PlanError(
            zh=f"求解器未能得出可靠的结果（{result.message}）。请检查输入中是否有极大或极小的数值（单位是否写错）。",
            en=f"The solver could not reach a reliable answer ({result.message}). Look for numbers that are far too "
            "large or small (a wrong unit).",
        )
