"""docs/degraded.md and the tests of this folder tell of the same things: no row without a test, no test without a row."""

import re
from pathlib import Path

HERE = Path(__file__).parent
ROW = re.compile(r"^\|(?:[^|\n]*\|){4}[^|\n]*`(test_\w+)`[^|\n]*\|$", re.MULTILINE)
TEST = re.compile(r"^def (test_\w+)\(", re.MULTILINE)


def rows(repository: Path) -> list[str]:
    return ROW.findall((repository / "docs" / "degraded.md").read_text(encoding="utf-8"))


def named() -> set[str]:
    files = set(HERE.glob("test_*.py")) - {Path(__file__)}
    return {name for file in files for name in TEST.findall(file.read_text(encoding="utf-8"))}


def test_every_row_has_its_test(repository: Path) -> None:
    assert [name for name in rows(repository) if name not in named()] == []


def test_every_test_has_its_row(repository: Path) -> None:
    assert sorted(named() - set(rows(repository))) == []
