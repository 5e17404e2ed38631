"""Models that a home keeps: each version in a folder of its own, and a file that names the champion."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

from features.checked_files import write_text_atomically
from models.bundle import Bundle

__all__ = ["keep_model", "point_at_champion"]


def keep_model(models: Path, save: Callable[[Path], Bundle]) -> Bundle:
    """Have a model saved to a folder beside `models/<version>` and move it there; one that is there already stays."""
    models.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=models, prefix=".new-") as folder:
        bundle = save(Path(folder) / "model")
        place = models / bundle.manifest.version
        if not place.exists():
            bundle.folder.rename(place)
    return Bundle(place, bundle.manifest)


def point_at_champion(pointer: Path, *, version: str, folder: Path, registered: str) -> None:
    """Name the champion's version, folder and number in the registry, in one move."""
    entry = {"version": version, "folder": folder.name, "registered": registered}
    write_text_atomically(json.dumps(entry) + "\n", pointer)
