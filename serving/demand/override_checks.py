"""Check a planner's override against the run that it changes: the series, its periods, its value, its end."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Final

import numpy as np
import polars as pl

from features.timeline import Frequency
from serving.access.caller import Caller
from serving.demand.forecast_store import LoadedRun
from serving.demand.override_schemas import OverrideKind, OverrideRequest
from serving.errors import FieldProblem, InvalidRequestError

__all__ = ["check_override", "period_name", "series_to_override"]

_LEAST_PERCENT: Final = -100.0


def series_to_override(loaded: LoadedRun, unique_id: str, planner: Caller) -> Mapping[str, object]:
    """Return the series that is to be overridden. Raises InvalidRequestError where the run does not forecast it for the caller."""
    found = planner.seen(loaded.series).filter(pl.col("unique_id") == unique_id)
    if found.is_empty() or loaded.points(unique_id).is_empty():
        zh = f"批次 {loaded.info.run_id} 中没有该序列的预测，或它不属于该密钥覆盖的企业"
        en = f"run {loaded.info.run_id} holds no forecast of it, or it is not of the key's companies"
        raise InvalidRequestError([FieldProblem("unique_id", "unknown_series", zh, en)])
    return found.row(0, named=True)


def check_override(
    request: OverrideRequest, periods: list[str], loaded: LoadedRun, points: pl.DataFrame, *, today: date
) -> None:
    """Check an override against the run. Raises InvalidRequestError naming each field that is wrong."""
    problems = [
        problem
        for place, ds in enumerate(periods)
        if (problem := _period_problem(f"periods.{place}", ds, loaded, points, today))
    ]
    if len(set(periods)) < len(periods):
        problems.append(FieldProblem("periods", "repeated", "有重复的期间", "names a period twice"))
    if request.until < today:
        text = f"须不早于今天（{today}，UTC）", f"must not be before today ({today}, UTC)"
        problems.append(FieldProblem("until", "in_the_past", *text))
    least = 0.0 if request.kind is OverrideKind.ABSOLUTE else _LEAST_PERCENT
    if request.value < least and not _has_returns(loaded, request.unique_id):
        text = f"该序列不为负，须不小于 {least:g}", f"the series is never negative; give {least:g} or more"
        problems.append(FieldProblem("value", "negative_value", *text))
    if problems:
        raise InvalidRequestError(problems)


def _period_problem(
    field: str, ds: str, loaded: LoadedRun, points: pl.DataFrame, today: date
) -> FieldProblem | None:
    """Say why a period cannot be overridden, None if it can."""
    number, forecast = _period_number(ds, loaded), _numbers(points["ds"].to_list(), loaded)
    shown = f"{points['ds'][0]} … {points['ds'][-1]}"
    if number is None:
        zh, en = (
            f"“{ds}”不是该批次的期间，可用：{shown}",
            f"'{ds}' is no period of the run; there are {shown}",
        )
        return FieldProblem(field, "not_a_period", zh, en)
    ended = loaded.info.freq != Frequency.INTEGER and loaded.timeline.ends(
        np.array([number], dtype=np.int64)
    )[0] < np.datetime64(today)
    if number < forecast[0] or ended:
        zh, en = (
            f"“{ds}”已经过去，只能调整未来的期间",
            f"'{ds}' is past; only periods to come can be overridden",
        )
        return FieldProblem(field, "past_period", zh, en)
    if number > forecast[-1]:
        zh, en = f"“{ds}”超出预测范围（{shown}）", f"'{ds}' is beyond the forecast ({shown})"
        return FieldProblem(field, "beyond_horizon", zh, en)
    if ds not in points["ds"]:
        zh, en = (
            f"“{ds}”不是该批次的期间，可用：{shown}",
            f"'{ds}' is no period of the run; there are {shown}",
        )
        return FieldProblem(field, "not_a_period", zh, en)
    return None


def _numbers(texts: list[str], loaded: LoadedRun) -> list[int]:
    return [number for text in texts if (number := _period_number(text, loaded)) is not None]


def _period_number(ds: str, loaded: LoadedRun) -> int | None:
    """Return the period number of a date as text, None where it is none of this frequency."""
    try:
        if loaded.info.freq == Frequency.INTEGER:
            value: object = int(ds)
        else:
            value = datetime.fromisoformat(ds)
    except ValueError:
        return None
    return int(pl.DataFrame({"ds": [value]}).select(loaded.timeline.period().alias("period")).item())


def period_name(ds: str) -> str:
    """Write a time in the one form that periods are named by."""
    if "T" not in ds:
        return ds
    try:
        return datetime.fromisoformat(ds).strftime("%Y-%m-%dT%H:%M:%S")
    except ValueError:
        return ds


def _has_returns(loaded: LoadedRun, unique_id: str) -> bool:
    history = loaded.run.history.filter(pl.col("unique_id") == unique_id)
    return bool((history["y"] < 0).any())
