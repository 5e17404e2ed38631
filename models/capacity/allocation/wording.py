"""Say in Chinese and English what a constraint is worth and what the product mix should be."""

from datetime import date
from functools import lru_cache

from models.capacity.allocation.prices import Kind

__all__ = ["amount", "in_week", "price_text"]

_ONE_MORE_ZH = {
    Kind.LINE_HOURS: "{week}产线“{name}”多一小时",
    Kind.OVERTIME: "{week}产线“{name}”多一小时加班额度",
    Kind.MINIMUM_HOURS: "{week}产线“{name}”的最低运行时间每多一小时",
    Kind.CAP: "{week}上限“{name}”放宽一个单位",
    Kind.STOCK_CEILING: "{week}产品“{name}”的库存上限提高一{unit}",
    Kind.STOCK_FLOOR: "{week}产品“{name}”的库存下限每提高一{unit}",
    Kind.ORDER: "{week}产品“{name}”的优先订单每多一{unit}",
    Kind.DEMAND: "{week}产品“{name}”的需求多一{unit}",
}
_ONE_MORE_EN = {
    Kind.LINE_HOURS: "one more hour on line {name} in {week}",
    Kind.OVERTIME: "one more hour of overtime allowed on line {name} in {week}",
    Kind.MINIMUM_HOURS: "one more hour that line {name} must run in {week}",
    Kind.CAP: "one more unit under cap {name} in {week}",
    Kind.STOCK_CEILING: "one more {unit} under the stock ceiling of {name} in {week}",
    Kind.STOCK_FLOOR: "one more {unit} in the stock floor of {name} in {week}",
    Kind.ORDER: "one more {unit} of {name} in the priority orders of {week}",
    Kind.DEMAND: "one more {unit} of demand for {name} in {week}",
}


def price_text(kind: Kind, *, name: str, week: date, unit: str, price: float) -> tuple[str, str]:
    """Return what one more unit of the constraint is worth or costs, in Chinese and English."""
    week_zh, week_en = in_week(week)
    zh = _ONE_MORE_ZH[kind].format(week=week_zh, name=name, unit=unit)
    en = _ONE_MORE_EN[kind].format(week=week_en, name=name, unit=unit)
    if price >= 0:
        return f"{zh}，价值 {amount(price)} 元", f"{en} is worth {amount(price)} CNY"
    return f"{zh}，使收益减少 {amount(-price)} 元", f"{en} costs {amount(-price)} CNY"


@lru_cache(maxsize=512)
def in_week(week: date) -> tuple[str, str]:
    """Return the week by its ISO number and Monday, in Chinese and English."""
    number = week.isocalendar().week
    return f"第 {number} 周（{week}）", f"week {number} ({week})"


def amount(value: float) -> str:
    """Write an amount of money or goods: whole from 100 on, two decimals below, significant digits below 1."""
    if abs(value) >= 100:  # noqa: PLR2004
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) >= 1 else f"{value:.3g}"
