"""Take a book in and answer it, at once or as a job: without HTTP, every answer written down before it is given."""

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from features.catalogue import catalogue
from features.checked_files import file_sha256
from serving.access.caller import Caller
from serving.credit.books.answers import answer_name, write_book_answer
from serving.credit.books.bases import BookTerms, LookedUpBases, terms_of
from serving.credit.books.reasons import ReasonTexts
from serving.credit.books.rows import BookColumns, book_columns
from serving.credit.books.run import INPUTS_FILE, ROWS_FILE, BookCounts, run_book
from serving.credit.books.schemas import BookRequest, BookSummary
from serving.credit.books.scoring import row_scorer
from serving.credit.books.summary import BookMarks, summary_of
from serving.credit.books.template import write_book_template
from serving.credit.score.rules_only import RulesOnlyScorer
from serving.credit.score.scorer import CreditScorer
from serving.durable_files import make_durable
from serving.http.language import Language
from serving.http.reading import read_json
from serving.jobs.files import JobFiles, Side
from serving.jobs.kinds import Outcome, Progress
from serving.jobs.store import Job
from serving.ledger.chain import Json, Ledger
from serving.ledger.errors import LedgerUnavailableError
from serving.schemas import StrictModel
from serving.uploads.errors import UploadRoomError
from serving.uploads.limits import TableLimits
from serving.uploads.media import TableKind
from serving.uploads.reading import UploadedTable, open_table, table_of_columns
from serving.uploads.spool import require_room

__all__ = ["KIND", "AnsweredBook", "BookDesk", "BookJob", "BookLimits", "open_book"]

KIND: Final = "credit/scores"
_KEPT: Final = (ROWS_FILE, INPUTS_FILE)
_BYTES_OF_WORDS: Final = (
    512  # of a row: ids, figures, reasons, facts; files are compressed, so this is on the safe side
)


class BookJob(StrictModel):
    """What a book is asked with, kept with its job."""

    book_id: str
    kind: TableKind
    answer: TableKind
    contributions: bool
    ignore_unknown: bool
    language: Language


@dataclass(frozen=True)
class BookLimits:
    """From how many rows on a book is a job, how large it may be, and how it is worked through."""

    now_rows: int
    table: TableLimits
    chunk_rows: int
    num_threads: int


@dataclass(frozen=True)
class AnsweredBook:
    """The file of an answer, and its summary; the record is in the ledger."""

    path: Path
    summary: BookSummary


@dataclass(frozen=True, eq=False)
class _Opened:
    """A table that may be scored, with the scorer that will do it: what is found wrong before is not found by a job."""

    asked: BookJob
    source: Path
    table: UploadedTable
    columns: BookColumns
    scorer: CreditScorer | RulesOnlyScorer
    terms: BookTerms


@dataclass(frozen=True, eq=False)
class _Scored:
    """What scoring a book found, and by kind of row (given, stored) the basis of the first."""

    summary: BookSummary
    counts: BookCounts
    bases: Mapping[str, Mapping[str, Json]]


