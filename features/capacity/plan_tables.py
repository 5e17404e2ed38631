"""What a plan of production is made from besides the lines' capacity, as known on a date."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType
from typing import Final

import polars as pl

from features.asof import Known
from features.capacity.newest import newest
from features.errors import ContradictingRowsError

__all__ = ["CAPS", "ORDERS", "PRODUCTS", "REFUSED_ROWS", "ROUTES", "PlanTables", "plan_tables"]

_TEXT, _NUMBER, _DAY = pl.String(), pl.Float64(), pl.Date()
_RATES: Final = ("rate", "good_share", "margin_line", "margin_company", "margin_group", "changeover_hours", "lot",
                 "minimum_lot", "energy_per_unit", "emission_per_unit")  # fmt: skip
_STOCK: Final = {
    "quantity": "opening_stock",
    "backlog": "opening_backlog",
    "floor": "stock_floor",
    "ceiling": "stock_ceiling",
    "reserve": "stock_reserve",
    "holding_cost": "holding_cost",
    "backlog_cost": "backlog_cost",
}
_DISPENSABLE: Final = frozenset({"reserve", "holding_cost", "backlog_cost"})

ROUTES: Final[Mapping[str, pl.DataType]] = MappingProxyType(
    {"line_id": _TEXT, "product_id": _TEXT} | dict.fromkeys(_RATES, _NUMBER)
)
"""Columns of `PlanTables.routes`: units an hour, CNY per unit, hours, kWh and kg of CO2 equivalent per unit."""
PRODUCTS: Final[Mapping[str, pl.DataType]] = MappingProxyType(
    dict.fromkeys(("product_id", "org_id", "family", "unit"), _TEXT) | dict.fromkeys(_STOCK.values(), _NUMBER)
)
"""Columns of `PlanTables.products`: quantities in the product's unit, costs in CNY per unit and week."""
ORDERS: Final[Mapping[str, pl.DataType]] = MappingProxyType(
    {"order_id": _TEXT, "product_id": _TEXT, "week": _DAY, "quantity": _NUMBER}
)
CAPS: Final[Mapping[str, pl.DataType]] = MappingProxyType(
    {"cap_id": _TEXT, "kind": _TEXT, "org_id": _TEXT, "limit": _NUMBER}
)
REFUSED_ROWS: Final[Mapping[str, pl.DataType]] = MappingProxyType(
    {"table": _TEXT, "key": _TEXT, "reason_zh": _TEXT, "reason_en": _TEXT}
)
"""Columns of `PlanTables.refused`: rows that a plan cannot use, and why."""


@dataclass(frozen=True, eq=False)
class PlanTables:
    """Routes, products, orders and caps as known on a date, each sorted by its key.

    A route without a good_share takes its line's forecast, one without a rate the line's planned rate (filled in here).
    What a product has of stock and backlog is that of its last count; null where there is none. An order's week is the
    Monday of the week in which it is due. Caps are those in force on the day after the date, a week.
    """

    routes: pl.DataFrame
    products: pl.DataFrame
    orders: pl.DataFrame
    caps: pl.DataFrame
    refused: pl.DataFrame


def plan_tables(tables: Mapping[str, pl.LazyFrame | pl.DataFrame], *, as_of: date) -> PlanTables:
    """Return what a plan that begins on the day after `as_of` is made from.

    tables: `products` and `lines` by their contracts, and where they are there line_products, stocks, plan_orders and
    plan_caps. Of several rows of a key the one known last counts; rows known later have no effect. Routes of lines or
    products that are not in their tables are refused by name, as are orders.

    Raises MissingTableError, MissingColumnError, ContradictingRowsError where rows of a key known on the same day differ.
    """
    known = Known({name: frame.lazy() for name, frame in tables.items()}, as_of)
    products = _last(known, "products", ("product_id",), ("org_id", "family", "unit"))
    lines = _last(known, "lines", ("line_id",), ("planned_rate",))
    refused: list[pl.DataFrame] = []
    routes = _last(known, "line_products", ("line_id", "product_id"), _RATES)
    routes = _there(routes, "line_products", products, refused, on="product_id")
    routes = _there(routes, "line_products", lines, refused, on="line_id").join(lines, on="line_id")
    orders = _there(_orders(known), "plan_orders", products, refused, on="product_id")
    return PlanTables(
        routes=_typed(routes.with_columns(pl.col("rate").fill_null(pl.col("planned_rate"))), ROUTES),
        products=_typed(products.join(_stocks(known), on="product_id", how="left"), PRODUCTS),
        orders=_typed(orders, ORDERS),
        caps=_typed(_caps(known), CAPS),
        refused=pl.concat([pl.DataFrame(schema=REFUSED_ROWS), *refused]).sort("table", "key", "reason_en"),
    )


