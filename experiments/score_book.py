"""Job: score a book of any size with a credit model, every answer explained, from Parquet to Parquet in bounded memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from experiments.book_features import KEY, BookFeatures
from experiments.errors import BookFeaturesError, ExperimentError
from experiments.job import Say
from features.checked_files import write_atomically
from features.credit.neighbour_scores import SCORE_FEATURES
from features.errors import UnreadableFileError
from models.credit.book_scores import (
    CONTRIBUTION,
    VERSION_KEY,
    BookTally,
    contribution_columns,
    figure_columns,
    scored_pieces,
    write_row_groups,
)
from models.credit.compiled import compiled
from models.credit.model import CreditModel, load_credit_model
from models.credit.neighbours import score_columns

__all__ = ["CONTRIBUTION", "ScoreBook", "ScoredBook"]

_STANDING: Final = "standing"
_OWN_ROWS: Final = 1 << 16

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ScoredBook:
    """What was written: rows, mean PD, and the number of rows in each grade from best to worst."""

    out: Path
    model_version: str
    rows: int
    mean_pd: float
    grades: dict[str, int]


class ScoreBook(BaseModel):
    """Settings of scoring a book.

    The output has one row for each row of the features and in their order: party_id, as_of, standing where the features
    have it (a party in default has a score all the same, which does not apply to it), pd, pd_low, pd_high, log_odds,
    own_pd, own_log_odds, base_log_odds, grade and a column `contribution_<feature>` for each feature. These are columns
    and no struct: spreadsheets, BI tools and SQL read them one by one, pandas makes a struct a dictionary a row. They are
    64-bit, as base_log_odds plus contributions must give log_odds to 1e-6 in the file as in the model: 32 bits keep
    7 digits of each, too few once some two hundred of them are added. pd_low and pd_high are null for a model without
    an interval.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: Path = Field(description="folder of a credit model")
    features: Path = Field(description="Parquet with party_id, as_of and the model's features")
    out: Path = Field(description="Parquet to write")
    links: Path | None = Field(
        default=None,
        description="Parquet of links (BuildFeatures); needed where the model uses its neighbours' scores and the "
        "features do not hold them. With links they are always computed anew, by this model",
    )
    chunk_rows: int = Field(default=16_384, ge=1, description="rows scored at once; memory grows with it")
    progress_rows: int = Field(default=100_000, ge=1, description="rows between two messages")
    compiled_from: int = Field(
        default=10_000,
        ge=0,
        description="rows from which contributions are worked out by compiled paths, many times faster than by LightGBM and "
        "equal to rounding; the first compilation on a machine takes seconds",
    )
    num_threads: int = Field(default=1, ge=1)

    def run(self, say: Say) -> ScoredBook:
        """Score every row and write the output, whole or not at all.

        Everything that can be told from columns and keys is checked before the first row is scored. Raises
        FeatureMismatchError when features are missing or not numeric, BookFeaturesError when rows have no party or date or
        repeat one, UnreadableFileError, UnwritableFileError, AdditivityError when an answer does not add up.
        """
        self._check_out()
        model = load_credit_model(self.model)
        with BookFeatures(self.features) as book:
            self._check_features(model, book)
            keys = book.keys()
            if book.rows >= self.compiled_from:
                model = compiled(model)
            around = self._neighbours(model, book, keys, say)
            scoring = _Scoring(model, book, around, self.chunk_rows, self.num_threads)
            rows_in_all = book.rows

            def progress(rows: int) -> None:
                say(f"已计分 {rows:,} / {rows_in_all:,} 行", f"{rows:,} of {rows_in_all:,} rows scored")

            tally = BookTally(every=self.progress_rows, told=progress)
            told = {VERSION_KEY: model.version}
            write_atomically(self.out, lambda file: write_row_groups(file, scoring.frames(tally), told))
        grades = tally.grades(grade.name for grade in model.scale.grades)
        found = ScoredBook(self.out, model.version, tally.rows, tally.mean_pd, grades)
        say(
            f"已写入 {found.rows:,} 行：{self.out}；平均违约概率 {found.mean_pd:.4%}，等级 {_told(found.grades)}",
            f"{found.rows:,} rows written to {self.out}; mean PD {found.mean_pd:.4%}, grades {_told(found.grades)}",
        )
        return found

    def _check_out(self) -> None:
        if self.out.suffix.lower() != ".parquet":
            raise ExperimentError(
                zh=f"输出文件“{self.out}”的扩展名应为 .parquet。请修改 --out。",
                en=f"The output '{self.out}' must end in .parquet. Change --out.",
            )
        sources = [path.resolve() for path in (self.features, self.links) if path is not None]
        if self.out.resolve() in sources:
            raise ExperimentError(
                zh=f"输出文件“{self.out}”就是输入文件，会被覆盖。请修改 --out。",
                en=f"The output '{self.out}' is an input and would be replaced. Change --out.",
            )

    def _check_features(self, model: CreditModel, book: BookFeatures) -> None:
        """Raise where the columns do not do; what the neighbours' scores will add counts as there."""
        absent = [name for name in _of_neighbours(model) if name not in book.empty.columns]
        if absent and self.links is None:
            raise BookFeaturesError(
                self.features,
                f"缺少邻居得分列 {', '.join(absent)}，且未给出关联文件；"
                "请加 --links（`zhiheng features build` 生成的 credit_links.parquet）",
                f"it lacks the neighbours' scores {', '.join(absent)}, and no links are given: pass --links "
                "(credit_links.parquet of `zhiheng features build`)",
            )
        model.matrix(book.empty.with_columns(pl.lit(None, pl.Float64).alias(name) for name in absent))

    def _neighbours(
        self, model: CreditModel, book: BookFeatures, keys: pl.DataFrame, say: Say
    ) -> pl.DataFrame | None:
        """Return the columns of the neighbours' scores of every row, None where they are taken as they stand.

        A row needs the own scores of parties that may stand anywhere in the file: hence a pass over it for those.
        """
        if self.links is None or not _of_neighbours(model):
            return None
        say(f"先计算 {book.rows:,} 行的自身得分", f"own scores of {book.rows:,} rows first")
        pieces = book.batches(_OWN_ROWS, model.own_features)
        own = np.concatenate([model.raw_own(piece, num_threads=self.num_threads) for piece in pieces])
        columns = score_columns(keys, _links(self.links, keys))(own)
        return pl.DataFrame(columns, schema=list(SCORE_FEATURES), orient="row")


