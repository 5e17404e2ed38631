"""Merge what was taken into the checked tables that the pipelines read: checked once more, whole or not at all."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

import polars as pl

from features.checked_files import file_sha256, write_parquet_atomically
from features.checking import Checked
from features.contracts import CONTRACTS, check_table
from features.errors import DataError
from features.merging import Merged, merge
from features.sources import read_table, scan_table, table_files
from features.tables.contract import Contract
from graph.errors import UserError
from serving.access.caller import Caller
from serving.intake.errors import MergeFolderError, UploadFileError
from serving.intake.uploads import UploadStore
from serving.ledger.chain import Json, Ledger

__all__ = ["IntakeMerge", "MergedTable"]

_REPORT: Final = "merge"


@dataclass(frozen=True, eq=False)
class MergedTable:
    """What merging did with a table: `refused` rows of uploads broke a rule beside the others; `problem` kept it as it was."""

    table: str
    added: int
    repeated: int
    changed: int
    corrected: bool
    refused: pl.DataFrame
    problem: UserError | None
    sha256: str | None

    @property
    def whole(self) -> bool:
        """Tell whether every row of the uploads is in the table now."""
        return self.problem is None and self.refused.is_empty() and (self.corrected or not self.changed)

    def plain(self) -> Mapping[str, Json]:
        """Return what the record says: counts and the hash of the file, no cell."""
        return {
            "added": self.added,
            "repeated": self.repeated,
            "changed": self.changed,
            "refused": self.refused.height,
            "written": self.sha256 is not None,
            "sha256": self.sha256,
        }


@dataclass(frozen=True, eq=False)
class _Found:
    """A table as it would be, before anything is written; `rows` is None where it stays as it was."""

    told: MergedTable
    merged: Merged
    rows: pl.DataFrame | None


class IntakeMerge:
    """Merges uploads table by table, each after those it refers to."""

    def __init__(self, tables: Path, uploads: UploadStore, ledger: Ledger) -> None:
        self._tables, self._uploads, self._ledger = tables, uploads, ledger
        self._rows: dict[str, pl.DataFrame] = {}

    def run(
        self,
        *,
        only: Sequence[str] | None,
        corrections: bool,
        write: bool,
        caller: Caller,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
    ) -> list[MergedTable]:
        """Merge the uploads of all tables, or of those named; without `write` only say what would happen.

        Doing it again changes nothing. The tables are written aside, what is done is written to the chain, and then they
        take their places: no table moves without a record, and what breaks off after it is done by merging again. Raises
        UploadFileError, MergeFolderError, LedgerUnavailableError and UnwritableFileError before any table has moved.
        """
        self._rows = {}
        wanted = [
            name for name in CONTRACTS if name in self._uploads.tables() and (only is None or name in only)
        ]
        frames = {name: self._frames(name) for name in wanted}
        found = [self._merged(CONTRACTS[name], frames[name], corrections=corrections) for name in wanted]
        if not write or not found:
            return [one.told for one in found]

        def record(done: Sequence[MergedTable]) -> dict[str, Json]:
            return {
                "decision_id": new_id(),
                "recorded_at": clock().isoformat(),
                "route": "intake/merge",
                **caller.recorded,
                "subject": "",
                "request": {"tables": list(wanted), "corrections": corrections},
                "answer": {one.table: one.plain() for one in done},
            }

        done = self._moved(found, record)
        for one in found:
            self._report(one.merged, one.told.refused)
        return done

    def _moved(
        self, found: Sequence[_Found], record: Callable[[Sequence[MergedTable]], Mapping[str, Json]]
    ) -> list[MergedTable]:
        """Write the tables aside, then the record of what is done, then put them in their places."""
        asides: dict[str, Path] = {}
        try:
            done = [self._aside(one, asides) for one in found]
            self._ledger.append([record(done)])
            for table, aside in asides.items():
                aside.replace(self._file(table))
        finally:
            for aside in asides.values():
                aside.unlink(missing_ok=True)
        return done

    def _file(self, table: str) -> Path:
        return self._tables / f"{table}.parquet"

    def _aside(self, found: _Found, asides: dict[str, Path]) -> MergedTable:
        """Write a table that moves beside its place, and say what it will be."""
        if found.rows is None:
            return found.told
        table = found.told.table
        aside = self._file(table).with_name(f".{table}.parquet.merge")  # readers of the folder pass dots over
        asides[table] = aside
        write_parquet_atomically(found.rows, aside)
        return replace(found.told, sha256=file_sha256(aside))

    def _frames(self, table: str) -> list[tuple[str, pl.DataFrame]]:
        path = self._path(table)
        if path is not None and path.is_dir():
            raise MergeFolderError(table)
        found = []
        for taken in self._uploads.of_table(table):
            file = self._uploads.good_path(table, taken.upload_id)
            if not file.is_file() or file_sha256(file) != taken.good_sha256:
                raise UploadFileError(table, taken.upload_id)
            found.append((taken.upload_id, pl.read_parquet(file)))
        return found

    def _merged(
        self, contract: Contract, uploads: list[tuple[str, pl.DataFrame]], *, corrections: bool
    ) -> _Found:
        held = self._held(contract)
        merged = merge(contract, held, uploads, corrections=corrections)
        refused = pl.DataFrame(schema=contract.schema)
        checked, problem = self._checked(contract, merged)
        if checked is not None and not checked.passed:
            # Rows that broke a rule only beside the others go back to who handed them in; what was there stays.
            key = list(contract.key)
            bad = checked.failed_keys.join(held.select(key), on=key, how="anti", nulls_equal=True)
            every = pl.concat([frame.select(contract.column_names) for _, frame in uploads])
            refused = every.join(bad, on=key, how="semi", nulls_equal=True)
            kept = [(name, frame.join(bad, on=key, how="anti", nulls_equal=True)) for name, frame in uploads]
            merged = merge(contract, held, kept, corrections=corrections)
            checked, problem = self._checked(contract, merged)
        sound = checked is not None and checked.passed
        self._rows[contract.name] = merged.rows if sound else held
        told = MergedTable(
            contract.name,
            merged.added if sound else 0,
            merged.repeated,
            merged.changed.height,
            corrections,
            refused,
            problem if problem is not None or sound else _unsound(checked),
            None,
        )
        return _Found(told, merged, merged.rows if sound and merged.moved else None)

    def _checked(self, contract: Contract, merged: Merged) -> tuple[Checked | None, UserError | None]:
        if merged.rows.is_empty():
            return None, None
        references = {
            name: frame
            for name in contract.referenced_tables
            if name != contract.name and (frame := self._reference(name)) is not None
        }
        try:
            return check_table(contract.name, merged.rows, references), None
        except DataError as error:
            return None, error

    def _reference(self, table: str) -> pl.DataFrame | pl.LazyFrame | None:
        if table in self._rows:
            return self._rows[table]
        path = self._path(table)
        return None if path is None else scan_table(path)

    def _held(self, contract: Contract) -> pl.DataFrame:
        path = self._path(contract.name)
        if path is None:
            return pl.DataFrame(schema=contract.schema)
        frame = read_table(path)
        absent = [name for name in contract.column_names if name not in frame.columns]
        return frame.with_columns(pl.lit(None).alias(name) for name in absent).select(
            pl.col(name).cast(dtype) for name, dtype in contract.schema.items()
        )

    def _path(self, table: str) -> Path | None:
        return table_files(self._tables).get(table) if self._tables.is_dir() else None

    def _report(self, merged: Merged, refused: pl.DataFrame) -> None:
        """Keep the rows that are not in the table, so that none is lost from sight; earlier reports are replaced."""
        folder = self._uploads.folder / _REPORT
        left = merged.changed if not merged.corrected else merged.changed.clear()
        for name, rows in (("changed", left), ("refused", refused)):
            path = folder / f"{merged.table}.{name}.parquet"
            if rows.height:
                write_parquet_atomically(rows, path, private=True)
            else:
                path.unlink(missing_ok=True)


def _unsound(checked: Checked | None) -> UserError | None:
    """Say which rule the table as it was would break beside the new rows."""
    if checked is None or checked.passed:
        return None
    first = checked.failed.row(0, named=True)
    return UserError(
        zh=f"合并后第 {first['row']} 行不合规则（{first['message_zh']}），该表保持原样。{first['remedy_zh']}。",
        en=f"Merged, row {first['row']} would break a rule ({first['message_en']}); the table stays as it was. "
        f"Remedy: {first['remedy_en']}.",
    )
