"""Score a book again from the files that were kept of it, with the model of that version and the policies of that day."""

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from features.catalogue import catalogue
from graph.errors import UserError
from serving.credit.books.bases import BookTerms
from serving.credit.books.desk import BookJob, open_book
from serving.credit.books.kept import KeptBook, kept_book
from serving.credit.books.kept_bases import KeptBases, sources_of
from serving.credit.books.proof import leaves_of
from serving.credit.books.reasons import ReasonTexts
from serving.credit.books.rows import book_columns
from serving.credit.books.run import INPUTS_FILE, ROWS_FILE, run_book
from serving.credit.books.scoring import row_scorer
from serving.credit.books.summary import BookMarks, summary_of
from serving.credit.errors import BookGoneError
from serving.credit.score.rules_only import RULES_ONLY_VERSION
from serving.credit.sources.dated_policies import DatedPolicies
from serving.credit.terms import FeatureText
from serving.decisions.differences import Differing, differing
from serving.decisions.replay import CannotReplayError, Progress, Recomputed
from serving.decisions.replay_credit import EXPLAINER, POLICY_FILES, ModelOf, kept_model
from serving.ledger.chain import Decision, Json
from serving.ledger.json_text import text_of
from serving.schemas import Note
from serving.uploads.limits import TableLimits

__all__ = ["BookReplayer"]

_CHUNK: Final = 8_192
_SHOWN: Final = 100
_NOT_TOLD: Final = frozenset({"request_id", "decision_id", "decided_at"})


class BookReplayer:
    """Replays records of `credit/scores`; `books` is where books are kept."""

    def __init__(
        self,
        model_of: ModelOf,
        policies: DatedPolicies,
        load_texts: Callable[[], Mapping[str, FeatureText]],
        *,
        books: Path,
    ) -> None:
        self._model_of, self._policies, self._load_texts = model_of, policies, load_texts
        self._books = books

    def __call__(self, decision: Decision, progress: Progress) -> Recomputed:
        """Score a book again. Raises CannotReplayError naming what is missing or changed."""
        kept = kept_book(decision, self._books)
        try:
            changed = kept.changed()
        except BookGoneError as error:
            raise CannotReplayError("book_gone", zh=error.zh, en=error.en) from error
        _require_unchanged(kept, changed)
        try:
            return self._again(kept, changed, progress)
        except CannotReplayError:
            raise
        except UserError as error:
            raise CannotReplayError(
                "refused_now",
                zh=f"现在按同一文件不再出具结果：{error.zh}",
                en=f"The same files get no answer now: {error.en}",
            ) from error
        except (OSError, pa.ArrowException, pl.exceptions.PolarsError, ValidationError, KeyError) as error:
            raise CannotReplayError(
                "files_unreadable",
                zh=f"保留的文件无法读取（{type(error).__name__}）。请检查磁盘，或从备份恢复。",
                en=f"The kept files cannot be read ({type(error).__name__}). Check the disk, or restore them from a backup.",
            ) from error

    def _again(self, kept: KeptBook, changed: Mapping[str, str], progress: Progress) -> Recomputed:
        record = kept.decision.record
        terms, notes = self._terms(record)
        request = {name: _asked(record).get(name) for name in BookJob.model_fields}
        asked = BookJob.model_validate_json(json.dumps(request))
        answer = _answer(record)
        table = open_book(asked, kept.folder / kept.table, TableLimits(rows=max(1, int(str(answer["rows"])))))
        columns = book_columns(table, terms.features, terms.texts, ignore_unknown=asked.ignore_unknown)
        texts = ReasonTexts(terms.features, {card.name: card for card in catalogue("credit")}, asked.language)
        at = datetime.fromisoformat(kept.decision.recorded_at)
        with (
            tempfile.TemporaryDirectory(dir=self._books, prefix="replay.") as place,
            KeptBases(kept, terms) as bases,
        ):
            scorer = row_scorer(terms, bases, texts=texts, language=asked.language, at=at)
            counts = run_book(table, columns, scorer, Path(place), chunk_rows=_CHUNK, progress=progress)
            marks = BookMarks("", "", asked.book_id, at, table.blank, columns.ignored)
            summary = summary_of(counts, scorer, terms, marks)
            now: Mapping[str, Json] = summary.model_dump(mode="json", exclude=set(_NOT_TOLD))
            also: tuple[Differing, ...] = ()
            told: list[Note] = []
            if changed or summary.merkle_root != kept.root:
                also, told = _different_rows(kept.folder / ROWS_FILE, Path(place) / ROWS_FILE)
        files = tuple(Differing(f"files.{name}", kept.hashes[name], found) for name, found in changed.items())
        if changed:
            notes.append(_files_changed(changed))
        return Recomputed({"answer": now}, (*notes, *told), compared=("answer",), also=(*files, *also))

    def _terms(self, record: Mapping[str, Json]) -> tuple[BookTerms, list[Note]]:
        """Return what the book was answered with, and what has changed since."""
        version, known, notes = str(_answer(record)["model_version"]), sources_of(record), list[Note]()
        zone = text_of(record.get("zone")) or None  # records of before name none
        if any(sources.policy_sha256 != self._policies.sha256 for sources in known.values()):
            notes.append(POLICY_FILES)
        texts = self._load_texts()
        if version == RULES_ONLY_VERSION:
            listed = record.get("features")
            features = tuple(map(str, listed)) if isinstance(listed, list) else ()
            return BookTerms(version, features, texts, self._policies, None, zone), notes
        model = kept_model(self._model_of, version)
        if any(sources.explainer != model.explainer for sources in known.values()):
            notes.append(EXPLAINER)
        return BookTerms(version, model.features, texts, self._policies, model, zone), notes


