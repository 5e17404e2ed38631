"""The hours a profile means a line to run on each day, and lines too young to tell their own: they get these hours."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.capacity.line_panel import FINDINGS, LinePanel
from features.chinese_calendar.festivals_cn import FIRST_DAY, LAST_DAY, Festival, window_days
from models.capacity.profiles.profile import GENERIC, Calendar, Profile

__all__ = ["YOUNG_DAYS", "calendar_hours", "hours_of_young_lines"]

YOUNG_DAYS: Final = 28
"""Reported days below which a history shows neither rest days nor season: four of each weekday."""

_EVE: Final = -1  # New Year's Eve, counted from the first day of the lunar year
_THURSDAY: Final = 3  # weekday of 1970-01-01, Monday being 0
_DAY: Final = 24.0


def calendar_hours(calendar: Calendar, ds: pl.Series) -> NDArray[np.float64]:
    """Return the planned hours of each day of a Date series, shape (n,): 0 out of season and over Spring Festival.

    Days before 1950 and after 2100 have no Spring Festival here.
    """
    days = ds.cast(pl.Date).to_physical().to_numpy().astype(np.int64)
    hours: NDArray[np.float64] = np.asarray(calendar.week)[(days + _THURSDAY) % 7]
    if calendar.season_months:
        in_season = ds.cast(pl.Date).dt.month().is_in(list(calendar.season_months)).to_numpy()
        hours = np.where(in_season, hours, 0.0)
    if calendar.closes_at_spring_festival:
        closed = window_days(Festival.SPRING_FESTIVAL, _EVE, _EVE + calendar.spring_festival_days - 1)
        known = (days >= FIRST_DAY) & (days <= LAST_DAY)
        hours = np.where(known & closed[np.clip(days, FIRST_DAY, LAST_DAY) - FIRST_DAY], 0.0, hours)
    return hours


def hours_of_young_lines(
    panel: LinePanel, profiles: Mapping[str, Profile]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the panel's future with hours of the calendar for young lines without a shift plan, and findings on them.

    Young: fewer than `YOUNG_DAYS` reported days. The calendar of the line's profile (never the generic one, which knows
    no week) tells the pattern, what was reported the level: its hours are scaled by reported over calendar hours of the
    reported days, up to 24 a day. Days of planned maintenance stay without hours, so that the model judges them. A line
    whose history plans at most one hour a day is left alone: its `planned_rate` is what a day was to make.
    """
    parts, found = [], []
    for line_id, name in panel.lines.select("line_id", "profile").iter_rows():
        profile, ahead = profiles.get(name or ""), panel.future.filter(line_id=line_id)
        told = _reported(panel, line_id)
        hours = None if profile is None else _hours(profile, told, ahead)
        if profile is None or hours is None:
            parts.append(ahead)
            continue
        parts.append(ahead.with_columns(planned_hours=hours))
        zh, en = _in_words(profile, told.height)
        found.append((line_id, "hours_of_profile", ahead.height, ahead["ds"][0], zh, en))
    future = pl.concat(parts) if parts else panel.future
    return future, pl.DataFrame(found, schema=dict(FINDINGS), orient="row")


def _in_words(profile: Profile, days: int) -> tuple[str, str]:
    return (
        f"只有 {days} 天实绩，又没有排班计划：今后工时取行业档案“{profile.label.zh}”的日历，并按已报工时的水平折算。"
        "请给出排班计划（line_plans，或计划表的 planned_hours）。",
        f"{days} reported days and no shift plan: the hours ahead are those of the calendar of '{profile.label.en}' at the "
        "level reported so far. Give a shift plan (line_plans, or planned_hours of the plan).",
    )


def _reported(panel: LinePanel, line_id: str) -> pl.DataFrame:
    made = pl.col("output").is_not_null() | pl.col("run_hours").is_not_null()
    return panel.history.filter(made, line_id=line_id)


def _hours(profile: Profile, told: pl.DataFrame, ahead: pl.DataFrame) -> pl.Series | None:
    """Return the hours ahead, none where the line's own history or plan goes first."""
    known = told.drop_nulls("planned_hours")
    planned = known["planned_hours"].to_numpy()
    if (
        profile.id == GENERIC
        or told.height >= YOUNG_DAYS
        or ahead.is_empty()
        or ahead["planned_hours"].null_count() < ahead.height
        or (planned.size and planned.max() <= 1)
    ):
        return None
    meant = float(calendar_hours(profile.calendar, known["ds"]).sum())
    level = float(planned.sum()) / meant if meant > 0 else 1.0
    hours = pl.Series(np.minimum(calendar_hours(profile.calendar, ahead["ds"]) * level, _DAY))
    return hours.set(ahead["maintenance"].is_not_null(), None)
