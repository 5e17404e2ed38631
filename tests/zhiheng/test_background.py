"""Programs left running: found again, ended with their children, never confused with a stranger's process."""

import json
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from zhiheng.background import Background
from zhiheng.errors import BackgroundError

SERVER = "import http.server, sys; http.server.test(http.server.SimpleHTTPRequestHandler, port=int(sys.argv[1]), bind='127.0.0.1')"


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Background]:
    program = Background("pages", tmp_path / "run")
    yield program
    program.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_start_answers_is_found_again_and_stops(program: Background) -> None:
    port = free_port()
    program.start([sys.executable, "-c", SERVER, str(port)], purpose="one", environment={})
    program.wait(f"http://127.0.0.1:{port}/", seconds=30)
    again = Background(program.name, program.folder)
    assert again.running("one")
    assert not again.running("another purpose")
    assert again.stop()
    assert not again.running("one")
    assert not again.stop()


def test_children_end_with_their_parent(program: Background, tmp_path: Path) -> None:
    note = tmp_path / "child"
    child = (
        f"import os, time, pathlib; pathlib.Path({str(note)!r}).write_text(str(os.getpid())); time.sleep(600)"
    )
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    program.start([sys.executable, "-c", parent], purpose="one", environment={})
    while not (note.exists() and note.read_text()):
        assert program.running("one")
    pid = int(note.read_text())
    program.stop()
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_program_that_ends_names_its_log(program: Background) -> None:
    program.start(
        [sys.executable, "-c", "print('no such table'); raise SystemExit(3)"], purpose="one", environment={}
    )
    with pytest.raises(BackgroundError, match=r"pages\.log") as caught:
        program.wait("http://127.0.0.1:9/", seconds=30)
    assert "no such table" in caught.value.log.read_text()


def test_program_that_never_answers_is_named(program: Background) -> None:
    program.start([sys.executable, "-c", "import time; time.sleep(60)"], purpose="one", environment={})
    with pytest.raises(BackgroundError, match="no answer"):
        program.wait(f"http://127.0.0.1:{free_port()}/", seconds=0.5)


def test_a_reused_process_id_is_left_alone(program: Background) -> None:
    program.folder.mkdir()
    stranger = {"pid": os.getpid(), "started": 1.0, "purpose": "one"}
    (program.folder / "pages.json").write_text(json.dumps(stranger))
    assert not program.running("one")
    assert not program.stop()


def test_a_broken_record_counts_as_not_running(program: Background) -> None:
    program.folder.mkdir()
    (program.folder / "pages.json").write_text("{half")
    assert not program.running("one")
