"""Files that appear whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from graph.errors import InterchangeFileError

__all__ = ["unwritable", "whole_file"]


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file beside `path` for writing and move it there when the block ends well, else remove it.

    The folder is made where it is missing. A file that stood at `path` stays untouched until then. The graph names
    persons, so only the owner may read the file. Raises InterchangeFileError when it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException as problem:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        if isinstance(problem, OSError):
            raise unwritable(path, problem) from problem
        raise


def unwritable(path: Path, problem: OSError) -> InterchangeFileError:
    """Return the error of a file or folder that cannot be written."""
    what = problem.strerror or str(problem)
    return InterchangeFileError(
        path,
        None,
        f"无法写入（{what}）。请检查路径、写入权限和磁盘空间，然后重试。",
        f"cannot be written ({what}). Check the path, the right to write and free space, then try again.",
    )
