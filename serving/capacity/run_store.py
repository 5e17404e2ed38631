"""The newest published run of capacity as the service holds it; one that cannot be read leaves the one before in place."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import polars as pl

from models.capacity.published.capacity_run import CapacityRun, latest_run_id, list_runs, read_run
from models.capacity.published.pointers import CHALLENGER, LATEST
from models.capacity.published.run_info import CapacityInfo
from models.errors import CapacityRunError
from models.quantile_columns import quantile_columns
from serving.champions.families import CAPACITY, Alias, Level
from serving.champions.run_choice import RunChoice, choose_run
from serving.champions.switches import SwitchBoard

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
    board: SwitchBoard | None = None
    challenger: LoadedCapacity | None = None
    choice: RunChoice | None = None

    @property
    def pointers(self) -> tuple[Path, Path]:
        """The files that name the newest runs: while they stay, nothing new was published."""
        return self.root / LATEST, self.root / CHALLENGER

    @property
    def plans(self) -> Path:
        """The folder of plans."""
        return self.root / "plans"

    def reload(self) -> None:
        """Load the run that is to answer if it is another. Raises the UserError of one that cannot be read, the last stays."""
        choice = choose_run(self.board, CAPACITY, latest_run_id(self.root))
        self.choice = choice
        if choice.level is not Level.CHAMPION and not _is(self.latest, choice.run_id):
            self.latest = None  # it was ordered away: whatever happens below, it does not answer any more
        if choice.run_id is not None and not _is(self.latest, choice.run_id):
            self.latest = self._loaded(choice.run_id)
        beside = latest_run_id(self.root, challenger=True)
        if self.board is not None:
            beside = self.board.alias_version(CAPACITY, Alias.CHALLENGER, beside)
        if beside is None or beside == choice.run_id:
            self.challenger = None
        elif not _is(self.challenger, beside):
            self.challenger = self._loaded(beside)

    def _loaded(self, run_id: str) -> LoadedCapacity:
        loaded = LoadedCapacity(read_run(self.root / run_id))
        loaded.look_once()
        return loaded


def _is(loaded: LoadedCapacity | None, run_id: str | None) -> bool:
    return loaded is not None and loaded.info.run_id == run_id
