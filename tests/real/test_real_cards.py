"""The cards of the real data: what relations add, what the guard names, that scores repeat."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from experiments.fit_card import FitCard, Fitted
from experiments.score_card import ScoreCard
from features.cards.card import load_card
from features.cards.read import read_card_tables
from features.leaks import LeakReport, look_for_leaks

pytestmark = [pytest.mark.slow, pytest.mark.real, pytest.mark.usefixtures("shared_data")]
HERE = Path(__file__).resolve().parent
QUICK = "\n[model]\nrounds = 300\nlearning_rate = 0.06\nbags = 1\n"


@pytest.fixture
def quick(tmp_path: Path) -> Callable[..., Path]:
    """Return a quick copy of a card of this folder, with its paths made absolute and texts replaced."""

    def _quick(name: str, *changes: tuple[str, str]) -> Path:
        text = (HERE / f"{name}.toml").read_text(encoding="utf-8")
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        text = text.replace('path = "../../../shared', f'path = "{HERE.parents[2] / "shared"}')
        (tmp_path / f"{name}.toml").write_text(text + QUICK, encoding="utf-8")
        return tmp_path / f"{name}.toml"

    return _quick


def _fit(card: Path, out: Path) -> Fitted:
    return FitCard(card=card, out=out, code_version="test", resamples=50).run(lambda _zh, _en: None)


def _guard(name: str, *, drop: bool = True) -> LeakReport:
    card = load_card(HERE / f"{name}.toml")
    if not drop:
        card = card.model_copy(update={"main": card.main.model_copy(update={"drop": ()})})
    tables = read_card_tables(card, label=True)
    return look_for_leaks(card, tables, pl.Series([True] * tables.main.height))


def test_smesd_gains_from_the_graph_and_scores_repeat(quick: Callable[..., Path], tmp_path: Path) -> None:
    card = quick("smesd")
    fitted = _fit(card, tmp_path / "a")
    own, events, everything = fitted.report.levels
    assert everything.metrics["auc"].value - own.metrics["auc"].value >= 0.10
    assert everything.metrics["auc"].value - events.metrics["auc"].value >= 0.08
    assert fitted.report.leaks.excluded() == {
        "lawsuits": ["months_before_obs", "time_label"],
        "main": ["age_months"],
    }
    assert any("35 parties stand in two splits" in note for note in fitted.report.notes)
    assert not [f for f in fitted.bundle.manifest.features if "months" in f or "time_label" in f]
    again = _fit(card, tmp_path / "b")
    assert again.bundle.manifest.version == fitted.bundle.manifest.version
    valid = quick("smesd", ('label = "label"', 'where = { split = "valid" }'))
    scores = [
        ScoreCard(model=tmp_path / m, card=valid, out=tmp_path / f"{m}.parquet").run(lambda _z, _e: None)
        for m in "ab"
    ]
    assert scores[0].equals(scores[1])
    assert scores[0].height == 721


def test_a_part_scored_alone_gets_the_scores_it_gets_in_the_whole(
    quick: Callable[..., Path], tmp_path: Path
) -> None:
    _fit(quick("smesd"), tmp_path / "model")
    whole = ScoreCard(model=tmp_path / "model", card=quick("smesd"), out=tmp_path / "w.parquet").run(
        lambda _z, _e: None
    )
    part = quick("smesd", ('label = "label"', 'where = { split = "valid" }'))
    alone = ScoreCard(model=tmp_path / "model", card=part, out=tmp_path / "p.parquet").run(
        lambda _z, _e: None
    )
    assert alone["pd"].to_list() == whole.tail(721)["pd"].to_list()


def test_polish_ranks_well_in_three_folds_and_nothing_is_suspected(
    quick: Callable[..., Path], tmp_path: Path
) -> None:
    """Three folds learn from two thirds only; the full ten folds are in bench/credit_real.py."""
    fitted = _fit(quick("polish", ("n = 10", "n = 3")), tmp_path / "model")
    assert fitted.report.best.mean_cut_auc >= 0.945
    assert fitted.report.best.metrics["ece"].value < 0.02
    assert fitted.report.leaks.findings == ()


def test_sba_traps_are_excluded_and_the_rest_stays() -> None:
    report = _guard("sba")
    excluded = {"ChgOffDate", "ChgOffPrinGr", "DisbursementDate", "DisbursementGross", "Term"}
    assert set(report.excluded()["main"]) == excluded
    assert {f.column for f in report.findings} == excluded


def test_sba_traps_but_the_dated_ones_are_seen_without_a_date(quick: Callable[..., Path]) -> None:
    card = load_card(
        quick(
            "sba",
            ('time = "ApprovalDate"\n', ""),
            ('time_format = "%m/%d/%Y"\n', ""),
            ("later = 0.25", "folds = {}"),
        )
    )
    tables = read_card_tables(card, label=True)
    report = look_for_leaks(card, tables, pl.Series([True] * tables.main.height))
    assert set(report.excluded()["main"]) == {"ChgOffDate", "ChgOffPrinGr", "Term"}


def test_ratings_keep_their_ratios_and_lose_the_label_in_disguise() -> None:
    assert _guard("ratings").findings == ()
    assert _guard("ratings", drop=False).excluded() == {"main": ["Rating"]}


@pytest.mark.parametrize(("name", "least"), [("ratings", 0.79), ("sba", 0.62)])
def test_data_by_time_ranks(quick: Callable[..., Path], tmp_path: Path, name: str, least: float) -> None:
    fitted = _fit(quick(name), tmp_path / "model")
    assert fitted.report.best.metrics["auc"].value >= least


def test_german_credit_has_no_certain_leak(shared_data: Path, tmp_path: Path) -> None:
    main = f'[main]\npath = "{shared_data / "credit" / "german.csv"}"\nlabel = "creditability"\npositive = "bad"\n'
    card = main + "[validation]\nfolds = { n = 3 }\n"
    (tmp_path / "german.toml").write_text(card + QUICK.replace("300", "80"), encoding="utf-8")
    fitted = _fit(tmp_path / "german.toml", tmp_path / "model")
    assert fitted.report.leaks.excluded() == {}
    assert fitted.report.best.metrics["auc"].value >= 0.74
