"""Whether a measure runs on NumPy alone or on its numba kernel, which the extra [fast] brings; both give the same."""

import importlib
from enum import StrEnum
from typing import Final

from graph.errors import MissingExtraError

__all__ = ["Engine", "takes_numba"]

_WORTH: Final = 100_000
"""Edges below which NumPy is done before numba has been imported and its compiled kernel read from the cache."""


class Engine(StrEnum):
    """What runs a measure that has a numba kernel; `auto` takes numba where it is installed and worth its start."""

    AUTO = "auto"
    PURE = "pure"
    NUMBA = "numba"


def takes_numba(engine: Engine, edges: int, kernels: str) -> bool:
    """Tell whether to run the kernels of a module on so many edges.

    Raises MissingExtraError when numba was asked for and cannot be used; with `auto` NumPy does the work then.
    """
    if engine is Engine.PURE or (engine is Engine.AUTO and edges < _WORTH):
        return False
    try:
        importlib.import_module(kernels)
    except (ImportError, RuntimeError) as problem:  # RuntimeError: numba finds no folder to keep its cache in
        if engine is Engine.NUMBA:
            raise MissingExtraError("fast", "numba", str(problem)) from problem
        return False
    return True
