"""A day is that of the setting ZHIHENG_WORK_ZONE, wherever the process runs; a replay has the day of the decision."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from models.credit.policy import Policies, load_policies
from serving import wiring
from serving.access.caller import Call, Caller
from serving.credit.errors import BasisError
from serving.credit.score.basis import Basis, basis_of
from serving.credit.sources.freshness import age_notes
from serving.decisions.steady_clock import Moment
from tests.serving.decisions.test_replay import replayed
from tests.serving.decisions.test_replay_book import mixed, scored
from tests.serving.review.review_world import Office, done, make_keys

if TYPE_CHECKING:
    from tests.serving.conftest import MakeClient, World

# 26 hours apart: it is never the same day in both. The names of such zones have their signs the other way round.
EAST, WEST = "Etc/GMT-14", "Etc/GMT+12"
LATER = "laxer"


@pytest.fixture
def process_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Return how to move the process to another time zone."""

    def move(zone: str) -> None:
        monkeypatch.setenv("TZ", zone)
        time.tzset()

    yield move
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def open_office(
    world: "World", make_client: "MakeClient", monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Office]:
    """Return how to open the service with a time zone; a laxer policy begins with the day that it is in the east."""
    keys = make_keys(world.home)
    monkeypatch.setattr(wiring, "load_policies", lambda: _with_later(datetime.now(ZoneInfo(EAST)).date()))

    def make(zone: str) -> Office:
        monkeypatch.setenv("ZHIHENG_WORK_ZONE", zone)
        return Office(make_client(world.home, keys["officer"]), keys)

    return make


def _with_later(day: date) -> Policies:
    found = load_policies()
    newest = max(found.policy, key=lambda entry: entry.valid_from)
    grades, nobody = newest.pass_ | newest.manual_review | newest.decline, frozenset[str]()
    fields = {"name": LATER, "source": "a test", "valid_from": day}
    later = newest.model_copy(update=fields | {"pass_": grades, "manual_review": nobody, "decline": nobody})
    return found.model_copy(update={"policy": (*found.policy, later)})


def test_policies_begin_at_local_midnight_and_a_replay_elsewhere_has_the_same_day(
    open_office: Callable[[str], Office], process_zone: Callable[[str], None]
) -> None:
    process_zone(WEST)
    office = open_office(EAST)
    score, book = office.score(), scored(office, mixed(office, 3))
    assert (score["policy"], book["policy"]) == (LATER, LATER)
    process_zone(EAST)
    elsewhere = open_office(WEST)  # another setting, and another place
    for decision in (score["decision_id"], book["decision_id"]):
        assert replayed(elsewhere, decision)["outcome"] == "identical"
    assert _of_features(elsewhere)["policy"] != LATER


def test_a_record_that_names_no_zone_is_replayed_by_that_of_the_process_as_it_was_made(
    open_office: Callable[[str], Office], process_zone: Callable[[str], None]
) -> None:
    process_zone(WEST)
    office = open_office(WEST)
    answers = {"f" * 32: _of_features(office), "e" * 32: scored(office, mixed(office, 3)[-3:])}
    assert LATER not in {answer["policy"] for answer in answers.values()}
    ledger = office.client.deployment.parts.ledger
    for name, answer in answers.items():
        record = json.loads(json.dumps(ledger.get(answer["decision_id"]).record))
        record.pop("zone", None)  # of a book
        for part in (record["basis"], *record["basis"].values()):
            if isinstance(part, dict) and "bounds" in part:
                del part["bounds"]["zone"]
        ledger.append([{**record, "decision_id": name}])
    after_the_upgrade = open_office(EAST)
    for name in answers:
        assert replayed(after_the_upgrade, name)["outcome"] == "identical"


def test_a_zone_that_this_machine_does_not_know_is_named(office: Office) -> None:
    basis = _basis(office)
    basis["bounds"]["zone"] = "Mars/Olympus"
    with pytest.raises(BasisError, match="Mars/Olympus"):
        basis_of(basis)


def test_data_grow_old_at_local_midnight_and_in_older_records_by_days_of_utc(office: Office) -> None:
    basis = basis_of(_basis(office))
    at = datetime(2026, 11, 21, 16, 30, tzinfo=UTC)  # the 22nd in Shanghai

    def told(zone: str | None, days: int) -> list[str]:
        bounds = replace(basis.bounds, zone=zone, stale_after_days=days)
        sources = replace(basis.sources, data_as_of=date(2026, 11, 12), graph_as_of=None, trained_as_of=None)
        return [note.code for note in age_notes(_at(basis, at, bounds=bounds, sources=sources))]

    assert (told("Asia/Shanghai", 9), told("Asia/Shanghai", 10)) == (["stale_data"], [])
    assert told(None, 9) == []


def test_days_of_reviews_notices_and_overrides_are_local(
    open_office: Callable[[str], Office], process_zone: Callable[[str], None]
) -> None:
    process_zone(WEST)
    office = open_office(EAST)
    scored_on = office.score()
    day = datetime.fromisoformat(scored_on["decided_at"]).astimezone(ZoneInfo(EAST)).date()
    assert Moment(datetime.now(UTC), ZoneInfo(EAST)).day >= day
    made = done(office.ask(scored_on["decision_id"], advice="decline", grade=None, until=str(day)))[
        "override"
    ]
    done(office.override(made["override_id"], "approve", "approver"))
    active, caller = office.client.deployment.parts.overrides, Caller(Call("r", "k", ()), "", ("*",))
    midnight = datetime.combine(day + timedelta(days=1), datetime.min.time(), ZoneInfo(EAST))
    assert active.active_override("P0000006", caller, midnight - timedelta(seconds=1)) is not None
    assert active.active_override("P0000006", caller, midnight) is None
    place = f"decisions/{scored_on['decision_id']}/notice"
    notice = done(office.get(place, "officer"))
    window = office.client.deployment.review.notices.limits.window_days
    assert notice["appeal_until"] == str(day + timedelta(days=window))
    assert f"Date: {day}" in office.get(place, "officer", accept="text/markdown").text


def _of_features(office: Office) -> dict[str, Any]:
    """Return a score of features alone: the facts of parties are of today, which in the west may not have come."""
    return done(office.post("credit/score", "officer", features={"debt_ratio": 0.1, "degree": 1.0}))


def _basis(office: Office) -> dict[str, dict[str, str]]:
    record = office.client.deployment.parts.ledger.get(office.score()["decision_id"]).record
    found: dict[str, dict[str, str]] = json.loads(json.dumps(record["basis"]))
    return found


def _at(basis: Basis, at: datetime, **changes: object) -> Basis:
    return replace(basis, decided_at=at, **changes)  # type: ignore[arg-type]
