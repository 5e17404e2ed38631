"""One world of a card: what is known of each party at one moment, and the rows that ask."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from features.cards.card import Card, EdgeTable, EventTable, GroupTable
from features.cards.read import PARTITION, PARTY, ROW, TIME, CardTables
from features.cards.state import Notice

__all__ = ["World", "dated_tables", "undated_notices", "worlds"]


@dataclass(frozen=True)
class World:
    """The rows of one partition that may read the graph as of one date (None: the tables carry no time)."""

    partition: str
    as_of: date | None
    rows: pl.DataFrame
    known_main: pl.DataFrame

    def known_parties(self) -> pl.Series:
        """Return every party that asks or is known by its own row."""
        return pl.concat([self.rows[PARTY], self.known_main[PARTY]]).unique().sort()

    def visible(self, table: pl.DataFrame, *, dated: bool) -> pl.DataFrame:
        """Return the rows of another table in this partition that were known before the date."""
        here = table.filter(pl.col(PARTITION) == self.partition)
        if self.as_of is None or not dated:
            return here
        here = here.filter(pl.col(TIME) < self.as_of)
        if "__until" in here.columns:
            here = here.filter(pl.col("__until").is_null() | (pl.col("__until") > self.as_of))
        return here


def dated_tables(card: Card) -> Mapping[str, bool]:
    """Say of each event and edge table whether it is read as of the row's date."""
    tables: list[EventTable | EdgeTable] = [*card.events, *card.edges]
    return {t.title: bool(card.main.time and t.time) for t in tables}


def undated_notices(card: Card) -> list[Notice]:
    """Name the tables that cannot be read as of the row's date although rows have one."""
    tables: list[EventTable | EdgeTable | GroupTable] = [*card.events, *card.edges, *card.groups]
    undated = [t for t in tables if card.main.time and (isinstance(t, GroupTable) or not t.time)]
    return [
        Notice(
            t.title,
            "time",
            "没有日期列，只能不分先后地读取；若含决策日之后的内容，结果会偏高",
            "has no date, so it is read without regard to time; what came after the decision would flatter the model",
        )
        for t in undated
    ]


def worlds(card: Card, tables: CardTables) -> Iterator[World]:
    """Cut the main rows into worlds: by partition and, where rows have a date, by month of decision.

    A row of a month reads what was known before the month's first day: a little less than allowed, never more.
    """
    by_month = card.main.time is not None and bool(card.edges or card.groups)
    main = tables.main
    month = pl.col(TIME).dt.truncate("1mo") if by_month else pl.lit(None, pl.Date)
    keyed = main.with_columns(month.alias("__month"))
    for (partition, as_of), rows in keyed.group_by([PARTITION, "__month"], maintain_order=True):
        here = keyed.filter(pl.col(PARTITION) == partition)
        known = here if as_of is None else here.filter(pl.col(TIME) < as_of)
        yield World(str(partition), as_of, rows.drop("__month"), _latest(known.drop("__month")))


def _latest(main: pl.DataFrame) -> pl.DataFrame:
    """Return one row a party, the latest."""
    order = [TIME, ROW] if TIME in main.columns else [ROW]
    return main.sort(order).unique(PARTY, keep="last", maintain_order=True)
