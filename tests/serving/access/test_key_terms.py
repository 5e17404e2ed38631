"""Keys end, rotate and keep their limits; roles that exclude each other need a reason that is kept."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from serving.access.errors import (
    KeyArgumentError,
    RefusedKeyError,
    RoleCombinationError,
    UnauthorizedError,
    UnknownKeyError,
    WithdrawnKeyError,
)
from serving.access.held_keys import HeldRows
from serving.access.key_terms import KeyTerms, read_limits
from serving.access.keys import KeyStore
from serving.access.limits import KeyLimits, Limits
from serving.access.roles import Role
from serving.ledger.database import Database
from tests.serving.databases import Place

NOW = datetime(2026, 11, 1, 8, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass
class Clocks:
    now: datetime = NOW
    seconds: float = 0.0


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def database(place: Place) -> Iterator[Database]:
    opened = place.database()
    opened.open()
    yield opened
    opened.close()


def store(database: Database, clocks: Clocks) -> KeyStore:
    return KeyStore(database, clock=lambda: clocks.now, timer=lambda: clocks.seconds)


@pytest.fixture
def keys(database: Database, clocks: Clocks) -> KeyStore:
    return store(database, clocks)


def refused(keys: KeyStore, text: str) -> str:
    with pytest.raises(UnauthorizedError) as caught:
        keys.check(f"Bearer {text}")
    return caught.value.cause if isinstance(caught.value, RefusedKeyError) else "unknown"


def test_key_opens_until_its_end(keys: KeyStore, clocks: Clocks) -> None:
    terms = KeyTerms(expires_at=NOW + DAY, made_by="zhang")
    made, text = keys.create("t", [Role.AUDITOR], companies=["*"], now=NOW, terms=terms)
    assert (made.expires_at, made.made_by) == ("2026-11-02T08:00:00+00:00", "zhang")
    clocks.now = NOW + DAY - timedelta(seconds=1)
    assert keys.check(f"Bearer {text}") == made
    clocks.now = NOW + DAY
    assert refused(keys, text) == "expired"


def test_key_that_ended_already_is_not_made(keys: KeyStore) -> None:
    with pytest.raises(KeyArgumentError, match="--expires"):
        keys.create("t", [Role.AUDITOR], companies=["*"], now=NOW, terms=KeyTerms(expires_at=NOW))
    assert keys.all() == []


def test_both_secrets_open_until_the_overlap_has_passed(keys: KeyStore, clocks: Clocks) -> None:
    made, old = keys.create("t", [Role.AUDITOR], companies=["ORG-03"], now=NOW)
    rotated, new = keys.rotate(made.key_id, now=NOW, overlap=DAY)
    assert (rotated.key_id, rotated.previous_until) == (made.key_id, "2026-11-02T08:00:00+00:00")
    assert keys.check(f"Bearer {old}") == keys.check(f"Bearer {new}") == rotated
    clocks.now = NOW + DAY
    assert refused(keys, old) == "rotated"
    assert keys.check(f"Bearer {new}") == rotated


def test_a_second_rotation_ends_the_first_secret_at_once(keys: KeyStore) -> None:
    made, first = keys.create("t", [Role.AUDITOR], companies=["*"], now=NOW)
    _, second = keys.rotate(made.key_id, now=NOW, overlap=DAY)
    _, third = keys.rotate(made.key_id, now=NOW, overlap=DAY)
    assert refused(keys, first) == "unknown"
    assert keys.check(f"Bearer {second}") == keys.check(f"Bearer {third}")


def test_rotation_without_overlap_ends_the_old_secret_at_once(keys: KeyStore) -> None:
    made, old = keys.create("t", [Role.AUDITOR], companies=["*"], now=NOW)
    keys.rotate(made.key_id, now=NOW, overlap=timedelta(0))
    assert refused(keys, old) == "rotated"


def test_withdrawn_or_unknown_keys_are_not_rotated(keys: KeyStore) -> None:
    made, text = keys.create("t", [Role.AUDITOR], companies=["*"], now=NOW)
    keys.revoke(made.key_id, now=NOW)
    with pytest.raises(WithdrawnKeyError, match=made.key_id):
        keys.rotate(made.key_id, now=NOW, overlap=DAY)
    with pytest.raises(UnknownKeyError):
        keys.rotate("0" * 12, now=NOW, overlap=DAY)
    assert refused(keys, text) == "withdrawn"


def test_withdrawal_holds_within_a_second_in_every_worker(
    database: Database, keys: KeyStore, clocks: Clocks
) -> None:
    made, text = keys.create("t", [Role.AUDITOR], companies=["*"], now=NOW)
    elsewhere = store(database, clocks)
    assert elsewhere.check(f"Bearer {text}") == made
    keys.revoke(made.key_id, now=NOW)
    assert refused(keys, text) == "withdrawn"
    clocks.seconds = 0.999
    assert elsewhere.check(f"Bearer {text}") == made, "the price of not reading the key for every request"
    clocks.seconds = 1.0
    assert refused(elsewhere, text) == "withdrawn"


def test_a_key_in_use_is_checked_without_the_database(database: Database, keys: KeyStore) -> None:
    made, text = keys.create("t", [Role.AUDITOR], companies=["*"], now=NOW)
    assert keys.held(f"Bearer {text}") is None
    keys.check(f"Bearer {text}")
    database.close()
    database.path.unlink(missing_ok=True)
    assert keys.held(f"Bearer {text}") == keys.check(f"Bearer {text}") == made
    with pytest.raises(UnauthorizedError):
        keys.held(f"Bearer {text[:-4]}beef")


def test_an_id_that_does_not_exist_is_remembered_no_longer_than_a_key(
    database: Database, keys: KeyStore, clocks: Clocks
) -> None:
    assert refused(keys, f"zh_{'0' * 12}_{'0' * 64}") == "unknown"
    with pytest.raises(UnauthorizedError):
        keys.held(f"Bearer zh_{'0' * 12}_{'0' * 64}")
    clocks.seconds = 1.0
    assert keys.held(f"Bearer zh_{'0' * 12}_{'0' * 64}") is None


def test_what_is_held_is_bounded() -> None:
    held: HeldRows[int] = HeldRows(timer=lambda: 0.0, most=3)
    for number in range(10):
        held.put(str(number), number, since=0.0)
    assert len(held) == 3
    assert [held.get(str(number)) for number in (0, 6, 7, 9)] == [None, None, 7, 9]


def test_no_secret_is_held_in_memory(keys: KeyStore) -> None:
    _, text = keys.create("t", [Role.AUDITOR], companies=["*"], now=NOW)
    keys.check(f"Bearer {text}")
    assert text.rpartition("_")[2] not in repr(vars(keys)) + repr(vars(keys._held))


@pytest.mark.parametrize("judge", [Role.APPROVER, Role.AUDITOR])
def test_who_decides_or_audits_does_nothing_else_without_a_reason_that_is_kept(
    keys: KeyStore, judge: Role
) -> None:
    for other in set(Role) - {judge}:
        with pytest.raises(RoleCombinationError, match=judge.value):
            keys.create("t", [judge, other], companies=["*"], now=NOW)
    assert keys.all() == []
    terms = KeyTerms(combination_reason=" 只有一名职员 ")
    made, text = keys.create("t", [judge, Role.RISK_OFFICER], companies=["*"], now=NOW, terms=terms)
    assert keys.check(f"Bearer {text}").combination_reason == made.combination_reason == "只有一名职员"


def test_roles_that_do_not_decide_on_each_other_go_together(keys: KeyStore) -> None:
    acting = sorted(set(Role) - {Role.APPROVER, Role.AUDITOR})
    made, _ = keys.create("t", acting, companies=["*"], now=NOW)
    assert made.roles == set(acting)


def test_limits_of_a_key_stand_before_those_of_the_settings(keys: KeyStore) -> None:
    own = read_limits(["rows-per-day=10", "concurrent=2"])
    made, text = keys.create("t", [Role.AUDITOR], companies=["*"], now=NOW, terms=KeyTerms(limits=own))
    assert keys.check(f"Bearer {text}").limits == own == KeyLimits(rows_per_day=10, concurrent=2)
    everyones = Limits(600, 16, 1000, rows_per_hour=2000, rows_per_day=3000)
    assert everyones.of(own) == Limits(600, 2, 1000, rows_per_hour=2000, rows_per_day=10)
    assert everyones.of(KeyLimits()) == everyones
    keys.limit(made.key_id, KeyLimits(body_bytes=5), now=NOW)
    assert keys.check(f"Bearer {text}").limits == KeyLimits(body_bytes=5)
    with pytest.raises(UnknownKeyError):
        keys.limit("0" * 12, KeyLimits(), now=NOW)


@pytest.mark.parametrize("given", ["rows", "rows_per_day=x", "rows_per_day=0", "pages=1", "concurrent=1.5"])
def test_wrong_limits_are_said_with_the_names_there_are(given: str) -> None:
    with pytest.raises(KeyArgumentError, match="rows_per_day"):
        read_limits([given])
