"""Lay a model of lines out as a run of capacity, beside the plan's tables and the demand it is held against."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, Protocol

import numpy as np
import polars as pl

from features.capacity.line_panel import LinePanel
from models.capacity.published.capacity_run import CapacityRun, empty_run
from models.capacity.published.run_frames import FRAMES, empty_frame
from models.capacity.published.run_info import CapacityInfo, Note
from models.quantile_columns import quantile_columns

__all__ = ["ModelOfLines", "PlannedTables", "quality_of_lines", "run_of_model"]

_SHOWN: Final = 5


class ModelOfLines(Protocol):
    """What a model offers to become a run; `models.capacity.lines` makes one."""

    def days(self) -> pl.DataFrame:
        """Return line_id, ds, factors, forecast, quantiles, quality_flag and reasons."""

    def weeks(self) -> pl.DataFrame:
        """Return line_id, week, hours, factors, forecast, quantiles, quality_flag and reasons."""

    def contributions(self) -> pl.DataFrame:
        """Return line_id, week, factor, driver, value; the values of a week sum to its forecast."""


class PlannedTables(Protocol):
    """What the plan's tables say; `features.capacity.plan_tables.PlanTables` does."""

    @property
    def routes(self) -> pl.DataFrame:
        """Which line makes which product."""

    @property
    def products(self) -> pl.DataFrame:
        """Products with their stocks."""

    @property
    def orders(self) -> pl.DataFrame:
        """Priority orders."""

    @property
    def caps(self) -> pl.DataFrame:
        """Limits on energy and emissions."""


def run_of_model(
    model: ModelOfLines,
    info: CapacityInfo,
    *,
    panel: LinePanel,
    tables: PlannedTables,
    demand: pl.DataFrame | None,
) -> CapacityRun:
    """Return a run with everything but shortfalls, utilisation and alerts, and notes of what could not be taken.

    demand: product_id, week, forecast, quantiles (`demand_by_product`), or None. Products that only the demand run knows,
    routes of lines that have no forecast, and orders of unknown products are left out and named.
    """
    weeks = model.weeks()
    lines = panel.lines.join(
        weeks.select("line_id").unique(), on="line_id", how="semi", maintain_order="left"
    )
    products, notes = tables.products, [*_refused(panel), *_reduced(weeks)]
    routes, gone = _known(tables.routes, lines, products)
    notes += _left_out("route_left_out", "工艺路线", "routes", gone)
    orders, gone = _known(tables.orders, None, products)
    notes += _left_out("order_left_out", "订单", "orders", gone)
    asked = empty_frame("demand")
    if demand is not None:
        known, gone = _known(demand, None, products)
        asked = known.select(*FRAMES["demand"], *quantile_columns(known))
        notes += _left_out("demand_left_out", "需求", "demand", gone.unique("product_id"))
    return replace(
        empty_run(
            info.model_copy(update={"notes": (*info.notes, *notes), "quality": quality_of_lines(weeks)})
        ),
        lines=lines.join(_usual_quality(panel), on="line_id", how="left", maintain_order="left"),
        days=model.days(),
        weeks=weeks,
        contributions=model.contributions(),
        routes=routes,
        products=products,
        orders=orders,
        caps=tables.caps,
        demand=asked,
    )


def quality_of_lines(weeks: pl.DataFrame) -> str:
    """Return how the model was reached as a whole: full, planned_rate where no line has more, else reduced."""
    flags = set(weeks["quality_flag"])
    return flags.pop() if flags in ({"full"}, {"planned_rate"}) else "reduced"


def _known(
    frame: pl.DataFrame, lines: pl.DataFrame | None, products: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split a frame into rows of known lines and products and the others."""
    inside = pl.col("product_id").is_in(products["product_id"].to_list())
    if lines is not None:
        inside &= pl.col("line_id").is_in(lines["line_id"].to_list())
    return frame.filter(inside), frame.filter(~inside)


def _left_out(code: str, zh: str, en: str, rows: pl.DataFrame) -> list[Note]:
    if rows.is_empty():
        return []
    keys = [one for one in ("order_id", "line_id", "product_id") if one in rows.columns][:2]
    listed = _listed([" ".join(map(str, row)) for row in rows.select(keys).sort(keys).iter_rows()])
    return [
        Note(
            code=code,
            zh=f"{zh} {listed} 指向没有预测的产线或未登记的产品，未计入；请核对编号。",
            en=f"The {en} of {listed} name a line without a forecast or a product that is not registered and do not count. "
            "Check the ids.",
        )
    ]


def _refused(panel: LinePanel) -> list[Note]:
    return [
        Note(code="line_refused", zh=f"产线 {line}：{zh}", en=f"Line {line}: {en}")
        for line, zh, en in panel.refused.sort("line_id")
        .select("line_id", "reason_zh", "reason_en")
        .iter_rows()
    ]


def _reduced(weeks: pl.DataFrame) -> list[Note]:
    """Name the lines whose forecast is not the full model's, with the first reason of each."""
    below = weeks.filter(pl.col("quality_flag") != "full").sort("line_id", "week")
    first: Mapping[str, tuple[str, str]] = {
        line: (zh, en)
        for line, zh, en in below.unique("line_id", keep="first", maintain_order=True)
        .select("line_id", "reason_zh", "reason_en")
        .iter_rows()
    }
    return [
        Note(code="line_below_full", zh=f"产线 {line}：{zh}", en=f"Line {line}: {en}")
        for line, (zh, en) in first.items()
    ]


def _usual_quality(panel: LinePanel) -> pl.DataFrame:
    """Return the good share of each line's reported days, good over all output: line_id, usual_quality."""
    both = panel.history.drop_nulls(["output", "good_output"]).sort("line_id", "ds")
    rows = []
    for (line,), own in both.group_by("line_id", maintain_order=True):
        made, good = float(np.sum(own["output"].to_numpy())), float(np.sum(own["good_output"].to_numpy()))
        rows.append({"line_id": line, "usual_quality": good / made if made > 0 else None})
    return pl.DataFrame(rows, schema={"line_id": pl.String, "usual_quality": pl.Float64})


def _listed(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (" …" if len(names) > _SHOWN else "")
