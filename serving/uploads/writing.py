"""Write a table to be sent over HTTP, piece by piece; text that a spreadsheet would run is written as text."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import polars as pl
import pyarrow as pa
import xlsxwriter

from features.checked_files import harmless_text
from serving.uploads.errors import UploadTooLargeError
from serving.uploads.media import TableKind

__all__ = ["Sheet", "write_arrow", "write_csv", "write_workbook"]

_BOM: Final = "\ufeff".encode()  # with it, Excel opens the file as UTF-8
_EXCEL_ROWS: Final = 1_048_576
_WIDEST: Final = 40
_MOST_CELLS: Final = 5_000_000


@dataclass(frozen=True)
class Sheet:
    """A sheet: its name, what its header says of each column, and its rows."""

    name: str
    headers: Mapping[str, str]
    pieces: Callable[[], Iterator[pl.DataFrame]]


def write_csv(file: BinaryIO, pieces: Iterator[pl.DataFrame]) -> None:
    """Write UTF-8 with its mark and the header once; text like a formula is preceded by an apostrophe."""
    file.write(_BOM)
    for place, piece in enumerate(pieces):
        texts = [name for name, dtype in piece.schema.items() if dtype == pl.String()]
        piece.with_columns(harmless_text(pl.col(name)).alias(name) for name in texts).write_csv(
            file, include_header=place == 0
        )


def write_arrow(
    file: BinaryIO, pieces: Iterator[pl.DataFrame], kind: TableKind, metadata: Mapping[str, str]
) -> None:
    """Write Arrow IPC as a file or as a stream, one batch a piece."""
    writer = None
    make = pa.ipc.new_file if kind is TableKind.ARROW else pa.ipc.new_stream
    for piece in pieces:
        table = piece.to_arrow(compat_level=pl.CompatLevel.oldest())
        table = table.replace_schema_metadata(dict(metadata))
        writer = writer or make(file, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()


def write_workbook(path: Path, sheets: Sequence[Sheet], *, cells: int = _MOST_CELLS) -> None:
    """Write a workbook in constant memory, every text as a string cell, never as a formula or a link.

    Raises UploadTooLargeError where there are more cells than asked for or rows than Excel can hold.
    """
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(path, options) as book:
        bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bg_color": "#DAEEF3"})
        left = cells
        for sheet in sheets:
            page = book.add_worksheet(sheet.name)
            page.freeze_panes(1, 0)
            for place, name in enumerate(sheet.headers):
                lines = sheet.headers[name].split("\n")
                page.set_column(place, place, min(_WIDEST, 4 + max(len(line) for line in lines)))
            page.set_row(0, 48)
            for place, text in enumerate(sheet.headers.values()):
                page.write_string(0, place, text, bold)
            line = 1
            for piece in sheet.pieces():
                left -= piece.height * len(sheet.headers)
                if left < 0 or line + piece.height > _EXCEL_ROWS:
                    raise _too_large(cells)
                for row in piece.select(list(sheet.headers)).iter_rows():
                    _write_row(page, line, row)
                    line += 1


def _write_row(page: "xlsxwriter.worksheet.Worksheet", line: int, row: Sequence[object]) -> None:
    for place, cell in enumerate(row):
        if isinstance(cell, bool):
            page.write_boolean(line, place, cell)
        elif isinstance(cell, int | float):
            page.write_number(line, place, cell)
        elif cell is not None:
            page.write_string(line, place, str(cell))


def _too_large(cells: int) -> UploadTooLargeError:
    return UploadTooLargeError(
        f"结果超过 xlsx 的上限（{cells:,} 个单元格）",
        f"the result has more cells than an xlsx may have ({cells:,})",
        remedy_zh="请用 Accept 改要 CSV 或 Parquet。",
        remedy_en="Ask for CSV or Parquet by Accept.",
    )
