"""What issue 6 asks to be reached, each as a figure of ours against a limit or a peer's figure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ["FAST", "GOALS", "NEEDED", "STANDARD", "Goal", "Report"]

STANDARD: Final = "zhiheng"
FAST: Final = "zhiheng_fast"
_CLOSER: Final = 0.97  # the stretch lies 3 % below each limit
Report = Mapping[tuple[str, str], Mapping[str, float]]
"""Figures by data set and forecaster."""


@dataclass(frozen=True)
class Goal:
    """A figure of ours on a data set that must stay below `limit`, times a peer's figure where one is named.

    With `least` the figure must lie between both, and there is nothing to stretch for.
    """

    dataset: str
    figure: str
    limit: float
    peer: str = ""
    least: float | None = None
    ours: str = STANDARD

    def value(self, report: Report) -> float | None:
        """Return what the limit is compared with, None where it was not measured."""
        own = report.get((self.dataset, self.ours), {}).get(self.figure)
        if own is None or not self.peer:
            return own
        other = report.get((self.dataset, self.peer), {}).get(self.figure)
        return own / other if other else None

    def met(self, value: float, *, stretch: bool = False) -> bool:
        """Tell whether the value reaches the limit; NaN does not."""
        limit = self.limit * _CLOSER if stretch and self.least is None else self.limit
        return value <= limit and (self.least is None or value >= self.least)

    def line(self, report: Report) -> str:
        """Write the goal, the figure and the verdict."""
        value = self.value(report)
        name = f"{self.dataset}: {self.ours} {self.figure}" + (f" / {self.peer}'s" if self.peer else "")
        asked = f"<= {self.limit:g}" if self.least is None else f"{self.least:g} to {self.limit:g}"
        if value is None:
            return f"goal {name} {asked}: not measured"
        verdict = "met" if self.met(value) else "MISSED"
        further = ", stretch too" if self.least is None and self.met(value, stretch=True) else ""
        return f"goal {name} {asked}: {value:.4f} {verdict}{further}"


def _band(dataset: str) -> Goal:
    return Goal(dataset, "cover80", 0.87, least=0.75)


_REGULAR: Final = (
    "m3_monthly", "m4_weekly", "tourism_large", "orangejuice", "walmart", "rossmann", "taiwan_power", "china_macro",
)  # fmt: skip
GOALS: Final[Sequence[Goal]] = (
    Goal("m3_monthly", "owa", 0.79),
    Goal("m3_monthly", "owa", 0.98, "ForecastPro"),
    Goal("m3_monthly", "owa", 0.70, "prophet"),
    Goal("m4_weekly", "owa", 0.81),
    Goal("tourism_large", "wql", 0.91, "ets"),
    Goal("tourism_large", "negatives", 0.0),
    Goal("tourism_large", "incoherence", 1e-6),
    Goal("walmart", "wape@2011-10-28", 0.92, "snaive"),
    Goal("walmart", "wape@2012-07-27", 0.74, "snaive"),
    # Prophet with the same drivers, as it comes and on logarithms, which fit promotions far better.
    Goal("orangejuice", "wape", 0.91, "prophet_drivers"),
    Goal("orangejuice", "wape", 0.91, "prophet_logs"),
    Goal("rossmann", "wape", 0.85, "prophet_drivers"),
    Goal("carparts", "sql", 0.75, "ets"),
    Goal("taiwan_power", "wape", 0.70, "prophet_holidays"),
    Goal("taiwan_power", "wape_new_year", 0.70, "prophet_holidays"),
    Goal("china_macro", "wape_jan_mar", 0.88, "arima"),
    *(_band(dataset) for dataset in _REGULAR),
    Goal("m3_monthly", "cpu", 0.80, "prophet"),
    Goal("m3_monthly", "cpu", 0.15, "prophet", ours=FAST),
)

# Who runs on which set. AutoETS, Theta and mlforecast count rows, so they are left out where most rows are closed days.
_USUAL: Final = ("snaive", "ets", "theta", "mlforecast", "prophet")
NEEDED: Final[Mapping[str, Sequence[str]]] = {
    "m3_monthly": (FAST, *_USUAL),
    "m4_weekly": _USUAL,
    "tourism_large": _USUAL,
    "tourism_small": _USUAL,
    "carparts": _USUAL,
    "orangejuice": (*_USUAL, "prophet_drivers", "prophet_logs"),
    "walmart": ("snaive", "theta", "mlforecast", "prophet"),
    "rossmann": ("snaive", "prophet", "prophet_drivers"),
    "taiwan_power": (*_USUAL, "prophet_holidays"),
    "china_macro": (*_USUAL, "arima"),
}
