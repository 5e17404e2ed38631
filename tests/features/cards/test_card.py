from collections.abc import Callable
from pathlib import Path

import pytest

from features.cards.card import Protocol, load_card
from features.cards.errors import CardError, LeakRefusedError

Write = Callable[..., Path]
MAIN = '[main]\npath = "firms.parquet"\nid = "firm"\nlabel = "failed"\n'


def test_paths_are_relative_to_the_card(write: Write) -> None:
    path = write()
    card = load_card(path)
    assert card.at(card.main.path) == path.parent / "firms.parquet"
    assert card.validation is not None
    assert card.validation.protocol is Protocol.SPLIT


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (MAIN.replace("label", "lable"), "main.lable"),
        (MAIN.replace("path", "file"), "main.path"),
        (MAIN + "[[edges]]\npath = 'e.parquet'\nsource = 'a'\n", "edges.0.target"),
        (MAIN + "[validation]\nfolds = { n = 1 }\n", "validation.folds.n"),
        (MAIN + "[validation]\nsplit = 'part'\nlater = 0.2\n", "exactly one"),
        (MAIN + "[validation]\n", "exactly one"),
        (MAIN + "[validation]\nlater = 0.2\n", "main.time"),
        ("[main]\npath = 'f.parquet'\n[[events]]\npath = 'e.parquet'\nid = 'x'\n", "main.id"),
        (
            MAIN
            + "[[events]]\npath='e.parquet'\nid='x'\n[[edges]]\npath='e.parquet'\nsource='a'\ntarget='b'\n",
            "repeat",
        ),
        ("main = [", "not valid TOML"),
    ],
)
def test_wrong_card_is_refused_naming_the_key(write: Write, text: str, named: str) -> None:
    with pytest.raises(CardError) as caught:
        load_card(write(text))
    assert named in caught.value.en
    assert caught.value.zh != caught.value.en


def test_missing_card_is_named(tmp_path: Path) -> None:
    with pytest.raises(CardError, match=r"none\.toml"):
        load_card(tmp_path / "none.toml")


@pytest.mark.parametrize("rate", ['"all"', "true", '"in_sample"'])
def test_neighbour_label_rates_that_leak_are_refused(write: Write, rate: str) -> None:
    with pytest.raises(LeakRefusedError, match="out_of_fold"):
        load_card(write(f"neighbour_label_rate = {rate}\n" + MAIN))


def test_rates_as_of_need_dates(write: Write) -> None:
    with pytest.raises(CardError, match="label_known"):
        load_card(write('neighbour_label_rate = "as_of"\n' + MAIN))
