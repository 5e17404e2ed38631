"""What a party's earlier rows say: only what was known, never an outcome, the same in every order of the rows."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.cards.card import load_card
from features.cards.derive import Derived, derive, fit_relations
from features.cards.errors import CardError
from features.cards.history import history_features
from features.cards.read import PARTITION, PARTY, ROW, TIME, read_card_tables
from features.cards.state import Family, HistoryState, RelationalState

Write = Callable[..., Path]
CARD = """
[main]
path = "ratings.parquet"
id = "firm"
label = "failed"
time = "day"
key = ["firm", "day", "agency"]
drop = ["agency"]
"""
STATE = HistoryState(columns=("debt",), share=1.0)


def _table(*rows: tuple[str, int, float]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return main rows (party, day, debt) and their own numbers."""
    start = date(2020, 1, 1)
    main = pl.DataFrame(
        {
            ROW: range(len(rows)),
            PARTITION: ["all"] * len(rows),
            PARTY: [r[0] for r in rows],
            TIME: [start + timedelta(days=r[1]) for r in rows],
        },
        schema_overrides={ROW: pl.UInt32},
    )
    return main, pl.DataFrame({ROW: main[ROW], "debt": [r[2] for r in rows]})


def _ratings(seed: int = 3, firms: int = 60, each: int = 5) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    firm = np.repeat(np.arange(firms), each)
    debt = rng.normal(size=firms * each).round(2)
    return pl.DataFrame(
        {
            "firm": [f"F{i}" for i in firm],
            "day": [date(2018, 1, 1) + timedelta(days=int(d)) for d in rng.integers(0, 1500, firms * each)],
            "agency": np.tile(np.arange(each), firms),
            "debt": debt,
            "failed": (rng.random(firms * each) < 1 / (1 + np.exp(-debt))).astype(int),
        }
    )


def _fit(path: Path) -> tuple[RelationalState, Derived]:
    card = load_card(path)
    tables = read_card_tables(card, label=True)
    return fit_relations(card, tables, pl.Series([True] * tables.main.height))


def test_figures_are_those_before_the_last_change() -> None:
    rows = [("a", 0, 1.0), ("a", 30, 1.0), ("a", 60, 2.0), ("a", 90, 2.0), ("b", 90, 7.0), ("a", 500, 2.0)]
    found = history_features(*_table(*rows), STATE)
    assert found["earlier.debt"].to_list() == [None, None, 1.0, 1.0, None, 1.0]
    assert found["earlier.days"].to_list() == [None, 30, 30, 30, None, 410]
    assert found["earlier.n_365d"].to_list() == [0, 1, 2, 3, 0, 0]


def test_rows_of_the_same_day_do_not_read_one_another() -> None:
    found = history_features(*_table(("a", 0, 1.0), ("a", 9, 2.0), ("a", 9, 3.0), ("a", 9, 2.0)), STATE)
    assert found["earlier.debt"].to_list() == [None, 1.0, 1.0, 1.0]
    assert found["earlier.n_365d"].to_list() == [0, 1, 1, 1]


def test_a_partition_does_not_read_another() -> None:
    main, numbers = _table(("a", 0, 1.0), ("a", 9, 2.0))
    main = main.with_columns(pl.Series(PARTITION, ["one", "two"]))
    assert history_features(main, numbers, STATE)["earlier.debt"].to_list() == [None, None]


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.integers(0, 900), st.integers(0, 2).map(float)),
        min_size=1,
        max_size=20,
    )
)
def test_equals_a_plain_search(rows: list[tuple[str, int, float]]) -> None:
    found = history_features(*_table(*rows), STATE)
    for i, (party, day, debt) in enumerate(rows):
        before = sorted((d, j) for j, (p, d, _) in enumerate(rows) if p == party and d < day)
        assert found["earlier.n_365d"][i] == sum(d >= day - 365 for d, _ in before)
        assert found["earlier.days"][i] == (day - before[-1][0] if before else None)
        last_of_day = dict(before)  # the last row of each day
        unlike = [rows[j][2] for d, j in sorted(last_of_day.items()) if rows[j][2] != debt]
        assert found["earlier.debt"][i] == (unlike[-1] if unlike else None)


def test_what_comes_later_changes_nothing(write: Write) -> None:
    ratings = _ratings()
    state, whole = _fit(write(CARD, ratings=ratings))
    assert {f for f in state.features if state.families[f] is Family.HISTORY} == {
        "earlier.n_365d", "earlier.days", "earlier.debt",
    }  # fmt: skip
    cut = date(2020, 6, 1)
    changed = ratings.with_columns(
        pl.when(pl.col("day") >= cut).then(pl.col("debt") + 5.0).otherwise("debt").alias("debt")
    )
    path = write(CARD, folder="later", ratings=changed)
    card = load_card(path)
    again = derive(card, read_card_tables(card, label=True), state)
    early = ratings["day"] < cut
    assert whole.frame.filter(early).equals(again.frame.filter(early))
    until = ratings["day"] <= cut
    alone = write(CARD, folder="alone", ratings=ratings.filter(until))
    card = load_card(alone)
    part = derive(card, read_card_tables(card, label=False), state)
    assert part.frame.drop(ROW).equals(whole.frame.filter(until).drop(ROW))


def test_outcomes_never_enter(write: Write) -> None:
    ratings = _ratings()
    _, one = _fit(write(CARD, ratings=ratings))
    _, other = _fit(write(CARD, folder="other", ratings=ratings.with_columns(failed=1 - pl.col("failed"))))
    assert one.frame.equals(other.frame)


def test_parties_that_stand_once_have_no_history(write: Write) -> None:
    once = _ratings().unique("firm", keep="first", maintain_order=True)
    state, _ = _fit(write(CARD, ratings=once))
    assert state.history is None
    assert not [f for f in state.features if f.startswith("earlier.")]


def test_scoring_says_when_earlier_rows_are_left_out(write: Write) -> None:
    ratings = _ratings()
    state, _ = _fit(write(CARD, ratings=ratings))
    last = ratings.sort("day").unique("firm", keep="last", maintain_order=True)
    card = load_card(write(CARD, folder="last", ratings=last))
    told = [
        n for n in derive(card, read_card_tables(card, label=False), state).notices if n.column == "earlier"
    ]
    assert len(told) == 1
    assert "0% of the rows have an earlier row" in told[0].en
    assert "更早的行" in told[0].zh
    card = load_card(write(CARD, folder="all", ratings=ratings))
    notices = derive(card, read_card_tables(card, label=False), state).notices
    assert not [n for n in notices if n.column == "earlier"]


def test_a_table_may_not_take_the_name(write: Write) -> None:
    events = '[[events]]\nname = "earlier"\npath = "suits.parquet"\nid = "firm"\n'
    with pytest.raises(CardError, match="earlier"):
        load_card(write(CARD + events, ratings=_ratings()))
