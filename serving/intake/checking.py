"""Check a file that was handed in against its contract and against what is known already; nothing is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from features.checking import Checked, check_frame
from features.company_rows import for_companies, own_references
from features.contracts import contract_of
from features.errors import DataError
from features.merging import Against, against
from features.sources import is_sheet, read_table, scan_table, table_files
from features.tables.contract import Contract
from serving.access.caller import Caller
from serving.intake.errors import IntakeTableError
from serving.intake.uploads import UploadStore
from serving.uploads.limits import TableLimits
from serving.uploads.media import TableKind

__all__ = ["HandedIn", "IntakeChecker"]


@dataclass(frozen=True, eq=False)
class HandedIn:
    """A file's rows, checked; `against` compares the good ones with what is there."""

    contract: Contract
    checked: Checked
    against: Against

    @property
    def rows(self) -> int:
        """Return how many rows the file has, blank lines not counted."""
        return self.checked.good.height + self.checked.rows.height


class IntakeChecker:
    """Knows the checked tables and the uploads taken since, which both can be referred to."""

    def __init__(self, tables: Path, uploads: UploadStore, limits: TableLimits) -> None:
        self._tables, self._uploads, self._limits = tables, uploads, limits

    def check(self, table: str, path: Path, kind: TableKind, caller: Caller) -> HandedIn:
        """Split a file's rows by the contract of its table.

        Rows of other companies than the caller's fail. Raises UnknownTableError, IntakeTableError, UnreadableUploadError and
        UploadTooLargeError.
        """
        from serving.uploads.reading import open_table  # noqa: PLC0415 - PyArrow, 35 MB that a score does not need

        contract = contract_of(table)
        open_table(path, kind, self._limits)  # looked into before anything unpacks it
        references = self._references(contract)
        if not caller.sees_all:
            contract = for_companies(contract, caller.companies, references)
            references = own_references(references, caller.companies)
        try:
            checked = check_frame(contract, read_table(path), references, sheet=is_sheet(path))
            compared = against(contract, checked.good, self._held(table))
        except DataError as error:
            raise IntakeTableError(error) from error
        return HandedIn(contract, checked, compared)

    def _references(self, contract: Contract) -> Mapping[str, pl.LazyFrame]:
        """Return the tables that a contract refers to, those of which nothing is there left out."""
        frames = {name: self._known(name) for name in contract.referenced_tables}
        return {name: pl.concat(parts) for name, parts in frames.items() if parts}

    def _held(self, table: str) -> pl.LazyFrame:
        parts = self._known(table)
        return pl.concat(parts) if parts else pl.LazyFrame(schema=contract_of(table).schema)

    def _known(self, table: str) -> Sequence[pl.LazyFrame]:
        """Return the good rows of a table, checked ones first, then those of uploads."""
        contract = contract_of(table)
        typed = [pl.col(name).cast(dtype) for name, dtype in contract.schema.items()]
        files = table_files(self._tables) if self._tables.is_dir() else {}
        paths = [files[table]] if table in files else []
        paths += [self._uploads.good_path(table, one.upload_id) for one in self._uploads.of_table(table)]
        return [_completed(scan_table(path), contract).select(typed) for path in paths]


def _completed(frame: pl.LazyFrame, contract: Contract) -> pl.LazyFrame:
    """Add columns that a file of an older release lacks."""
    there = frame.collect_schema().names()
    absent = [name for name in contract.column_names if name not in there]
    return frame.with_columns(pl.lit(None).alias(name) for name in absent)
