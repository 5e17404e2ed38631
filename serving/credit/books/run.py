"""Score a book from its table into one file, piece by piece, and count what became of its rows."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import orjson
import polars as pl
import pyarrow.parquet as pq

from features.checked_files import write_atomically
from features.errors import UnwritableFileError
from models.credit.book_scores import VERSION_KEY, write_row_groups
from serving.credit.books.frame import RowStatus
from serving.credit.books.proof import blocks_of, leaves_of, root_of
from serving.credit.books.rows import BookColumns, BookRows, parse_rows
from serving.credit.score.basis import Basis
from serving.uploads.errors import UnreadableUploadError, UploadRoomError
from serving.uploads.reading import UploadedTable

__all__ = [
    "BASIS",
    "BLOCKS_FILE",
    "INPUTS_FILE",
    "ROWS_FILE",
    "BookCounts",
    "PieceScorer",
    "run_book",
]

ROWS_FILE: Final = "rows.parquet"
INPUTS_FILE: Final = "inputs.parquet"
"""Inputs of the rows about parties: those of the other rows stand in the table that came."""
BLOCKS_FILE: Final = "blocks.bin"
"""Nodes of the tree over the rows, 32 bytes each; they are right where their root is the record's."""
BASIS: Final = "basis"
"""The column of INPUTS_FILE that holds, as JSON, what these rows were answered from beside their features."""

_SMALL_PIECES: Final = 256


class PieceScorer(Protocol):
    """Scores the pieces of a book."""

    @property
    def model_version(self) -> str:
        """Return the version that answers."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Return the features that are read, in the order of the rows' inputs; none where rules alone answer."""

    @property
    def bases(self) -> Mapping[int, Basis]:
        """Return the bases of the piece that was scored last, by place."""

    def score(self, rows: BookRows, *, num_threads: int = 1) -> pl.DataFrame:
        """Return one row for each row."""


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
        self.grades.update(answered["grade"].drop_nulls().to_list())
        self.leaves += leaves_of(frame)


def run_book(
    table: UploadedTable,
    columns: BookColumns,
    scorer: PieceScorer,
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
            kept.add(rows, scorer)
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
        nodes = b"".join(blocks_of(counts.leaves))
        write_atomically(folder / BLOCKS_FILE, lambda file: file.write(nodes), private=True)
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

    def add(self, rows: BookRows, scorer: PieceScorer) -> None:
        """Keep what the rows about parties of a piece were answered from."""
        bases = {place: basis for place, basis in scorer.bases.items() if basis.party_id is not None}
        if not bases:
            return
        places = list(bases)
        x = np.stack([basis.values for basis in bases.values()])
        frame = pl.DataFrame(x, schema=list(scorer.inputs), orient="row").fill_nan(None)
        told = [orjson.dumps(_beside(basis)).decode() for basis in bases.values()]
        frame = frame.insert_column(0, rows.numbers.gather(places).cast(pl.Int64).alias("row"))
        frame = frame.insert_column(1, pl.Series(BASIS, told, dtype=pl.String))
        table = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
        if self._writer is None:
            self._path.touch(0o600)
            self._writer = pq.ParquetWriter(self._path, table.schema, compression="zstd")
        self._writer.write_table(table)


def _beside(basis: Basis) -> Mapping[str, object]:
    """Return what a row is answered from beside its features; paths and contributions are not told in books."""
    pooled = basis.pooled
    return {
        "standing": basis.standing,
        "facts": None if basis.facts is None else basis.facts.model_dump(mode="json"),
        "lines": basis.lines,
        "pooled": None if pooled is None else dict(vars(pooled)),
        "neighbours_scored": basis.neighbours_scored,
        "override": None if basis.override is None else basis.override.model_dump(mode="json"),
    }


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
