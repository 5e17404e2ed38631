"""Two-sided stock bands: how stock may run, how likely it leaves its band, and alerts for below and above (C-12)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

import numpy as np
import polars as pl

from graph.ontology import Wording
from models.capacity.shortfall.drawing import Draws
from models.demand.series import BoolArray, FloatArray
from models.errors import StockBandError
from models.quantile_columns import quantile_name

__all__ = ["AlertLevel", "Side", "StockBands", "StockOutlook", "project_stock"]

LEVELS: Final = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)


class Side(StrEnum):
    """Which bound of its band a stock leaves by."""

    LOWER = "lower"
    UPPER = "upper"


class AlertLevel(StrEnum):
    """How likely a stock is to leave its band."""

    WATCH = "watch"
    WARNING = "warning"
    ALARM = "alarm"


THRESHOLDS: Final[Mapping[AlertLevel, float]] = {
    AlertLevel.WATCH: 0.2,
    AlertLevel.WARNING: 0.5,
    AlertLevel.ALARM: 0.8,
}
"""Probabilities from which an alert has a level, unless the caller sets others: a choice, not a measurement."""

_SIDES_ZH: Final = {Side.LOWER: "低于下限", Side.UPPER: "高于上限"}
_LEVELS_ZH: Final = {AlertLevel.WATCH: "关注", AlertLevel.WARNING: "预警", AlertLevel.ALARM: "警报"}
_REMEDY: Final = {
    Side.LOWER: ("请安排增产、调拨或补库。", "Make more, move stock or buy in."),
    Side.UPPER: ("请减产、轮换出库或扩充库容。", "Make less, release stock or find more room."),
}

_STOCK: Final = Wording(zh="库存", en="stock")


@dataclass(frozen=True, eq=False)
class StockBands:
    """Lower and upper bounds of p products, (p,) each, in units of the product, NaN for none.

    most: how much of a product's stock the band is about, (p,), NaN for all of it: a reserve is that part of a stock
    which is used last. label: what this stock is called in an alert.
    """

    floor: FloatArray
    ceiling: FloatArray
    most: FloatArray | None = None
    label: Wording = _STOCK


@dataclass(frozen=True, eq=False)
class StockOutlook:
    """weeks: [product_id, week, floor, ceiling, stock, q5 ... q95, backlog, below, above, out]; alerts: [product_id, side,
    level, week, until, worst_week, probability, bound, stock, text_zh, text_en].

    stock: expected stock at the end of the week, never below 0; backlog: expected quantity owed; below, above, out:
    probability to be below the floor, above the ceiling, without stock and owing. An alert runs from `week` to `until`;
    its level, probability, bound and median stock are those of its worst week.
    """

    weeks: pl.DataFrame
    alerts: pl.DataFrame


def project_stock(
    product_ids: Sequence[str],
    weeks: Sequence[date],
    demand: Draws,
    production: Draws | FloatArray,
    *,
    opening: FloatArray,
    bands: StockBands,
    levels: Sequence[float] = LEVELS,
    thresholds: Mapping[AlertLevel, float] = THRESHOLDS,
) -> StockOutlook:
    """Project stock as a distribution and say how likely it leaves its band.

    demand: futures in units a week, (s, p, w); production: futures (s, p, w), or a plan (p, w) taken as certain;
    opening: stock before the first week, (p,), below 0 for what is owed. Stock at a week's end = opening + production -
    demand up to then; what is short stays owed. Being exactly on a bound is inside the band. Raises StockBandError
    naming the product for a floor above its ceiling, bounds below 0, missing stock, or shapes that do not fit.
    """
    _check(product_ids, weeks, demand, production, (opening, bands))
    count = demand.shape[0]
    ones = np.ones((1, len(weeks)))
    floor, ceiling = bands.floor[:, None] * ones, bands.ceiling[:, None] * ones
    position = np.repeat(opening[:, None], count, axis=1)
    rows: dict[str, list[FloatArray]] = {}
    for week in range(len(weeks)):
        made = production[:, week][:, None] if production.ndim == _PLAN else production[:, :, week].T
        position = position + made - demand[:, :, week].T
        counted = position if bands.most is None else np.fmin(position, bands.most[:, None])
        for name, values in _figures(counted, floor[:, week], ceiling[:, week], levels).items():
            rows.setdefault(name, []).append(values)
    tables = {name: np.stack(values, axis=1) for name, values in rows.items()}
    frame = _frame(product_ids, weeks, {"floor": floor, "ceiling": ceiling, **tables})
    return StockOutlook(frame, _alerts(product_ids, weeks, (tables, floor, ceiling), thresholds, bands.label))


_PLAN: Final = 2


def _figures(
    position: FloatArray, floor: FloatArray, ceiling: FloatArray, levels: Sequence[float]
) -> dict[str, FloatArray]:
    stock = np.maximum(position, 0.0)
    ordered = np.quantile(stock, [*levels, 0.5], axis=1)
    figures = {"stock": stock.mean(axis=1)}
    figures |= {quantile_name(one): values for one, values in zip(levels, ordered, strict=False)}
    with np.errstate(invalid="ignore"):  # a bound that is not there is never left
        below, above = position < floor[:, None], position > ceiling[:, None]
    return figures | {
        "backlog": np.maximum(-position, 0.0).mean(axis=1),
        "below": below.mean(axis=1),
        "above": above.mean(axis=1),
        "out": (position < 0).mean(axis=1),
        "median": ordered[-1],
    }


def _frame(
    product_ids: Sequence[str], weeks: Sequence[date], tables: Mapping[str, FloatArray]
) -> pl.DataFrame:
    held = {"product_id": [one for one in product_ids for _ in weeks], "week": list(weeks) * len(product_ids)}
    shown = {name: table.ravel() for name, table in tables.items() if name != "median"}
    frame = pl.DataFrame({**held, **shown}, schema_overrides={"product_id": pl.String, "week": pl.Date})
    return frame.with_columns(pl.col("floor", "ceiling").fill_nan(None))


_ALERTS: Final = {
    "product_id": pl.String,
    "side": pl.String,
    "level": pl.String,
    "week": pl.Date,
    "until": pl.Date,
    "worst_week": pl.Date,
    "probability": pl.Float64,
    "bound": pl.Float64,
    "stock": pl.Float64,
    "text_zh": pl.String,
    "text_en": pl.String,
}


def _alerts(
    product_ids: Sequence[str],
    weeks: Sequence[date],
    figures: tuple[Mapping[str, FloatArray], FloatArray, FloatArray],
    thresholds: Mapping[AlertLevel, float],
    label: Wording,
) -> pl.DataFrame:
    tables, floor, ceiling = figures
    rows = []
    for side, chance, bound in ((Side.LOWER, tables["below"], floor), (Side.UPPER, tables["above"], ceiling)):
        for row, name in enumerate(product_ids):
            for first, last in _runs(chance[row] >= min(thresholds.values())):
                worst = first + int(chance[row, first : last + 1].argmax())
                facts = (
                    float(chance[row, worst]),
                    float(bound[row, worst]),
                    float(tables["median"][row, worst]),
                )
                level = _level(facts[0], thresholds)
                span = weeks[first], weeks[last], weeks[worst]
                rows.append(
                    (
                        name,
                        str(side),
                        str(level),
                        *span,
                        *facts,
                        *_texts((name, label), side, level, span, facts),
                    )
                )
    frame = pl.DataFrame(rows, schema=_ALERTS, orient="row")
    return frame.sort("product_id", "week", "side")


def _runs(marked: BoolArray) -> list[tuple[int, int]]:
    """Return the first and last place of each run of marked weeks."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], marked, [False]]).astype(np.int8)))
    return [(int(first), int(end) - 1) for first, end in zip(edges[::2], edges[1::2], strict=True)]


