"""What an answer about a party needs beside its features: neighbours' scores, facts for the rules, carrier paths."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from features.checked_files import file_sha256
from serving.credit.errors import BookStoreError

__all__ = ["BookStore", "load_book_store"]

_KEYS: Final = ("party_id", "as_of", "model_version", "facts", "carriers", "lines", "pooled")
_COMPANIES: Final = (
    "companies"  # a book written before it had this column answers keys of the whole group alone
)


class _Beside(BaseModel):
    """What stands in the JSON file of the same name: the hash of the book, which Parquet has not."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    sha256: str


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
        sha256 = file_sha256(parquet)
        if _said_beside(parquet) not in (None, sha256):
            raise BookStoreError(
                str(parquet),
                problem_zh="与旁边的说明文件不是同一次生成的，或已损坏",
                problem_en="it was not made with the JSON file beside it, or is damaged",
            )
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
            sha256=sha256,
        )
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise BookStoreError(
            str(parquet), problem_zh=f"无法读取（{error}）", problem_en=f"it cannot be read ({error})"
        ) from error


def _said_beside(parquet: Path) -> str | None:
    """Return the hash that stands beside a book, None beside one of an older release. Raises BookStoreError, OSError."""
    beside = parquet.with_suffix(".json")
    try:
        return _Beside.model_validate_json(beside.read_bytes()).sha256
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise BookStoreError(
            str(beside), problem_zh="内容有误", problem_en="its content is not that of such a file"
        ) from error
