"""The local store of models: a folder a version, a file that names the champion and one that names the challenger."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from features.checked_files import write_text_atomically
from models.bundle import MANIFEST, Manifest
from models.errors import BundleError

__all__ = ["KeptVersion", "Pointer", "kept_versions", "read_pointer", "write_pointer"]

_HIDDEN: Final = "."
_MANIFESTS_KEPT: Final = 256


class Pointer(BaseModel):
    """What a pointer says: the version, its folder beside the file, and what the registry knew of it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    version: str
    folder: str
    registered: str = ""
    trained_by: str = ""


@dataclass(frozen=True)
class KeptVersion:
    """A version in the local store by its manifest; its files were not checked."""

    folder: Path
    manifest: Manifest


def read_pointer(path: Path) -> Pointer:
    """Return what a pointer says. Raises BundleError when there is none, or it is none."""
    try:
        return Pointer.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise BundleError(
            str(path), problem_zh="不存在，尚无 champion 模型", problem_en="there is no champion yet"
        ) from error
    except (OSError, ValidationError, json.JSONDecodeError) as error:
        raise BundleError(
            str(path), problem_zh="内容有误", problem_en="its content is not a champion pointer"
        ) from error


def write_pointer(path: Path, pointer: Pointer) -> None:
    """Point at a version, in one move."""
    write_text_atomically(pointer.model_dump_json() + "\n", path)


def kept_versions(models: Path) -> Mapping[str, KeptVersion]:
    """Return the versions in a folder of models; folders on their way or without a readable manifest are left out."""
    found: dict[str, KeptVersion] = {}
    for path in sorted(models.glob(f"*/{MANIFEST}")):
        if path.parent.name.startswith(_HIDDEN):
            continue
        try:
            manifest = _manifest(path, path.stat().st_mtime_ns)
        except (OSError, ValidationError):
            continue
        # A folder of the version's own name comes before others that hold the same.
        if manifest.version not in found or path.parent.name == manifest.version:
            found[manifest.version] = KeptVersion(path.parent, manifest)
    return found


@lru_cache(maxsize=_MANIFESTS_KEPT)
def _manifest(path: Path, _changed: int) -> Manifest:
    return Manifest.model_validate_json(path.read_bytes())
