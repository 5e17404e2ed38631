"""What lies here of each family, and what would answer next: read from disk and orders, so that it works without a worker."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final, Protocol

from features.timeline import Frequency, read_frequency
from graph.errors import UserError
from models.bundle import MANIFEST, Manifest, read_bundle
from models.capacity.published import capacity_run
from models.demand.ledger import published_run
from serving.champions.errors import UnknownFamilyError
from serving.champions.families import CAPACITY, CREDIT, FAMILIES, Alias, Gate, Level
from serving.champions.store import KeptVersion, kept_versions, read_pointer
from serving.champions.switches import SwitchBoard

__all__ = ["CreditLane", "KeptHere", "Lane", "Lanes", "RunLane"]

# What a run's backtest calls the forecasts that are served (`models.demand.evaluation`, which is too heavy for a worker).
_COMBINED: Final = "zhiheng"


@dataclass(frozen=True)
class KeptHere:
    """A version that lies here: a model, or a published run with the model it came from."""

    version: str
    folder: Path
    metrics: Mapping[str, float]
    trained_as_of: date | None
    notes: Mapping[str, str]
    model_version: str | None = None
    issued_at: str | None = None
    challenger: bool = False

    @property
    def gate(self) -> Gate:
        """Return what the training's own gate said of it, by its notes."""
        said = self.notes.get("gate", "")
        return Gate(said) if said in {gate.value for gate in Gate} else Gate.NONE


class Lane(Protocol):
    """One family as it lies here."""

    @property
    def family(self) -> str:
        """Return its name."""

    def kept(self) -> Sequence[KeptHere]:
        """Return the versions that lie here, the oldest first."""

    def pointed(self, alias: Alias) -> str | None:
        """Return the version that the files name, None where they name none."""

    def below(self, level: Level, served: str | None) -> tuple[Level, str | None] | None:
        """Return what the kill switch falls back to, None where nothing is left."""

    def before(self, served: str | None) -> str | None:
        """Return the version that answered before, None where there is none."""

    def check(self, version: str) -> bool:
        """Say whether a version lies here with every file as it was written."""

    def trained_by(self, version: str) -> str:
        """Return who trained a version, empty where nobody knows."""

    def gate(self, version: str) -> Gate:
        """Return how the training judged a version."""

    def was_champion(self, version: str) -> bool:
        """Say whether a version ever was champion here."""


@dataclass(frozen=True)
class CreditLane:
    """Credit: models, then the scorecard, then rules."""

    home: Path
    board: SwitchBoard
    family: str = CREDIT

    @property
    def _models(self) -> Path:
        return self.home / "models" / "credit"

    @property
    def _scorecard(self) -> Path:
        return self.home / "models" / "scorecard"

    def kept(self) -> Sequence[KeptHere]:
        """Return the models that lie here and the scorecard, those of the oldest training data first."""
        found = [_kept(one) for one in kept_versions(self._models).values()]
        if (self._scorecard / MANIFEST).is_file():
            manifest = Manifest.model_validate_json((self._scorecard / MANIFEST).read_bytes())
            found.append(_kept(KeptVersion(self._scorecard, manifest)))
        return sorted(found, key=lambda one: (one.trained_as_of or date.min, one.version))

    def pointed(self, alias: Alias) -> str | None:
        """Return the version that a pointer names."""
        try:
            return read_pointer(FAMILIES[CREDIT].pointer(self.home / "models", alias)).version
        except UserError:
            return None

    def below(self, level: Level, served: str | None) -> tuple[Level, str | None] | None:
        """Return the previous version, then the scorecard, then the rules; what is not here is passed over."""
        if level is Level.RULES_ONLY:
            return None
        if level in (Level.CHAMPION, Level.ROLLED_BACK):
            previous = self.before(served)
            if previous is not None:
                return Level.PREVIOUS, previous
        if level is not Level.SCORECARD and _whole(self._scorecard):
            return Level.SCORECARD, read_bundle(self._scorecard).manifest.version
        return Level.RULES_ONLY, None

    def before(self, served: str | None) -> str | None:
        """Return the champion before the one that answers, if it lies here whole."""
        here = kept_versions(self._models)
        earlier = (one for one in self.board.before(CREDIT, served) if one in here)
        return next((one for one in earlier if _whole(here[one].folder)), None)

    def check(self, version: str) -> bool:
        """Say whether a model or the scorecard lies here with every file as it was written."""
        return any(one.version == version and _whole(one.folder) for one in self.kept())

    def trained_by(self, version: str) -> str:
        """Return who trained a version, by its own notes or what the registry said."""
        for one in self.kept():
            if one.version == version and one.notes.get("trained_by"):
                return one.notes["trained_by"]
        for alias in Alias:
            try:
                pointer = read_pointer(FAMILIES[CREDIT].pointer(self.home / "models", alias))
            except UserError:
                continue
            if pointer.version == version:
                return pointer.trained_by
        return ""

    def gate(self, version: str) -> Gate:
        """Return how the training judged a version, by its own notes."""
        return _gate(self.kept(), version)

    def was_champion(self, version: str) -> bool:
        """Say whether a model answered as champion or was made it; the scorecard is for the kill switch alone."""
        return self.board.was_champion(self.family, version)