def _last(known: Known, table: str, key: tuple[str, ...], values: Sequence[str]) -> pl.DataFrame:
    """Return each key's row as known last; a table that a group need not have counts as empty."""
    if table not in known.tables and table not in {"products", "lines"}:
        return pl.DataFrame(schema=dict.fromkeys((*key, *values), pl.Null()))
    found = known.tables[table].collect_schema().names() if table in known.tables else []
    absent = [name for name in values if name in _DISPENSABLE and name not in found]
    wanted = [name for name in values if name not in absent]
    rows = known.rows(table, *key, *wanted, "known_at").collect().drop_nulls(list(key))
    kept, _, clash = newest(rows, key, wanted)
    if clash.height:
        raise ContradictingRowsError(table, dict(clash.sort(key).row(0, named=True)))
    return kept.with_columns(pl.lit(None, pl.Float64).alias(name) for name in absent)


def _there(
    rows: pl.DataFrame, table: str, known: pl.DataFrame, refused: list[pl.DataFrame], *, on: str
) -> pl.DataFrame:
    """Return the rows whose line or product is known, and add the others to the refused."""
    rows = rows.with_columns(pl.col(on).cast(pl.String))
    lost = rows.join(known, on=on, how="anti")
    key = "order_id" if table == "plan_orders" else "line_id"
    other = "lines" if on == "line_id" else "products"
    refused.append(
        lost.select(
            table=pl.lit(table),
            key=pl.format("{}|{}", pl.col(key).cast(pl.String), pl.col("product_id").cast(pl.String)),
            reason_zh=pl.format("表 " + other + " 中没有 {}，该行未使用。请先补录，或改正编号。", pl.col(on)),
            reason_en=pl.format(
                "Table "
                + other
                + " does not have {}; the row is not used. Record it there, or correct the id.",
                pl.col(on),
            ),
        )
    )
    return rows.join(known.select(on), on=on, how="semi")


def _stocks(known: Known) -> pl.DataFrame:
    """Return the last count of each product."""
    counts = _last(known, "stocks", ("product_id", "ds"), tuple(_STOCK)).rename(dict(_STOCK))
    last = counts.filter(pl.col("ds").cast(pl.Date) <= known.as_of).sort("product_id", "ds")
    return last.unique("product_id", keep="last").with_columns(pl.col("product_id").cast(pl.String))


def _orders(known: Known) -> pl.DataFrame:
    """Return the orders that are still due, by the week of their day."""
    rows = _last(known, "plan_orders", ("order_id",), ("product_id", "due_on", "quantity"))
    due = pl.col("due_on").cast(pl.Date)
    open_ = rows.filter((due > known.as_of) & (pl.col("quantity").cast(pl.Float64) > 0))
    return open_.with_columns(due.dt.truncate("1w").alias("week"))


def _caps(known: Known) -> pl.DataFrame:
    """Return the caps in force on the first day of the plan."""
    rows = _last(known, "plan_caps", ("cap_id",), ("kind", "org_id", "limit", "start_on", "end_on"))
    begins = known.as_of + timedelta(days=1)
    end = pl.col("end_on").cast(pl.Date).fill_null(begins)
    return rows.filter((pl.col("start_on").cast(pl.Date) <= begins) & (end >= begins))


def _typed(frame: pl.DataFrame, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """Return the columns of a schema, in order of the rows' first columns."""
    typed = frame.select(pl.col(name).cast(dtype) for name, dtype in schema.items())
    return typed.sort(typed.columns[:2])
