"""Archives of pruned decisions: files that prove themselves, by their hash and by the chain inside them."""

import gzip
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from features.checked_files import file_sha256
from serving.ledger.errors import ArchiveError
from serving.ledger.verification import Link, Verification, verify_links

__all__ = ["Archive", "ArchivedRow", "check_sha256", "read_archive", "verify_archive", "write_archive"]

_FIELDS: Final = ("seq", "decision_id", "recorded_at", "record", "prev_hash", "hash")


@dataclass
class ArchivedRow:
    """A row of the chain as it stands in an archive: `record` is the text that was hashed."""

    seq: int
    decision_id: str
    recorded_at: str
    record: str
    prev_hash: str
    hash: str


@dataclass(frozen=True)
class Archive:
    """What an archive holds, as its checkpoint says it."""

    name: str
    sha256: str
    first_seq: int
    last_seq: int
    first_hash: str
    last_hash: str
    oldest_at: str
    newest_at: str


def write_archive(folder: Path, rows: Iterable[Link], *, first_seq: int, last_seq: int) -> Archive:
    """Write rows to a new file, durable when this returns. Raises ArchiveError where it is there already."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"ledger-{first_seq:010}-{last_seq:010}.jsonl.gz"
    drafted = path.with_suffix(".part")
    first: Link | None = None
    last: Link | None = None
    oldest = newest = ""
    handle = os.open(drafted, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        # Without a name and a time inside, the same rows make the same file.
        with gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0) as stream:
            for row in rows:
                line = json.dumps({name: getattr(row, name) for name in _FIELDS}, ensure_ascii=False)
                stream.write(f"{line}\n".encode())
                first, last = first or row, row
                oldest, newest = min(oldest or row.recorded_at, row.recorded_at), max(newest, row.recorded_at)
        file.flush()
        os.fsync(file.fileno())
    if first is None or last is None or (first.seq, last.seq) != (first_seq, last_seq):
        drafted.unlink()
        raise ArchiveError(path.name, zh="缺少应归档的行", en="rows that belong into it are missing")
    _rename(drafted, path)
    return Archive(path.name, file_sha256(path), first.seq, last.seq, first.hash, last.hash, oldest, newest)


def read_archive(path: Path) -> Iterator[ArchivedRow]:
    """Read the rows of an archive. Raises ArchiveError where it cannot be read."""
    try:
        with gzip.open(path, "rt", encoding="utf-8") as stream:
            for line in stream:
                yield ArchivedRow(**json.loads(line))
    except (OSError, EOFError, ValueError, TypeError) as error:
        raise ArchiveError(
            path.name, zh="文件无法读取或不完整", en="the file cannot be read or is not complete"
        ) from error


def verify_archive(path: Path, *, head: str) -> Verification:
    """Walk the chain of an archive that should follow the hash `head`. Raises ArchiveError."""
    rows = read_archive(path)
    first = next(rows, None)
    if first is None:
        raise ArchiveError(path.name, zh="没有内容", en="it holds nothing")

    def all_rows() -> Iterator[ArchivedRow]:
        yield first
        yield from rows

    return verify_links(all_rows(), first.seq - 1, head)


def check_sha256(path: Path, expected: str) -> None:
    """Compare a file with the hash of its checkpoint. Raises ArchiveError."""
    try:
        found = file_sha256(path)
    except OSError as error:
        raise ArchiveError(
            path.name, zh="文件不存在或无法读取", en="it is missing or cannot be read"
        ) from error
    if found != expected:
        raise ArchiveError(
            path.name,
            zh="与检查点登记的 SHA-256 不符，已被改动",
            en="differs from the SHA-256 of its checkpoint: it was changed",
        )


def _rename(drafted: Path, path: Path) -> None:
    try:
        os.link(drafted, path)  # never over a file that is there
    except FileExistsError:
        if file_sha256(path) != file_sha256(drafted):
            raise ArchiveError(
                path.name,
                zh="已有同名但内容不同的文件，请先移走",
                en="another file of this name is there; move it away first",
            ) from None
    drafted.unlink()
    handle = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
