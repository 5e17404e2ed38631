"""Look into Arrow IPC before anything unpacks it: the sizes that its compressed buffers say they unpack to.

The messages' metadata are flatbuffers (Arrow's Message.fbs and Schema.fbs); only the fields needed are read here: pyarrow
tells neither of them, and reserves what a buffer asks for.
"""

import struct
from pathlib import Path
from typing import Final

import pyarrow as pa

from serving.uploads.errors import UnreadableUploadError
from serving.uploads.limits import TableLimits

__all__ = ["FILE_START", "check_arrow"]

FILE_START: Final = b"ARROW1\0\0"
"""What an Arrow file begins with; the stream follows."""

_HEADER_TYPE, _HEADER, _BATCH_OF_DICTIONARY = 1, 2, 1
_ROWS, _BUFFERS, _COMPRESSION = 0, 2, 3
_RECORD_BATCH, _DICTIONARY_BATCH = 3, 2
_BUFFER_SIZE: Final = 16  # offset and length, 8 bytes each


def check_arrow(path: Path, *, file: bool, limits: TableLimits) -> int:
    """Return the number of rows of a file or stream. Raises UnreadableUploadError and UploadTooLargeError."""
    rows = unpacked = 0
    try:
        with pa.memory_map(str(path)) as source:
            if file and source.read(len(FILE_START)) != FILE_START:
                raise UnreadableUploadError(
                    "不是 Arrow IPC 文件；流格式请用 application/vnd.apache.arrow.stream。",
                    "it is no Arrow IPC file; send a stream as application/vnd.apache.arrow.stream.",
                )
            for message in pa.ipc.MessageReader.open_stream(source):
                found = _sizes(message)
                rows, unpacked = rows + found[0], unpacked + found[1]
                limits.check_rows(rows)
                limits.check_unpacked(unpacked, limits.unpacked)
    except (pa.ArrowException, OSError, struct.error, IndexError, ValueError) as problem:
        raise UnreadableUploadError(
            "不是完整的 Arrow IPC，请重新导出。", "it is not whole Arrow IPC; export it again."
        ) from problem
    return rows


def _sizes(message: pa.Message) -> tuple[int, int]:
    """Return the rows of a message and the bytes that its body unpacks to."""
    data = message.metadata.to_pybytes()
    table = _root(data)
    kind = _scalar(data, table, _HEADER_TYPE, "<B")
    if kind not in (_RECORD_BATCH, _DICTIONARY_BATCH):
        return 0, 0
    batch = _child(data, table, _HEADER)
    if kind == _DICTIONARY_BATCH:
        batch = _child(data, batch, _BATCH_OF_DICTIONARY)
    rows = 0 if kind == _DICTIONARY_BATCH else _scalar(data, batch, _ROWS, "<q")
    body = message.body
    if _field(data, batch, _COMPRESSION) is None:
        return rows, 0 if body is None else body.size
    return rows, sum(_unpacked(body, *place) for place in _buffers(data, batch))


def _unpacked(body: pa.Buffer, offset: int, length: int) -> int:
    """Return what a compressed buffer unpacks to: its first 8 bytes say so, -1 that it is not compressed."""
    if length == 0:
        return 0
    if not 0 <= offset <= body.size - 8:
        raise ValueError("a buffer lies outside of its message")
    (size,) = struct.unpack("<q", body.slice(offset, 8).to_pybytes())
    if size < -1:
        raise ValueError("a buffer has no size")
    return length if size == -1 else int(size)


def _buffers(data: bytes, table: int) -> list[tuple[int, int]]:
    at = _field(data, table, _BUFFERS)
    if at is None:
        return []
    vector = at + _read(data, at, "<I")
    count = _read(data, vector, "<I")
    start = vector + 4
    if start + count * _BUFFER_SIZE > len(data):
        raise ValueError("a message breaks off")
    return [
        (_read(data, start + place * _BUFFER_SIZE, "<q"), _read(data, start + place * _BUFFER_SIZE + 8, "<q"))
        for place in range(count)
    ]


def _root(data: bytes) -> int:
    return _read(data, 0, "<I")


def _field(data: bytes, table: int, number: int) -> int | None:
    """Return where a field of a table stands, None where it is left out."""
    places = table - _read(data, table, "<i")
    if 4 + 2 * number >= _read(data, places, "<H"):
        return None
    offset = _read(data, places + 4 + 2 * number, "<H")
    return table + offset if offset else None


def _scalar(data: bytes, table: int, number: int, kind: str) -> int:
    at = _field(data, table, number)
    return 0 if at is None else _read(data, at, kind)


def _child(data: bytes, table: int, number: int) -> int:
    at = _field(data, table, number)
    if at is None:
        raise ValueError("a message lacks its content")
    return at + _read(data, at, "<I")


def _read(data: bytes, at: int, kind: str) -> int:
    if at < 0:
        raise ValueError("a message points outside of itself")
    return int(struct.unpack_from(kind, data, at)[0])
