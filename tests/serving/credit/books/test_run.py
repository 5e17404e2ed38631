"""Scoring a book into a file: progress, stopping, and rows answered together as they are one by one."""

import itertools
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from serving.access.caller import Call, Caller
from serving.credit.books.bases import LookedUpBases, terms_of
from serving.credit.books.proof import leaves_of
from serving.credit.books.reasons import ReasonTexts
from serving.credit.books.rows import book_columns, parse_rows
from serving.credit.books.run import run_book
from serving.credit.books.scoring import BookScorer
from serving.credit.score.scorer import CreditScorer
from serving.jobs.errors import JobStoppedError
from serving.uploads.errors import UnreadableUploadError
from serving.uploads.limits import TableLimits
from serving.uploads.reading import UploadedTable, table_of_columns

if TYPE_CHECKING:
    from tests.serving.conftest import Client

AT = datetime(2026, 11, 22, 8, tzinfo=UTC)
LIMITS = TableLimits(rows=1000)


@pytest.fixture
def scorer(client: "Client") -> CreditScorer:
    return client.deployment.parts.scorer()


def book_scorer(scorer: CreditScorer) -> BookScorer:
    caller = Caller(Call("request", "key", ("risk_officer",)), "test", ("*",))
    texts = ReasonTexts(scorer.model.features, {}, "en")
    bases, terms = LookedUpBases(scorer, caller), terms_of(scorer)
    return BookScorer(scorer.model, terms, bases, texts=texts, language="en", at=AT)


def table(scorer: CreditScorer, rows: int = 40) -> UploadedTable:
    rng = np.random.default_rng(3)
    columns: dict[str, list[str | float | None]] = {
        name: [None if rng.random() < 0.2 else round(float(value), 4) for value in rng.normal(size=rows)]
        for name in scorer.model.features
    }
    return table_of_columns(columns, LIMITS)


def test_rows_answered_together_say_what_they_say_one_by_one(scorer: CreditScorer) -> None:
    found = table(scorer)
    columns = book_columns(found, scorer.model.features, {})
    (piece,) = found.pieces(1000, columns.read)
    together = book_scorer(scorer).score(parse_rows(piece, columns))
    alone = book_scorer(scorer).score(parse_rows(piece, columns), one_by_one=True)
    assert together.equals(alone)
    assert together.filter(status="answered").height > 30


def test_a_row_says_the_same_whatever_stands_beside_it(scorer: CreditScorer) -> None:
    found = table(scorer)
    columns = book_columns(found, scorer.model.features, {})
    (piece,) = found.pieces(1000, columns.read)
    whole = book_scorer(scorer).score(parse_rows(piece, columns))
    single = [book_scorer(scorer).score(parse_rows(one, columns)) for one in found.pieces(1, columns.read)]
    assert pl.concat(single).equals(whole)


def test_progress_is_told_and_the_file_holds_every_row(scorer: CreditScorer, tmp_path: Path) -> None:
    found, told = table(scorer), list[float]()
    columns = book_columns(found, scorer.model.features, {})
    counts = run_book(found, columns, book_scorer(scorer), tmp_path, chunk_rows=7, progress=told.append)
    assert told == sorted(told)
    assert (len(told), told[-1]) == (6, 1.0)
    rows = pl.read_parquet(tmp_path / "rows.parquet")
    assert (rows.height, counts.rows, counts.answered + counts.failed) == (40, 40, 40)
    assert rows["row"].to_list() == list(range(1, 41))
    assert leaves_of(rows) == counts.leaves, "a proof can be made from the file alone"


def test_a_book_that_is_stopped_leaves_no_file(scorer: CreditScorer, tmp_path: Path) -> None:
    found, steps = table(scorer), itertools.count()
    columns = book_columns(found, scorer.model.features, {})

    def stop(_share: float) -> None:
        if next(steps) == 2:
            raise JobStoppedError("job")

    folder = tmp_path / "book"
    with pytest.raises(JobStoppedError):
        run_book(found, columns, book_scorer(scorer), folder, chunk_rows=7, progress=stop)
    assert list(folder.iterdir()) == []


def test_a_book_without_rows_is_refused(scorer: CreditScorer, tmp_path: Path) -> None:
    empty = table_of_columns({"degree": []}, LIMITS)
    columns = book_columns(empty, scorer.model.features, {})
    with pytest.raises(UnreadableUploadError, match="no row"):
        run_book(empty, columns, book_scorer(scorer), tmp_path, chunk_rows=7)
