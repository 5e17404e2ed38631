"""Answer where demand is not met: shortfalls by product and line, stock alerts, monthly utilisation of the newest run."""

from collections.abc import Mapping
from typing import Final

import polars as pl

from models.quantile_columns import quantile_columns
from serving.access.caller import Caller
from serving.capacity.answers import capacity_stamp, stamp_said
from serving.capacity.desk import CapacityDesk
from serving.capacity.quality import capacity_quality
from serving.capacity.run_store import LoadedCapacity
from serving.capacity.shortfall_schemas import (
    LineShortfall,
    LineUtilisation,
    ProductShortfall,
    ShortfallAnswer,
    ShortfallQuery,
    StockAlert,
    UtilisationAnswer,
    UtilisationPoint,
    UtilisationQuery,
)
from serving.cells import cell_number, cell_text
from serving.ledger.answered import Answered, write_answer
from serving.ledger.chain import Json
from serving.ledger.quality_codes import quality_codes

__all__ = ["shortfall", "utilisation"]

_PRODUCT: Final = ("demand", "made", "expected", "when_short", "p90", "stock")
_LINE: Final = ("hours", "load", "hours_short", "hours_short_p90")
_ALERT: Final = (
    "product_id", "org_id", "unit", "band", "side", "level", "week", "until", "worst_week", "text_zh", "text_en",
)  # fmt: skip
_ELSEWHERE: Final = (
    "瓶颈产线不在该密钥覆盖的企业之内，不予显示。",
    "The line that holds it back is not of the key's companies and is not shown.",
)


def shortfall(desk: CapacityDesk, query: ShortfallQuery, planner: Caller) -> Answered:
    """Answer shortfalls of the newest run. Raises NotReadyError, UnknownLineError, OutsideScopeError."""
    planner.require(query.company)
    now, loaded = desk.clock(), desk.run()
    lines, products = _scope(loaded, query, planner)
    desk.require_some("body", lines.height + products.height, loaded, planner)
    visible = set(planner.seen(loaded.lines)["line_id"])
    answer = ShortfallAnswer(
        **capacity_stamp(loaded.info).model_dump(),
        request_id=planner.call.request_id,
        decision_id=desk.new_id(),
        quality=capacity_quality(desk.notes(loaded.info, now, whole=planner.sees_all)),
        futures=loaded.info.scenarios,
        products=[
            _product(row, visible)
            for row in _rows(loaded.run.shortfall_products, products, "product_id", query)
        ],
        lines=[_line(row) for row in _rows(loaded.run.shortfall_lines, lines, "line_id", query)],
        stock_alerts=[_alert(row) for row in _rows(loaded.run.stock_alerts, products, "product_id", query)],
    )
    said: dict[str, Json] = {
        **stamp_said(answer),
        "quality": quality_codes(answer.quality),
        "products": [
            [one.product_id, str(one.week), one.probability, one.expected] for one in answer.products
        ],
        "lines": [[one.line_id, str(one.week), one.probability, one.hours_short] for one in answer.lines],
        "stock_alerts": [[one.product_id, str(one.week), one.side, one.level] for one in answer.stock_alerts],
    }
    return write_answer("capacity/shortfall", answer, query, planner, said=said, at=now)


def utilisation(desk: CapacityDesk, query: UtilisationQuery, planner: Caller) -> Answered:
    """Answer monthly utilisation of the newest run. Raises NotReadyError, UnknownLineError, OutsideScopeError."""
    planner.require(query.company)
    now, loaded = desk.clock(), desk.run()
    rows = desk.seen_lines(loaded, planner, company=query.company, profile=query.profile)
    if query.line_id is not None:
        rows = rows.filter(pl.col("line_id") == query.line_id)
    desk.require_some("body", rows.height, loaded, planner)
    answer = UtilisationAnswer(
        **capacity_stamp(loaded.info).model_dump(),
        request_id=planner.call.request_id,
        decision_id=desk.new_id(),
        quality=capacity_quality(desk.notes(loaded.info, now, whole=planner.sees_all, lines_alone=True)),
        lines=[_monthly(loaded, row) for row in rows.iter_rows(named=True)],
    )
    said: dict[str, Json] = {
        **stamp_said(answer),
        "quality": quality_codes(answer.quality),
        "lines": {one.line_id: [[str(at.ds), at.forecast] for at in one.points] for one in answer.lines},
    }
    return write_answer("capacity/utilisation", answer, query, planner, said=said, at=now)


