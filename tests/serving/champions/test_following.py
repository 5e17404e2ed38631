"""Models come from a real MLflow server: followed, checked, refused when broken, and not missed when it is away."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from models.bundle import read_bundle
from models.credit.model import CreditModel
from serving.access.roles import Role
from serving.champions.errors import RegistryAwayError
from serving.champions.follow_thread import holding
from serving.champions.follower import Follower, read_status
from serving.champions.mlflow_rest import MlflowRest
from serving.champions.old_copies import OldCopies
from serving.champions.store import read_pointer
from serving.champions.switches import SwitchBoard
from serving.ledger.database import Database
from tests.serving.champions.conftest import PARTY, make_key
from tests.serving.champions.mlflow_server import MlflowServer, bundle_files, start_mlflow
from tests.serving.metrics_page import value

if TYPE_CHECKING:
    from tests.serving.conftest import Client, MakeClient, World

NOW = datetime(2026, 11, 1, tzinfo=UTC)
pytestmark = pytest.mark.slow  # MLflow takes half a minute to start
LIMIT_SECONDS = 30.0


@pytest.fixture(scope="module")
def mlflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    server = start_mlflow(tmp_path_factory.mktemp("mlflow"))
    yield server
    server.stop()


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


Put = Callable[[int], str]


@pytest.fixture
def put(mlflow: MlflowServer, tmp_path: Path, train_model: Callable[[int], CreditModel]) -> Put:
    """Register a model of a seed and return its version."""

    def register(seed: int) -> str:
        version, files = bundle_files(tmp_path / f"trained-{seed}", train_model(seed), seed)
        if mlflow.rest.by_bundle_version("credit", version) is None:
            mlflow.register("credit", files, version)
        return version

    return register


def point(mlflow: MlflowServer, version: str, alias: str = "champion") -> None:
    assert mlflow.rest.point("credit", alias, version) == "moved"


def follower(home: Path, mlflow: MlflowServer, clock: Callable[[], datetime], *, keep: int = 5) -> Follower:
    rest, models = MlflowRest(mlflow.uri, timeout_seconds=5), home / "models"
    copies = OldCopies(models, SwitchBoard(Database(home / "ledger.db")), keep)
    return Follower(models, rest, clock=clock, poll=timedelta(seconds=10), copies=copies)


def champion(home: Path) -> str:
    return read_pointer(home / "models" / "credit" / "champion.json").version


def served(client: "Client") -> str:
    version: str = client.score(PARTY).json()["model_version"]
    return version


def wait_until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT_SECONDS
    while not true():
        assert time.monotonic() < end, "not within the limit"
        time.sleep(0.1)


def test_alias_that_moves_is_served_by_every_worker_within_the_limit(
    mlflow: MlflowServer, put: Put, world: "World", make_client: "MakeClient"
) -> None:
    point(mlflow, put(31))
    settings: dict[str, object] = {"mlflow_uri": mlflow.uri, "mlflow_poll_seconds": 0.2}
    workers = [make_client(world.home, world.officer, **settings) for _ in range(2)]

    def all_serve(version: str) -> bool:
        for worker in workers:
            worker.deployment.parts.refresh()  # what the worker's own watch does every few seconds
        return {served(worker) for worker in workers} == {version}

    wait_until(lambda: all_serve(put(31)))
    second = put(32)
    point(mlflow, second)
    wait_until(lambda: all_serve(second))
    point(mlflow, put(31))  # the alias is rolled back in MLflow
    wait_until(lambda: all_serve(put(31)))
    part = workers[0].http.get("/readyz").json()["parts"]["registry"]
    assert part["ready"] is True
    assert part["last"]


def test_what_is_fetched_is_whole_and_says_who_trained_it(
    mlflow: MlflowServer, put: Put, tmp_path: Path
) -> None:
    version = put(33)
    point(mlflow, version)
    follower(tmp_path, mlflow, Clock()).look()
    folder = tmp_path / "models" / "credit" / version
    assert read_bundle(folder).manifest.version == version
    pointer = read_pointer(tmp_path / "models" / "credit" / "champion.json")
    assert (pointer.version, pointer.folder, pointer.trained_by) == (version, version, "chen")
    assert not list((tmp_path / "models" / "credit").glob(".fetch-*"))


def test_broken_artifact_leaves_the_last_good_champion_and_is_said_until_it_is_repaired(
    mlflow: MlflowServer,
    put: Put,
    world: "World",
    make_client: "MakeClient",
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock, good, broken = Clock(), put(34), put(35)
    follow = follower(world.home, mlflow, clock)
    point(mlflow, good)
    follow.look()
    file = mlflow.stored("own_0.txt", broken)
    whole = file.read_bytes()
    file.write_bytes(whole[:-10])
    point(mlflow, broken)
    refused = value("zhiheng_model_versions_refused_total", family="credit", alias="champion")
    status = follow.look()
    follow.look()
    counted = value("zhiheng_model_versions_refused_total", family="credit", alias="champion")
    assert counted - refused == 1, "once, not at every look"
    assert champion(world.home) == good
    assert [(one.family, one.alias, one.version) for one in status.troubles] == [
        ("credit", "champion", broken)
    ]
    client = make_client(world.home, world.officer)
    assert served(client) == good
    part = client.http.get("/readyz").json()["parts"]["registry"]
    assert part["ready"] is False
    assert broken in part["problem_en"]
    assert "own_0.txt" in part["problem_en"]
    assert client.http.get("/readyz").status_code == 200, "answers go on"
    assert f"credit champion {broken} is refused" in caplog.text
    key = make_key(world.home, "operator", Role.OPERATOR)
    (family,) = client.http.get("/v1/models", Authorization=f"Bearer {key}").json()["families"]
    assert "own_0.txt" in family["problem_en"]

    file.write_bytes(whole)
    follow.look()
    assert champion(world.home) == good, "not tried again at once"
    clock.now += timedelta(seconds=11)
    assert follow.look().troubles == ()
    assert champion(world.home) == broken


def test_missing_file_and_strange_manifest_are_refused(
    mlflow: MlflowServer, put: Put, tmp_path: Path
) -> None:
    version = put(36)
    point(mlflow, version)
    file = mlflow.stored("own_0.txt", version)
    whole = file.read_bytes()
    file.unlink()
    (trouble,) = follower(tmp_path / "a", mlflow, Clock()).look().troubles
    assert "missing" in trouble.en
    file.write_bytes(whole)

    path = mlflow.stored("manifest.json", version)
    manifest = json.loads(path.read_text())
    outside = {**manifest, "files": {**manifest["files"], "../../evil.txt": "0" * 64}}
    path.write_text(json.dumps(outside))
    (trouble,) = follower(tmp_path / "b", mlflow, Clock()).look().troubles
    assert "no plain names" in trouble.en
    assert not list(tmp_path.glob("**/evil.txt"))

    path.write_text(json.dumps({**manifest, "family": "demand"}))
    (trouble,) = follower(tmp_path / "c", mlflow, Clock()).look().troubles
    assert "'credit' model is needed" in trouble.en
    path.write_text(json.dumps(manifest))


def test_copy_that_was_damaged_here_is_fetched_again(mlflow: MlflowServer, put: Put, tmp_path: Path) -> None:
    version = put(37)
    point(mlflow, version)
    follow = follower(tmp_path, mlflow, Clock())
    follow.look()
    folder = tmp_path / "models" / "credit" / version
    (folder / "own_0.txt").write_text("tree")
    follow.look()
    assert read_bundle(folder).manifest.version == version


def test_older_copies_go_and_those_in_use_stay(mlflow: MlflowServer, put: Put, tmp_path: Path) -> None:
    clock, kept = Clock(), tmp_path / "models" / "credit"
    follow = follower(tmp_path, mlflow, clock, keep=2)
    first = put(38)
    point(mlflow, first, "challenger")
    versions = [put(seed) for seed in (39, 40, 41)]
    for version in versions:
        point(mlflow, version)
        follow.look()
    here = {path.name for path in kept.iterdir() if path.is_dir()}
    assert here == {first, *versions[1:]}, "the challenger is the oldest and still pointed at"


def test_approving_moves_the_alias_in_mlflow_too(
    mlflow: MlflowServer, put: Put, world: "World", make_client: "MakeClient"
) -> None:
    point(mlflow, put(42))
    other = put(43)
    point(mlflow, other, "challenger")
    follower(world.home, mlflow, lambda: datetime.now(UTC)).look()
    client = make_client(world.home, world.officer, mlflow_uri=mlflow.uri, mlflow_poll_seconds=15)
    key = make_key(world.home, "赵审批", Role.APPROVER)
    headers = {"Authorization": f"Bearer {key}", "Content_Type": "application/json"}

    def approve(version: str) -> tuple[int, dict[str, object]]:
        body = {"alias": "champion", "version": version, "reason": "gate passed", "trained_by": "陈训练"}
        answer = client.http.post("/v1/models/credit/aliases", json.dumps(body).encode(), **headers)
        return answer.status_code, answer.json()

    status, answer = approve(other)
    assert (status, answer["registry"]) == (200, "moved"), answer
    remote = mlflow.rest.by_alias("credit", "champion")
    assert remote is not None
    assert remote.bundle_version == other
    assert served(client) == other
    status, answer = approve(world.version)
    assert (status, answer["type"]) == (503, "urn:zhiheng:problem:registry-away"), (
        "it is not registered there"
    )
    assert served(client) == other


def test_one_process_follows_at_a_time(tmp_path: Path) -> None:
    with holding(tmp_path) as ours, holding(tmp_path) as theirs:
        assert (ours, theirs) == (True, False)
    with holding(tmp_path) as again:
        assert again


def test_following_does_not_import_mlflow() -> None:
    code = "import sys, serving.champions.wiring, serving.champions.follower; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert {"mlflow", "pandas", "lightgbm"}.isdisjoint(modules.split())


def test_registry_that_hangs_or_is_killed_leaves_the_last_good_models(
    mlflow: MlflowServer, put: Put, tmp_path: Path
) -> None:
    """The last test of this file: the server does not come back."""
    version = put(44)
    point(mlflow, version)
    clock = Clock()
    follow = follower(tmp_path, mlflow, clock)
    follow.look()
    hasty = dataclasses.replace(follow, registry=MlflowRest(mlflow.uri, timeout_seconds=0.3))
    clock.now += timedelta(seconds=10)
    os.killpg(mlflow.process.pid, signal.SIGSTOP)
    try:
        status = hasty.look()
    finally:
        os.killpg(mlflow.process.pid, signal.SIGCONT)
    assert status.away_en is not None
    assert status.reached_at == NOW
    assert champion(tmp_path) == version
    assert follow.look().away_en is None
    mlflow.stop()
    assert follow.look().away_en is not None
    assert champion(tmp_path) == version
    assert read_status(follow.models) is not None
    with pytest.raises(RegistryAwayError, match="no connection"):
        mlflow.rest.point("credit", "champion", version)
