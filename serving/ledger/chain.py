"""The decision ledger: append-only, hash-chained; an answer that is not in it is not given."""

import asyncio
import hashlib
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from sqlalchemy import Connection, Row, insert, select

from serving.errors import UnknownDecisionError
from serving.ledger.database import Database
from serving.ledger.tables import decisions

__all__ = [
    "GENESIS",
    "ChainBreak",
    "Decision",
    "Json",
    "Ledger",
    "Verification",
    "canonical_json",
    "chain_hash",
]

Json: TypeAlias = "Mapping[str, Json] | Sequence[Json] | str | int | float | bool | None"
GENESIS: Final = "0" * 64
_PAGE: Final = 1000
_HEAD: Final = select(decisions.c.seq, decisions.c.hash).order_by(decisions.c.seq.desc()).limit(1)
_INSERT: Final = insert(decisions)


@dataclass(frozen=True)
class Decision:
    """One row of the ledger."""

    seq: int
    decision_id: str
    recorded_at: str
    record: Mapping[str, Json]
    prev_hash: str
    hash: str


@dataclass(frozen=True)
class ChainBreak:
    """The first row at which the chain does not hold, and what is wrong with it."""

    seq: int
    decision_id: str
    zh: str
    en: str


@dataclass(frozen=True)
class Verification:
    """What a walk over the whole chain found; `head` is the hash to write down elsewhere."""

    rows: int
    head: str
    broken: ChainBreak | None


def canonical_json(value: Json) -> str:
    """Write JSON in the one form that is hashed: sorted keys, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def chain_hash(prev_hash: str, record: str) -> str:
    """Hash a record together with the hash before it."""
    return hashlib.sha256(f"{prev_hash}\n{record}".encode()).hexdigest()


class Ledger:
    """Append and read decisions; safe under several processes on one file."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # Threads queue here: SQLite's own waiting is a sleep of up to 100 ms between tries.
        self._turn = threading.Lock()

    def append(
        self, records: Sequence[Mapping[str, Json]], *, beside: Callable[[Connection], None] | None = None
    ) -> None:
        """Append records (each with decision_id and recorded_at) in one commit; all of them or none.

        `beside` writes rows of other tables that must be there exactly when the records are.
        Returns when they are durable. Raises LedgerUnavailableError when they cannot be written.
        """
        texts = [canonical_json(record) for record in records]
        with self._turn, self._database.writing() as connection:
            row = connection.execute(_HEAD).first()
            seq, head = (row.seq, row.hash) if row is not None else (0, GENESIS)
            values = []
            for offset, (record, text) in enumerate(zip(records, texts, strict=True), start=1):
                link = chain_hash(head, text)
                values.append(
                    {
                        "seq": seq + offset,
                        "decision_id": record["decision_id"],
                        "recorded_at": record["recorded_at"],
                        "record": text,
                        "prev_hash": head,
                        "hash": link,
                    }
                )
                head = link
            connection.execute(_INSERT, values)
            if beside is not None:
                beside(connection)

    async def commit(
        self, records: Sequence[Mapping[str, Json]], *, beside: Callable[[Connection], None] | None = None
    ) -> None:
        """Append like `append`, without holding the event loop up."""
        await asyncio.to_thread(self.append, records, beside=beside)

    def get(self, decision_id: str) -> Decision:
        """Return one decision. Raises UnknownDecisionError."""
        with self._database.reading() as connection:
            query = select(decisions).where(decisions.c.decision_id == decision_id)
            row = connection.execute(query).first()
        if row is None:
            raise UnknownDecisionError(decision_id)
        return Decision(
            row.seq, row.decision_id, row.recorded_at, json.loads(row.record), row.prev_hash, row.hash
        )

    def probe(self) -> tuple[int, str | None]:
        """Return how many decisions there are and when the last was recorded, if the ledger can be written.

        Takes the write lock for a moment. Raises LedgerUnavailableError.
        """
        newest = select(decisions.c.seq, decisions.c.recorded_at).order_by(decisions.c.seq.desc()).limit(1)
        with self._database.writing() as connection:
            row = connection.execute(newest).first()
        return (row.seq, row.recorded_at) if row is not None else (0, None)

    def verify(self) -> Verification:
        """Walk the whole chain and stop at the first row that does not hold.

        A chain that was cut at its end still holds: compare rows and head with those noted down before.
        """
        rows, head = 0, GENESIS
        with self._database.reading() as connection:
            while True:
                page = select(decisions).where(decisions.c.seq > rows).order_by(decisions.c.seq).limit(_PAGE)
                found = connection.execute(page).all()
                for row in found:
                    broken = _broken(row, seq=rows + 1, head=head)
                    if broken is not None:
                        return Verification(rows, head, broken)
                    rows, head = row.seq, row.hash
                if len(found) < _PAGE:
                    return Verification(rows, head, None)


def _broken(row: Row[tuple[int, str, str, str, str, str]], *, seq: int, head: str) -> ChainBreak | None:
    """Say what is wrong with a row that should be number `seq` and follow `head`."""
    if row.seq != seq:
        return ChainBreak(row.seq, row.decision_id, f"缺少第 {seq} 行", f"row {seq} is missing")
    if row.prev_hash != head:
        return ChainBreak(
            row.seq, row.decision_id, "与上一行的哈希不衔接", "does not follow the row before it"
        )
    if chain_hash(row.prev_hash, row.record) != row.hash:
        return ChainBreak(row.seq, row.decision_id, "内容与哈希不符，已被改动", "content was changed")
    record = json.loads(row.record)
    if (record["decision_id"], record["recorded_at"]) != (row.decision_id, row.recorded_at):
        return ChainBreak(row.seq, row.decision_id, "索引列与内容不符", "its columns differ from its content")
    return None
