"""`zhiheng credit …`: the matrix, losses, rules, alerts and the pooled model, in both languages."""

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import typer
from typer.testing import CliRunner

from experiments.errors import MissingLatestError
from models.credit.coverage import Line
from tests.experiments.test_credit_book import home as group_home
from tests.features.credit.conftest import random_group
from zhiheng.commands import policy
from zhiheng.commands.advise import advise

__all__ = ["group_home", "random_group"]

Run = Callable[..., str]
AS_OF = "2024-06-30"


@pytest.fixture
def app() -> typer.Typer:
    """Return the commands under the names that the command line gives them."""
    made = typer.Typer(pretty_exceptions_enable=False)
    for command in (policy.coverage, policy.loss, policy.rules, policy.alerts, policy.pooled, advise):
        made.command()(command)
    return made


@pytest.fixture
def zhiheng_home(group_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a home in the layout of the command line."""
    for place, at in (
        ("tables", "checked/good"),
        ("graph", "graph"),
        ("features", "features"),
        ("models", "models/credit"),
    ):
        (tmp_path / at).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / at).symlink_to(group_home / place)
    monkeypatch.setenv("ZHIHENG_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "220")
    return tmp_path


@pytest.fixture
def run(app: typer.Typer, monkeypatch: pytest.MonkeyPatch) -> Run:
    def invoke(*arguments: str, lang: str = "en") -> str:
        monkeypatch.setenv("ZHIHENG_LANG", lang)
        result = CliRunner().invoke(app, arguments, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    return invoke


def test_the_matrix_shows_every_line_in_both_languages(zhiheng_home: Path, run: Run) -> None:
    text = run("coverage")
    assert all(line in text for line in Line)
    assert "credit model → pooled model → refused" in text
    assert "信用模型 → 混合模型 → 不出分" in run("coverage", lang="zh")


def test_losses_are_printed_and_written(zhiheng_home: Path, run: Run) -> None:
    text = run("loss", "--as-of", AS_OF, "--top", "3")
    written = pl.read_parquet(zhiheng_home / "credit" / "book_loss.parquet")
    assert f"{written.height:,} exposures" in text
    for exposure in written.head(3)["exposure_id"]:
        assert exposure in text
    elsewhere = zhiheng_home / "elsewhere"
    run("loss", "--as-of", AS_OF, "--out", str(elsewhere))
    assert pl.read_parquet(elsewhere / "book_loss.parquet").equals(written)


def test_rules_of_a_party_are_listed_with_their_source(zhiheng_home: Path, run: Run) -> None:
    text = run("rules", "P05", "--as-of", AS_OF)
    assert "not checked: the group's blacklist" in text
    assert "source: " in text
    assert "未核查：集团黑名单" in run("rules", "P05", "--as-of", AS_OF, lang="zh")
    with pytest.raises(MissingLatestError):
        run("rules", "P05")
    sidecar = zhiheng_home / "features" / "credit_latest.json"
    sidecar.write_text(json.dumps({"data_as_of": AS_OF}), encoding="utf-8")
    assert run("rules", "P05") == text
    sidecar.unlink()


def test_advice_counts_the_amount_asked_for(zhiheng_home: Path, run: Run) -> None:
    panel = pl.read_parquet(zhiheng_home / "features" / "credit_panel.parquet")
    newest = panel.filter(pl.col("as_of") == pl.col("as_of").max())
    facts = zhiheng_home / "features" / "credit_latest.parquet"
    newest.with_columns(standing=pl.lit("at_risk")).write_parquet(facts)
    try:
        party = newest["party_id"][0]
        alone, asked = run("advise", party), run("advise", party, "--org", "ORG-01", "--amount", "9e12")
        said = run("advise", party, "--org", "ORG-01", "--amount", "9e12", lang="zh")
        odd = CliRunner().invoke(_app(), [party, "--org", "NOBODY", "--amount", "1"])
        half = CliRunner().invoke(_app(), [party, "--amount", "1"])
    finally:
        facts.unlink()
    assert "Probability of default" in alone
    assert "Approval" in alone
    assert "party-share" not in alone
    assert "party-share" in asked
    assert "above the limit" in asked
    assert "Advice: decline" in asked
    assert "处理意见：不新增" in said
    assert odd.exit_code == half.exit_code == 2
    assert "ORG-01" in odd.output


def _app() -> typer.Typer:
    made = typer.Typer()
    made.command()(advise)
    return made


def test_alerts_and_the_pooled_model(zhiheng_home: Path, run: Run) -> None:
    text = run("alerts", "--before", "2023-06-30", "--as-of", AS_OF, "--top", "5")
    assert "alerts of" in text
    assert "el change" in text
    assert "yearly observations" in run("pooled", "--as-of", AS_OF)
    assert (zhiheng_home / "credit" / "pooled_pds.parquet").is_file()
