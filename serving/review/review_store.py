"""Overrides and appeals in the database: the state in a row, every act in the chain, both in one commit or none."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Row, Select, func, insert, select, update
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


class ReviewStore:
    """Rows of one kind (`override` or `appeal`)."""

    def __init__(self, database: Database, ledger: Ledger, kind: str) -> None:
        self.kind = kind
        self._database, self._ledger = database, ledger

    def add(self, new: Held, record: Mapping[str, Json], *, has_ended: Callable[[Held], bool]) -> None:
        """Keep a new one with the record of the act.

        Raises OpenReviewError where the decision has one that is open and has not ended (`has_ended` by its last day).
        """

        def write(connection: Connection) -> None:
            key = self._open_key(new.decision_id)
            row = connection.execute(select(credit_reviews).where(credit_reviews.c.open_key == key)).first()
            if row is not None:
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

    def change(self, before: Held, after: Held, record: Mapping[str, Json]) -> None:
        """Put a step in place with the record of the act.

        Raises ReviewClosedError where another act came first: what `before` says no longer holds.
        """

        def write(connection: Connection) -> None:
            mine = update(credit_reviews).where(
                credit_reviews.c.review_id == before.review_id, credit_reviews.c.body == before.body
            )
            key = self._open_key(after.decision_id) if after.is_open else None
            done = connection.execute(mine.values({**_values(after), "open_key": key}))
            if done.rowcount != 1:
                now = connection.execute(self._by_id(before.review_id)).first()
                raise ReviewClosedError(self.kind, before.review_id, now.state if now else "unknown")

        self._ledger.append([record], beside=write)

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

    def _open_key(self, decision_id: str) -> str:
        return f"{self.kind}:{decision_id}"


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
    )
