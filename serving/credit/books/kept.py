"""A book as it was kept: its files held against the hashes in the record, and any row of it with its proof."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from features.checked_files import file_sha256
from serving.credit.books.proof import (
    BLOCK_ROWS,
    Leaf,
    blocks_of,
    leaf_of,
    leaves_of,
    proof_in_blocks,
    proven,
    root_of,
)
from serving.credit.books.run import BLOCKS_FILE, INPUTS_FILE, ROWS_FILE
from serving.credit.errors import BookGoneError, UnknownBookRowError
from serving.ledger.chain import Decision
from serving.ledger.json_text import text_of

__all__ = ["BOOKS_ROUTE", "KeptBook", "KeptRow", "kept_book"]

BOOKS_ROUTE: Final = "credit/scores"
_BOOK_ID: Final = re.compile(r"[0-9a-f]{8,64}")
_ROW: Final = re.compile(r"[1-9][0-9]{0,9}")
_HASH: Final = hashlib.sha256().digest_size


@dataclass(frozen=True, eq=False)
class KeptRow:
    """A row, what is hashed of it, and the way from there to the root."""

    row: int
    place: int
    values: Mapping[str, object]
    floats: tuple[str, ...]
    leaf: Leaf
    path: tuple[tuple[str, str], ...]
    proven: bool


@dataclass(frozen=True, eq=False)
class KeptBook:
    """The folder of a book, and what its record says of the files in it."""

    decision: Decision
    folder: Path
    hashes: Mapping[str, str]
    """By file: the table that came, ROWS_FILE, and INPUTS_FILE where rows were about parties."""
    table: str
    root: str

    @property
    def book_id(self) -> str:
        """Return the id of the book."""
        return self.folder.name

    def require(self, *names: str) -> None:
        """Raise BookGoneError where one of the files is not here."""
        gone = [name for name in names if not (self.folder / name).is_file()]
        if gone:
            raise BookGoneError(self.book_id, gone)

    def changed(self) -> dict[str, str]:
        """Return what the files hash to now whose hash no longer fits. Raises BookGoneError."""
        self.require(*self.hashes)
        now = {name: file_sha256(self.folder / name) for name in self.hashes}
        return {name: found for name, found in now.items() if found != self.hashes[name]}

    def row(self, number: str) -> KeptRow:
        """Return a row by its number with its proof. Raises UnknownBookRowError, BookGoneError."""
        self.require(ROWS_FILE)
        with pq.ParquetFile(self.folder / ROWS_FILE) as file:
            numbers = file.read(columns=["row"])["row"].to_numpy()
            places = (
                np.flatnonzero(numbers == int(number)) if _ROW.fullmatch(number) else np.empty(0, np.int64)
            )
            if not len(places):
                raise UnknownBookRowError(self.decision.decision_id, number)
            place = int(places[0])
            start = place - place % BLOCK_ROWS
            block = _rows(file, start, start + BLOCK_ROWS)
            leaves = leaves_of(block)
            blocks = self._blocks(file)
        frame, leaf = block.slice(place - start, 1), leaf_of(block, place - start)
        path = tuple(proof_in_blocks(leaves, blocks, place))
        return KeptRow(
            row=int(number),
            place=place,
            values=frame.row(0, named=True),
            floats=tuple(name for name, dtype in frame.schema.items() if dtype == pl.Float64()),
            leaf=leaf,
            path=path,
            proven=proven(leaf.digest, path, self.root),
        )

    def _blocks(self, file: pq.ParquetFile) -> list[bytes]:
        """Return the nodes over the blocks: those that are kept where they have the record's root, else by the rows."""
        path = self.folder / BLOCKS_FILE
        kept = path.read_bytes() if path.is_file() else b""
        nodes = [kept[start : start + _HASH] for start in range(0, len(kept), _HASH)]
        if nodes and root_of(nodes) == self.root:
            return nodes
        batches = file.iter_batches(BLOCK_ROWS * 16, use_threads=False)
        return blocks_of([leaf for batch in batches for leaf in leaves_of(pl.DataFrame(batch))])


def kept_book(decision: Decision, books: Path) -> KeptBook:
    """Return the book of a decision. Raises UnknownBookRowError where the decision is about none."""
    record = decision.record
    answer, request, files = (record.get(name) for name in ("answer", "request", "files"))
    if (
        record.get("route") != BOOKS_ROUTE
        or not isinstance(answer, Mapping)
        or not isinstance(request, Mapping)
        or not isinstance(files, Mapping)
        or not _BOOK_ID.fullmatch(str(answer.get("book_id")))
    ):
        raise UnknownBookRowError(decision.decision_id, "-")
    table = f"book.{request['kind']}"
    hashes = {name: str(files[name]) for name in (ROWS_FILE, INPUTS_FILE) if name in files}
    return KeptBook(
        decision,
        books / str(answer["book_id"]),
        {table: text_of(request.get("input_sha256")), **hashes},
        table,
        text_of(answer.get("merkle_root")),
    )


def _rows(file: pq.ParquetFile, start: int, end: int) -> pl.DataFrame:
    """Return the rows from a place up to another, reading the row groups alone that hold them."""
    first, groups, skipped = 0, [], 0
    for number in range(file.num_row_groups):
        height = file.metadata.row_group(number).num_rows
        if first + height <= start:
            skipped += height
        elif first < end:
            groups.append(number)
        first += height
    frame = pl.DataFrame(pl.from_arrow(file.read_row_groups(groups, use_threads=False)))
    return frame.slice(start - skipped, end - start)
