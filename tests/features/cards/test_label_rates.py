from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from features.cards.card import Card, load_card
from features.cards.derive import Derived, derive, fit_relations
from features.cards.errors import CardTableError
from features.cards.label_rates import LabelBook
from features.cards.read import read_card_tables
from features.cards.state import RelationalState
from tests.features.cards.conftest import CARD, firms

Write = Callable[..., Path]
RATES = 'neighbour_label_rate = "out_of_fold"\n' + CARD.replace('split = "part"', "folds = {}")


def _fit(path: Path) -> tuple[Card, RelationalState, Derived]:
    card = load_card(path)
    tables = read_card_tables(card, label=True)
    state, derived = fit_relations(card, tables, pl.Series([True] * tables.main.height))
    return card, state, derived


def _two_worlds(flip: bool) -> tuple[str, dict[str, pl.DataFrame]]:
    """Return a card and tables in which every firm and edge stands in two partitions; `flip` turns labels in one."""
    card = RATES.replace('label = "failed"', 'label = "failed"\npartition = "world"')
    for table in ("suits", "edges", "groups"):
        card = card.replace(f'path = "{table}.parquet"', f'path = "{table}.parquet"\npartition = "world"')
    both = {}
    for name, frame in firms(1).items():
        other = frame.with_columns(failed=1 - pl.col("failed")) if flip and name == "firms" else frame
        worlds = (frame.with_columns(world=pl.lit("one")), other.with_columns(world=pl.lit("two")))
        both[name] = pl.concat(worlds)
    return card, both


def test_outcomes_of_another_partition_are_not_read(write: Write) -> None:
    card, both = _two_worlds(flip=False)
    _, _, alone = _fit(write(RATES, folder="alone"))
    _, _, derived = _fit(write(card, folder="both", **both))
    n = alone.frame["ties.labels.n"]
    assert n.sum() > 0
    for half in (derived.frame.head(400), derived.frame.tail(400)):
        assert half["ties.labels.n"].to_list() == n.to_list()
        assert half["ties.labels.rate"].to_list() == alone.frame["ties.labels.rate"].to_list()


def test_saved_outcomes_keep_their_partition(write: Write) -> None:
    """What the one world's firms became moves no rate of the other, also after saving and reading back."""
    card, both = _two_worlds(flip=True)
    read, state, derived = _fit(write(card, **both))
    assert derived.labels is not None
    saved = LabelBook.from_parquet(derived.labels.to_parquet())
    again = derive(read, read_card_tables(read, label=False), state, saved)
    assert again.frame.equals(derived.frame)
    before, after = (again.frame["ties.labels.rate"].slice(start, 400) for start in (0, 400))
    n = again.frame["ties.labels.n"].head(400)
    # Shrunk by two neighbours of the mean rate (one half over both worlds), a rate and its flipped twin add up to one.
    total = (before + after).filter(n > 0)
    assert total.to_list() == pytest.approx([1.0] * len(total))


def test_book_without_partitions_is_refused(write: Write) -> None:
    _, _, derived = _fit(write(RATES))
    assert derived.labels is not None
    old = LabelBook(derived.labels.frame.drop("__partition"))
    with pytest.raises(CardTableError, match="Train again"):
        LabelBook.from_parquet(old.to_parquet())


def test_neighbour_with_several_outcomes_counts_once(write: Write) -> None:
    base = firms(1)["firms"].with_columns(year=pl.lit(1))
    twice = pl.concat([base, base.with_columns(year=pl.lit(2))])
    _, _, alone = _fit(write(RATES, folder="alone"))
    _, _, derived = _fit(
        write(
            RATES.replace('label = "failed"', 'label = "failed"\nkey = ["firm", "year"]\ndrop = ["year"]'),
            firms=twice,
        )
    )
    assert derived.frame["ties.labels.n"].head(400).to_list() == alone.frame["ties.labels.n"].to_list()


def test_model_without_its_outcomes_is_refused(write: Write) -> None:
    """Neighbours without a known outcome are a count of 0; outcomes that are lost must not pass for gaps."""
    card, state, _ = _fit(write(RATES))
    with pytest.raises(CardTableError, match=r"ties\.labels\.n"):
        derive(card, read_card_tables(card, label=False), state)


DATED = RATES.replace('label = "failed"', 'label = "failed"\ntime = "day"')
AS_OF = DATED.replace('"out_of_fold"', '"as_of"\nlabel_known = "known"')


def _dated() -> pl.DataFrame:
    known = pl.when(pl.int_range(pl.len()) % 2 == 0).then(pl.date(2019, 1, 1)).otherwise(pl.date(2021, 1, 1))
    return firms(1)["firms"].with_columns(day=pl.lit(date(2020, 1, 1)), known=known)


def test_card_that_scores_cannot_lift_the_date_of_known_outcomes(write: Write) -> None:
    _, state, derived = _fit(write(AS_OF, firms=_dated()))
    later = load_card(write(DATED, folder="score", firms=_dated()))
    again = derive(later, read_card_tables(later, label=False), state, derived.labels)
    assert again.frame["ties.labels.n"].to_list() == derived.frame["ties.labels.n"].to_list()


def test_outcomes_over_ended_ties_are_not_read(write: Write) -> None:
    card = AS_OF.replace('weight = "amount"', 'weight = "amount"\ntime = "since"\nuntil = "until"')
    edges = firms(1)["edges"].with_columns(since=pl.lit(date(2018, 1, 1)), until=pl.lit(None, pl.Date))
    ended = edges.with_columns(
        until=pl.when(pl.int_range(pl.len()) < 600).then(pl.date(2019, 6, 1)).otherwise("until")
    )
    _, _, left = _fit(write(card, folder="left", firms=_dated(), edges=edges.tail(edges.height - 600)))
    _, _, derived = _fit(write(card, folder="ended", firms=_dated(), edges=ended))
    assert derived.frame["ties.labels.n"].to_list() == left.frame["ties.labels.n"].to_list()
    assert left.frame["ties.labels.n"].sum() > 0
