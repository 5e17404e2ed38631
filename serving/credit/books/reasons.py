"""The largest reasons of every row of a book: codes and short texts of the features, found for all rows at once."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.catalogue import Feature
from models.credit.readable import noun_phrase
from serving.http.language import Language

__all__ = ["REASONS", "ReasonTexts", "reason_columns"]

REASONS: Final = 4
"""How many reasons a row bears."""

_EFFECTS: Final = {"zh": ("压低风险", "推高风险"), "en": ("lowers the risk", "raises the risk")}

Floats = NDArray[np.float64]


class ReasonTexts:
    """What the features of a model are called in a language, in the order that equal contributions are told in."""

    def __init__(self, features: Sequence[str], cards: Mapping[str, Feature], language: Language) -> None:
        self.order = np.argsort(np.array(features, dtype=np.str_), kind="stable")
        self.codes = pl.Series([features[place] for place in self.order], dtype=pl.String)
        lowers, raises = _EFFECTS[language]
        mark = "：" if language == "zh" else ": "
        named = [_phrase(name, cards, language) for name in self.codes]
        self.texts = pl.Series([f"{name}{mark}{effect}" for effect in (lowers, raises) for name in named])


def reason_columns(parts: Floats, known: NDArray[np.bool_], texts: ReasonTexts) -> pl.DataFrame:
    """Return reason_1, reason_1_text, reason_1_log_odds … of contributions (n, k), largest first, as single answers list them.

    Contributions of zero are no reasons; rows that are not `known` (n,) have none.
    """
    sizes = np.abs(parts[:, texts.order])
    rows, count = np.arange(len(parts)), len(texts.codes)
    columns: list[pl.Series] = []
    for number in range(1, REASONS + 1):
        name = f"reason_{number}"
        at = sizes.argmax(axis=1) if count else np.zeros(len(parts), dtype=np.int64)
        there = (sizes[rows, at] > 0) & known if count else np.zeros(len(parts), dtype=np.bool_)
        part = parts[rows, texts.order[at]]
        sizes[rows, at] = 0.0
        columns += [
            _chosen(f"{name}", texts.codes, at, there),
            _chosen(f"{name}_text", texts.texts, at + count * (part > 0), there),
            pl.Series(f"{name}_log_odds", np.where(there, part, np.nan)).fill_nan(None),
        ]
    return pl.DataFrame(columns)


def _chosen(name: str, words: pl.Series, at: NDArray[np.int64], there: NDArray[np.bool_]) -> pl.Series:
    """Return the word at each place, null where there is none."""
    places = pl.Series(np.where(there, at, -1)).replace(-1, None)
    return words.gather(places).alias(name)


def _phrase(name: str, cards: Mapping[str, Feature], language: Language) -> str:
    card = cards.get(name)
    return name if card is None else noun_phrase(card, language)
