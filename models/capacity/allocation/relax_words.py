"""Say which constraints to relax and by how much, in Chinese and English."""

from collections.abc import Mapping
from datetime import date

import numpy as np

from models.capacity.allocation.elastic import MINIMUM_LOT, Elastic
from models.capacity.allocation.instance import FloatArray, Instance
from models.capacity.allocation.prices import Kind
from models.capacity.allocation.problem import PlanProblem
from models.capacity.allocation.wording import amount, in_week

__all__ = ["relaxation_rows"]

_NOTHING = 1e-6
_ZH = {
    Kind.ORDER.value: "产品“{name}”的优先订单{orders}最多 {most} {unit} 推迟交付",
    Kind.STOCK_FLOOR.value: "允许产品“{name}”的库存低于下限最多 {most} {unit}",
    Kind.STOCK_CEILING.value: "允许产品“{name}”的库存高于上限最多 {most} {unit}",
    Kind.LINE_HOURS.value: "为产线“{name}”每周最多增加 {most} 小时",
    Kind.MINIMUM_HOURS.value: "产线“{name}”的最低运行时间每周最多减少 {most} 小时",
    Kind.CAP.value: "上限“{name}”每周最多提高 {most}",
    MINIMUM_LOT: "允许“{name}”按低于最小批量生产 {most} {unit}",
}
_EN = {
    Kind.ORDER.value: "let up to {most} {unit} of the priority orders{orders} for {name} be late",
    Kind.STOCK_FLOOR.value: "let the stock of {name} lie up to {most} {unit} below its floor",
    Kind.STOCK_CEILING.value: "let the stock of {name} lie up to {most} {unit} above its ceiling",
    Kind.LINE_HOURS.value: "give line {name} up to {most} more hours a week",
    Kind.MINIMUM_HOURS.value: "let line {name} run up to {most} hours a week less than its minimum",
    Kind.CAP.value: "raise cap {name} by up to {most} a week",
    MINIMUM_LOT: "let {name} make {most} {unit}, less than the minimum lot",
}


def relaxation_rows(
    problem: PlanProblem, instance: Instance, elastic: Elastic, slack: FloatArray
) -> list[Mapping[str, object]]:
    """Return one row by constraint to relax: kind, id, weeks, amounts (in the reader's unit) and the text."""
    found: dict[tuple[str, int, int], dict[date, float]] = {}
    for at in np.flatnonzero(slack > _NOTHING):
        kind, place = elastic.groups[at]
        week = int(elastic.week[at])
        key = (kind, place, week if kind == Kind.ORDER.value else -1)
        found.setdefault(key, {})[problem.weeks[week]] = float(slack[at] * elastic.unit[at])
    return [
        _row(problem, instance, kind, place, amounts) for (kind, place, _), amounts in sorted(found.items())
    ]


def _row(
    problem: PlanProblem, instance: Instance, kind: str, place: int, amounts: dict[date, float]
) -> Mapping[str, object]:
    name, unit = _subject(problem, instance, kind, place)
    weeks = sorted(amounts)
    orders = _orders(problem, name, weeks) if kind == Kind.ORDER.value else ()
    listed = f" {', '.join(orders)}" if orders else ""
    most = amount(max(amounts.values()))
    zh = _ZH[kind].format(name=name, unit=unit, most=most, orders=listed)
    en = _EN[kind].format(name=name, unit=unit, most=most, orders=listed)
    when_zh, when_en = _when(weeks)
    return {
        "kind": kind,
        "constraint": f"{kind}:{name}",
        "id": name,
        "orders": orders,
        "weeks": tuple(weeks),
        "amounts": tuple(amounts[week] for week in weeks),
        "unit": unit,
        "text_zh": f"{when_zh}：{zh}",
        "text_en": f"{en} ({when_en})",
    }


def _subject(problem: PlanProblem, instance: Instance, kind: str, place: int) -> tuple[str, str]:
    if kind in {Kind.LINE_HOURS.value, Kind.MINIMUM_HOURS.value}:
        return instance.line_ids[place], "h"
    if kind == Kind.CAP.value:
        return instance.cap_ids[place], {cap.cap_id: cap.kind.value for cap in problem.caps}[
            instance.cap_ids[place]
        ]
    product = instance.product_ids[int(instance.of_product[place]) if kind == MINIMUM_LOT else place]
    unit = {each.product_id: each.unit for each in problem.products}[product]
    if kind == MINIMUM_LOT:
        return f"{instance.line_ids[int(instance.of_line[place])]} → {product}", unit
    return product, unit


def _orders(problem: PlanProblem, product: str, weeks: list[date]) -> tuple[str, ...]:
    due = (order for order in problem.orders if order.product_id == product and order.week in weeks)
    return tuple(sorted(order.order_id for order in due))


def _when(weeks: list[date]) -> tuple[str, str]:
    first_zh, first_en = in_week(weeks[0])
    if len(weeks) == 1:
        return first_zh, first_en
    last_zh, last_en = in_week(weeks[-1])
    return f"{first_zh}至{last_zh}共 {len(weeks)} 周", f"{len(weeks)} weeks from {first_en} to {last_en}"
