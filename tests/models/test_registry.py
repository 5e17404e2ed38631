"""The registry: a folder goes in and comes out the same, by alias; failures name the model."""

from pathlib import Path

import pytest

from experiments.tracking import tracked_run
from models.bundle import read_bundle, write_bundle
from models.errors import RegistryError
from models.registry import Registry


def bundle(folder: Path, content: bytes = b"tree") -> Path:
    write_bundle(
        folder,
        {"booster_0.txt": content},
        family="credit",
        features=("a",),
        seed=1,
        data_hash="d",
        code_version="c",
    )
    return folder


@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning")  # raised inside mlflow
@pytest.mark.filterwarnings(
    "ignore::ResourceWarning"
)  # mlflow leaves its SQLite connections to the collector
def test_register_alias_fetch_round_trip(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    registry = Registry(uri)
    with tracked_run("credit", tracking_uri=uri, artifacts=tmp_path / "artifacts") as run:
        run.parameters({"seed": 1})
        run.metrics({"auc": 0.8, "undefined": float("nan")})
        first = registry.register("credit", folder=bundle(tmp_path / "one"), run_id=run.run_id)
        registry.set_alias(first)
    with tracked_run("credit", tracking_uri=uri, artifacts=tmp_path / "artifacts") as run:
        again = registry.register("credit", folder=tmp_path / "one", run_id=run.run_id)
        assert run.client.list_artifacts(run.run_id, "model"), "a repeated run holds its model too"
    assert again == first, "the same bundle is not registered twice"
    assert registry.by_alias("credit") == first

    fetched = registry.fetch(first, tmp_path / "copies")
    assert read_bundle(fetched).manifest == read_bundle(tmp_path / "one").manifest
    assert registry.fetch(first, tmp_path / "copies") == fetched

    with tracked_run("credit", tracking_uri=uri, artifacts=tmp_path / "artifacts") as run:
        second = registry.register(
            "credit", folder=bundle(tmp_path / "two", b"other tree"), run_id=run.run_id
        )
        registry.set_alias(second)
    assert registry.by_alias("credit") == second

    with pytest.raises(RegistryError, match="'credit'"):
        registry.by_alias("credit", "challenger")
    with pytest.raises(RegistryError, match="'demand'"):
        registry.by_alias("demand")
