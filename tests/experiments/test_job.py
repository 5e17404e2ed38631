"""A job's settings: the file, arguments that win over it, and faults named with file and key."""

from pathlib import Path

import pytest

from experiments.errors import ConfError
from experiments.job import CONFS, read_job
from experiments.train_credit import TrainCredit

PLACES = {
    "panel": "p",
    "links": "l",
    "models": "m",
    "tracking_uri": "u",
    "artifacts": "a",
    "code_version": "c",
}


def test_file_that_ships_gives_the_defaults_of_the_job() -> None:
    shipped = read_job(TrainCredit, CONFS / "train_credit.toml", **PLACES)
    assert shipped == TrainCredit.model_validate(PLACES)


def test_arguments_win_over_the_file_and_none_does_not() -> None:
    assert read_job(TrainCredit, CONFS / "train_credit.toml", **PLACES, seed=11).seed == 11
    assert read_job(TrainCredit, CONFS / "train_credit.toml", **PLACES, seed=None).seed == 7


@pytest.mark.parametrize(
    ("text", "key"),
    [("sead = 7", "sead"), ("[booster]\nbags = 0", "booster.bags"), ("seed = ", "-"), (None, "-")],
)
def test_fault_is_named_with_file_and_key(text: str | None, key: str, tmp_path: Path) -> None:
    conf = tmp_path / "mine.toml"
    if text is not None:
        conf.write_text(text)
    with pytest.raises(ConfError) as caught:
        read_job(TrainCredit, conf, **PLACES)
    assert caught.value.key == key
    assert "mine.toml" in caught.value.zh
