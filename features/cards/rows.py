"""Where a row stands in its file, and words that name rows and cells to the reader."""

from typing import Final

import polars as pl

__all__ = ["LINE", "first_rows", "named_cells", "note", "numbered"]

LINE: Final = "__line"
_SHOWN: Final = 5
_CELL: Final = 40  # letters of a cell that a message repeats


def numbered(frame: pl.DataFrame, *, sheet: bool) -> pl.DataFrame:
    """Number the rows as the user finds them: line of the sheet (the header is line 1), else row of data."""
    return frame.with_row_index(LINE, offset=2 if sheet else 1)


def first_rows(frame: pl.DataFrame, chosen: pl.Series) -> str:
    """Return the places of the first chosen (Boolean) rows, as the file numbers them."""
    places = frame[LINE].filter(chosen) if LINE in frame.columns else chosen.arg_true() + 1
    more = ", …" if len(places) > _SHOWN else ""
    return ", ".join(map(str, places.head(_SHOWN).to_list())) + more


def named_cells(frame: pl.DataFrame, column: str, chosen: pl.Series) -> tuple[str, str]:
    """Return the first chosen (Boolean) cell with its row, in Chinese and in English."""
    at = int(chosen.arg_true()[0])
    place = frame[LINE][at] if LINE in frame.columns else at + 1
    cell = str(frame[column][at])[:_CELL]
    return (
        f"第 {place} 行为“{cell}”（共 {chosen.sum()} 行）",
        f"row {place} holds '{cell}' ({chosen.sum()} rows)",
    )


def note(zh: str, en: str) -> str:
    """Return what the user should know in both languages, parted by the one " / " that stays."""
    return f"{zh.replace(' / ', '/')} / {en}"
