"""Score a book from its table into one file, piece by piece, and count what became of its rows."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from features.checked_files import write_atomically
from features.errors import UnwritableFileError
from models.credit.book_scores import VERSION_KEY, write_row_groups
from serving.credit.book_proof import leaves_of, root_of
from serving.credit.book_rows import BookColumns, BookRows, parse_rows
from serving.credit.book_scoring import BookScorer, RowStatus
from serving.uploads.errors import UnreadableUploadError, UploadRoomError
from serving.uploads.reading import UploadedTable

__all__ = ["INPUTS_FILE", "ROWS_FILE", "BookCounts", "run_book", "sha256_of"]

ROWS_FILE: Final = "rows.parquet"
INPUTS_FILE: Final = "inputs.parquet"
"""Inputs of the rows about parties: those of the other rows stand in the table that came."""

_CHUNK: Final = 1 << 20
_SMALL_PIECES: Final = 256


@dataclass
class BookCounts:
    """What became of the rows of a book."""

    rows: int = 0
    answered: int = 0
    repeated: int = 0
    grades: Counter[str] = field(default_factory=Counter)
    leaves: list[bytes] = field(default_factory=list)

    @property
    def failed(self) -> int:
        """Return the number of rows without an answer."""
        return self.rows - self.answered

    @property
    def merkle_root(self) -> str:
        """Return the digest of all rows."""
        return root_of(self.leaves)

    def add(self, frame: pl.DataFrame) -> None:
        """Count scored rows."""
        answered = frame.filter(pl.col("status") == RowStatus.ANSWERED)
        self.rows += frame.height
        self.answered += answered.height
        self.repeated += frame["duplicate_of"].count()
        self.grades.update(answered["grade"].to_list())
        self.leaves += leaves_of(frame)


def run_book(
    table: UploadedTable,
    columns: BookColumns,
    scorer: BookScorer,
    folder: Path,
    *,
    chunk_rows: int,
    num_threads: int = 1,
    progress: Callable[[float], None] = lambda _: None,
) -> BookCounts:
    """Write ROWS_FILE, and INPUTS_FILE where parties are asked about, into a folder; every row of the table is in it.

    `progress` takes the share that is done, and may raise to stop. Raises UnreadableUploadError where there is no row or the
    table breaks off, UploadRoomError, AdditivityError.
    """
    if table.rows == 0:
        raise UnreadableUploadError("没有数据行。", "it holds no row.")
    counts = BookCounts()

    def frames(kept: _Inputs) -> Iterator[pl.DataFrame]:
        for piece in table.pieces(chunk_rows, columns.read):
            rows = parse_rows(piece, columns)
            frame = scorer.score(rows, num_threads=num_threads)
            kept.add(rows, columns)
            counts.add(frame)
            yield frame
            progress(counts.rows / table.rows)

    try:
        with _Inputs(folder / INPUTS_FILE) as kept:
            told = {VERSION_KEY: scorer.model_version}
            write_atomically(
                folder / ROWS_FILE,
                lambda file: write_row_groups(file, _larger(frames(kept), chunk_rows), told),
                private=True,
            )
    except (UnwritableFileError, OSError) as problem:
        raise UploadRoomError from problem
    return counts


class _Inputs:
    """Keeps the inputs of rows about parties, as they stood when these were answered."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: pq.ParquetWriter | None = None

    def __enter__(self) -> "_Inputs":
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()

    def add(self, rows: BookRows, columns: BookColumns) -> None:
        """Keep what a piece was computed from."""
        failed = pl.Series([place in rows.problems for place in range(len(rows))], dtype=pl.Boolean)
        asked = rows.words["party_id"].is_not_null() & ~failed
        if not asked.any():
            return
        x = np.ascontiguousarray(rows.x[asked.to_numpy()])
        frame = pl.DataFrame(x, schema=list(columns.all_features), orient="row").fill_nan(None)
        frame = frame.insert_column(0, rows.numbers.filter(asked).cast(pl.Int64).alias("row"))
        table = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
        if self._writer is None:
            self._path.touch(0o600)
            self._writer = pq.ParquetWriter(self._path, table.schema, compression="zstd")
        self._writer.write_table(table)


def _larger(frames: Iterator[pl.DataFrame], rows: int) -> Iterator[pl.DataFrame]:
    """Join pieces that came small (batches of a stream) to row groups of a size worth having."""
    pending: list[pl.DataFrame] = []
    height = 0
    for frame in frames:
        pending.append(frame)
        height += frame.height
        if height >= rows or len(pending) >= _SMALL_PIECES:
            yield pl.concat(pending)
            pending, height = [], 0
    if pending:
        yield pl.concat(pending)


def sha256_of(path: Path) -> str:
    """Return the hash of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
