"""What a simulation of shortfalls says, as frames by product, line and week, with the bottleneck and its reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from models.capacity.shortfall.bottleneck import (
    REASONS,
    LineFacts,
    Reason,
    bottleneck_lines,
    line_reasons,
    reason_texts,
)
from models.capacity.shortfall.tally import Tally
from models.demand.series import FloatArray, IntArray

__all__ = ["Shortfall", "shortfall_of_tally"]


@dataclass(frozen=True, eq=False)
class Shortfall:
    """What 2,000 or so futures say; sizes in units of the product, hours are good hours of the line.

    products: [product_id, week, demand, made, probability, expected, when_short, p90, stock, bottleneck, reason,
    reason_zh, reason_en]; bottleneck and reason are null where no future is short. lines: [line_id, week, hours, load,
    full, probability, hours_short, hours_short_p90, reason, reason_zh, reason_en]; load: hours used over hours there;
    full: part of the futures without an idle hour; probability: full while a product it can make is short. weeks: [week,
    probability (of any product), hours_short]. totals: [product_id, probability (in any week), expected (of the worst
    week's size), demand]; line_totals: [line_id, probability, hours_short].
    """

    products: pl.DataFrame
    lines: pl.DataFrame
    weeks: pl.DataFrame
    totals: pl.DataFrame
    line_totals: pl.DataFrame
    count: int
    seed: int


def shortfall_of_tally(
    tally: Tally, weeks: Sequence[date], facts: LineFacts | None, *, seed: int
) -> Shortfall:
    """Turn the sums over the futures into frames."""
    line_ids, product_ids = tally.supply.line_ids, tally.supply.product_ids
    probability, missing = tally.line["probability"], tally.line["hours_short"]
    when = np.divide(missing, probability, out=np.zeros_like(missing), where=probability > 0)
    reasons = line_reasons(when.T, facts)
    by_week = pl.DataFrame(
        {"week": weeks, "probability": tally.any_product, "hours_short": missing.sum(axis=1)}
    )
    totals = pl.DataFrame(
        {
            "product_id": product_ids,
            "probability": (tally.worst > 0).mean(axis=1),
            "expected": tally.worst.mean(axis=1, dtype=np.float64),
            "demand": tally.product["demand"].sum(axis=0),
        }
    )
    line_totals = pl.DataFrame(
        {"line_id": line_ids, "probability": tally.line_ever.mean(axis=1), "hours_short": missing.sum(axis=0)}
    )
    products = _products(tally, weeks, reasons)
    lines = _lines(tally, weeks, reasons)
    return Shortfall(products, lines, by_week, totals, line_totals, tally.count, seed)


def _products(tally: Tally, weeks: Sequence[date], reasons: IntArray) -> pl.DataFrame:
    chosen = bottleneck_lines(tally.supply, tally.together, tally.line["full"]).T
    short = tally.product["probability"].T > 0
    # A row more for products that no line makes, which are at place -1.
    known = np.vstack([reasons, np.full((1, len(weeks)), REASONS.index(Reason.NO_LINE))])
    why = known[chosen, np.arange(len(weeks))[None, :]]
    columns = _reason_columns(tally.supply.line_ids, chosen.ravel(), why.ravel(), told=short.ravel())
    expected, probability = pl.col("expected"), pl.col("probability")
    frame = _frame("product_id", tally.supply.product_ids, weeks, tally.product).with_columns(
        pl.when(probability > 0).then(expected / probability).otherwise(0.0).alias("when_short"), *columns
    )
    first = ["product_id", "week", "demand", "made", "probability", "expected", "when_short", "p90", "stock"]
    return frame.select(*first, "bottleneck", "reason", "reason_zh", "reason_en")


def _lines(tally: Tally, weeks: Sequence[date], reasons: IntArray) -> pl.DataFrame:
    lines = np.repeat(np.arange(len(tally.supply.line_ids)), len(weeks))
    told = tally.line["probability"].T.ravel() > 0
    columns = _reason_columns(tally.supply.line_ids, lines, reasons.ravel(), told=told)
    return _frame("line_id", tally.supply.line_ids, weeks, tally.line).with_columns(*columns[1:])


def _frame(
    key: str, ids: Sequence[str], weeks: Sequence[date], tables: Mapping[str, FloatArray]
) -> pl.DataFrame:
    row, week = np.divmod(np.arange(len(ids) * len(weeks)), max(len(weeks), 1))
    held = [
        pl.Series(key, ids, dtype=pl.String).gather(row),
        pl.Series("week", weeks, dtype=pl.Date).gather(week),
    ]
    return pl.DataFrame([*held, *[pl.Series(name, table.T.ravel()) for name, table in tables.items()]])


def _reason_columns(
    line_ids: Sequence[str],
    lines: IntArray,
    reasons: IntArray,
    *,
    told: np.ndarray[tuple[int], np.dtype[np.bool_]],
) -> list[pl.Series]:
    """Return bottleneck, reason, reason_zh and reason_en; null where there is nothing to tell."""
    names: list[str | None] = [*line_ids, None]
    rows = [(name, str(one), *reason_texts(one, name)) for name in names for one in REASONS]
    table = pl.DataFrame(
        [*rows, (None,) * 4],
        schema=dict.fromkeys(("bottleneck", "reason", "reason_zh", "reason_en"), pl.String),
        orient="row",
    )
    place = np.where(lines >= 0, lines, len(line_ids)) * len(REASONS) + reasons
    return table[np.where(told, place, len(rows))].get_columns()
