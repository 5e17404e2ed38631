"""Contracts of what a plan of the lines needs besides their past: products, drivers, shifts, stocks, orders, caps."""

from dataclasses import replace
from typing import Final

import polars as pl

from features.tables.columns import (
    HOURS,
    RATIO,
    choice,
    day,
    dispensable,
    identifier,
    known_at,
    money,
    number,
    optional,
    text,
)
from features.tables.contract import Column, Contract, DataClass, Domain, Level, Lookup, Rule, Text
from features.tables.rules import known_not_before, not_before

__all__ = [
    "LINE_DRIVERS",
    "LINE_PLANS",
    "LINE_PRODUCTS",
    "PLAN_CAPS",
    "PLAN_ORDERS",
    "RESERVED_NAMES",
    "STOCKS",
]

RESERVED_NAMES: Final = (
    "line_id",
    "ds",
    "planned_hours",
    "run_hours",
    "output",
    "good_output",
    "planned_rate",
    "maintenance",
)
"""Names that a driver cannot have, for the panel of lines has columns of those names."""

_MEDIUM: Final = DataClass(Domain.PRODUCTION, Level.MEDIUM)
_MARGINS: Final = DataClass(Domain.MANAGEMENT, Level.HIGH)
_UNIT: Final = Text("产品的计量单位", "unit of the product")
_CNY_PER_UNIT: Final = Text("元／计量单位", "CNY per unit of the product")
_CNY_PER_WEEK: Final = Text("元／计量单位／周", "CNY per unit of the product and week")


def _margin(name: str, zh: str, en: str) -> Column:
    """Declare what one unit adds to the result: price less the costs that vary with it; it may be negative."""
    return replace(money(name, zh, en, unit=_CNY_PER_UNIT), data_class=_MARGINS)


LINE_PRODUCTS: Final = Contract(
    name="line_products",
    label=Text("产线可产产品", "Line products"),
    description=Text(
        "每条产线能生产哪些产品、速度、边际贡献和换型；数值变动时另加一行，以获知日期最晚的一行为准。",
        "Which products a line can make, how fast, at which margin; a change is a new row, and the one known last counts.",
    ),
    data_class=_MEDIUM,
    key=("line_id", "product_id", "known_at"),
    columns=(
        identifier("line_id", "产线编号", "Line id", of="lines"),
        identifier("product_id", "产品编号", "Product id", of="products"),
        optional(number("rate", "小时产能", "Rate", unit=Text("计量单位／小时", "units per hour"), above=0)),
        optional(number("good_share", "合格率", "Good share", unit=RATIO, above=0, maximum=1)),
        _margin("margin_line", "产线边际贡献", "Margin of the line"),
        _margin("margin_company", "企业边际贡献", "Margin of the company"),
        _margin("margin_group", "集团边际贡献", "Margin of the group"),
        number("changeover_hours", "换型工时", "Changeover hours", unit=HOURS, minimum=0),
        optional(number("lot", "批量", "Lot", unit=_UNIT, above=0)),
        optional(number("minimum_lot", "最小批量", "Minimum lot", unit=_UNIT, minimum=0)),
        optional(
            number(
                "energy_per_unit",
                "单位能耗",
                "Energy per unit",
                unit=Text("千瓦时／计量单位", "kWh per unit of the product"),
                minimum=0,
            )
        ),
        optional(
            number(
                "emission_per_unit",
                "单位排放",
                "Emission per unit",
                unit=Text("千克二氧化碳当量／计量单位", "kg of CO2 equivalent per unit of the product"),
                minimum=0,
            )
        ),
        known_at(),
    ),
    rules=(
        Rule(
            name="unit_of_line_and_product",
            columns=("line_id.unit", "product_id.unit"),
            broken=pl.col("line_id.unit") != pl.col("product_id.unit"),
            text=Text(
                "产线与产品的计量单位应相同", "a line and its product must be counted in the same unit"
            ),
            remedy=Text(
                "统一产线表与产品表的计量单位，并相应换算产能与销量",
                "give both the same unit in lines and products, and convert rates and sales",
            ),
        ),
        Rule(
            name="family_of_line_and_product",
            columns=("line_id.family", "product_id.family"),
            broken=pl.col("line_id.family") != pl.col("product_id.family"),
            text=Text("产线与产品应属同一产品族", "a line and its product must be of the same family"),
            remedy=Text(
                "核对产线编号和产品编号；产品族填错时改正其所在的表",
                "check both ids; where a family is wrong, correct the table in which it stands",
            ),
        ),
    ),
    lookups=(Lookup("line_id", ("unit", "family")), Lookup("product_id", ("unit", "family"))),
    may_be_absent=True,
    may_be_empty=True,
)

LINE_DRIVERS: Final = Contract(
    name="line_drivers",
    label=Text("产线驱动因素", "Line drivers"),
    description=Text(
        "影响产出的因素（天气、人员、原料批次等，名称自定）；获知日期早于当日的是计划或预报，同一因素多次获知时以最晚的为准。",
        "What moves the output (weather, staff, lots of raw material; names are free). Known before its day it is a plan or "
        "a forecast; of several values of a day the one known last counts.",
    ),
    data_class=_MEDIUM,
    key=("line_id", "ds", "driver", "known_at"),
    columns=(
        identifier("line_id", "产线编号", "Line id", of="lines"),
        day("ds", "日期", "Day"),
        text("driver", "因素", "Driver"),
        number("value", "数值", "Value", unit=Text("由因素决定", "that of the driver")),
        known_at(),
    ),
    rules=(
        Rule(
            name="driver_name_free",
            columns=("driver",),
            broken=pl.col("driver").str.strip_chars().str.to_lowercase().is_in(RESERVED_NAMES),
            text=Text(
                "因素名称不能与产线数据的列名相同", "a driver cannot have the name of a column of lines"
            ),
            remedy=Text(
                "换一个名称；计划工时请填入 line_plans",
                "choose another name; planned hours belong to line_plans",
            ),
        ),
    ),
    may_be_absent=True,
    may_be_empty=True,
)

