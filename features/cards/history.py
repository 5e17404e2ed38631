"""A party's own earlier rows of the main table: how many, how long ago, and the figures that stood before the present ones."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.cards.card import Card
from features.cards.read import PARTITION, PARTY, ROW, TIME
from features.cards.state import HistoryState, Notice

__all__ = ["TITLE", "fit_history", "history_features", "history_notices"]

TITLE: Final = "earlier"
_LEAST_SHARE: Final = 0.1  # of the training rows must have an earlier one, else there is little to learn from
_DAYS: Final = 365
_SPAN: Final = 10_000_000  # days between two parties in one ordered key; no two dates lie so far apart

Whole = NDArray[np.int64]


def fit_history(card: Card, train: pl.DataFrame, columns: Sequence[str]) -> HistoryState | None:
    """Return what to read of earlier rows, None where rows have no date or parties hardly ever return.

    `train` holds the training rows of the main table, `columns` the number features to carry over.
    """
    if card.main.id is None or card.main.time is None:
        return None
    share = _returning(train)
    return HistoryState(columns=tuple(columns), share=share) if share >= _LEAST_SHARE else None


def history_features(rows: pl.DataFrame, numbers: pl.DataFrame, state: HistoryState) -> pl.DataFrame:
    """Return `__row`, the party's earlier rows within a year, the days since the last, and its figures before a change.

    `rows` are the main rows (row, partition, party, time), `numbers` their own features in the same order. Only rows of
    the same party and partition dated before the row's own day are read, never an outcome. A figure `earlier.<column>`
    is that of the latest earlier day whose figures differ from the row's: an agency that comes back between two
    annual statements sees the same statement again, which says nothing of the past.
    """
    # Cast to what a day is counted in; ranks give equal figures equal numbers, whatever their type.
    statement = numbers.select(pl.struct(state.columns or (ROW,)).rank("dense").cast(pl.Int64)).to_series()
    day = rows[TIME].cast(pl.Int32).cast(pl.Int64)
    party = rows.select(pl.struct(PARTITION, PARTY).rank("dense").cast(pl.Int64)).to_series()
    frame = pl.DataFrame(
        {"place": np.arange(rows.height), "party": party, "day": day, "statement": statement}
    )
    days = _days(frame)
    asked = frame.join(days, on=["party", "day"], how="left", maintain_order="left", suffix="_of_day")
    before = asked["before"].to_list()
    figures = days["figures"].to_list()
    unlike = days["unlike"].to_list()
    source = [
        None if b is None else (b if figures[b] != own else unlike[b])
        for b, own in zip(before, asked["statement"], strict=True)
    ]
    last_place, day_of = days["place"], days["day"]
    taken = pl.Series([None if s is None else int(last_place[s]) for s in source], dtype=pl.Int64)
    last = pl.Series([None if b is None else int(day_of[b]) for b in before], dtype=pl.Int64)
    earlier = (
        numbers.select(state.columns).with_row_index("place").with_columns(pl.col("place").cast(pl.Int64))
    )
    carried = taken.to_frame("place").join(earlier, on="place", how="left", maintain_order="left")
    return pl.DataFrame(
        [
            rows[ROW],
            pl.Series(f"{TITLE}.n_{_DAYS}d", _within(party.to_numpy(), day.to_numpy()), dtype=pl.Float64),
            (day - last).cast(pl.Float64).alias(f"{TITLE}.days"),
            *(carried[c].cast(pl.Float64).alias(f"{TITLE}.{c}") for c in state.columns),
        ]
    )


def history_notices(state: HistoryState | None, rows: pl.DataFrame, table: str) -> list[Notice]:
    """Say when far fewer rows have an earlier row of their party than in training: these features are then empty."""
    if state is None or rows.is_empty() or (now := _returning(rows)) >= state.share / 2:
        return []
    zh = (
        f"{now:.0%} 的行有同一主体更早的行，训练时为 {state.share:.0%}；这些特征多为缺失。"
        "若有更早的行，请一并放入主表（无需标签）"
    )
    en = (
        f"{now:.0%} of the rows have an earlier row of their party, {state.share:.0%} in training, so that most of "
        "what earlier rows say is missing. Keep earlier rows in the main table where there are any (no label is needed)"
    )
    return [Notice(table, TITLE, zh, en)]


def _returning(rows: pl.DataFrame) -> float:
    """Return the share of rows that have a row of the same party on an earlier day."""
    first = pl.col(TIME).min().over(PARTITION, PARTY)
    return float(rows.select((pl.col(TIME) > first).mean()).item() or 0.0)


def _days(frame: pl.DataFrame) -> pl.DataFrame:
    """Return one row a party and day, in order: its last row, the day before (`before`), the last unlike it (`unlike`).

    Both point to rows of this table. `figures` numbers what the last row of the day shows.
    """
    days = (
        frame.sort("party", "day", "place")
        .group_by("party", "day", maintain_order=True)
        .agg(pl.col("place").last(), pl.col("statement").last().alias("figures"))
        .with_row_index("at")
        .with_columns(pl.col("at").cast(pl.Int64))
    )
    before = pl.col("at").shift(1).over("party")
    changed = (pl.col("figures") != pl.col("figures").shift(1).over("party")).fill_null(value=True)
    start = pl.when(changed).then("at").forward_fill().over("party")
    first = pl.col("at").min().over("party")
    unlike = pl.when(start > first).then(start - 1)
    return days.with_columns(before.alias("before"), unlike.alias("unlike"))


def _within(party: Whole, day: Whole) -> Whole:
    """Return per row the number of earlier rows of its party not more than a year old."""
    key = party * _SPAN + day
    ordered = np.sort(key)
    found = np.searchsorted(ordered, key, side="left") - np.searchsorted(ordered, key - _DAYS, side="left")
    return found.astype(np.int64)
