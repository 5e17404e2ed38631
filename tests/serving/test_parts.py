"""New models and features are taken up while serving; broken ones leave the last good one in place."""

import json
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from serving.moments import local_day

if TYPE_CHECKING:
    from tests.serving.conftest import Client, MakeClient, World

PARTY = {"party_id": "P0000000"}


def test_new_champion_is_taken_up(client: "Client", world: "World", put_model: Callable[..., str]) -> None:
    assert client.deployment.parts.refresh() is False
    version = put_model(world.home, seed=8, name="v2")
    assert client.deployment.parts.refresh() is True
    assert client.score(PARTY).json()["model_version"] == version != world.version


def test_new_features_are_taken_up(client: "Client", world: "World") -> None:
    sidecar = world.home / "features" / "credit_latest.json"
    given = json.loads(sidecar.read_text())
    sidecar.write_text(json.dumps({**given, "data_as_of": "2026-11-15"}))
    client.deployment.parts.refresh()
    assert client.score(PARTY).json()["data_as_of"] == "2026-11-15"


@pytest.mark.parametrize("damage", ["pointer", "file", "features"])
def test_broken_part_leaves_the_last_good_one_and_is_reported(
    client: "Client", world: "World", damage: str
) -> None:
    models = world.home / "models" / "credit"
    if damage == "pointer":
        (models / "champion.json").write_text("{")
    elif damage == "file":
        (models / "v1" / "own_0.txt").write_text("tree")
        (models / "champion.json").touch()
    else:
        (world.home / "features" / "credit_latest.parquet").write_bytes(b"PAR1")
    client.deployment.parts.refresh()
    assert client.score(PARTY).json()["model_version"] == world.version
    part = client.http.get("/readyz").json()["parts"]["features" if damage == "features" else "model"]
    assert part["ready"] is True
    assert part["problem_en"]


def test_model_trained_on_other_features_is_not_served(
    world: "World", put_model: Callable[..., str], make_client: "MakeClient"
) -> None:
    version = put_model(world.home, features=("degree", "no_such_feature"), name="v2")
    client = make_client(world.home, world.officer)
    ready = client.http.get("/readyz")
    assert ready.status_code == 503
    part = ready.json()["parts"]["model"]
    assert version in part["problem_en"]
    assert "missing no_such_feature" in part["problem_en"]
    answer = client.score(PARTY, Accept_Language="en")
    assert answer.status_code == 503
    assert "no_such_feature" in answer.json()["detail"]


def test_mismatched_model_is_served_once_its_features_come(
    client: "Client", world: "World", put_model: Callable[..., str], put_features: Callable[..., object]
) -> None:
    version = put_model(world.home, features=("degree", "new_one"), name="v2")
    client.deployment.parts.refresh()
    assert client.score(PARTY).json()["model_version"] == world.version
    put_features(world.home, ("new_one", "degree", "further"))
    client.deployment.parts.refresh()
    body = client.score(PARTY).json()
    assert body["model_version"] == version
    assert {part["feature"] for part in body["contributions"]} == {"degree", "new_one"}


def test_features_without_a_graph_date_are_not_ready(client: "Client", world: "World") -> None:
    sidecar = world.home / "features" / "credit_latest.json"
    given = json.loads(sidecar.read_text())
    del given["graph_as_of"]
    sidecar.write_text(json.dumps(given))
    client.deployment.parts.refresh()
    ready = client.http.get("/readyz")
    assert ready.status_code == 503
    assert ready.json()["parts"]["graph"]["ready"] is False


def test_old_data_is_answered_with_a_warning(world: "World", make_client: "MakeClient") -> None:
    client = make_client(world.home, world.officer, stale_after_days=1)
    decided_at = datetime.fromisoformat(client.score(PARTY).json()["decided_at"])
    days = (local_day(decided_at, ZoneInfo("Asia/Shanghai")) - date(2026, 10, 31)).days
    warning = client.score(PARTY).json()["warnings"][0]
    assert warning["code"] == "stale_data"
    assert f"{days} days" in warning["text_en"]
    fresh = make_client(world.home, world.officer, stale_after_days=days + 1000)
    assert fresh.score(PARTY).json()["warnings"] == []


def test_ledger_that_cannot_be_written_means_no_answer(
    client: "Client", world: "World", tmp_path: Path
) -> None:
    ledger = world.home / "ledger.db"
    ledger.rename(tmp_path / "away.db")
    assert client.http.get("/readyz").json()["parts"]["ledger"]["ready"] is False
    answer = client.score(PARTY)
    assert answer.status_code == 503
    assert answer.json()["type"] == "urn:zhiheng:problem:ledger-unavailable"
    assert "pd" not in answer.json()
