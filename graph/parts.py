"""A folder of Parquet parts that are added and never changed: each whole or not at all, whoever else is writing."""

import hashlib
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import polars as pl

from graph.errors import GraphStoreError, GraphWriteError

__all__ = ["PartFolder"]

_PARTS: Final = "part-*.parquet"
_ANEW: Final = "anew"
"""A part that has this column starts the table anew: parts of lower numbers no longer count."""


class PartFolder:
    """A table of the columns `schema` as numbered parts in `folder`.

    Columns of `optional` may be absent from parts written by an older release and then take the value given there.
    A writer reads the parts, decides what to add and adds it under the next number; when another writer took that
    number meanwhile, it reads again. A process that is killed leaves at most a hidden temporary file, never a part.
    """

    def __init__(
        self,
        folder: Path,
        schema: pl.Schema,
        *,
        optional: Mapping[str, object] | None = None,
        error: type[GraphStoreError] = GraphStoreError,
    ) -> None:
        self.folder = folder
        self.schema = schema
        self.optional = optional or {}
        self.error = error

    def parts(self) -> list[Path]:
        """Return the parts that count, oldest first; raises `error` for one that cannot be read."""
        counted: list[Path] = []
        for part in reversed(self._files()):
            counted.append(part)
            if _ANEW in self._schema_of(part):
                break
        return counted[::-1]

    def scan(self, parts: Sequence[Path]) -> pl.LazyFrame:
        """Return the rows of parts, parts of one release read together."""
        alike: dict[tuple[str, ...], list[Path]] = {}
        for part in parts:
            alike.setdefault(tuple(self._schema_of(part)), []).append(part)
        frames = [self._completed(pl.scan_parquet(group), columns) for columns, group in alike.items()]
        if not frames:
            return pl.LazyFrame(schema=self.schema)
        return frames[0] if len(frames) == 1 else pl.concat(frames)

    def sha256(self, parts: Sequence[Path]) -> str:
        """Return what `sha256sum part-*.parquet | sha256sum` says of parts: they never change, so it names what is read.

        Raises `error` for one that cannot be read.
        """
        lines = hashlib.sha256()
        for part in parts:
            try:
                with part.open("rb") as file:
                    found = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError as problem:
                raise self.error(part, str(problem)) from problem
            lines.update(f"{found}  {part.name}\n".encode())
        return lines.hexdigest()

    def add(self, rows: pl.DataFrame, after: Sequence[Path]) -> bool:
        """Put a part in place behind the parts read; return False when another writer was faster.

        Raises GraphWriteError when it cannot be written.
        """
        return self._link(1 + max((_number(part) for part in after), default=0), rows)

    def replace(self, rows: pl.DataFrame) -> None:
        """Put a part in place that counts instead of all before it, then remove those."""
        while True:
            number = 1 + max((_number(part) for part in self._files()), default=0)
            if self._link(number, rows.with_columns(pl.lit(value=True).alias(_ANEW))):
                break
        for part in self._files():
            if _number(part) < number:
                part.unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob(_PARTS), key=_number)

    def _schema_of(self, part: Path) -> pl.Schema:
        try:
            found = pl.Schema(pl.read_parquet_schema(part))
        except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as problem:
            raise self.error(part, str(problem)) from problem
        needed = {name: dtype for name, dtype in self.schema.items() if name not in self.optional}
        strange = any(found[name] != self.schema.get(name) for name in found if name != _ANEW)
        if strange or not needed.keys() <= found.keys():
            raise self.error(part, f"columns {list(found)}")
        return found

    def _completed(self, rows: pl.LazyFrame, columns: Sequence[str]) -> pl.LazyFrame:
        absent = {name: value for name, value in self.optional.items() if name not in columns}
        filled = [pl.lit(value, dtype=self.schema[name]).alias(name) for name, value in absent.items()]
        return rows.with_columns(filled).select(self.schema.names())

    def _link(self, number: int, rows: pl.DataFrame) -> bool:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            return _put(rows, self.folder / f"part-{number:06d}.parquet")
        except (OSError, pl.exceptions.ComputeError) as problem:
            # Polars reports a full disk as an error of the file's format that quotes the system's error.
            raise GraphWriteError(self.folder, str(problem)) from problem


def _put(rows: pl.DataFrame, part: Path) -> bool:
    """Write a part beside its place and put it there whole; return False when the place is taken."""
    handle, name = tempfile.mkstemp(prefix=".part-", dir=part.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            rows.write_parquet(file)
            file.flush()
            os.fsync(file.fileno())
        # Unlike a rename, a link never replaces what another writer has put there.
        os.link(temporary, part)
    except FileExistsError:
        return False
    finally:
        temporary.unlink()
    _sync(part.parent)
    return True


def _number(part: Path) -> int:
    return int(part.stem.removeprefix("part-"))


def _sync(folder: Path) -> None:
    """Make the new name outlive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
