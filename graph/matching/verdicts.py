"""What persons wrote into the review list, read as decisions."""

from collections.abc import Mapping
from typing import Final

import polars as pl

from graph.identity import DECISION_SCHEMA
from graph.matching.errors import DecisionError, ReviewListError

__all__ = ["ANSWERS", "VERDICTS", "decisions_of", "to_be_filled"]

ANSWERS: Final = ("verdict", "decided_by", "decided_on", "comment")
"""The columns of the list that a person fills."""
VERDICTS: Final[Mapping[str, bool]] = {
    "同": True,
    "是": True,
    "same": True,
    "yes": True,
    "不同": False,
    "否": False,
    "different": False,
    "no": False,
}
_NEEDED: Final = (
    "party_a",
    "party_b",
    "credit_code_a",
    "credit_code_b",
    "verdict",
    "decided_by",
    "decided_on",
)


def to_be_filled(review: pl.DataFrame, filled: pl.DataFrame | None = None) -> pl.DataFrame:
    """Return the review list (REVIEW_SCHEMA) with the columns of ANSWERS, empty but for what `filled` answers already.

    `filled` is an earlier list, perhaps half done: its answers on pairs that are still asked are taken over.
    """
    pair = ["party_a", "party_b"]
    if filled is None or not {*pair, *ANSWERS} <= {*filled.columns}:
        return review.with_columns(pl.lit(None, dtype=pl.String).alias(name) for name in ANSWERS)
    answers = filled.select(pl.col(*pair, *ANSWERS).cast(pl.String)).unique(pair, keep="last")
    return review.join(answers, on=pair, how="left", maintain_order="left")


def decisions_of(filled: pl.DataFrame) -> pl.DataFrame:
    """Return the decisions (DECISION_SCHEMA) on the rows of a filled review list that have a verdict.

    Days are read as spreadsheets write them (2026-01-05, 2026/1/5, 2026年1月5日). Raises ReviewListError for a column
    that is missing, and DecisionError for a verdict or a day that cannot be read.
    """
    for column in _NEEDED:
        if column not in filled.columns:
            raise ReviewListError(column, "缺失", "is missing")
    rows = filled if "comment" in filled.columns else filled.with_columns(comment=None)
    texts = [pl.col(name).cast(pl.String).str.strip_chars().replace("", None) for name in ANSWERS]
    answered = rows.with_columns(texts).filter(pl.col("verdict").is_not_null())
    verdict = pl.col("verdict").str.to_lowercase()
    read = answered.with_columns(
        accepted=verdict.replace_strict(VERDICTS, default=None, return_dtype=pl.Boolean),
        day=_day("decided_on"),
    )
    _refuse(read.filter(pl.col("accepted").is_null()), "verdict", "“同”或“不同”", "same or different")
    unread = pl.col("decided_on").is_not_null() & pl.col("day").is_null()
    _refuse(read.filter(unread), "decided_on", "日期，如 2026-01-05", "a day such as 2026-01-05")
    told = {"reason": "comment", "decided_on": "day"}
    return read.select(
        pl.col(told.get(name, name)).cast(dtype).alias(name) for name, dtype in DECISION_SCHEMA.items()
    )


def _day(column: str) -> pl.Expr:
    written = pl.col(column).str.replace_all("[/.年月]", "-").str.extract(r"^(\d{4}-\d{1,2}-\d{1,2})(?:\D|$)")
    return written.str.to_date("%Y-%m-%d", strict=False)


def _refuse(strange: pl.DataFrame, column: str, zh: str, en: str) -> None:
    if strange.height:
        row = strange.row(0, named=True)
        raise DecisionError(
            (str(row["party_a"]), str(row["party_b"])),
            f"的 {column}“{row[column]}”无法理解，请填{zh}",
            f"has the {column} '{row[column]}', which cannot be read; write {en}",
        )
