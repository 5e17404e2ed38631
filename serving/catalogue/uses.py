"""Which models in the local store use which feature, by their manifests."""

from pathlib import Path
from typing import Final

from models.errors import BundleError
from serving.catalogue.entries import Uses
from serving.catalogue.schemas import FeatureUse
from serving.champions.families import FAMILIES, Alias
from serving.champions.store import kept_versions, read_pointer

__all__ = ["uses_of"]

_PREFIXES: Final = ("driver:", "driver_ratio:")
"""How lines name the columns of a driver."""


def uses_of(models: Path) -> Uses:
    """Return the versions that use each feature, those with an alias first."""
    found: dict[tuple[str, str], list[FeatureUse]] = {}
    for folder in sorted({family.folder for family in FAMILIES.values()}):
        aliases = _aliases(models, folder)
        for version, kept in kept_versions(models / folder).items():
            use = FeatureUse(family=kept.manifest.family, version=version, alias=aliases.get(version))
            for name in dict.fromkeys(_plain(one) for one in kept.manifest.features):
                found.setdefault((folder, name), []).append(use)
    return {
        key: sorted(uses, key=lambda use: (use.alias is None, use.alias or "", use.version))
        for key, uses in found.items()
    }


def _aliases(models: Path, folder: str) -> dict[str, str]:
    """Return the alias of each version that a pointer names; the champion's where it has both."""
    found: dict[str, str] = {}
    for family in (one for one in FAMILIES.values() if one.folder == folder):
        for alias in (Alias.CHALLENGER, Alias.CHAMPION):
            try:
                found[read_pointer(family.pointer(models, alias)).version] = alias.value
            except BundleError:
                continue
    return found


def _plain(name: str) -> str:
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return name
