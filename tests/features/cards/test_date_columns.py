from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from features.cards.card import Card, load_card
from features.cards.derive import derive, fit_relations
from features.cards.errors import CardTableError
from features.cards.read import TIME, CardTables, read_card_tables
from features.cards.state import RelationalState
from tests.features.cards.conftest import CARD, firms

Write = Callable[..., Path]
TIMED = CARD.replace('label = "failed"', 'label = "failed"\ntime = "day"')
DATED = TIMED.replace("[[edges]]", 'time = "known"\n\n[[edges]]')


def _days(form: str, days: range = range(1, 28)) -> pl.DataFrame:
    """Return the firms with a decision on a day of July 2020 and founded on a day of March 2010, as text."""
    table = firms(1)["firms"]
    day = [days[i % len(days)] for i in range(table.height)]
    return table.with_columns(
        pl.Series("day", [date(2020, 7, d).strftime(form) for d in day]),
        pl.Series("founded", [date(2010, 3, d).strftime(form) for d in reversed(day)]),
    )


def _read(path: Path, *, label: bool = True, formats: Mapping[str, str] | None = None) -> CardTables:
    return read_card_tables(load_card(path), label=label, formats=formats)


def _fit(path: Path) -> tuple[Card, CardTables, RelationalState]:
    card, tables = load_card(path), _read(path)
    return card, tables, fit_relations(card, tables, tables.main["part"] == "train")[0]


def test_scoring_reads_dates_in_the_format_of_the_training(write: Write) -> None:
    """Rows of the first twelve days could be read both ways; the training decides, not the rows at hand."""
    table = _days("%d/%m/%Y")
    _, _, state = _fit(write(TIMED, firms=table))
    assert state.date_formats() == {"main.__time": "%d/%m/%Y", "main.founded": "%d/%m/%Y"}
    early = pl.col("day").str.slice(0, 2).cast(pl.Int8) <= 12
    few = table.filter(early).with_columns(founded=pl.lit("05/03/2010"))
    path = write(TIMED, folder="new", firms=few)
    read = _read(path, label=False, formats=state.date_formats())
    assert set(read.main[TIME].dt.month()) == {7}
    scored = derive(load_card(path), read, state).frame
    assert scored["founded"].to_list() == [(day - date(2010, 3, 5)).days for day in read.main[TIME].to_list()]
    guessed = _read(path, label=False)
    assert set(guessed.main[TIME].dt.day()) == {7}


def test_state_keeps_the_formats_of_every_table(write: Write) -> None:
    suits = firms(1)["suits"].with_columns(known=pl.lit("31/01/2020"))
    edges = firms(1)["edges"].with_columns(since=pl.lit("30/01/2019"), ended=pl.lit("31.12.2021"))
    card = DATED.replace('weight = "amount"', 'weight = "amount"\ntime = "since"\nuntil = "ended"')
    _, _, state = _fit(write(card, firms=_days("%Y-%m-%d"), suits=suits, edges=edges))
    again = RelationalState.model_validate_json(state.model_dump_json())
    assert again.date_formats() == {
        "main.__time": "%Y-%m-%d", "main.founded": "%Y-%m-%d", "suits.__time": "%d/%m/%Y",
        "ties.__time": "%d/%m/%Y", "ties.__until": "%d.%m.%Y",
    }  # fmt: skip
    early = edges.with_columns(since=pl.lit("05/01/2019"), ended=pl.lit(None, pl.String))
    path = write(card, folder="new", firms=_days("%Y-%m-%d"), suits=suits, edges=early)
    read = _read(path, label=False, formats=again.date_formats())
    assert read.edges["ties"][TIME][0] == date(2019, 1, 5)


@pytest.mark.parametrize("column", ["day", "founded", "known"])
def test_a_date_in_another_format_is_refused_when_scoring(write: Write, column: str) -> None:
    suits = firms(1)["suits"].with_columns(known=pl.lit("31/01/2020"))
    tables = {"firms": _days("%d/%m/%Y"), "suits": suits}
    _, _, state = _fit(write(DATED, **tables))
    name = "suits" if column == "known" else "firms"
    cell = pl.when(pl.int_range(pl.len()) == 4).then(pl.lit("2020-07-31")).otherwise(column)
    tables[name] = tables[name].with_columns(cell.alias(column))
    path = write(DATED, folder="new", **tables)
    with pytest.raises(CardTableError, match=r"row 5 holds '2020-07-31'") as caught:
        _read(path, label=False, formats=state.date_formats())
    assert caught.value.columns == (column,)
    assert "%d/%m/%Y" in caught.value.zh


def test_a_date_column_that_holds_none_is_refused_when_scoring(write: Write) -> None:
    _, _, state = _fit(write(TIMED, firms=_days("%Y-%m-%d")))
    path = write(TIMED, folder="new", firms=_days("%Y-%m-%d").with_columns(founded=pl.lit(20100305)))
    read = _read(path, label=False, formats=state.date_formats())
    with pytest.raises(CardTableError, match="row 1 holds '20100305'"):
        derive(load_card(path), read, state)


def test_day_and_month_that_cannot_be_told_apart_are_told(write: Write) -> None:
    path = write(TIMED, firms=_days("%d/%m/%Y", range(1, 12)))
    notes = _read(path).notes
    assert any("'day'" in line and "%d/%m/%Y" in line and "time_format" in line for line in notes)
    assert any("'founded'" in line for line in notes)
    told = write(
        TIMED.replace('"day"', '"day"\ntime_format = "%d/%m/%Y"'), firms=_days("%d/%m/%Y", range(1, 12))
    )
    read = _read(told)
    assert not any("'day'" in line for line in read.notes)
    assert read.main["founded"].dt.month().to_list() == [3] * 400
    assert not _read(write(TIMED, firms=_days("%d/%m/%Y"))).notes


def test_unreadable_dates_of_events_are_counted_when_training(write: Write) -> None:
    suits = firms(1)["suits"]
    text = pl.when(pl.int_range(pl.len()) == 6).then(pl.lit("soon")).otherwise(pl.lit("2020-01-31"))
    gap = pl.when(pl.int_range(pl.len()) != 9).then(text)
    notes = _read(write(DATED, firms=_days("%Y-%m-%d"), suits=suits.with_columns(known=gap))).notes
    assert any("row 7 holds 'soon'" in line and "suits.parquet" in line for line in notes)
    assert any("2 rows without a date in 'known' are not read (rows 7, 10)" in line for line in notes)


def test_own_dates_that_do_not_read_are_counted_when_training(write: Write) -> None:
    text = pl.when(pl.int_range(pl.len()) == 6).then(pl.lit("unknown")).otherwise("founded")
    notes = _read(write(TIMED, firms=_days("%Y-%m-%d").with_columns(founded=text))).notes
    assert any("row 7 holds 'unknown'" in line and "'founded'" in line for line in notes)


def test_dates_written_as_digits_are_read_by_their_format(write: Write) -> None:
    card = TIMED.replace('"day"', '"day"\ntime_format = "%Y%m%d"')
    table = _days("%Y%m%d").with_columns(pl.col("day").cast(pl.Int64))
    assert set(_read(write(card, firms=table)).main[TIME].dt.month()) == {7}


def test_undated_groups_are_told_where_rows_have_a_date(write: Write) -> None:
    card = load_card(write(TIMED, firms=_days("%Y-%m-%d")))
    tables = read_card_tables(card, label=True)
    _, derived = fit_relations(card, tables, tables.main["part"] == "train")
    assert {"groups", "suits", "ties"} <= {
        n.table for n in derived.notices if "without regard to time" in n.en
    }
