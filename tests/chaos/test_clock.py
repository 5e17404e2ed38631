"""The clock set back and forward under a running service: order, end dates, expiry, and that it is said."""

import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from serving.access.key_terms import KeyTerms
from serving.access.keys import KeyStore
from serving.access.roles import Role
from serving.ledger.tables import decisions
from tests.chaos.conftest import MakeWorld
from tests.chaos.house import House, furnish, slug, until
from tests.serving.access.test_tokens import AUDIENCE, ISSUER, RSA_KEY, claims, jwk, sign
from tests.serving.conftest import StartService, write_book
from tests.serving.databases import REQUIRED, Place

LIBRARY = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
DAY = 86_400
OLDER_FACTS = "P0000006"
"""Whose facts were known before the day to which the clock is set back; those of the others are of today."""


class Clock:
    """What the service takes for the computer's clock; the true one beside it goes on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.set(0)

    def set(self, seconds: int) -> None:
        drafted = self._path.with_suffix(".new")
        drafted.write_text(f"{seconds:+d}")
        drafted.rename(self._path)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(LIBRARY[-1]),
            "FAKETIME_TIMESTAMP_FILE": str(self._path),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",  # nobody sets that one
            "DONT_FAKE_MONOTONIC": "1",
        }


@pytest.fixture(scope="module")
def clock(tmp_path_factory: pytest.TempPathFactory) -> Clock:
    if not LIBRARY:
        reason = "Debian's faketime is not installed"
        if os.environ.get(REQUIRED):
            pytest.fail(reason)
        pytest.skip(reason)
    return Clock(tmp_path_factory.mktemp("clock") / "offset")


@pytest.fixture(scope="module")
def shifted(
    clock: Clock,
    tmp_path_factory: pytest.TempPathFactory,
    make_world: MakeWorld,
    start_service: StartService,
) -> Iterator[House]:
    """A service whose clock is ours to set."""
    world = make_world(tmp_path_factory.mktemp("shifted"))
    write_book(world.home, world.version, as_of=date.today() - timedelta(days=10))  # noqa: DTZ011 - the local day
    house = furnish(world, Place("sqlite", world.home / "ledger.db"), start_service)
    jwks = world.home / "jwks.json"
    jwks.write_text(json.dumps({"keys": [jwk(RSA_KEY, "k1")]}))
    house.settings = {
        "ZHIHENG_WORKERS": "1",
        "ZHIHENG_SSO_JWKS": str(jwks),
        "ZHIHENG_SSO_ISSUER": ISSUER,
        "ZHIHENG_SSO_AUDIENCE": AUDIENCE,
        **clock.environment,
    }
    database = house.database()
    terms = KeyTerms(expires_at=datetime.now(UTC) + timedelta(days=2))
    _, short = KeyStore(database).create(
        "短期", [Role.RISK_OFFICER], companies=["*"], now=datetime.now(UTC), terms=terms
    )
    database.close()
    house.keys = {
        **house.keys,
        "short": short,
        "token": sign(claims(exp=int(time.time()) + 3 * DAY, companies=["*"]))[7:],
    }
    try:
        yield house.start()
    finally:
        house.close()


def ask(house: House, who: str) -> int:
    return house.ask("credit/score", who, {"party_id": OLDER_FACTS}).status


def scored(house: House) -> str:
    answer = house.score(OLDER_FACTS)
    assert answer.status == 200, answer.text
    return str(answer.json["decision_id"])


def read(house: House, decision_id: str) -> dict[str, object]:
    found = house.ask(f"decisions/{decision_id}", "auditor")
    assert found.status == 200, found.text
    return dict(found.json)


def test_clock_set_back_keeps_the_order_of_the_chain_and_is_told(shifted: House, clock: Clock) -> None:
    first = scored(shifted)
    assert shifted.part("clock")["ready"] is True
    clock.set(-3 * DAY)
    second = scored(shifted)
    said = read(shifted, second)
    assert "clock_behind" in json.dumps(said)
    part = shifted.part("clock")
    times = recorded(shifted)
    assert list(times).index(first) < list(times).index(second), "places are given by the chain"
    assert times[second] < times[first], "each says what its own clock said"
    assert part["ready"] is False
    assert shifted.ready() == 200, "answers go on: dates go by the ledger"
    assert slug(shifted.score("P0000000"), 503) == "not-ready", (
        "but not from facts that lie ahead of the clock"
    )
    shifted.verified_rows()
    clock.set(0)
    until(
        lambda: shifted.score(OLDER_FACTS).status == 200 and shifted.part("clock")["ready"],
        "the clock is right again",
    )


def recorded(house: House) -> dict[str, datetime]:
    """Return the moments in the order of the chain."""
    database = house.database()
    wanted = select(decisions.c.decision_id, decisions.c.recorded_at).order_by(decisions.c.seq)
    with database.reading() as connection:
        found = {str(row[0]): datetime.fromisoformat(str(row[1])) for row in connection.execute(wanted)}
    database.close()
    return found


def test_clock_set_forward_ends_keys_tokens_and_overrides_and_set_back_revives_no_override(
    shifted: House, clock: Clock
) -> None:
    decision_id = scored(shifted)
    until_day = str(date.today() + timedelta(days=5))  # noqa: DTZ011 - the group's local day
    body = {
        "decision_id": decision_id,
        "grade": "A1",
        "reason_code": "mitigation",
        "reason": "已补充质押",
        "until": until_day,
    }
    override = shifted.ask("credit/overrides", "officer", body).json["override"]["override_id"]
    approved = shifted.ask(f"credit/overrides/{override}/approve", "approver", {"reason": "材料齐全"})
    assert approved.status == 200, approved.text
    assert (ask(shifted, "short"), ask(shifted, "token")) == (200, 200)
    clock.set(30 * DAY)
    until(lambda: (ask(shifted, "short"), ask(shifted, "token")) == (401, 401), "what has ended still opens")
    assert slug(shifted.ask("credit/score", "short", {"party_id": OLDER_FACTS}), 401) == "unauthorized"
    assert status(shifted, override) == "lapsed"
    assert shifted.score(OLDER_FACTS).status == 200
    clock.set(0)
    until(lambda: (ask(shifted, "short"), ask(shifted, "token")) == (200, 200), "the right clock opens again")
    assert status(shifted, override) == "lapsed", "it does not come back to life with the clock"
    assert shifted.part("clock")["ready"] is False, (
        "what was read then is dated ahead, and so are dates until then"
    )
    assert shifted.ready() == 200
    shifted.verified_rows()


def status(house: House, override_id: str) -> str:
    found = house.ask(f"credit/overrides/{override_id}", "auditor")
    assert found.status == 200, found.text
    return str(found.json["override"]["status"])
