"""Explain a plan that cannot be: the fewest constraints to relax, and by how much each."""

import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, OptimizeResult, milp

from models.capacity.allocation.elastic import Elastic, Group, elastic_of
from models.capacity.allocation.instance import FloatArray, Instance, IntArray
from models.capacity.allocation.problem import PlanProblem
from models.capacity.allocation.relax_words import relaxation_rows
from models.capacity.allocation.solver import Deadline
from models.errors import PlanError, PlanInfeasibleError

__all__ = ["explain"]

_LEAST_SECONDS: Final = 10.0
_NOTHING: Final = 1e-6


@dataclass(frozen=True, eq=False)
class _Answer:
    """The slacks that make a plan possible, and whether no smaller set of groups does."""

    slack: FloatArray
    smallest: bool


def explain(
    problem: PlanProblem, instance: Instance, deadline: Deadline, kinds: Collection[str] = ()
) -> PlanInfeasibleError:
    """Return the error that names the smallest set of constraints to relax.

    Each line's hours or minimum hours, each product's stock floor, ceiling or orders of a week, each cap and each
    route's minimum lot is one constraint, over all its weeks. First the least relative relaxation (a linear program);
    then the fewest constraints (mixed integer), and of the sets of that size the one relaxed least. Without an answer in
    time the first stands, and the text says that a smaller set may exist. With `kinds`, only constraints of these kinds
    are relaxed where that is enough.
    """
    until = Deadline.after(max(_LEAST_SECONDS, deadline.until - time.monotonic()))
    elastic, answer = _answered(instance, kinds, until)
    rows = relaxation_rows(problem, instance, elastic, answer.slack)
    if not rows:
        raise PlanError(
            zh="求解器认为计划不可行，但没有约束需要放宽：数值相差过大，结果不可靠。请检查单位和极大、极小的数值。",
            en="The solver found no plan, yet nothing needs to be relaxed: the numbers lie too far apart to be relied on. "
            "Check units and very large or small numbers.",
        )
    zh = "；".join(f"{at}）{row['text_zh']}" for at, row in enumerate(rows, start=1))
    en = "; ".join(f"{at}) {row['text_en']}" for at, row in enumerate(rows, start=1))
    few_zh, few_en = (
        ("最少需要放宽", "The fewest to relax are")
        if answer.smallest
        else ("放宽以下约束即可（可能还有更少的组合）", "It is enough to relax (a smaller set may exist)")
    )
    return PlanInfeasibleError(
        zh=f"没有计划能同时满足所有约束，未产生新计划。{few_zh} {len(rows)} 项：{zh}。",
        en=f"No plan meets all constraints; there is no new plan. {few_en} {len(rows)}: {en}.",
        relaxations=rows,
    )


def _answered(instance: Instance, kinds: Collection[str], deadline: Deadline) -> tuple[Elastic, _Answer]:
    """Return the elastic program and its answer: of these kinds alone where they are enough, else of all."""
    for chosen in (kinds, None) if kinds else (None,):
        elastic = elastic_of(instance, chosen)
        answer = _fewest(elastic, deadline) if elastic.groups else None
        if answer is not None:
            return elastic, answer
    raise PlanError(
        zh="没有计划能同时满足所有约束，且未能在时限内找出需要放宽的约束。请减少周数或产品、放宽求解时限后重试。",
        en="No plan meets all constraints, and which to relax was not found in time. Plan fewer weeks or products, "
        "or allow more time.",
    )


def _fewest(elastic: Elastic, deadline: Deadline) -> _Answer | None:
    least = _solved(elastic, elastic.share, deadline)
    if least is None:
        return None
    names = _names(elastic)
    by_sum = _Answer(least, len(set(names[least > _NOTHING].tolist())) <= 1)
    if by_sum.smallest:
        return by_sum
    count = _counted(elastic, names, np.ones(names.max() + 1), None, deadline)
    if count is None:
        return by_sum
    fewest = len(set(names[count.slack > _NOTHING].tolist()))
    best = _counted(elastic, names, None, fewest, deadline) if count.smallest else None
    for answer in (best, count):
        if answer is not None and len(set(names[answer.slack > _NOTHING].tolist())) <= fewest:
            return _Answer(answer.slack, count.smallest)
    return by_sum


def _names(elastic: Elastic) -> IntArray:
    """Return the number of each slack's group; an order of a week is a group of its own."""
    keys: dict[tuple[Group, int], int] = {}
    numbers = [
        keys.setdefault((group, int(week) if group[0] == "order" else -1), len(keys))
        for group, week in zip(elastic.groups, elastic.week, strict=True)
    ]
    return np.array(numbers, dtype=np.int64)


def _solved(elastic: Elastic, cost: FloatArray, deadline: Deadline) -> FloatArray | None:
    base = elastic.matrix.shape[1] - len(elastic.groups)
    result = milp(
        np.concatenate([np.zeros(base), cost]),
        integrality=elastic.kinds,
        bounds=Bounds(elastic.lower, elastic.upper),
        constraints=LinearConstraint(elastic.matrix, elastic.low, elastic.high),
        options={"time_limit": _left(deadline)},
    )
    return None if result.x is None else np.asarray(result.x[base:])


def _counted(
    elastic: Elastic, names: IntArray, counted: FloatArray | None, at_most: int | None, deadline: Deadline
) -> _Answer | None:
    """Return the slacks with the fewest groups (`counted`), or the least relative slacks of `at_most` groups."""
    slacks, groups = len(names), int(names.max()) + 1
    base = elastic.matrix.shape[1] - slacks
    opened = sparse.csc_array((-elastic.upper[base:], (np.arange(slacks), names)), shape=(slacks, groups))
    total = sparse.csc_array(np.ones((1, groups)))
    matrix = sparse.block_array(
        [
            [elastic.matrix, None],
            [sparse.hstack([sparse.csc_array((slacks, base)), sparse.eye_array(slacks)]), opened],
            [None, total],
        ],
        format="csc",
    )
    none = np.full(slacks + 1, -np.inf)
    share = elastic.share if counted is None else np.zeros(slacks)
    result: OptimizeResult = milp(
        np.concatenate([np.zeros(base), share, np.zeros(groups) if counted is None else counted]),
        integrality=np.concatenate([elastic.kinds, np.ones(groups, dtype=np.int64)]),
        bounds=Bounds(
            np.concatenate([elastic.lower, np.zeros(groups)]),
            np.concatenate([elastic.upper, np.ones(groups)]),
        ),
        constraints=LinearConstraint(
            matrix,
            np.concatenate([elastic.low, none]),
            np.concatenate([elastic.high, np.zeros(slacks), [groups if at_most is None else at_most]]),
        ),
        options={"time_limit": _left(deadline)},
    )
    if result.x is None:
        return None
    return _Answer(np.asarray(result.x[base : base + slacks]), bool(result.status == 0))


def _left(deadline: Deadline) -> float:
    return max(deadline.until - time.monotonic(), 0.1)
