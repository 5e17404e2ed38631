"""The one table from error to problem+json: what serving/errors.py and the errors.py of every package list."""

import importlib
import importlib.util
import pkgutil
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

import serving
from serving.errors import PROBLEMS as SHARED
from serving.errors import Problem, UnexpectedError

__all__ = ["problem_of", "problems"]


@cache
def problems() -> Mapping[type[Exception], Problem]:
    """Return every listed error. Raises ValueError when two packages list one error."""
    table = dict(SHARED)
    for package in pkgutil.iter_modules(serving.__path__):
        listed = _listed(package.name) if package.ispkg else {}
        twice = sorted(kind.__name__ for kind in listed if kind in table)
        if twice:
            message = f"serving.{package.name}.errors lists again: {', '.join(twice)}"
            raise ValueError(message)
        table.update(listed)
    return MappingProxyType(table)


def problem_of(error: Exception) -> Problem:
    """Return the entry of an error's own type or of the nearest type above it."""
    table = problems()
    return next((table[one] for one in type(error).__mro__ if one in table), table[UnexpectedError])


def _listed(package: str) -> Mapping[type[Exception], Problem]:
    """Return the PROBLEMS of a package, none where it has no errors of its own."""
    name = f"serving.{package}.errors"
    if importlib.util.find_spec(name) is None:
        return {}
    found: Mapping[type[Exception], Problem] = importlib.import_module(name).PROBLEMS
    return found
