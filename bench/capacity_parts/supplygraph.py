"""SupplyGraph as production lines: what is known at a cut-off, what was ordered and made afterwards.

The public set has no lines, only each product's production, orders and deliveries a day (2023-01-01 to 2023-08-09). The
protocol that makes lines of it:

- A line is a product sub-group (SOS, ATN …): products of one sub-group differ in the pack, and the file of plants names
  depots rather than factories (one product has up to 13 of them), so it cannot tell who makes what. Sub-groups that made
  nothing on three days out of four of the whole file are left out; which ones is told apart from any result.
- Amounts are litres or kilograms, read off the product's code (`SOS005L04P` is 4 packs of 5 L), so that packs add up.
- Planned rate at a cut-off: the 90 % quantile of the line's daily amounts above zero in the 56 days up to it, an hour (24
  planned hours a day). The plan has no holidays and no shift calendar, as none was published; weekdays on which the line
  stood still on more than 60 % of those 56 days have no planned hours. In history each week has the rate and the
  weekdays that were known when it began, from the same rule.
- Demand of a line and week is what was ordered (weeks from Monday, whole weeks alone).
- A line is *short* in a week if more was ordered than it could have made at the cut-off's planned rate on the days it ran.
  Production here follows orders (the two correlate at 0.7 to 0.8 by week), so a quiet day's amount tells nothing of what
  could be made: capacity is hours run times the planned rate, and hours run are what a model has to forecast.
- A line has a *gap* by week h if orders of weeks 1 .. h exceed its stock and what was made in weeks 1 .. h. Stock at the
  cut-off is what was made less what was delivered since the first day, over its own lowest value so far: the least that
  explains the past. Such gaps are made by those who steer production, not by what lines can do.

The last day is a holiday with zeros in all tables; it is part of no whole week. No holidays were published: Eid closes all
lines in 2023-04-21 to 25 and 06-28 to 07-01, and no forecast here knows it.
"""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

__all__ = ["CUTOFFS", "HORIZON_WEEKS", "SupplyGraph", "read_supplygraph"]

CUTOFFS: Final = tuple(date(2023, 4, 16) + timedelta(weeks=step) for step in range(0, 14, 2))
"""Sundays; 15 to 27 weeks of history lie before them, four whole weeks after them."""
HORIZON_WEEKS: Final = 4
_WINDOW: Final = 56
_RATE: Final = 0.9
_CLOSED: Final = 0.6
_IDLE: Final = 0.75
_FIRST_WEEK: Final = 3  # a part of a week, then two whole ones, lie before it
_FILES: Final = {
    "made": "Production .csv",
    "ordered": "Sales Order.csv",
    "delivered": "Delivery To distributor.csv",
}
_UNITS: Final = {"L": 1.0, "M": 0.001, "K": 1.0, "G": 0.001}


