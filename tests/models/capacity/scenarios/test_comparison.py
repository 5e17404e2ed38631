"""A scenario beside its base: every figure of both, what is new, what is gone, and the outcome in words."""

from dataclasses import replace
from datetime import date

import polars as pl
import pytest

from models.capacity.allocation.plan import Plan
from models.capacity.scenarios.apply import applied
from models.capacity.scenarios.comparison import Comparison, beside_base, compare, side_by_side
from models.capacity.scenarios.measures import short_products
from tests.models.capacity.scenarios.scenario_problems import WEEKS, problem, scenario

OUT: dict[str, object] = {"kind": "line_out", "line": "L1", "weeks": 6}
NEW: dict[str, object] = {"kind": "new_line", "line": "N", "copy_of": "L1"}


def _plan(value: float, lost: float, lines: tuple[str, ...] = ("L1",), binding: tuple[str, ...] = ()) -> Plan:
    """Return a plan of two weeks: A loses `lost` in the second, B owes 5 at its end, S lacks nothing."""
    weeks, zero = list(WEEKS[:2]), [0.0, 0.0]
    products = pl.concat(
        _product(name, weeks, gone, owed)
        for name, gone, owed in (("A", lost, 0.0), ("B", 0.0, 5.0), ("S", 0.0, 0.0))
    )
    rows = [
        {"line_id": one, "week": week, "hours": 100.0, "overtime_hours": 0.0, "used": 90.0, "overtime": 0.0, "shadow_price": 2.0}
        for one in lines for week in weeks
    ]  # fmt: skip
    summary = {
        "value": value, "margin": value + 10.0, "holding_cost": 4.0, "backlog_cost": 6.0, "overtime_cost": 0.0,
        "hours": 200.0, "used": 180.0, "overtime": 0.0,
    }  # fmt: skip
    empty = pl.DataFrame()
    return Plan(
        empty,
        products,
        pl.DataFrame(rows),
        _binding(binding),
        empty,
        empty,
        empty,
        pl.DataFrame([summary | {"x": zero[0]}]),
    )


def _product(name: str, weeks: list[date], gone: float, owed: float) -> pl.DataFrame:
    columns = {
        "demand": [100.0, 100.0], "production": [90.0, 90.0], "delivered": [100.0, 100.0 - gone - owed], "lost": [0.0, gone],
        "stock": [7.0, 3.0], "backlog": [0.0, owed],
    }  # fmt: skip
    return pl.DataFrame({"product_id": [name] * 2, "week": weeks, **columns})


def _binding(names: tuple[str, ...]) -> pl.DataFrame:
    rows = [
        {"constraint": one, "kind": "line_hours", "line_id": one, "product_id": None, "week": WEEKS[0], "shadow_price": 1.0 + place,
         "unit": "h", "text_zh": f"{one} 值", "text_en": f"{one} is worth"}
        for place, one in enumerate(names)
    ]  # fmt: skip
    schema = {
        "constraint": pl.String, "kind": pl.String, "line_id": pl.String, "product_id": pl.String, "week": pl.Date,
        "shadow_price": pl.Float64, "unit": pl.String, "text_zh": pl.String, "text_en": pl.String,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema)


def _compared(base: Plan, after: Plan, *parts: dict[str, object]) -> Comparison:
    return compare(applied(scenario(*(parts or (OUT,))), problem()), base, after)


def _measure(found: Comparison, measure: str, unit: str = "CNY") -> dict[str, float]:
    row = found.measures.filter(pl.col("measure") == measure, pl.col("unit") == unit).row(0, named=True)
    return {one: row[one] for one in ("base", "scenario", "change", "relative")}


def test_money_is_compared_with_its_change() -> None:
    found = _compared(_plan(1000.0, 0.0), _plan(400.0, 80.0))
    assert _measure(found, "value") == {"base": 1000, "scenario": 400, "change": -600, "relative": -0.6}
    assert _measure(found, "overtime_cost")["relative"] is None


def test_quantities_are_summed_by_unit_and_never_across() -> None:
    found = _compared(_plan(1000.0, 0.0), _plan(400.0, 80.0))
    assert _measure(found, "unmet", "piece") == {"base": 5, "scenario": 85, "change": 80, "relative": 16}
    assert _measure(found, "unmet", "t")["change"] == 0
    assert _measure(found, "delivered", "piece")["change"] == -80
    assert _measure(found, "stock", "t")["base"] == 3


