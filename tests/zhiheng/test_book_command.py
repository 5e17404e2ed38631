"""`zhiheng credit score-book`: the champion and the newest features unless told otherwise."""

import json
from pathlib import Path

import polars as pl
import pytest
import typer
from typer.testing import CliRunner

from experiments.build_features import LATEST, LINKS
from experiments.errors import MissingChampionError, MissingLatestError
from experiments.publish import POINTER
from tests.experiments.test_score_book import DAYS, frame, home, links, model
from zhiheng.commands.book import score_book

__all__ = ["frame", "home", "links", "model"]


@pytest.fixture
def zhiheng_home(
    home: Path, frame: pl.DataFrame, links: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Return a home whose newest features are of the second date and whose links are of both."""
    (home / "features").mkdir()
    frame.filter(pl.col("as_of") == DAYS[1]).write_parquet(home / "features" / LATEST)
    links.write_parquet(home / "features" / LINKS)
    (home / "models").mkdir()
    (home / "model").rename(home / "models" / "credit")
    (home / "models" / "credit" / POINTER).write_text(json.dumps({"folder": "."}), encoding="utf-8")
    monkeypatch.setenv("ZHIHENG_HOME", str(home))
    monkeypatch.setenv("ZHIHENG_LANG", "en")
    return home


def run(*arguments: str | Path) -> str:
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(score_book)
    return CliRunner().invoke(app, [str(part) for part in arguments], catch_exceptions=False).output


def test_champion_newest_features_and_their_links_are_taken_unless_told(zhiheng_home: Path) -> None:
    out = zhiheng_home / "scores.parquet"
    assert "150 rows written" in run("--out", out)
    assert pl.read_parquet(out)["as_of"].unique().to_list() == [DAYS[1]]
    told = zhiheng_home / "told.parquet"
    given = ("--features", zhiheng_home / "features.parquet", "--links", zhiheng_home / "links.parquet")
    assert "300 rows written" in run("--out", told, *given, "--model", zhiheng_home / "models" / "credit")
    assert pl.read_parquet(told).filter(pl.col("as_of") == DAYS[1]).equals(pl.read_parquet(out))


def test_what_is_not_there_is_named(zhiheng_home: Path) -> None:
    (zhiheng_home / "features" / LATEST).unlink()
    with pytest.raises(MissingLatestError, match=LATEST):
        run("--out", zhiheng_home / "scores.parquet")
    (zhiheng_home / "models" / "credit" / POINTER).unlink()
    with pytest.raises(MissingChampionError, match=POINTER):
        run("--out", zhiheng_home / "scores.parquet", "--features", zhiheng_home / "features.parquet")
