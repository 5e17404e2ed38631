"""Contracts of what the group sells: products and their sales by region and day."""

from typing import Final

from features.tables.columns import boolean, choice, day, identifier, known_at, number, optional, text, usual
from features.tables.contract import Contract, DataClass, Domain, Level, Text
from features.tables.rules import known_not_before

__all__ = ["FAMILIES", "PRODUCTS", "SALES", "UNITS"]

FAMILIES: Final = {"cell": "电芯", "carbon_fibre": "碳纤维", "salt": "食盐"}
UNITS: Final = {"piece": "只", "kg": "千克", "t": "吨"}
_REGIONS: Final = ("华东", "华北", "华中", "华南", "西南", "西北", "东北", "出口")

PRODUCTS: Final = Contract(
    name="products",
    label=Text("产品", "Products"),
    description=Text("集团生产并销售的产品。", "Products that the group makes and sells."),
    data_class=DataClass(Domain.PRODUCTION, Level.LOW),
    key=("product_id",),
    columns=(
        identifier("product_id", "产品编号", "Product id"),
        identifier("org_id", "企业编号", "Company id", of="companies"),
        usual(choice("family", "产品族", "Family", FAMILIES)),
        text("name", "名称", "Name"),
        usual(choice("unit", "计量单位", "Unit", UNITS)),
        known_at(),
    ),
)

SALES: Final = Contract(
    name="sales",
    label=Text("销售", "Sales"),
    description=Text(
        "每种产品每个区域每天的销量；退货为负数。",
        "Quantity sold by product, region and day; returns are negative.",
    ),
    data_class=DataClass(Domain.PRODUCTION, Level.MEDIUM),
    key=("product_id", "region", "ds"),
    columns=(
        identifier("org_id", "企业编号", "Company id", of="companies"),
        identifier("product_id", "产品编号", "Product id", of="products"),
        choice("region", "区域", "Region", {region: region for region in _REGIONS}),
        day("ds", "日期", "Day"),
        number("quantity", "数量", "Quantity", unit=Text("产品的计量单位", "unit of the product")),
        optional(
            number(
                "price", "单价", "Price", unit=Text("元／计量单位", "CNY per unit of the product"), above=0
            )
        ),
        boolean("promotion", "是否促销", "Promotion"),
        known_at(),
    ),
    rules=(known_not_before("ds", "销售日", "sale"),),
)
