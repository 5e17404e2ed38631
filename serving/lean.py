"""Keep a worker small: LightGBM without pandas, scikit-learn and Dask, and freed memory given back to the system."""

import contextlib
import ctypes
import gc
import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Final

__all__ = ["give_memory_back", "import_lightgbm_alone", "share_memory", "trim_memory", "without"]

_ARENA_MAX: Final = -8
"""The name of the setting in glibc's malloc.h."""
_ARENAS: Final = 2
_OPTIONAL: Final = ("dask", "matplotlib", "pandas", "sklearn")


@contextmanager
def without(*packages: str) -> Iterator[None]:
    """Make imports of packages that are not yet imported fail inside the block, as if they were not installed."""
    hidden = [name for name in packages if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # the import system's own sign for "not there"
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


def import_lightgbm_alone() -> None:
    """Import LightGBM in a worker: its optional partners cost three seconds of CPU and 130 MB and score nothing."""
    with without(*_OPTIONAL):
        importlib.import_module("lightgbm")


def share_memory() -> None:
    """Let all threads take memory from two places, to be called before they begin.

    glibc gives each thread a place of its own and leaves there what another has freed: records, which one thread makes and
    another writes, let a worker grow by a megabyte with every thousand answers.
    """
    with contextlib.suppress(OSError, AttributeError):  # only glibc has it
        _libc().mallopt(_ARENA_MAX, _ARENAS)


def give_memory_back() -> None:
    """Return what loading has freed to the system: glibc keeps it otherwise, and a worker lives for months.

    While a worker starts it collects by itself, once and at the end.
    """
    if gc.isenabled():
        gc.collect()
    trim_memory()


def trim_memory() -> None:
    """Return the free pages between what is in use; takes some milliseconds, in which other threads get no new memory."""
    with contextlib.suppress(OSError, AttributeError):
        _libc().malloc_trim(0)


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)
