"""Let files outlive a power cut before a record names them: their content, and their names up to a folder that was there."""

import os
from collections.abc import Iterable
from pathlib import Path

__all__ = ["make_durable"]


def make_durable(files: Iterable[Path], *, root: Path) -> None:
    """Write files to disk, with the entries of all folders between them and `root`, which lie in it. Raises OSError."""
    folders = {root}
    for file in files:
        _sync(file)
        below = file.parent.relative_to(root).parts
        folders |= {root.joinpath(*below[: depth + 1]) for depth in range(len(below))}
    # The deepest first: a name that is on disk never leads to a folder that is not.
    for folder in sorted(folders, key=lambda one: -len(one.parts)):
        _sync(folder)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
