"""Challengers answer what champions were asked, off the hot path: a bounded queue, one slow thread, a table that stays bounded."""

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, case, delete, func, insert, select, update

from graph.errors import UserError
from serving.champions.shadow_tasks import Compared, ShadowTask
from serving.ledger.database import Database
from serving.ledger.errors import LedgerUnavailableError
from serving.ledger.tables import shadow_answers, shadow_drops
from serving.moments import moment_text
from serving.random_bytes import new_id

__all__ = ["Comparison", "Shadow", "ShadowLimits", "comparison"]

_LOG: Final = logging.getLogger("bentoml.zhiheng")
_AT_ONCE: Final = 200  # answers in one transaction
_IDLE_SECONDS: Final = 0.5
_ANSWERED: Final = "answered"


@dataclass(frozen=True)
class ShadowLimits:
    """How much may wait (requests, and figures of them), how many answers are kept, what share of a core may be used."""

    waiting: int
    figures: int
    kept: int
    load: float


@dataclass(frozen=True)
class Comparison:
    """A challenger held against the champion over the answers that are kept."""

    n: int
    failed: int
    dropped: int
    mean_difference: float | None
    largest_difference: float | None
    grade_changes: int
    first_at: str | None
    last_at: str | None


class Shadow:
    """Takes requests that were answered, and compares them when there is time; what does not fit is dropped and counted."""

    def __init__(
        self,
        database: Database,
        limits: ShadowLimits,
        *,
        clock: Callable[[], datetime],
        on_compared: Callable[[str, float], None] = lambda _family, _difference: None,
        on_dropped: Callable[[str], None] = lambda _family: None,
    ) -> None:
        self._database, self._limits, self._clock = database, limits, clock
        self._on_compared, self._on_dropped = on_compared, on_dropped
        self._worker = new_id()
        self._tasks: deque[ShadowTask] = deque()
        self._weight = 0
        self._dropped: Counter[tuple[str, str]] = Counter()
        self._turn = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._since_pruned = 0

    def start(self) -> None:
        """Begin to compare."""
        self._thread = threading.Thread(target=self._run, name="shadow", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End; what still waits is dropped."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def offer(self, task: ShadowTask) -> bool:
        """Take a task if it fits, else drop and count it; never waits and never raises."""
        with self._turn:
            fits = (
                len(self._tasks) < self._limits.waiting and self._weight + task.weight <= self._limits.figures
            )
            if fits:
                self._tasks.append(task)
                self._weight += task.weight
            else:
                self._dropped[task.family, task.version] += 1
        if not fits:
            self._on_dropped(task.family)
        return fits

    @property
    def waiting(self) -> int:
        """Return how many requests wait."""
        return len(self._tasks)

    def work(self, most: int = _AT_ONCE) -> int:
        """Compare up to `most` of what waits and write it down; return how many there were."""
        done: list[tuple[ShadowTask, str, Compared]] = []
        while len(done) < most and not self._stop.is_set() and (task := self._next()) is not None:
            began = time.thread_time()
            done.append((task, *_compared(task)))
            spent = time.thread_time() - began
            if self._thread is not None:  # a core is for answers first
                self._stop.wait(spent * (1 / self._limits.load - 1))
        self._write(done)
        return len(done)

    def _next(self) -> ShadowTask | None:
        with self._turn:
            if not self._tasks:
                return None
            task = self._tasks.popleft()
            self._weight -= task.weight
            return task

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                if self.work() == 0:
                    self._stop.wait(_IDLE_SECONDS)
            except Exception as error:  # noqa: BLE001 - a challenger's fault must not end the comparing for good
                _LOG.error("comparing with challengers failed: %s", type(error).__name__)
                self._stop.wait(_IDLE_SECONDS)

    def _write(self, done: Sequence[tuple[ShadowTask, str, Compared]]) -> None:
        with self._turn:
            dropped, self._dropped = self._dropped, Counter()
        if not done and not dropped:
            return
        now = moment_text(self._clock())
        rows = [_row(*one, at=now) for one in done]
        try:
            with self._database.writing() as connection:
                if rows:
                    connection.execute(insert(shadow_answers), rows)
                for (family, version), count in dropped.items():
                    self._count(connection, family, version, count, at=now)
                self._prune(connection, {task.family for task, _, _ in done}, len(rows))
        except LedgerUnavailableError:
            with self._turn:
                self._dropped.update(dropped)
                self._dropped.update((task.family, task.version) for task, _, _ in done)
            return
        for task, _, found in done:
            if found.difference is not None:
                self._on_compared(task.family, found.difference)

    def _count(self, connection: Connection, family: str, version: str, count: int, *, at: str) -> None:
        mine = (
            shadow_drops.c.worker == self._worker,
            shadow_drops.c.family == family,
            shadow_drops.c.version == version,
        )
        held = connection.execute(select(shadow_drops.c.dropped).where(*mine)).scalar()
        if held is None:
            key = {"worker": self._worker, "family": family, "version": version}
            connection.execute(insert(shadow_drops).values(**key, dropped=count, at=at))
        else:
            connection.execute(update(shadow_drops).where(*mine).values(dropped=held + count, at=at))

    def _prune(self, connection: Connection, families: set[str], written: int) -> None:
        """Delete answers beyond the limit of a family, from time to time."""
        self._since_pruned += written
        if self._since_pruned < max(1, min(1000, self._limits.kept // 10)):
            return
        self._since_pruned = 0
        for family in families:
            newest = select(shadow_answers.c.at).where(shadow_answers.c.family == family)
            beyond = newest.order_by(shadow_answers.c.at.desc()).offset(self._limits.kept).limit(1)
            oldest = connection.execute(beyond).scalar()
            if oldest is not None:
                gone = delete(shadow_answers).where(
                    shadow_answers.c.family == family, shadow_answers.c.at <= oldest
                )
                connection.execute(gone)


def comparison(database: Database, family: str, version: str) -> Comparison:
    """Sum up what is kept of a challenger. Raises LedgerUnavailableError."""
    c = shadow_answers.c
    apart = case(((c.grade != c.champion_grade), 1), else_=0)
    answered = case(((c.outcome == _ANSWERED), 1), else_=0)
    wanted = select(
        func.count().label("n"),
        func.sum(answered).label("answered"),
        func.avg(func.abs(c.difference)).label("mean"),
        func.max(func.abs(c.difference)).label("largest"),
        func.sum(apart).label("apart"),
        func.min(c.at).label("first"),
        func.max(c.at).label("last"),
    ).where(c.family == family, c.version == version)
    drops = select(func.sum(shadow_drops.c.dropped)).where(
        shadow_drops.c.family == family, shadow_drops.c.version == version
    )
    with database.reading() as connection:
        row = connection.execute(wanted).one()
        dropped = connection.execute(drops).scalar()
    given = int(row.answered or 0)
    return Comparison(
        n=given,
        failed=int(row.n) - given,
        dropped=int(dropped or 0),
        mean_difference=None if row.mean is None else float(row.mean),
        largest_difference=None if row.largest is None else float(row.largest),
        grade_changes=int(row.apart or 0),
        first_at=row.first,
        last_at=row.last,
    )


def _compared(task: ShadowTask) -> tuple[str, Compared]:
    """Compare; what goes wrong is the challenger's fault and stands as the name of the error, without its message."""
    try:
        return _ANSWERED, task.compare()
    except UserError as error:
        return type(error).__name__, Compared(difference=None)
    except Exception as error:  # noqa: BLE001 - as above: a message may hold values
        return f"unexpected {type(error).__name__}", Compared(difference=None)


def _row(task: ShadowTask, outcome: str, found: Compared, *, at: str) -> dict[str, object]:
    return {
        "shadow_id": new_id(),
        "decision_id": task.decision_id,
        "family": task.family,
        "version": task.version,
        "champion_version": task.champion_version,
        "at": at,
        "outcome": outcome,
        **vars(found),
    }
