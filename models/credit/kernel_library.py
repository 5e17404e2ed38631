"""The kernels as a library of machine code: made once by numba in a process of its own, loaded without numba.

Importing numba and LLVM costs a process about 100 MB and more than a second; the code of the kernels is 10 kB. Where no
library can be made or loaded (no numba, another processor than x86-64, a folder that is read-only or may not hold code),
the kernels run in numba itself.
"""

import ctypes
import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.credit.shared_object import UnlinkableError, shared_object

__all__ = ["KernelLibrary", "Parts", "load_library", "parts_of", "write_library"]

_SECONDS: Final = 300
_ROOT: Final = Path(__file__).resolve().parents[2]
_SOURCES: Final = ("kernel_code.py", "kernel_library.py", "path_kernel.py", "shared_object.py")
_CPU: Final = Path("/proc/cpuinfo")
_DIGEST: Final = 32

Array = NDArray[np.float64] | NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.uint32]
Parts = tuple[ctypes.c_void_p | ctypes.c_int64, ...]


class KernelLibrary:
    """The kernels of `models.credit.path_kernel`, called with `parts_of` arrays of the types and layouts they were made for."""

    def __init__(self, path: Path) -> None:
        """Raise OSError when the file is no library that this system loads."""
        library = ctypes.CDLL(str(path))
        self._scores, self._contributions = library.add_scores, library.walk_contributions

    def add_scores(self, parts: Parts) -> None:
        """Do what `path_kernel.add_scores` does."""
        _call(self._scores, parts)

    def walk_contributions(self, parts: Parts) -> None:
        """Do what `path_kernel.walk_contributions` does."""
        _call(self._contributions, parts)


def parts_of(*arrays: Array) -> Parts:
    """Lay arrays out as numba hands them on. They must stay alive as long as the parts are used."""
    return tuple(part for array in arrays for part in _parts(array))


def _parts(array: Array) -> Parts:
    nobody = (
        ctypes.c_void_p()
    )  # who else owns the memory, and the object around it: for the caller to care about
    start = ctypes.c_void_p(array.__array_interface__["data"][0])
    sizes = map(ctypes.c_int64, array.shape + array.strides)
    return nobody, nobody, ctypes.c_int64(array.size), ctypes.c_int64(array.itemsize), start, *sizes


def _call(function: Callable[..., int], parts: Parts) -> None:
    """Call by numba's own convention, with room for an answer and an error, of which the kernels have none."""
    nothing = ctypes.c_void_p()
    function(ctypes.byref(nothing), ctypes.byref(nothing), *parts)


def load_library(folder: Path) -> KernelLibrary | None:
    """Load the library kept in a folder, made now in another process where there is none; None where it cannot be."""
    try:
        path = folder / f"kernels-{_key()}.so"
        if not path.exists():
            _make(path)
        code = path.read_bytes()
        if hashlib.sha256(code[:-_DIGEST]).digest() != code[-_DIGEST:]:
            path.unlink()  # cut off or altered on the disk: made anew at the next start
            return None
        return KernelLibrary(path)
    except (PackageNotFoundError, OSError, subprocess.SubprocessError):
        return None


def _key() -> str:
    """Name all that the code depends on: the kernels, the compiler, and the processor, for whose instructions it is."""
    made_of = [version("numba").encode(), version("llvmlite").encode()]
    made_of += [Path(__file__).with_name(name).read_bytes() for name in _SOURCES]
    first = _CPU.read_bytes().split(b"\n\n")[0].splitlines()
    made_of += [line for line in first if line.startswith((b"model name", b"flags", b"Features"))]
    return hashlib.sha256(b"\0".join(made_of)).hexdigest()[:16]


def _make(path: Path) -> None:
    """Let a process of its own compile: its memory, 250 MB at the peak, ends with it."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:  # on the same disk, or it could not be moved
        draft = Path(folder) / path.name
        paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        subprocess.run(  # noqa: S603 - this interpreter, this module and a path of our own
            [sys.executable, "-m", "models.credit.kernel_library", str(draft)],
            check=True,
            timeout=_SECONDS,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )
        draft.replace(path)


def write_library(path: Path) -> None:
    """Compile the kernels and write them as a library with its hash behind it. Raises ImportError, UnlinkableError."""
    from models.credit.kernel_code import kernel_code  # noqa: PLC0415 - numba, which only the compiling process loads

    library = shared_object(*kernel_code())
    path.write_bytes(library + hashlib.sha256(library).digest())


if __name__ == "__main__":
    try:
        write_library(Path(sys.argv[1]))
    except (ImportError, UnlinkableError) as error:
        raise SystemExit(f"no library of the kernels: {error}") from error
