"""The kernels as a library: numba's figures bit for bit without numba, and numba itself where there can be no library."""

import importlib.metadata
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pytest
from numpy.typing import NDArray

from models.credit import kernel_library
from models.credit.booster import Boosters
from models.credit.compiled import CompiledBoosters
from models.credit.kernel_library import load_library
from models.credit.shared_object import UnlinkableError, shared_object
from tests.models.credit.test_compiled import train, unseen

Floats = NDArray[np.float64]

pytestmark = pytest.mark.skipif(
    platform.machine() != "x86_64" or sys.platform != "linux", reason="libraries are made for Linux on x86-64"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a library, made as a worker makes it."""
    folder = tmp_path_factory.mktemp("code")
    assert load_library(folder) is not None
    return folder


@pytest.fixture(scope="module")
def members() -> tuple[lgb.Booster, ...]:
    return train(1, 40), train(2, 30, num_leaves=31)


def kept(folder: Path) -> Path:
    (path,) = folder.glob("*.so")
    return path


def test_library_gives_the_figures_of_numba_and_lightgbm_to_the_last_bit(
    folder: Path, members: tuple[lgb.Booster, ...]
) -> None:
    x = np.concatenate([unseen(seed) for seed in range(5)])
    library, numba, slow = CompiledBoosters(members, folder), CompiledBoosters(members), Boosters(members)
    assert library.explainer == "compiled"
    assert np.array_equal(library.raw(x), slow.raw(x))
    assert np.array_equal(library.contributions(x), numba.contributions(x))
    assert np.array_equal(library.raw(x, num_threads=2), slow.raw(x))
    assert np.array_equal(library.contributions(x, num_threads=2), numba.contributions(x))


def test_process_that_loads_the_library_loads_no_numba(
    folder: Path, members: tuple[lgb.Booster, ...], tmp_path: Path
) -> None:
    members[0].save_model(tmp_path / "member.txt")
    code = (
        "import sys, pathlib, lightgbm, numpy\n"
        "from models.credit.compiled import CompiledBoosters\n"
        "boosters = CompiledBoosters((lightgbm.Booster(model_file=sys.argv[2]),), pathlib.Path(sys.argv[1]))\n"
        "boosters.contributions(numpy.zeros((1, 7)))\n"
        "print(boosters.explainer, {'numba', 'llvmlite'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", code, str(folder), str(tmp_path / "member.txt")]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["compiled", "set()"]


def test_library_that_was_altered_on_the_disk_is_not_loaded_and_made_anew(
    folder: Path, members: tuple[lgb.Booster, ...], tmp_path: Path
) -> None:
    code = bytearray(kept(folder).read_bytes())
    code[len(code) // 2] ^= 1
    path = tmp_path / kept(folder).name
    path.write_bytes(code)
    boosters, x = CompiledBoosters(members, tmp_path), unseen(3)
    assert np.array_equal(boosters.raw(x), Boosters(members).raw(x))
    assert not path.exists()
    assert load_library(tmp_path) is not None


def test_without_a_folder_to_write_to_numba_compiles_in_this_process(
    members: tuple[lgb.Booster, ...], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    nowhere = tmp_path / "file" / "code"
    assert load_library(nowhere) is None
    boosters = CompiledBoosters(members, nowhere)
    assert boosters.explainer == "compiled"
    assert np.array_equal(boosters.raw(unseen(4)), Boosters(members).raw(unseen(4)))


def test_without_numba_no_library_is_looked_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(kernel_library, "version", missing)
    assert importlib.metadata.version("numpy")
    assert load_library(folder) is None


def test_processor_or_compiler_of_another_kind_gets_code_of_its_own(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = kernel_library._key()
    monkeypatch.setattr(kernel_library, "version", lambda name: f"{name} of tomorrow")
    assert kernel_library._key() != before
    assert before in kept(folder).name


@pytest.mark.parametrize("code", [b"", b"\x7fELF\x02\x01\x01" + bytes(57), b"MZ" + bytes(100)])
def test_what_is_no_object_code_is_refused(code: bytes) -> None:
    with pytest.raises(UnlinkableError):
        shared_object(code, {"f": "f"})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("declare i32 @outside()\ndefine i32 @f() {\n %a = call i32 @outside()\n ret i32 %a\n}", "reference"),
        ("@kept = global i32 7\ndefine i32 @f() {\n %a = load i32, ptr @kept\n ret i32 %a\n}", "written to"),
        ("define i32 @g() {\n ret i32 1\n}", "missing"),
    ],
)
def test_code_that_needs_more_than_itself_is_refused(text: str, reason: str) -> None:
    llvm = pytest.importorskip("llvmlite.binding")
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(reloc="pic", codemodel="small")
    with pytest.raises(UnlinkableError, match=reason):
        shared_object(machine.emit_object(llvm.parse_assembly(text)), {"f": "f"})