@dataclass(frozen=True)
class SupplyGraph:
    """Amounts of lines by day: [line_id, ds, made, ordered, delivered], sorted; litres or kilograms."""

    days: pl.DataFrame

    def history(self, cutoff: date) -> pl.DataFrame:
        """Return [line_id, ds, planned_rate, planned_hours, output] up to the cut-off, with plans as they stood then."""
        return self._planned(self.days.filter(pl.col("ds") <= cutoff)).rename({"made": "output"})

    def capability(self, cutoff: date) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return history and plan of what hours run could make: 24 planned hours on every day, run on days with output.

        A weekday on which a line seldom runs is no rest day here: that it could have run shows when it does.
        """
        every = pl.lit(24.0).alias("planned_hours")
        run = pl.when(pl.col("output") > 0).then(24.0).otherwise(0.0)
        rows = self.history(cutoff).with_columns(every, run_hours=run)
        rows = rows.with_columns(output=pl.col("run_hours") * pl.col("planned_rate"))
        return rows, self.plan(cutoff).with_columns(every)

    def plan(self, cutoff: date, weeks: int = HORIZON_WEEKS) -> pl.DataFrame:
        """Return [line_id, ds, planned_rate, planned_hours] of the weeks after the cut-off, by what it knew."""
        known = self.days.filter(pl.col("ds") <= cutoff)
        first = cutoff + timedelta(days=1)
        days = pl.date_range(first, cutoff + timedelta(weeks=weeks), eager=True).alias("ds")
        future = known.select("line_id").unique().join(days.to_frame(), how="cross")
        return _with_rule(future, _rule(known, first)).sort("line_id", "ds").drop("weekday")

    def weeks(self, amount: str) -> pl.DataFrame:
        """Return [line_id, week, amount] of whole weeks."""
        rows = self.days.sort("line_id", "ds").with_columns(week=pl.col("ds").dt.truncate("1w"))
        sums = rows.group_by("line_id", "week", maintain_order=True).agg(pl.col(amount).sum(), days=pl.len())
        return sums.filter(pl.col("days") == 7).drop("days")

    def stock(self, cutoff: date) -> pl.DataFrame:
        """Return [line_id, stock] on the evening of the cut-off: the least that explains all deliveries so far."""
        known = self.days.filter(pl.col("ds") <= cutoff).sort("line_id", "ds")
        level = known.with_columns(level=(pl.col("made") - pl.col("delivered")).cum_sum().over("line_id"))
        return level.group_by("line_id", maintain_order=True).agg(
            stock=pl.col("level").last() - pl.min_horizontal(pl.col("level").min(), pl.lit(0.0))
        )

    def short(self, cutoff: date, weeks: int = HORIZON_WEEKS) -> pl.DataFrame:
        """Return [line_id, week, short] of the weeks after the cut-off: more ordered than hours run could have made."""
        rate = _rule(self.days.filter(pl.col("ds") <= cutoff), cutoff + timedelta(days=1))
        return self._against(rate, cutoff + timedelta(days=1), cutoff + timedelta(weeks=weeks))

    def past_weeks(self, cutoff: date) -> pl.DataFrame:
        """Return [line_id, week, short] of the window's weeks, judged by the cut-off's planned rate."""
        rate = _rule(self.days.filter(pl.col("ds") <= cutoff), cutoff + timedelta(days=1))
        return self._against(rate, cutoff - timedelta(days=_WINDOW - 1), cutoff)

    def gaps(self, cutoff: date, weeks: int = HORIZON_WEEKS) -> pl.DataFrame:
        """Return [line_id, week, short]: whether orders since the cut-off exceeded stock and production."""
        start, end = cutoff + timedelta(days=1), cutoff + timedelta(weeks=weeks)
        both = self.weeks("ordered").join(self.weeks("made"), on=["line_id", "week"])
        ahead = both.filter(pl.col("week").is_between(start, end)).sort("line_id", "week")
        gap = (pl.col("ordered") - pl.col("made")).cum_sum().over("line_id")
        found = ahead.with_columns(gap=gap).join(self.stock(cutoff), on="line_id")
        return found.select("line_id", "week", short=pl.col("gap") > pl.col("stock"))

    def _against(self, rule: pl.DataFrame, start: date, end: date) -> pl.DataFrame:
        """Return [line_id, week, short] of whole weeks between two days by one planned rate a line."""
        rate = rule.group_by("line_id").agg(pl.col("planned_rate").first())
        run = self.days.with_columns(run_hours=pl.when(pl.col("made") > 0).then(24.0).otherwise(0.0))
        both = SupplyGraph(run).weeks("run_hours").join(self.weeks("ordered"), on=["line_id", "week"])
        ahead = (
            both.filter(pl.col("week").is_between(start, end))
            .join(rate, on="line_id")
            .sort("line_id", "week")
        )
        short = pl.col("ordered") > pl.col("run_hours") * pl.col("planned_rate")
        return ahead.select("line_id", "week", short=short)

    def _planned(self, known: pl.DataFrame) -> pl.DataFrame:
        """Give each day the rate and the weekdays that were known when its week began; the first two weeks give none."""
        rows = known.with_columns(week=pl.col("ds").dt.truncate("1w"))
        weeks = rows["week"].unique().sort().to_list()[_FIRST_WEEK:]
        parts = [
            _with_rule(
                rows.filter(pl.col("week") == week).select("line_id", "ds", "made"), _rule(known, week)
            )
            for week in weeks
        ]
        return pl.concat(parts).sort("line_id", "ds").drop("weekday")


def read_supplygraph(folder: Path) -> SupplyGraph:
    """Read `supplygraph_unit_daily` and `supplygraph_nodes` of the folder; FileNotFoundError where they are absent."""
    nodes = pl.read_csv(folder / "supplygraph_nodes" / "Node Types (Product Group and Subgroup).csv")
    line_of = dict(nodes.select("Node", "Sub-Group").unique().iter_rows())
    days: pl.DataFrame | None = None
    for name, file in _FILES.items():
        one = _read(folder / "supplygraph_unit_daily" / file, line_of, name)
        days = one if days is None else days.join(one, on=["line_id", "ds"])
    if days is None:
        raise FileNotFoundError(folder)
    idle = pl.col("made").eq(0).mean().over("line_id")
    return SupplyGraph(days.filter(idle < _IDLE).sort("line_id", "ds"))


def _read(path: Path, line_of: dict[str, str], name: str) -> pl.DataFrame:
    wide = pl.read_csv(path, infer_schema_length=None)
    wide = wide.with_columns(pl.col("Date").str.slice(0, 10).str.to_date())
    amounts = {
        product: wide[product].cast(pl.Float64).to_numpy() * _amount(product) for product in wide.columns[1:]
    }
    lines: dict[str, list[str]] = {}
    for product in amounts:
        lines.setdefault(line_of[product.split(".", maxsplit=1)[0]], []).append(product)
    parts = [
        pl.DataFrame({"ds": wide["Date"], name: np.sum([amounts[one] for one in products], axis=0)}).select(
            pl.lit(line).alias("line_id"), "ds", name
        )
        for line, products in sorted(lines.items())
    ]
    return pl.concat(parts)


def _amount(product: str) -> float:
    """Return litres or kilograms of a carton from the product's code: `SOS005L04P`, `AT5X5K`, `MASR025K`."""
    code = product.split(".", maxsplit=1)[0]
    if found := re.search(r"(\d+)X(\d+)K$", code):
        return float(found[1]) * float(found[2])
    if found := re.search(r"(\d+)([LMKG])(\d+)P$", code):
        return float(found[1]) * _UNITS[found[2]] * float(found[3])
    if found := re.search(r"(\d+)K$", code):
        return float(found[1])
    raise ValueError(f"product {product}: its code does not tell a size")


def _rule(known: pl.DataFrame, start: date) -> pl.DataFrame:
    """Return [line_id, weekday, planned_rate, planned_hours] from the window of days before `start`."""
    window = known.filter(pl.col("ds").is_between(start - timedelta(days=_WINDOW), start - timedelta(days=1)))
    made = pl.col("made")
    rate = window.filter(made > 0).group_by("line_id").agg(planned_rate=made.quantile(_RATE, "linear") / 24)
    closed = (
        window.with_columns(weekday=pl.col("ds").dt.weekday())
        .group_by("line_id", "weekday")
        .agg(planned_hours=pl.when(made.eq(0).mean() > _CLOSED).then(0.0).otherwise(24.0))
    )
    return closed.join(rate, on="line_id")


def _with_rule(rows: pl.DataFrame, rule: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(weekday=pl.col("ds").dt.weekday()).join(rule, on=["line_id", "weekday"])
