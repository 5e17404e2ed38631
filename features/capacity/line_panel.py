"""The panel of production lines: each day's planned and run hours, output and drivers, as known on one date."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Final

import polars as pl

__all__ = [
    "FINDINGS",
    "FUTURE",
    "HISTORY",
    "LINES",
    "REFUSED",
    "STOPS",
    "LinePanel",
]

LINES: Final[Mapping[str, pl.DataType]] = MappingProxyType(
    {
        "line_id": pl.String(),
        "org_id": pl.String(),
        "name": pl.String(),
        "profile": pl.String(),
        "unit": pl.String(),
        "planned_rate": pl.Float64(),
        "bottleneck": pl.String(),
    }
)
"""Columns of `LinePanel.lines`; all but line_id are null where nobody gave them; `bottleneck` says what limits the line."""

HISTORY: Final[Mapping[str, pl.DataType]] = MappingProxyType(
    {
        "line_id": pl.String(),
        "ds": pl.Date(),
        "planned_hours": pl.Float64(),
        "run_hours": pl.Float64(),
        "output": pl.Float64(),
        "good_output": pl.Float64(),
        "planned_rate": pl.Float64(),
        "maintenance": pl.String(),
    }
)
"""Columns of `LinePanel.history`, before those of the drivers."""

FUTURE: Final[Mapping[str, pl.DataType]] = MappingProxyType(
    {name: HISTORY[name] for name in ("line_id", "ds", "planned_hours", "planned_rate", "maintenance")}
)
"""Columns of `LinePanel.future`, before those of the drivers."""

STOPS: Final[Mapping[str, pl.DataType]] = MappingProxyType(
    {"line_id": pl.String(), "ds": pl.Date(), "reason": pl.String(), "hours": pl.Float64()}
)
"""Columns of `LinePanel.stops`."""

FINDINGS: Final[Mapping[str, pl.DataType]] = MappingProxyType(
    {
        "line_id": pl.String(),
        "rule": pl.String(),
        "rows": pl.Int64(),
        "first_ds": pl.Date(),
        "treatment_zh": pl.String(),
        "treatment_en": pl.String(),
    }
)
"""Columns of `LinePanel.findings`: what was wrong with the rows of a line, and what was done about it."""

REFUSED: Final[Mapping[str, pl.DataType]] = MappingProxyType(
    {"line_id": pl.String(), "rule": pl.String(), "reason_zh": pl.String(), "reason_en": pl.String()}
)
"""Columns of `LinePanel.refused`: lines that are not in the panel, and why."""


@dataclass(frozen=True, eq=False)
class LinePanel:
    """Production lines by day, as known on `as_of`; hours, the line's unit, and units an hour (`planned_rate`).

    A line-day: good_output = planned_hours x availability x (planned_rate x performance) x quality, with
    availability = run_hours / planned_hours, performance = output / (run_hours x planned_rate) and
    quality = good_output / output, whose product is the OEE (ISO 22400-2:2014). Shares of more than one day are
    ratios of sums, never means of shares.
    """

    as_of: date
    lines: pl.DataFrame
    """One row a line, sorted by line_id; `planned_rate` is the one valid on `as_of`."""
    history: pl.DataFrame
    """One row a line and day, without gaps, from the line's first to its last reported day; sorted by line_id, ds.

    A day that was not reported has null hours and output; a day with `planned_hours` 0 was a rest day. run_hours and
    good_output are null throughout for a line that reports output alone. `maintenance` is the kind of planned
    maintenance that touches the day, or null. Columns of the drivers follow.
    """
    future: pl.DataFrame
    """One row a line and day, from the day after its last reported day to `as_of` + horizon; sorted by line_id, ds.

    `planned_hours` is null where no shift plan was known yet, a driver is null where it was not known ahead.
    """
    stops: pl.DataFrame
    """Hours a line stood still by day and reason, as known on `as_of`; a stop over midnight is split by day."""
    drivers: tuple[str, ...]
    """Numeric drivers: Float64 columns of `history` and `future`."""
    findings: pl.DataFrame
    refused: pl.DataFrame
    text_drivers: tuple[str, ...] = ()
    """Drivers that are categories: String columns of `history` and `future`."""
