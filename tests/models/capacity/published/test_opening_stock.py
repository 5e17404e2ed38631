"""The last count of stock is carried to the first week to plan by what is sold and made until then."""

from dataclasses import replace
from datetime import date, timedelta

import polars as pl
import pytest

from models.capacity.published.capacity_run import CapacityRun
from models.capacity.published.opening_stock import stock_carried_forward
from tests.models.capacity.published.capacity_runs import WEEKS, a_run

_BEFORE = WEEKS[0] - timedelta(days=1)


def _run() -> CapacityRun:
    """Return a run whose first week is over: it is to be planned from the second on, stock was counted before the first."""
    run = a_run()
    later = run.info.model_copy(update={"data_as_of": WEEKS[0] + timedelta(days=3)})
    demand = run.demand.with_columns(pl.lit(1500.0).alias("forecast"), pl.lit(2000.0).alias("q90"))
    routes = run.routes.filter(
        (pl.col("line_id") == "L2") | (pl.col("product_id") == "P1")
    )  # one product a line
    return replace(run, info=later, demand=demand, routes=routes)


def _stock(run: CapacityRun) -> dict[str, tuple[float, float]]:
    rows = run.products.select("product_id", "opening_stock", "opening_backlog").iter_rows()
    return {name: (stock, backlog) for name, stock, backlog in rows}


def test_what_is_sold_and_made_until_the_plan_is_counted_and_told() -> None:
    run = _run()
    moved, notes = stock_carried_forward(run, {"P1": _BEFORE, "P2": _BEFORE})
    assert [note.code for note in notes] == ["stock_carried_forward"]
    before, after = _stock(run), _stock(moved)
    made = 2 * 140 * 0.9 * 0.95 * 10  # good output of both lines in the week
    carried = sum(stock - backlog for stock, backlog in after.values())
    assert carried == pytest.approx(
        sum(stock - backlog for stock, backlog in before.values()) + made - 3000, rel=1e-4
    )


def test_a_week_that_a_line_has_reported_counts_as_it_was_made() -> None:
    run = _run()
    reported = replace(run, weeks=run.weeks.filter((pl.col("line_id") == "L2") | (pl.col("week") > WEEKS[0])))
    counted = {"P1": _BEFORE, "P2": _BEFORE}
    assert stock_carried_forward(reported, counted)[1] == ()
    actual = pl.DataFrame({"line_id": ["L1"], "week": WEEKS[:1], "actual": [0.0]})
    moved, notes = stock_carried_forward(reported, counted, actual)
    assert notes
    assert _stock(moved)["P1"][1] > 0  # the line made nothing, so what was asked for is owed
    assert moved.weeks.equals(reported.weeks)


@pytest.mark.parametrize("counted", [{}, {"P1": WEEKS[1], "P2": WEEKS[1]}, {"P1": date(2027, 1, 1)}])
def test_a_count_of_the_plans_own_time_stays_as_it_is(counted: dict[str, date]) -> None:
    run = _run()
    moved, notes = stock_carried_forward(run, counted)
    assert notes == ()
    assert _stock(moved) == _stock(run)
