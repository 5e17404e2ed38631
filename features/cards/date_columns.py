"""Read the date columns of a card's tables in the formats of the training; refuse or count what does not read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import polars as pl

from features.cards.dates import DateReading, read_dates
from features.cards.errors import CardTableError
from features.cards.rows import first_rows, named_cells, note

__all__ = ["DateReader"]


@dataclass(frozen=True)
class DateReader:
    """Reads date columns; `given` are the formats of the training by role, None when training.

    A format guessed again from other rows may swap day and month without a sign, so each guess is kept in `formats`
    for the model, and a guess that was close is told in `notes`.
    """

    given: Mapping[str, str] | None = None
    formats: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def read(
        self, frame: pl.DataFrame, column: str, *, table: str, role: str, form: str | None = None
    ) -> pl.Series:
        """Return a column that the card calls a date; all missing is allowed. `form` is the card's own format.

        Raises CardTableError naming the cell when it holds no dates, or when scoring and one does not read in the
        format of the training.
        """
        values = frame[column]
        if values.null_count() == len(values):
            return pl.Series(column, [None] * len(values), dtype=pl.Date)
        stored = (self.given or {}).get(role)
        reading = read_dates(values, form or stored)
        if reading is None or (reading.form and not reading.holds):
            raise _no_dates(frame, column, table, reading)
        if stored is not None and reading.unreadable.any():
            raise _no_dates(frame, column, table, reading)
        self._keep(frame, column, table=table, role=role, reading=reading)
        if reading.rival and form is None:
            self.notes.append(
                _tie(table, column, reading, "在卡片中写 time_format", "set time_format in the card")
            )
        return reading.dates

    def read_own(
        self, frame: pl.DataFrame, columns: Iterable[str], *, table: str, prefer: str | None, timed: bool
    ) -> pl.DataFrame:
        """Return the main table with its text columns that hold dates as dates.

        When scoring, only the columns that were dates in training. `prefer` is the format of the decision's date: it
        decides where a column could be read in two ways. Without one (not `timed`) such columns are not used at all.
        """
        found: list[pl.Series] = []
        for column in columns:
            role = f"main.{column}"
            if self.given is not None:
                if role in self.given and frame.schema[column] == pl.String:
                    found.append(self.read(frame, column, table=table, role=role).alias(column))
                continue
            reading = read_dates(frame[column], prefer=prefer) if frame.schema[column] == pl.String else None
            if reading is None or not reading.holds:
                continue
            found.append(reading.dates.alias(column))
            if timed:
                self._keep(frame, column, table=table, role=role, reading=reading)
            if timed and reading.rival:
                zh, en = "将该列改写为 2024-12-31 的形式", "write the column as 2024-12-31"
                self.notes.append(_tie(table, column, reading, zh, en))
        return frame.with_columns(found)

    def _keep(self, frame: pl.DataFrame, column: str, *, table: str, role: str, reading: DateReading) -> None:
        if reading.form is None:
            return
        self.formats[role] = reading.form
        if reading.unreadable.any():
            zh, en = named_cells(frame, column, reading.unreadable)
            self.notes.append(
                note(
                    f"表“{table}”列“{column}”有不能按 {reading.form} 识别的日期，按缺失处理：{zh}",
                    f"table '{table}', column '{column}': dates that do not read as {reading.form} count as missing: {en}",
                )
            )

    def lost(self, frame: pl.DataFrame, dates: pl.Series, column: str, table: str) -> None:
        """Count the rows of a table read as of a date that have none: they are never read."""
        if dates.null_count():
            rows = first_rows(frame, dates.is_null())
            self.notes.append(
                note(
                    f"表“{table}”有 {dates.null_count()} 行缺少日期“{column}”，未读取（第 {rows} 行）",
                    f"table '{table}': {dates.null_count()} rows without a date in '{column}' are not read (rows {rows})",
                )
            )


def _tie(table: str, column: str, reading: DateReading, remedy_zh: str, remedy_en: str) -> str:
    return note(
        f"表“{table}”列“{column}”的日期无法区分日与月：按 {reading.form} 读取，按 {reading.rival} 同样可读；如有误，请{remedy_zh}",
        f"table '{table}', column '{column}': day and month cannot be told apart; read as {reading.form}, "
        f"{reading.rival} reads as well. If that is wrong, {remedy_en}",
    )


def _no_dates(frame: pl.DataFrame, column: str, table: str, reading: DateReading | None) -> CardTableError:
    bad = reading.unreadable if reading is not None else frame[column].is_not_null()
    nothing = reading is None or reading.dates.null_count() == len(reading.dates)
    if not bad.any():  # nothing but marks of missing values
        bad = frame[column].is_not_null()
    zh, en = named_cells(frame, column, bad)
    form = reading.form if reading is not None else None
    how_zh = "不是日期" if nothing or form is None else f"不能按 {form} 识别"
    how_en = "holds no dates" if nothing or form is None else f"does not read as {form}"
    return CardTableError(
        table,
        zh=f'列“{column}”{how_zh}：{zh}。请改正，或在卡片中写 time_format，例如 "%m/%d/%Y"。',
        en=f"column '{column}' {how_en}: {en}. Correct it or set time_format in the card, such as \"%m/%d/%Y\".",
        columns=(column,),
    )
