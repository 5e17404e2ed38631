"""A book's scores in pieces that fit in memory: rows scored, counted, laid out in columns, written as row groups."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

if TYPE_CHECKING:
    # Importing the model at run time would bring LightGBM in before a service could keep its partners out.
    from models.credit.model import Scores

__all__ = [
    "CONTRIBUTION",
    "VERSION_KEY",
    "BookModel",
    "BookTally",
    "ScoredPiece",
    "contribution_columns",
    "figure_columns",
    "scored_pieces",
    "write_row_groups",
]

CONTRIBUTION: Final = "contribution_"
"""What the column of a feature's contribution begins with."""

VERSION_KEY: Final = "zhiheng.model_version"
"""Under which the metadata of the file names the model."""
_WORDS: Final = frozenset(
    {"grade", "standing", "as_of", "base_log_odds", "status", "advice", "quality", "line", "stage"}
)
"""Columns of few values, worth a dictionary; for figures of which no two are equal it costs time and memory."""

Floats = NDArray[np.float64]


class BookModel(Protocol):
    """What a book needs of a model."""

    def score_matrix(self, x: Floats, *, num_threads: int = 1) -> "Scores":
        """Score and explain x (n, k)."""


@dataclass(frozen=True, eq=False)
class ScoredPiece:
    """Rows of a book: what stands beside each (keys, standing …) and what the model says of it."""

    told: pl.DataFrame
    scores: "Scores"


class BookTally:
    """Counts what has been scored, and tells how far it is each time `every` rows more are done."""

    def __init__(self, *, every: int, told: Callable[[int], None]) -> None:
        self._every, self._told = every, told
        self._pd = 0.0
        self._grades: Counter[str] = Counter()
        self.rows = 0

    def add(self, scores: "Scores") -> None:
        """Count the rows of a piece."""
        before, self.rows = self.rows, self.rows + len(scores.pd)
        self._pd += float(scores.pd.sum())
        self._grades.update(scores.grades.tolist())
        if self.rows // self._every > before // self._every:
            self._told(self.rows)

    @property
    def mean_pd(self) -> float:
        """Return the mean PD of the rows so far, NaN without one."""
        return self._pd / self.rows if self.rows else float("nan")

    def grades(self, names: Iterable[str]) -> dict[str, int]:
        """Return the number of rows in each grade."""
        return {name: self._grades[name] for name in names}


def scored_pieces(
    model: BookModel, pieces: Iterable[tuple[pl.DataFrame, Floats]], tally: BookTally, *, num_threads: int = 1
) -> Iterator[ScoredPiece]:
    """Score pieces (what stands beside the rows, their matrix (n, k)) one after the other; none is kept.

    Raises AdditivityError when an answer does not add up.
    """
    for told, x in pieces:
        scores = model.score_matrix(x, num_threads=num_threads)
        yield ScoredPiece(told, scores)
        tally.add(scores)


def figure_columns(scores: "Scores") -> pl.DataFrame:
    """Return pd, pd_low, pd_high, log_odds, own_pd, own_log_odds, base_log_odds and grade of each row.

    pd_low and pd_high are null for a model without an interval.
    """
    figures = {"pd": scores.pd, "pd_low": scores.pd_low, "pd_high": scores.pd_high}
    figures |= {"log_odds": scores.log_odds, "own_pd": scores.own_pd, "own_log_odds": scores.own_log_odds}
    return pl.DataFrame(figures).with_columns(
        pl.col("pd_low", "pd_high").fill_nan(None),
        pl.lit(scores.base_log_odds).alias("base_log_odds"),
        pl.Series("grade", scores.grades.tolist(), dtype=pl.String),
    )


def contribution_columns(features: Iterable[str], contributions: Floats) -> pl.DataFrame:
    """Return contributions (n, k) as one 64-bit column a feature: 32 bits would not add up to 1e-6."""
    return pl.DataFrame(contributions, schema=[CONTRIBUTION + name for name in features], orient="row")


def write_row_groups(file: BinaryIO, frames: Iterator[pl.DataFrame], metadata: Mapping[str, str]) -> int:
    """Write Parquet, one row group a frame, with metadata of the file; return the number of rows."""
    tables = (frame.to_arrow(compat_level=pl.CompatLevel.oldest()) for frame in frames)
    first = next(tables)
    schema = first.schema.with_metadata(dict(metadata))
    dictionaries = [field.name for field in schema if _worth_a_dictionary(field)]
    rows = 0
    with pq.ParquetWriter(file, schema, compression="zstd", use_dictionary=dictionaries) as writer:
        for table in chain([first], tables):
            writer.write_table(table.replace_schema_metadata(schema.metadata))
            rows += table.num_rows
    return rows


def _worth_a_dictionary(field: pa.Field) -> bool:
    return field.name in _WORDS or field.name.startswith("reason_")
