"""Default rates among a party's neighbours: out of fold or as of the date, never with its own outcome."""

import io
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from features.cards.card import Card, LabelRate
from features.cards.dates import as_dates
from features.cards.errors import CardTableError
from features.cards.read import LABEL, PARTITION, PARTY, ROW, TIME, CardTables
from features.cards.sums import known_sums

__all__ = ["LabelBook", "label_book", "neighbour_label_rates"]

_FOLDS: Final = 10
_PRIOR: Final = 2.0  # neighbours' worth of the mean rate, so that one neighbour is no certainty


@dataclass(frozen=True)
class LabelBook:
    """Outcomes of the training: `__partition`, `__party`, `__label`, `__fold` (of the party), `__known` (since when)."""

    frame: pl.DataFrame

    def to_parquet(self) -> bytes:
        """Return the book as Parquet."""
        buffer = io.BytesIO()
        self.frame.write_parquet(buffer)
        return buffer.getvalue()

    @property
    def as_of(self) -> bool:
        """Say whether outcomes count from the day they were known; it holds for the model, whatever a later card says."""
        return self.frame["__known"].null_count() < self.frame.height

    @staticmethod
    def from_parquet(content: bytes) -> "LabelBook":
        """Read a book back; raise CardTableError for one that does not say to which partition an outcome belongs."""
        frame = pl.read_parquet(io.BytesIO(content))
        if PARTITION not in frame.columns:
            raise CardTableError(
                "labels.parquet",
                zh="模型较旧，标签未记录所属分区，会跨分区读取。请重新训练。",
                en="the model is older and does not say which partition a label belongs to, so that one world would "
                "read another's. Train again.",
                columns=(PARTITION,),
            )
        return LabelBook(frame)


def label_book(card: Card, train: pl.DataFrame) -> LabelBook:
    """Write down the outcomes of the training rows; folds are cut by party, in the order of their ids."""
    known = pl.lit(None, pl.Date).alias("__known")
    if card.neighbour_label_rate is LabelRate.AS_OF:
        dates = as_dates(train[str(card.label_known)], card.main.time_format)
        if dates is None:
            raise CardTableError(
                card.main.path.name,
                zh=f"列“{card.label_known}”不是日期，无法判断标签何时已知。请修改 label_known。",
                en=f"column '{card.label_known}' holds no dates, so nobody can tell when a label was known. "
                "Correct label_known.",
            )
        return LabelBook(_with_folds(train.with_columns(dates.alias("__known"))))
    return LabelBook(_with_folds(train.with_columns(known)))


def _with_folds(rows: pl.DataFrame) -> pl.DataFrame:
    # Neighbours in the sorted order often belong together, so folds deal them out one by one.
    fold = (pl.col(PARTY).rank("dense") % _FOLDS).cast(pl.Int64)
    # By party alone: a party that stands in two partitions is in the same fold in both.
    return rows.select(PARTITION, PARTY, LABEL, fold.alias("__fold"), "__known").sort(
        PARTITION, PARTY, "__known", LABEL
    )


def neighbour_label_rates(card: Card, tables: CardTables, book: LabelBook) -> pl.DataFrame:
    """Return `__row` and, per edge table, the shrunk default rate and number of neighbours with a known outcome.

    Out of fold: a row of the training never reads outcomes of its own fold of parties, so neither its own nor one that
    was learnt beside it. As of: only outcomes known before the row's date. The party itself never counts, nor does an
    outcome of another partition; a neighbour with several outcomes counts once, with their mean.
    """
    has_time = TIME in tables.main.columns
    when = pl.col(TIME) if has_time else pl.lit(None, pl.Date)
    rows = tables.main.select(ROW, PARTITION, PARTY, when.alias("__asked"))
    own_fold = book.frame.select(PARTY, pl.col("__fold").alias("__own_fold")).unique(
        PARTY, maintain_order=True
    )
    rows = rows.join(own_fold, on=PARTY, how="left", maintain_order="left")
    mean = float(book.frame[LABEL].mean() or 0.0)  # type: ignore[arg-type]
    out = rows.select(ROW)
    as_of = card.neighbour_label_rate is LabelRate.AS_OF or book.as_of
    asked, size = rows[ROW].to_numpy(), int(rows[ROW].max() or 0) + 1  # type: ignore[arg-type]
    for spec in card.edges:
        ties = _ties(rows, tables.edges[spec.title], dated=bool(has_time and spec.time))
        found = _known_outcomes(ties, book, as_of=as_of)
        title = f"{spec.title}.labels"
        sums, n = (part[asked] for part in known_sums(found[ROW], found[LABEL], size))
        rate = np.where(n > 0, (sums + _PRIOR * mean) / (n + _PRIOR), np.nan)
        out = out.with_columns(pl.Series(f"{title}.n", n), pl.Series(f"{title}.rate", rate, nan_to_null=True))
    return out


def _ties(rows: pl.DataFrame, edges: pl.DataFrame, *, dated: bool) -> pl.DataFrame:
    """Return each row's distinct neighbours (`__other`); with `dated` those tied to it on the day it asks."""
    when = (pl.col(TIME).alias("__tied"), pl.col("__until"))
    one = edges.select(PARTITION, pl.col("src").alias(PARTY), pl.col("dst").alias("__other"), *when)
    two = edges.select(PARTITION, pl.col("dst").alias(PARTY), pl.col("src").alias("__other"), *when)
    ties = pl.concat([one, two]).filter(pl.col(PARTY) != pl.col("__other"))
    joined = rows.join(ties, on=[PARTITION, PARTY])
    if dated:
        joined = joined.filter(
            pl.col("__tied") < pl.col("__asked"),
            pl.col("__until").is_null() | (pl.col("__until") > pl.col("__asked")),
        )
    return joined.select(ROW, PARTITION, "__asked", "__own_fold", "__other").unique()


def _known_outcomes(ties: pl.DataFrame, book: LabelBook, *, as_of: bool) -> pl.DataFrame:
    """Return `__row`, `__other` and the mean of the other's outcomes that the row may read."""
    joined = ties.join(book.frame.rename({PARTY: "__other"}), on=[PARTITION, "__other"])
    if as_of:
        joined = joined.filter(pl.col("__known") < pl.col("__asked"))
    else:
        joined = joined.filter(pl.col("__own_fold").is_null() | (pl.col("__fold") != pl.col("__own_fold")))
    return joined.group_by(ROW, "__other").agg(pl.col(LABEL).mean()).sort(ROW, "__other")
