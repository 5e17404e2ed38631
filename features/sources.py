"""Tables from where they lie: Parquet files and folders, CSV, xlsx and SQL behind one call."""

import csv
import io
from collections.abc import Mapping
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

import polars as pl
import sqlalchemy

from features.errors import AmbiguousTableError, DatabaseReadError, EmptyFileError, UnreadableFileError
from features.parsing import SHEET_ERROR, SURPLUS

if TYPE_CHECKING:
    import fastexcel

__all__ = [
    "PARQUET_PARTS",
    "SHEET_SUFFIXES",
    "Tables",
    "is_sheet",
    "read_sql",
    "read_table",
    "read_tables",
    "scan_table",
    "table_files",
]

Tables: TypeAlias = Mapping[str, pl.LazyFrame]

SHEET_SUFFIXES: Final = (".csv", ".xlsx")
PARQUET_PARTS: Final = "part-*.parquet"
_SUFFIXES: Final = (".parquet", *SHEET_SUFFIXES)
_CSV_ENCODINGS: Final = ("utf-8-sig", "gb18030")  # Excel in China saves "CSV" as GB18030
_SEPARATORS: Final = (",", ";", "\t")  # Excel takes the list separator of the country it is set to


def is_sheet(path: Path) -> bool:
    """Tell whether a file holds text cells under a header line (CSV, xlsx)."""
    return path.suffix.lower() in SHEET_SUFFIXES


def table_files(folder: Path) -> dict[str, Path]:
    """Return the file, or folder of part-*.parquet, of each table in a folder, by table name.

    Other folders and files of other kinds are left alone. Raises AmbiguousTableError where a table lies there
    twice, for example as Parquet and as xlsx, and UnreadableFileError where the folder does not exist.
    """
    if not folder.is_dir():
        raise UnreadableFileError(
            folder, "文件夹不存在，请检查路径", "the folder does not exist; check the path"
        )
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        # Excel keeps a lock file ~$name.xlsx beside an open book
        if path.name.startswith(("~$", ".")) or not _holds_table(path):
            continue
        if path.stem in found:
            raise AmbiguousTableError(path.stem, (found[path.stem], path))
        found[path.stem] = path
    return found


def read_table(path: Path) -> pl.DataFrame:
    """Read one table: a Parquet file, a folder of part-*.parquet, CSV (UTF-8 or GB18030) or the first sheet of xlsx.

    CSV may be separated by commas, semicolons or tabs, as its header is; hidden sheets of xlsx are passed over.

    The cells of CSV and xlsx stay text, one row per line under the header, blank lines included, so that the
    check can number and parse them; a header cell of several lines is named by its first.
    Raises EmptyFileError and UnreadableFileError.
    """
    if not path.exists():
        raise UnreadableFileError(path, "文件不存在，请检查路径", "the file does not exist; check the path")
    if path.is_file() and path.stat().st_size == 0:
        raise EmptyFileError(path)
    match path.suffix.lower():
        case ".csv":
            return _read_csv(path)
        case ".xlsx":
            return _read_xlsx(path)
        case _:
            return _collected(path, scan_table(path))


def read_tables(folder: Path) -> dict[str, pl.LazyFrame]:
    """Read the tables of a folder by name: Parquet lazily, CSV and xlsx as text (see `read_table`)."""
    return {name: scan_table(path) for name, path in table_files(folder).items()}


def scan_table(path: Path) -> pl.LazyFrame:
    """Return a table as a lazy frame; only Parquet is read lazily. Raises as `read_table` does."""
    if is_sheet(path):
        return read_table(path).lazy()
    if not path.exists():
        raise UnreadableFileError(path, "文件不存在，请检查路径", "the file does not exist; check the path")
    if path.is_file() and path.stat().st_size == 0:
        raise EmptyFileError(path)
    if path.suffix.lower() != ".parquet" and not path.is_dir():
        raise UnreadableFileError(
            path,
            "不支持的文件类型，请使用 .parquet、.csv 或 .xlsx",
            "unknown kind of file; use .parquet, .csv or .xlsx",
        )
    frame = pl.scan_parquet(path / PARQUET_PARTS if path.is_dir() else path)
    _collected(path, frame.head(0))
    return frame


def read_sql(uri: str, query: str) -> pl.DataFrame:
    """Return the rows of a query in the types that the database gives; `uri` is a SQLAlchemy address.

    SQLite has no days of its own: write its rows to CSV, or cast them, before they are checked.
    Raises DatabaseReadError, which does not repeat the password of the address.
    """
    engine = None
    try:
        engine = sqlalchemy.create_engine(uri)
        with engine.connect() as connection:
            return pl.read_database(query, connection, infer_schema_length=None)
    except (sqlalchemy.exc.SQLAlchemyError, ModuleNotFoundError) as error:
        address = engine.url.render_as_string(hide_password=True) if engine else uri.split(":", 1)[0]
        raise DatabaseReadError(address, str(error).splitlines()[0]) from error
    finally:
        if engine:
            engine.dispose()


