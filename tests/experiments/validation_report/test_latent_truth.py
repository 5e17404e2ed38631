"""Against a truth made by the test: a network that sees contagion, one that does not, and no truth at all."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from experiments.metrics import Interval
from experiments.validation_report.content import Outcome, Section, Text
from experiments.validation_report.criteria import Criteria
from experiments.validation_report.judged import Judged
from experiments.validation_report.latent_truth import Truth, latent_truth, read_truth
from tests.experiments.validation_report.conftest import Book


def number(frame: pl.DataFrame) -> np.ndarray:
    return frame["party_id"].str.slice(1).cast(pl.Int64).to_numpy()


def truth_of(judged: Judged) -> Truth:
    """Say that every third party is under contagion's pull and defaults by it, if it defaults."""
    frame = judged.test.frame
    pulled = number(frame) % 3 == 0
    hazard = frame.select(
        "party_id",
        pl.col("as_of").alias("month"),
        pl.Series("pd_12m", judged.test.own_pd),
        pl.Series("hazard_contagion", np.where(pulled, 0.02, 0.0)),
        pl.Series("stopped_paying", number(frame) % 50 == 0),
    )
    causes = pl.Series("cause", np.where(pulled, "contagion", "own"))
    defaults = frame.select("party_id", "default_on", causes).filter(frame["label"] == 1).unique("party_id")
    return Truth(hazard, defaults)


def with_network(judged: Judged, effect: np.ndarray) -> Judged:
    test = judged.test
    group = test.own_log_odds + effect
    return replace(judged, test=replace(test, log_odds=group, pd=expit(group)))


def outcomes(section: Section) -> dict[str, Outcome]:
    return {finding.name: finding.outcome for finding in section.findings}


def test_a_network_that_sees_contagion_meets_every_criterion(book: Book) -> None:
    judged = book()
    frame = judged.test.frame
    seen = with_network(judged, np.where(number(frame) % 3 == 0, 0.8, 0.01))
    assert set(outcomes(latent_truth(seen, truth_of(judged), Criteria(), seed=1)).values()) == {Outcome.MET}


def test_one_that_speaks_at_random_does_not(book: Book) -> None:
    judged = book()
    random = with_network(judged, np.random.default_rng(1).normal(0, 0.5, len(judged.test.y)))
    found = outcomes(latent_truth(random, truth_of(judged), Criteria(), seed=1))
    assert found["finds_contagion"] is Outcome.NOT_MET
    assert found["contagion_more_than_own"] is Outcome.NOT_MET
    assert found["silent_without_contagion"] is Outcome.NOT_MET


def test_figures_are_those_of_scikit_learn_and_of_the_rows(book: Book) -> None:
    judged = book()
    truth, test = truth_of(judged), judged.test
    effect = np.where(number(test.frame) % 3 == 0, 0.5, 0.0) + 0.1 * test.frame["noise"].to_numpy()
    section = latent_truth(with_network(judged, effect), truth, Criteria(), seed=1)
    tables = {
        table.key: [dict(zip([c.key for c in table.columns], row, strict=True)) for row in table.rows]
        for table in section.tables
    }
    everything, paying = tables["true_pd"]
    assert everything["rows"] == test.frame.height
    assert paying["rows"] == test.frame.height - 3 * 8, "of 400 parties, 8 have stopped paying"
    true = everything["true_auc"]
    assert isinstance(true, Interval)
    assert true.value == pytest.approx(roc_auc_score(test.y, test.own_pd))
    contagion, own, none = tables["network_by_cause"]
    hit = (test.y > 0) & (number(test.frame) % 3 == 0)
    assert (contagion["rows"], own["rows"], none["rows"]) == (
        hit.sum(),
        (test.y > 0).sum() - hit.sum(),
        (test.y == 0).sum(),
    )
    mean, auc = contagion["mean_effect"], contagion["auc"]
    assert isinstance(mean, Interval)
    assert isinstance(auc, Interval)
    assert mean.value == pytest.approx(effect[hit].mean())
    among = hit | (test.y == 0)
    assert auc.value == pytest.approx(roc_auc_score(hit[among], effect[among]))
    silent = tables["network_by_pull"][0]
    assert silent["median_size"] == pytest.approx(np.median(np.abs(effect[number(test.frame) % 3 > 0])))


def test_without_a_network_part_those_questions_stay_open(book: Book) -> None:
    judged = replace(book(), has_network=False)
    found = outcomes(latent_truth(judged, truth_of(judged), Criteria(), seed=1))
    assert found.pop("follows_true_pd") is Outcome.MET
    assert set(found.values()) == {Outcome.UNKNOWN}


def test_without_a_truth_everything_stays_open(book: Book) -> None:
    section = latent_truth(book(), None, Criteria(), seed=1)
    assert set(outcomes(section).values()) == {Outcome.UNKNOWN}
    assert "--truth" in section.findings[0].found.en


def test_a_truth_of_other_parties_is_none(book: Book) -> None:
    judged = book()
    truth = truth_of(judged)
    elsewhere = replace(truth, hazard=truth.hazard.with_columns(party_id=pl.lit("X")))
    assert set(outcomes(latent_truth(judged, elsewhere, Criteria(), seed=1)).values()) == {Outcome.UNKNOWN}


def test_rows_without_a_truth_are_left_out_and_counted(book: Book) -> None:
    judged = book()
    truth = truth_of(judged)
    half = replace(truth, hazard=truth.hazard.filter(pl.col("party_id") < "P0200"))
    section = latent_truth(judged, half, Criteria(), seed=1)
    assert section.tables[0].rows[0][1] == 600
    assert "600 of 1200" in section.tables[0].meaning.en


def test_a_folder_that_lacks_a_table_or_column_is_said(book: Book, tmp_path: Path) -> None:
    truth = truth_of(book())
    truth.hazard.write_parquet(tmp_path / "hazard.parquet")
    lacking = read_truth(tmp_path)
    assert isinstance(lacking, Text)
    assert "defaults" in lacking.en
    truth.defaults.drop("cause").write_parquet(tmp_path / "defaults.parquet")
    lacking = read_truth(tmp_path)
    assert isinstance(lacking, Text)
    assert "cause" in lacking.zh
    truth.defaults.write_parquet(tmp_path / "defaults.parquet")
    found = read_truth(tmp_path)
    assert isinstance(found, Truth)
    assert found.hazard.equals(truth.hazard)


def test_a_folder_that_is_not_there_is_said(book: Book, tmp_path: Path) -> None:
    section = latent_truth(book(), read_truth(tmp_path / "nowhere"), Criteria(), seed=1)
    assert "nowhere" in section.findings[0].found.en
