"""Have plans solved: the solver's library is imported when the first plan is made, not when the service starts."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from models.capacity.allocation.problem import PlanProblem
from models.capacity.profiles.profile import Profile
from models.capacity.published.capacity_run import CapacityRun
from models.capacity.published.run_info import Note

if TYPE_CHECKING:
    from models.capacity.allocation.plan import Plan
    from models.capacity.published.planning import Planned, PlanRequest
from serving.random_bytes import new_id

__all__ = ["Planning", "Solving", "plan_now", "solve_now"]


class Planning(Protocol):
    """Plans a run and compares with the last plan in a folder. Raises PlanError; a failure is noted in the folder."""

    def __call__(
        self,
        run: CapacityRun,
        request: "PlanRequest",
        *,
        root: Path,
        issued_at: datetime,
        profiles: Mapping[str, Profile],
    ) -> "Planned":
        """Return the plan with its record, not yet written."""


class Solving(Protocol):
    """Solves a problem. Raises PlanInfeasibleError, SolverTimeoutError, PlanError."""

    def __call__(
        self, problem: PlanProblem, *, seconds: float, relax: bool
    ) -> "tuple[PlanProblem, Plan, Sequence[Note]]":
        """Return the problem as it was solved, the plan that earns most, and what gave way where it may."""


def plan_now(
    run: CapacityRun,
    request: "PlanRequest",
    *,
    root: Path,
    issued_at: datetime,
    profiles: Mapping[str, Profile],
) -> "Planned":
    """Plan by HiGHS."""
    from models.capacity.published.planning import plan_run  # noqa: PLC0415 - SciPy's solver comes with it

    return plan_run(run, request, root=root, issued_at=issued_at, suffix=new_id()[:8], profiles=profiles)


def solve_now(
    problem: PlanProblem, *, seconds: float, relax: bool
) -> "tuple[PlanProblem, Plan, Sequence[Note]]":
    """Solve by HiGHS."""
    from models.capacity.published.planning import PlanRequest, solve_asked  # noqa: PLC0415 - as above

    return solve_asked(problem, PlanRequest(relax=relax, time_limit_seconds=seconds))
