"""SupplyGraph as lines: short is what planned open days cannot make, and nothing after a cut-off is known at it."""

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from bench.capacity_parts.supplygraph import SupplyGraph, read_supplygraph

MONDAY = date(2023, 1, 2)
CUTOFF = date(2023, 4, 16)
CLOSED = date(2023, 4, 19)
ORDERED = {"busy": 100.0, "idle": 10.0, "seldom": 5.0}


def _made(line: str, day: date) -> float:
    """Return 12 a day: `busy` daily, `idle` not after the cut-off but on its Mondays, `seldom` on Mondays and Tuesdays."""
    runs = {"busy": True, "idle": day <= CUTOFF or day.weekday() == 0, "seldom": day.weekday() < 2}[line]
    return 12.0 if runs and day != CLOSED and day != date(2023, 4, 12) else 0.0


def _graph() -> SupplyGraph:
    days = [MONDAY + timedelta(days=step) for step in range(7 * 20)]
    rows = [(line, day, _made(line, day), ORDERED[line] / 7, 0.0) for line in ORDERED for day in days]
    columns = {"line_id": pl.String, "ds": pl.Date, "made": pl.Float64, "ordered": pl.Float64}
    return SupplyGraph(pl.DataFrame(rows, schema={**columns, "delivered": pl.Float64}, orient="row"))


def test_short_is_what_planned_open_days_cannot_make() -> None:
    short = _graph().short(CUTOFF)
    # Orders of 100 a week: more than 6 open days make (72), and than 7 (84).
    assert short.filter(line_id="busy")["short"].to_list() == [True] * 4
    # One day a week run, but open all week: standing still for want of orders is no lack of capacity.
    assert short.filter(line_id="idle")["short"].to_list() == [False] * 4
    # Planned on Mondays and Tuesdays alone: 24 a week.
    assert short.filter(line_id="seldom")["short"].to_list() == [False] * 4


@pytest.mark.parametrize(("orders", "expected"), [(83.0, [True, False, False, False]), (71.0, [False] * 4)])
def test_a_closed_day_is_lost_to_all_lines(orders: float, expected: list[bool]) -> None:
    graph = _graph()
    ordered = pl.when(pl.col("line_id") == "busy").then(orders / 7).otherwise("ordered")
    found = SupplyGraph(graph.days.with_columns(ordered=ordered)).short(CUTOFF)
    assert found.filter(line_id="busy")["short"].to_list() == expected


def test_lines_that_run_seldom_are_not_judged() -> None:
    assert _graph().judged(CUTOFF) == ["busy", "idle"]


def test_history_has_no_planned_hours_on_days_the_plant_was_closed() -> None:
    rows, plan = _graph().capability(CUTOFF)
    busy = rows.filter(line_id="busy")
    assert busy.filter(pl.col("planned_hours") == 0)["ds"].to_list() == [date(2023, 4, 12)]
    assert (busy["output"] == busy["planned_hours"] * busy["planned_rate"]).all()
    assert plan.filter(line_id="busy")["planned_hours"].to_list() == [24.0] * 28


def test_nothing_after_a_cutoff_is_known_at_it() -> None:
    graph = _graph()
    later = pl.col("ds") > CUTOFF
    made, ordered = (pl.when(later).then(999.0).otherwise(one).alias(one) for one in ("made", "ordered"))
    tampered = SupplyGraph(graph.days.with_columns(made, ordered))
    for one, other in zip(graph.capability(CUTOFF), tampered.capability(CUTOFF), strict=True):
        assert one.equals(other)
    assert graph.past_weeks(CUTOFF).equals(tampered.past_weeks(CUTOFF))
    assert graph.judged(CUTOFF) == tampered.judged(CUTOFF)
    assert not graph.short(CUTOFF).equals(tampered.short(CUTOFF))


def test_past_weeks_end_with_the_cutoff() -> None:
    weeks = _graph().past_weeks(CUTOFF)["week"].unique().sort()
    assert (weeks[0], weeks[-1], len(weeks)) == (date(2023, 2, 20), date(2023, 4, 10), 8)


def test_a_lower_rate_makes_more_weeks_short() -> None:
    graph = _graph()
    uneven = pl.when(pl.col("ds").dt.weekday() < 4).then(pl.col("made") / 2).otherwise("made")
    days = graph.days.with_columns(made=uneven)
    ordered = pl.when(pl.col("line_id") == "busy").then(60.0 / 7).otherwise("ordered")
    days = days.with_columns(ordered=ordered)
    assert not SupplyGraph(days).short(CUTOFF).filter(line_id="busy")["short"].any()
    assert SupplyGraph(days, rate=0.25).short(CUTOFF).filter(line_id="busy")["short"].all()


def test_a_line_is_a_sub_group_or_each_product(tmp_path: Path) -> None:
    nodes, amounts = tmp_path / "supplygraph_nodes", tmp_path / "supplygraph_unit_daily"
    nodes.mkdir()
    amounts.mkdir()
    name = "Node Types (Product Group and Subgroup).csv"
    (nodes / name).write_text("Node,Group,Sub-Group\nSOS005L04P,S,SOS\nSOS500M24P,S,SOS\n")
    table = "Date,SOS005L04P,SOS500M24P\n2023-01-01 00:00:00,1,2\n2023-01-02 00:00:00,3,0\n"
    for file in ("Production .csv", "Sales Order.csv", "Delivery To distributor.csv"):
        (amounts / file).write_text(table)
    assert read_supplygraph(tmp_path).days["made"].to_list() == [20.0 + 24.0, 60.0]
    products = read_supplygraph(tmp_path, unit="product").days
    assert products.filter(line_id="SOS005L04P")["made"].to_list() == [20.0, 60.0]
    assert products.filter(line_id="SOS500M24P")["made"].to_list() == [24.0, 0.0]
