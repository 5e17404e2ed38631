"""Keys: shown once, stored as a hash, refused when wrong or withdrawn, limited by role."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from serving.access.errors import ForbiddenError, KeyArgumentError, UnauthorizedError, UnknownKeyError
from serving.access.keys import KeyStore, require_role
from serving.access.roles import Role
from serving.ledger.database import Database

NOW = datetime(2026, 11, 1, 8, tzinfo=UTC)


@pytest.fixture
def keys(tmp_path: Path) -> Iterator[KeyStore]:
    database = Database(tmp_path / "ledger.db")
    database.open()
    yield KeyStore(database)
    database.close()


def test_key_opens_with_its_roles_and_companies(keys: KeyStore) -> None:
    made, text = keys.create(" 租赁 ", [Role.RISK_OFFICER, Role.PLANNER], companies=["ORG-03"], now=NOW)
    assert re.fullmatch(r"zh_[0-9a-f]{12}_[0-9a-f]{64}", text)
    found = keys.check(f"Bearer {text}")
    assert found == made
    assert (found.name, found.companies) == ("租赁", ("ORG-03",))
    assert found.roles == {Role.RISK_OFFICER, Role.PLANNER}
    assert keys.check(f"bearer  {text} ") == made


def test_only_a_hash_is_stored(keys: KeyStore, tmp_path: Path) -> None:
    _, text = keys.create("t", [Role.AUDITOR], companies=["*"], now=NOW)
    secret = text.rpartition("_")[2]
    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert text.split("_")[1].encode() in stored
    assert secret.encode() not in stored
    assert bytes.fromhex(secret) not in stored


def test_changed_key_is_refused(keys: KeyStore) -> None:
    _, text = keys.create("t", [Role.AUDITOR], companies=["*"], now=NOW)
    _, other = keys.create("u", [Role.AUDITOR], companies=["*"], now=NOW)
    last = "0" if text[-1] != "0" else "1"
    mixed = text.rpartition("_")[0] + "_" + other.rpartition("_")[2]
    for wrong in (text[:-1] + last, text[:-1], text + "0", text.upper(), mixed):
        with pytest.raises(UnauthorizedError):
            keys.check(f"Bearer {wrong}")
    for header in (None, "", text, f"Basic {text}", "Bearer "):
        with pytest.raises(UnauthorizedError):
            keys.check(header)


def test_withdrawn_key_is_refused_at_once_and_stays_listed(keys: KeyStore) -> None:
    made, text = keys.create("t", [Role.AUDITOR], companies=["*"], now=NOW)
    keys.revoke(made.key_id, now=NOW)
    with pytest.raises(UnauthorizedError):
        keys.check(f"Bearer {text}")
    assert [key.revoked_at for key in keys.all()] == ["2026-11-01T08:00:00+00:00"]
    keys.revoke(made.key_id, now=datetime(2027, 1, 1, tzinfo=UTC))
    assert [key.revoked_at for key in keys.all()] == ["2026-11-01T08:00:00+00:00"]


def test_unknown_key_cannot_be_withdrawn(keys: KeyStore) -> None:
    with pytest.raises(UnknownKeyError, match="abc"):
        keys.revoke("abc", now=NOW)


@pytest.mark.parametrize(
    ("name", "roles", "companies", "option"),
    [
        (" ", [Role.AUDITOR], ["*"], "--name"),
        ("t", [], ["*"], "--role"),
        ("t", [Role.AUDITOR], [], "--company"),
        ("t", [Role.AUDITOR], ["*", "ORG-01"], "--company"),
        ("t", [Role.AUDITOR], ["ORG 01;"], "--company"),
    ],
)
def test_key_arguments_are_checked(
    keys: KeyStore, name: str, roles: list[Role], companies: list[str], option: str
) -> None:
    with pytest.raises(KeyArgumentError, match=option) as caught:
        keys.create(name, roles, companies=companies, now=NOW)
    assert option in caught.value.zh
    assert keys.all() == []


def test_no_role_contains_another(keys: KeyStore) -> None:
    for role in Role:
        key, _ = keys.create("t", [role], companies=["*"], now=NOW)
        require_role(key, frozenset({role}))
        with pytest.raises(ForbiddenError):
            require_role(key, frozenset(set(Role) - {role}))
