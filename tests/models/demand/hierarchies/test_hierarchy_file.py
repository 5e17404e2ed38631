"""A hierarchy's TOML: by columns or by nodes and parents, refused with a remedy where it cannot be."""

from pathlib import Path

import polars as pl
import pytest

from models.demand.hierarchies.hierarchy_file import read_hierarchy
from models.errors import HierarchyError

STATIC = pl.DataFrame({"unique_id": ["b", "a", "extra"], "org": ["y", "x", "z"], "region": ["e", "e", "w"]})


def _write(folder: Path, text: str) -> Path:
    path = folder / "tags.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_levels_with_and_without_names(tmp_path: Path) -> None:
    plain = read_hierarchy(_write(tmp_path, 'levels = [["org"], ["region"]]'), STATIC, ["a", "b"])
    assert plain.ids == ("total", "org=x", "org=y", "region=e", "a", "b")
    named = read_hierarchy(_write(tmp_path, '[levels]\ncompany = ["org"]'), STATIC, ["a", "b"])
    assert named.level_names == ("total", "company", "series")


def test_nodes_and_parents_together_make_a_grouped_structure(tmp_path: Path) -> None:
    text = '[nodes]\nall = ["salt", "cells"]\n[parents]\na = ["salt", "east"]\nb = ["cells", "east"]\n'
    built = read_hierarchy(_write(tmp_path, text), None, ["a", "b", "salt"])
    assert set(built.ids[:-2]) == {"all", "salt", "cells", "east"}
    assert built.bottom_ids == ("a", "b")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("levels = [", "cannot be read"),
        ("", "Give `levels`, or `nodes`"),
        ('levels = [["org"]]\n[nodes]\nx = ["a"]', "not both"),
        ('colour = "red"\nlevels = [["org"]]', "colour"),
        ('[nodes]\nx = ["a"]\ny = ["b"]\n[parents]\nb = ["x"]', "x, b contradict each other"),
        ('[parents]\na = ["x"]\nb = ["x"]\nqq = ["x"]', "qq are neither"),
    ],
)
def test_files_that_contradict_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(HierarchyError, match=message) as caught:
        read_hierarchy(_write(tmp_path, text), STATIC, ["a", "b"])
    assert "请" in caught.value.zh


def test_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(HierarchyError, match=r"absent\.toml cannot be read"):
        read_hierarchy(tmp_path / "absent.toml", STATIC, ["a"])


def test_levels_ask_for_static_columns_of_every_series(tmp_path: Path) -> None:
    path = _write(tmp_path, 'levels = [["org"]]')
    with pytest.raises(HierarchyError, match="--static"):
        read_hierarchy(path, None, ["a"])
    with pytest.raises(HierarchyError, match="new have no row of static columns"):
        read_hierarchy(path, STATIC, ["a", "new"])
