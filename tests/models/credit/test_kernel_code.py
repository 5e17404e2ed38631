"""The kernels' machine code fuses no multiplication with an addition, on the processors that we run on and on aarch64."""

import re

import pytest

llvm = pytest.importorskip("llvmlite.binding", reason="numba is an extra")
kernel_code = pytest.importorskip("models.credit.kernel_code")

X86, ARM = "x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"
MULTIPLIED = re.compile(r"^\t(v?mul[sp]d|fmul)\b", re.MULTILINE)
FUSED = re.compile(r"^\t(vfn?m(add|sub)\w*|fn?m(add|sub)|fml[as]l?)\b", re.MULTILINE)


def assembly(module: str, triple: str, cpu: str) -> str:
    machine = llvm.Target.from_triple(triple).create_target_machine(cpu=cpu, opt=3, reloc="pic")
    copied = llvm.parse_assembly(module)
    copied.triple, copied.data_layout = triple, str(machine.target_data)
    kernel_code.make_fast(copied, machine)
    return str(machine.emit_assembly(copied))


@pytest.fixture(scope="module")
def module() -> str:
    """Both kernels before LLVM's passes."""
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    linked, _ = kernel_code.linked_kernels()
    return str(linked)


@pytest.mark.parametrize(
    ("triple", "cpu"),
    [(X86, "x86-64"), (X86, "haswell"), (X86, "znver4"), (ARM, "generic"), (ARM, "neoverse-n1")],
)
def test_no_multiplication_is_fused_with_an_addition(module: str, triple: str, cpu: str) -> None:
    code = assembly(module, triple, cpu)
    assert MULTIPLIED.search(code), "the kernels do multiply"
    assert FUSED.search(code) is None


def test_fused_instructions_would_be_seen() -> None:
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    fused = """define double @f(double %a, double %b, double %c) {
      %m = fmul contract double %a, %b
      %s = fadd contract double %m, %c
      ret double %s
    }"""
    for triple, cpu in ((X86, "haswell"), (ARM, "generic")):
        assert FUSED.search(assembly(fused, triple, cpu)), triple
