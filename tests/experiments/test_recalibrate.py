"""A champion moved to a stated default rate: the portfolio's mean is that rate, and the old folder stays as it was."""

from pathlib import Path

import polars as pl
import pytest

from experiments.errors import MissingLatestError
from experiments.recalibrate import Recalibrate
from features.credit.links import LINKS_SCHEMA
from models.credit.model import load_credit_model
from tests.zhiheng.test_explain_commands import published

__all__ = ["published"]


def quiet(_zh: str, _en: str) -> None:
    """Say nothing."""


def job(home: Path, out: Path, **change: object) -> Recalibrate:
    pl.DataFrame(schema=LINKS_SCHEMA).write_parquet(out.parent / "links.parquet")
    places = {
        "model": home / "models" / "credit" / "m1",
        "latest": home / "features" / "credit_latest.parquet",
        "links": out.parent / "links.parquet",
        "out": out,
        "code_version": "c",
        "rate": 0.02,
    }
    return Recalibrate.model_validate({**places, **change})


def test_the_parties_at_risk_have_the_stated_rate_on_average(published: Path, tmp_path: Path) -> None:
    bundle = job(published, tmp_path / "m2").run(quiet)
    model = load_credit_model(tmp_path / "m2")
    latest = pl.read_parquet(published / "features" / "credit_latest.parquet")
    at_risk = latest.filter(standing="at_risk")
    assert model.score(at_risk).pd.mean() == pytest.approx(0.02, abs=1e-12)
    assert model.version == bundle.manifest.version
    assert "default rate of 0.02" in bundle.manifest.notes["recalibrated"]
    assert load_credit_model(published / "models" / "credit" / "m1").version != model.version


def test_two_rates_move_odds_by_their_ratio_whatever_the_portfolio(published: Path, tmp_path: Path) -> None:
    job(published, tmp_path / "m2", trained_rate=0.037).run(quiet)
    latest = pl.read_parquet(published / "features" / "credit_latest.parquet")
    old = load_credit_model(published / "models" / "credit" / "m1").score(latest)
    new = load_credit_model(tmp_path / "m2").score(latest)
    assert new.log_odds - old.log_odds == pytest.approx(-0.6327, abs=1e-4)


def test_missing_features_are_named(published: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingLatestError):
        job(published, tmp_path / "m2", latest=tmp_path / "no.parquet").run(quiet)
