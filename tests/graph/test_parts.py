"""A folder of parts: added whole, never changed, begun anew in one step."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from graph.errors import GraphStoreError, GraphWriteError
from graph.parts import PartFolder

SCHEMA = pl.Schema({"name": pl.String, "value": pl.Int64})


def _rows(*names: str) -> pl.DataFrame:
    return pl.DataFrame({"name": names, "value": [1] * len(names)}, schema=SCHEMA)


def _names(parts: PartFolder) -> list[str]:
    return parts.scan(parts.parts()).collect()["name"].to_list()


def test_parts_are_read_in_the_order_they_were_added(tmp_path: Path) -> None:
    parts = PartFolder(tmp_path / "new", SCHEMA)
    for name in "abcdefghijkl":
        assert parts.add(_rows(name), parts.parts())
    assert _names(parts) == list("abcdefghijkl")


def test_number_that_is_taken_is_left_alone(tmp_path: Path) -> None:
    parts = PartFolder(tmp_path, SCHEMA)
    assert parts.add(_rows("first"), [])
    assert not parts.add(_rows("second"), [])
    assert _names(parts) == ["first"]
    assert [path.name for path in tmp_path.iterdir()] == ["part-000001.parquet"]


def test_numbers_beyond_six_digits_stay_in_order(tmp_path: Path) -> None:
    parts = PartFolder(tmp_path, SCHEMA)
    _rows("old").write_parquet(tmp_path / "part-999999.parquet")
    parts.add(_rows("new"), parts.parts())
    assert (_names(parts), len(parts.parts())) == (["old", "new"], 2)


def test_replacing_counts_at_once_and_removes_what_was_before(tmp_path: Path) -> None:
    parts = PartFolder(tmp_path, SCHEMA)
    parts.add(_rows("a"), [])
    parts.add(_rows("b"), parts.parts())
    parts.replace(_rows("c"))
    parts.add(_rows("d"), parts.parts())
    assert _names(parts) == ["c", "d"]
    assert len(list(tmp_path.iterdir())) == 2


def test_replacing_by_nothing_leaves_an_empty_table(tmp_path: Path) -> None:
    parts = PartFolder(tmp_path, SCHEMA)
    parts.add(_rows("a"), [])
    parts.replace(_rows())
    assert _names(parts) == []


def test_replacing_killed_before_it_cleaned_up_has_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = PartFolder(tmp_path, SCHEMA)
    parts.add(_rows("a"), [])

    def power_cut(path: Path, **_: bool) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", power_cut)
        with pytest.raises(KeyboardInterrupt):
            parts.replace(_rows("b"))
    assert _names(parts) == ["b"]


def test_broken_part_that_no_longer_counts_does_not_matter(tmp_path: Path) -> None:
    parts = PartFolder(tmp_path, SCHEMA)
    (tmp_path / "part-000001.parquet").write_bytes(b"half a file")
    with pytest.raises(GraphStoreError, match=r"part-000001\.parquet"):
        parts.parts()
    parts.replace(_rows("a"))
    assert _names(parts) == ["a"]


def test_process_killed_while_it_adds_leaves_nothing_that_is_read(tmp_path: Path) -> None:
    script = """
import os, signal, sys
from pathlib import Path
import polars as pl
from graph.parts import PartFolder
os.link = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
PartFolder(Path(sys.argv[1]), pl.Schema({"name": pl.String})).add(pl.DataFrame({"name": ["a"]}), [])
"""
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert [path.name[:6] for path in tmp_path.iterdir()] == [".part-"]
    parts = PartFolder(tmp_path, SCHEMA)
    assert parts.parts() == []
    assert parts.add(_rows("a"), [])


def test_full_disk_leaves_no_part_and_no_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(GraphWriteError, match=r"No space left on device.*the store is as it was") as caught:
        PartFolder(tmp_path, SCHEMA).add(_rows("a"), [])
    assert caught.value.folder == tmp_path
    assert list(tmp_path.iterdir()) == []


def test_disk_that_fills_up_while_a_part_is_written_leaves_no_rest(tmp_path: Path) -> None:
    rows = pl.DataFrame({"name": [f"{number * 7919 % 100_003:09}" for number in range(20_000)], "value": 1})
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1][1]))
    try:
        with pytest.raises(GraphWriteError, match="File too large"):
            PartFolder(tmp_path, SCHEMA).add(rows.cast(SCHEMA), [])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before[1])
        signal.signal(signal.SIGXFSZ, before[0])
    assert list(tmp_path.iterdir()) == []


def test_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(GraphWriteError, match="file"):
        PartFolder(tmp_path / "file" / "graph", SCHEMA).add(_rows("a"), [])


def test_optional_column_of_an_older_part_takes_its_value(tmp_path: Path) -> None:
    _rows("old").drop("value").write_parquet(tmp_path / "part-000001.parquet")
    parts = PartFolder(tmp_path, SCHEMA, optional={"value": 7})
    parts.add(_rows("new"), parts.parts())
    assert parts.scan(parts.parts()).collect().rows() == [("old", 7), ("new", 1)]
    with pytest.raises(GraphStoreError, match=r"columns \['name'\]"):
        PartFolder(tmp_path, SCHEMA).parts()


@pytest.mark.parametrize(
    "strange", [{"name": ["a"], "value": ["1"]}, {"name": ["a"], "value": [1], "more": [2]}]
)
def test_part_of_another_table_is_refused(tmp_path: Path, strange: dict[str, list[object]]) -> None:
    pl.DataFrame(strange).write_parquet(tmp_path / "part-000001.parquet")
    with pytest.raises(GraphStoreError, match="columns"):
        PartFolder(tmp_path, SCHEMA).parts()


def test_hash_of_parts_is_what_sha256sum_says_of_their_files(tmp_path: Path) -> None:
    parts = PartFolder(tmp_path, SCHEMA)
    for name in "ab":
        parts.add(_rows(name), parts.parts())
    command = ["sh", "-c", "sha256sum part-*.parquet | sha256sum"]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    first = parts.sha256(parts.parts())
    assert first == said.stdout.decode().split()[0]
    parts.add(_rows("c"), parts.parts())
    assert parts.sha256(parts.parts()) != first


def test_hash_of_a_part_that_is_gone_names_it(tmp_path: Path) -> None:
    parts = PartFolder(tmp_path, SCHEMA)
    with pytest.raises(GraphStoreError, match="part-000009"):
        parts.sha256([tmp_path / "part-000009.parquet"])
