"""The plots of the report as SVG text, words in ASCII only: a machine may have no Chinese font to draw with."""

import io
from collections.abc import Callable, Sequence
from datetime import date
from typing import Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from experiments.metrics import Interval

__all__ = ["bars", "by_month", "heat", "intervals", "reliability"]

Floats = NDArray[np.float64]

BLUE: Final = "#1f5fa8"
GREY: Final = "#8a8f98"
RED: Final = "#b3261e"
_WIDE: Final = (7.2, 2.9)
_SQUARE: Final = (4.6, 4.3)
_ROW: Final = 0.32


def reliability(mean_pd: Floats, observed: Floats, low: Floats, high: Floats) -> str:
    """Draw observed rates (k,) with intervals against mean PDs (k,) on logarithmic axes."""
    seen = np.concatenate([mean_pd, observed[observed > 0], high])
    floor = float(seen[seen > 0].min()) / 2

    def draw(axes: Axes) -> None:
        ends = np.array([floor, min(1.0, float(seen.max()) * 1.5)])
        axes.plot(ends, ends, color=GREY, linewidth=1, label="perfect")
        shown = np.maximum(observed, floor)
        axes.vlines(mean_pd, np.maximum(low, floor), high, color=BLUE, linewidth=1.5)
        axes.plot(mean_pd, shown, "o", color=BLUE, markersize=5, label="observed, 95 % interval")
        axes.set(xscale="log", yscale="log", xlabel="mean PD of the bin", ylabel="observed default rate")
        axes.legend(frameon=False, fontsize=8, loc="upper left")

    return _drawn(draw, _SQUARE)


def by_month(
    series: Sequence[tuple[str, Sequence[tuple[date, Interval]]]],
    *,
    label: str,
    marks: Sequence[tuple[float, str]] = (),
) -> str:
    """Draw figures by date, each series in its own colour; marks are horizontal lines with a name."""

    def draw(axes: Axes) -> None:
        for (name, points), colour in zip(series, (GREY, BLUE, RED), strict=False):
            if not points:
                continue
            days = np.array([day for day, _ in points], dtype="datetime64[D]")
            low, high = [p.low for _, p in points], [p.high for _, p in points]
            axes.vlines(days, low, high, color=colour, linewidth=1, alpha=0.6)
            axes.plot(
                days,
                [p.value for _, p in points],
                "o-",
                color=colour,
                markersize=3.5,
                linewidth=1,
                label=name,
            )
        _marks(axes, marks)
        axes.set_ylabel(label)
        axes.tick_params(axis="x", rotation=30)
        axes.legend(frameon=False, fontsize=8)

    return _drawn(draw, _WIDE)


def bars(
    days: Sequence[date], values: Sequence[float], *, label: str, marks: Sequence[tuple[float, str]]
) -> str:
    """Draw one bar a date."""

    def draw(axes: Axes) -> None:
        axes.bar(range(len(days)), values, color=BLUE, width=0.7)
        axes.set_xticks(range(len(days)), [f"{day:%Y-%m}" for day in days], rotation=60, fontsize=7)
        _marks(axes, marks)
        axes.set_ylabel(label)

    return _drawn(draw, _WIDE)


def heat(names: Sequence[str], days: Sequence[date], values: Floats, *, label: str, top: float) -> str:
    """Draw values (names, days) as colours from 0 to `top`; larger ones look like it."""

    def draw(axes: Axes) -> None:
        shown = axes.imshow(values, aspect="auto", cmap="OrRd", vmin=0, vmax=top)
        axes.set_yticks(range(len(names)), names, fontsize=7)
        axes.set_xticks(range(len(days)), [f"{day:%Y-%m}" for day in days], rotation=60, fontsize=7)
        figure = axes.get_figure()
        if figure is not None:
            figure.colorbar(shown, ax=axes, label=label, extend="max")

    return _drawn(draw, (_WIDE[0] + 1.6, 1.4 + 0.19 * len(names)), grid=False)


def intervals(
    names: Sequence[str], values: Sequence[Interval], *, label: str, mark: float | None = None
) -> str:
    """Draw one horizontal interval a name, the first on top; names are ASCII."""

    def draw(axes: Axes) -> None:
        place = np.arange(len(names))[::-1]
        axes.hlines(place, [v.low for v in values], [v.high for v in values], color=BLUE, linewidth=1.5)
        axes.plot([v.value for v in values], place, "o", color=BLUE, markersize=5)
        axes.set_yticks(place, names)
        axes.set_ylim(-0.6, len(names) - 0.4)
        if mark is not None:
            axes.axvline(mark, color=GREY, linewidth=1, linestyle="--")
        axes.set_xlabel(label)

    return _drawn(draw, (_WIDE[0], 1.0 + _ROW * len(names)))


def _marks(axes: Axes, marks: Sequence[tuple[float, str]]) -> None:
    for height, name in marks:
        axes.axhline(height, color=RED, linewidth=0.8, linestyle="--")
        axes.annotate(name, (1.0, height), xycoords=("axes fraction", "data"), fontsize=7, color=RED,
                      xytext=(3, -3), textcoords="offset points")  # fmt: skip


def _drawn(draw: Callable[[Axes], None], size: tuple[float, float], *, grid: bool = True) -> str:
    """Return a drawing as SVG; without date and with a fixed salt, so that the same figures give the same bytes."""
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    draw(axes)
    axes.spines[["top", "right"]].set_visible(False)
    if grid:
        axes.grid(visible=True, alpha=0.25)
    out = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "zhiheng", "svg.fonttype": "path"}):
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return out.getvalue()
