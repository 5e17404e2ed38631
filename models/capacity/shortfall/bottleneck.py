"""Which line holds a product back, and why: its hours, its yield, maintenance that week, or no line at all."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

import numpy as np
import polars as pl

from models.capacity.shortfall.supply import Supply
from models.demand.series import FloatArray, IntArray

__all__ = [
    "REASONS",
    "LineFacts",
    "Reason",
    "bottleneck_lines",
    "facts_of_frame",
    "line_reasons",
    "reason_texts",
]

_MOST_OF_IT: Final = 0.5  # a cause that accounts for this part of the missing hours is named


class Reason(StrEnum):
    """Why a line is a bottleneck."""

    HOURS = "hours"  # it has too few hours, in this week as in any
    YIELD = "yield"  # its good share is forecast below its usual one
    MAINTENANCE = "maintenance"  # planned maintenance takes the hours
    NO_LINE = "no_line"  # no line can make the product, or none has hours


REASONS: Final = tuple(Reason)


@dataclass(frozen=True, eq=False)
class LineFacts:
    """What is known of l lines in w weeks beside their hours, in good hours (l, w), never below 0.

    maintenance: lost to planned maintenance; yield_loss: lost because the good share is below the line's usual one.
    """

    maintenance: FloatArray
    yield_loss: FloatArray


def facts_of_frame(frame: pl.DataFrame, line_ids: Sequence[str], weeks: Sequence[date]) -> LineFacts:
    """Read rows [line_id, week, effective_hours, good_share, usual_good_share, maintenance_hours]; nulls count as none.

    effective_hours: at the planned rate, before quality; maintenance_hours: effective hours lost to planned maintenance.
    """
    row = {one: number for number, one in enumerate(line_ids)}
    column = {one: number for number, one in enumerate(weeks)}
    maintenance, lost = np.zeros((len(row), len(column))), np.zeros((len(row), len(column)))
    names = ("line_id", "week", "effective_hours", "good_share", "usual_good_share", "maintenance_hours")
    for line, week, hours, good, usual, stopped in frame.select(names).iter_rows():
        if line not in row or week not in column:
            continue
        share = 1.0 if good is None else good
        maintenance[row[line], column[week]] = max((stopped or 0.0) * share, 0.0)
        if usual is not None:
            lost[row[line], column[week]] = max((hours or 0.0) * (usual - share), 0.0)
    return LineFacts(maintenance, lost)


def bottleneck_lines(supply: Supply, together: FloatArray, full: FloatArray) -> IntArray:
    """Return the line that holds each product back in each week, (w, p), -1 where none can make it.

    together: (w, p, l) in which part of the futures a product is short while the line is full; full: (w, l) in which
    part it is full, which decides where no line is ever full while the product is short; then the first line by name.
    """
    if not supply.line_ids:
        return np.full(together.shape[:2], -1, dtype=np.int64)
    order = np.argsort(np.array(supply.line_ids), kind="stable")
    points = together + full[:, None, :] * 1e-6
    points = np.where(supply.rate[None] > 0, points, -1.0)[:, :, order]
    chosen = order[points.argmax(axis=2)]
    return np.where(points.max(axis=2) >= 0, chosen, -1).astype(np.int64)


def line_reasons(missing: FloatArray, facts: LineFacts | None) -> IntArray:
    """Return by line and week, as places in REASONS (l, w), what hours are missing for.

    missing: good hours missing when the line is short, (l, w). A cause that took at least half of them is named.
    """
    hours = np.full(missing.shape, REASONS.index(Reason.HOURS), dtype=np.int64)
    if facts is None:
        return hours
    enough = _MOST_OF_IT * missing
    by_maintenance = (facts.maintenance > 0) & (facts.maintenance >= enough)
    by_yield = (facts.yield_loss > 0) & (facts.yield_loss >= enough)
    by_maintenance &= ~by_yield | (facts.maintenance >= facts.yield_loss)
    named = np.where(by_yield, REASONS.index(Reason.YIELD), hours)
    return np.where(by_maintenance, REASONS.index(Reason.MAINTENANCE), named)


def reason_texts(reason: Reason, line: str | None) -> tuple[str, str]:
    """Return the reason in Chinese and English."""
    match reason:
        case Reason.NO_LINE:
            return (
                "没有产线能生产该产品。请登记路线或外购。",
                "No line can make the product. Enter a route or buy it in.",
            )
        case Reason.MAINTENANCE:
            return (
                f"瓶颈为产线 {line}：本周计划检修占用的工时是缺口的主要原因。可改期或加班。",
                f"Bottleneck is line {line}: planned maintenance takes most of the missing hours this week. "
                "Move it or work overtime.",
            )
        case Reason.YIELD:
            return (
                f"瓶颈为产线 {line}：合格率低于往常是缺口的主要原因。请检查工艺与原料。",
                f"Bottleneck is line {line}: a good share below the usual one costs most of the missing hours. "
                "Check process and material.",
            )
        case Reason.HOURS:
            return (
                f"瓶颈为产线 {line}：可用工时不足。可加班、调整班次或转移到其他产线。",
                f"Bottleneck is line {line}: too few hours. Work overtime, add shifts or move work to other lines.",
            )