def _require_unchanged(kept: KeptBook, changed: Mapping[str, str]) -> None:
    """Refuse to compute from files that are not those of that day. Raises CannotReplayError."""
    sent = [name for name in (kept.table, INPUTS_FILE) if name in changed]
    if sent:
        listed = ", ".join(sent)
        raise CannotReplayError(
            "files_changed",
            zh=f"文件 {listed} 与台账所记的 SHA-256 不符，不能据以重算。请从备份恢复 home/books/{kept.book_id}，并查明何人改动。",
            en=f"The files {listed} differ from the SHA-256 in the ledger, so nothing can be computed from them. Restore "
            f"home/books/{kept.book_id} from a backup, and find out who changed them.",
        )


def _files_changed(changed: Mapping[str, str]) -> Note:
    listed = ", ".join(changed)
    return Note(
        code="files_changed",
        text_zh=f"文件 {listed} 与台账所记的 SHA-256 不符；merkle_root 说明重算的结果是否与当时给出的相同，rows.* 为文件与重算不同之处。",
        text_en=f"The files {listed} differ from the SHA-256 in the ledger. Whether what is computed now is what was answered "
        "then is said by merkle_root; rows.* is where the file differs from it.",
    )


def _different_rows(then: Path, now: Path) -> tuple[tuple[Differing, ...], list[Note]]:
    """Return the first values that differ, by the number of their row, and how many there are."""
    found: list[Differing] = []
    rows = values = 0
    for number, first, second in _pairs(then, now):
        different = [
            Differing(f"rows.{number}.{one.field}", one.then, one.now) for one in differing(first, second)
        ]
        rows += bool(different)
        values += len(different)
        found += different[: _SHOWN - len(found)]
    if not rows:
        return (), []
    note = Note(
        code="rows_differ",
        text_zh=f"有 {rows} 行、{values} 个值不同；列出前 {len(found)} 个。",
        text_en=f"{values} values of {rows} rows differ; the first {len(found)} are listed.",
    )
    return tuple(found), [note]


def _pairs(then: Path, now: Path) -> Iterator[tuple[int, Mapping[str, Json], Mapping[str, Json]]]:
    """Yield the rows of both files that do not hash alike."""
    empty: Mapping[str, Json] = {}
    with pq.ParquetFile(then) as first, pq.ParquetFile(now) as second:
        pieces = zip(
            *(file.iter_batches(_CHUNK, use_threads=False) for file in (first, second)), strict=False
        )
        for one, other in pieces:
            frames = pl.DataFrame(one), pl.DataFrame(other)
            leaves = [leaves_of(frame) for frame in frames]
            for place in range(max(len(leaves[0]), len(leaves[1]))):
                pair = [leaf[place] if place < len(leaf) else None for leaf in leaves]
                if pair[0] == pair[1]:
                    continue
                rows = [frame.row(place, named=True) if place < frame.height else empty for frame in frames]
                number = int(str(next(row["row"] for row in rows if row)))
                yield number, rows[0], rows[1]


def _asked(record: Mapping[str, Json]) -> Mapping[str, Json]:
    found = record.get("request")
    return found if isinstance(found, Mapping) else {}


def _answer(record: Mapping[str, Json]) -> Mapping[str, Json]:
    found = record.get("answer")
    return found if isinstance(found, Mapping) else {}
