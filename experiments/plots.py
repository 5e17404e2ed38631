"""Plots that a reviewer looks at first: reliability, ROC, and which features move the scores."""

from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from models.credit.model import Scores

__all__ = ["write_plots"]

_BINS: Final = 10
_SHOWN: Final = 15
_SAMPLE: Final = 1000

Floats = NDArray[np.float64]


def write_plots(folder: Path, label: Floats, scores: Scores, x: Floats) -> None:
    """Write reliability.png, roc.png and contributions.png for n scored rows with labels (n,) and features x (n, k)."""
    _save(_reliability(label, scores.pd), folder / "reliability.png")
    _save(_roc(label, scores.pd), folder / "roc.png")
    _beeswarm(scores, x, folder / "contributions.png")


def _reliability(label: Floats, pd: Floats) -> Figure:
    order = np.argsort(pd, kind="stable")
    bins = np.array_split(order, _BINS)
    mean_pd = [float(pd[rows].mean()) for rows in bins]
    observed = [float(label[rows].mean()) for rows in bins]
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.add_subplot()
    top = 1.05 * max(*mean_pd, *observed)
    axes.plot([0, top], [0, top], color="grey", linewidth=1)
    axes.plot(mean_pd, observed, marker="o")
    axes.set(title="Reliability, ten bins of equal size", xlabel="mean PD", ylabel="observed default rate")
    return figure


def _roc(label: Floats, pd: Floats) -> Figure:
    order = np.argsort(-pd, kind="stable")
    caught = np.cumsum(label[order]) / label.sum()
    false_alarms = np.cumsum(1 - label[order]) / (1 - label).sum()
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1)
    axes.plot(false_alarms, caught)
    axes.set(
        title="ROC, out of time", xlabel="share of good parties flagged", ylabel="share of defaults caught"
    )
    return figure


def _beeswarm(scores: Scores, x: Floats, path: Path) -> None:
    """Draw contributions by feature value; shap takes seconds to import, so only here."""
    import shap  # noqa: PLC0415

    rows = slice(0, _SAMPLE)
    explanation = shap.Explanation(
        values=scores.contributions[rows],
        base_values=np.full(len(x[rows]), scores.base_log_odds),
        data=x[rows],
        feature_names=list(scores.features),
    )
    figure = Figure(figsize=(9, 7), layout="constrained")
    axes = figure.add_subplot()
    shap.plots.beeswarm(explanation, max_display=_SHOWN, ax=axes, plot_size=None, show=False, color_bar=False)
    axes.set(title="Largest contributions, red is a high value", xlabel="contribution to log-odds of default")
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    FigureCanvasAgg(figure)
    figure.savefig(path, dpi=110, bbox_inches="tight")
    figure.clear()
