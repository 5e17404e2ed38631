"""Credit models in memory by version: loaded once, dropped when nothing serves them, held against their files again."""

from collections.abc import Collection
from datetime import date
from pathlib import Path

from graph.errors import UserError
from models.bundle import MANIFEST, Manifest, read_bundle
from models.credit.scorecard.folder import SCORECARD_FAMILY
from serving.champions.errors import UnknownVersionError
from serving.champions.families import CREDIT
from serving.champions.file_stamps import Stamp, stamp_of
from serving.credit.sources.home import CreditSources, LoadedModel

__all__ = ["ModelShelf"]


class ModelShelf:
    """The models that are in memory; two versions live side by side where champion and challenger both answer."""

    def __init__(self, sources: CreditSources) -> None:
        self._sources = sources
        self._held: dict[Path, tuple[Stamp, LoadedModel]] = {}

    def of(self, folder: Path) -> LoadedModel:
        """Return the model of a folder; every file is checked against its hash. Raises BundleError and its like."""
        stamp, held = _stamp(folder), self._held.get(folder)
        if held is not None and held[0] == stamp:
            return held[1]
        manifest = read_bundle(folder).manifest
        load = (
            self._sources.load_scorecard if manifest.family == SCORECARD_FAMILY else self._sources.load_model
        )
        loaded = LoadedModel(load(folder), folder, _trained_as_of(manifest))
        self._held[folder] = (stamp, loaded)
        return loaded

    def of_version(self, version: str) -> LoadedModel:
        """Return a version that lies here, also one that serves nobody now. Raises UnknownVersionError, BundleError."""
        for _, loaded in self._held.values():
            if loaded.model.version == version:
                return loaded
        kept = self._sources.kept().get(version)
        if kept is not None:
            return LoadedModel(
                self._sources.load_model(kept.folder), kept.folder, _trained_as_of(kept.manifest)
            )
        card = self._sources.scorecard
        if (card / MANIFEST).is_file() and read_bundle(card).manifest.version == version:
            return LoadedModel(self._sources.load_scorecard(card), card, None)
        raise UnknownVersionError(CREDIT)

    def changed(self) -> bool:
        """Say whether a file of a model in memory was replaced since it was read."""
        return any(_stamp(folder) != stamp for folder, (stamp, _) in self._held.items())

    def versions(self) -> dict[Path, str]:
        """Return what is in memory: versions by folder."""
        return {folder: held.model.version for folder, (_, held) in self._held.items()}

    def keep(self, folders: Collection[Path]) -> None:
        """Drop every model but those of the folders."""
        self._held = {folder: held for folder, held in self._held.items() if folder in folders}

    def damaged(self) -> UserError | None:
        """Hold the files of what is in memory against their hashes; return what is wrong with the first that differs."""
        for folder in list(self._held):
            try:
                read_bundle(folder)
            except UserError as error:
                return error
        return None


def _stamp(folder: Path) -> Stamp:
    return stamp_of(*sorted(folder.glob("*")))


def _trained_as_of(manifest: Manifest) -> date | None:
    """Return the day of the training data; a manifest without it has the end of its window."""
    if manifest.trained_as_of is not None or manifest.training_window is None:
        return manifest.trained_as_of
    return manifest.training_window[1]