LINE_PLANS: Final = Contract(
    name="line_plans",
    label=Text("排班计划", "Line plans"),
    description=Text(
        "每条产线每天的计划工时，事前获知；计划调整时另加一行。休息日填 0。",
        "Hours planned for each line and day, known in advance; a change is a new row. A day of rest has 0.",
    ),
    data_class=_MEDIUM,
    key=("line_id", "ds", "known_at"),
    columns=(
        identifier("line_id", "产线编号", "Line id", of="lines"),
        day("ds", "日期", "Day"),
        number("planned_hours", "计划工时", "Planned hours", unit=HOURS, minimum=0, maximum=24),
        known_at(),
    ),
    rules=(
        Rule(
            name="known_before_day",
            columns=("known_at", "ds"),
            broken=pl.col("known_at") > pl.col("ds"),
            text=Text("排班计划应在当日或之前获知", "a shift plan is known on its day or before"),
            remedy=Text(
                "填写计划下达日；事后的实际工时属于 line_output",
                "give the day the plan was issued; hours told afterwards belong to line_output",
            ),
        ),
    ),
    may_be_absent=True,
    may_be_empty=True,
)

STOCKS: Final = Contract(
    name="stocks",
    label=Text("库存", "Stocks"),
    description=Text(
        "每种产品的盘点库存、上下限和未交订单。",
        "Counted stock of each product with its band, and what was ordered but not delivered.",
    ),
    data_class=_MEDIUM,
    key=("product_id", "ds"),
    columns=(
        identifier("product_id", "产品编号", "Product id", of="products"),
        day("ds", "盘点日", "Day of the count"),
        number("quantity", "库存", "Stock", unit=_UNIT, minimum=0),
        optional(number("floor", "下限", "Floor", unit=_UNIT, minimum=0)),
        optional(number("ceiling", "上限", "Ceiling", unit=_UNIT, above=0)),
        optional(number("backlog", "欠交数量", "Backlog", unit=_UNIT, minimum=0)),
        dispensable(number("reserve", "其中政府储备", "Of which reserve", unit=_UNIT, minimum=0)),
        dispensable(money("holding_cost", "持有成本", "Holding cost", minimum=0, unit=_CNY_PER_WEEK)),
        dispensable(money("backlog_cost", "欠交成本", "Backlog cost", minimum=0, unit=_CNY_PER_WEEK)),
        known_at(),
    ),
    rules=(
        known_not_before("ds", "盘点日", "the count"),
        Rule(
            name="floor_below_ceiling",
            columns=("floor", "ceiling"),
            broken=pl.col("floor") >= pl.col("ceiling"),
            text=Text("库存下限应低于上限", "the floor of a stock lies below its ceiling"),
            remedy=Text("核对两个限值和计量单位", "check both limits and their unit"),
        ),
        Rule(
            name="reserve_within_stock",
            columns=("reserve", "quantity"),
            broken=pl.col("reserve") > pl.col("quantity"),
            text=Text(
                "政府储备是库存的一部分，不应多于库存",
                "the reserve is a part of the stock and cannot be more",
            ),
            remedy=Text("把储备计入库存，或核对数量", "count the reserve in the stock, or correct it"),
        ),
    ),
    may_be_absent=True,
    may_be_empty=True,
)

PLAN_ORDERS: Final = Contract(
    name="plan_orders",
    label=Text("优先订单", "Priority orders"),
    description=Text(
        "必须按期交付的订单；数量变更时另加一行，取消填 0。",
        "Orders that must be delivered on time; a change of quantity is a new row, a cancelled order has 0.",
    ),
    data_class=_MEDIUM,
    key=("order_id", "known_at"),
    columns=(
        identifier("order_id", "订单编号", "Order id"),
        identifier("product_id", "产品编号", "Product id", of="products"),
        day("due_on", "交付日", "Due on"),
        number("quantity", "数量", "Quantity", unit=_UNIT, minimum=0),
        known_at(),
    ),
    may_be_absent=True,
    may_be_empty=True,
)

PLAN_CAPS: Final = Contract(
    name="plan_caps",
    label=Text("能耗与排放上限", "Caps on energy and emission"),
    description=Text(
        "每周能耗或排放的上限；企业编号为空时适用于全集团。",
        "Caps on energy or emission a week; without a company id they bind the group as a whole.",
    ),
    data_class=DataClass(Domain.MANAGEMENT, Level.MEDIUM),
    key=("cap_id",),
    columns=(
        identifier("cap_id", "上限编号", "Cap id"),
        choice("kind", "类别", "Kind", {"energy": "能耗", "emission": "排放"}),
        optional(identifier("org_id", "企业编号", "Company id", of="companies")),
        number(
            "limit",
            "每周上限",
            "Limit a week",
            unit=Text("千瓦时或千克二氧化碳当量", "kWh, or kg of CO2 equivalent"),
            above=0,
        ),
        day("start_on", "开始日期", "Start on"),
        optional(day("end_on", "结束日期", "End on")),
        known_at(),
    ),
    rules=(
        not_before("end_on", "start_on", "结束日期不应早于开始日期", "a cap cannot end before it starts"),
    ),
    may_be_absent=True,
    may_be_empty=True,
)
