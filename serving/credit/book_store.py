"""What an answer about a party needs beside its features: neighbours' scores, facts for the rules, carrier paths."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from serving.credit.feature_store import file_sha256
from serving.errors import BookStoreError

__all__ = ["BookStore", "load_book_store"]

_KEYS: Final = ("party_id", "as_of", "model_version", "facts", "carriers", "lines", "pooled")
_COMPANIES: Final = (
    "companies"  # a book written before it had this column answers keys of the whole group alone
)


@dataclass(frozen=True)
class BookStore:
    """Rows by party, made for one version of the model as of one date.

    `scores` (n, m) are what the model says of the parties' neighbours, columns as in `score_features`, missing is NaN.
    """

    model_version: str
    as_of: date
    score_features: tuple[str, ...]
    scores: NDArray[np.float64]
    rows: Mapping[str, int]
    said: pl.DataFrame
    sha256: str

    @property
    def says_companies(self) -> bool:
        """Whether the book says which companies have or had business with a party."""
        return _COMPANIES in self.said.columns

    def companies(self, party_id: str) -> frozenset[str]:
        """Return the companies of the group that have or had business with a party; empty when nobody has."""
        found = self.about(party_id).get(_COMPANIES)
        return frozenset(map(str, found)) if isinstance(found, list) else frozenset()

    def about(self, party_id: str) -> Mapping[str, object]:
        """Return what is said of a party by column (`facts`, `carriers`, `lines`, `pooled`); empty when nothing is."""
        row = self.rows.get(party_id)
        return {} if row is None else dict(zip(self.said.columns, self.said.row(row), strict=True))

    def scores_of(self, party_id: str) -> NDArray[np.float64] | None:
        """Return the neighbours' scores of a party, shape (m,), None when it is not in the book."""
        row = self.rows.get(party_id)
        return None if row is None else self.scores[row]


def load_book_store(parquet: Path) -> BookStore:
    """Read what `experiments.prepare_book` wrote. Raises BookStoreError when it is absent or not such a file."""
    if not parquet.is_file():
        raise BookStoreError(str(parquet), problem_zh="不存在", problem_en="there is no such file")
    try:
        frame = pl.read_parquet(parquet)
        absent = [name for name in _KEYS if name not in frame.columns]
        if absent or frame.is_empty():
            what = ", ".join(absent) or "-"
            raise BookStoreError(
                str(parquet),
                problem_zh=f"缺少列 {what} 或没有行",
                problem_en=f"it lacks columns {what} or rows",
            )
        names = tuple(name for name in frame.columns if name not in (*_KEYS, _COMPANIES))
        scores = frame.select(pl.col(name).cast(pl.Float64).fill_null(float("nan")) for name in names)
        return BookStore(
            model_version=frame["model_version"].item(0),
            as_of=frame["as_of"].item(0),
            score_features=names,
            scores=np.ascontiguousarray(scores.to_numpy()),
            rows={party: row for row, party in enumerate(frame["party_id"].to_list())},
            said=frame.select(name for name in (*_KEYS[3:], _COMPANIES) if name in frame.columns),
            sha256=file_sha256(parquet),
        )
    except (pl.exceptions.PolarsError, OSError) as error:
        raise BookStoreError(
            str(parquet), problem_zh=f"无法读取（{error}）", problem_en=f"it cannot be read ({error})"
        ) from error
