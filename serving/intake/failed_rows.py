"""The failed rows of an upload as they came, with why each failed, to be corrected and handed in again."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import polars as pl

from features.checking import Checked
from features.intake import ROW

__all__ = ["REASONS_EN", "REASONS_ZH", "failed_rows", "write_failed_workbook"]

REASONS_ZH: Final = "不合格原因"
REASONS_EN: Final = "why it failed"
_RULES: Final = "rules"
_SHEET: Final = "failed"


def failed_rows(checked: Checked) -> pl.DataFrame:
    """Return the failed rows whole as text, with their line numbers and the reasons in both languages.

    Personal cells are theirs who handed the file in, and stay; reasons name no value.
    """
    reasons = checked.failed.group_by("row", maintain_order=True).agg(
        _reason("message_zh", "remedy_zh", "；", "：").alias(REASONS_ZH),
        _reason("message_en", "remedy_en", "; ", ": ").alias(REASONS_EN),
    )
    rows = checked.rows.drop(_RULES).select(pl.col(ROW), pl.exclude(ROW).cast(pl.String))
    return rows.join(reasons, left_on=ROW, right_on="row", how="left", maintain_order="left")


def write_failed_workbook(rows: pl.DataFrame, path: Path, language: str) -> None:
    """Write failed rows as a workbook, the reasons first; every cell is text, so that nothing in it is run."""
    from serving.uploads.writing import Sheet, write_workbook  # noqa: PLC0415 - xlsxwriter is not needed to score

    first = [REASONS_ZH, REASONS_EN] if language.startswith("zh") else [REASONS_EN, REASONS_ZH]
    columns = [ROW, *first, *(name for name in rows.columns if name not in (ROW, *first))]

    def pieces() -> Iterator[pl.DataFrame]:
        yield rows.select(columns)

    write_workbook(path, [Sheet(_SHEET, {name: name for name in columns}, pieces)])


def _reason(message: str, remedy: str, between: str, colon: str) -> pl.Expr:
    column = pl.when(pl.col("column") != "").then(pl.col("column") + colon).otherwise(pl.lit(""))
    return (column + pl.col(message) + " → " + pl.col(remedy)).str.join(between)
