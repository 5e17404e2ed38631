"""The rows of a book as they are kept and sent: one frame for each piece, every row answered or failed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.credit.book_scores import contribution_columns
from serving.credit.books.reasons import ReasonTexts, reason_columns
from serving.credit.books.rows import BookRows
from serving.credit.score.schemas import PartyOverride
from serving.http.language import Language

__all__ = ["FIGURES", "JOINED", "SAID", "Answers", "BookFrames", "RowStatus", "Said", "say_override"]

FIGURES: Final = (
    *("pd", "pd_low", "pd_high", "log_odds", "base_log_odds", "own_pd", "own_log_odds"),
    "network_log_odds",
)
"""The numbers of a row, under the names that single answers have for them."""

SAID: Final[Mapping[str, type[pl.DataType]]] = {
    "grade": pl.String,
    "points": pl.Int64,
    "advice": pl.String,
    "decided_by": pl.String,
    "quality": pl.String,
    "quality_notes": pl.String,
    "features_known": pl.Int64,
    "override_advice": pl.String,
    "override_grade": pl.String,
    "override_until": pl.String,
    "override_id": pl.String,
    "override_decision_id": pl.String,
}
JOINED: Final = ";"

Floats = NDArray[np.float64]
Said = Mapping[str, Sequence[object]]


def say_override(said: Mapping[str, list[object]], place: int, override: PartyOverride | None) -> None:
    """Write down in the row at a place what people decided about its party."""
    if override is not None:
        for name, value in override.model_dump(mode="json").items():
            said[f"override_{name.removeprefix('override_')}"][place] = value


class RowStatus:
    """Whether a row was answered; every row is one of the two."""

    ANSWERED: Final = "answered"
    FAILED: Final = "failed"


@dataclass(frozen=True, eq=False)
class Answers:
    """What is said of the rows of a piece: figures (n,) by name, words by name, contributions (n, k), none without a model."""

    figures: Mapping[str, Floats]
    said: Said
    parts: Floats | None


class BookFrames:
    """Writes the pieces of one book; keeps which parties it has seen, to flag those given twice."""

    def __init__(self, features: Sequence[str], texts: ReasonTexts, language: Language) -> None:
        self._features, self._texts, self._zh = tuple(features), texts, language == "zh"
        self._seen: dict[tuple[str, ...], int] = {}

    def write(self, rows: BookRows, answered: NDArray[np.bool_], answers: Answers) -> pl.DataFrame:
        """Return one row for each row in their order."""
        status = np.where(answered, RowStatus.ANSWERED, RowStatus.FAILED)
        parts = np.zeros(rows.x.shape) if answers.parts is None else answers.parts
        columns = [
            pl.DataFrame([rows.numbers.cast(pl.Int64).alias("row"), *rows.words.get_columns()]),
            pl.DataFrame({"status": status.tolist()}, schema={"status": pl.String}),
            pl.DataFrame({name: pl.Series(answers.figures[name]).fill_nan(None) for name in FIGURES}),
            pl.DataFrame({name: pl.Series(answers.said[name], dtype=dtype) for name, dtype in SAID.items()}),
            pl.DataFrame({"duplicate_of": self._duplicates(rows)}),
            reason_columns(parts, answered, self._texts),
            self._errors(rows),
        ]
        if answers.parts is not None:
            known = np.where(answered[:, None], parts, np.nan)
            columns.append(contribution_columns(self._features, known).select(pl.all().fill_nan(None)))
        return pl.concat(columns, how="horizontal")

    def _duplicates(self, rows: BookRows) -> pl.Series:
        """Return for each row the first row that asks the same of the same party, null for the first itself."""
        firsts: list[int | None] = []
        for number, (party, _, line, stage) in zip(rows.numbers, rows.words.iter_rows(), strict=True):
            first = (
                number if party is None else self._seen.setdefault((party, line or "", stage or ""), number)
            )
            firsts.append(None if first == number else first)
        return pl.Series("duplicate_of", firsts, dtype=pl.Int64)

    def _errors(self, rows: BookRows) -> pl.DataFrame:
        found: dict[str, list[str | None]] = {
            name: [None] * len(rows) for name in ("error_field", "error_rule", "error_message")
        }
        mark, join = ("：", "；") if self._zh else (": ", "; ")
        for place, problems in rows.problems.items():
            told = [f"{one.field}{mark}{one.zh if self._zh else one.en}" for one in problems]
            found["error_field"][place] = problems[0].field
            found["error_rule"][place] = problems[0].rule
            found["error_message"][place] = join.join(told)
        return pl.DataFrame(found, schema=dict.fromkeys(found, pl.String))
