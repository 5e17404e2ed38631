"""Tracking: a server that is down is said so, and the code's version names the commit."""

import subprocess
from pathlib import Path

import pytest

from experiments.errors import TrackingError
from experiments.tracking import code_version, tracked_run


def test_a_server_that_is_down_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    address = "http://user:secret@127.0.0.1:9"
    with (
        pytest.raises(TrackingError, match=r"127\.0\.0\.1:9") as caught,
        tracked_run("credit", tracking_uri=address, artifacts=tmp_path),
    ):
        pytest.fail("the run must not open")
    assert caught.value.address == "127.0.0.1:9", "user and password stay out of messages"
    assert "ZHIHENG_MLFLOW_URI" in caught.value.zh


def test_code_version_is_the_commit_and_says_when_the_tree_differs(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        return subprocess.run(
            ["git", *identity, *words], cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout

    assert code_version(tmp_path) == "unknown"
    git("init", "-q")
    (tmp_path / "a").write_text("1")
    git("add", "a")
    git("commit", "-qm", "a")
    assert git("rev-parse", "HEAD").startswith(code_version(tmp_path))
    (tmp_path / "a").write_text("2")
    assert code_version(tmp_path).endswith("-dirty")
