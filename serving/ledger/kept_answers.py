"""Answers that are kept to be fetched again: what a job found, a plan that the next one is compared with."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, Row, func, insert, select

from serving.access.caller import Caller
from serving.ledger.database import Database
from serving.ledger.errors import UnknownAnswerError
from serving.ledger.tables import kept_answers
from serving.moments import moment_text

__all__ = ["KeptAnswer", "KeptAnswers"]


@dataclass(frozen=True)
class KeptAnswer:
    """An answer as it was given; `companies` are all whose figures are in it, `scope` what it is comparable with."""

    answer_id: str
    kind: str
    scope: str
    companies: Sequence[str]
    key_id: str
    kept_at: datetime
    body: str


class KeptAnswers:
    """Keep and fetch answers; one that was kept never changes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, connection: Connection, answer: KeptAnswer) -> None:
        """Keep an answer inside the transaction that writes its record."""
        newest = connection.execute(select(func.max(kept_answers.c.seq))).scalar_one()
        values = {
            "answer_id": answer.answer_id,
            "seq": int(newest or 0) + 1,
            "kind": answer.kind,
            "scope": answer.scope,
            "companies": json.dumps(sorted(answer.companies)),
            "key_id": answer.key_id,
            "kept_at": moment_text(answer.kept_at),
            "body": answer.body,
        }
        connection.execute(insert(kept_answers).values(values))

    def get(self, answer_id: str, kind: str, planner: Caller) -> KeptAnswer:
        """Return an answer to a key that is for all of its companies. Raises UnknownAnswerError."""
        wanted = select(kept_answers).where(
            kept_answers.c.answer_id == answer_id, kept_answers.c.kind == kind
        )
        with self._database.reading() as connection:
            row = connection.execute(wanted).first()
        if row is None or not planner.covers(json.loads(row.companies)):
            raise UnknownAnswerError(answer_id)
        return _answer(row)

    def newest(self, scope: str) -> KeptAnswer | None:
        """Return the answer of a scope that was kept last, None where there is none."""
        with self._database.reading() as connection:
            row = connection.execute(_NEWEST.where(kept_answers.c.scope == scope)).first()
        return None if row is None else _answer(row)


_NEWEST: Final = select(kept_answers).order_by(kept_answers.c.seq.desc()).limit(1)


def _answer(row: Row[tuple[object, ...]]) -> KeptAnswer:
    return KeptAnswer(
        answer_id=row.answer_id,
        kind=row.kind,
        scope=row.scope,
        companies=tuple(json.loads(row.companies)),
        key_id=row.key_id,
        kept_at=datetime.fromisoformat(row.kept_at),
        body=row.body,
    )
