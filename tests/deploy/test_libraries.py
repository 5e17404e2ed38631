"""The short list of libraries of the packed service names every one that it imports, and no module trains."""

import re
from importlib import metadata
from pathlib import Path

from tests.deploy.service_imports import ROOT, libraries_of_the_service, modules_of_the_service

DEPLOY = ROOT / "deploy"
NORMAL = re.compile(r"[-_.]+")
# Comes with another library by that one's own design.
WITHIN = {"pydantic-core": "pydantic"}


def normal(name: str) -> str:
    return NORMAL.sub("-", name).lower()


def named(path: Path) -> set[str]:
    """Return the distributions that a requirements file names."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return {normal(found[0]) for line in lines if (found := re.match(r"[A-Za-z0-9][\w.-]*", line))}


def distributions_of(library: str) -> set[str]:
    return {normal(name) for name in metadata.packages_distributions().get(library, [library])}


def test_every_library_that_the_service_imports_is_asked_for() -> None:
    asked = named(DEPLOY / "service.in")
    missing = {
        library: sorted(modules)[:3]
        for library, modules in libraries_of_the_service().items()
        if not {WITHIN.get(name, name) for name in distributions_of(library)} & asked
    }
    assert missing == {}


def test_every_library_that_is_asked_for_is_pinned() -> None:
    assert named(DEPLOY / "service.in") - named(DEPLOY / "requirements-service.txt") == set()


def test_the_service_reaches_neither_training_nor_the_command_line() -> None:
    reached = {module.split(".")[0] for module in modules_of_the_service()}
    assert reached == {"serving", "models", "features", "graph"}
