"""Tell file versions apart without reading them."""

from pathlib import Path

__all__ = ["Stamp", "stamp_of"]

Stamp = tuple[tuple[int, int, int], ...]


def stamp_of(*paths: Path) -> Stamp:
    """Return what changes whenever one of the files is replaced; a missing file has a stamp too."""
    return tuple(_file_stamp(path) for path in paths)


def _file_stamp(path: Path) -> tuple[int, int, int]:
    try:
        status = path.stat()
    except OSError:
        return (0, 0, 0)
    return (status.st_mtime_ns, status.st_size, status.st_ino)