class BookDesk:
    """Scores books; `folder` keeps of each the table that came and the rows that were answered, for replay and proof."""

    def __init__(
        self,
        scorer: Callable[[], CreditScorer | RulesOnlyScorer],
        ledger: Ledger,
        files: JobFiles,
        folder: Path,
        *,
        limits: BookLimits,
        outside: Callable[[Caller, str], None],
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
    ) -> None:
        """Take `outside`, which is told of each party of others' companies that a caller asked about."""
        self._outside = outside
        self._scorer, self._ledger, self._files, self._folder = scorer, ledger, files, folder
        self.limits, self._clock, self._new_id = limits, clock, new_id
        self._cards = {card.name: card for card in catalogue("credit")}

    def open(self, asked: BookJob, source: Path) -> _Opened:
        """Look into a table and find its columns, before any row is scored.

        Raises UnreadableUploadError, UploadTooLargeError, InvalidRequestError, NotReadyError, UploadRoomError.
        """
        table = open_book(asked, source, self.limits.table)
        scorer = self._scorer()
        terms = terms_of(scorer)
        columns = book_columns(table, terms.features, terms.texts, ignore_unknown=asked.ignore_unknown)
        self._require_room(asked, table, terms)
        return _Opened(asked, source, table, columns, scorer, terms)

    def answer(self, opened: _Opened, caller: Caller, *, abandoned: Callable[[], bool]) -> AnsweredBook:
        """Score a small book, write down that and what was answered, and return the file to send.

        Nothing is written down, and nothing kept, where nobody waits for the answer any more.
        """
        folder = self._place(opened)
        out = folder / answer_name(opened.asked.answer)
        try:
            scored = self._score(opened, caller, folder, lambda _: None)
            record = self._written(opened, caller, scored, folder, out=out)
            _refuse_abandoned(abandoned)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self._append(record, out)
        return AnsweredBook(out, scored.summary)

    def run_job(self, job: Job, progress: Progress) -> Outcome:
        """Score a large book; its answer is the file that the job ends with."""
        asked = BookJob.model_validate_json(job.request)
        (sent,) = self._files.of(job.job_id, Side.INPUT)
        opened = self.open(asked, self._files.checked(job.job_id, sent))
        folder = self._place(opened)
        scored = self._score(opened, job.planner, folder, progress)
        name = answer_name(asked.answer)
        out = self._files.new(job.job_id, Side.OUTPUT, name)
        out.unlink(missing_ok=True)  # of a run that was interrupted
        record = self._written(opened, job.planner, scored, folder, out=out)
        file = self._files.seal(job.job_id, Side.OUTPUT, name, asked.answer.media_type)
        told = {**record, "job_id": job.job_id, "job_files": [file.said()]}
        return Outcome(asked.book_id, told, lambda _: None, (file,))

    def template(self, path: Path, *, by: str) -> str:
        """Write the template of the model that answers now; return its version. Raises NotReadyError."""
        terms = terms_of(self._scorer())
        write_book_template(
            path,
            terms.features,
            terms.texts,
            by="party_id" if by == "party_id" else "features",
            version=terms.version,
        )
        return terms.version

    def _require_room(self, asked: BookJob, table: UploadedTable, terms: BookTerms) -> None:
        """Refuse a book whose rows would fill the disk, before any is scored. Raises UploadRoomError."""
        figures = len(terms.features) if terms.model is not None else 0
        row = _BYTES_OF_WORDS + 8 * figures
        about_parties = row if "party_id" in table.columns else 0
        sent_back = 0 if asked.answer is TableKind.PARQUET else row
        require_room(self._folder, table.rows * (row + about_parties + sent_back))

    def _make_durable(self, files: Sequence[Path]) -> None:
        try:
            make_durable(files, root=self._folder.parent)
        except OSError as problem:
            raise UploadRoomError from problem

    def _append(self, record: Mapping[str, Json], out: Path) -> None:
        try:
            self._ledger.append([record])
        except BaseException:
            # The record may be durable although this failed (the connection was lost while it was committed), so the book
            # stays: serving.retention removes folders that have no record.
            out.unlink(missing_ok=True)
            raise

    def _place(self, opened: _Opened) -> Path:
        """Make the book's folder and keep what was sent in it."""
        folder = self._folder / opened.asked.book_id
        shutil.rmtree(folder, ignore_errors=True)  # of a run that was interrupted
        folder.mkdir(parents=True, mode=0o700)
        kept = folder / f"book.{opened.asked.kind.value}"
        try:
            os.link(opened.source, kept)
        except OSError:  # the folders lie on different disks
            shutil.copyfile(opened.source, kept)
        return folder

    def _score(self, opened: _Opened, caller: Caller, folder: Path, progress: Progress) -> _Scored:
        at, asked, scorer = self._clock(), opened.asked, opened.scorer
        terms = opened.terms
        texts = ReasonTexts(terms.features, self._cards, asked.language)
        bases = LookedUpBases(scorer, caller)
        book = row_scorer(terms, bases, texts=texts, language=asked.language, at=at)
        counts = run_book(
            opened.table,
            opened.columns,
            book,
            folder,
            chunk_rows=self.limits.chunk_rows,
            num_threads=self.limits.num_threads,
            progress=progress,
        )
        look_up = book.look_up
        for party in sorted(look_up.outside):
            self._outside(caller, party)
        marks = BookMarks(
            caller.call.request_id,
            self._new_id(),
            asked.book_id,
            at,
            opened.table.blank,
            opened.columns.ignored,
        )
        summary = summary_of(counts, book, terms, marks)
        return _Scored(summary, counts, {name: basis.plain() for name, basis in look_up.first.items()})

    def _written(
        self, opened: _Opened, caller: Caller, scored: _Scored, folder: Path, *, out: Path
    ) -> Mapping[str, Json]:
        """Write the answer to `out`; return the record that must be durable before it is given."""
        asked, summary = opened.asked, scored.summary
        write_book_answer(
            folder / ROWS_FILE,
            out,
            asked.answer,
            summary,
            contributions=asked.contributions,
            language=asked.language,
        )
        kept = [path.name for path in sorted(folder.iterdir()) if path.name.endswith(_KEPT)]
        self._make_durable([folder / f"book.{asked.kind.value}", *(folder / name for name in kept)])
        return {
            "decision_id": summary.decision_id,
            "recorded_at": summary.decided_at.isoformat(),
            "route": KIND,
            **caller.recorded,
            "subject": "",
            "request": {**asked.model_dump(mode="json"), "input_sha256": file_sha256(opened.source)},
            # Of the rows the chain keeps digests; they lie in the book's folder, each file known by its hash.
            "basis": {
                name: {part: plain[part] for part in ("sources", "bounds")}
                for name, plain in scored.bases.items()
            },
            "zone": opened.terms.zone,
            **({} if opened.terms.model is not None else {"features": list(opened.terms.features)}),
            "files": {name: file_sha256(folder / name) for name in kept},
            "answer": summary.model_dump(mode="json", exclude={"request_id", "decision_id", "decided_at"}),
            "answer_sha256": file_sha256(out),
        }


def _refuse_abandoned(abandoned: Callable[[], bool]) -> None:
    if abandoned():
        raise LedgerUnavailableError("nobody waits for the answer any more")


def open_book(asked: BookJob, source: Path, limits: TableLimits) -> UploadedTable:
    """Look into the table of a book. Raises UnreadableUploadError, UploadTooLargeError, InvalidRequestError."""
    if asked.kind is not TableKind.JSON:
        return open_table(source, asked.kind, limits)
    request = read_json(source.read_bytes(), BookRequest)
    columns = request.columns if request.columns is not None else {"party_id": request.party_ids or []}
    return table_of_columns(columns, limits)
