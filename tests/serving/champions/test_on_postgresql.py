"""Orders about models and what challengers say, kept in PostgreSQL as in the file."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from serving.access.keys import KeyStore
from serving.access.roles import Role
from serving.ledger.database import Database
from tests.serving.champions.conftest import Operations
from tests.serving.databases import Filled

if TYPE_CHECKING:
    from tests.serving.conftest import MakeClient, World

PEOPLE = {
    "operator": Role.OPERATOR,
    "approver": Role.APPROVER,
    "auditor": Role.AUDITOR,
    "officer": Role.RISK_OFFICER,
}


@pytest.fixture
def operations(
    world: "World", make_client: "MakeClient", put_model: Callable[..., str], filled: Filled
) -> Operations:
    """The service over PostgreSQL, after its second champion was taken up."""
    filled.reset()
    database = Database(Path(), url=SecretStr(filled.url))
    made = datetime(2026, 11, 1, tzinfo=UTC)
    keys = {
        who: KeyStore(database).create(who, [role], companies=["*"], now=made)[1]
        for who, role in PEOPLE.items()
    }
    database.close()
    client = make_client(world.home, keys["officer"], database_url=filled.url, ledger_wait_seconds=10.0)
    second = put_model(world.home, seed=8, name="v2")
    client.deployment.parts.refresh()
    return Operations(client, world.version, second, "", keys)


def test_kill_and_restore_are_incidents_that_open_and_close(operations: Operations) -> None:
    killed = operations.order("operator", "kill")
    assert (killed.status_code, killed.json()["level"]) == (200, "previous"), killed.text
    assert operations.score().json()["model_version"] == operations.first
    restored = operations.order("operator", "restore")
    assert (restored.status_code, restored.json()["version"]) == (200, operations.second), restored.text
    assert operations.score().json()["model_version"] == operations.second
    (incident,) = operations.get("/v1/incidents", "auditor").json()["incidents"]
    assert incident["incident_id"] == killed.json()["incident_id"]
    assert incident["closed_at"] is not None
    assert operations.client.deployment.parts.ledger.verify().broken is None


def test_rollback_is_answered_by_and_written_down(operations: Operations) -> None:
    back = operations.order("approver", "rollback")
    assert back.status_code == 200, back.text
    assert (back.json()["version"], back.json()["instead_of"]) == (operations.first, operations.second)
    assert operations.score().json()["model_version"] == operations.first
    record = operations.client.deployment.parts.ledger.get(back.json()["decision_id"]).record
    assert record["route"] == "models/rollback"


def test_challenger_is_compared_and_summed_up(operations: Operations) -> None:
    pointed = operations.order("approver", "aliases", alias="challenger", version=operations.first)
    assert pointed.status_code == 200, pointed.text
    shadow = operations.client.deployment.shadow
    shadow.stop()
    shadow._stop.clear()
    for party in ("P0000000", "P0000001"):
        assert operations.score(party_id=party).status_code == 200
    shadow.work()
    summary = operations.get("/v1/models/credit/shadow").json()
    assert (summary["version"], summary["n"], summary["failed"]) == (operations.first, 2, 0)
