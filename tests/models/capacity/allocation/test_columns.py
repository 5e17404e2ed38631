"""A plan found over few columns is the plan found over all of them."""

import numpy as np
import pytest

from models.capacity.allocation import columns
from models.capacity.allocation.columns import reduced_costs, solve_by_columns
from models.capacity.allocation.instance import instance_of
from models.capacity.allocation.program import all_columns, program_of
from models.capacity.allocation.solver import Deadline, solve_linear
from tests.models.capacity.allocation.small_plans import random_problem


def test_few_columns_reach_the_optimum_over_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "_DIRECT", 0)
    monkeypatch.setattr(columns, "_KEPT", (((1, 1), (1, 1)), ((2, 2), (2, 2))))
    monkeypatch.setattr(columns, "_PROVEN", 1e-9)
    left_out = 0
    for seed in range(10):
        instance = instance_of(random_problem(seed, weeks=12))
        every, deadline = all_columns(instance), Deadline.after(60)
        best = solve_linear(program_of(instance, every), deadline)
        few, found, missed = solve_by_columns(instance, every, deadline)
        assert found.cost == pytest.approx(best.cost, rel=1e-6, abs=1e-6)
        assert missed <= 1e-6 * abs(few.whole)
        left_out += len(every.route) - len(few.columns.route)
    assert left_out > 100


@pytest.mark.parametrize("seed", range(5))
def test_no_column_pays_at_the_prices_of_the_optimum_and_used_ones_break_even(seed: int) -> None:
    instance = instance_of(random_problem(seed))
    program = program_of(instance, all_columns(instance))
    solution = solve_linear(program, Deadline.after(60))
    reduced = reduced_costs(program, solution)[program.columns.route, program.columns.week] / program.money
    assert reduced.min() >= -1e-6
    used = solution.x[: program.stock_from] > 1e-6
    assert np.abs(reduced[used]).max() <= 1e-6
