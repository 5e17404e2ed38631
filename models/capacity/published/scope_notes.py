"""Say what of a run a plan of some companies leaves out, and what it makes for others."""

from collections.abc import Collection

import polars as pl

from models.capacity.published.capacity_run import CapacityRun
from models.capacity.published.run_info import Note
from models.capacity.published.run_scope import listed, made_elsewhere
from models.errors import ProductWithoutRouteError

__all__ = ["scope_notes"]


def scope_notes(run: CapacityRun, mine: CapacityRun, companies: Collection[str] | None) -> list[Note]:
    """Return the notes of a scope; `mine` is the run within it.

    Raises ProductWithoutRouteError naming the companies to plan with, where these have no line that makes anything.
    """
    if companies is None:
        return []
    left = made_elsewhere(run, companies)
    if mine.routes.is_empty() and left:
        raise _nothing_made_here(companies, left)
    return [*_left_out(run, left), *_made_for_others(run, mine, companies)]


def _nothing_made_here(companies: Collection[str], left: dict[str, list[str]]) -> ProductWithoutRouteError:
    own, makers = listed(sorted(companies)), _makers(left)
    return ProductWithoutRouteError(
        zh=f"企业 {own} 没有自己的产线可排：其产品 {listed(list(left))} 都由 {makers} 的产线生产。请连同 {makers} 一起计划。",
        en=f"The companies {own} have no line of their own to plan: their products {listed(list(left))} are made on lines "
        f"of {makers}. Plan them together with {makers}.",
    )


def _left_out(run: CapacityRun, left: dict[str, list[str]]) -> list[Note]:
    if not left:
        return []
    orders = sorted(run.orders.filter(pl.col("product_id").is_in(list(left)))["order_id"])
    with_zh, with_en = (
        (f"（及其订单 {listed(orders)}）", f" and their orders {listed(orders)}") if orders else ("", "")
    )
    makers = _makers(left)
    return [
        Note(
            code="product_made_elsewhere",
            zh=f"{listed(list(left))}{with_zh}只由 {makers} 的产线生产，未列入计划；要列入，请连同 {makers} 一起计划。",
            en=f"{listed(list(left))} are made on lines of {makers} alone and left out{with_en}; to plan them, plan "
            f"together with {makers}.",
        )
    ]


def _made_for_others(run: CapacityRun, mine: CapacityRun, companies: Collection[str]) -> list[Note]:
    foreign = mine.products.filter(~pl.col("org_id").is_in(sorted(companies)))
    if foreign.is_empty():
        return []
    products, owners = sorted(foreign["product_id"]), sorted(set(foreign["org_id"]))
    outside = run.routes.join(mine.lines, on="line_id", how="anti")
    shared = sorted(set(outside["product_id"]) & set(products))
    also_zh, also_en = (
        (
            f"其中 {listed(shared)} 在其他企业也有产线，此处按全部需求计划。",
            f" {listed(shared)} can also be made by others; here all of their demand counts.",
        )
        if shared
        else ("", "")
    )
    return [
        Note(
            code="product_made_for_others",
            zh=f"计划包括为 {listed(owners)} 生产的 {listed(products)} 及其需求与库存。{also_zh}",
            en=f"The plan includes {listed(products)}, made for {listed(owners)}, with their demand and stock.{also_en}",
        )
    ]


def _makers(left: dict[str, list[str]]) -> str:
    return listed(sorted({maker for makers in left.values() for maker in makers}))