def _holds_table(path: Path) -> bool:
    """Tell whether a path is a table: a file of a known kind, or a folder of part-*.parquet."""
    return any(path.glob(PARQUET_PARTS)) if path.is_dir() else path.suffix.lower() in _SUFFIXES


def _collected(path: Path, frame: pl.LazyFrame) -> pl.DataFrame:
    """Return the rows of a Parquet scan; a damaged file is named."""
    try:
        return frame.collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise UnreadableFileError(
            path,
            f"不是完整的 Parquet 文件（{reason}），请重新导出",
            f"it is not a complete Parquet file ({reason}); export it again",
        ) from error


def _read_csv(path: Path) -> pl.DataFrame:
    """Read a CSV file as text; lines with more cells than the header keep the rest in the column SURPLUS."""
    text = _decoded(path)
    if not text.strip():
        raise EmptyFileError(path)
    separator = _separator(text)
    try:
        cells = pl.read_csv(
            io.BytesIO(text.encode()), has_header=False, infer_schema=False, separator=separator
        )
    except pl.exceptions.PolarsError:
        cells = _ragged(path, text, separator)
    return _under_header(path, cells)


def _separator(text: str) -> str:
    """Return the separator that stands in the header most often outside of quotes, a comma where none does."""
    line = "".join(text.split("\n", 1)[0].split('"')[::2])
    return max(_SEPARATORS, key=lambda mark: (line.count(mark), mark == ","))


def _decoded(path: Path) -> str:
    """Return the text of a file in one of the encodings in use."""
    raw = path.read_bytes()
    for encoding in _CSV_ENCODINGS:
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise UnreadableFileError(
        path,
        "编码既不是 UTF-8 也不是 GB18030，请另存为“CSV UTF-8”",
        "it is neither UTF-8 nor GB18030; save it as 'CSV UTF-8'",
    )


def _ragged(path: Path, text: str, separator: str) -> pl.DataFrame:
    """Return the cells of a CSV file whose lines differ in length; what exceeds the header is joined in SURPLUS."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=separator)
    try:
        lines = list(reader)
    except csv.Error as error:
        raise UnreadableFileError(
            path,
            f"第 {reader.line_num} 行附近的引号不成对（{error}），请改正后重试",
            f"a quote is not closed near line {reader.line_num} ({error}); correct it and try again",
        ) from error
    width = len(lines[0])
    names = [f"column_{position}" for position in range(width)]
    columns = list(zip_longest(*(line[:width] for line in lines)))[:width]
    surplus = [SURPLUS, *(",".join(line[width:]) or None for line in lines[1:])]
    cells = dict(zip(names, columns, strict=True)) | {SURPLUS: surplus}
    frame = pl.DataFrame(cells, schema=dict.fromkeys(cells, pl.String), orient="col")
    return frame.with_columns(pl.when(pl.all() != "").then(pl.all()))


def _read_xlsx(path: Path) -> pl.DataFrame:
    """Read the first sheet of a workbook that is not hidden as text; cells with a formula error hold its mark."""
    import fastexcel  # noqa: PLC0415 - a worker that scores opens no workbook

    try:
        book = fastexcel.read_excel(path)
        shown = _first_shown(book)
        sheet = book.load_sheet(shown, header_row=None, skip_rows=0, dtypes="string")
        batch, errors = sheet.to_arrow_with_errors()
    except fastexcel.FastExcelError as error:
        raise UnreadableFileError(
            path,
            "不是可以打开的 xlsx（可能已加密或损坏），请另存为不加密的 xlsx",
            "it is not a workbook that can be opened (protected or damaged?); save it as xlsx without password",
        ) from error
    cells = pl.DataFrame(batch)
    if cells.is_empty():
        raise EmptyFileError(path)
    for line, column in (error.offset_position for error in errors.errors) if errors else ():
        cells[line, column] = SHEET_ERROR
    return _under_header(path, cells)


def _first_shown(book: "fastexcel.ExcelReader") -> int:
    """Return the place of the first sheet that is not hidden, the first where all are."""
    for place in range(len(book.sheet_names)):
        if book.load_sheet(place, n_rows=0, header_row=None).visible == "visible":
            return place
    return 0


def _under_header(path: Path, cells: pl.DataFrame) -> pl.DataFrame:
    """Name the columns by the first line; the first line of a header cell counts."""
    header = [(cell or "").strip().split("\n")[0].strip() for cell in cells.row(0)]
    if not any(header):
        raise UnreadableFileError(
            path, "第1行是空的，表头应在第1行", "line 1 is blank; the header belongs there"
        )
    twice = sorted({name for name in header if name and header.count(name) > 1})
    if twice:
        raise UnreadableFileError(
            path,
            f"表头重复：{'、'.join(twice)}，每列只保留一个",
            f"the header has {', '.join(twice)} twice; keep one of each",
        )
    body = cells[1:]
    # formatted but empty columns beyond the table are no columns; one that holds values is kept under its place
    empty = [not name and body[:, at].null_count() == body.height for at, name in enumerate(header)]
    body = body.select(pl.nth(at) for at, left_out in enumerate(empty) if not left_out)
    body.columns = [name or f"column {at + 1}" for at, name in enumerate(header) if not empty[at]]
    return body
