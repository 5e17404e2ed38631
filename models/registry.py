"""The model registry: put a model folder into MLflow, name it by alias, fetch it back. No flavour, no pickle."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from models.bundle import MANIFEST, read_bundle
from models.errors import RegistryError

__all__ = ["CHALLENGER", "CHAMPION", "Registered", "Registry"]

CHAMPION: Final = "champion"
CHALLENGER: Final = "challenger"
ARTIFACT_FOLDER: Final = "model"


@dataclass(frozen=True)
class Registered:
    """A registered version: MLflow's running number, the bundle's own version and the run it came from."""

    name: str
    number: str
    bundle_version: str
    run_id: str


@dataclass(frozen=True)
class Registry:
    """Registered models of one tracking server."""

    tracking_uri: str

    @property
    def _client(self) -> MlflowClient:
        return MlflowClient(tracking_uri=self.tracking_uri, registry_uri=self.tracking_uri)

    def register(self, name: str, *, folder: Path, run_id: str) -> Registered:
        """Store a model folder with its run and register it; the same bundle is registered once, with its first run."""
        manifest = read_bundle(folder).manifest
        with _named_errors(name):
            client = self._client
            client.log_artifacts(run_id, str(folder), ARTIFACT_FOLDER)
            known = self._by_bundle_version(name, manifest.version)
            if known is not None:
                return known
            if not any(model.name == name for model in client.search_registered_models()):
                client.create_registered_model(name, description=f"{manifest.family} model of Zhiheng")
            made = client.create_model_version(
                name,
                source=f"runs:/{run_id}/{ARTIFACT_FOLDER}",
                run_id=run_id,
                tags={"bundle_version": manifest.version, "data_hash": manifest.data_hash},
            )
        return _registered(made)

    def set_alias(self, registered: Registered, alias: str = CHAMPION) -> None:
        """Point an alias at a registered version."""
        with _named_errors(registered.name):
            self._client.set_registered_model_alias(registered.name, alias, registered.number)

    def by_alias(self, name: str, alias: str = CHAMPION) -> Registered:
        """Return the version that an alias points at. Raises RegistryError when there is none."""
        with _named_errors(name):
            return _registered(self._client.get_model_version_by_alias(name, alias))

    def versions(self, name: str) -> tuple[Registered, ...]:
        """Return all registered versions of a model, the newest first; empty when there is none."""
        with _named_errors(name):
            found = self._client.search_model_versions(f"name = '{name}'")
        newest_first = sorted(found, key=lambda version: int(version.version), reverse=True)
        return tuple(_registered(version) for version in newest_first)

    def fetch(self, registered: Registered, folder: Path) -> Path:
        """Copy a registered version into folder/<bundle version>; it is there whole or not at all."""
        target = folder / registered.bundle_version
        if (target / MANIFEST).is_file():
            read_bundle(target)
            return target
        folder.mkdir(parents=True, exist_ok=True)
        with (
            tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as staging,
            _named_errors(registered.name),
        ):
            uri = f"runs:/{registered.run_id}/{ARTIFACT_FOLDER}"
            fetched = Path(download_artifacts(uri, dst_path=staging, tracking_uri=self.tracking_uri))
            read_bundle(fetched)
            shutil.move(fetched, target)
        return target

    def _by_bundle_version(self, name: str, version: str) -> Registered | None:
        query = f"name = '{name}' and tag.bundle_version = '{version}'"
        found = self._client.search_model_versions(query)
        return _registered(found[0]) if found else None


def _registered(version: ModelVersion) -> Registered:
    return Registered(version.name, str(version.version), version.tags["bundle_version"], version.run_id)


@contextmanager
def _named_errors(name: str) -> Iterator[None]:
    try:
        yield
    except MlflowException as error:
        raise RegistryError(
            zh=f"模型登记库操作“{name}”失败：{error.message}。请检查 MLflow 地址与该模型、别名是否存在。",
            en=f"The model registry failed for '{name}': {error.message}. Check the MLflow address, model and alias.",
        ) from error
