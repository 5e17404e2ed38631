"""Have a plan solved: the solver's library is imported when the first plan is made, not when the service starts."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import polars as pl

from models.capacity.allocation.problem import PlanProblem
from models.capacity.published.plan_record import PlanRecord

if TYPE_CHECKING:
    from models.capacity.allocation.difference import PlanDifference
    from models.capacity.allocation.plan import Plan

__all__ = ["Solved", "Solving", "solve_now"]


@dataclass(frozen=True, eq=False)
class Solved:
    """A plan, and what changed since the last plan of the same scope; None where there was none."""

    plan: "Plan"
    difference: "PlanDifference | None"


class Solving(Protocol):
    """Solves a problem. Raises PlanInfeasibleError, SolverTimeoutError, PlanError."""

    def __call__(self, problem: PlanProblem, *, seconds: float, before: PlanRecord | None) -> Solved:
        """Return the plan that earns most, held against the one before."""


def solve_now(problem: PlanProblem, *, seconds: float, before: PlanRecord | None) -> Solved:
    """Solve by HiGHS."""
    from models.capacity.allocation.difference import difference  # noqa: PLC0415 - SciPy's solver comes with it
    from models.capacity.allocation.solve import solve_plan  # noqa: PLC0415

    previous = None if before is None else before.production
    plan = solve_plan(problem, time_limit_seconds=seconds, previous=previous)
    return Solved(plan, None if before is None else difference(_plan_of(before), plan))


def _plan_of(record: PlanRecord) -> "Plan":
    """Return what a record keeps of its plan, which is all that the next one is compared with."""
    from models.capacity.allocation.plan import Plan  # noqa: PLC0415 - only where plans are made

    none = pl.DataFrame()
    return Plan(
        production=record.production,
        products=record.products,
        lines=none,
        binding=record.binding,
        routes=none,
        mix=none,
        weekly=none,
        summary=record.summary,
    )
