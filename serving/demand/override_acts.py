"""Take a planner's override, withdraw one, list them: checked against the newest run, written into the chain."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from features.timeline import Frequency
from models.demand.ledger.planner_overrides import OVERRIDES
from serving.access.caller import Caller
from serving.cells import cell_text
from serving.demand.answers import Finals, finals_of, stamp
from serving.demand.desk import DemandDesk
from serving.demand.errors import UnknownOverrideError
from serving.demand.forecast_store import LoadedRun
from serving.demand.override_schemas import (
    MadeOverride,
    OverrideAnswer,
    OverrideHistory,
    OverrideHistoryQuery,
    OverrideKind,
    OverrideRequest,
    OverrideStatus,
    OverrideWithdrawal,
    StoredOverride,
)
from serving.demand.override_store import NewOverride
from serving.demand.quality import answer_quality, series_quality
from serving.demand.schemas import DemandQuality
from serving.demand.texts import driver
from serving.errors import FieldProblem, InvalidRequestError
from serving.ledger.answered import Answered, write_answer
from serving.ledger.chain import Json
from serving.ledger.quality_codes import quality_codes
from serving.schemas import QualityLevel

__all__ = ["list_overrides", "make_override", "withdraw_override"]

_LEAST_PERCENT: Final = -100.0


def make_override(desk: DemandDesk, request: OverrideRequest, planner: Caller) -> Answered:
    """Keep an override, and answer with the model's figures beside the final ones.

    Raises InvalidRequestError naming each field that is wrong, LedgerUnavailableError.
    """
    now, loaded = desk.clock(), desk.run(request.freq)
    row = _series_row(loaded, request.unique_id, planner)
    points = loaded.points(request.unique_id)
    periods = [_iso(ds) for ds in request.periods]
    _check(request, periods, loaded, points, today=now.astimezone(UTC).date())
    figures = dict(zip(points["ds"], points["forecast"], strict=True))
    new = NewOverride(
        override_id=desk.new_id(),
        decision_id=desk.new_id(),
        unique_id=request.unique_id,
        org_id=cell_text(row["org_id"]),
        level=cell_text(row["level"]),
        freq=str(loaded.info.freq),
        periods=tuple(periods),
        kind=request.kind,
        value=request.value,
        reason=request.reason.strip(),
        until=request.until,
        made_by=planner.name,
        key_id=planner.call.key_id,
        made_at=now,
        run_id=loaded.info.run_id,
        model_figures=tuple(figures[ds] for ds in periods),
    )
    told = pl.concat([desk.overrides.frame(), _as_frame(new)])
    finals = finals_of(loaded, told, now)
    of_series = series_quality(row)
    stale = desk.stale(loaded, now)
    quality = DemandQuality(
        level=QualityLevel.FALLBACK if stale else of_series.level, notes=[*stale, *of_series.notes]
    )
    answer = _answer(loaded, planner, _stored(new), finals, quality)
    answered = write_answer("demand/override", answer, request, planner, said=_said(answer), at=now)
    desk.overrides.add(new, answered.record)
    return answered


def withdraw_override(desk: DemandDesk, request: OverrideWithdrawal, planner: Caller) -> Answered:
    """Withdraw an override; what it was stays readable.

    Raises UnknownOverrideError (also for one of another company), InvalidRequestError where it is withdrawn already.
    """
    now = desk.clock()
    held = desk.overrides.get(request.override_id, now)
    if not planner.sees(held.org_id):
        raise UnknownOverrideError(request.override_id)
    if held.status is OverrideStatus.WITHDRAWN:
        text = f"{held.withdrawn_at:%Y-%m-%d %H:%M} UTC"
        raise InvalidRequestError(
            [
                FieldProblem(
                    "override_id", "already_withdrawn", f"已于 {text} 撤回", f"was withdrawn at {text}"
                )
            ]
        )
    loaded = desk.run(held.freq)
    gone = held.model_copy(
        update={
            "status": OverrideStatus.WITHDRAWN,
            "withdrawn_at": now,
            "withdrawn_by": planner.name,
            "withdrawn_reason": request.reason.strip(),
        }
    )
    others = desk.overrides.frame().filter(pl.col("override_id") != held.override_id)
    finals = finals_of(loaded, others, now)
    quality = answer_quality(desk.stale(loaded, now))
    answer = _answer(loaded, planner, gone, finals, quality).model_copy(update={"decision_id": desk.new_id()})
    answered = write_answer("demand/override/withdraw", answer, request, planner, said=_said(answer), at=now)
    desk.overrides.withdraw(
        held,
        answered.record,
        by=planner.name,
        key_id=planner.call.key_id,
        reason=request.reason.strip(),
        at=now,
    )
    return answered


def list_overrides(
    desk: DemandDesk, query: OverrideHistoryQuery, planner: Caller, zone: ZoneInfo
) -> Answered:
    """List the overrides of the key's companies, newest first, the withdrawn and lapsed ones too."""
    now, span = desk.clock(), query.span(zone)
    planner.require(query.company)
    fitting = [
        (seq, one)
        for seq, one in desk.overrides.numbered(now)
        if planner.sees(one.org_id)
        and (query.cursor is None or seq < query.cursor)
        and span.holds(one.made_at)
        and query.unique_id in (None, one.unique_id)
        and query.company in (None, one.org_id)
        and query.status in (None, one.status)
    ]
    found = [one for _, one in fitting[: query.limit]]
    answer = OverrideHistory(
        request_id=planner.call.request_id,
        decision_id=desk.new_id(),
        decided_at=now,
        quality=DemandQuality(level=QualityLevel.FULL, notes=[]),
        overrides=found,
        cursor=fitting[query.limit - 1][0] if len(fitting) > query.limit else None,
    )
    said = {"overrides": {one.override_id: str(one.status) for one in found}}
    return write_answer("demand/overrides", answer, query, planner, said=said, at=now)


