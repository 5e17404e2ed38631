"""The newest published run of capacity as the service holds it; one that cannot be read leaves the one before in place."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import polars as pl

from models.capacity.published.capacity_run import CapacityRun, latest_run_id, list_runs, read_run
from models.capacity.published.pointers import LATEST
from models.capacity.published.run_info import CapacityInfo
from models.errors import CapacityRunError
from models.quantile_columns import quantile_columns

__all__ = ["CapacityStore", "LoadedCapacity", "info_of_run"]


@dataclass(frozen=True, eq=False)
class LoadedCapacity:
    """A run with what is looked up in it all the time."""

    run: CapacityRun

    @property
    def info(self) -> CapacityInfo:
        """Return who made it, when, from what."""
        return self.run.info

    @property
    def lines(self) -> pl.DataFrame:
        """Every line it has a word on."""
        return self.run.lines

    @cached_property
    def quantiles(self) -> dict[str, float]:
        """Quantile columns of weeks and days with their levels."""
        return quantile_columns(self.run.weeks)

    @cached_property
    def _weeks(self) -> dict[str, pl.DataFrame]:
        return _by_line(self.run.weeks, "week")

    @cached_property
    def _days(self) -> dict[str, pl.DataFrame]:
        return _by_line(self.run.days, "ds")

    @cached_property
    def _contributions(self) -> dict[str, pl.DataFrame]:
        return _by_line(self.run.contributions, "week")

    def points(self, line_id: str, *, daily: bool) -> pl.DataFrame:
        """Return the weeks or days of a line in order of time; none for a line without a forecast."""
        found = self._days if daily else self._weeks
        return found.get(line_id, self.run.days.clear() if daily else self.run.weeks.clear())

    def contributions(self, line_id: str) -> pl.DataFrame:
        """Return what makes a line's forecast up: week, factor, driver, value."""
        return self._contributions.get(line_id, self.run.contributions.clear())

    def look_once(self) -> None:
        """Make what is looked up: what is wrong with a run shows now, not at the first question."""
        _ = (self.quantiles, self._weeks, self._days, self._contributions)


def _by_line(frame: pl.DataFrame, time: str) -> dict[str, pl.DataFrame]:
    parts = frame.sort("line_id", time, maintain_order=True).partition_by("line_id", as_dict=True)
    return {str(key[0]): part for key, part in parts.items()}


def info_of_run(root: Path, run_id: str) -> CapacityInfo:
    """Return what a run says of itself, also an old one. Raises CapacityRunError."""
    for info in reversed(list_runs(root)):
        if info.run_id == run_id:
            return info
    raise CapacityRunError(run_id, "已不在批次目录中", "it is no longer in the folder of runs")


@dataclass
class CapacityStore:
    """The folder of published runs of capacity; plans lie below it."""

    root: Path
    latest: LoadedCapacity | None = field(default=None)

    @property
    def pointer(self) -> Path:
        """The file that names the newest run: while it stays, nothing new was published."""
        return self.root / LATEST

    @property
    def plans(self) -> Path:
        """The folder of plans."""
        return self.root / "plans"

    def reload(self) -> None:
        """Load the newest run if it is another. Raises the UserError of one that cannot be read, the last stays."""
        run_id = latest_run_id(self.root)
        if run_id is None or (self.latest is not None and self.latest.info.run_id == run_id):
            return
        loaded = LoadedCapacity(read_run(self.root / run_id))
        loaded.look_once()
        self.latest = loaded
