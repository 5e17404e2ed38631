"""Compute answers about demand and capacity again from the published run they came from, where it is still on disk."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError

from graph.errors import UserError
from models.capacity.published.capacity_run import read_run as read_capacity_run
from models.demand.ledger.published_run import read_run as read_demand_run
from serving.access.caller import Caller
from serving.capacity.desk import CapacityDesk
from serving.capacity.run_store import CapacityStore, LoadedCapacity
from serving.capacity.schemas import CapacityForecastRequest
from serving.capacity.shortfall import shortfall, utilisation
from serving.capacity.shortfall_schemas import ShortfallQuery, UtilisationQuery
from serving.champions.families import Level
from serving.champions.run_choice import RunChoice
from serving.champions.stand_in import run_note
from serving.decisions.replay import CannotReplayError, Progress, Recomputed, Replayer, caller_of_record
from serving.demand.desk import DemandDesk
from serving.demand.forecast_store import ForecastStore, LoadedRun
from serving.demand.schemas import ForecastRequest
from serving.ledger.answered import Answered
from serving.ledger.chain import Decision
from serving.ledger.json_text import text_of

__all__ = ["run_replayers"]

Shape = TypeVar("Shape", bound=BaseModel)
Run = TypeVar("Run")
_GIVEN_HERE: Final = ("series", "payload")


def run_replayers(demand: DemandDesk, capacity: CapacityDesk) -> Mapping[str, Replayer]:
    """Return who replays which route; both desks lend their settings, stores and overrides, not their clock."""

    def on_capacity(
        shape: type[Shape], answer: Callable[[CapacityDesk, Shape, Caller], Answered]
    ) -> Replayer:
        def compute(decision: Decision, _progress: Progress) -> Recomputed:
            desk = _capacity_desk(capacity, decision)
            return _recomputed(
                lambda: answer(desk, _asked(decision, shape), caller_of_record(decision.record))
            )

        return compute

    def on_demand(decision: Decision, _progress: Progress) -> Recomputed:
        desk = _demand_desk(demand, decision)
        asked = _asked(decision, ForecastRequest)
        return _recomputed(lambda: desk.forecast(asked, caller_of_record(decision.record)))

    return {
        "demand/forecast": on_demand,
        "capacity/forecast": on_capacity(CapacityForecastRequest, CapacityDesk.forecast),
        "capacity/shortfall": on_capacity(ShortfallQuery, shortfall),
        "capacity/utilisation": on_capacity(UtilisationQuery, utilisation),
    }


def _demand_desk(like: DemandDesk, decision: Decision) -> DemandDesk:
    folder = _folder(like.store.root, decision)
    run = _read(lambda: read_demand_run(folder))
    freq, choice = run.info.freq, _choice(decision, run.info.run_id)
    store = ForecastStore(like.store.root, latest={freq: LoadedRun(run)}, choices={freq: choice})
    return DemandDesk(
        store,
        like.overrides.as_before(decision.seq),
        limits=like.limits,
        clock=lambda: datetime.fromisoformat(decision.recorded_at),
        new_id=lambda: decision.decision_id,
    )


def _capacity_desk(like: CapacityDesk, decision: Decision) -> CapacityDesk:
    folder = _folder(like.store.root, decision)
    run = _read(lambda: read_capacity_run(folder))
    return CapacityDesk(
        CapacityStore(like.store.root, latest=LoadedCapacity(run), choice=_choice(decision, run.info.run_id)),
        like.profiles,
        limits=like.limits,
        clock=lambda: datetime.fromisoformat(decision.recorded_at),
        new_id=lambda: decision.decision_id,
    )


def _folder(root: Path, decision: Decision) -> Path:
    request, answer = decision.record.get("request"), decision.record.get("answer")
    if isinstance(request, Mapping) and any(request.get(name) is not None for name in _GIVEN_HERE):
        raise CannotReplayError(
            "given_with_request",
            zh="该结果是按随请求给出的序列即时计算的，不来自已发布的批次，不能从批次重算。",
            en="The answer was computed at once from series given with the request, not from a published run.",
        )
    run_id = text_of(answer.get("run_id")) if isinstance(answer, Mapping) else ""
    names = {path.name for path in root.iterdir()} if root.is_dir() else set()
    if not run_id or run_id not in names:
        raise CannotReplayError(
            "run_not_kept",
            zh=f"批次 {run_id or '-'} 已不在磁盘上，不能重算。请从备份恢复该批次的文件夹后再试。",
            en=f"Run {run_id or '-'} is no longer on disk, so the answer cannot be computed again. Restore its folder from a "
            "backup and try again.",
        )
    return root / run_id


def _choice(decision: Decision, run_id: str) -> RunChoice:
    """Return by whose order the run answered then: the record's notes say so where it was not the newest."""
    answer = decision.record.get("answer")
    quality = answer.get("quality") if isinstance(answer, Mapping) else None
    notes = quality.get("notes") if isinstance(quality, Mapping) else None
    codes = notes if isinstance(notes, list) else []
    ordered = [level for level in Level if (note := run_note(level, run_id)) and note.code in codes]
    return RunChoice(ordered[0] if ordered else Level.CHAMPION, run_id)


def _read(read: Callable[[], Run]) -> Run:
    try:
        return read()
    except UserError as error:
        raise CannotReplayError("run_damaged", zh=error.zh, en=error.en) from error


def _asked(decision: Decision, shape: type[Shape]) -> Shape:
    try:
        return shape.model_validate_json(json.dumps(decision.record.get("request")))
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, one["loc"])) or "-" for one in error.errors(include_input=False))
        raise CannotReplayError(
            "request_refused_now",
            zh=f"当时的请求现在不再被接受（{fields}）。",
            en=f"The request of that day is no longer taken ({fields}).",
        ) from error


def _recomputed(compute: Callable[[], Answered]) -> Recomputed:
    try:
        return Recomputed(compute().record)
    except UserError as error:
        raise CannotReplayError(
            "refused_now",
            zh=f"现在按同一请求不再出具结果：{error.zh}",
            en=f"The same request gets no answer now: {error.en}",
        ) from error
