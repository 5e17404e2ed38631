"""Demand of one frequency, or capacity, as it lies here: the runs that were published."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from features.timeline import Frequency
from graph.errors import UserError
from models.capacity.published import capacity_run
from models.capacity.published.run_info import CapacityInfo
from models.demand.ledger import published_run
from models.demand.ledger.published_run import RunInfo
from serving.champions.families import CAPACITY, Alias, Level, demand_family
from serving.champions.kept_here import Kept, KeptHere
from serving.champions.switches import SwitchBoard

__all__ = ["RunLane", "capacity_lane", "demand_lane"]

# What a run's backtest calls the forecasts that are served (`models.demand.evaluation`, which is too heavy for a worker).
_COMBINED: Final = "zhiheng"
_LINES: Final = "lines"
Info = TypeVar("Info", RunInfo, CapacityInfo)


@dataclass(frozen=True)
class RunLane:
    """Demand of one frequency, or capacity: the runs that were published."""

    family: str
    root: Path
    board: SwitchBoard
    list_runs: Callable[[Path], Kept]
    newest: Callable[[Path, bool], str | None]

    def kept(self) -> Kept:
        """Return the runs that were published, those of challengers too."""
        return self.list_runs(self.root)

    def pointed(self, alias: Alias) -> str | None:
        """Return the newest run, or the newest of the challenger."""
        try:
            return self.newest(self.root, alias is Alias.CHALLENGER)
        except UserError:
            return None

    def below(self, level: Level, served: str | None) -> tuple[Level, str | None] | None:
        """Return the run before, then nothing."""
        if level is Level.STOPPED:
            return None
        if level in (Level.CHAMPION, Level.ROLLED_BACK):
            previous = self.before(served)
            if previous is not None:
                return Level.PREVIOUS, previous
        return Level.STOPPED, None

    def before(self, served: str | None) -> str | None:
        """Return the run that was published before the one that answers, if it lies here whole."""
        runs = [one for one in self.kept().versions if not one.challenger or one.version == served]
        versions = [one.version for one in runs]
        if served in versions:
            runs = runs[: versions.index(served)]
        return next((one.version for one in reversed(runs) if one.whole), None)

    def trained_by(self, version: str) -> str:
        """Return who made a run, by its own notes."""
        found = self.kept().named(version)
        return "" if found is None else found.trained_by

    def was_champion(self, version: str) -> bool:
        """Say whether a run was published to be served, or was made champion by an order."""
        found = self.kept().named(version)
        served = found is not None and not found.challenger
        return served or self.board.was_champion(self.family, version)


def demand_lane(freq: Frequency, home: Path, board: SwitchBoard) -> RunLane:
    """Return demand of a frequency."""

    def listed(root: Path) -> Kept:
        infos, broken = _readable(published_run.run_folders(root), published_run.read_info)
        return Kept([_kept(one, root, _COMBINED) for one in infos if one.freq == freq], broken)

    def newest(root: Path, challenger: bool) -> str | None:  # noqa: FBT001 - a port with two callers
        return published_run.latest_run_id(root, freq, challenger=challenger)

    return RunLane(demand_family(freq), home / "forecasts", board, listed, newest)


def capacity_lane(home: Path, board: SwitchBoard) -> RunLane:
    """Return capacity."""

    def listed(root: Path) -> Kept:
        infos, broken = _readable(capacity_run.run_folders(root), capacity_run.read_info)
        return Kept([_kept(one, root, _LINES) for one in infos], broken)

    def newest(root: Path, challenger: bool) -> str | None:  # noqa: FBT001 - as above
        return capacity_run.latest_run_id(root, challenger=challenger)

    return RunLane(CAPACITY, home / capacity_run.FOLDER, board, listed, newest)


def _readable(
    folders: Iterable[Path], read: Callable[[Path], Info]
) -> tuple[Sequence[Info], Sequence[UserError]]:
    """Return what the runs say of themselves, oldest first, and what is wrong with those that cannot be read."""
    infos, broken = list[Info](), list[UserError]()
    for folder in folders:
        try:
            infos.append(read(folder))
        except UserError as error:
            broken.append(error)
    return sorted(infos, key=lambda info: (info.issued_at, info.run_id)), broken


def _kept(info: RunInfo | CapacityInfo, root: Path, accuracy: str) -> KeptHere:
    return KeptHere(
        info.run_id,
        root / info.run_id,
        info.accuracy.get(accuracy, {}),
        info.data_as_of,
        {"trained_by": info.trained_by, "gate": info.gate},
        model_version=info.model_version,
        issued_at=info.issued_at.isoformat(),
        challenger=info.challenger,
    )
