"""Credit as it lies here: models, then the scorecard, then the rules."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from graph.errors import UserError
from models.bundle import MANIFEST
from models.errors import BundleError
from serving.champions.families import CREDIT, FAMILIES, Alias, Level
from serving.champions.kept_here import Kept, KeptHere, whole_bundle
from serving.champions.store import KeptVersion, broken_folders, kept_versions, read_manifest, read_pointer
from serving.champions.switches import SwitchBoard

__all__ = ["CreditLane"]


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

    def kept(self) -> Kept:
        """Return the models that lie here and the scorecard, those of the oldest training data first."""
        found = [_kept(one) for one in kept_versions(self._models).values()]
        broken = list(broken_folders(self._models))
        if (self._scorecard / MANIFEST).is_file():
            try:
                found.append(_kept(KeptVersion(self._scorecard, read_manifest(self._scorecard))))
            except BundleError as error:
                broken.append(error)
        return Kept(sorted(found, key=lambda one: (one.trained_as_of or date.min, one.version)), broken)

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
        card = whole_bundle(self._scorecard) if level is not Level.SCORECARD else None
        return (Level.RULES_ONLY, None) if card is None else (Level.SCORECARD, card.manifest.version)

    def before(self, served: str | None) -> str | None:
        """Return the champion before the one that answers, if it lies here whole."""
        here = kept_versions(self._models)
        earlier = (one for one in self.board.before(CREDIT, served) if one in here)
        return next((one for one in earlier if whole_bundle(here[one].folder) is not None), None)

    def trained_by(self, version: str) -> str:
        """Return who trained a version, by its own notes or what the registry said."""
        found = self.kept().named(version)
        if found is not None and found.trained_by:
            return found.trained_by
        for alias in Alias:
            try:
                pointer = read_pointer(FAMILIES[CREDIT].pointer(self.home / "models", alias))
            except UserError:
                continue
            if pointer.version == version:
                return pointer.trained_by
        return ""

    def was_champion(self, version: str) -> bool:
        """Say whether a model answered as champion or was made it; the scorecard is for the kill switch alone."""
        return self.board.was_champion(self.family, version)


def _kept(one: KeptVersion) -> KeptHere:
    manifest, window = one.manifest, one.manifest.training_window
    trained = manifest.trained_as_of or (None if window is None else window[1])
    return KeptHere(manifest.version, one.folder, manifest.metrics, trained, manifest.notes)
