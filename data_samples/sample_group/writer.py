"""Write the tables: columns as agreed, zstd Parquet, parts for big tables, and the folder whole or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import polars as pl

from sample_group.schema import TABLES, TRUTH, Schema

__all__ = ["Writer", "whole_folder"]

_MARK: Final = "data_card.json"  # a folder with this file was written by this program and may be replaced


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """Yield a folder beside `target` that takes its name when all went well and vanishes when it did not."""
    if target.exists() and (not target.is_dir() or (any(target.iterdir()) and not (target / _MARK).exists())):
        raise FileExistsError(
            f"{target} 已存在，且不是本程序写的样例数据；请换一个目录或先移走它。 / "
            f"{target} exists and is not a sample group; choose another folder or move it away first."
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    for left in target.parent.glob(f".{target.name}.writing-*"):
        if not _alive(int(left.name.rsplit("-", 1)[1])):  # a killed run could not clean up after itself
            shutil.rmtree(left, ignore_errors=True)
    work = target.parent / f".{target.name}.writing-{os.getpid()}"
    work.mkdir()
    try:
        yield work
        old = target.parent / f".{target.name}.old-{os.getpid()}"
        if target.exists():
            target.rename(old)
        work.rename(target)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


class Writer:
    """Writes frames under a folder and counts their rows."""

    def __init__(self, folder: Path, *, parts: bool) -> None:
        self.folder, self.parts = folder, parts
        self.rows: dict[str, int] = {}
        self._count: dict[str, int] = {}
        (folder / "truth").mkdir()

    def table(self, name: str, frame: pl.DataFrame, *, big: bool = False) -> None:
        """Write a table, or with `big` one part of it when the run has several batches."""
        self._write(name, self.folder, frame, TABLES[name], big=big)

    def truth(self, name: str, frame: pl.DataFrame, *, big: bool = False) -> None:
        """Write a table of the truth."""
        self._write(name, self.folder / "truth", frame, TRUTH[name], big=big)

    def _write(self, name: str, folder: Path, frame: pl.DataFrame, schema: Schema, *, big: bool) -> None:
        ordered = frame.select(pl.col(column).cast(dtype) for column, dtype in schema.items())
        key = f"{folder.name}/{name}" if folder != self.folder else name
        self.rows[key] = self.rows.get(key, 0) + ordered.height
        path = folder / f"{name}.parquet"
        if big and self.parts:
            number = self._count[key] = self._count.get(key, -1) + 1
            path = folder / name / f"part-{number:05d}.parquet"
            path.parent.mkdir(exist_ok=True)
        ordered.write_parquet(path, compression="zstd", compression_level=9 if not self.parts else 3)
