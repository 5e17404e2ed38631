"""Read a table that came over HTTP in pieces, after it was looked into: no name, size or type in it is trusted."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.errors import DataError, EmptyFileError, UnreadableFileError
from features.parsing import is_blank
from features.sources import read_table
from serving.uploads.arrow_check import check_arrow
from serving.uploads.errors import UnreadableUploadError
from serving.uploads.limits import TableLimits
from serving.uploads.media import TableKind
from serving.uploads.workbook_check import check_workbook

__all__ = ["Piece", "UploadedTable", "open_table", "table_of_columns"]

_BUFFER: Final = 1 << 20
_LONGEST_TEXT: Final = 1024
_THRIFT: Final = 1 << 26
_ROWS_OF_SHEETS: Final = 2
"""The line of the first row in a spreadsheet; other tables count from 1."""


@dataclass(frozen=True, eq=False)
class Piece:
    """Some rows: their numbers as the sender counts them, and their cells; `text` cells have yet to be parsed."""

    numbers: pl.Series
    frame: pl.DataFrame


@dataclass(frozen=True, eq=False)
class UploadedTable:
    """A table whose size and columns are known and allowed; `unusable` are columns of types that hold no plain values.

    `blank` lines of a spreadsheet are no rows. Columns that hold text may be numbers written as text where the kind of table
    has no types (CSV, xlsx).
    """

    kind: TableKind
    columns: tuple[str, ...]
    rows: int
    unusable: Mapping[str, str]
    blank: int
    pieces: Callable[[int, Sequence[str]], Iterator[Piece]]


def open_table(path: Path, kind: TableKind, limits: TableLimits) -> UploadedTable:
    """Look into a file and open it; its content is read by `pieces(rows, columns)`.

    Raises UnreadableUploadError, UploadTooLargeError.
    """
    if path.stat().st_size == 0:
        raise UnreadableUploadError("文件是空的，请重新导出。", "the file is empty; export it again.")
    with _reading():
        match kind:
            case TableKind.PARQUET:
                table = _parquet(path, limits)
            case TableKind.ARROW | TableKind.ARROWS:
                table = _arrow(path, kind, limits)
            case TableKind.CSV | TableKind.XLSX:
                table = _sheet(path, kind, limits)
            case TableKind.JSON:
                raise TypeError("JSON is read by its shape, then given to table_of_columns")
    limits.check_columns(len(table.columns))
    limits.check_rows(table.rows)
    return table


def table_of_columns(
    columns: Mapping[str, Sequence[str | float | None]], limits: TableLimits
) -> UploadedTable:
    """Return columns out of JSON as a table. Raises UnreadableUploadError where they differ in length."""
    lengths = {name: len(cells) for name, cells in columns.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name}: {length}" for name, length in list(lengths.items())[:5])
        raise UnreadableUploadError(f"各列长度不同（{told}）。", f"the columns differ in length ({told}).")
    rows = next(iter(lengths.values()), 0)
    limits.check_columns(len(columns))
    limits.check_rows(rows)
    frame = pl.DataFrame([_column_of_json(name, cells) for name, cells in columns.items()])
    numbers = pl.int_range(1, rows + 1, dtype=pl.Int64, eager=True)
    return _held(frame, numbers, TableKind.JSON)


def _column_of_json(name: str, cells: Sequence[str | float | None]) -> pl.Series:
    """Return numbers as numbers; where there is text too, all as text, text in quotes, so that it is not taken for a number."""
    if all(cell is None or (isinstance(cell, int | float) and not isinstance(cell, bool)) for cell in cells):
        return pl.Series(name, cells, dtype=pl.Float64)
    if all(cell is None or isinstance(cell, str) for cell in cells) and name in _WORDS_OF_JSON:
        return pl.Series(name, cells, dtype=pl.String)
    told = [None if cell is None else json.dumps(cell, ensure_ascii=False) for cell in cells]
    return pl.Series(name, told, dtype=pl.String)


_WORDS_OF_JSON: Final = frozenset({"party_id", "key", "line", "stage"})


def _sheet(path: Path, kind: TableKind, limits: TableLimits) -> UploadedTable:
    if kind is TableKind.XLSX:
        check_workbook(path, limits)
    frame = read_table(path)
    numbers = pl.int_range(_ROWS_OF_SHEETS, frame.height + _ROWS_OF_SHEETS, dtype=pl.Int64, eager=True)
    filled = frame.select(pl.any_horizontal(~is_blank(pl.col(name)) for name in frame.columns)).to_series()
    held = _held(frame.filter(filled), numbers.filter(filled), kind)
    return replace(held, blank=int((~filled).sum()))


def _held(frame: pl.DataFrame, numbers: pl.Series, kind: TableKind) -> UploadedTable:
    def pieces(rows: int, columns: Sequence[str]) -> Iterator[Piece]:
        for start in range(0, frame.height, rows):
            yield Piece(numbers.slice(start, rows), frame.select(columns).slice(start, rows))

    return UploadedTable(kind, tuple(frame.columns), frame.height, {}, 0, pieces)


def _parquet(path: Path, limits: TableLimits) -> UploadedTable:
    with pq.ParquetFile(path, thrift_string_size_limit=_THRIFT, thrift_container_size_limit=_THRIFT) as file:
        found, schema = file.metadata, file.schema_arrow
        limits.check_rows(found.num_rows)
        limits.check_columns(found.num_columns)
        groups = (found.row_group(place) for place in range(found.num_row_groups))
        limits.check_unpacked(sum(group.total_byte_size for group in groups), limits.unpacked)
        rows = int(found.num_rows)

    def batches(size: int, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        texts = [name for name in columns if _is_text(schema.field(name).type)]
        # Left as a dictionary, a text that a thousand rows share is checked once, before it is written out.
        with pq.ParquetFile(path, buffer_size=_BUFFER, read_dictionary=texts) as file:
            yield from file.iter_batches(size, columns=list(columns), use_threads=False)

    return _typed(schema, rows, TableKind.PARQUET, batches)


def _arrow(path: Path, kind: TableKind, limits: TableLimits) -> UploadedTable:
    rows = check_arrow(path, file=kind is TableKind.ARROW, limits=limits)
    with pa.memory_map(str(path)) as source:
        schema = _opened(source, kind).schema

    def batches(size: int, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        with pa.memory_map(str(path)) as source:
            reader = _opened(source, kind)
            for batch in _batches(reader):
                chosen = batch.select(list(columns))
                chosen.validate(full=True)  # offsets out of bounds would be read all the same
                for at in range(0, chosen.num_rows, size):
                    yield chosen.slice(at, size)

    return _typed(schema, rows, kind, batches)


def _opened(
    source: pa.MemoryMappedFile, kind: TableKind
) -> pa.RecordBatchFileReader | pa.RecordBatchStreamReader:
    return pa.ipc.open_file(source) if kind is TableKind.ARROW else pa.ipc.open_stream(source)


def _batches(reader: pa.RecordBatchFileReader | pa.RecordBatchStreamReader) -> Iterator[pa.RecordBatch]:
    if isinstance(reader, pa.RecordBatchStreamReader):
        yield from reader
    else:
        yield from (reader.get_batch(place) for place in range(reader.num_record_batches))


def _typed(
    schema: pa.Schema,
    rows: int,
    kind: TableKind,
    batches: Callable[[int, Sequence[str]], Iterator[pa.RecordBatch]],
) -> UploadedTable:
    twice = sorted({name for name in schema.names if schema.names.count(name) > 1})
    if twice:
        named = ", ".join(twice[:5])
        raise UnreadableUploadError(
            f"列重复：{named}，每列只保留一个。", f"it has column(s) {named} twice; keep one of each."
        )

    def pieces(size: int, columns: Sequence[str]) -> Iterator[Piece]:
        first = 1
        with _reading():
            for batch in batches(size, columns):
                plain = pa.table({name: _plain(batch.column(name), name) for name in columns})
                frame = pl.DataFrame(plain)
                yield Piece(pl.int_range(first, first + frame.height, dtype=pl.Int64, eager=True), frame)
                first += frame.height

    unusable = {field.name: str(field.type) for field in schema if not _usable(field.type)}
    return UploadedTable(kind, tuple(schema.names), rows, unusable, 0, pieces)


def _plain(array: pa.Array, name: str) -> pa.Array:
    """Return a column as text or as it is; text that is shared by rows is written out after its length was seen."""
    if not _is_text(array.type):
        return array.cast(pa.float64()) if pa.types.is_decimal(array.type) else array
    longest = _longest(array.dictionary if pa.types.is_dictionary(array.type) else array)
    if longest > _LONGEST_TEXT:
        raise UnreadableUploadError(
            f"列 {name} 有超过 {_LONGEST_TEXT} 字节的文本，请核对该列。",
            f"column {name} holds a text of more than {_LONGEST_TEXT} bytes; check that column.",
        )
    return array.cast(pa.large_string())


def _longest(texts: pa.Array) -> int:
    """Return the bytes of the longest text; views are looked at themselves, as many may show one stretch of bytes."""
    if pa.types.is_string_view(texts.type):
        views = texts.buffers()[1]
        lengths = np.frombuffer(views, dtype="<i4")[::4][texts.offset : texts.offset + len(texts)]
        return int(lengths.max(initial=0))
    return int(pc.max(pc.binary_length(texts)).as_py() or 0)


def _is_text(kind: pa.DataType) -> bool:
    value = kind.value_type if pa.types.is_dictionary(kind) else kind
    return any(
        test(value) for test in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    )


def _usable(kind: pa.DataType) -> bool:
    numeric = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_decimal)
    return _is_text(kind) or pa.types.is_null(kind) or any(test(kind) for test in numeric)


@contextmanager
def _reading() -> Iterator[None]:
    """Turn what goes wrong while reading into an error that names no path of ours."""
    try:
        yield
    except EmptyFileError as problem:
        raise UnreadableUploadError(
            "文件是空的，请重新导出。", "the file is empty; export it again."
        ) from problem
    except UnreadableFileError as problem:
        raise UnreadableUploadError(problem.reason_zh + "。", problem.reason_en + ".") from problem
    # Where a byte was changed: UnicodeDecodeError for a name of a column, EOFError for a place that is none.
    except (
        DataError,
        EOFError,
        OSError,
        UnicodeDecodeError,
        pa.ArrowException,
        pl.exceptions.PolarsError,
    ) as problem:
        raise UnreadableUploadError(
            "内容不完整或已损坏，请重新导出。", "it breaks off or is damaged; export it again."
        ) from problem
