"""Minimum lots without branch and bound, and what the solver's endings become."""

from dataclasses import replace

import pytest
from scipy.optimize import OptimizeResult

from models.capacity.allocation import lots, solver
from models.capacity.allocation.problem import PlanOptions, PlanProblem
from models.capacity.allocation.solve import solve_plan
from models.capacity.allocation.solver import Deadline, Infeasible
from models.errors import PlanError, SolverTimeoutError, UnboundedPlanError
from tests.models.capacity.allocation.small_plans import random_problem


def _with_lots(seed: int) -> PlanProblem:
    problem = random_problem(seed)
    routes = tuple(replace(route, minimum_lot=4.0) for route in problem.routes)
    return replace(problem, routes=routes, options=PlanOptions(minimum_lots=True, mip_gap=1e-4))


@pytest.mark.parametrize("seed", [1, 4, 8])
def test_closing_small_lots_gives_a_plan_within_the_gap_it_states(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    best = solve_plan(_with_lots(seed)).summary.row(0, named=True)
    monkeypatch.setattr(lots, "_MOST_WHOLE", 0)
    plan = solve_plan(_with_lots(seed))
    row = plan.summary.row(0, named=True)
    assert (plan.production["quantity"] >= 4.0 - 1e-6).all()
    assert row["value"] <= best["value"] + 1e-3 * abs(best["value"])
    assert row["value"] + row["gap"] * abs(row["value"]) >= best["value"] - 2e-3 * abs(best["value"])


@pytest.mark.parametrize(
    ("status", "error"),
    [(1, SolverTimeoutError), (2, Infeasible), (3, UnboundedPlanError), (4, PlanError)],
)
def test_each_ending_of_the_solver_has_its_error(status: int, error: type[Exception]) -> None:
    with pytest.raises(error):
        solver._raise_unless_solved(
            OptimizeResult(status=status, message="numbers", x=None), Deadline.after(1.0)
        )
    solver._raise_unless_solved(OptimizeResult(status=0, message="", x=None), Deadline.after(1.0))
