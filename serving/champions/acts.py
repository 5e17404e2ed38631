"""Orders about models: kill, restore, roll back, point an alias; each in the chain, in the database, and an incident where it is one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from sqlalchemy import Connection, func, insert, select, update

from serving.access.caller import Caller
from serving.access.errors import OutsideScopeError
from serving.champions.errors import (
    GateNotPassedError,
    NeverChampionError,
    NothingLeftError,
    OwnModelError,
    SwitchMovedError,
    TrainerUnknownError,
    UnknownVersionError,
)
from serving.champions.families import FAMILIES, Alias, Gate, Level
from serving.champions.lanes import Lane, Lanes
from serving.champions.schemas import ActAnswer, AliasRequest, KillRequest, RestoreRequest, RollbackRequest
from serving.champions.switches import ALIAS_ACT
from serving.ledger.answered import Answered, write_answer
from serving.ledger.chain import Ledger
from serving.ledger.tables import incidents, model_acts
from serving.review.people import same_name

__all__ = ["Acts", "NoRegistry", "RegistryPort"]

_INCIDENTS: Final = frozenset({"kill", "rollback"})
# Within this time the same kill by the same key is one that was sent twice, not a wish to go two levels down.
_SENT_TWICE: Final = timedelta(seconds=10)


class RegistryPort(Protocol):
    """The registry, told when an alias moves."""

    def point(self, name: str, alias: str, version: str) -> str:
        """Point an alias of a registered model at a bundle's version; return what was done. Raises RegistryAwayError."""


class NoRegistry:
    """No MLflow server is followed; aliases are kept here."""

    def point(self, name: str, alias: str, version: str) -> str:
        """Say that no registry was told."""
        return "unused"


@dataclass(frozen=True)
class _Act:
    """One order: what served or was pointed at until then, and what does from then on."""

    family: str
    act: str
    level: str
    version: str | None
    instead_of: str | None
    reason: str
    expected: int
    registry: str = "unused"
    trained_by: str | None = None
    gate: Gate | None = None


class Acts:
    """Carries orders out."""

    def __init__(
        self,
        lanes: Lanes,
        ledger: Ledger,
        *,
        registry: RegistryPort,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
    ) -> None:
        self._lanes, self._ledger, self._registry = lanes, ledger, registry
        self._clock, self._new_id = clock, new_id

    def kill(self, family: str, request: KillRequest, caller: Caller) -> Answered:
        """Switch off what answers now, or the version named while it does.

        Raises SwitchMovedError where another answers or the same order was carried out just now, NothingLeftError where
        nothing is left to switch off, UnknownFamilyError.
        """
        level, served, seq = self._now(family, caller)
        meant = request.version
        if meant not in (None, served) or (meant is None and self._sent_twice(family, request, caller)):
            raise SwitchMovedError(family, level, served)
        below = self._lanes.of(family).below(level, served)
        if below is None:
            raise NothingLeftError(
                family, "已停用到底，没有可再停用的模型。", "everything is switched off already."
            )
        act = _Act(family, "kill", below[0], below[1], served, request.reason.strip(), seq)
        return self._carry_out(act, request, caller)

    def rollback(self, family: str, request: RollbackRequest, caller: Caller) -> Answered:
        """Go back to a version that was champion here.

        Raises NothingLeftError, UnknownVersionError, NeverChampionError, UnknownFamilyError.
        """
        _, served, seq = self._now(family, caller)
        lane = self._lanes.of(family)
        version = request.version or lane.before(served)
        if version is None:
            raise NothingLeftError(family, "本机没有更早的版本。", "no earlier version is kept here.")
        if version == served:
            raise NothingLeftError(family, f"{version} 已在作答。", f"{version} answers already.")
        if not lane.kept().whole(version):
            raise UnknownVersionError(family)
        if not lane.was_champion(version):
            raise NeverChampionError(version)
        act = _Act(family, "rollback", Level.ROLLED_BACK, version, served, request.reason.strip(), seq)
        return self._carry_out(act, request, caller)

    def restore(self, family: str, request: RestoreRequest, caller: Caller) -> Answered:
        """Let the champion answer again. Raises NothingLeftError where it does, UnknownFamilyError."""
        level, served, seq = self._now(family, caller)
        if level is Level.CHAMPION:
            raise NothingLeftError(
                family, "正由 champion 作答，无需恢复。", "the champion answers; there is nothing to restore."
            )
        champion = self._lanes.alias(family, Alias.CHAMPION)
        act = _Act(family, "restore", Level.CHAMPION, champion, served, request.reason.strip(), seq)
        return self._carry_out(act, request, caller)

    def point(self, family: str, request: AliasRequest, caller: Caller) -> Answered:
        """Point an alias at a version that lies here; with an MLflow server there too.

        Raises UnknownVersionError, TrainerUnknownError, OwnModelError, GateNotPassedError, NothingLeftError,
        RegistryAwayError, UnknownFamilyError.
        """
        _, _, seq = self._now(family, caller)
        lane, alias = self._lanes.of(family), request.alias
        if not lane.kept().whole(request.version):
            raise UnknownVersionError(family)
        if self._lanes.alias(family, alias) == request.version:
            raise NothingLeftError(
                family,
                f"{alias} 已指向 {request.version}。",
                f"{alias} points at {request.version} already.",
            )
        trained_by, gate = _approvable(lane, request, caller) if alias is Alias.CHAMPION else (None, None)
        pointed = lane.pointed(alias)
        # Before the registry is told: an alias that moved there without a record here would be nobody's order.
        self._ledger.probe()
        told = "unused"
        if not FAMILIES[family].of_runs:
            told = self._registry.point(FAMILIES[family].registered, alias, request.version)
        act = _Act(
            family,
            ALIAS_ACT,
            alias,
            request.version,
            pointed,
            request.reason.strip(),
            seq,
            registry=told,
            trained_by=trained_by,
            gate=gate,
        )
        return self._carry_out(act, request, caller)

    def _sent_twice(self, family: str, request: KillRequest, caller: Caller) -> bool:
        last = self._lanes.board.of(family)
        if last.act != "kill" or last.since is None:
            return False
        same = (last.key_id, last.reason) == (caller.call.key_id, request.reason.strip())
        return same and abs(self._clock() - datetime.fromisoformat(last.since)) < _SENT_TWICE

    def _now(self, family: str, caller: Caller) -> tuple[Level, str | None, int]:
        """Return what serves; a model answers every company, so a key for some of them moves none.

        Raises OutsideScopeError, UnknownFamilyError.
        """
        if not caller.sees_all:
            raise OutsideScopeError(caller.companies)
        self._lanes.of(family)
        self._lanes.board.refresh()
        level, served = self._lanes.served(family)
        return level, served, self._lanes.board.of(family).seq

    def _carry_out(
        self,
        act: _Act,
        request: KillRequest | RestoreRequest | RollbackRequest | AliasRequest,
        caller: Caller,
    ) -> Answered:
        now = self._clock()
        answer = ActAnswer(
            request_id=caller.call.request_id,
            decision_id=self._new_id(),
            family=act.family,
            act=act.act,
            level=act.level,
            version=act.version,
            instead_of=act.instead_of,
            incident_id=self._new_id() if act.act in _INCIDENTS else None,
            registry=act.registry,
            trained_by=act.trained_by,
            gate=act.gate,
            decided_at=now,
        )
        asked = {"family": act.family, **request.model_dump(mode="json", exclude_none=True)}
        said = answer.model_dump(mode="json", exclude={"request_id", "decision_id", "decided_at"})
        answered = write_answer(f"models/{act.act}", answer, asked, caller, said=said, at=now)

        def beside(connection: Connection) -> None:
            _write(connection, act, answer, caller)

        try:
            self._ledger.append([answered.record], beside=beside)
        except _FasterError as error:
            self._lanes.board.refresh()
            raise SwitchMovedError(act.family, *self._lanes.served(act.family)) from error
        self._lanes.board.refresh()
        return answered


