"""What was ordered about the families of models: read from the database by every worker, kept while it is away."""

import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, Row, func, insert, select

from serving.champions.families import Alias, Level
from serving.ledger.database import Database
from serving.ledger.errors import LedgerUnavailableError
from serving.ledger.tables import champion_history, model_acts
from serving.moments import moment_text

__all__ = ["ALIAS_ACT", "Champion", "Named", "Ordered", "Switch", "SwitchBoard", "switches_in"]

_LOG: Final = logging.getLogger("bentoml.zhiheng")
ALIAS_ACT: Final = "alias"


@dataclass(frozen=True)
class Named:
    """A version that was given an alias here, in place of what the pointer named then."""

    version: str
    instead_of: str | None
    at: str


@dataclass(frozen=True)
class Switch:
    """How a family stands: who answers, since when and why; `seq` is the newest act, 0 where there was none.

    `taken_away` are the versions that kills and rollbacks put out of use since the champion was last to answer.
    """

    seq: int = 0
    level: Level = Level.CHAMPION
    version: str | None = None
    since: str | None = None
    reason: str | None = None
    champion: Named | None = None
    challenger: Named | None = None
    act: str | None = None
    key_id: str | None = None
    taken_away: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Ordered:
    """Whom a kill, a rollback or a restore let answer, from when on; None: the champion, or nobody."""

    version: str | None
    since: str


@dataclass(frozen=True)
class Champion:
    """A version that answered as champion, from when on."""

    version: str
    since: str


def switches_in(rows: Iterable[Row[tuple[object, ...]]]) -> dict[str, Switch]:
    """Return how the families stand after acts, oldest first."""
    found: dict[str, Switch] = {}
    for row in rows:
        held = replace(found.get(row.family, Switch()), seq=row.seq)
        if row.act == ALIAS_ACT:
            named = Named(row.version, row.instead_of, row.at)
            found[row.family] = (
                replace(held, champion=named)
                if row.level == Alias.CHAMPION
                else replace(held, challenger=named)
            )
        else:
            level = Level(row.level)
            found[row.family] = replace(
                held,
                level=level,
                version=row.version,
                since=row.at,
                reason=row.reason,
                act=row.act,
                key_id=row.key_id,
                taken_away=frozenset()
                if level is Level.CHAMPION
                else (held.taken_away | {row.instead_of}) - {row.version, None},
            )
    return found


class SwitchBoard:
    """The state of the switches as this process last read it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._switches: Mapping[str, Switch] = {}
        self._history: Mapping[str, Sequence[Champion]] = {}
        self._ordered: Mapping[str, Sequence[Ordered]] = {}
        self._named: frozenset[tuple[str, str]] = frozenset()
        self._turn = threading.Lock()
        self.read = False

    def refresh(self) -> bool:
        """Read the acts and say whether that was possible.

        Where the database is away the last state stays, and the ledger's own health says why.
        """
        try:
            with self._turn, self._database.reading() as connection:
                acts = connection.execute(select(model_acts).order_by(model_acts.c.seq)).all()
                rows = connection.execute(select(champion_history).order_by(champion_history.c.seq)).all()
                # Within the turn: what was read before an order must not take the place of what was read after it.
                self._take(acts, rows)
        except LedgerUnavailableError as error:
            _LOG.warning("switches of models cannot be read, the last state stays: %s", error.en)
            return False
        return True

    def _take(self, acts: Sequence[Row[tuple[object, ...]]], rows: Sequence[Row[tuple[object, ...]]]) -> None:
        history: dict[str, list[Champion]] = {}
        for row in rows:
            history.setdefault(row.family, []).append(Champion(row.version, row.since))
        ordered: dict[str, list[Ordered]] = {}
        for row in acts:
            if row.act != ALIAS_ACT:
                version = None if row.level == Level.CHAMPION else row.version
                ordered.setdefault(row.family, []).append(Ordered(version, row.at))
        champions = (row for row in acts if row.act == ALIAS_ACT and row.level == Alias.CHAMPION)
        self._named = frozenset((row.family, row.version) for row in champions)
        self._switches, self._history, self._ordered = switches_in(acts), history, ordered
        self.read = True

    def of(self, family: str) -> Switch:
        """Return how a family stands."""
        return self._switches.get(family, Switch())

    def history(self, family: str) -> Sequence[Champion]:
        """Return who answered as champion, oldest first."""
        return self._history.get(family, ())

    def ordered(self, family: str) -> Sequence[Ordered]:
        """Return who was to answer by kills, rollbacks and restores, oldest first."""
        return self._ordered.get(family, ())

    def before(self, family: str, served: str | None) -> Sequence[str]:
        """Return the champions before the version that answers, newest first, without those that orders took away.

        The history is cut where that version last was champion: what came later is what was gone back from.
        """
        versions = [one.version for one in self.history(family)]
        if served in versions:
            versions = versions[: len(versions) - 1 - versions[::-1].index(served)]
        refused = {served, *self.of(family).taken_away}
        return [one for one in dict.fromkeys(reversed(versions)) if one not in refused]

    def was_champion(self, family: str, version: str) -> bool:
        """Say whether a version answered as champion, or was made champion by an order."""
        answered = any(one.version == version for one in self.history(family))
        return answered or (family, version) in self._named

    def remember(self, family: str, version: str, at: datetime) -> None:
        """Note that a version answers as champion now; several workers note it once."""
        held = self._history.get(family, ())
        if held and held[-1].version == version:
            return
        try:
            with self._turn, self._database.writing() as connection:
                _note(connection, family, version, at)
        except LedgerUnavailableError as error:
            _LOG.warning("the champion of %s could not be noted: %s", family, error.en)
            return
        self.refresh()

    def alias_version(self, family: str, alias: Alias, pointed: str | None) -> str | None:
        """Return the version with an alias: what was named here, until the pointer or the champion moved on."""
        switch = self.of(family)
        named = switch.champion if alias is Alias.CHAMPION else switch.challenger
        if named is None or named.instead_of != pointed:
            return pointed
        if alias is Alias.CHAMPION and any(
            one.since > named.at and one.version != named.version for one in self.history(family)
        ):
            return pointed
        return named.version


def _note(connection: Connection, family: str, version: str, at: datetime) -> None:
    last = select(champion_history.c.version).where(champion_history.c.family == family)
    newest = connection.execute(last.order_by(champion_history.c.seq.desc()).limit(1)).scalar()
    if newest == version:
        return
    seq = connection.execute(select(func.max(champion_history.c.seq))).scalar() or 0
    values = {
        "seq": seq + 1,
        "family": family,
        "version": version,
        "since": moment_text(at),
    }
    connection.execute(insert(champion_history).values(values))
