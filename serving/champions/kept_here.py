"""What lies here of a family: versions with what they say of themselves, and folders that cannot be read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from graph.errors import UserError
from models.bundle import Bundle, read_bundle
from serving.champions.families import Gate

__all__ = ["Kept", "KeptHere", "whole_bundle"]


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

    @property
    def trained_by(self) -> str:
        """Return who trained it by its notes, empty where they do not say."""
        return self.notes.get("trained_by", "")

    @property
    def whole(self) -> bool:
        """Whether every file is as it was written."""
        return whole_bundle(self.folder) is not None


@dataclass(frozen=True)
class Kept:
    """The versions of a family, the oldest first, and what is wrong with folders that are left out."""

    versions: Sequence[KeptHere]
    broken: Sequence[UserError] = ()

    def named(self, version: str) -> KeptHere | None:
        """Return a version, None where it does not lie here."""
        return next((one for one in self.versions if one.version == version), None)

    def whole(self, version: str) -> bool:
        """Say whether a version lies here with every file as it was written."""
        found = self.named(version)
        return found is not None and found.whole


def whole_bundle(folder: Path) -> Bundle | None:
    """Return a folder whose files are as they were written, None where they are not or cannot be read."""
    try:
        return read_bundle(folder)
    except (UserError, OSError):
        return None
