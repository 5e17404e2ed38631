"""The house: packages lie in the repository, layers hold, outside things have one module, nothing is pickled."""

import ast
import importlib
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGES = ("zhiheng", "serving", "experiments", "models", "features", "graph")
PICKLERS = {"pickle", "cloudpickle", "dill", "joblib.dump", "shelve", "marshal", "skops"}


def sources(repository: Path) -> Iterator[Path]:
    for folder in (*PACKAGES, "data_samples", "bench"):
        yield from (repository / folder).rglob("*.py")


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def importers(repository: Path, library: str) -> set[str]:
    found = {
        path.relative_to(repository).as_posix()
        for path in sources(repository)
        if any(name.split(".")[0] == library for name in imported(path))
    }
    return {path for path in found if not path.startswith("bench/")}


@pytest.mark.parametrize("package", PACKAGES)
def test_package_is_imported_from_the_repository(package: str, repository: Path) -> None:
    origin = importlib.import_module(package).__file__
    assert origin is not None
    assert Path(origin).resolve().is_relative_to(repository)


def test_layers_hold(repository: Path) -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run(
        [linter, "--no-cache"], cwd=repository, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("library", "rooms"),
    [
        ("mlflow", {"models/registry.py", "experiments/tracking.py"}),
        ("neo4j", {"graph/neo4j_store.py"}),
        ("shap", {"experiments/plots.py"}),
    ],
)
def test_outside_thing_has_its_module(library: str, rooms: set[str], repository: Path) -> None:
    assert importers(repository, library) <= rooms


@pytest.mark.parametrize(("library", "folder"), [("bentoml", "serving/"), ("lightgbm", "models/")])
def test_library_stays_in_its_folder(library: str, folder: str, repository: Path) -> None:
    found = importers(repository, library)
    assert found
    assert {path for path in found if not path.startswith(folder)} == set()


def test_nothing_imports_a_pickler(repository: Path) -> None:
    guilty = {path: imported(path) & PICKLERS for path in sources(repository)}
    assert {str(path): names for path, names in guilty.items() if names} == {}


def test_no_file_of_the_repository_is_a_pickle(repository: Path) -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=repository, capture_output=True, text=True, check=True)
    assert [name for name in listed.stdout.split() if name.endswith((".pkl", ".pickle", ".joblib"))] == []


def test_no_room_without_a_name(repository: Path) -> None:
    nameless = {"utils", "util", "common", "helpers", "helper", "base", "misc"}
    assert [
        str(path) for path in sources(repository) if path.stem in nameless or path.parent.name in nameless
    ] == []


def test_lock_has_hashes_and_no_address(repository: Path) -> None:
    lock = (repository / "requirements.lock").read_text()
    assert "://" not in lock
    assert "index-url" not in lock
    pins = [line for line in lock.splitlines() if "==" in line and not line.lstrip().startswith("#")]
    assert pins
    assert all(line.rstrip().endswith("\\") for line in pins), "every pin is followed by its hashes"


def test_lock_names_every_dependency(repository: Path) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(d for extra in project["optional-dependencies"].values() for d in extra),
    ]
    lock = {
        line.split("==")[0]
        for line in (repository / "requirements.lock").read_text().splitlines()
        if "==" in line
    }
    names = {dependency.split(">=")[0].split("[")[0] for dependency in wanted}
    assert names <= lock
