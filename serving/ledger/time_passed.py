"""How much time the chain itself shows to have passed since its records: what a clock says alone is not believed."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, select

from serving.ledger.tables import decisions

__all__ = ["LEAP", "last_older_than"]

LEAP: Final = timedelta(days=10)
"""Two records in a row that lie further apart show a clock that was set, or a service that nobody used: as no time passed.

Longer than public holidays; a ledger with fewer records than that hardly has to be pruned.
"""
_PAGE: Final = 5000


def last_older_than(connection: Connection, age: timedelta, *, start: int, now: datetime) -> int:
    """Return the last row behind `start` from which on so much time passed, `start` where there is none.

    The chain is walked from its end. Time counts from each record to the one before it; a leap counts as none, whichever
    way, and a record that is a little later than the next, as of another host, adds nothing. The longest step does not
    count either: it may be a clock that was set forward by less than a leap.
    """
    passed, longest, mark, end = timedelta(), timedelta(), now, None
    while True:
        page = select(decisions.c.seq, decisions.c.recorded_at).where(decisions.c.seq > start)
        if end is not None:
            page = page.where(decisions.c.seq < end)
        found = connection.execute(page.order_by(decisions.c.seq.desc()).limit(_PAGE)).all()
        for row in found:
            moment = datetime.fromisoformat(row.recorded_at)
            between = mark - moment
            if abs(between) > LEAP:
                mark = moment
            elif between > timedelta():
                passed, longest, mark = passed + between, max(longest, between), moment
            if passed - longest >= age:
                return int(row.seq)
        if len(found) < _PAGE:
            return start
        end = found[-1].seq
