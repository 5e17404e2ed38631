"""What a training's own figures say of its model, in a word that goes into the notes: passed, failed or not_judged."""

import math
from collections.abc import Mapping
from typing import Final

import polars as pl

from experiments.validation_report.criteria import Criteria
from models.demand.evaluation import COMBINATION

__all__ = ["GATE", "credit_gate", "demand_gate"]

GATE: Final = "gate"
"""Note of a manifest: what the training's own gate said; a model without it has no gate."""
_FLOOR: Final = "naive"


def credit_gate(metrics: Mapping[str, float], criteria: Criteria | None = None) -> str:
    """Judge out-of-time figures by the validation report's first two criteria: the AUC's lower end and the ECE.

    metrics: with `auc_low` and `ece` of rows that the judged models did not learn from.
    """
    rules = criteria or Criteria()
    auc_low, ece = metrics.get("auc_low", math.nan), metrics.get("ece", math.nan)
    if not (math.isfinite(auc_low) and math.isfinite(ece)):
        return "not_judged"
    return "passed" if auc_low >= rules.auc_low and ece <= rules.ece else "failed"


def demand_gate(measures: pl.DataFrame) -> str:
    """Say whether the combination's backtest WAPE is below the seasonal naive forecast's on the same series.

    measures: `name`, `wape`, a row of the combination and one of `naive`; null or NaN where nothing could be measured.
    """
    wape = dict(measures.select("name", "wape").iter_rows())
    served, floor = wape.get(COMBINATION), wape.get(_FLOOR)
    if served is None or floor is None or not (math.isfinite(served) and math.isfinite(floor)):
        return "not_judged"
    return "passed" if served < floor else "failed"
