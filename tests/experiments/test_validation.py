from pathlib import Path

import numpy as np
import polars as pl
import pytest

from experiments.errors import SplitError
from experiments.validation import Splits, cut_rows
from features.cards.card import load_card
from features.cards.errors import CardError
from features.cards.read import read_card_tables

MAIN = '[main]\npath = "t.parquet"\nid = "id"\nlabel = "y"\nkey = ["id", "row"]\ntime = "day"\n[validation]\n'


def _cut(folder: Path, validation: str, table: pl.DataFrame | None = None) -> tuple[pl.DataFrame, Splits]:
    rng = np.random.default_rng(0)
    rows = table if table is not None else pl.DataFrame(
        {
            "id": rng.integers(0, 60, 300), "row": np.arange(300), "y": rng.integers(0, 2, 300),
            "side": np.where(np.arange(300) < 200, "fit", "judge"),
            "day": pl.date_range(pl.date(2020, 1, 1), pl.date(2020, 10, 26), eager=True),
        }
    )  # fmt: skip
    rows.write_parquet(folder / "t.parquet")
    (folder / "card.toml").write_text(MAIN + validation, encoding="utf-8")
    card = load_card(folder / "card.toml")
    return rows, cut_rows(card, read_card_tables(card, label=True))


@pytest.mark.parametrize("rule", ["drop_later", "divide"])
@pytest.mark.parametrize(
    "protocol", ['split = "side"\ntrain = "fit"\nvalid = "judge"', "later = 0.3", "cut = 2020-07-01"]
)
def test_no_party_stands_on_both_sides(tmp_path: Path, protocol: str, rule: str) -> None:
    table = pl.DataFrame(
        {
            "id": np.arange(300) % 120, "row": np.arange(300), "y": np.arange(300) // 3 % 2,
            "side": np.where(np.arange(300) < 200, "fit", "judge"),
            "day": pl.date_range(pl.date(2020, 1, 1), pl.date(2020, 10, 26), eager=True),
        }
    ).with_columns(pl.when(pl.col("row") > 250).then(pl.col("row")).otherwise("id").alias("id"))  # fmt: skip
    rows, splits = _cut(tmp_path, f'{protocol}\nrepeated = "{rule}"', table)
    (cut,) = splits.cuts
    train, valid = rows.filter(pl.Series(cut.train)), rows.filter(pl.Series(cut.valid))
    assert not set(train["id"]) & set(valid["id"])
    assert train["day"].max() < valid["day"].min()  # type: ignore[operator]
    assert "stand in two splits" in splits.notes[0]


def test_keeping_parties_on_both_sides_is_said(tmp_path: Path) -> None:
    _, splits = _cut(tmp_path, 'later = 0.3\nrepeated = "keep"')
    assert "flattered" in splits.notes[0]


def test_folds_keep_rows_of_a_party_together_and_judge_each_row_once(tmp_path: Path) -> None:
    rows, splits = _cut(tmp_path, "folds = { n = 4, seed = 1 }")
    assert np.sum([cut.valid for cut in splits], axis=0).tolist() == [1] * 300
    for cut in splits:
        assert not set(rows.filter(pl.Series(cut.train))["id"]) & set(rows.filter(pl.Series(cut.valid))["id"])


def test_folds_of_single_rows_are_those_of_the_published_protocol(tmp_path: Path) -> None:
    from sklearn.model_selection import StratifiedKFold

    table = pl.DataFrame({"id": np.arange(300), "row": np.arange(300), "y": np.arange(300) % 3 == 0,
                          "day": pl.date_range(pl.date(2020, 1, 1), pl.date(2020, 10, 26), eager=True)})  # fmt: skip
    rows, splits = _cut(
        tmp_path, "folds = { n = 10, seed = 42 }", table.with_columns(pl.col("y").cast(pl.Int8))
    )
    folds = StratifiedKFold(10, shuffle=True, random_state=42).split(np.zeros(300), rows["y"].to_numpy())
    for cut, (_, valid) in zip(splits, folds, strict=True):
        assert np.flatnonzero(cut.valid).tolist() == valid.tolist()


@pytest.mark.parametrize("validation", ['split = "side"', "cut = 2031-01-01", "folds = { n = 50 }"])
def test_a_side_without_rows_or_class_is_refused(tmp_path: Path, validation: str) -> None:
    table = pl.DataFrame({"id": np.arange(300), "row": np.arange(300), "y": (np.arange(300) < 40).astype(int), "side": "judge",
                          "day": pl.date_range(pl.date(2020, 1, 1), pl.date(2020, 10, 26), eager=True)})  # fmt: skip
    with pytest.raises(SplitError):
        _cut(tmp_path, validation, table)


@pytest.mark.parametrize(
    ("side", "train", "valid"),
    [
        ([0.0, 1.0], "0", "1"),
        ([0, 1], '"0"', '"1"'),
        (["fit ", "judge"], '"fit"', '"judge"'),
        ([True, False], "true", "false"),
    ],
)
def test_values_of_the_split_meet_whatever_their_type(
    tmp_path: Path, side: list[object], train: str, valid: str
) -> None:
    table = pl.DataFrame(
        {
            "id": np.arange(300), "row": np.arange(300), "y": np.arange(300) % 3 // 2,
            "side": [side[i >= 200] for i in range(300)],
            "day": pl.date_range(pl.date(2020, 1, 1), pl.date(2020, 10, 26), eager=True),
        }
    )  # fmt: skip
    _, splits = _cut(tmp_path, f'split = "side"\ntrain = {train}\nvalid = {valid}', table)
    assert [int(splits.cuts[0].train.sum()), int(splits.cuts[0].valid.sum())] == [200, 100]


def _years(rows: int = 3000) -> pl.DataFrame:
    """Return rows over fifteen years, every third a default."""
    return pl.DataFrame(
        {
            "id": np.arange(rows), "row": np.arange(rows), "y": np.arange(rows) % 3 // 2, "side": ["x"] * rows,
            "day": pl.date_range(pl.date(2005, 1, 1), pl.date(2020, 1, 1), eager=True).gather_every(5478 // rows).head(rows),
        }
    )  # fmt: skip


def test_rows_of_long_ago_are_left_out_where_enough_remain(tmp_path: Path) -> None:
    rows, splits = _cut(tmp_path, "later = 0.2", _years(5000))
    (cut,) = splits.cuts
    first = rows.filter(pl.Series(cut.valid)).select(pl.col("day").min().dt.offset_by("-5y")).item()
    assert rows.filter(pl.Series(cut.train))["day"].min() == first
    assert "from more than 5 years before" in splits.notes[0]
    assert np.array_equal(splits.final, cut.train)


def test_old_rows_stay_where_few_remain_or_the_card_asks(tmp_path: Path) -> None:
    _, few = _cut(tmp_path, "later = 0.2", _years(1000))
    assert few.final.sum() == 800
    assert few.notes == ()
    _, asked = _cut(tmp_path, "later = 0.2\nyears = 0", _years(5000))
    assert asked.final.sum() == 4000
    _, two = _cut(tmp_path, "later = 0.2\nyears = 2", _years(1000))
    assert 0 < two.final.sum() < 200


def test_years_go_with_a_cut_by_time(tmp_path: Path) -> None:
    with pytest.raises(CardError, match="years"):
        _cut(tmp_path, "folds = { n = 4 }\nyears = 2")