@dataclass(frozen=True)
class RunLane:
    """Demand of one frequency, or capacity: the runs that were published."""

    family: str
    root: Path
    board: SwitchBoard
    list_runs: Callable[[Path], Sequence[KeptHere]]
    newest: Callable[[Path, bool], str | None]

    def kept(self) -> Sequence[KeptHere]:
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
        runs = [one for one in self.kept() if not one.challenger or one.version == served]
        versions = [one.version for one in runs]
        if served in versions:
            runs = runs[: versions.index(served)]
        return next((one.version for one in reversed(runs) if _whole(one.folder)), None)

    def check(self, version: str) -> bool:
        """Say whether a run lies here with every file as it was written."""
        return any(one.version == version and _whole(one.folder) for one in self.kept())

    def trained_by(self, version: str) -> str:
        """Return who made a run, by its own notes."""
        found = next((one for one in self.kept() if one.version == version), None)
        return "" if found is None else found.notes.get("trained_by", "")

    def gate(self, version: str) -> Gate:
        """Return how the training judged what a run came from."""
        return _gate(self.kept(), version)

    def was_champion(self, version: str) -> bool:
        """Say whether a run was published to be served, or was made champion by an order."""
        served = any(one.version == version and not one.challenger for one in self.kept())
        return served or self.board.was_champion(self.family, version)


class Lanes:
    """Every family as it lies below the home."""

    def __init__(self, home: Path, board: SwitchBoard) -> None:
        self.board = board
        self._lanes: dict[str, Lane] = {CREDIT: CreditLane(home, board)}
        self._lanes[CAPACITY] = RunLane(
            CAPACITY, home / capacity_run.FOLDER, board, _capacity_runs, _newest_capacity
        )
        for family in FAMILIES:
            if family not in self._lanes:
                freq = read_frequency(family.removeprefix("demand-"))
                self._lanes[family] = RunLane(
                    family, home / "forecasts", board, _demand_runs(freq), _newest_demand(freq)
                )

    def of(self, family: str) -> Lane:
        """Return a family. Raises UnknownFamilyError."""
        if family not in self._lanes:
            raise UnknownFamilyError(list(self._lanes))
        return self._lanes[family]

    def all(self) -> Sequence[Lane]:
        """Return the families of which something lies here, and credit."""
        return [lane for lane in self._lanes.values() if lane.family == CREDIT or lane.kept()]

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


def _kept(one: KeptVersion) -> KeptHere:
    manifest, window = one.manifest, one.manifest.training_window
    trained = manifest.trained_as_of or (None if window is None else window[1])
    return KeptHere(manifest.version, one.folder, manifest.metrics, trained, manifest.notes)


def _gate(kept: Sequence[KeptHere], version: str) -> Gate:
    return next((one.gate for one in kept if one.version == version), Gate.NONE)


def _whole(folder: Path) -> bool:
    try:
        read_bundle(folder)
    except UserError:
        return False
    return True


def _demand_runs(freq: Frequency) -> Callable[[Path], Sequence[KeptHere]]:
    def listed(root: Path) -> Sequence[KeptHere]:
        return [
            KeptHere(
                info.run_id,
                root / info.run_id,
                info.accuracy.get(_COMBINED, {}),
                info.data_as_of,
                {"trained_by": info.trained_by, "gate": info.gate},
                model_version=info.model_version,
                issued_at=info.issued_at.isoformat(),
                challenger=info.challenger,
            )
            for info in published_run.list_runs(root, freq, challengers=True)
        ]

    return listed


def _capacity_runs(root: Path) -> Sequence[KeptHere]:
    return [
        KeptHere(
            info.run_id,
            root / info.run_id,
            info.accuracy.get("lines", {}),
            info.data_as_of,
            {"trained_by": info.trained_by, "gate": info.gate},
            model_version=info.model_version,
            issued_at=info.issued_at.isoformat(),
            challenger=info.challenger,
        )
        for info in capacity_run.list_runs(root, challengers=True)
    ]


def _newest_demand(freq: Frequency) -> Callable[[Path, bool], str | None]:
    return lambda root, challenger: published_run.latest_run_id(root, freq, challenger=challenger)


def _newest_capacity(root: Path, challenger: bool) -> str | None:  # noqa: FBT001 - a port with two callers
    return capacity_run.latest_run_id(root, challenger=challenger)
