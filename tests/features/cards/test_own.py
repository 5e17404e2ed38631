from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from features.cards.card import load_card
from features.cards.derive import derive, fit_relations
from features.cards.errors import CardTableError
from features.cards.read import read_card_tables
from tests.features.cards.conftest import CARD, firms


def test_a_cell_that_is_no_number_is_named_with_its_row_of_the_file(write: Callable[..., Path]) -> None:
    card = load_card(write())
    tables = read_card_tables(card, label=True)
    state, _ = fit_relations(card, tables, tables.main["part"] == "train")
    path = write(
        CARD.replace("firms.parquet", "firms.csv").replace(
            'label = "failed"', 'label = "failed"\nwhere = { part = "valid" }'
        ),
        folder="new",
    )
    cell = (
        pl.when(pl.col("firm") == "F0301").then(pl.lit("1.2.3")).otherwise(pl.col("capital").cast(pl.String))
    )
    firms(1)["firms"].with_columns(capital=cell).write_csv(path.parent / "firms.csv")
    new = load_card(path)
    read = read_card_tables(new, label=False, formats=state.date_formats())
    with pytest.raises(CardTableError, match=r"row 303 holds '1\.2\.3'") as caught:
        derive(new, read, state)
    assert caught.value.columns == ("capital",)
    assert "第 303 行" in caught.value.zh
