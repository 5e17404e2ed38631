"""Fixtures that more than one folder of tests uses."""

import gc
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["BENTOML_DO_NOT_TRACK"] = "True"
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # spinning threads starve a shared machine
# Services in homes of their own would each compile anew what one has compiled.
os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(tempfile.gettempdir()) / f"zhiheng-numba-{os.getuid()}"))
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

# How long an example takes is a matter of the machine, and of what else it does.
settings.register_profile("zhiheng", deadline=None)
settings.load_profile("zhiheng")

REPOSITORY = Path(__file__).resolve().parent.parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, so that no process is left alone with one of them at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def pytest_collection_finish() -> None:
    """Spare the collector what lasts as long as the run: thousands of tests and the libraries that they import.

    Every model that is loaded is followed by a full collection, which took half the time of tests of the service.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def repository() -> Path:
    """Return the root of the repository."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real data, or skip where it is absent."""
    folder = Path(os.environ.get("ZHIHENG_SHARED", REPOSITORY.parent / "shared")) / "data"
    if not folder.is_dir():
        pytest.skip(f"real data is not on this machine ({folder})")
    return folder


@pytest.fixture(autouse=True)
def _language_of_one_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undo after each test what `--lang` does: the command line sets a variable for the programs it starts."""
    if language := os.environ.get("ZHIHENG_LANG"):
        monkeypatch.setenv("ZHIHENG_LANG", language)
    else:
        # set, then removed: so the absence is what is restored
        monkeypatch.setenv("ZHIHENG_LANG", "zh")
        monkeypatch.delenv("ZHIHENG_LANG")
