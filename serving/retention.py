"""Remove the files of books and jobs that were kept long enough, never before the decisions they belong to are archived.

Books that no record names go too: their answer was refused, or broken off, while or before its record was written.
"""

import json
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, select

from serving.access.caller import Caller
from serving.jobs.files import JobFiles
from serving.ledger.chain import Ledger
from serving.ledger.database import Database
from serving.ledger.json_text import Json
from serving.ledger.pruning import archived_before
from serving.ledger.tables import decisions
from serving.ledger.tables import jobs as jobs_table

__all__ = ["OldFiles", "lone_books", "old_files", "remove_files"]

_MARGIN: Final = timedelta(days=1)
"""A book's files are written before its record: by minutes, and never by a day."""
_LONE_AFTER: Final = timedelta(days=7)
"""So old a book has its record, or will never have one."""
_BOOKS: Final = "credit/scores"


@dataclass(frozen=True)
class OldFiles:
    """What may go: folders of books and of jobs last written before a moment, and `lone` books that no record names."""

    before: datetime
    books: tuple[Path, ...]
    jobs: tuple[str, ...]
    lone: tuple[Path, ...] = ()

    def __bool__(self) -> bool:
        """Tell whether there is anything."""
        return bool(self.books or self.jobs or self.lone)


def old_files(
    database: Database, *, books: Path, jobs: JobFiles, now: datetime, days: int
) -> OldFiles | None:
    """Return what is older than so many days and belongs to archived decisions, and lone books; None where there is none."""
    lone, archived = lone_books(database, books, now=now), archived_before(database)
    if archived is None:
        return OldFiles(now - _LONE_AFTER, (), (), lone) if lone else None
    before = min(now - timedelta(days=days), archived - _MARGIN)
    folders = sorted(books.iterdir()) if books.is_dir() else []
    old = tuple(folder for folder in folders if folder.is_dir() and _written(folder) < before)
    return OldFiles(before, old, tuple(jobs.ended_before(before)), lone)


def lone_books(database: Database, books: Path, *, now: datetime) -> tuple[Path, ...]:
    """Return the folders of books, a week old, that no record names and no job is at work on.

    Only those that are younger than the ledger's oldest record: of what is older the record may lie in an archive. So with a
    new, empty database in the settings no folder is lone.
    """
    # Folders are listed before the records are read, never after.
    folders = sorted(books.iterdir()) if books.is_dir() else []
    written = {folder: _written(folder) for folder in folders if folder.is_dir()}
    oldest = select(decisions.c.recorded_at).order_by(decisions.c.seq).limit(1)
    with database.reading() as connection:
        first = connection.execute(oldest).scalar_one_or_none()
        if first is None:
            return ()
        since, until = datetime.fromisoformat(first) + _MARGIN, now - _LONE_AFTER
        found = [folder for folder, moment in written.items() if since < moment < until]
        named = _named(connection) if found else frozenset()
    return tuple(folder for folder in found if folder.name not in named)


def _named(connection: Connection) -> frozenset[str]:
    """Return the books that records name, and the jobs that have yet to end: a book's job has its id."""
    records = connection.execute(select(decisions.c.record).where(decisions.c.route == _BOOKS)).scalars()
    answers = (json.loads(record).get("answer") for record in records)
    told = {str(answer.get("book_id")) for answer in answers if isinstance(answer, dict)}
    open_jobs = connection.execute(
        select(jobs_table.c.job_id).where(jobs_table.c.ended_at.is_(None))
    ).scalars()
    return frozenset(told.union(open_jobs))


def remove_files(
    ledger: Ledger, jobs: JobFiles, old: OldFiles, *, by: Caller, at: datetime, record_id: str
) -> None:
    """Write down what goes, then remove it. Raises LedgerUnavailableError."""
    if not old:
        return
    record: dict[str, Json] = {
        "decision_id": record_id,
        "recorded_at": at.astimezone(UTC).isoformat(),
        "route": "ledger/prune-files",
        **by.recorded,
        "subject": "",
        "request": {"before": old.before.astimezone(UTC).isoformat()},
        "answer": {"books": [folder.name for folder in old.books], "jobs": list(old.jobs)}
        | ({"books_without_record": [folder.name for folder in old.lone]} if old.lone else {}),
    }
    ledger.append([record])
    for folder in (*old.books, *old.lone):
        shutil.rmtree(folder, ignore_errors=True)
    for job_id in old.jobs:
        jobs.discard(job_id)


def _written(folder: Path) -> datetime:
    newest = max(path.stat().st_mtime for path in (folder, *folder.iterdir()))
    return datetime.fromtimestamp(newest, UTC)