class _FasterError(Exception):
    """Another order came between the look at what answers and the writing."""


def _approvable(lane: Lane, request: AliasRequest, caller: Caller) -> tuple[str, Gate]:
    """Return who trained a version and how it was judged; where the version does not say who, the approver has to.

    Raises TrainerUnknownError, OwnModelError, GateNotPassedError.
    """
    trained_by, found = lane.trained_by(request.version), lane.kept().named(request.version)
    gate = Gate.NONE if found is None else found.gate
    trained_by = trained_by.strip() or (request.trained_by or "").strip()
    if not trained_by:
        raise TrainerUnknownError(request.version)
    if same_name(trained_by, caller.name):
        raise OwnModelError(request.version)
    if gate is Gate.FAILED:
        raise GateNotPassedError(request.version)
    return trained_by, gate


def _write(connection: Connection, act: _Act, answer: ActAnswer, caller: Caller) -> None:
    """Write the rows of an act in the transaction of its record. Raises _FasterError when somebody was faster."""
    newest = select(func.max(model_acts.c.seq))
    if (connection.execute(newest.where(model_acts.c.family == act.family)).scalar() or 0) != act.expected:
        raise _FasterError
    at = answer.decided_at.isoformat(timespec="microseconds")
    values: Mapping[str, object] = {
        "seq": (connection.execute(newest).scalar() or 0) + 1,
        "decision_id": answer.decision_id,
        "family": act.family,
        "act": act.act,
        "level": act.level,
        "version": act.version,
        "instead_of": act.instead_of,
        "reason": act.reason,
        "name": caller.name,
        "key_id": caller.call.key_id,
        "at": at,
        "incident_id": answer.incident_id,
    }
    connection.execute(insert(model_acts).values(values))
    if answer.incident_id is not None:
        _open(connection, act, answer, caller, at=at)
    if act.act == "restore":
        closed = {"closed_at": at, "closed_by": caller.name, "closing_reason": act.reason}
        open_ones = update(incidents).where(incidents.c.family == act.family, incidents.c.closed_at.is_(None))
        connection.execute(open_ones.values(closed))


def _open(connection: Connection, act: _Act, answer: ActAnswer, caller: Caller, *, at: str) -> None:
    seq = connection.execute(select(func.max(incidents.c.seq))).scalar() or 0
    values = {
        "incident_id": answer.incident_id,
        "seq": seq + 1,
        "family": act.family,
        "act": act.act,
        "level": act.level,
        "version_from": act.instead_of,
        "version_to": act.version,
        "reason": act.reason,
        "opened_at": at,
        "opened_by": caller.name,
    }
    connection.execute(insert(incidents).values(values))
