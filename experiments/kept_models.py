"""Models that a home keeps: each version in a folder of its own, and a file that names the champion."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from features.checked_files import write_text_atomically
from models.bundle import Bundle

__all__ = ["TRAINED_BY", "keep_model", "point_at_champion"]

TRAINED_BY: Final = "trained_by"
"""Note of a manifest: who ran the training, who may not approve the model."""


def keep_model(models: Path, save: Callable[[Path], Bundle]) -> Bundle:
    """Have a model saved to a folder beside `models/<version>` and move it there; one that is there already stays."""
    models.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=models, prefix=".new-") as folder:
        bundle = save(Path(folder) / "model")
        place = models / bundle.manifest.version
        if not place.exists():
            bundle.folder.rename(place)
    return Bundle(place, bundle.manifest)


def point_at_champion(pointer: Path, bundle: Bundle, *, registered: str) -> None:
    """Name the champion's version, folder, number in the registry and who trained it, in one move."""
    manifest = bundle.manifest
    entry = {
        "version": manifest.version,
        "folder": bundle.folder.name,
        "registered": registered,
        "trained_by": manifest.notes.get(TRAINED_BY, ""),
    }
    write_text_atomically(json.dumps(entry) + "\n", pointer)