def _scope(
    loaded: LoadedCapacity, query: ShortfallQuery, planner: Caller
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the lines and products a question is about, among those that the key may see."""
    lines, products = planner.seen(loaded.lines), planner.seen(loaded.run.products)
    if query.company is not None:
        of_company = pl.col("org_id") == query.company
        lines, products = lines.filter(of_company), products.filter(of_company)
    routes = loaded.run.routes.select("line_id", "product_id")
    for key, wanted in (("line_id", query.line_id), ("product_id", query.product_id)):
        if wanted is None:
            continue
        routes = routes.filter(pl.col(key) == wanted)
        lines = (
            lines.filter(pl.col("line_id") == wanted) if key == "line_id" else _of(lines, routes, "line_id")
        )
        products = (
            products.filter(pl.col("product_id") == wanted)
            if key == "product_id"
            else _of(products, routes, "product_id")
        )
    return lines, products


def _of(frame: pl.DataFrame, routes: pl.DataFrame, key: str) -> pl.DataFrame:
    return frame.join(routes.select(key).unique(), on=key, how="semi", maintain_order="left")


def _rows(
    frame: pl.DataFrame, owners: pl.DataFrame, key: str, query: ShortfallQuery
) -> list[dict[str, object]]:
    """Return the rows of some lines or products in order, each with whose it is."""
    told = [
        column for column in ("org_id", "unit") if column in owners.columns and column not in frame.columns
    ]
    rows = frame.join(owners.select(key, *told), on=key, how="inner").sort(key, "week", maintain_order=True)
    if query.weeks is not None:
        weeks = frame["week"].unique().sort().head(query.weeks)
        rows = rows.filter(pl.col("week").is_in(weeks.implode()))
    if "probability" in rows.columns:
        rows = rows.filter(pl.col("probability").fill_null(1.0) >= query.least_probability)
    return rows.to_dicts()


def _product(row: Mapping[str, object], visible: set[str]) -> ProductShortfall:
    bottleneck = cell_text(row.get("bottleneck"))
    hidden = bottleneck is not None and bottleneck not in visible
    zh, en = _ELSEWHERE if hidden else (cell_text(row.get("reason_zh")), cell_text(row.get("reason_en")))
    return ProductShortfall.model_validate(
        {
            **{
                name: row.get(name)
                for name in ("product_id", "org_id", "unit", "week", "probability", "reason")
            },
            **{name: cell_number(row.get(name)) for name in _PRODUCT},
            "bottleneck": None if hidden else bottleneck,
            "text_zh": zh,
            "text_en": en,
        }
    )


def _line(row: Mapping[str, object]) -> LineShortfall:
    return LineShortfall.model_validate(
        {
            **{name: row.get(name) for name in ("line_id", "org_id", "week", "probability", "reason")},
            **{name: cell_number(row.get(name)) for name in _LINE},
            "text_zh": cell_text(row.get("reason_zh")),
            "text_en": cell_text(row.get("reason_en")),
        }
    )


def _alert(row: Mapping[str, object]) -> StockAlert:
    return StockAlert.model_validate(
        {
            **{name: row.get(name) for name in _ALERT},
            **{name: cell_number(row.get(name)) for name in ("stock", "bound", "probability")},
        }
    )


def _monthly(loaded: LoadedCapacity, row: Mapping[str, object]) -> LineUtilisation:
    frame = loaded.run.utilisation
    levels = quantile_columns(frame)
    rows = frame.filter(pl.col("line_id") == row["line_id"]).sort("ds")
    points = [
        UtilisationPoint(
            ds=point["ds"],
            forecast=point["forecast"],
            quantiles={f"{level:g}": point[name] for name, level in levels.items()},
        )
        for point in rows.iter_rows(named=True)
    ]
    return LineUtilisation(
        line_id=str(row["line_id"]),
        org_id=cell_text(row["org_id"]),
        name=cell_text(row["name"]),
        points=points,
    )
