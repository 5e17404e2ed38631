"""Remove the files of books and jobs that were kept long enough, never before the decisions they belong to are archived."""

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from serving.access.caller import Caller
from serving.jobs.files import JobFiles
from serving.ledger.chain import Ledger
from serving.ledger.database import Database
from serving.ledger.json_text import Json
from serving.ledger.pruning import archived_before

__all__ = ["OldFiles", "old_files", "remove_files"]

_MARGIN: Final = timedelta(days=1)
"""A book's files are written before its record: by minutes, and never by a day."""


@dataclass(frozen=True)
class OldFiles:
    """What may go: folders of books and of jobs that were last written before a moment."""

    before: datetime
    books: tuple[Path, ...]
    jobs: tuple[str, ...]


def old_files(
    database: Database, *, books: Path, jobs: JobFiles, now: datetime, days: int
) -> OldFiles | None:
    """Return what is older than so many days and belongs to archived decisions, None where nothing was archived yet."""
    archived = archived_before(database)
    if archived is None:
        return None
    before = min(now - timedelta(days=days), archived - _MARGIN)
    folders = sorted(books.iterdir()) if books.is_dir() else []
    old = tuple(folder for folder in folders if folder.is_dir() and _written(folder) < before)
    return OldFiles(before, old, tuple(jobs.ended_before(before)))


def remove_files(
    ledger: Ledger, jobs: JobFiles, old: OldFiles, *, by: Caller, at: datetime, record_id: str
) -> None:
    """Write down what goes, then remove it. Raises LedgerUnavailableError."""
    if not old.books and not old.jobs:
        return
    record: dict[str, Json] = {
        "decision_id": record_id,
        "recorded_at": at.astimezone(UTC).isoformat(),
        "route": "ledger/prune-files",
        **by.recorded,
        "subject": "",
        "request": {"before": old.before.astimezone(UTC).isoformat()},
        "answer": {"books": [folder.name for folder in old.books], "jobs": list(old.jobs)},
    }
    ledger.append([record])
    for folder in old.books:
        shutil.rmtree(folder, ignore_errors=True)
    for job_id in old.jobs:
        jobs.discard(job_id)


def _written(folder: Path) -> datetime:
    newest = max(path.stat().st_mtime for path in (folder, *folder.iterdir()))
    return datetime.fromtimestamp(newest, UTC)
