"""Decisions are read as they were recorded, by those who may see them, newest first and page by page."""

import sqlite3
from pathlib import Path

from serving.access.keys import KeyStore
from serving.access.roles import Role
from serving.ledger.database import Database
from tests.serving.conftest import World
from tests.serving.review.review_world import START, Office, done, slug


def test_decision_is_given_as_it_was_recorded_with_its_place_in_the_chain(office: Office) -> None:
    scored = office.score()
    seen = done(office.get(f"decisions/{scored['decision_id']}", "auditor"))["decision"]
    kept = office.client.deployment.parts.ledger.get(scored["decision_id"])
    assert (seen["seq"], seen["hash"], seen["prev_hash"]) == (kept.seq, kept.hash, kept.prev_hash)
    assert seen["record"] == kept.record
    assert seen["intact"] is True


def test_changed_record_is_not_intact(office: Office) -> None:
    scored = office.score()
    home = office.client.deployment.review.override_store._database.path
    office.client.deployment.parts.ledger.verify()
    _change(home, scored["decision_id"])
    assert done(office.get(f"decisions/{scored['decision_id']}", "auditor"))["decision"]["intact"] is False


def _change(path: Path, decision_id: str) -> None:
    """Change a record as somebody would who knows how to take the guard off."""
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TRIGGER decisions_no_update")
        connection.execute(
            'UPDATE decisions SET record = replace(record, \'"advice":"\', \'"advice":"x\') WHERE decision_id = ?',
            (decision_id,),
        )


def test_decisions_are_listed_newest_first_and_paged_without_gap_or_repeat(office: Office) -> None:
    made = [office.score(f"P{place:07d}")["decision_id"] for place in range(10, 17)]
    seen: list[str] = []
    page = done(office.get("decisions", "auditor", route="credit/score", limit=3))
    seen += [one["decision_id"] for one in page["decisions"]]
    while page["cursor"] is not None:
        page = done(office.get("decisions", "auditor", route="credit/score", limit=3, cursor=page["cursor"]))
        seen += [one["decision_id"] for one in page["decisions"]]
    assert seen == made[::-1]


def test_decisions_are_found_by_what_they_say(office: Office) -> None:
    scored = [office.score(f"P{place:07d}") for place in range(10, 16)]
    one = scored[2]
    by_subject = done(office.get("decisions", "auditor", subject=one["party_id"], route="credit/score"))
    assert [found["decision_id"] for found in by_subject["decisions"]] == [one["decision_id"]]
    for field in ("advice", "grade", "model_version"):
        found = done(office.get("decisions", "officer", route="credit/score", **{field: one[field]}))
        wanted = {other["decision_id"] for other in scored if other[field] == one[field]}
        assert {other["decision_id"] for other in found["decisions"]} == wanted
    assert done(office.get("decisions", "auditor", until="2020-01-01"))["decisions"] == []
    assert done(office.get("decisions", "auditor", since="2099-01-01"))["decisions"] == []
    # A text that means something to SQL means nothing here.
    assert done(office.get("decisions", "auditor", grade="%' OR"))["decisions"] == []


def test_wrong_filter_is_named(office: Office) -> None:
    answer = office.get("decisions", "auditor", since="yesterday", limit=1000, colour="red")
    assert {e["field"] for e in answer.json()["errors"]} == {"since", "limit", "colour"}


def test_key_of_a_company_sees_no_decision_of_others(office: Office, world: World) -> None:
    decision = office.score()["decision_id"]
    assert slug(office.get(f"decisions/{decision}", "org07"), 404) == "unknown-decision"
    assert slug(office.post(f"decisions/{decision}/replay", "org07"), 404) == "unknown-decision"
    listed = done(office.get("decisions", "org07"))
    assert decision not in [one["decision_id"] for one in listed["decisions"]]
    assert all(one["companies"] == ["ORG-07"] for one in listed["decisions"])
    assert slug(office.get("decisions", "org07", company="ORG-08"), 403) == "outside-scope"


def test_officers_see_credit_and_auditors_every_route(office: Office, world: World) -> None:
    office.score()
    database = Database(world.home / "ledger.db")
    database.open()
    KeyStore(database).create("r", [Role.RISK_OFFICER], companies=["*"], now=START)
    database.close()
    office.client.deployment.parts.ledger.append(
        [
            {
                "decision_id": "d" * 32,
                "recorded_at": START.isoformat(),
                "route": "demand/forecast",
                "companies": ["*"],
            }
        ]
    )
    assert slug(office.get(f"decisions/{'d' * 32}", "officer"), 404) == "unknown-decision"
    assert done(office.get(f"decisions/{'d' * 32}", "auditor"))["standing"] is None
    routes = {one["route"] for one in done(office.get("decisions", "officer"))["decisions"]}
    assert "demand/forecast" not in routes
    assert slug(office.get("decisions", "planner"), 403) == "forbidden"


def test_unknown_decision_is_a_problem_with_its_remedy(office: Office) -> None:
    answer = office.get("decisions/nothing-like-it", "auditor")
    assert slug(answer, 404) == "unknown-decision"
    assert "Check the id" in answer.json()["detail"]


def test_reading_a_decision_is_itself_recorded(office: Office) -> None:
    scored = office.score()
    record = office.record(office.get(f"decisions/{scored['decision_id']}", "auditor"))
    assert (record["route"], record["answer"]["of_decision"]) == ("decisions/get", scored["decision_id"])
