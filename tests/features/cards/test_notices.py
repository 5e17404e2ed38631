from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from features.cards.card import Card, load_card
from features.cards.derive import Derived, derive, fit_relations
from features.cards.errors import CardTableError
from features.cards.read import CardTables, read_card_tables
from features.cards.state import Notice, RelationalState
from tests.features.cards.conftest import CARD, firms

Write = Callable[..., Path]
SUITS = 'path = "suits.parquet"\nid = "firm"\n'


def _fit(path: Path) -> tuple[Card, CardTables, RelationalState, Derived]:
    card = load_card(path)
    tables = read_card_tables(card, label=True)
    state, derived = fit_relations(card, tables, tables.main["part"] == "train")
    return card, tables, state, derived


def _scored(path: Path, state: RelationalState) -> Derived:
    card = load_card(path)
    return derive(card, read_card_tables(card, label=False), state)


def _of(derived: Derived, table: str) -> list[Notice]:
    return [n for n in derived.notices if n.table == table]


def _amounts() -> pl.DataFrame:
    suits = firms(1)["suits"]
    return suits.with_columns(pl.Series("amount", np.random.default_rng(2).lognormal(3, 1, suits.height)))


def test_tables_that_fit_give_no_notice(write: Write) -> None:
    _, _, state, derived = _fit(write())
    assert derived.notices == ()
    assert _scored(write(folder="again"), state).notices == ()


def test_ids_outside_the_main_table_are_counted_and_named(write: Write) -> None:
    base = firms(1)
    suits = base["suits"].with_columns(
        firm=pl.when(pl.int_range(pl.len()) < 4).then(pl.lit("X1")).otherwise("firm")
    )
    edges = base["edges"].with_columns(
        b=pl.when(pl.int_range(pl.len()) < 6).then(pl.lit("X2")).otherwise("b")
    )
    groups = base["groups"].with_columns(
        firm=pl.when(pl.int_range(pl.len()) < 2).then(pl.lit("X3")).otherwise("firm")
    )
    _, _, state, fitted = _fit(write(suits=suits, edges=edges, groups=groups))
    scored = _scored(write(folder="new", suits=suits, edges=edges, groups=groups), state)
    expected = {"suits": (4, suits.height, "X1"), "ties": (6, edges.height, "X2"), "groups": (2, 400, "X3")}
    for derived in (fitted, scored):
        for table, (rows, total, first) in expected.items():
            (notice,) = _of(derived, table)
            assert f"{rows} of {total} rows" in notice.en
            assert f"共 {total} 行，其中 {rows} 行" in notice.zh
            assert first in notice.en
            assert "WARNING" not in notice.en


def test_table_of_which_no_id_is_known_is_a_strong_warning(write: Write) -> None:
    base = firms(1)
    suits = base["suits"].with_columns(firm=pl.col("firm").str.to_lowercase())
    edges = base["edges"].with_columns(a="x" + pl.col("a"), b="x" + pl.col("b"))
    _, _, _, derived = _fit(write(suits=suits, edges=edges))
    for table, first in (("suits", "f0"), ("ties", "xF0")):
        (notice,) = _of(derived, table)
        assert notice.en.startswith("WARNING: none of its")
        assert notice.zh.startswith("注意：全部")
        assert first in notice.en
        assert "F0000" in notice.en


def test_ids_of_another_partition_are_outside(write: Write) -> None:
    both = {n: t.with_columns(world=pl.lit("one")) for n, t in firms(1).items()}
    both["suits"] = both["suits"].with_columns(world=pl.lit("two"))
    card = CARD.replace('label = "failed"', 'label = "failed"\npartition = "world"')
    for table in ("suits", "edges", "groups"):
        card = card.replace(f'path = "{table}.parquet"', f'path = "{table}.parquet"\npartition = "world"')
    _, _, _, derived = _fit(write(card, **both))
    (notice,) = derived.notices
    assert notice.table == "suits"
    assert "partition" in notice.en


def test_infinite_weights_and_amounts_are_counted_at_fit_and_at_score(write: Write) -> None:
    few = pl.int_range(pl.len()) < 3
    edges = firms(1)["edges"].with_columns(amount=pl.when(few).then(float("inf")).otherwise("amount"))
    suits = _amounts().with_columns(amount=pl.when(few).then(float("-inf")).otherwise("amount"))
    _, _, state, fitted = _fit(write(edges=edges, suits=suits))
    scored = _scored(write(folder="new", edges=edges, suits=suits), state)
    for derived in (fitted, scored):
        for table in ("ties", "suits"):
            (notice,) = _of(derived, table)
            assert notice.column == "amount"
            assert notice.en.startswith("3 infinite values")
    assert np.isfinite(fitted.frame["ties.guarantees.out.weight"].to_numpy()).all()


