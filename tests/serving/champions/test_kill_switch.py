"""The kill switch goes down level by level, every worker follows, and what happened stays written down."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NoReturn

import pytest

from serving.access.roles import Role
from serving.http.api import Api
from serving.ledger.chain import Ledger
from serving.ledger.database import Database
from tests.serving.champions.conftest import PARTY, Operations, give_orders, make_key

if TYPE_CHECKING:
    from tests.serving.conftest import MakeClient, World

NUMBERS = ("pd", "log_odds", "own_pd", "base_log_odds", "points", "grade", "grade_advice")


def codes(body: dict[str, object]) -> list[str]:
    quality = body["quality"]
    assert isinstance(quality, dict)
    return [note["code"] for note in quality["notes"]]


def test_kill_falls_to_the_previous_version_then_the_scorecard_then_the_rules(operations: Operations) -> None:
    assert operations.score().json()["model_version"] == operations.second
    expected = [
        ("previous", operations.first, "fallback"),
        ("scorecard", operations.scorecard, "fallback"),
        ("rules_only", "rules-only", "rules_only"),
    ]
    for level, version, quality in expected:
        order = operations.step_down()
        assert order.status_code == 200, order.text
        assert order.json()["level"] == level
        answer = operations.score()
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert (body["model_version"], body["quality"]["level"]) == (version, quality)
        assert f"model_{level}" in codes(body)
        assert body["advice"] != "pass", "what stands in never lets anybody pass unseen"
    nothing = operations.step_down()
    assert (nothing.status_code, nothing.json()["type"]) == (409, "urn:zhiheng:problem:nothing-left")


def test_rules_only_gives_no_figure_and_declines_who_is_in_default(operations: Operations) -> None:
    for _ in range(3):
        operations.step_down()
    body = operations.score().json()
    assert [body[name] for name in NUMBERS] == [None] * len(NUMBERS)
    assert body["contributions"] == []
    assert body["advice"] == "manual_review"
    assert body["decided_by"] == ["rules_only"]
    assert operations.score(party_id="P0000004").json()["advice"] == "decline"
    unknown = operations.score(party_id="P0000007").json()
    assert "rules_not_checked" in codes(unknown)
    assert operations.score(party_id="P9999999").status_code == 404


def test_scorecard_explains_its_answer_to_the_sum(operations: Operations) -> None:
    for _ in range(2):
        operations.step_down()
    body = operations.score().json()
    total = body["base_log_odds"] + sum(part["contribution"] for part in body["contributions"])
    assert total == pytest.approx(body["log_odds"], abs=1e-9)
    assert {part["feature"] for part in body["contributions"]} == {"debt_ratio"}, "the noise was not selected"


def test_restore_brings_the_champion_back_and_closes_the_incidents(operations: Operations) -> None:
    for _ in range(3):
        operations.step_down()
    opened = operations.get("/v1/incidents").json()["incidents"]
    assert [one["level"] for one in opened] == ["rules_only", "scorecard", "previous"]
    assert all(one["closed_at"] is None for one in opened)
    restored = operations.order("operator", "restore", reason="已修复 / repaired")
    assert restored.json()["version"] == operations.second
    body = operations.score().json()
    assert body["model_version"] == operations.second
    assert not any(code.startswith("model_") for code in codes(body))
    closed = operations.get("/v1/incidents", who="auditor").json()["incidents"]
    assert {one["closing_reason"] for one in closed} == {"已修复 / repaired"}
    assert {one["closed_by"] for one in closed} == {"王值班"}
    again = operations.order("operator", "restore")
    assert again.status_code == 409


def test_incidents_are_listed_by_page_and_day(operations: Operations) -> None:
    for _ in range(3):
        operations.step_down()
    first = operations.get("/v1/incidents?limit=2").json()
    rest = operations.get(f"/v1/incidents?limit=2&cursor={first['cursor']}").json()
    levels = [one["level"] for page in (first, rest) for one in page["incidents"]]
    assert (levels, rest["cursor"]) == (["rules_only", "scorecard", "previous"], None)
    assert operations.get("/v1/incidents?until=2000-01-01").json()["incidents"] == []
    assert len(operations.get("/v1/incidents?since=2000-01-01").json()["incidents"]) == 3
    assert operations.get("/v1/incidents?cursor=0").status_code == 422


def test_orders_are_in_the_chain(operations: Operations, world: "World") -> None:
    order = operations.order("operator", "kill").json()
    database = Database(world.home / "ledger.db")
    ledger = Ledger(database)
    record = ledger.get(order["decision_id"]).record
    broken = ledger.verify().broken
    database.close()
    assert broken is None
    assert record["route"] == "models/kill"
    assert record["request"] == {"family": "credit", "reason": "演练 / drill"}
    answer = record["answer"]
    assert isinstance(answer, dict)
    assert (answer["level"], answer["instead_of"]) == ("previous", operations.second)


def test_a_restart_keeps_the_switch(
    operations: Operations, world: "World", make_client: "MakeClient"
) -> None:
    operations.order("operator", "kill")
    restarted = make_client(world.home, world.officer)
    assert restarted.score(PARTY).json()["model_version"] == operations.first


def test_other_workers_follow_at_their_next_look(
    operations: Operations, world: "World", make_client: "MakeClient"
) -> None:
    other = make_client(world.home, world.officer)
    assert other.score(PARTY).json()["model_version"] == operations.second
    operations.order("operator", "kill")
    assert other.deployment.parts.refresh() is True
    assert other.score(PARTY).json()["model_version"] == operations.first


def test_a_worker_that_cannot_read_the_database_keeps_the_last_state(
    operations: Operations, world: "World"
) -> None:
    operations.order("operator", "kill")
    parts = operations.client.deployment.parts
    (world.home / "ledger.db").rename(world.home / "away.db")
    parts.refresh()
    serves = parts.credit.serves
    (world.home / "away.db").rename(world.home / "ledger.db")
    assert serves is not None
    assert serves.version == operations.first


def test_a_new_champion_does_not_end_a_kill(
    operations: Operations, world: "World", request: pytest.FixtureRequest
) -> None:
    operations.order("operator", "kill")
    third = request.getfixturevalue("put_model")(world.home, seed=9, name="v3")
    operations.client.deployment.parts.refresh()
    assert operations.score().json()["model_version"] == operations.first
    assert operations.order("operator", "restore").json()["version"] == third


def test_without_previous_version_and_scorecard_rules_are_next(
    world: "World", make_client: "MakeClient"
) -> None:
    client = make_client(world.home, world.officer)
    orders = give_orders(client, world.home, first=world.version, second=world.version)
    assert orders.order("operator", "kill").json()["level"] == "rules_only"


def test_a_previous_version_with_a_damaged_file_is_passed_over(
    operations: Operations, world: "World"
) -> None:
    (world.home / "models" / "credit" / "v1" / "own_0.txt").write_text("tree")
    assert operations.order("operator", "kill").json()["level"] == "scorecard"


@pytest.mark.parametrize(
    ("who", "act"),
    [
        ("approver", "kill"),
        ("auditor", "kill"),
        ("operator", "rollback"),
        ("operator", "aliases"),
        ("approver", "restore"),
    ],
)
def test_duties_are_separated(operations: Operations, who: str, act: str) -> None:
    assert operations.order(who, act).status_code == 403
    assert operations.score().json()["model_version"] == operations.second


def test_orders_need_a_reason_and_a_family(operations: Operations) -> None:
    assert operations.order("operator", "kill", reason=" ").status_code == 422
    assert operations.order("operator", "kill", family="nothing").status_code == 404
    assert operations.score().json()["quality"]["level"] == "full"


def test_the_same_kill_sent_four_times_at_once_is_one_step(operations: Operations) -> None:
    with ThreadPoolExecutor(4) as pool:
        orders = list(pool.map(lambda _: operations.order("operator", "kill"), range(4)))
    assert sorted(order.status_code for order in orders) == [200, 409, 409, 409]
    refused = [order.json() for order in orders if order.status_code == 409]
    assert {body["type"] for body in refused} == {"urn:zhiheng:problem:switch-moved"}
    again = operations.order("operator", "kill")
    assert again.status_code == 409
    assert operations.first in again.json()["detail"], "it names what answers now"
    assert operations.score().json()["model_version"] == operations.first


def test_two_reasons_at_once_are_one_step_each_or_refused(operations: Operations) -> None:
    with ThreadPoolExecutor(2) as pool:
        orders = list(pool.map(lambda _: operations.step_down(), range(2)))
    levels = sorted(order.json()["level"] for order in orders if order.status_code == 200)
    assert levels in (["previous"], ["previous", "scorecard"])


def test_kill_that_names_a_version_switches_off_that_one_alone(operations: Operations) -> None:
    first = operations.order("operator", "kill", version=operations.second)
    assert first.json()["version"] == operations.first
    moved = operations.order("operator", "kill", version=operations.second, reason="another")
    assert (moved.status_code, moved.json()["type"]) == (409, "urn:zhiheng:problem:switch-moved")
    assert operations.first in moved.json()["detail"]
    assert operations.order("operator", "kill", version=operations.first).json()["level"] == "scorecard"


def test_the_same_kill_by_another_key_goes_a_level_further(operations: Operations, world: "World") -> None:
    operations.order("operator", "kill")
    operations.keys["second"] = make_key(world.home, "李值班", Role.OPERATOR)
    assert operations.order("second", "kill").json()["level"] == "scorecard"


def test_a_key_of_one_role_reads_the_list(operations: Operations, world: "World") -> None:
    for role in Role:
        key = make_key(world.home, f"holder of {role}", role)
        assert operations.client.http.get("/v1/models", Authorization=f"Bearer {key}").status_code == 200


def test_orders_and_polls_do_not_wait_behind_what_may_take_seconds(
    operations: Operations, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Replays and exports may hold every thread of theirs; who must switch a model off is answered all the same."""
    decision = operations.score().json()["decision_id"]

    async def taken(_self: Api, _work: Callable[[], object]) -> NoReturn:
        raise TimeoutError

    monkeypatch.setattr(Api, "in_slow_thread", taken)
    replay = operations.client.http.post(
        f"/v1/decisions/{decision}/replay", b"", Authorization=f"Bearer {operations.keys['auditor']}"
    )
    assert replay.status_code == 504, "it is among those that may take seconds"
    pointed = operations.order("approver", "aliases", alias="champion", version=operations.first)
    assert pointed.status_code == 504, "MLflow may be asked, and hang"
    assert operations.step_down().status_code == 200
    for path in ("/v1/models", "/v1/incidents", "/v1/jobs"):
        assert operations.get(path).status_code == 200, path
    assert operations.get("/v1/credit/overrides", who="approver").status_code == 200
