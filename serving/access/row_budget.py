"""Rows of books that a key may have scored in an hour and a day: counted in the database, for all workers and hosts."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, delete, insert, select, update

from graph.errors import UserError
from serving.access.caller import Caller
from serving.access.errors import LimitExceededError, TooManyRowsError
from serving.access.limits import Limits
from serving.ledger.database import Database
from serving.ledger.errors import LedgerUnavailableError
from serving.ledger.tables import key_rows

__all__ = ["RowBudget"]

_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(hours=24)
_KEPT: Final = timedelta(days=31)


class RowBudget:
    """A clock hour (UTC) has its budget, and so have the last 24 of them together."""

    def __init__(self, database: Database, limits: Limits, *, clock: Callable[[], datetime]) -> None:
        self._database, self._limits, self._clock = database, limits, clock

    @contextmanager
    def taken(self, caller: Caller, rows: int) -> Iterator[None]:
        """Take rows for what is done inside, and give them back where that is refused. Raises what `take` raises.

        Not where the ledger failed: what it was given may be on record all the same.
        """
        hour = self.take(caller, rows)
        try:
            yield
        except LedgerUnavailableError:
            raise
        except UserError:
            with suppress(LedgerUnavailableError), self._database.writing() as connection:
                _add(connection, caller.call.key_id, hour, -rows)
            raise

    def take(self, caller: Caller, rows: int) -> str:
        """Take rows from a key's budget before they are scored, and return of which hour; what is refused takes nothing.

        Raises TooManyRowsError for a book that is too large whenever it comes, and LimitExceededError saying when to come
        again.
        """
        limits = self._limits.of(caller.limits)
        most = min(limits.rows_per_book, limits.rows_per_hour, limits.rows_per_day)
        if rows > most:
            raise TooManyRowsError(rows, most)
        now = self._clock().astimezone(UTC)
        with self._database.writing() as connection:
            used = _used(connection, caller.call.key_id, since=_hour(now) - _DAY + _HOUR)
            _refuse(used, rows, limits, now=now)
            _add(connection, caller.call.key_id, _text(_hour(now)), rows)
        return _text(_hour(now))

    def used(self, caller: Caller) -> tuple[int, int]:
        """Return how many rows were taken in this clock hour and in the last 24."""
        now = self._clock().astimezone(UTC)
        with self._database.reading() as connection:
            used = _used(connection, caller.call.key_id, since=_hour(now) - _DAY + _HOUR)
        return used.get(_hour(now), 0), sum(used.values())


def _refuse(used: dict[datetime, int], rows: int, limits: Limits, *, now: datetime) -> None:
    if used.get(_hour(now), 0) + rows > limits.rows_per_hour:
        raise _exceeded("rows_per_hour", limits.rows_per_hour, until=_hour(now) + _HOUR, now=now)
    free = limits.rows_per_day - sum(used.values())
    for hour, count in sorted(used.items()):
        if free >= rows:
            return
        free += count
        if free >= rows:
            raise _exceeded("rows_per_day", limits.rows_per_day, until=hour + _DAY, now=now)


def _exceeded(rule: str, limit: int, *, until: datetime, now: datetime) -> LimitExceededError:
    seconds = max(1, round((until - now).total_seconds()))
    zh, en = ("每小时", "an hour") if rule == "rows_per_hour" else ("24 小时内", "in 24 hours")
    return LimitExceededError(
        rule,
        limit=limit,
        retry_after=seconds,
        zh=f"该密钥{zh}最多评分 {limit} 行，这份名单会超出。请 {seconds} 秒后重试，或减少行数。",
        en=f"The key may have {limit} rows scored {en}; this book would exceed it. Try again in {seconds} s or send fewer rows.",
    )


def _used(connection: Connection, key_id: str, *, since: datetime) -> dict[datetime, int]:
    wanted = select(key_rows.c.hour, key_rows.c.rows).where(
        key_rows.c.key_id == key_id, key_rows.c.hour >= _text(since)
    )
    return {datetime.fromisoformat(row.hour): row.rows for row in connection.execute(wanted)}


def _add(connection: Connection, key_id: str, hour: str, rows: int) -> None:
    same = (key_rows.c.key_id == key_id) & (key_rows.c.hour == hour)
    if connection.execute(update(key_rows).where(same).values(rows=key_rows.c.rows + rows)).rowcount == 0:
        connection.execute(insert(key_rows).values(key_id=key_id, hour=hour, rows=rows))
        old = _text(datetime.fromisoformat(hour) - _KEPT)
        connection.execute(delete(key_rows).where(key_rows.c.key_id == key_id, key_rows.c.hour < old))


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _text(hour: datetime) -> str:
    return hour.isoformat(timespec="seconds")
