"""Look into Arrow IPC before anything unpacks it: the sizes that its compressed buffers say they unpack to.

The messages' metadata are flatbuffers (Arrow's Message.fbs and Schema.fbs); only the fields needed are read here: pyarrow
tells neither of them, and reserves what a buffer asks for.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pyarrow as pa

from serving.uploads.errors import UnreadableUploadError
from serving.uploads.limits import TableLimits

__all__ = ["check_arrow"]

_MARK: Final = b"ARROW1"
_END: Final = 4 + len(_MARK)  # the footer's length, and the mark again
_BLOCKS: Final = (2, 3)  # of dictionaries, of record batches
_BLOCK: Final = struct.Struct("<qi4xq")  # offset, length of the metadata, length of the body
_HEADER_TYPE, _HEADER, _BATCH_OF_DICTIONARY = 1, 2, 1
_ROWS, _BUFFERS, _COMPRESSION = 0, 2, 3
_RECORD_BATCH, _DICTIONARY_BATCH = 3, 2
_BUFFER: Final = struct.Struct("<qq")  # offset and length


def check_arrow(path: Path, *, file: bool, limits: TableLimits) -> int:
    """Return the number of rows of a file or stream. Raises UnreadableUploadError and UploadTooLargeError."""
    rows = unpacked = 0
    try:
        with pa.memory_map(str(path)) as source:
            for message in (
                _of_file(source.read_buffer()) if file else pa.ipc.MessageReader.open_stream(source)
            ):
                found = _sizes(message)
                rows, unpacked = rows + found[0], unpacked + found[1]
                limits.check_rows(rows)
                limits.check_unpacked(unpacked, limits.unpacked)
    except (pa.ArrowException, OSError, struct.error, IndexError, ValueError) as problem:
        kind = ("文件", "file") if file else ("流", "stream")
        raise UnreadableUploadError(
            f"不是完整的 Arrow IPC {kind[0]}，请核对格式（文件或流）并重新导出。",
            f"it is not a whole Arrow IPC {kind[1]}; check whether it is a file or a stream, and export it again.",
        ) from problem
    return rows


def _of_file(data: pa.Buffer) -> Iterator[pa.Message]:
    """Yield the messages that a file's footer points to, as a reader of files finds them."""
    if (
        data.size < 2 * _END
        or data.slice(0, len(_MARK)) != _MARK
        or data.slice(data.size - len(_MARK)) != _MARK
    ):
        raise ValueError("it lacks its marks")
    (length,) = struct.unpack("<i", data.slice(data.size - _END, 4).to_pybytes())
    if not 0 < length <= data.size - 2 * _END:
        raise ValueError("its footer has no length")
    footer = data.slice(data.size - _END - length, length).to_pybytes()
    for number in _BLOCKS:
        for offset, metadata, body in _vector(footer, _root(footer), number, _BLOCK):
            if min(offset, metadata, body) < 0 or offset + metadata + body > data.size:
                raise ValueError("a block lies outside of the file")
            yield pa.ipc.read_message(data.slice(offset, metadata + body))


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
    return rows, sum(_unpacked(body, *place) for place in _vector(data, batch, _BUFFERS, _BUFFER))


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


def _vector(data: bytes, table: int, number: int, item: struct.Struct) -> Iterator[tuple[int, ...]]:
    """Yield the structs of a vector, none where it is left out."""
    at = _field(data, table, number)
    if at is None:
        return
    start = at + _read(data, at, "<I")
    count = _read(data, start, "<I")
    if start + 4 + count * item.size > len(data):
        raise ValueError("a vector breaks off")
    for place in range(count):
        yield item.unpack_from(data, start + 4 + place * item.size)


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
