"""Categories as shares of the training rows."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from features.cards.card import load_card
from features.cards.derive import Derived, derive, fit_relations
from features.cards.own import fit_own
from features.cards.read import CardTables, read_card_tables
from features.cards.shares import counted, share_features
from features.cards.state import Family, RelationalState

Write = Callable[..., Path]
CARD = '[main]\npath = "loans.parquet"\nlabel = "lost"\n'
ROWS = 800


def _loans(seed: int = 5) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    bank = rng.integers(0, 400, ROWS) // rng.integers(8, 20, ROWS)
    return pl.DataFrame(
        {
            "bank": [f"B{b}" for b in bank],
            "kind": rng.choice(["line", "term"], ROWS),
            "amount": rng.lognormal(size=ROWS),
            "lost": (rng.random(ROWS) < 0.3).astype(int),
        }
    )


def _fit(path: Path, train: pl.Series) -> tuple[CardTables, RelationalState, Derived]:
    card = load_card(path)
    tables = read_card_tables(card, label=True)
    return tables, *fit_relations(card, tables, train)


def test_a_category_of_many_values_is_also_a_share_of_the_training(write: Write) -> None:
    loans = _loans()
    train = pl.Series([i < 600 for i in range(ROWS)])
    _, state, derived = _fit(write(CARD, loans=loans), train)
    assert state.shares == {"bank": "bank.share"}
    assert state.families["bank.share"] is Family.OWN
    counts = dict(loans.filter(train)["bank"].value_counts().iter_rows())
    expected = [counts.get(b, 0) / 600 if counts.get(b, 0) > 1 else 0.0 for b in loans["bank"]]
    assert derived.frame["bank.share"].to_list() == pytest.approx(expected)


def test_a_model_uses_codes_or_shares(write: Write) -> None:
    _, state, _ = _fit(write(CARD, loans=_loans()), pl.Series([True] * ROWS))
    codes = state.of(tuple(Family))
    assert "bank" in codes
    assert "bank.share" not in codes
    assert state.as_shares(codes) == tuple("bank.share" if f == "bank" else f for f in codes)


def test_new_values_count_as_rare_and_missing_stays_missing(write: Write) -> None:
    loans = _loans()
    _, state, derived = _fit(write(CARD, loans=loans), pl.Series([True] * ROWS))
    other = loans.head(3).with_columns(
        pl.Series("bank", ["new", None, loans["bank"][2]]), lost=pl.Series([0, 1, 0])
    )
    card = load_card(write(CARD, folder="later", loans=other))
    frame = derive(card, read_card_tables(card, label=False), state).frame
    assert frame["bank.share"].to_list() == [0.0, None, derived.frame["bank.share"][2]]


def test_few_values_and_a_taken_name_have_no_share(write: Write) -> None:
    loans = _loans()
    card = load_card(write(CARD, loans=loans.with_columns(pl.lit(1.0).alias("bank.share"))))
    rows = read_card_tables(card, label=True).main
    columns, _ = fit_own(card, rows, (), {})
    assert share_features(rows, [counted(c, rows) for c in columns]).columns == ["__row"]


def test_the_state_survives_json(write: Write) -> None:
    _, state, _ = _fit(write(CARD, loans=_loans()), pl.Series([True] * ROWS))
    assert RelationalState.model_validate_json(state.model_dump_json()) == state
