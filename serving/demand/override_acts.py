"""Take a planner's override, withdraw one, list them: checked against the newest run, written into the chain."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

import polars as pl

from models.demand.ledger.planner_overrides import OVERRIDES
from serving.access.caller import Caller
from serving.cells import cell_text
from serving.demand.answers import Finals, finals_of, stamp
from serving.demand.desk import DemandDesk
from serving.demand.errors import UnknownOverrideError
from serving.demand.forecast_store import LoadedRun
from serving.demand.override_checks import check_override, period_name, series_to_override
from serving.demand.override_schemas import (
    MadeOverride,
    OverrideAnswer,
    OverrideHistory,
    OverrideHistoryQuery,
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


def make_override(desk: DemandDesk, request: OverrideRequest, planner: Caller) -> Answered:
    """Keep an override, and answer with the model's figures beside the final ones.

    Raises InvalidRequestError naming each field that is wrong, LedgerUnavailableError.
    """
    now, loaded = desk.clock(), desk.run(request.freq)
    row = series_to_override(loaded, request.unique_id, planner)
    points = loaded.points(request.unique_id)
    periods = [period_name(ds) for ds in request.periods]
    check_override(request, periods, loaded, points, today=now.astimezone(UTC).date())
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
    held = _to_withdraw(desk, request.override_id, planner, now)
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


def _to_withdraw(desk: DemandDesk, override_id: str, planner: Caller, now: datetime) -> StoredOverride:
    held = desk.overrides.get(override_id, now)
    if not planner.sees(held.org_id):
        raise UnknownOverrideError(override_id)
    if held.status is OverrideStatus.WITHDRAWN:
        text = f"{held.withdrawn_at:%Y-%m-%d %H:%M} UTC"
        zh, en = f"已于 {text} 撤回", f"was withdrawn at {text}"
        raise InvalidRequestError([FieldProblem("override_id", "already_withdrawn", zh, en)])
    return held


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
