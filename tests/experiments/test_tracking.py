"""Tracking: a server that is down is said so, and the code's version names the commit."""

import subprocess
from pathlib import Path

import pytest

from experiments.errors import TrackingError
from experiments.tracking import code_version, nested_run, tracked_run


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


@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning")  # raised inside mlflow
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # mlflow leaves SQLite connections to the collector
def test_nested_run_stands_below_its_parent_and_says_how_it_ended(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path / 'mlflow.db'}"
    with tracked_run("credit", tracking_uri=address, artifacts=tmp_path) as parent:
        with nested_run(parent, name="good") as good:
            good.parameters({f"p{i}": i for i in range(150)})
        with pytest.raises(ValueError, match="no"), nested_run(parent, name="bad") as bad:
            raise ValueError("no")
    found = {run.run_id: parent.client.get_run(run.run_id) for run in (parent, good, bad)}
    assert [found[run.run_id].info.status for run in (parent, good, bad)] == [
        "FINISHED",
        "FINISHED",
        "FAILED",
    ]
    for run in (good, bad):
        assert found[run.run_id].data.tags["mlflow.parentRunId"] == parent.run_id
        assert found[run.run_id].info.experiment_id == found[parent.run_id].info.experiment_id
    assert found[good.run_id].data.params == {f"p{i}": str(i) for i in range(150)}
