"""What the service imports, read from its source: every module it reaches, and every library these name."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

__all__ = ["ROOT", "libraries_of_the_service", "modules_of_the_service"]

ROOT: Final = Path(__file__).resolve().parents[2]
_OURS: Final = frozenset({"serving", "models", "features", "graph", "experiments", "zhiheng"})


def libraries_of_the_service() -> dict[str, set[str]]:
    """Return each library with the modules of ours that import it.

    Under serving/ every import counts, the late ones too. Of what serving/ reaches in the layers below only those made
    with the module count: a late import there belongs to a function that the service may never call.
    """
    found: dict[str, set[str]] = {}
    for module, path in modules_of_the_service().items():
        for name in _imports(path, late=module.startswith("serving")):
            library = name.split(".")[0]
            if library not in _OURS and library not in sys.stdlib_module_names:
                found.setdefault(library, set()).add(module)
    return found


def modules_of_the_service() -> dict[str, Path]:
    """Return every module of ours that serving/ reaches, by name."""
    waiting = [_module(path) for path in (ROOT / "serving").rglob("*.py")]
    reached: dict[str, Path] = {}
    while waiting:
        module = waiting.pop()
        path = _path(module)
        if path is None or module in reached:
            continue
        reached[module] = path
        packages = [module.rsplit(".", depth)[0] for depth in range(1, module.count(".") + 1)]
        waiting += [*packages, *_imports(path, late=module.startswith("serving"))]
    return reached


def _imports(path: Path, *, late: bool) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in _run(tree, late=late):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _run(node: ast.AST, *, late: bool) -> Iterator[ast.AST]:
    """Walk what is executed: no blocks for the type checker, and function bodies only where late imports count."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) and not late:
            continue
        yield child
        yield from _run(child, late=late)


def _module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _path(module: str) -> Path | None:
    if module.split(".", maxsplit=1)[0] not in _OURS:
        return None
    place = ROOT / Path(*module.split("."))
    return next((path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()), None)
