"""Check what is handed in, and take its good rows: whole or not at all, in the chain before it is answered."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import polars as pl
from sqlalchemy import Connection

from features.checked_files import file_sha256, write_parquet_atomically
from features.contracts import contract_of
from features.errors import UnwritableFileError
from serving.access.caller import Caller
from serving.durable_files import make_durable
from serving.intake.checking import HandedIn, IntakeChecker
from serving.intake.errors import IntakeAbandonedError, TakenAlreadyError, UnknownUploadError
from serving.intake.failed_rows import failed_rows
from serving.intake.schemas import (
    IntakeAnswer,
    IntakeMode,
    IntakeProblem,
    IntakeQuality,
    IntakeUpload,
    RuleCount,
    TableWarningNote,
    UploadList,
    UploadListQuery,
)
from serving.intake.uploads import Taken, UploadStore
from serving.ledger.answered import Answered, write_answer
from serving.ledger.chain import Json, Ledger
from serving.schemas import Note, QualityLevel
from serving.uploads.errors import UploadRoomError
from serving.uploads.media import TableKind
from serving.uploads.spool import Spooled

__all__ = ["IntakeDesk"]

_UNCHECKED: Final = "reference_not_checked"
_FAILED_ROWS: Final = "/v1/intake/uploads/{}/failed.xlsx"


class IntakeDesk:
    """Answers about files that are handed in."""

    def __init__(
        self,
        checker: IntakeChecker,
        uploads: UploadStore,
        ledger: Ledger,
        *,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
        problems_shown: int,
    ) -> None:
        self._checker, self._uploads, self._ledger = checker, uploads, ledger
        self._clock, self._new_id, self._problems_shown = clock, new_id, problems_shown

    def hand_in(
        self,
        table: str,
        file: Spooled,
        kind: TableKind,
        mode: IntakeMode,
        caller: Caller,
        *,
        abandoned: Callable[[], bool],
    ) -> Answered:
        """Check a file; with `take` keep its good rows. The record is written here, unless nobody waits any more.

        Raises UnknownTableError, IntakeTableError, UnreadableUploadError, TakenAlreadyError, UploadRoomError,
        LedgerUnavailableError, and IntakeAbandonedError where the caller was told that it took too long: nothing is taken then.
        """
        contract_of(table)
        if mode is IntakeMode.TAKE:
            self._uploads.refuse_twice(table, file.sha256, caller)
        found = self._checker.check(table, file.path, kind, caller)
        taking = mode is IntakeMode.TAKE and found.checked.good.height > 0
        upload_id = f"{self._clock():%Y%m%dT%H%M%S}-{table}-{self._new_id()[:8]}" if taking else None
        answer = self._answer(found, file, mode, caller, upload_id)
        if upload_id is None:
            answered = self._written(answer, kind, caller, None)
            _refuse_abandoned(abandoned)
            self._ledger.append([answered.record])
            return answered
        try:
            taken = self._write_files(found, file, kind, caller, upload_id)
            answered = self._written(answer, kind, caller, taken)
            _refuse_abandoned(abandoned)
        except BaseException:
            self._remove(table, upload_id)
            raise
        self._append(answered, taken, caller)
        return answered

    def uploads(self, query: UploadListQuery, caller: Caller, zone: ZoneInfo) -> Answered:
        """List what was taken, newest first."""
        found, cursor = self._uploads.page(caller, query.table, query.page(zone))
        asked = query.model_dump(mode="json", exclude_none=True)
        return self._listed("intake/uploads", [_upload(one) for one in found], caller, asked, cursor)

    def upload(self, upload_id: str, caller: Caller) -> Answered:
        """Say what was taken of one upload. Raises UnknownUploadError."""
        found = [_upload(self._uploads.get(upload_id, caller))]
        return self._listed("intake/upload", found, caller, {"upload_id": upload_id})

    def failed(self, upload_id: str, caller: Caller) -> tuple[pl.DataFrame, Mapping[str, Json]]:
        """Return the failed rows of an upload and the record that goes before them. Raises UnknownUploadError."""
        taken = self._uploads.get(upload_id, caller)
        path = self._uploads.failed_path(taken.table, upload_id)
        if taken.failed_sha256 is None or not path.is_file() or file_sha256(path) != taken.failed_sha256:
            raise UnknownUploadError(upload_id)
        answered = self._listed("intake/failed-rows", [_upload(taken)], caller, {"upload_id": upload_id})
        return pl.read_parquet(path), answered.record

    def _write_files(
        self, found: HandedIn, file: Spooled, kind: TableKind, caller: Caller, upload_id: str
    ) -> Taken:
        table, checked = found.contract.name, found.checked
        good, failed = self._uploads.good_path(table, upload_id), self._uploads.failed_path(table, upload_id)
        self._keep(found, good, failed)
        return Taken(
            upload_id=upload_id,
            table=table,
            sha256=file.sha256,
            kind=kind.value,
            taken_at=self._clock().isoformat(),
            taken_by=caller.call.key_id,
            companies=caller.companies,
            rows=found.rows,
            good=checked.good.height,
            failed=checked.rows.height,
            good_sha256=file_sha256(good),
            failed_sha256=None if checked.passed else file_sha256(failed),
        )

    def _keep(self, found: HandedIn, good: Path, failed: Path) -> None:
        """Write the files of an upload, durable before any record names them. Raises UploadRoomError."""
        checked = found.checked
        try:
            write_parquet_atomically(checked.good, good, private=True)
            if not checked.passed:
                write_parquet_atomically(failed_rows(checked), failed, private=True)
            # Up to the home, as the folder of uploads may be as new as its first file.
            make_durable([good] if checked.passed else [good, failed], root=self._uploads.folder.parent)
        except (UnwritableFileError, OSError) as problem:
            raise UploadRoomError from problem

    def _append(self, answered: Answered, taken: Taken, caller: Caller) -> None:
        """Write the record and the row of an upload, both or none. Raises TakenAlreadyError, LedgerUnavailableError."""

        def beside(connection: Connection) -> None:
            self._uploads.check_new(connection, taken.table, taken.sha256, caller)
            self._uploads.add(connection, taken)

        try:
            self._ledger.append([answered.record], beside=beside)
        except TakenAlreadyError:
            # After any other error the row may be durable (the connection was lost while it was committed): files without
            # a row are set aside later, see serving.intake.cleaning.
            self._remove(taken.table, taken.upload_id)
            raise

    def _remove(self, table: str, upload_id: str) -> None:
        for path in (self._uploads.good_path(table, upload_id), self._uploads.failed_path(table, upload_id)):
            path.unlink(missing_ok=True)

    def _answer(
        self, found: HandedIn, file: Spooled, mode: IntakeMode, caller: Caller, upload_id: str | None
    ) -> IntakeAnswer:
        checked, failed = found.checked, found.checked.failed
        unchecked = [one for one in checked.warnings if one.kind == _UNCHECKED]
        notes = [Note(code=_UNCHECKED, text_zh=one.text.zh, text_en=one.text.en) for one in unchecked]
        counts = failed.group_by("column", "rule").agg(rows=pl.col("row").n_unique()).sort("column", "rule")
        return IntakeAnswer(
            request_id=caller.call.request_id,
            decision_id=self._new_id(),
            answered_at=self._clock(),
            model_version=None,
            data_as_of=None,
            graph_as_of=None,
            quality=IntakeQuality(level=QualityLevel.FALLBACK if notes else QualityLevel.FULL, notes=notes),
            table=found.contract.name,
            mode=mode,
            upload_id=upload_id,
            sha256=file.sha256,
            rows=found.rows,
            good=checked.good.height,
            failed=checked.rows.height,
            new=found.against.new,
            repeated=found.against.repeated,
            changed=found.against.changed,
            rules=[RuleCount.model_validate(row) for row in counts.iter_rows(named=True)],
            problems=_problems(failed.head(self._problems_shown)),
            problems_total=failed.height,
            warnings=[
                TableWarningNote(kind=one.kind, column=one.column, text_zh=one.text.zh, text_en=one.text.en)
                for one in checked.warnings
            ],
            failed_rows=_FAILED_ROWS.format(upload_id) if upload_id and not checked.passed else None,
        )

    def _written(
        self, answer: IntakeAnswer, kind: TableKind, caller: Caller, taken: Taken | None
    ) -> Answered:
        """Write the record: hashes and counts, never a cell."""
        counts = ("rows", "good", "failed", "new", "repeated", "changed", "problems_total", "upload_id")
        said: dict[str, Json] = answer.model_dump(mode="json", include=set(counts))
        said["rules"] = [rule.model_dump(mode="json") for rule in answer.rules]
        if taken is not None:
            said |= {"good_sha256": taken.good_sha256, "failed_sha256": taken.failed_sha256}
        asked: Mapping[str, Json] = {
            "table": answer.table,
            "mode": answer.mode.value,
            "kind": kind.value,
            "sha256": answer.sha256,
        }
        return write_answer("intake/upload", answer, asked, caller, said=said, at=answer.answered_at)

    def _listed(
        self,
        route: str,
        found: Sequence[IntakeUpload],
        caller: Caller,
        asked: Mapping[str, Json],
        cursor: int | None = None,
    ) -> Answered:
        answer = UploadList(
            request_id=caller.call.request_id,
            decision_id=self._new_id(),
            answered_at=self._clock(),
            uploads=list(found),
            cursor=cursor,
        )
        said = {"uploads": [one.upload_id for one in found]}
        return write_answer(route, answer, asked, caller, said=said, at=answer.answered_at)


def _refuse_abandoned(abandoned: Callable[[], bool]) -> None:
    if abandoned():
        raise IntakeAbandonedError


def _problems(lines: pl.DataFrame) -> list[IntakeProblem]:
    return [IntakeProblem.model_validate(row) for row in lines.drop("table").iter_rows(named=True)]


def _upload(taken: Taken) -> IntakeUpload:
    return IntakeUpload.model_validate(
        {
            **{name: value for name, value in vars(taken).items() if name in IntakeUpload.model_fields},
            "taken_at": datetime.fromisoformat(taken.taken_at),
            "companies": list(taken.companies),
            "failed_rows": _FAILED_ROWS.format(taken.upload_id) if taken.failed else None,
        }
    )
