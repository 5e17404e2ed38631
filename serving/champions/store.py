"""The local store of models: a folder a version, a file that names the champion and one that names the challenger."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from features.checked_files import write_text_atomically
from models.bundle import MANIFEST, Manifest
from models.errors import BundleError

__all__ = [
    "KeptVersion",
    "Pointer",
    "broken_folders",
    "kept_versions",
    "read_manifest",
    "read_pointer",
    "write_pointer",
]

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
    for folder in _folders(models):
        try:
            manifest = read_manifest(folder)
        except BundleError:
            continue
        # A folder of the version's own name comes before others that hold the same.
        if manifest.version not in found or folder.name == manifest.version:
            found[manifest.version] = KeptVersion(folder, manifest)
    return found


def broken_folders(models: Path) -> Sequence[BundleError]:
    """Return what is wrong with those of a folder's models whose manifest cannot be read."""
    found: list[BundleError] = []
    for folder in _folders(models):
        try:
            read_manifest(folder)
        except BundleError as error:
            found.append(error)
    return found


def read_manifest(folder: Path) -> Manifest:
    """Return what a folder says of itself; its files are not checked. Raises BundleError."""
    path = folder / MANIFEST
    try:
        return _manifest(path, path.stat().st_mtime_ns)
    except (OSError, ValidationError) as error:
        raise BundleError(
            f"{folder.parent.name}/{folder.name}",  # callers of the API see it: the place of the home is not theirs to know
            problem_zh=f"的 {MANIFEST} 无法读取",
            problem_en=f"its {MANIFEST} cannot be read",
        ) from error


def _folders(models: Path) -> Iterator[Path]:
    for path in sorted(models.glob(f"*/{MANIFEST}")):
        if not path.parent.name.startswith(_HIDDEN):
            yield path.parent


@lru_cache(maxsize=_MANIFESTS_KEPT)
def _manifest(path: Path, _changed: int) -> Manifest:
    return Manifest.model_validate_json(path.read_bytes())