@dataclass(frozen=True)
class _Scoring:
    """A model and the rows that it scores, one piece after the other."""

    model: CreditModel
    book: BookFeatures
    around: pl.DataFrame | None
    chunk_rows: int
    num_threads: int

    def frames(self, tally: BookTally) -> Iterator[pl.DataFrame]:
        """Yield the output of each piece."""
        for piece in scored_pieces(self.model, self._pieces(), tally, num_threads=self.num_threads):
            parts = contribution_columns(piece.scores.features, piece.scores.contributions)
            yield pl.concat([piece.told, figure_columns(piece.scores), parts], how="horizontal")

    def _pieces(self) -> Iterator[tuple[pl.DataFrame, Floats]]:
        """Yield keys and matrix of each piece."""
        told = [*KEY, *([_STANDING] if _STANDING in self.book.empty.columns else [])]
        added = set() if self.around is None else set(self.around.columns)
        read = [*told, *(name for name in self.model.features if name not in added and name not in told)]
        start = 0
        for piece in self.book.batches(self.chunk_rows, read):
            whole = piece
            if self.around is not None:
                whole = piece.hstack(self.around.slice(start, piece.height).get_columns())
            yield piece.select(told), self.model.matrix(whole)
            start += piece.height


def _of_neighbours(model: CreditModel) -> list[str]:
    return [name for name in SCORE_FEATURES if name in model.network_features]


def _links(path: Path, keys: pl.DataFrame) -> pl.DataFrame:
    """Return the links on the dates of the keys. Raises BookFeaturesError where a date has none."""
    days = keys["as_of"].unique()
    try:
        links = pl.scan_parquet(path).filter(pl.col("as_of").is_in(days.implode())).collect()
    except (OSError, pl.exceptions.PolarsError) as problem:
        raise UnreadableFileError(
            path,
            f"不是关联文件（{problem}）。请用 `zhiheng features build` 重新生成。",
            f"it is no file of links ({problem}). Build it anew with `zhiheng features build`.",
        ) from problem
    unlinked = sorted(set(days) - set(links["as_of"].unique()))
    if unlinked:
        text = ", ".join(str(day) for day in unlinked[:3])
        raise BookFeaturesError(
            path,
            f"没有日期 {text} 的关联，邻居得分会全部为空",
            f"it has no links on {text}, so that every neighbour's score would be missing",
        )
    return links


def _told(grades: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in grades.items() if count)
