"""What is done to keys is in the chain: by whom, to which key, in both databases, and never a secret."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from sqlalchemy import select

from serving.access.command_line import COMMAND_LINE, command_line_caller
from serving.access.errors import UnknownKeyError
from serving.access.key_acts import acts_of
from serving.access.key_terms import KeyTerms
from serving.access.keys import KeyStore
from serving.access.limits import KeyLimits
from serving.access.roles import Role
from serving.decisions.masking import Masking
from serving.ledger.chain import Json, Ledger
from serving.ledger.database import Database
from serving.ledger.errors import LedgerUnavailableError
from serving.ledger.tables import api_keys, decisions

NOW = datetime(2026, 11, 1, 8, tzinfo=UTC)


@pytest.fixture
def keys(database: Database) -> KeyStore:
    ids = count(1)
    told = acts_of(command_line_caller("r", by="钱主管", user="ops1"), new_id=lambda: f"act{next(ids)}")
    return KeyStore(database, told=told)


def records(database: Database) -> list[dict[str, Json]]:
    with database.reading() as connection:
        rows = connection.execute(select(decisions.c.record).order_by(decisions.c.seq))
        return [json.loads(row.record) for row in rows]


def test_every_act_on_a_key_is_written_down_with_who_did_it(keys: KeyStore, database: Database) -> None:
    made, _ = keys.create("租赁", [Role.RISK_OFFICER], companies=["ORG-03"], now=NOW)
    keys.rotate(made.key_id, now=NOW, overlap=timedelta(hours=1))
    keys.limit(made.key_id, KeyLimits(body_bytes=5), now=NOW)
    keys.revoke(made.key_id, now=NOW)
    found = records(database)
    assert [one["route"] for one in found] == ["keys/create", "keys/rotate", "keys/limit", "keys/revoke"]
    assert {one["key_id"] for one in found} == {COMMAND_LINE}
    for one in found:
        assert one["request"] == {"of_key": made.key_id}
        assert (one["os_user"], one["name"]) == ("ops1", "钱主管")
        assert one["companies"] == ["ORG-03"]
    answers = [dict(one["answer"]) for one in found]  # type: ignore[arg-type]
    assert answers[1]["previous_until"] == "2026-11-01T09:00:00+00:00"
    assert answers[2]["limits"] == {"body_bytes": 5}
    assert (answers[2]["revoked_at"], answers[3]["revoked_at"]) == (None, "2026-11-01T08:00:00+00:00")
    assert Ledger(database).verify().broken is None


def test_no_secret_and_no_hash_is_in_the_chain(keys: KeyStore, database: Database) -> None:
    made, first = keys.create("t", [Role.AUDITOR], companies=["*"], now=NOW)
    _, second = keys.rotate(made.key_id, now=NOW, overlap=timedelta(hours=1))
    with database.reading() as connection:
        row = connection.execute(select(api_keys)).one()
    text = json.dumps(records(database))
    hidden = [first.rpartition("_")[2], second.rpartition("_")[2], row.secret_hash, row.previous_hash]
    assert [one for one in hidden if one in text] == []


@pytest.mark.parametrize(
    "act",
    [
        lambda keys: keys.rotate("0" * 12, now=NOW, overlap=timedelta(0)),
        lambda keys: keys.limit("0" * 12, KeyLimits(), now=NOW),
        lambda keys: keys.revoke("0" * 12, now=NOW),
    ],
    ids=["rotate", "limit", "revoke"],
)
def test_act_on_a_key_that_does_not_exist_leaves_nothing(
    keys: KeyStore, database: Database, act: Callable[[KeyStore], object]
) -> None:
    with pytest.raises(UnknownKeyError):
        act(keys)
    assert records(database) == []


def test_key_withdrawn_twice_is_one_act(keys: KeyStore, database: Database) -> None:
    made, _ = keys.create("t", [Role.AUDITOR], companies=["*"], now=NOW)
    for _ in range(2):
        keys.revoke(made.key_id, now=NOW)
    assert [one["route"] for one in records(database)] == ["keys/create", "keys/revoke"]


def test_key_whose_act_cannot_be_written_down_is_not_made(database: Database) -> None:
    def told(*_: object) -> None:
        raise OSError("disk full")

    with pytest.raises(LedgerUnavailableError):
        KeyStore(database, told=told).create("t", [Role.AUDITOR], companies=["*"], now=NOW)
    assert KeyStore(database).all() == []


def test_export_calls_those_who_act_on_keys_by_pseudonyms(keys: KeyStore, database: Database) -> None:
    terms = KeyTerms(combination_reason="小公司，只有钱主管一人")
    keys.create("租赁台王某", [Role.RISK_OFFICER, Role.APPROVER], companies=["*"], now=NOW, terms=terms)
    (record,) = records(database)
    masked = json.dumps(Masking("s", lambda _: False).record(record), ensure_ascii=False)
    assert [name for name in ("ops1", "钱主管", "王某") if name in masked] == []
    assert [
        name for name in ("ops1", "钱主管", "王某") if name in json.dumps(record, ensure_ascii=False)
    ] != []
