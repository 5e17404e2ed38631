"""Ranking and level of both samples, and the findings about them."""

import pytest
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from experiments.metrics import Interval
from experiments.validation_report.content import Outcome, Section
from experiments.validation_report.criteria import Criteria
from experiments.validation_report.discrimination import discrimination, measures
from tests.experiments.validation_report.conftest import Book


def outcomes(section: Section) -> dict[str, Outcome]:
    return {finding.name: finding.outcome for finding in section.findings}


def test_measures_equal_scikit_learn(book: Book) -> None:
    test = book().test
    found = measures(test, seed=1, resamples=20)
    assert found["auc"].value == pytest.approx(roc_auc_score(test.y, test.pd))
    assert found["brier"].value == pytest.approx(brier_score_loss(test.y, test.pd))
    assert found["log_loss"].value == pytest.approx(log_loss(test.y, test.pd))
    assert all(one.low <= one.value <= one.high for name, one in found.items() if name != "ece")


def test_table_tells_both_samples(book: Book) -> None:
    judged = book()
    table = discrimination(judged, Criteria(), seed=1).tables[0]
    cells = [dict(zip([column.key for column in table.columns], row, strict=True)) for row in table.rows]
    time, company = cells
    assert (time["rows"], time["parties"]) == (judged.test.frame.height, 400)
    assert time["defaulted"] == judged.test.frame.filter(label=1)["party_id"].n_unique()
    assert time["observed"] == pytest.approx(judged.test.y.mean())
    assert company["mean_pd"] == pytest.approx(judged.past.pd.mean())
    assert isinstance(time["auc"], Interval)


def test_the_true_model_meets_every_criterion(book: Book) -> None:
    assert set(outcomes(discrimination(book(), Criteria(ece=0.05), seed=1)).values()) == {Outcome.MET}


@pytest.mark.parametrize(
    ("slope", "shift", "failing"),
    [
        (-1.5, 0.0, {"out_of_time_auc", "auc_holds_over_time"}),  # ranks the wrong way round
        (1.5, 2.0, {"level", "out_of_time_ece"}),  # three times too many defaults
    ],
)
def test_a_broken_model_does_not(book: Book, slope: float, shift: float, failing: set[str]) -> None:
    found = outcomes(discrimination(book(slope=slope, shift=shift), Criteria(), seed=1))
    assert failing <= {name for name, outcome in found.items() if outcome is Outcome.NOT_MET}
