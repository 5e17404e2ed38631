"""The demo from end to end: killed half-way it goes on, run again it takes up what is there, stopped it is gone."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

pytestmark = pytest.mark.slow

DEMO = ("demo", "--scale", "1")  # every step and line of the whole demo, with half of its counterparties


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Shell:
    """Runs zhiheng as a user would, with a home and ports of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port, pages = free_port(), free_port()
        ports = {"ZHIHENG_PORT": str(self.port), "ZHIHENG_MLFLOW_PORT": str(pages)}
        self.environment = {
            **os.environ,
            **ports,
            "ZHIHENG_HOME": str(home),
            "ZHIHENG_LANG": "en",
            "COLUMNS": "140",
        }

    def start(self, *words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "zhiheng", *words]
        return subprocess.Popen(
            command,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def interrupt(self, process: subprocess.Popen[str], how: signal.Signals) -> None:
        """Press Ctrl-C until it is heard: a library that is being imported may swallow the first."""
        for _ in range(10):
            os.killpg(process.pid, how)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=10)
                return
        raise AssertionError("it does not end")

    def run(self, *words: str) -> str:
        process = self.start(*words)
        output, _ = process.communicate(timeout=600)
        assert process.returncode == 0, output
        return output


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    shell = Shell(tmp_path_factory.mktemp("demo") / "var")
    yield shell
    shell.run("stop")


def steps(home: Path) -> dict[str, str]:
    path = home / "run" / "steps.json"
    return json.loads(path.read_text()) if path.exists() else {}


@pytest.mark.parametrize(("how", "after"), [(signal.SIGINT, "check"), (signal.SIGKILL, "graph")])
def test_stopped_half_way_nothing_is_half_written(shell: Shell, how: signal.Signals, after: str) -> None:
    process = shell.start(*DEMO)
    while after not in steps(shell.home):
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.05)
    shell.interrupt(process, how)
    assert process.returncode != 0
    done = steps(shell.home)
    assert "train" not in done
    assert not (shell.home / "models" / "credit" / "champion.json").exists()


def test_run_again_it_goes_on_and_answers(shell: Shell) -> None:
    output = shell.run(*DEMO)
    assert output.count("already there") >= 3, "sample, check and graph were finished before"
    answer = json.loads((shell.home / "run" / "answer.json").read_text())
    total = answer["base_log_odds"] + sum(part["contribution"] for part in answer["contributions"])
    assert total == pytest.approx(answer["log_odds"], abs=1e-6)
    assert answer["decision_id"] in shell.run("ledger", "show", answer["decision_id"])
    for text in (answer["party_id"], answer["grade"], f"http://127.0.0.1:{shell.port}/docs", "make stop"):
        assert text in output
    assert "Forecast of sales" in output
    assert "Shortfalls of capacity" in output
    assert (shell.home / "forecasts" / "latest-1mo.json").exists()


def test_third_run_takes_up_everything_and_the_running_service(shell: Shell) -> None:
    before = (shell.home / "run" / "service.json").read_text()
    output = shell.run(*DEMO)
    assert output.count("already there") == 7
    assert (shell.home / "run" / "service.json").read_text() == before
    with urlopen(f"http://127.0.0.1:{shell.port}/readyz") as ready:
        count = json.load(ready)["parts"]["ledger"]["count"]
    assert count == 9, "a key, a score, a forecast and shortfalls, twice; and the first key withdrawn"


def test_a_result_that_was_removed_is_made_again(shell: Shell) -> None:
    shutil.rmtree(shell.home / "features")
    output = shell.run(*DEMO)
    assert output.count("already there") == 6
    assert (shell.home / "features" / "credit_latest.json").exists()


def test_stop_ends_what_was_left_running(shell: Shell) -> None:
    assert "service: stopped" in shell.run("stop")
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", shell.port)) != 0
    assert "service: was not running" in shell.run("stop")
