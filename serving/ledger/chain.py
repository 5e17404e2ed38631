"""The decision ledger: append-only, hash-chained; an answer that is not in it is not given."""

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import select

from serving.decisions.errors import UnknownDecisionError
from serving.ledger.committer import Committer
from serving.ledger.database import Database
from serving.ledger.json_text import Json, canonical_json
from serving.ledger.listing import Decision, read_decision
from serving.ledger.tables import decisions
from serving.ledger.verification import GENESIS, ChainBreak, Verification, chain_hash, verify_rows
from serving.ledger.writing import Beside, batch_of

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

_SAME: Final = "UPDATE alembic_version SET version_num = version_num"


class Ledger:
    """Append and read decisions; safe under several threads, processes and, with PostgreSQL, hosts."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._committer = Committer(database)

    def append(self, records: Sequence[Mapping[str, Json]], *, beside: Beside | None = None) -> None:
        """Append records (each with decision_id and recorded_at) in one transaction; all of them or none.

        `beside` writes rows of other tables that must be there exactly when the records are. It runs in the
        committer's thread and may run twice, the first time in a transaction that is rolled back.
        Returns when they are durable. Raises LedgerUnavailableError when they cannot be written.
        """
        self._committer.append(batch_of(records, beside))

    async def commit(self, records: Sequence[Mapping[str, Json]], *, beside: Beside | None = None) -> None:
        """Append like `append`, from an event loop and without holding it up."""
        await self._committer.commit(batch_of(records, beside))

    def waiting(self) -> int:
        """Return how many appends wait in this process for the next transaction."""
        return self._committer.waiting

    def get(self, decision_id: str) -> Decision:
        """Return one decision, whoever asks. Raises UnknownDecisionError."""
        with self._database.reading() as connection:
            query = select(decisions).where(decisions.c.decision_id == decision_id)
            row = connection.execute(query).first()
        if row is None:
            raise UnknownDecisionError(decision_id)
        return read_decision(row)

    def probe(self) -> tuple[int, str | None]:
        """Return the number of the last decision and when it was recorded, if the ledger can be written.

        Makes a commit that changes nothing: on a full disk a lock can be taken and a record cannot be written.
        Raises LedgerUnavailableError.
        """
        newest = select(decisions.c.seq, decisions.c.recorded_at).order_by(decisions.c.seq.desc()).limit(1)
        with self._database.writing() as connection:
            row = connection.execute(newest).first()
            connection.exec_driver_sql(_SAME)
        return (row.seq, row.recorded_at) if row is not None else (0, None)

    def verify(self) -> Verification:
        """Walk the whole chain and stop at the first row that does not hold.

        A chain that was cut at its end still holds: compare rows and head with those noted down before.
        """
        with self._database.reading() as connection:
            return verify_rows(connection)
