"""Files of jobs: what is too large for a body or a column, each with the hash that the database and the chain know."""

import os
import re
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, insert, select

from features.checked_files import file_sha256
from serving.durable_files import make_durable
from serving.jobs.errors import JobFileError, JobFileGoneError
from serving.ledger.database import Database
from serving.ledger.json_text import Json
from serving.ledger.tables import job_files, jobs
from serving.moments import moment_text
from serving.random_bytes import new_id

__all__ = ["JobFile", "JobFiles", "Side"]

_JOB_ID: Final = re.compile(r"[0-9a-f]{8,64}")
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
_PLACE: Final = "place"


class Side(StrEnum):
    """Whether a file goes into a job or comes out of it."""

    INPUT = "input"
    OUTPUT = "output"


@dataclass(frozen=True)
class JobFile:
    """A file that is complete on disk."""

    side: Side
    name: str
    media_type: str
    bytes: int
    sha256: str

    def said(self) -> Mapping[str, Json]:
        """Return what the record of a submission or of a result says of the file."""
        return {"name": self.name, "media_type": self.media_type, "bytes": self.bytes, "sha256": self.sha256}


class JobFiles:
    """Files under one folder, <root>/<job_id>/<side>/<name>.

    Write to `new`, then `seal` what was written, then hand it to NewJob or Outcome: their transaction keeps it.
    """

    def __init__(self, database: Database, root: Path) -> None:
        self._database, self.root = database, root

    def place(self) -> str:
        """Return the id of this folder: jobs with files are run where their files are."""
        path = self.root / _PLACE
        with suppress(FileNotFoundError):
            return path.read_text()
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        drafted = self.root / f"{_PLACE}.{new_id()}"
        drafted.write_text(new_id())
        with suppress(FileExistsError):  # another process was faster: its id counts
            os.link(drafted, path)
        drafted.unlink()
        return path.read_text()

    def new(self, job_id: str, side: Side, name: str) -> Path:
        """Return where to write a file; its folder is there. The name is ours, never one that a caller sent."""
        path = self._path(job_id, side, name)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return path

    def seal(self, job_id: str, side: Side, name: str, media_type: str) -> JobFile:
        """Make a file durable and hash it."""
        path = self._path(job_id, side, name)
        path.chmod(0o400)
        digest = file_sha256(path)
        make_durable([path], root=self.root.parent)
        return JobFile(side, name, media_type, path.stat().st_size, digest)

    def keep(self, connection: Connection, job_id: str, files: Iterable[JobFile]) -> None:
        """Note files inside the transaction of their job's submission or end."""
        for file in files:
            values = {
                "job_id": job_id,
                "side": file.side,
                "name": file.name,
                "media_type": file.media_type,
                "bytes": file.bytes,
                "sha256": file.sha256,
            }
            connection.execute(insert(job_files).values(values))

    def of(self, job_id: str, side: Side) -> tuple[JobFile, ...]:
        """Return the files of a job, by name."""
        wanted = select(job_files).where(job_files.c.job_id == job_id, job_files.c.side == side)
        with self._database.reading() as connection:
            rows = connection.execute(wanted.order_by(job_files.c.name)).all()
        return tuple(JobFile(Side(row.side), row.name, row.media_type, row.bytes, row.sha256) for row in rows)

    def checked(self, job_id: str, file: JobFile) -> Path:
        """Return where a file is, unchanged. Raises JobFileGoneError, JobFileError."""
        path = self._path(job_id, file.side, file.name)
        try:
            same = path.stat().st_size == file.bytes and file_sha256(path) == file.sha256
        except FileNotFoundError:
            raise JobFileGoneError(job_id) from None
        if not same:
            raise JobFileError(job_id, file.name)
        return path

    def discard(self, job_id: str) -> None:
        """Remove the files of a job that was not taken in, or that was kept long enough."""
        if _JOB_ID.fullmatch(job_id):
            shutil.rmtree(self.root / job_id, ignore_errors=True)

    def ended_before(self, before: datetime) -> list[str]:
        """Return the jobs with files that ended before a moment."""
        here = [folder.name for folder in self._folders()]
        if not here:
            return []
        ended = select(jobs.c.job_id).where(jobs.c.ended_at < moment_text(before))
        with self._database.reading() as connection:
            old = set(connection.execute(ended).scalars())
        return sorted(old.intersection(here))

    def expire(self, before: datetime) -> int:
        """Remove files written before a moment that belong to no job, as of an upload that broke off; return of how many."""
        old = [folder.name for folder in self._folders() if folder.stat().st_mtime < before.timestamp()]
        known: set[str] = set()
        if old:
            with self._database.reading() as connection:
                known = set(connection.execute(select(jobs.c.job_id)).scalars())
        gone = [job_id for job_id in old if job_id not in known]
        for job_id in gone:
            self.discard(job_id)
        return len(gone)

    def _folders(self) -> list[Path]:
        with suppress(FileNotFoundError):
            return [path for path in self.root.iterdir() if _JOB_ID.fullmatch(path.name) and path.is_dir()]
        return []

    def _path(self, job_id: str, side: Side, name: str) -> Path:
        if not _JOB_ID.fullmatch(job_id) or not _NAME.fullmatch(name):
            message = "a job's id is hexadecimal and its files have plain names"
            raise ValueError(message)
        return self.root / job_id / side / name