def test_infinite_own_figure_is_named_at_fit_too(write: Write) -> None:
    table = firms(1)["firms"].with_columns(
        capital=pl.when(pl.col("firm") == "F0002").then(float("inf")).otherwise("capital")
    )
    _, _, _, derived = _fit(write(firms=table))
    assert [n.column for n in derived.notices] == ["capital"]


def test_names_that_training_did_not_learn_are_named_when_scoring(write: Write) -> None:
    card = CARD.replace('group = "group"', 'group = "group"\nnames = true')
    wide = firms(1)["groups"].with_columns(group=pl.Series([f"T{i % 4}" for i in range(400)]))
    _, _, state, fitted = _fit(write(card, groups=wide))
    assert state.groups["groups"].vocabularies
    assert fitted.notices == ()
    few = pl.int_range(pl.len()) < 5
    suits = firms(1)["suits"].with_columns(result=pl.when(few).then(pl.lit("annulled")).otherwise("result"))
    moved = wide.with_columns(group=pl.when(few).then(pl.lit("Atlantis")).otherwise("group"))
    guild = wide.head(30).with_columns(kind=pl.lit("guild"))
    derived = _scored(write(card, folder="new", suits=suits, groups=pl.concat([moved, guild])), state)
    found = {(n.table, n.column): n.en for n in derived.notices}
    assert set(found) == {("suits", "result"), ("groups", "kind"), ("groups", "group")}
    assert "annulled" in found[("suits", "result")]
    assert "guild" in found[("groups", "kind")]
    assert "Atlantis" in found[("groups", "group")]


def test_category_beyond_a_full_vocabulary_is_named_too(write: Write) -> None:
    suits = firms(1)["suits"]
    many = pl.concat([suits.with_columns(cause=pl.lit(f"cause {i:02d}")).head(25) for i in range(30)])
    _, _, state, _ = _fit(write(suits=many))
    assert len(state.events["suits"].categories["cause"]) == 30
    new = many.with_columns(
        cause=pl.when(pl.int_range(pl.len()) == 0).then(pl.lit("piracy")).otherwise("cause")
    )
    assert any("piracy" in n.en for n in _of(_scored(write(folder="new", suits=new), state), "suits"))


def test_cell_that_is_no_number_is_refused_at_fit_and_at_score(write: Write) -> None:
    numeric = CARD.replace(SUITS, SUITS + 'numeric = ["amount"]\n')
    _, _, state, _ = _fit(write(numeric, suits=_amounts()))
    text = _amounts().with_columns(
        amount=pl.when(pl.int_range(pl.len()) == 6)
        .then(pl.lit("ten"))
        .otherwise(pl.col("amount").cast(pl.String))
    )
    message = r"suits\.parquet.*'amount' has 'ten' in row 7"
    with pytest.raises(CardTableError, match=message) as raised:
        _fit(write(numeric, folder="fit", suits=text))
    assert "“amount”第 7 行的“ten”不是数值" in raised.value.zh
    with pytest.raises(CardTableError, match=message):
        _scored(write(numeric, folder="score", suits=text), state)
    dates = _amounts().with_columns(amount=pl.date(2020, 1, 1))
    with pytest.raises(CardTableError, match="'amount' has '2020-01-01' in row 1"):
        _scored(write(numeric, folder="dates", suits=dates), state)


def test_figures_written_as_text_are_read(write: Write) -> None:
    numeric = CARD.replace(SUITS, SUITS + 'numeric = ["amount"]\n')
    _, _, state, derived = _fit(write(numeric, suits=_amounts()))
    text = _amounts().with_columns(pl.col("amount").cast(pl.String))
    again = _scored(write(numeric, folder="text", suits=text), state)
    assert again.frame.equals(derived.frame)


def test_event_column_that_is_gone_is_refused(write: Write) -> None:
    _, _, state, _ = _fit(write(suits=_amounts()))
    for column in ("amount", "result"):
        lacking = write(folder=column, suits=_amounts().drop(column))
        with pytest.raises(CardTableError, match=column):
            _scored(lacking, state)
