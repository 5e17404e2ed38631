"""Write and read a model folder: native files, a manifest with their hashes, never a pickle."""

import hashlib
import io
import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version as library_version
from pathlib import Path
from typing import Final

import polars as pl
from pydantic import BaseModel, ConfigDict, ValidationError

from models.errors import BundleError

__all__ = [
    "MANIFEST",
    "Bundle",
    "Manifest",
    "content_version",
    "parquet_bytes",
    "read_bundle",
    "write_bundle",
]

MANIFEST: Final = "manifest.json"
_LIBRARIES: Final = ("lightgbm", "numpy", "polars", "scikit-learn")


class Manifest(BaseModel):
    """What a model folder holds, where it came from and what it may be fed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    family: str
    version: str
    features: tuple[str, ...]
    files: dict[str, str]
    libraries: dict[str, str]
    seed: int
    data_hash: str
    code_version: str
    trained_as_of: date | None = None
    training_window: tuple[date, date] | None = None
    metrics: dict[str, float] = {}
    notes: dict[str, str] = {}


@dataclass(frozen=True)
class Bundle:
    """A model folder whose files have been checked against its manifest."""

    folder: Path
    manifest: Manifest

    def read(self, name: str) -> bytes:
        """Return the bytes of one of the bundle's files."""
        return (self.folder / name).read_bytes()

    def read_text(self, name: str) -> str:
        """Return one of the bundle's files as UTF-8 text."""
        return self.read(name).decode("utf-8")

    def read_frame(self, name: str) -> pl.DataFrame:
        """Return the frame of one of the bundle's Parquet files, named without its ending."""
        return pl.read_parquet(io.BytesIO(self.read(f"{name}.parquet")))


def parquet_bytes(frame: pl.DataFrame) -> bytes:
    """Return a frame as the Parquet file that a bundle holds."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


def content_version(family: str, files: Mapping[str, bytes]) -> str:
    """Name a version by what it holds, so that the same model has the same name everywhere."""
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(name.encode() + b"\0" + hashlib.sha256(files[name]).digest())
    return f"{family}-{digest.hexdigest()[:12]}"


def library_versions() -> dict[str, str]:
    """Return the versions of the libraries that a model's numbers depend on."""
    return {name: library_version(name) for name in _LIBRARIES}


def write_bundle(
    folder: Path,
    files: Mapping[str, bytes],
    *,
    family: str,
    features: tuple[str, ...],
    seed: int,
    data_hash: str,
    code_version: str,
    trained_as_of: date | None = None,
    training_window: tuple[date, date] | None = None,
    metrics: Mapping[str, float] | None = None,
    notes: Mapping[str, str] | None = None,
) -> Bundle:
    """Write a model folder in one move: it is there whole or not at all; an older one is replaced."""
    manifest = Manifest(
        family=family,
        version=content_version(family, files),
        features=features,
        files={name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())},
        libraries=library_versions(),
        seed=seed,
        data_hash=data_hash,
        code_version=code_version,
        trained_as_of=trained_as_of,
        training_window=training_window,
        metrics=dict(metrics or {}),
        notes=dict(notes or {}),
    )
    folder.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        for name, content in files.items():
            (staging / name).write_bytes(content)
        text = json.dumps(manifest.model_dump(mode="json"), ensure_ascii=False, indent=2)
        (staging / MANIFEST).write_text(text + "\n", encoding="utf-8")
        staging.chmod(0o755)
        _replace(staging, folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return Bundle(folder, manifest)


def read_bundle(folder: Path, *, family: str | None = None) -> Bundle:
    """Read a model folder and check every file against its hash.

    Raises BundleError when the folder is no model folder, a file is missing or changed, or the model is of
    another family than the one asked for.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise BundleError(str(folder), problem_zh=f"中没有 {MANIFEST}", problem_en=f"there is no {MANIFEST}")
    try:
        manifest = Manifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise BundleError(
            str(folder), problem_zh=f"的 {MANIFEST} 无法读取", problem_en=f"{MANIFEST} is not valid: {error}"
        ) from error
    for name, expected in manifest.files.items():
        _check_file(folder, name, expected)
    if family is not None and manifest.family != family:
        raise BundleError(
            str(folder),
            problem_zh=f"是“{manifest.family}”类模型，而需要的是“{family}”",
            problem_en=f"it holds a '{manifest.family}' model, a '{family}' model is needed",
        )
    return Bundle(folder, manifest)


def _check_file(folder: Path, name: str, expected: str) -> None:
    path = folder / name
    if not path.is_file():
        raise BundleError(str(folder), problem_zh=f"缺少文件 {name}", problem_en=f"file {name} is missing")
    if hashlib.sha256(path.read_bytes()).hexdigest() != expected:
        raise BundleError(
            str(folder),
            problem_zh=f"的文件 {name} 与清单不符",
            problem_en=f"file {name} differs from the manifest",
        )


def _replace(staging: Path, folder: Path) -> None:
    """Put a finished folder in place; a folder cannot be renamed over a full one, so the old one steps aside."""
    if folder.exists():
        old = Path(tempfile.mkdtemp(prefix=f".{folder.name}-old-", dir=folder.parent))
        folder.replace(old / folder.name)
        staging.replace(folder)
        shutil.rmtree(old, ignore_errors=True)
    else:
        staging.replace(folder)
