"""What was taken: a row in the database beside the record in the chain, and files below home/intake."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, RowMapping, insert, select

from serving.access.caller import Caller
from serving.intake.errors import TakenAlreadyError, UnknownUploadError
from serving.ledger.database import Database
from serving.ledger.tables import intake_uploads
from serving.listing import Page

__all__ = ["Taken", "UploadStore"]


@dataclass(frozen=True)
class Taken:
    """An upload that was taken."""

    upload_id: str
    table: str
    sha256: str
    kind: str
    taken_at: str
    taken_by: str
    companies: tuple[str, ...]
    rows: int
    good: int
    failed: int
    good_sha256: str
    failed_sha256: str | None


class UploadStore:
    """Lists uploads and says where their files lie."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.folder = folder
        self._database = database

    def good_path(self, table: str, upload_id: str) -> Path:
        """Return the file of good rows."""
        return self.folder / table / f"{upload_id}.parquet"

    def failed_path(self, table: str, upload_id: str) -> Path:
        """Return the file of failed rows, whole, with the rules they broke."""
        return self.folder / table / f"{upload_id}.failed.parquet"

    def check_new(self, connection: Connection, table: str, sha256: str, caller: Caller) -> None:
        """Refuse a file that was taken before. Raises TakenAlreadyError, which names it where the caller may see it."""
        same = (intake_uploads.c.table_name == table) & (intake_uploads.c.sha256 == sha256)
        row = connection.execute(select(intake_uploads).where(same)).mappings().first()
        if row is not None:
            taken = _taken(row)
            raise TakenAlreadyError(table, taken.upload_id if caller.covers(taken.companies) else None)

    def refuse_twice(self, table: str, sha256: str, caller: Caller) -> None:
        """Refuse a file that was taken before, ahead of the work of checking it. Raises TakenAlreadyError."""
        with self._database.reading() as connection:
            self.check_new(connection, table, sha256, caller)

    def add(self, connection: Connection, taken: Taken) -> None:
        """Write the row of an upload."""
        row = {**vars(taken), "table_name": taken.table, "companies": json.dumps(list(taken.companies))}
        del row["table"]
        connection.execute(insert(intake_uploads).values(**row))

    def get(self, upload_id: str, caller: Caller) -> Taken:
        """Return an upload. Raises UnknownUploadError, also for one of other companies."""
        query = select(intake_uploads).where(intake_uploads.c.upload_id == upload_id)
        with self._database.reading() as connection:
            row = connection.execute(query).mappings().first()
        taken = None if row is None else _taken(row)
        if taken is None or not caller.covers(taken.companies):
            raise UnknownUploadError(upload_id)
        return taken

    def page(self, caller: Caller, table: str | None, page: Page) -> tuple[Sequence[Taken], int | None]:
        """Return the newest uploads that the caller may see, and what continues the list, None at its end.

        A cursor is an upload's place among those that the caller may see, counted from the oldest: none is ever removed.
        """
        visible = enumerate((one for one in self._all(None) if caller.covers(one.companies)), start=1)
        fitting = [
            (place, taken)
            for place, taken in visible
            if table in (None, taken.table)
            and (page.before is None or place < page.before)
            and page.span.holds(datetime.fromisoformat(taken.taken_at))
        ][::-1]
        shown = fitting[: page.limit]
        cursor = shown[-1][0] if len(fitting) > page.limit else None
        return [taken for _, taken in shown], cursor

    def of_table(self, table: str) -> Sequence[Taken]:
        """Return all uploads of a table in the order in which they were taken."""
        return self._all(table)

    def tables(self) -> Sequence[str]:
        """Return the tables that have uploads."""
        with self._database.reading() as connection:
            names = connection.execute(select(intake_uploads.c.table_name).distinct()).scalars()
            return sorted(names)

    def ids(self) -> frozenset[str]:
        """Return the ids of all uploads that were taken. Raises LedgerUnavailableError."""
        with self._database.reading() as connection:
            return frozenset(connection.execute(select(intake_uploads.c.upload_id)).scalars())

    def _all(self, table: str | None) -> Sequence[Taken]:
        query = select(intake_uploads).order_by(intake_uploads.c.taken_at, intake_uploads.c.upload_id)
        if table is not None:
            query = query.where(intake_uploads.c.table_name == table)
        with self._database.reading() as connection:
            return [_taken(row) for row in connection.execute(query).mappings()]


def _taken(row: RowMapping) -> Taken:
    return Taken(
        upload_id=row["upload_id"],
        table=row["table_name"],
        sha256=row["sha256"],
        kind=row["kind"],
        taken_at=row["taken_at"],
        taken_by=row["taken_by"],
        companies=tuple(json.loads(row["companies"])),
        rows=row["rows"],
        good=row["good"],
        failed=row["failed"],
        good_sha256=row["good_sha256"],
        failed_sha256=row["failed_sha256"],
    )
