"""Compute a recorded answer again and hold it against what was said; what cannot be computed is said with its reason."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from serving.access.caller import Call, Caller
from serving.decisions.differences import Differing, differing
from serving.errors import ServingError
from serving.ledger.chain import Decision, Json
from serving.ledger.json_text import text_of
from serving.schemas import Note

__all__ = [
    "CannotReplayError",
    "Progress",
    "Recomputed",
    "Replayed",
    "Replayer",
    "caller_of_record",
    "no_progress",
    "replay",
]

_COMPARED: Final = ("answer", "contributions", "answer_sha256")


class CannotReplayError(ServingError):
    """What a record was computed from is no longer here, or was never kept."""

    def __init__(self, code: str, *, zh: str, en: str) -> None:
        self.code = code
        super().__init__(zh=zh, en=en)


@dataclass(frozen=True)
class Recomputed:
    """The record as it would be written now; `notes` say what else has changed since.

    `compared` are the parts of it that are held against the record; `also` differs in files that the record knows by hash.
    """

    record: Mapping[str, Json]
    notes: tuple[Note, ...] = ()
    compared: tuple[str, ...] = _COMPARED
    also: tuple[Differing, ...] = ()


Progress = Callable[[float], None]
"""Takes the share that is done, and may raise to stop."""
Replayer = Callable[[Decision, Progress], Recomputed]
"""Computes the answer of a record again. Raises CannotReplayError."""


def no_progress(_share: float) -> None:
    """Tell nobody how far it is."""


@dataclass(frozen=True)
class Replayed:
    """What a replay found: `now` is None where it was not possible, and `notes` say why."""

    then: Mapping[str, Json]
    now: Mapping[str, Json] | None
    differences: tuple[Differing, ...]
    notes: tuple[Note, ...]

    @property
    def identical(self) -> bool | None:
        """Return whether the answer is the same bit for bit, None where it could not be computed."""
        return None if self.now is None else not self.differences


def replay(
    decision: Decision, replayers: Mapping[str, Replayer], progress: Progress = no_progress
) -> Replayed:
    """Compute a decision's answer again with what was kept of its day."""
    route, then = text_of(decision.record.get("route")), _compared(decision.record, _COMPARED)
    try:
        found = replayers.get(route, _not_replayed)(decision, progress)
    except CannotReplayError as error:
        return Replayed(then, None, (), (Note(code=error.code, text_zh=error.zh, text_en=error.en),))
    then, now = (_compared(record, found.compared) for record in (decision.record, found.record))
    return Replayed(then, now, (*differing(then, now), *found.also), found.notes)


def _not_replayed(decision: Decision, _progress: Progress) -> Recomputed:
    route = text_of(decision.record.get("route"))
    raise CannotReplayError(
        "route_not_replayed",
        zh=f"“{route}”不是由模型或批次算出的答复，或不保留重算所需的全部输入，不能重算；记录本身可用哈希核对。",
        en=f"'{route}' is no answer of a model or a run, or not all it was computed from is kept: it cannot be computed again. "
        "The record itself can be checked by its hash.",
    )


def caller_of_record(record: Mapping[str, Json]) -> Caller:
    """Return the caller as the record knows it, so that the answer is of the same companies and bears the same id."""
    call = Call(
        text_of(record.get("request_id")),
        text_of(record.get("key_id")),
        tuple(_texts(record.get("roles"))),
        text_of(record.get("trace_id")),
    )
    return Caller(call, "", tuple(_texts(record.get("companies"))))


def _texts(value: Json) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []


def _compared(record: Mapping[str, Json], names: Sequence[str]) -> Mapping[str, Json]:
    return {name: record[name] for name in names if name in record}
