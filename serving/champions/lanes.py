"""What lies here of each family, and what would answer next: read from disk and orders, so that it works without a worker."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from features.timeline import Frequency
from serving.champions.credit_lane import CreditLane
from serving.champions.errors import UnknownFamilyError
from serving.champions.families import CREDIT, Alias, Level
from serving.champions.kept_here import Kept
from serving.champions.run_lane import capacity_lane, demand_lane
from serving.champions.switches import SwitchBoard

__all__ = ["Lane", "Lanes"]


class Lane(Protocol):
    """One family as it lies here."""

    @property
    def family(self) -> str:
        """Return its name."""

    def kept(self) -> Kept:
        """Return the versions that lie here, and what is wrong with folders that cannot be read."""

    def pointed(self, alias: Alias) -> str | None:
        """Return the version that the files name, None where they name none."""

    def below(self, level: Level, served: str | None) -> tuple[Level, str | None] | None:
        """Return what the kill switch falls back to, None where nothing is left."""

    def before(self, served: str | None) -> str | None:
        """Return the version that answered before, None where there is none."""

    def trained_by(self, version: str) -> str:
        """Return who trained a version, empty where nobody knows."""

    def was_champion(self, version: str) -> bool:
        """Say whether a version ever was champion here."""


class Lanes:
    """Every family as it lies below the home."""

    def __init__(self, home: Path, board: SwitchBoard) -> None:
        self.board = board
        lanes: Sequence[Lane] = [
            CreditLane(home, board),
            capacity_lane(home, board),
            *(demand_lane(freq, home, board) for freq in Frequency),
        ]
        self._lanes = {lane.family: lane for lane in lanes}

    def of(self, family: str) -> Lane:
        """Return a family. Raises UnknownFamilyError."""
        if family not in self._lanes:
            raise UnknownFamilyError(list(self._lanes))
        return self._lanes[family]

    def all(self) -> Sequence[Lane]:
        """Return the families of which something lies here, and credit."""
        return [lane for lane in self._lanes.values() if lane.family == CREDIT or _something(lane.kept())]

    def served(self, family: str) -> tuple[Level, str | None]:
        """Return who is to answer for a family, by the files and the orders."""
        switch, lane = self.board.of(family), self.of(family)
        if switch.level is not Level.CHAMPION:
            return switch.level, switch.version
        pointed = lane.pointed(Alias.CHAMPION)
        return Level.CHAMPION, self.board.alias_version(family, Alias.CHAMPION, pointed)

    def alias(self, family: str, alias: Alias) -> str | None:
        """Return the version with an alias."""
        return self.board.alias_version(family, alias, self.of(family).pointed(alias))


def _something(kept: Kept) -> bool:
    return bool(kept.versions or kept.broken)
