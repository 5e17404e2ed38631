"""Overrides and appeals in the database: the state in a row, every act in the chain, both in one commit or none."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Row, Select, and_, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from serving.ledger.chain import Json, Ledger
from serving.ledger.database import Database
from serving.ledger.tables import credit_reviews
from serving.review.errors import OpenReviewError, ReviewClosedError, UnknownReviewError

__all__ = ["Held", "ReviewStore"]

_NEWEST: Final = select(func.max(credit_reviews.c.seq))


@dataclass(frozen=True)
class Held:
    """A row: what is looked up by, and the whole of the override or appeal as JSON text.

    `companies` are those of the decision's record, None where it has none (made before records had companies).
    """

    review_id: str
    decision_id: str
    subject: str
    companies: Sequence[str] | None
    state: str
    last_day: str
    is_open: bool
    body: str
    seq: int = 0
    open_as: str = ""
    """What only one may be open of, where that is not the decision."""


class ReviewStore:
    """Rows of one kind (`override` or `appeal`)."""

    def __init__(self, database: Database, ledger: Ledger, kind: str) -> None:
        self.kind = kind
        self._database, self._ledger = database, ledger

    def add(self, new: Held, record: Mapping[str, Json], *, has_ended: Callable[[Held], bool]) -> None:
        """Keep a new one with the record of the act.

        Raises OpenReviewError where there is one in its place that is open and has not ended (`has_ended` by its last day).
        """

        def write(connection: Connection) -> None:
            key = self._open_key(new)
            for row in connection.execute(self._in_place_of(new)):
                if not has_ended(_held(row)):
                    raise OpenReviewError(self.kind, new.decision_id)
                closed = update(credit_reviews).where(credit_reviews.c.review_id == row.review_id)
                connection.execute(closed.values(open_key=None))
            seq = int(connection.execute(_NEWEST).scalar_one() or 0) + 1
            values = {**_values(new), "seq": seq, "kind": self.kind, "open_key": key if new.is_open else None}
            try:
                connection.execute(insert(credit_reviews).values(values))
            except IntegrityError as error:  # another process was faster: the table allows one open at a time
                raise OpenReviewError(self.kind, new.decision_id) from error

        self._ledger.append([record], beside=write)

    def in_place_of(self, new: Held) -> list[Held]:
        """Return those that are open where this one would be."""
        with self._database.reading() as connection:
            rows = connection.execute(self._in_place_of(new)).all()
        return [_held(row) for row in rows if row.review_id != new.review_id]

    def change(
        self,
        before: Held,
        after: Held,
        record: Mapping[str, Json],
        ended: Sequence[tuple[Held, Held]] = (),
    ) -> None:
        """Put a step in place with the record of the act, and those that it ends, each as it was and as it is now.

        Raises ReviewClosedError where another act came first: what `before` says no longer holds; OpenReviewError where
        another took the place.
        """

        def write(connection: Connection) -> None:
            for old, now in ended:
                self._put(connection, old, now)
            try:
                self._put(connection, before, after)
            except IntegrityError as error:
                raise OpenReviewError(self.kind, after.decision_id) from error

        self._ledger.append([record], beside=write)

    def _put(self, connection: Connection, before: Held, after: Held) -> None:
        mine = update(credit_reviews).where(
            credit_reviews.c.review_id == before.review_id, credit_reviews.c.body == before.body
        )
        key = self._open_key(after) if after.is_open else None
        done = connection.execute(mine.values({**_values(after), "open_key": key}))
        if done.rowcount != 1:
            row = connection.execute(self._by_id(before.review_id)).first()
            raise ReviewClosedError(self.kind, before.review_id, row.state if row else "unknown")

    def get(self, review_id: str) -> Held:
        """Return one. Raises UnknownReviewError."""
        with self._database.reading() as connection:
            row = connection.execute(self._by_id(review_id)).first()
        if row is None:
            raise UnknownReviewError(self.kind, review_id)
        return _held(row)

    def all(
        self, *, decision_id: str | None = None, subject: str | None = None, state: str | None = None
    ) -> list[Held]:
        """Return what fits, newest first."""
        wanted = select(credit_reviews).where(credit_reviews.c.kind == self.kind)
        for column, value in (
            (credit_reviews.c.decision_id, decision_id),
            (credit_reviews.c.subject, subject),
            (credit_reviews.c.state, state),
        ):
            if value is not None:
                wanted = wanted.where(column == value)
        with self._database.reading() as connection:
            rows = connection.execute(wanted.order_by(credit_reviews.c.seq.desc())).all()
        return [_held(row) for row in rows]

    def _by_id(self, review_id: str) -> Select[tuple[object, ...]]:
        return select(credit_reviews).where(
            credit_reviews.c.review_id == review_id, credit_reviews.c.kind == self.kind
        )

    def _open_key(self, held: Held) -> str:
        return f"{self.kind}:{held.open_as or held.decision_id}"

    def _in_place_of(self, new: Held) -> Select[tuple[object, ...]]:
        """Find what is open in a place; rows of before overrides were kept by party are open by their decision."""
        alike = (
            credit_reviews.c.kind == self.kind,
            credit_reviews.c.subject == new.subject,
            credit_reviews.c.state == new.state,
            credit_reviews.c.companies == json.dumps(new.companies),
            credit_reviews.c.open_key.is_not(None),
        )
        there = credit_reviews.c.open_key == self._open_key(new)
        return select(credit_reviews).where(or_(there, and_(*alike)) if new.open_as else there)


def _values(held: Held) -> dict[str, object]:
    return {
        "review_id": held.review_id,
        "decision_id": held.decision_id,
        "subject": held.subject,
        "companies": json.dumps(held.companies),
        "state": held.state,
        "last_day": held.last_day,
        "body": held.body,
    }


def _held(row: Row[tuple[object, ...]]) -> Held:
    return Held(
        review_id=row.review_id,
        decision_id=row.decision_id,
        subject=row.subject,
        companies=json.loads(row.companies),
        state=row.state,
        last_day=row.last_day,
        is_open=row.open_key is not None,
        body=row.body,
        seq=row.seq,
        open_as=(row.open_key or "").partition(":")[2],
    )
