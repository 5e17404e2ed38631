"""What a plan is made from, as known on a date."""

from datetime import date

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from features.capacity.plan_tables import CAPS, ORDERS, PRODUCTS, ROUTES, plan_tables
from features.errors import ContradictingRowsError, MissingTableError
from tests.features.capacity.conftest import AS_OF, Tables, day, table

FRAMES = ("routes", "products", "orders", "caps", "refused")


@pytest.fixture
def firm(plant: Tables) -> Tables:
    product = {
        "product_id": "P",
        "org_id": "ORG-01",
        "family": "salt",
        "name": "盐",
        "unit": "t",
        "known_at": day(1, 1),
    }
    route = {"line_id": "A", "product_id": "P", "margin_line": 30.0, "margin_company": 20.0, "margin_group": 25.0,
             "changeover_hours": 2.0, "known_at": day(1, 1)}  # fmt: skip
    stock = {
        "product_id": "P",
        "ds": date(2024, 1, 31),
        "quantity": 50.0,
        "floor": 20.0,
        "known_at": day(8, 2),
    }
    order = {"order_id": "O1", "product_id": "P", "due_on": day(28), "quantity": 9.0, "known_at": day(1)}
    cap = {
        "cap_id": "C1",
        "kind": "energy",
        "limit": 900.0,
        "start_on": day(1, 1),
        "end_on": day(31),
        "known_at": day(1, 1),
    }
    return plant | {
        "products": table("products", product, product | {"product_id": "Q"}),
        "line_products": table("line_products", route, route | {"rate": 7.0, "known_at": day(15)}),
        "stocks": table("stocks", stock, stock | {"ds": date(2024, 2, 29), "quantity": 44.0, "known_at": day(9)}),
        "plan_orders": table("plan_orders", order, order | {"order_id": "O2", "due_on": day(18)},
                             order | {"order_id": "O3", "due_on": day(29)},
                             order | {"order_id": "O3", "due_on": day(29), "quantity": 0.0, "known_at": day(16)}),
        "plan_caps": table("plan_caps", cap, cap | {"cap_id": "C2", "start_on": day(25), "end_on": None}),
    }  # fmt: skip


def test_tables_have_the_stated_columns(sample: Tables) -> None:
    tables = plan_tables(sample, as_of=AS_OF)
    for name, schema in (("routes", ROUTES), ("products", PRODUCTS), ("orders", ORDERS), ("caps", CAPS)):
        frame = getattr(tables, name)
        assert frame.schema == pl.Schema(schema)
        assert frame.height > 0
        assert frame.select(pl.struct(frame.columns[:2]).is_unique().all()).item()
    assert tables.refused.is_empty()
    assert tables.routes["rate"].null_count() == 0
    assert set(tables.orders["week"].dt.weekday()) == {1}


def test_each_fact_is_the_one_known_last(firm: Tables) -> None:
    tables = plan_tables(firm, as_of=day(20))
    assert tables.routes.select("line_id", "product_id", "rate").rows() == [("A", "P", 7.0)]
    assert tables.products.select("product_id", "opening_stock", "stock_floor", "opening_backlog").rows() == [
        ("P", 44.0, 20.0, None),
        ("Q", None, None, None),
    ]
    assert tables.orders.rows() == [("O1", "P", day(25), 9.0)]
    assert tables.caps["cap_id"].to_list() == ["C1"]
    earlier = plan_tables(firm, as_of=day(8))
    assert earlier.routes["rate"].to_list() == [10.0], "the line's planned rate"
    assert earlier.products["opening_stock"].to_list() == [50.0, None]
    assert earlier.orders["order_id"].to_list() == ["O1", "O2", "O3"]
    assert plan_tables(firm, as_of=day(24)).caps["cap_id"].to_list() == ["C1", "C2"]
    assert plan_tables(firm, as_of=day(31)).caps["cap_id"].to_list() == ["C2"]


@pytest.mark.parametrize("as_of", [date(2022, 7, 9), AS_OF])
def test_what_became_known_later_changes_nothing(sample: Tables, as_of: date) -> None:
    later = pl.col("known_at") > as_of
    tampered = {}
    for name, frame in sample.items():
        numbers = [column for column, dtype in frame.schema.items() if dtype == pl.Float64]
        changed = frame.filter(later).with_columns(pl.col(column) * -7.5 + 3 for column in numbers)
        tampered[name] = pl.concat([changed, frame.filter(~later).reverse()])
    expected, found = plan_tables(sample, as_of=as_of), plan_tables(tampered, as_of=as_of)
    for name in FRAMES:
        assert_frame_equal(getattr(found, name), getattr(expected, name), check_exact=True)


def test_group_without_the_dispensable_tables_has_products_alone(firm: Tables) -> None:
    tables = plan_tables({name: firm[name] for name in ("products", "lines")}, as_of=day(20))
    assert tables.products["product_id"].to_list() == ["P", "Q"]
    assert tables.routes.is_empty()
    assert tables.orders.is_empty()
    assert tables.caps.is_empty()
    with pytest.raises(MissingTableError, match="products"):
        plan_tables({"lines": firm["lines"]}, as_of=day(20))


def test_costs_may_be_absent(firm: Tables) -> None:
    stocks = firm["stocks"].drop("holding_cost", "backlog_cost")
    tables = plan_tables(firm | {"stocks": stocks}, as_of=day(20))
    assert tables.products["backlog_cost"].null_count() == 2
    assert tables.products["opening_stock"].to_list() == [44.0, None]


def test_rows_that_refer_to_nothing_are_refused_by_name(firm: Tables) -> None:
    route = firm["line_products"].row(0, named=True)
    order = firm["plan_orders"].row(0, named=True)
    tables = plan_tables(
        firm
        | {
            "line_products": table(
                "line_products", route, route | {"line_id": "Z"}, route | {"product_id": "X"}
            ),
            "plan_orders": table("plan_orders", order | {"product_id": "X"}),
        },
        as_of=day(20),
    )
    assert tables.refused.select("table", "key").rows() == [
        ("line_products", "A|X"),
        ("line_products", "Z|P"),
        ("plan_orders", "O1|X"),
    ]
    assert tables.routes.height == 1


def test_contradicting_rows_are_an_error(firm: Tables) -> None:
    route = firm["line_products"].row(0, named=True)
    rows = table("line_products", route, route | {"margin_line": 31.0})
    with pytest.raises(ContradictingRowsError, match="line_id=A, product_id=P"):
        plan_tables(firm | {"line_products": rows}, as_of=day(20))
