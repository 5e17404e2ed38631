"""Gates compare figures of the run itself with a stated bound; what could not be measured is not judged."""

import math

import polars as pl
import pytest

from experiments.training_gates import credit_gate, demand_gate
from experiments.validation_report.criteria import Criteria
from models.demand.evaluation import COMBINATION


@pytest.mark.parametrize(
    ("auc_low", "ece", "said"),
    [
        (0.60, 0.03, "passed"),
        (0.5999, 0.01, "failed"),
        (0.80, 0.0301, "failed"),
        (math.nan, 0.01, "not_judged"),
    ],
)
def test_credit_is_held_to_the_first_criteria_of_the_report(auc_low: float, ece: float, said: str) -> None:
    assert credit_gate({"auc_low": auc_low, "ece": ece, "auc": 0.9}) == said


def test_credit_takes_other_bounds_and_judges_nothing_without_figures() -> None:
    assert credit_gate({"auc_low": 0.65, "ece": 0.01}, Criteria(auc_low=0.7)) == "failed"
    assert credit_gate({"auc": 0.9}) == "not_judged"


@pytest.mark.parametrize(
    ("served", "floor", "said"),
    [
        (0.2, 0.3, "passed"),
        (0.3, 0.3, "failed"),
        (0.4, 0.3, "failed"),
        (None, 0.3, "not_judged"),
        (0.2, math.nan, "not_judged"),
    ],
)
def test_demand_is_held_to_the_seasonal_naive_forecast(
    served: float | None, floor: float | None, said: str
) -> None:
    wape = pl.Series([served, floor], dtype=pl.Float64)
    assert demand_gate(pl.DataFrame({"name": [COMBINATION, "naive"], "wape": wape})) == said


def test_demand_without_a_naive_member_is_not_judged() -> None:
    assert demand_gate(pl.DataFrame({"name": [COMBINATION], "wape": [0.2]})) == "not_judged"