def _series_row(loaded: LoadedRun, unique_id: str, planner: Caller) -> Mapping[str, object]:
    found = planner.seen(loaded.series).filter(pl.col("unique_id") == unique_id)
    if found.is_empty() or loaded.points(unique_id).is_empty():
        zh = f"批次 {loaded.info.run_id} 中没有该序列的预测，或它不属于该密钥覆盖的企业"
        en = f"run {loaded.info.run_id} holds no forecast of it, or it is not of the key's companies"
        raise InvalidRequestError([FieldProblem("unique_id", "unknown_series", zh, en)])
    return found.row(0, named=True)


def _check(
    request: OverrideRequest, periods: list[str], loaded: LoadedRun, points: pl.DataFrame, *, today: date
) -> None:
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


def _iso(ds: str) -> str:
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


def _as_frame(new: NewOverride) -> pl.DataFrame:
    """Return an override that is not in the database yet as the models read it; it is the newest."""
    rows = [
        (
            2**62,
            new.override_id,
            new.freq,
            new.unique_id,
            ds,
            str(new.kind),
            new.value,
            new.made_at,
            new.until,
            None,
        )
        for ds in new.periods
    ]
    return pl.DataFrame(rows, schema=OVERRIDES, orient="row")


def _stored(new: NewOverride) -> StoredOverride:
    return StoredOverride(
        **{name: getattr(new, name) for name in _SAME},
        periods=list(new.periods),
        model_figures=list(new.model_figures),
        status=OverrideStatus.ACTIVE,
        withdrawn_at=None,
        withdrawn_by=None,
        withdrawn_reason=None,
    )


_SAME: Final = tuple(
    name for name in NewOverride.__dataclass_fields__ if name not in ("periods", "model_figures")
)


def _answer(
    loaded: LoadedRun, planner: Caller, override: StoredOverride, finals: Finals, quality: DemandQuality
) -> OverrideAnswer:
    drivers = loaded.drivers(override.unique_id)
    points = loaded.points(override.unique_id).filter(pl.col("ds").is_in(override.periods))
    return OverrideAnswer(
        **stamp(loaded).model_dump(),
        request_id=planner.call.request_id,
        decision_id=override.decision_id,
        quality=quality,
        override=override,
        points=[
            MadeOverride(
                ds=point["ds"],
                forecast=point["forecast"],
                final=found.value
                if (found := finals.get((override.unique_id, point["step"])))
                else point["forecast"],
                drivers=[driver(name, value) for name, value in drivers.get(point["step"], [])],
            )
            for point in points.iter_rows(named=True)
        ],
    )


def _said(answer: OverrideAnswer) -> Mapping[str, Json]:
    return {
        "run_id": answer.run_id,
        "model_version": answer.model_version,
        "data_as_of": str(answer.data_as_of),
        "quality": quality_codes(answer.quality),
        "override": answer.override.model_dump(mode="json"),
        "points": [[point.ds, point.forecast, point.final] for point in answer.points],
    }
