"""Turn the rows of a capacity run into answers: the forecast of each line, its parts and its quality."""

from collections.abc import Mapping, Sequence
from typing import Final

import polars as pl

from models.capacity.profiles.profile import Profile
from models.capacity.published.run_info import CapacityInfo
from serving.capacity.quality import line_quality
from serving.capacity.run_store import LoadedCapacity
from serving.capacity.schemas import (
    CapacityForecastAnswer,
    CapacityForecastRequest,
    CapacityStamp,
    LineContribution,
    LineForecast,
    LinePoint,
    RefusedLine,
)
from serving.capacity.texts import contribution
from serving.cells import cell_number, cell_text
from serving.ledger.chain import Json
from serving.ledger.quality_codes import quality_codes

__all__ = ["answer_lines", "capacity_stamp", "forecast_said", "refused_line", "stamp_said"]

_SHARES = (
    "planned_output", "planned_hours", "calendar_hours", "effective_hours", "availability", "performance", "oee",
    "utilisation",
)  # fmt: skip


_DAY: Final = 24.0  # hours


def capacity_stamp(info: CapacityInfo) -> CapacityStamp:
    """Say where the figures of a published run come from."""
    return CapacityStamp(
        run_id=info.run_id,
        model_version=info.model_version,
        data_as_of=info.data_as_of,
        issued_at=info.issued_at,
        demand_run_id=info.demand_run_id,
        demand_model_version=info.demand_model_version,
    )


def answer_lines(
    loaded: LoadedCapacity,
    rows: pl.DataFrame,
    request: CapacityForecastRequest,
    profiles: Mapping[str, Profile],
) -> tuple[list[LineForecast], list[RefusedLine]]:
    """Answer for rows of the run's lines; a line without a forecast comes with its reason."""
    answered, refused = [], []
    for row in rows.iter_rows(named=True):
        points = loaded.points(row["line_id"], daily=request.by == "day")
        told = points.head(request.horizon or points.height)
        if told.is_empty():
            refused.append(_without(row["line_id"]))
        else:
            answered.append(_line(loaded, row, told, request, profiles))
    return answered, refused


def _without(line_id: str) -> RefusedLine:
    zh = "该产线没有可用的历史，批次未给出预测；请补录其产出记录后重新运行 `zhiheng capacity forecast`。"
    en = (
        "the line has no history that could be used, so the run has no forecast of it; record its output and run "
        "`zhiheng capacity forecast` again."
    )
    return refused_line(line_id, "line_without_history", zh, en)


def _line(
    loaded: LoadedCapacity,
    row: Mapping[str, object],
    points: pl.DataFrame,
    request: CapacityForecastRequest,
    profiles: Mapping[str, Profile],
) -> LineForecast:
    line_id, own = str(row["line_id"]), profiles.get(str(row.get("profile")))
    known = [*([own] if own is not None else []), *profiles.values()]
    parts = _parts(loaded.contributions(line_id), known) if request.explain else None
    return LineForecast(
        line_id=line_id,
        org_id=cell_text(row.get("org_id")),
        name=cell_text(row.get("name")),
        profile=cell_text(row.get("profile")),
        unit=cell_text(row.get("unit")),
        planned_rate=cell_number(row.get("planned_rate")),
        bottleneck=_step(row.get("bottleneck")),
        quality=line_quality(points),
        points=[_point(loaded, point, parts, request.by) for point in points.iter_rows(named=True)],
    )


def _parts(frame: pl.DataFrame, profiles: Sequence[Profile]) -> dict[object, list[LineContribution]]:
    found: dict[object, list[LineContribution]] = {}
    for week, factor, driver, value in frame.select("week", "factor", "driver", "value").iter_rows():
        found.setdefault(week, []).append(contribution(factor, driver, value, profiles))
    return found


def _point(
    loaded: LoadedCapacity,
    point: Mapping[str, object],
    parts: Mapping[object, list[LineContribution]] | None,
    by: str,
) -> LinePoint:
    moment = point["ds" if by == "day" else "week"]
    values = {name: cell_number(point.get(name)) for name in _SHARES}
    values["quality_rate"] = cell_number(point["quality"])
    if by == "day":
        values |= _of_day(values)
    return LinePoint.model_validate(
        {
            "ds": moment,
            "forecast": point["forecast"],
            "quantiles": {
                f"{level:g}": point[name] for name, level in loaded.quantiles.items() if name in point
            },
            **values,
            "quality_flag": point["quality_flag"],
            "contributions": None if parts is None else parts.get(moment, []),
        }
    )


def _of_day(values: Mapping[str, float | None]) -> dict[str, float | None]:
    """Return the hours of a day that published days leave out, from its factors; a day of rest has none and makes nothing."""
    planned = values["planned_hours"]
    run, speed, oee = (
        0.0 if planned == 0 else values[name] for name in ("availability", "performance", "oee")
    )
    if run == 0:
        speed = 0.0  # a day that does not run has no speed
    unknown = planned is None or run is None or speed is None
    return {
        "calendar_hours": _DAY,
        "effective_hours": None if unknown else (planned or 0.0) * (run or 0.0) * (speed or 0.0),
        "utilisation": None if planned is None or oee is None else planned * oee / _DAY,
    }


def _step(value: object) -> str | None:
    """Return the limiting step; a plant's own table may say no more than that there is one."""
    return cell_text(value or None)


def refused_line(line_id: str, code: str, zh: str, en: str) -> RefusedLine:
    """Name a line that gets no forecast."""
    return RefusedLine(line_id=line_id, code=code, text_zh=zh, text_en=en)


def stamp_said(stamp: CapacityStamp) -> dict[str, Json]:
    """Return what the ledger keeps of where figures come from."""
    return {
        "run_id": stamp.run_id,
        "model_version": stamp.model_version,
        "data_as_of": str(stamp.data_as_of) if stamp.data_as_of else None,
        "issued_at": stamp.issued_at.isoformat(),
        "demand_run_id": stamp.demand_run_id,
        "demand_model_version": stamp.demand_model_version,
    }


def forecast_said(answer: CapacityForecastAnswer) -> Mapping[str, Json]:
    """Return what the ledger keeps of an answer: every figure that was given."""
    lines: Sequence[LineForecast] = answer.lines
    return {
        **stamp_said(answer),
        "by": answer.by,
        "quality": quality_codes(answer.quality),
        "refused": {one.line_id: one.code for one in answer.refused},
        "lines": {
            one.line_id: {
                "first": str(one.points[0].ds),
                "forecast": [point.forecast for point in one.points],
                "quality": quality_codes(one.quality),
            }
            for one in lines
        },
    }
