"""Add records to the end of the chain inside a transaction."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from serving.ledger.columns import listed_by
from serving.ledger.engines import fault
from serving.ledger.errors import LedgerUnavailableError
from serving.ledger.json_text import Json, canonical_json
from serving.ledger.verification import chain_hash, start_of

__all__ = ["Batch", "Beside", "BesideError", "batch_of", "write_batches"]

Beside = Callable[[Connection], None]
_COLUMNS: Final = (
    "seq", "decision_id", "recorded_at", "record", "prev_hash", "hash", "route", "subject", "key_id", "companies",
)  # fmt: skip
_HEAD: Final = "SELECT seq, hash FROM decisions ORDER BY seq DESC LIMIT 1"
# One statement for many rows: SQLite gives the interpreter up and waits for it again at each.
_ROWS: Final = 64


@dataclass(frozen=True)
class _Line:
    """A record that is ready to be written, but for its place in the chain."""

    decision_id: str
    recorded_at: str
    text: str
    listed: tuple[str, str, str, str]


class BesideError(Exception):
    """What was to be written beside records failed, which is the fault of these records alone."""

    def __init__(self, error: Exception) -> None:
        super().__init__(type(error).__name__)
        self.error = error

    def told(self) -> Exception:
        """Return what the caller is told."""
        if isinstance(self.error, SQLAlchemyError | OSError):
            return LedgerUnavailableError(fault(self.error))
        return self.error


@dataclass(frozen=True)
class Batch:
    """Records that are written together or not at all, with what is written beside them."""

    lines: tuple[_Line, ...]
    beside: Beside | None
    size: int


def batch_of(records: Sequence[Mapping[str, Json]], beside: Beside | None) -> Batch:
    """Write records down as text. Raises ValueError for what JSON cannot say."""
    lines = tuple(
        _Line(
            str(record["decision_id"]), str(record["recorded_at"]), canonical_json(record), listed_by(record)
        )
        for record in records
    )
    return Batch(lines, beside, sum(len(line.text) for line in lines))


def write_batches(connection: Connection, batches: Sequence[Batch], known_scopes: set[str]) -> set[str]:
    """Append the records of all batches, in order; return the scopes that are in the table when this is committed.

    Runs inside a write transaction, so that nobody else follows the same head.
    """
    row = connection.exec_driver_sql(_HEAD).first()
    seq, head = (int(row[0]), str(row[1])) if row is not None else start_of(connection)
    values: list[tuple[object, ...]] = []
    for batch in batches:
        for line in batch.lines:
            seq, before, head = seq + 1, head, chain_hash(head, line.text)
            values.append((seq, line.decision_id, line.recorded_at, line.text, before, head, *line.listed))
    for start in range(0, len(values), _ROWS):
        page = values[start : start + _ROWS]
        flat = tuple(value for line in page for value in line)
        connection.exec_driver_sql(_insert(len(page), connection.dialect.name), flat)
    scopes = {line.listed[3] for batch in batches for line in batch.lines} - known_scopes
    for scope in sorted(scopes):
        _add_scope(connection, scope)
    for batch in batches:
        if batch.beside is not None:
            try:
                batch.beside(connection)
            except Exception as error:
                raise BesideError(error) from error
    return scopes


@lru_cache(maxsize=2 * _ROWS)
def _insert(rows: int, dialect: str) -> str:
    marks = ", ".join([_mark(dialect)] * len(_COLUMNS))
    lines = ", ".join([f"({marks})"] * rows)
    return f"INSERT INTO decisions ({', '.join(_COLUMNS)}) VALUES {lines}"  # noqa: S608 - our own names


def _add_scope(connection: Connection, scope: str) -> None:
    mark = _mark(connection.dialect.name)
    statement = f"INSERT INTO decision_scopes (companies) VALUES ({mark}) ON CONFLICT DO NOTHING"  # noqa: S608
    connection.exec_driver_sql(statement, (scope,))


def _mark(dialect: str) -> str:
    return "?" if dialect == "sqlite" else "%s"