def _level(probability: float, thresholds: Mapping[AlertLevel, float]) -> AlertLevel:
    reached = [(value, level) for level, value in thresholds.items() if probability >= value]
    return max(reached)[1]


def _texts(
    of: tuple[str, Wording],
    side: Side,
    level: AlertLevel,
    span: tuple[date, date, date],
    facts: tuple[float, float, float],
) -> tuple[str, str]:
    name, label = of
    (first, last, worst), (chance, bound, stock) = span, facts
    zh_span = f"{first} 这一周" if first == last else f"{first} 至 {last} 各周"
    en_span = f"in the week of {first}" if first == last else f"in the weeks of {first} to {last}"
    way = "below its floor" if side == Side.LOWER else "above its ceiling"
    remedy_zh, remedy_en = _REMEDY[side]
    return (
        f"{_LEVELS_ZH[level]}：{name} 在{zh_span}的{label.zh}可能{_SIDES_ZH[side]}；{worst} 这一周概率最高，为 {chance:.0%}"
        f"（{label.zh}中位数 {stock:,.0f}，限值 {bound:,.0f}）。{remedy_zh}",
        f"{level}: {label.en} of {name} may run {way} {en_span}; most likely in the week of {worst}, at {chance:.0%} "
        f"(median {label.en} {stock:,.0f}, bound {bound:,.0f}). {remedy_en}",
    )


def _check(
    product_ids: Sequence[str],
    weeks: Sequence[date],
    demand: Draws,
    production: Draws | FloatArray,
    held: tuple[FloatArray, StockBands],
) -> None:
    opening, bands = held
    shape = (demand.shape[0], len(product_ids), len(weeks))
    fits = demand.shape == shape and production.shape in (shape, shape[1:])
    if not fits or any(one.shape != shape[1:2] for one in (opening, bands.floor, bands.ceiling)):
        raise StockBandError(
            zh=f"需求 {demand.shape}、生产 {production.shape}、期初库存 {opening.shape} 与"
            f"（情景, 产品, 周）{shape} 不符。请用同一批产品与周。",
            en=f"Demand {demand.shape}, production {production.shape} and opening stock {opening.shape} do not fit "
            f"(futures, products, weeks) {shape}. Use the same products and weeks.",
        )
    for row, name in enumerate(product_ids):
        floor, ceiling = float(bands.floor[row]), float(bands.ceiling[row])
        if floor > ceiling or floor < 0 or ceiling < 0:
            raise StockBandError(
                zh=f"{name} 的库存下限 {floor:g} 与上限 {ceiling:g} 有误：须不小于 0 且下限不大于上限。请更正。",
                en=f"{name}: stock floor {floor:g} and ceiling {ceiling:g} cannot be: "
                "both at least 0, the floor not above the ceiling. Correct them.",
            )
        if not np.isfinite(opening[row]):
            raise StockBandError(
                zh=f"{name} 缺少期初库存。请补充盘点数。", en=f"{name} has no opening stock. Enter a count."
            )
