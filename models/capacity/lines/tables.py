"""Frames of days and weeks of a model of lines."""

from collections.abc import Mapping

import numpy as np
import polars as pl

from models.capacity.lines.answers import PLANNED_RATE, SHORT_HISTORY, Answers
from models.capacity.lines.grid import HOURS_A_DAY, FloatArray, IntArray, LineGrid
from models.capacity.lines.weeks import summed
from models.quantile_columns import quantile_name

__all__ = ["day_frame", "week_frame"]


def day_frame(grid: LineGrid, told: Answers, levels: tuple[float, ...]) -> pl.DataFrame:
    """Return the days asked for, see `LineModel.days`."""
    rows, days = told.rows, told.days
    rate = grid.rate[rows.line, rows.day]
    planned = told.hours[0]
    availability, performance, quality = (_share(told.hours[k + 1], told.hours[k]) for k in range(3))
    frame: dict[str, object] = {
        "line_id": np.array(grid.line_ids)[rows.line],
        "ds": grid.days[rows.day].astype("datetime64[D]"),
        "step": rows.day - rows.origin,
        "planned_hours": planned,
        "availability": availability,
        "performance": performance,
        "quality": quality,
        "oee": _share(told.hours[3], planned),
        "planned_output": rows.hours * rate,
        "forecast": days.expected * rate,
    }
    frame |= {quantile_name(one): days.quantiles[:, k] * rate for k, one in enumerate(levels)}
    return _finished(frame | _reasons(told, rows.line), ["line_id", "ds"])


def week_frame(grid: LineGrid, told: Answers, levels: tuple[float, ...]) -> pl.DataFrame:
    """Return the weeks, see `LineModel.weeks`."""
    rows, weeks = told.rows, told.weeks
    rate = grid.rate[rows.line, rows.day]
    planned, run, effective, good = (summed(weeks, one) for one in told.hours)
    frame: dict[str, object] = {
        "line_id": np.array(grid.line_ids)[weeks.line],
        "week": weeks.monday.astype("datetime64[D]"),
        "days": weeks.days,
        "calendar_hours": weeks.days * HOURS_A_DAY,
        "planned_hours": planned,
        "run_hours": run,
        "effective_hours": effective,
        "output": summed(weeks, told.hours[2] * rate),
        "planned_output": summed(weeks, rows.hours * rate),
        "forecast": told.week_forecast,
    }
    frame |= {quantile_name(one): told.week_quantiles[:, k] for k, one in enumerate(levels)}
    frame |= {
        "availability": _share(run, planned),
        "performance": _share(effective, run),
        "quality": _share(good, effective),
        "oee": _share(good, planned),
        "utilisation": good / (weeks.days * HOURS_A_DAY),
    }
    return _finished(frame | _reasons(told, weeks.line), ["line_id", "week"])


def _share(over: FloatArray, under: FloatArray) -> FloatArray:
    """Return a ratio of hours, NaN where nothing is planned."""
    return np.where(under > 0, over / np.maximum(under, 1e-300), np.nan)


def _reasons(told: Answers, line: IntArray) -> dict[str, object]:
    texts = [_reason(flag, int(days)) for flag, days in zip(told.flags, told.reported, strict=True)]
    return {
        "quality_flag": [told.flags[one] for one in line],
        "reason_zh": [texts[one][0] for one in line],
        "reason_en": [texts[one][1] for one in line],
    }


def _reason(flag: str, days: int) -> tuple[str | None, str | None]:
    if flag == PLANNED_RATE:
        return (
            f"该产线只有 {days} 天实绩，尚不足以学习，按计划产能给出；请继续上报每日产量。",
            f"The line has {days} reported days, too few to learn from: its planned rate is given. Go on reporting daily output.",
        )
    if flag == SHORT_HISTORY:
        return (
            f"该产线只有 {days} 天实绩，主要依据其他产线的规律，区间较粗略。",
            f"The line has {days} reported days: the forecast rests mainly on other lines, the band is rough.",
        )
    return None, None


def _finished(frame: Mapping[str, object], keys: list[str]) -> pl.DataFrame:
    made = pl.DataFrame(
        frame, schema_overrides={"reason_zh": pl.String, "reason_en": pl.String}, strict=False
    )
    dated = made.with_columns(pl.col(keys[1]).cast(pl.Date)).with_columns(pl.selectors.float().fill_nan(None))
    return dated.sort(keys)
