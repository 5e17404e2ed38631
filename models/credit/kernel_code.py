"""The kernels as object code for this processor: numba reads them, LLVM makes them fast, knowing that no two arrays overlap."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import llvmlite.binding as llvm  # type: ignore[import-untyped]  # it comes without types
from numba import njit, types
from numba.core import config
from numba.core.dispatcher import Dispatcher
from numba.core.typing.templates import Signature

from models.credit import path_kernel

__all__ = ["kernel_code", "linked_kernels", "make_fast"]

Kernel = Callable[..., None]

# No way in from Python and no counting of references: the code must need nothing of numba.
_OPTIONS: Final[Mapping[str, Any]] = {
    "error_model": "numpy",
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
    "_nrt": False,
}
_POINTER: Final = re.compile(r"\bptr (?=%)")


def kernel_code() -> tuple[bytes, Mapping[str, str]]:
    """Return relocatable object code of both kernels, and what each symbol in it is called."""
    module, names = linked_kernels()
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=3,
        reloc="pic",
        codemodel="small",
    )
    make_fast(module, machine)
    code: bytes = machine.emit_object(module)
    return code, names


def linked_kernels() -> tuple[llvm.ModuleRef, Mapping[str, str]]:
    """Return both kernels in one module of LLVM, as numba reads them, and what each symbol in it is called."""
    vars(config)["OPT"] = 0  # the passes run below, after it is said that arrays do not overlap
    doubles, rows = types.Array(types.float64, 1, "C"), types.Array(types.float64, 2, "C")
    flags, small = types.Array(types.uint8, 1, "C"), types.Array(types.uint16, 1, "C")
    places = types.Array(types.uint32, 1, "C")
    decisions = (rows, places, places, doubles, flags, flags, places, doubles)
    ranges = types.Array(types.float64, 2, "A")  # columns of scores
    told: Mapping[Dispatcher[Kernel], tuple[types.Array, ...]] = {
        path_kernel.add_scores: (*decisions, small, small, places, ranges),
        path_kernel.walk_contributions: (
            *(*decisions, small, small, places, small, flags, doubles, flags, rows, rows),
            *(flags, flags, rows, rows, rows, rows, rows, rows),
        ),
    }
    names, texts = {}, []
    for kernel, arrays in told.items():
        symbol, text = _text(kernel.py_func, types.void(*arrays))
        names[symbol] = kernel.py_func.__name__
        texts.append(text)
    module = llvm.parse_assembly(texts[0])
    for text in texts[1:]:
        module.link_in(llvm.parse_assembly(text))
    return module, names


def make_fast(module: llvm.ModuleRef, machine: llvm.TargetMachine) -> None:
    """Run LLVM's passes over a module; nothing in it allows to reorder or to fuse what is added and multiplied."""
    tuning = llvm.create_pipeline_tuning_options(speed_level=3)
    tuning.slp_vectorization = True  # straight code becomes vectors: the kernels are written for it
    builder = llvm.create_pass_builder(machine, tuning)
    builder.getModulePassManager().run(module, builder)


def _text(function: Kernel, signature: Signature) -> tuple[str, str]:
    """Return a kernel's symbol and its LLVM code, not yet made fast; it takes no memory and raises nothing."""
    compile_now = njit(signature, **_OPTIONS)
    compiled: Dispatcher[Kernel] = compile_now(function)
    results: list[Any] = list(compiled.overloads.values())  # numba's stubs leave out what a result holds
    (result,) = results
    symbol = result.fndesc.llvm_func_name
    lines = [
        _POINTER.sub("ptr noalias ", line) if line.startswith("define") and symbol in line else line
        for line in result.library.get_llvm_str().splitlines()
    ]
    return symbol, "\n".join(lines)
