"""Forecast lines whose history comes with the request: read it, fit at once, one request at a time."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final, Protocol

import polars as pl

from models.capacity.profiles.profile import Profile
from models.capacity.published.capacity_run import CapacityRun
from models.capacity.published.run_info import CapacityInfo, Note
from serving.access.caller import Caller
from serving.capacity.answers import answer_lines, capacity_stamp, forecast_said
from serving.capacity.desk import CapacityDesk
from serving.capacity.quality import capacity_quality, told
from serving.capacity.run_store import LoadedCapacity
from serving.capacity.schemas import (
    CapacityForecastAnswer,
    CapacityForecastRequest,
    CapacityPayload,
    HistoryRow,
    PlanRow,
    RefusedLine,
)
from serving.errors import FieldProblem, InvalidRequestError
from serving.ledger.answered import Answered, write_answer

__all__ = [
    "CapacityPayloadDesk",
    "CapacityPayloadLimits",
    "ForecastedLines",
    "LineForecaster",
]

_SEED: Final = 7
_HORIZON_DAYS: Final = 91  # where no plan says how far ahead
_OWN: Final = (
    "line_id", "ds", "planned_rate", "output", "good_output", "planned_hours", "run_hours", "maintenance",
)  # fmt: skip


@dataclass(frozen=True)
class CapacityPayloadLimits:
    """How much may be asked of one computation."""

    lines: int
    rows: int


@dataclass(frozen=True, eq=False)
class ForecastedLines:
    """Lines as a run holds them, and those that could not be forecast with the reason."""

    run: CapacityRun
    refused: Sequence[RefusedLine]


class LineForecaster(Protocol):
    """Forecasts lines at once. Raises UserError where their tables cannot be read."""

    def __call__(
        self,
        history: pl.DataFrame,
        plan: pl.DataFrame | None,
        *,
        drivers: Sequence[str],
        info: CapacityInfo,
        profiles: Mapping[str, Profile],
    ) -> ForecastedLines:
        """Return the forecasts of the lines in the tables."""


class CapacityPayloadDesk:
    """Answers requests that bring their lines' history; they take turns with forecasts of demand's payloads."""

    def __init__(
        self,
        desk: CapacityDesk,
        forecaster: LineForecaster,
        limits: CapacityPayloadLimits,
        *,
        turn: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._desk, self._forecaster, self._limits, self._turn = desk, forecaster, limits, turn

    def forecast(self, request: CapacityForecastRequest, planner: Caller) -> Answered:
        """Answer a request with `payload`. Raises InvalidRequestError, ForecasterBusyError, UserError of the tables."""
        payload = request.payload
        if payload is None:
            return self._desk.forecast(request, planner)
        self._check(payload)
        now = self._desk.clock()
        info = CapacityInfo(
            run_id="payload",
            issued_at=now,
            data_as_of=payload.as_of,
            model_version=_version(payload),
            horizon_days=_HORIZON_DAYS,
            seed=_SEED,
            notes=_notes(payload),
        )
        history, plan, drivers = _tables(payload)
        with self._turn():
            found = self._forecaster(history, plan, drivers=drivers, info=info, profiles=self._desk.profiles)
        loaded = LoadedCapacity(found.run)
        lines, without = answer_lines(loaded, found.run.lines, request, self._desk.profiles)
        refused = [*found.refused, *without]
        stamp = capacity_stamp(info).model_copy(update={"run_id": None})
        answer = CapacityForecastAnswer(
            **stamp.model_dump(),
            request_id=planner.call.request_id,
            decision_id=self._desk.new_id(),
            by=request.by,
            quality=capacity_quality(
                told(found.run.info.notes), [line.quality for line in lines], len(refused)
            ),
            lines=lines,
            refused=refused,
        )
        return write_answer("capacity/forecast", answer, request, planner, said=forecast_said(answer), at=now)

    def _check(self, payload: CapacityPayload) -> None:
        limits, problems = self._limits, []
        lines = len({one.line_id for one in payload.history})
        rows = len(payload.history) + len(payload.plan)
        for field, rule, count, limit, what in (
            ("payload.history", "too_many_lines", lines, limits.lines, ("条产线", "lines")),
            ("payload", "too_many_rows", rows, limits.rows, ("行", "rows")),
        ):
            if count > limit:
                zh = f"共 {count} {what[0]}，超过上限 {limit}；请分批，或用 `zhiheng capacity forecast`"
                en = f"holds {count} {what[1]}, above the limit of {limit}; send fewer, or use `zhiheng capacity forecast`"
                problems.append(FieldProblem(field, rule, zh, en))
        if problems:
            raise InvalidRequestError(problems)


def _notes(payload: CapacityPayload) -> tuple[Note, ...]:
    """Say which rows were not used because they came after the day that counts."""
    late = sum(one.ds > payload.as_of for one in payload.history)
    if not late:
        return ()
    zh = f"{late} 行实绩晚于 as_of（{payload.as_of}），未使用。"
    en = f"{late} rows of history are after as_of ({payload.as_of}) and were not used."
    return (Note(code="rows_after_as_of", zh=zh, en=en),)


def _tables(payload: CapacityPayload) -> tuple[pl.DataFrame, pl.DataFrame | None, list[str]]:
    """Return history and plan as spreadsheets would hold them, and the names of the drivers."""
    known = [one for one in payload.history if one.ds <= payload.as_of]
    drivers = sorted({name for one in known for name in one.drivers})
    taken = [name for name in drivers if name in (*_OWN, "unit", "profile")]
    if taken:
        zh, en = f"“{taken[0]}”已有固定含义，请改名", f"'{taken[0]}' has a meaning of its own; rename it"
        raise InvalidRequestError([FieldProblem("payload.history.drivers", "reserved_name", zh, en)])
    history = _table(known, drivers).with_columns(pl.lit(payload.unit).alias("unit"))
    if payload.profile is not None:
        history = history.with_columns(pl.lit(payload.profile).alias("profile"))
    return history, _table(payload.plan, drivers) if payload.plan else None, drivers


def _table(rows: Sequence[HistoryRow] | Sequence[PlanRow], drivers: Sequence[str]) -> pl.DataFrame:
    """Return rows as a table; columns that nobody filled are left out, but those that a table must have."""
    columns: dict[str, list[object]] = {name: [getattr(one, name, None) for one in rows] for name in _OWN}
    columns |= {name: [one.drivers.get(name) for one in rows] for name in drivers}
    must = (
        "line_id",
        "ds",
        *(("planned_rate", "output") if not rows or isinstance(rows[0], HistoryRow) else ()),
    )
    kept = {
        name: values
        for name, values in columns.items()
        if name in must or any(value is not None for value in values)
    }
    return pl.DataFrame(kept, strict=False, infer_schema_length=None)


def _version(payload: CapacityPayload) -> str:
    """Name a model by all that it is made of: the seed and what was sent."""
    return f"capacity-lines-seed{_SEED}-{hashlib.sha256(payload.model_dump_json().encode()).hexdigest()[:12]}"
