"""Keys and ledger from the command line."""

import getpass
import json
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from graph.errors import UserError
from serving.access.caller import Call, Caller
from serving.access.keys import KeyStore
from serving.access.roles import Role
from serving.decisions.reading import Asked, DecisionReader
from serving.launch import check_address
from serving.ledger.chain import Ledger
from serving.ledger.database import Database
from zhiheng.commands.keys import keys_app
from zhiheng.commands.ledger import ledger_app

if TYPE_CHECKING:
    from tests.serving.conftest import Client, Service, World

RUN = CliRunner()
AUDITOR = Caller(Call("r", "k", ("auditor",)), "吴审计", ("*",))


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZHIHENG_HOME", str(tmp_path))
    monkeypatch.setenv("ZHIHENG_LANG", "en")


def roles_of(home: Path, text: str) -> frozenset[Role]:
    database = Database(home / "ledger.db")
    try:
        return KeyStore(database).check(f"Bearer {text}").roles
    finally:
        database.close()


def test_created_key_works_is_listed_without_secret_and_can_be_withdrawn(tmp_path: Path) -> None:
    made = RUN.invoke(keys_app, ["create", "--name", "ops", "--role", "operator", "--role", "steward"])
    text = made.stdout.strip().splitlines()[-1]
    assert roles_of(tmp_path, text) == {Role.OPERATOR, Role.STEWARD}
    listed = RUN.invoke(keys_app, ["list"], env={"COLUMNS": "200"}).stdout
    key_id, secret = text.split("_")[1:]
    assert key_id in listed
    assert "operator, steward" in listed
    assert secret not in listed
    assert RUN.invoke(keys_app, ["revoke", key_id]).exit_code == 0
    with pytest.raises(UserError):
        roles_of(tmp_path, text)
    database = Database(tmp_path / "ledger.db")
    acts = DecisionReader(database, Ledger(database)).newest(Asked(), AUDITOR, before=None, limit=5).decisions
    database.close()
    assert [one.record["route"] for one in acts] == ["keys/revoke", "keys/create"]
    users = [one.record["os_user"] for one in acts]
    assert users == [getpass.getuser()] * 2


def test_key_is_made_with_end_limits_and_reason_and_rotated(tmp_path: Path) -> None:
    options = ["--name", "audit", "--role", "auditor", "--role", "operator", "--by", "zhang"]
    refused = RUN.invoke(keys_app, ["create", *options])
    assert isinstance(refused.exception, UserError)
    assert "--allow-combination" in refused.exception.en
    terms = ["--allow-combination", "one clerk", "--expires", "2999-12-31", "--limit", "concurrent=3"]
    old = RUN.invoke(keys_app, ["create", *options, *terms]).stdout.strip().splitlines()[-1]
    key_id = old.split("_")[1]
    new = RUN.invoke(keys_app, ["rotate", key_id, "--overlap-hours", "1"]).stdout.strip().splitlines()[-1]
    assert new != old
    assert roles_of(tmp_path, old) == roles_of(tmp_path, new) == {Role.OPERATOR, Role.AUDITOR}
    listed = RUN.invoke(keys_app, ["list"], env={"COLUMNS": "400"}).stdout
    for shown in ("one clerk", "zhang", "concurrent=3", key_id):
        assert shown in listed
    assert "concurrent=5" in RUN.invoke(
        keys_app, ["limit", key_id, "--limit", "concurrent=5"]
    ).stdout.replace('{"concurrent":5}', "concurrent=5")
    RUN.invoke(keys_app, ["rotate", key_id, "--overlap-hours", "0"])
    with pytest.raises(UserError):
        roles_of(tmp_path, new)


def test_unknown_role_is_refused_with_the_choices() -> None:
    refused = RUN.invoke(keys_app, ["create", "--name", "x", "--role", "king"], env={"COLUMNS": "200"})
    assert refused.exit_code == 2
    assert "risk_officer" in refused.output


def test_withdrawing_an_unknown_key_says_what_to_do() -> None:
    result = RUN.invoke(keys_app, ["revoke", "nothing"])
    assert isinstance(result.exception, UserError)
    assert "zhiheng keys list" in result.exception.zh


def test_ledger_is_shown_and_verified_and_a_change_is_found(client: "Client", world: "World") -> None:
    body = client.score({"party_id": "P0000000"}).json()
    shown = json.loads(RUN.invoke(ledger_app, ["show", body["decision_id"]]).stdout)
    assert shown["answer"]["pd"] == body["pd"]
    holds = RUN.invoke(ledger_app, ["verify"])
    assert (holds.exit_code, shown["hash"] in holds.stdout) == (0, True)
    connection = sqlite3.connect(world.home / "ledger.db")
    with connection:
        connection.execute("DROP TRIGGER decisions_no_update")
        connection.execute("UPDATE decisions SET record = replace(record, 'risk_officer', 'auditor')")
    connection.close()
    broken = RUN.invoke(ledger_app, ["verify"])
    assert broken.exit_code == 1
    assert f"row 1 ({body['decision_id']}): content was changed" in broken.stdout


def test_unknown_decision_is_named() -> None:
    result = RUN.invoke(ledger_app, ["show", "nothing"])
    assert isinstance(result.exception, UserError)
    assert "nothing" in str(result.exception)


def test_host_that_is_no_address_is_said_to_be_none() -> None:
    with pytest.raises(UserError, match=r"localhost:8300 \(not an IP address\)"):
        check_address("localhost", 8300)


def test_port_in_use_is_said_before_anything_starts(service: "Service") -> None:
    with pytest.raises(UserError, match=f"127.0.0.1:{service.port}.*in use"):
        check_address("127.0.0.1", service.port)
