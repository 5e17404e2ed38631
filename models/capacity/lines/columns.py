"""Columns that a panel of lines gives its trees, and the words that explain them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from features.calendar import CALENDAR_GROUPS
from models.capacity.lines.grid import FACTORS, LineGrid
from models.capacity.lines.state import WINDOWS

__all__ = ["Columns", "columns_of"]

_SHORT_CALENDAR: Final = ("weekday", "working_day", "weekday_off", "makeup_workday")
_LONG_ENOUGH: Final = (
    500  # days of history from which on the season and the festivals can be told from a trend
)
_MAINTENANCE: Final = ("kind", "maintained", "maintenance_unknown", "since", "until", "kind_before")
_LAST_YEAR: Final = ("usual_ratio", "schedule_last_year", "performance_last_year", "total_last_year")


@dataclass(frozen=True)
class Columns:
    """Names of the columns, those that are categories, and the word that explains each."""

    names: tuple[str, ...]
    categorical: tuple[str, ...]
    words: tuple[str, ...]
    calendar: tuple[str, ...]
    driver_places: tuple[int, ...]

    def is_driver(self, place: int) -> bool:
        """Tell whether a column is a plan driver of some line."""
        return self.names[place].startswith("driver")

    @property
    def spread_places(self) -> tuple[int, ...]:
        """Return the places of columns that tell how sure a day is; dates and recent levels tell it of the past only."""
        told = {"line", "weekday", "shift_plan", "horizon", "maintenance", "spring_festival"}
        return tuple(
            k
            for k, name in enumerate(self.names)
            if self.words[k] in told or self.is_driver(k) or name == "usual_ratio"
        )


def columns_of(grid: LineGrid, calendar_names: Iterable[str]) -> Columns:
    """Decide which columns a panel gives: of drivers those known ahead, of the calendar what its length can teach."""
    longest = int((grid.last - grid.first).max(initial=0)) + 1
    calendar = _SHORT_CALENDAR if longest < _LONG_ENOUGH else tuple(calendar_names)
    places = tuple(int(one) for one in np.flatnonzero(grid.driver_reach > 0))
    names: dict[str, str] = {}
    if len(grid.line_ids) > 1:
        names |= {"line": "line"}
    if len(set(grid.profiles.tolist())) > 1:
        names |= {"profile": "line"}
    names |= {one: "weekday" if one == "weekday" else CALENDAR_GROUPS[one] for one in calendar}
    if (grid.maintenance >= 0).any():
        names |= dict.fromkeys(_MAINTENANCE, "maintenance")
    names |= {"hours": "shift_plan", "hours_ratio": "shift_plan", "plan_known": "shift_plan"}
    names |= {"rate": "planned_rate", "rate_ratio": "planned_rate", "step": "horizon", "age": "horizon"}
    names |= {f"{factor}_level": "recent_level" for factor in FACTORS}
    windows = [
        days for days in WINDOWS if days <= max(longest, WINDOWS[0])
    ]  # a longer one tells nothing else
    names |= {f"{factor}_{days}d": "recent_level" for factor in FACTORS for days in windows}
    names |= {f"total_{days}d": "recent_level" for days in windows} | {"median_level": "recent_level"}
    if longest >= _LONG_ENOUGH:
        names |= dict.fromkeys(_LAST_YEAR, "season")
    every = (*grid.driver_names, *grid.text_names)
    for place in places:
        names[f"driver:{every[place]}"] = every[place]
        if place < len(grid.driver_names):
            names[f"driver_ratio:{every[place]}"] = every[place]
    texts = {f"driver:{one}" for one in grid.text_names}
    categorical = tuple(one for one in names if one in {"line", "profile", "kind", "kind_before"} | texts)
    return Columns(tuple(names), categorical, tuple(names.values()), calendar, places)
