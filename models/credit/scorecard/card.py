"""The scorecard as a value: an intercept and terms, each a table of bins, that score, explain and survive as JSON."""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError
from scipy.special import expit

from models.credit.scorecard.cells import Code, index_codes, index_numbers
from models.errors import FeatureMismatchError, ScorecardError

__all__ = ["Bin", "CardScores", "Scorecard", "Source", "Term", "read_scorecard"]

Floats = NDArray[np.float64]
_FORMAT: Final = 1


class _Value(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(_Value):
    """What a term reads: a column, its difference to another one, or a column of codes."""

    column: str
    minus: str | None = None
    categorical: bool = False

    @property
    def name(self) -> str:
        """Return the name people see."""
        return self.column if self.minus is None else f"{self.column} - {self.minus}"

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the columns of the frame that are read."""
        return (self.column,) if self.minus is None else (self.column, self.minus)

    def values(self, frame: pl.DataFrame) -> Floats | pl.Series:
        """Return numbers (n,) with missing as NaN, or the codes as a series with missing as null."""
        if self.categorical:
            return _codes(frame[self.column])
        values = _numbers(frame[self.column])
        if self.minus is None:
            return values
        with np.errstate(
            invalid="ignore", over="ignore"
        ):  # two like infinities differ by nothing that is known
            return values - _numbers(frame[self.minus])


class Bin(_Value):
    """A bin: numbers from `lower` up to but not including `upper`, listed codes, any other code, or what is missing.

    A bound that is absent is open. `rest` marks the bin beyond the turn of a column that falls and rises; like the missing
    one it stands outside the order of the others. `count` and `events` are the training rows in the bin and the defaults
    among them.
    """

    lower: float | None = None
    upper: float | None = None
    categories: tuple[Code, ...] = ()
    other: bool = False
    rest: bool = False
    missing: bool = False
    count: int
    events: int
    woe: float


class Term(_Value):
    """A term: bins of one source and the coefficient, never negative, that their WoE is multiplied with.

    `part` is "whole", or "low" and "high" where a column that falls and then rises (or the reverse) became two monotone
    terms; `direction` is that of the default rate over the bins, 0 where they have no order. Bins of numbers ascend; the
    missing one is last.
    """

    source: Source
    part: str
    direction: int
    iv: float
    coefficient: float
    bins: tuple[Bin, ...]

    @property
    def name(self) -> str:
        """Return the name people see: of the source, and of the part where there are several."""
        return self.source.name if self.part == "whole" else f"{self.source.name} ({self.part})"

    @cached_property
    def log_odds(self) -> Floats:
        """Return what each bin adds to the log-odds (bins,): coefficient · WoE."""
        return np.array([self.coefficient * one.woe for one in self.bins])

    @property
    def has_numeric_codes(self) -> bool:
        """Say whether the codes of a categorical term are numbers."""
        return any(isinstance(code, float) for one in self.bins for code in one.categories)

    def place(self, frame: pl.DataFrame) -> NDArray[np.int64]:
        """Return the place in `bins` of each row (n,); a code that training never saw is in the bin of the others."""
        values = self.source.values(frame)
        if isinstance(values, pl.Series):
            codes = [code for one in self.bins for code in one.categories]
            of_code = [place for place, one in enumerate(self.bins) for _ in one.categories]
            other = next(place for place, one in enumerate(self.bins) if one.other)
            return np.array([*of_code, other, len(self.bins) - 1])[index_codes(values, codes)]
        edges = np.array([one.upper for one in self.bins if one.upper is not None], dtype=np.float64)
        return index_numbers(values, edges)


@dataclass(frozen=True)
class CardScores:
    """Answers for n rows: base + contributions, added from left to right, is the log-odds to the last bit."""

    terms: tuple[str, ...]
    log_odds: Floats
    pd: Floats
    base_log_odds: float
    contributions: Floats


class Scorecard(_Value):
    """A scorecard: log-odds of default = intercept + the terms' contributions.

    `rows` and `events` count the training rows and the defaults among them.
    """

    terms: tuple[Term, ...]
    intercept: float
    rows: int
    events: int

    @property
    def features(self) -> tuple[str, ...]:
        """Return the columns that the card reads, each once, in the order of its terms."""
        return tuple(dict.fromkeys(column for term in self.terms for column in term.source.columns))

    def explain(self, frame: pl.DataFrame) -> CardScores:
        """Score every row and say what each term adds.

        The frame holds the card's columns; others are ignored. Raises FeatureMismatchError when one is missing or, where
        a number is needed, not numeric.
        """
        self._check(frame)
        parts = np.empty((frame.height, len(self.terms)))
        for k, term in enumerate(self.terms):
            parts[:, k] = term.log_odds[term.place(frame)]
        log_odds = np.full(frame.height, self.intercept)
        for k in range(len(self.terms)):
            log_odds += parts[
                :, k
            ]  # one after the other, as SQL adds them: a pairwise sum differs in the last bits
        names = tuple(term.name for term in self.terms)
        return CardScores(names, log_odds, np.asarray(expit(log_odds)), self.intercept, parts)

    def log_odds(self, frame: pl.DataFrame) -> Floats:
        """Return log-odds of default (n,)."""
        return self.explain(frame).log_odds

    def pd(self, frame: pl.DataFrame) -> Floats:
        """Return probabilities of default (n,), calibrated on rows whose bins and coefficients did not see them."""
        return self.explain(frame).pd

    def to_json(self) -> str:
        """Return the card as JSON; read back it scores bit for bit the same."""
        plain = {"format": _FORMAT, **self.model_dump(mode="json")}
        return json.dumps(plain, ensure_ascii=False, indent=1, allow_nan=False)

    def _check(self, frame: pl.DataFrame) -> None:
        wrong = {
            column
            for term in self.terms
            for column in term.source.columns
            if column not in frame.columns or not _fits(term, frame.schema[column])
        }
        if wrong:
            raise FeatureMismatchError("scorecard", missing=sorted(wrong))


class _Written(Scorecard):
    """A card as it is written, with the version of the form."""

    format: Literal[1]

    def card(self) -> Scorecard:
        return Scorecard(**{name: getattr(self, name) for name in Scorecard.model_fields})


def read_scorecard(text: str, *, source: str = "scorecard.json") -> Scorecard:
    """Read a card back from its JSON. Raises ScorecardError naming the file when it is none."""
    try:
        plain = json.loads(text)
        return _Written.model_validate(plain).card()
    except (ValueError, ValidationError) as error:
        raise ScorecardError(
            zh=f"“{source}”不是可读的评分卡：{error}。请重新导出。",
            en=f"'{source}' is not a scorecard that can be read: {error}. Export it again.",
        ) from error


def _fits(term: Term, dtype: pl.DataType) -> bool:
    """Say whether a column can be read as a term's: numbers, or codes that are numbers or text as in training."""
    if not term.source.categorical or term.has_numeric_codes:
        return _numeric(dtype)
    text = any(one.categories for one in term.bins)
    return dtype == pl.Null or not (text and _numeric(dtype))


def _numeric(dtype: pl.DataType) -> bool:
    return dtype.is_numeric() or dtype in (pl.Boolean, pl.Null)


def _numbers(column: pl.Series) -> Floats:
    return column.cast(pl.Float64).fill_null(float("nan")).to_numpy().astype(np.float64, copy=False)


def _codes(column: pl.Series) -> pl.Series:
    if _numeric(column.dtype):
        return column.cast(pl.Float64).fill_nan(None)
    return column.cast(pl.String)
