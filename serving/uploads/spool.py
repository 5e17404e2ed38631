"""Take a body in: streamed to a file of our own naming, never held in memory."""

import asyncio
import hashlib
import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from serving.uploads.errors import UploadRoomError

__all__ = ["Spooled", "require_room", "spool"]

_RESERVE: Final = 256 << 20  # what the ledger must still find free: it answers nothing once the disk is full
_WRITE_FROM: Final = 1 << 20


@dataclass(frozen=True)
class Spooled:
    """A body that lies on disk whole, with its hash."""

    path: Path
    size: int
    sha256: str


async def spool(chunks: AsyncIterator[bytes], path: Path) -> Spooled:
    """Write a body to `path`, readable by the owner alone; nothing stays when it is refused or breaks off.

    Raises what `chunks` raises (the body's limits are theirs), and UploadRoomError where the disk is nearly full.
    """
    digest, size = hashlib.sha256(), 0
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            pending = bytearray()
            async for chunk in chunks:
                size += len(chunk)
                pending += chunk
                if len(pending) >= _WRITE_FROM:
                    await asyncio.to_thread(_keep, file, bytes(pending), digest)
                    pending.clear()
            await asyncio.to_thread(_keep, file, bytes(pending), digest)
    except BaseException as problem:
        path.unlink(missing_ok=True)
        if isinstance(problem, OSError):
            raise UploadRoomError from problem
        raise
    return Spooled(path, size, digest.hexdigest())


def require_room(folder: Path, wanted: int) -> None:
    """Raise UploadRoomError where a folder's disk has not so many bytes beside what the ledger needs."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if shutil.disk_usage(there).free < _RESERVE + wanted:
        raise UploadRoomError


def _keep(file: BinaryIO, data: bytes, digest: "hashlib._Hash") -> None:
    if shutil.disk_usage(file.fileno()).free < _RESERVE + len(data):
        raise UploadRoomError
    file.write(data)
    digest.update(data)
