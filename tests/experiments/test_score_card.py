from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from experiments.errors import ExperimentError
from experiments.fit_card import FitCard
from experiments.score_card import ScoreCard
from features.cards.errors import CardTableError

CARD = """
[main]
path = "loans.csv"
id = "loan"
label = "lost"
time = "asked"
[validation]
split = "part"
[model]
rounds = 40
bags = 1
learning_rate = 0.1
"""


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write loans whose risk grows with the days since the founding, dates as dd/mm/yyyy; return the card."""

    def _write(folder: str, change: Callable[[pl.DataFrame], pl.DataFrame] = lambda loans: loans) -> Path:
        rng = np.random.default_rng(4)
        asked = pl.date_range(pl.date(2019, 1, 1), pl.date(2019, 12, 31), eager=True).sample(
            800, with_replacement=True, seed=1
        )
        age = rng.integers(10, 700, 800)
        founded = (asked - pl.Series(age).cast(pl.Duration("ms")) * 86_400_000).dt.strftime("%d/%m/%Y")
        risk = 1 / (1 + np.exp((age - 350) / 60))
        loans = pl.DataFrame(
            {
                "loan": np.arange(800), "asked": asked.dt.strftime("%d/%m/%Y"), "founded": founded,
                "lost": (rng.random(800) < risk).astype(int), "part": np.where(np.arange(800) < 560, "train", "valid"),
            }
        )  # fmt: skip
        (tmp_path / folder).mkdir()
        change(loans).write_csv(tmp_path / folder / "loans.csv")
        (tmp_path / folder / "card.toml").write_text(CARD, encoding="utf-8")
        return tmp_path / folder / "card.toml"

    return _write


def _score(model: Path, card: Path, heard: list[str] | None = None) -> pl.DataFrame:
    said: list[str] = [] if heard is None else heard
    return ScoreCard(model=model, card=card, out=card.with_name("scores.parquet")).run(
        lambda zh, en: said.append(f"{zh}|{en}")
    )


def test_rows_of_early_days_scored_alone_keep_their_pd(write: Callable[..., Path], tmp_path: Path) -> None:
    """Guessed again, 05/03/2019 in rows of days up to the twelfth would be the third of May."""
    card = write("all")
    FitCard(card=card, out=tmp_path / "model", code_version="test", resamples=20).run(lambda _z, _e: None)
    whole = _score(tmp_path / "model", card)
    early = pl.all_horizontal(pl.col("asked", "founded").str.slice(0, 2).cast(pl.Int8) <= 12)
    alone = _score(tmp_path / "model", write("early", lambda loans: loans.filter(early)))
    assert alone.height > 50
    assert alone["pd"].n_unique() > 5
    assert alone.equals(whole.filter(pl.col("id").is_in(alone["id"].implode())))
    other = pl.when(pl.col("loan") == 6).then(pl.lit("2019-01-31")).otherwise("founded").alias("founded")
    with pytest.raises(CardTableError, match="row 8 holds '2019-01-31'"):
        _score(tmp_path / "model", write("mixed", lambda loans: loans.with_columns(other)))


def test_numbers_in_another_unit_than_in_training_are_told(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    rate = pl.concat_str(pl.col("loan") % 90, pl.lit("%"))
    card = write("percent", lambda loans: loans.with_columns(rate=rate))
    FitCard(card=card, out=tmp_path / "model", code_version="test", resamples=20).run(lambda _z, _e: None)
    heard: list[str] = []
    _score(tmp_path / "model", card, heard)
    assert not any("单位" in line for line in heard)
    _score(
        tmp_path / "model", write("plain", lambda loans: loans.with_columns(rate=pl.col("loan") % 90)), heard
    )
    assert any(
        "loans.csv.rate" in line and "单位" in line and "the unit is the same" in line for line in heard
    )


def test_what_was_read_with_a_reservation_is_said_when_scoring(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    FitCard(card=write("all"), out=tmp_path / "model", code_version="test", resamples=20).run(
        lambda _z, _e: None
    )
    heard: list[str] = []
    _score(
        tmp_path / "model", write("grouped", lambda loans: loans.with_columns(extra=pl.lit("1,200"))), heard
    )
    assert any("1,200" in line and "千分位" in line for line in heard)


def test_the_kind_of_output_is_checked_before_anything_is_read(tmp_path: Path) -> None:
    job = ScoreCard(model=tmp_path / "none", card=tmp_path / "none.toml", out=tmp_path / "scores.xlsx")
    with pytest.raises(ExperimentError, match=r"\.csv"):
        job.run(lambda _zh, _en: None)
