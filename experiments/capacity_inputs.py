"""What a run of capacity is made from: the lines with their industries, the plan's tables, and when stock was counted."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from features.capacity.group_lines import group_line_panel
from features.capacity.line_panel import LinePanel
from features.capacity.plan_tables import PlanTables, plan_tables
from features.sources import Tables
from models.capacity.profiles.profile import Profile
from models.capacity.profiles.profiled_panel import profiled_panel
from models.capacity.published.panel_notes import notes_of_findings
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
    named = with_profiles(panel, tables, profiles)
    refused = tuple(
        Note(code="row_refused", zh=zh, en=en)
        for zh, en in plans.refused.select("reason_zh", "reason_en").unique(maintain_order=True).iter_rows()
    )
    notes = (*notes_of_findings(named.findings), *refused)
    return CapacityInputs(named, plans, _counted_on(tables, as_of), profiles, notes)


def _counted_on(tables: Tables, as_of: date) -> dict[str, date]:
    """Return the day of each product's last count that was known on a day."""
    if "stocks" not in tables:
        return {}
    known = tables["stocks"].filter(pl.col("known_at") <= as_of, pl.col("ds") <= as_of)
    return dict(known.group_by("product_id").agg(pl.col("ds").max()).collect().iter_rows())


def with_profiles(
    panel: LinePanel, tables: Mapping[str, pl.LazyFrame], profiles: Mapping[str, Profile]
) -> LinePanel:
    """Return the panel with the industry of every line; what was assumed is a finding. Raises as `profiled_panel`."""
    told = tables["lines"].filter(pl.col("known_at") <= panel.as_of).sort("line_id", "known_at", "family")
    families = dict(told.select("line_id", "family").collect().iter_rows())
    return profiled_panel(panel, profiles, families=families)
