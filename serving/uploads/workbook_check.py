"""Look into an xlsx before anything opens it: what it unpacks to, what lies in it, and formulas nobody has computed."""

import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from serving.uploads.errors import UnreadableUploadError, UploadTooLargeError
from serving.uploads.limits import TableLimits

__all__ = ["check_workbook"]

_CHUNK: Final = 1 << 18
_SMALL: Final = 1 << 20  # a ratio says nothing of what is small anyway
_LOCAL_HEADER: Final = 30
_OVERLAP: Final = 64  # bytes kept of a chunk, so that a pattern across two chunks is seen
_SHEET: Final = re.compile(r"xl/worksheets/[^/]+\.xml", re.IGNORECASE)
_STRINGS: Final = "xl/sharedstrings.xml"
_PACKED: Final = (".zip", ".xlsx", ".xlsm", ".gz", ".bz2", ".7z", ".rar", ".xz")
_CELL: Final = re.compile(rb"<(?:\w+:)?c[ >/]")
_UNCOMPUTED: Final = re.compile(rb"(?:</f>|<f[^<>]*/>)(?:<v></v>|<v/>)?</c>")


def check_workbook(path: Path, limits: TableLimits) -> None:
    """Raise where a workbook is no workbook, would unpack to too much, or holds formulas without a value.

    Sizes are those of the central directory; each entry is then unpacked to its end, counted and thrown away, as a directory
    can lie. Raises UnreadableUploadError and UploadTooLargeError.
    """
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as book:
            entries = book.infolist()
            _check_directory(entries, limits)
            cells = 0
            for entry in entries:
                cells += _check_entry(file, entry, limits)
                if cells > limits.cells:
                    raise UploadTooLargeError(
                        f"工作簿的单元格超过 {limits.cells:,} 个",
                        f"the workbook has more than {limits.cells:,} cells",
                        remedy_zh="请改用 CSV 或 Parquet，或分成几个文件。",
                        remedy_en="Send CSV or Parquet, or split it into several files.",
                    )
    except (zipfile.BadZipFile, zlib.error, struct.error, OSError, ValueError) as problem:
        raise UnreadableUploadError(
            "不是完整的 xlsx（可能已加密或损坏），请另存为不加密的 xlsx。",
            "it is not a whole xlsx (protected or damaged?); save it as xlsx without password.",
        ) from problem


def _check_directory(entries: list[zipfile.ZipInfo], limits: TableLimits) -> None:
    if len(entries) > limits.entries:
        raise _bomb(f"含有 {len(entries):,} 个部件", f"it has {len(entries):,} parts")
    limits.check_unpacked(sum(entry.file_size for entry in entries), limits.sheet_unpacked)
    names = [entry.filename.lower() for entry in entries]
    packed = [name for name in names if name.endswith(_PACKED)]
    if packed:
        raise _bomb("其中还有压缩文件", "it holds a packed file inside")
    if len(set(names)) != len(names):
        raise _bomb("同名部件出现两次", "it holds a part twice")
    sheets = [name for name in names if _SHEET.fullmatch(name)]
    if not sheets:
        raise UnreadableUploadError(
            "其中没有工作表，请用 Excel 另存为 xlsx。", "it holds no sheet; save it as xlsx from Excel."
        )
    if len(sheets) > limits.sheets:
        raise _bomb(f"有 {len(sheets):,} 张工作表", f"it has {len(sheets):,} sheets")
    for entry in entries:
        if entry.file_size > _SMALL and entry.file_size > limits.ratio * max(entry.compress_size, 1):
            raise _bomb(f"压缩比超过 {limits.ratio}", f"a part is packed by more than {limits.ratio} times")


def _check_entry(file: BinaryIO, entry: zipfile.ZipInfo, limits: TableLimits) -> int:
    """Unpack an entry without keeping it; return the number of its cells."""
    name = entry.filename.lower()
    sheet, longest, cells, size = bool(_SHEET.fullmatch(name)), 0, 0, 0
    for chunk, fresh in _overlapping(_unpacked(file, entry)):
        size += len(chunk) - fresh
        if size > entry.file_size:
            break
        if sheet:
            # A match that lies wholly in what was seen before was counted then.
            cells += sum(1 for found in _CELL.finditer(chunk) if found.end() > fresh)
            if _UNCOMPUTED.search(chunk):
                raise UnreadableUploadError(
                    "有公式没有计算结果。请在 Excel 中打开并保存，或把公式粘贴为数值。",
                    "a formula has no computed value. Open and save it in Excel, or paste the formulas as values.",
                )
        elif name == _STRINGS:
            longest = max(longest, *(len(text) for text in chunk[fresh:].split(b"<")))
    if size != entry.file_size:
        raise _bomb("部件大小与目录不符", "a part is not as large as the directory says")
    if longest > 4 * limits.text:
        raise _bomb(
            f"有超过 {limits.text:,} 字的文本", f"it holds a text of more than {limits.text:,} characters"
        )
    return cells


def _overlapping(chunks: Iterator[bytes]) -> Iterator[tuple[bytes, int]]:
    """Yield each piece after the end of the one before, and how much of it is that end."""
    before = b""
    for chunk in chunks:
        yield before + chunk, len(before)
        before = (before + chunk)[-_OVERLAP:]


def _unpacked(file: BinaryIO, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield an entry's content to the end of its packed stream: `zipfile` would stop where the directory says."""
    if entry.flag_bits & 1 or entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError("a part is protected or packed in an unusual way")
    file.seek(entry.header_offset)
    name, extra = struct.unpack("<HH", file.read(_LOCAL_HEADER)[-4:])
    file.seek(name + extra, 1)
    left, check = entry.compress_size, 0
    unpack = zlib.decompressobj(-zlib.MAX_WBITS) if entry.compress_type == zipfile.ZIP_DEFLATED else None
    while left > 0 and (packed := file.read(min(_CHUNK, left))):
        left -= len(packed)
        while packed:
            chunk = packed if unpack is None else unpack.decompress(packed, _CHUNK)
            packed = b"" if unpack is None or unpack.eof else unpack.unconsumed_tail
            check = zlib.crc32(chunk, check)
            if chunk:
                yield chunk
    if left > 0 or check != entry.CRC or (unpack is not None and not unpack.eof):
        raise ValueError("a part breaks off or was changed")


def _bomb(zh: str, en: str) -> UploadTooLargeError:
    return UploadTooLargeError(
        f"工作簿异常：{zh}",
        f"the workbook is not one that Excel writes: {en}",
        remedy_zh="请用 Excel 新建工作簿并粘贴数值后重新提交。",
        remedy_en="Paste the values into a new workbook and send that.",
    )
