"""Folders of tables checked, and good and failed rows written to files, each file whole or not at all."""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

import polars as pl

from features.contracts import Checked, check_table, checked_tables, contract_of
from features.errors import DataError, UnwritableFileError
from features.sources import is_sheet, read_table, scan_table, table_files

__all__ = [
    "check_file",
    "check_folder",
    "file_sha256",
    "harmless_text",
    "write_atomically",
    "write_checked",
    "write_csv_atomically",
    "write_parquet_atomically",
    "write_text_atomically",
]

_BOM: Final = "\ufeff".encode()  # with it, Excel opens the file as UTF-8


def check_folder(folder: Path, *, partial: bool = False) -> Iterator[Checked | DataError]:
    """Check the tables of a folder one after the other; see `features.contracts.checked_tables`.

    A file that cannot be read yields its error, and the other tables are checked all the same.
    """
    paths = table_files(folder)
    tables: dict[str, pl.LazyFrame | DataError] = {}
    for name, path in paths.items():
        try:
            tables[name] = scan_table(path)
        except DataError as error:
            tables[name] = error
    sheets = {name for name, path in paths.items() if is_sheet(path)}
    yield from checked_tables(tables, sheets=sheets, partial=partial, where=str(folder))


def check_file(path: Path, table: str, *, references: Path | None = None) -> Checked:
    """Check one file as the table named; `references` is a folder of the tables it refers to.

    Without it, or where a table is not there, references are not checked, and a warning says so.
    """
    contract = contract_of(table)
    known = {}
    paths = table_files(references) if references else {}
    for name in contract.referenced_tables:
        if name in paths:
            frame, sheet = scan_table(paths[name]), is_sheet(paths[name])
            known[name] = check_table(name, frame, sheet=sheet).as_reference()
    return check_table(table, read_table(path), known, sheet=is_sheet(path))


def file_sha256(path: Path) -> str:
    """Hash a file's bytes. Raises OSError."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_checked(checked: Checked, folder: Path) -> None:
    """Write the good rows to good/, what failed to failed/ and the failed rows whole to failed/rows/.

    Files of an earlier check of the same table are replaced, or removed where nothing fails any more.
    The whole rows may hold personal values: only the owner may read them.
    """
    name = checked.table
    write_parquet_atomically(checked.good, folder / "good" / f"{name}.parquet")
    report = folder / "failed" / f"{name}.parquet"
    sheet, rows = report.with_suffix(".csv"), folder / "failed" / "rows" / f"{name}.parquet"
    if checked.passed:
        for stale in (report, sheet, rows):
            stale.unlink(missing_ok=True)
        return
    write_parquet_atomically(checked.failed, report)
    write_csv_atomically(checked.failed, sheet)
    write_parquet_atomically(checked.rows, rows, private=True)


def write_parquet_atomically(
    frame: pl.DataFrame, path: Path, *, private: bool = False, row_group_size: int | None = None
) -> None:
    """Write a Parquet file under another name and move it into place; `private` lets the owner alone read it.

    Groups of `row_group_size` sorted rows let a reader skip all but those asked for.
    """
    _write(path, lambda file: frame.write_parquet(file, row_group_size=row_group_size), private=private)


def write_text_atomically(text: str, path: Path, *, private: bool = False) -> None:
    """Write a UTF-8 text under another name and move it into place; `private` lets the owner alone read it."""
    _write(path, lambda file: file.write(text.encode()), private=private)


def write_atomically(path: Path, write: Callable[[BinaryIO], object], *, private: bool = False) -> None:
    """Let `write` fill a file under another name and move it into place; `private` lets the owner alone read it.

    What stood there stays as it was when `write` raises. Raises UnwritableFileError for an OSError.
    """
    _write(path, write, private=private)


def write_csv_atomically(frame: pl.DataFrame, path: Path, *, private: bool = False) -> None:
    """Write a CSV file that Excel opens as UTF-8, under another name, and move it into place.

    `private` lets the owner alone read it.
    Text that a spreadsheet would run as a formula is preceded by an apostrophe; negative numbers are left alone.
    """
    texts = [name for name, dtype in frame.schema.items() if dtype == pl.String()]
    harmless = frame.with_columns(harmless_text(pl.col(name)).alias(name) for name in texts)

    def write(file: BinaryIO) -> None:
        file.write(_BOM)
        harmless.write_csv(file)

    _write(path, write, private=private)


def harmless_text(text: pl.Expr) -> pl.Expr:
    """Return text that a spreadsheet shows instead of running it."""
    formula = text.str.contains(r"^[=+\-@\t\r]") & text.cast(pl.Float64, strict=False).is_null()
    return pl.when(formula).then(pl.lit("'") + text).otherwise(text)


def _write(path: Path, write: Callable[[BinaryIO], object], *, private: bool = False) -> None:
    """Let `write` fill a temporary file beside the path, then rename it; raises UnwritableFileError."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    mode = 0o600 if private else 0o666  # the umask narrows it further
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException as problem:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        if isinstance(problem, OSError):
            raise UnwritableFileError(path, problem.strerror or str(problem)) from problem
        raise
