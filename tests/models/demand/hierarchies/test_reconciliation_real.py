"""Reconciliation on tourism in Australia: the oracle's forecasts, and bands better than those of the parts alone."""

from importlib import import_module
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
import pytest

from models.demand.conformal import learn_bands
from models.demand.hierarchies.hierarchy import Hierarchy, hierarchy_of_levels
from models.demand.hierarchies.reconciliation import (
    incoherence,
    reconcile,
    residual_variance,
    structural_variance,
)
from models.demand.measures import naive_scale
from models.demand.series import FloatArray

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("shared_data")]

LEVELS: Final = tuple(np.arange(1, 10) / 10)


def _tourism(folder: Path, size: str) -> tuple[Hierarchy, FloatArray]:
    """Return the hierarchy made from columns and the history of its nodes as the file has them, (n, T)."""
    place = folder / "forecast" / f"hier_tourism{size}"
    table, sums = pl.read_csv(place / "data.csv"), pl.read_csv(place / "agg_mat.csv")
    bottom, nodes = sums.columns[1:], sums[:, 0].to_list()
    if size == "large":
        parts = [(one[0], one[:2], one[:3], one[3:]) for one in bottom]
        columns, levels = ("state", "zone", "region", "purpose"), [
            ["state"], ["zone"], ["region"], ["purpose"], ["state", "purpose"], ["zone", "purpose"]]  # fmt: skip
    else:
        parts = [(a, b, c, "") for a, b, c in (one.split("-") for one in bottom)]
        columns, levels = ("state", "purpose", "city", "none"), [["purpose"], ["state", "purpose"]]
    static = pl.DataFrame(parts, schema=list(columns), orient="row").with_columns(unique_id=pl.Series(bottom))
    hierarchy = hierarchy_of_levels(static, levels)
    matrix = sums[:, 1:].to_numpy()
    row_of = {tuple(np.flatnonzero(matrix[row])): row for row in range(len(nodes))}
    order = [row_of[tuple(np.flatnonzero(row))] for row in hierarchy.sums.toarray()]
    return hierarchy, table.select(nodes).to_numpy().T.astype(np.float64)[order]


@pytest.mark.parametrize(("size", "nodes", "season"), [("small", 89, 4), ("large", 555, 12)])
@pytest.mark.parametrize("method", ["ols", "wls_struct", "wls_var"])
def test_tourism_is_reconciled_as_the_oracle_does(
    shared_data: Path, size: str, nodes: int, season: int, method: str
) -> None:
    hierarchy, history = _tourism(shared_data, size)
    assert len(hierarchy) == nodes
    assert incoherence(history, hierarchy) <= 1e-9
    errors = history[:, season:] - history[:, :-season]
    forecasts = history[:, -season:] + np.random.default_rng(3).normal(size=(nodes, season)) * errors.std()
    seen = {"y_insample": errors, "y_hat_insample": np.zeros_like(errors)} if method == "wls_var" else {}
    oracle = import_module("hierarchicalforecast.methods")  # no types are published for it
    expected = oracle.MinTrace(method).fit_predict(S=hierarchy.sums.toarray(), y_hat=forecasts, **seen)[
        "mean"
    ]
    variance = {
        "ols": np.ones(nodes),
        "wls_struct": structural_variance(hierarchy),
        "wls_var": (errors**2).mean(axis=1) + 2e-8,
    }[method]
    got = reconcile(forecasts, hierarchy, variance)
    assert np.abs(got - expected).max() <= 1e-8 * np.abs(expected).max()


@pytest.mark.parametrize("back", [12, 24])
def test_bands_around_coherent_forecasts_beat_those_of_the_nodes_alone(shared_data: Path, back: int) -> None:
    hierarchy, y = _tourism(shared_data, "large")
    width = y.shape[1]

    def naive(ago: int) -> FloatArray:
        mean: FloatArray = (
            y[:, width - ago - 12 : width - ago] + y[:, width - ago - 24 : width - ago - 12]
        ) / 2
        return mean

    def actual(ago: int) -> FloatArray:
        return y[:, width - ago : width - ago + 12]

    backs = [back + 12 * number for number in range(1, 6)]
    errors = np.stack([actual(ago) - naive(ago) for ago in backs])
    variance = residual_variance(errors, hierarchy)
    scale = naive_scale(y[:, : width - back], 12)

    # Forecasts that do not add up: each node's own, with an error of its own.
    noise = (
        np.random.default_rng(1).normal(size=(6, *y[:, :12].shape)) * np.sqrt(variance)[None, :, None] * 0.7
    )
    loud = naive(back) + noise[0]
    loud_errors = errors - noise[1:]
    loud_variance = residual_variance(loud_errors, hierarchy)
    before = learn_bands(loud_errors / scale[None, :, None], scale, hierarchy.level, LEVELS).quantiles(loud)
    reconciled = reconcile(loud, hierarchy, loud_variance, non_negative=True)
    again = np.stack(
        [actual(ago) - reconcile(actual(ago) - one, hierarchy, loud_variance, non_negative=True)
         for ago, one in zip(backs, loud_errors, strict=True)]
    )  # fmt: skip
    bands = learn_bands(again / scale[None, :, None], scale, hierarchy.level, LEVELS)
    after = np.maximum(np.sort(bands.quantiles(reconciled), axis=2), 0.0)
    assert (np.diff(after, axis=2) >= 0).all()
    assert _loss(hierarchy, actual(back), after) < 0.97 * _loss(hierarchy, actual(back), before)


def _loss(hierarchy: Hierarchy, actual: FloatArray, quantiles: FloatArray) -> float:
    """Return the weighted quantile loss, the mean over the levels of the hierarchy."""
    levels = np.array(LEVELS)
    gap = actual[:, :, None] - quantiles
    pinball = np.maximum(levels * gap, (levels - 1) * gap)
    by_level = [
        2 * pinball[rows].sum(axis=(0, 1)).mean() / np.abs(actual[rows]).sum()
        for rows in map(hierarchy.rows_of, hierarchy.level_names)
    ]
    return float(np.mean(by_level))
