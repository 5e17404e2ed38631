"""What a run of capacity is made from: the lines with their industries, the plan's tables, and when stock was counted."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

import polars as pl

from features.capacity.group_lines import group_line_panel
from features.capacity.line_panel import LinePanel
from features.capacity.plan_tables import PlanTables, plan_tables
from features.sources import Tables
from models.capacity.profiles.line_profile import profile_of_line
from models.capacity.profiles.profile import Profile
from models.capacity.published.run_info import Note

__all__ = ["CapacityInputs", "capacity_inputs", "with_profiles"]


@dataclass(frozen=True, eq=False)
class CapacityInputs:
    """All that was known on a day, and notes of what was assumed or cannot be used."""

    panel: LinePanel
    plans: PlanTables
    counted_on: Mapping[str, date]
    profiles: Mapping[str, Profile]
    notes: tuple[Note, ...]


def capacity_inputs(
    tables: Tables, profiles: Mapping[str, Profile], *, as_of: date, horizon_days: int
) -> CapacityInputs:
    """Read the lines and what a plan is made from, as known on a day. Raises DataError, ModelError."""
    panel = group_line_panel(tables, as_of=as_of, horizon_days=horizon_days)
    plans = plan_tables(tables, as_of=as_of)
    named, notes = with_profiles(panel, tables, profiles)
    refused = tuple(
        Note(code="row_refused", zh=zh, en=en)
        for zh, en in plans.refused.select("reason_zh", "reason_en").unique(maintain_order=True).iter_rows()
    )
    return CapacityInputs(named, plans, _counted_on(tables, as_of), profiles, (*notes, *refused))


def _counted_on(tables: Tables, as_of: date) -> dict[str, date]:
    """Return the day of each product's last count that was known on a day."""
    if "stocks" not in tables:
        return {}
    known = tables["stocks"].filter(pl.col("known_at") <= as_of, pl.col("ds") <= as_of)
    return dict(known.group_by("product_id").agg(pl.col("ds").max()).collect().iter_rows())


def with_profiles(
    panel: LinePanel, tables: Mapping[str, pl.LazyFrame], profiles: Mapping[str, Profile]
) -> tuple[LinePanel, tuple[Note, ...]]:
    """Return the panel with the industry of every line, and what was assumed; raises UnknownProfileError and ProfileUnitError."""
    told = tables["lines"].filter(pl.col("known_at") <= panel.as_of).sort("line_id", "known_at", "family")
    families = dict(told.select("line_id", "family").collect().iter_rows())
    names, notes = [], []
    for row in panel.lines.iter_rows(named=True):
        found = profile_of_line({**row, "family": families.get(row["line_id"])}, profiles)
        names.append(found.profile.id)
        if found.finding is not None:
            notes.append(Note(code="profile_assumed", zh=found.finding.zh, en=found.finding.en))
    named = panel.lines.with_columns(pl.Series("profile", names, dtype=pl.String))
    return replace(panel, lines=named), tuple(notes)
