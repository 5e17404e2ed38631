"""The folder is whole or not there; bad arguments are answered with what to do."""

import os
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pytest

from sample_group.generator import checked_window, generate
from sample_group.writer import whole_folder
from tests.data_samples.conftest import WINDOW, silent

OTHER_WINDOW = checked_window(date(2021, 6, 15), date(2025, 3, 20))
SCRIPT = Path(__file__).parents[2] / "data_samples" / "generate.py"


def write_half(out: Path) -> None:
    with whole_folder(out) as folder:
        (folder / "parties.parquet").write_bytes(b"half")
        raise OSError("the disk is full")


def started(out: Path, scale: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(SCRIPT), "--out", str(out), "--scale", scale]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def wait_for_work(run: subprocess.Popen[str], out: Path) -> None:
    while not list(out.parent.glob(f".{out.name}.writing-*/edges.parquet")):
        assert run.poll() is None, "the run ended before it could be killed"
        time.sleep(0.005)


def test_a_killed_run_leaves_no_folder_and_the_next_one_clears_up(tmp_path: Path) -> None:
    out = tmp_path / "group"
    run = started(out, "8")
    wait_for_work(run, out)
    run.kill()
    run.communicate()
    assert not out.exists()
    generate(out, seed=7, scale=0.03, window=WINDOW, say=silent)
    assert [path.name for path in tmp_path.iterdir()] == ["group"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_clears_up_itself(tmp_path: Path, number: signal.Signals) -> None:
    out = tmp_path / "group"
    run = started(out, "8")
    wait_for_work(run, out)
    os.kill(run.pid, number)
    _, told = run.communicate()
    assert run.returncode == 128 + number
    assert "interrupted" in told
    assert list(tmp_path.iterdir()) == []


def test_a_failure_keeps_the_old_folder(tmp_path: Path) -> None:
    out = tmp_path / "group"
    generate(out, seed=7, scale=0.03, window=WINDOW, say=silent)
    before = (out / "data_card.json").read_text(encoding="utf-8")
    with pytest.raises(OSError, match="full"):
        write_half(out)
    assert (out / "data_card.json").read_text(encoding="utf-8") == before
    assert list(tmp_path.iterdir()) == [out]


def test_a_folder_of_other_things_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "mine"
    out.mkdir()
    (out / "thesis.docx").write_bytes(b"important")
    run = started(out, "0.03")
    _, told = run.communicate()
    assert run.returncode == 1
    assert "not a sample group" in told
    assert "另" in told or "换" in told
    assert (out / "thesis.docx").read_bytes() == b"important"


@pytest.mark.parametrize("scale", [0.0, -1.0, 1000.1, float("nan")])
def test_a_scale_out_of_range_is_refused(tmp_path: Path, scale: float) -> None:
    with pytest.raises(ValueError, match="--scale"):
        generate(tmp_path / "out", seed=7, scale=scale, window=WINDOW, say=silent)
    assert list(tmp_path.iterdir()) == []


def test_a_window_must_be_long_enough_and_within_the_holiday_table() -> None:
    with pytest.raises(ValueError, match="three years"):
        checked_window(date(2020, 1, 1), date(2021, 1, 1))
    with pytest.raises(ValueError, match="2019"):
        checked_window(date(2015, 1, 1), date(2025, 1, 1))
    assert checked_window(date(2020, 1, 1), date(2025, 12, 31)).months == 72


def test_help_tells_the_arguments() -> None:
    run = subprocess.run([sys.executable, str(SCRIPT), "--help"], capture_output=True, text=True, check=True)
    for argument in ("--out", "--seed", "--scale", "--start", "--end"):
        assert argument in run.stdout


def test_another_window_moves_the_world(tmp_path: Path) -> None:
    rows = generate(tmp_path / "out", seed=7, scale=0.05, window=OTHER_WINDOW, say=silent)
    assert rows["truth/hazard"] > 1000
    assert rows["truth/defaults"] > 0