def test_unmet_is_what_is_lost_or_still_owed_at_the_end() -> None:
    found = _compared(_plan(1000.0, 0.0), _plan(400.0, 80.0)).products
    assert dict(found.select("product_id", "unmet").iter_rows()) == {"A": 80, "B": 5, "S": 0}
    assert short_products(found) == ["A", "B"]
    assert short_products(found, "_base") == ["B"]


def test_the_text_says_what_it_costs_and_who_is_short() -> None:
    text = _compared(_plan(1000.0, 0.0), _plan(-234.0, 80.0)).text
    assert text.en == (
        "line L1 out for 6 week(s) from 2026-09-07 on: costs the group 1,234 CNY; 2 product(s) short (A, B), 1 of them only now, "
        "2 still unmet at the end."
    )
    assert (
        text.zh
        == "产线 L1 自 2026-09-07 起 6 周停产：集团净值减少 1,234 元；2 种产品缺货（A, B），其中新增 1 种，期末仍有 2 种未满足。"
    )


def test_a_scenario_that_brings_money_or_nothing_says_so() -> None:
    base = _plan(1000.0, 0.0)
    assert "brings the group 500 CNY" in _compared(base, _plan(1500.0, 0.0)).text.en
    assert "costs the group nothing" in _compared(base, base).text.en
    assert "净值不变" in _compared(base, base).text.zh


def test_the_text_names_whose_money_it_is() -> None:
    result = applied(scenario(OUT), replace(problem(), objective=type(problem().objective).COMPANY))
    assert "costs the companies" in compare(result, _plan(9.0, 0.0), _plan(1.0, 0.0)).text.en


def test_a_new_line_stands_beside_nothing() -> None:
    found = _compared(_plan(1.0, 0.0), _plan(2.0, 0.0, lines=("L1", "N")), NEW).line_weeks
    new = found.filter(pl.col("line_id") == "N")
    assert new["hours"].to_list() == [100, 100]
    assert new["hours_base"].null_count() == 2
    assert found.filter(pl.col("line_id") == "L1")["hours_base"].to_list() == [100, 100]


def test_constraints_that_came_went_or_stayed_are_told_apart() -> None:
    found = _compared(_plan(1.0, 0.0, binding=("L1", "L2")), _plan(1.0, 0.0, binding=("L2", "L3"))).binding
    states = dict(found.select("constraint", "state").iter_rows())
    assert states == {"L1": "gone", "L2": "stays", "L3": "new"}
    assert found.filter(pl.col("constraint") == "L1")["text_zh"].to_list() == ["L1 值"]


def test_comparison_does_not_depend_on_the_order_of_rows() -> None:
    base, after = _plan(1000.0, 1.0, binding=("L1", "L2")), _plan(400.0, 80.0, binding=("L2", "L3"))
    shuffled = replace(
        after, products=after.products.reverse(), lines=after.lines.reverse(), binding=after.binding.reverse()
    )
    one, other = _compared(base, after), _compared(base, shuffled)
    for name in ("measures", "products", "product_weeks", "line_weeks", "binding"):
        assert getattr(one, name).equals(getattr(other, name)), name


def test_several_scenarios_stand_side_by_side() -> None:
    base = _plan(1000.0, 0.0)
    found = [
        compare(applied(scenario(OUT, name=name), problem()), base, _plan(value, 0.0))
        for name, value in (("one", 900.0), ("two", 800.0))
    ]
    table = side_by_side(found)
    assert table.columns == ["measure", "label_zh", "label_en", "unit", "base", "one", "two"]
    assert table.row(0)[4:] == (1000, 900, 800)
    assert table.null_count().sum_horizontal().item() == 0


def test_the_bases_plan_is_solved_once_where_it_is_given() -> None:
    asked: list[object] = []

    def solve(wanted: object) -> Plan:
        asked.append(wanted)
        return _plan(500.0, 0.0)

    base = _plan(1000.0, 0.0)
    found = beside_base(scenario(OUT), problem(), solve, before=base)
    assert len(asked) == 1
    assert _measure(found, "value")["base"] == 1000
    beside_base(scenario(OUT), problem(), solve)
    assert len(asked) == 3


@pytest.mark.parametrize("share", [0.25, 1.0])
def test_parts_and_label_are_kept(share: float) -> None:
    found = _compared(_plan(1.0, 0.0), _plan(1.0, 0.0), {**OUT, "share": share})
    assert len(found.parts) == 1
    assert found.label == found.parts[0]
