"""A replay gives the same answer bit for bit, or names what differs, or says why it cannot be done."""

import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from serving.access.roles import Role
from serving.decisions.differences import Differing, differing
from serving.ledger.chain import Json
from tests.serving.capacity.capacity_world import CapacityClient
from tests.serving.conftest import Client, World
from tests.serving.demand.demand_world import DemandClient, make_planner
from tests.serving.review.review_world import Office, done


def replayed(office: Office, decision: str) -> dict[str, Any]:
    return done(office.post(f"decisions/{decision}/replay", "auditor"))


@pytest.mark.parametrize(
    "party", ["P0000001", "P0000002", "P0000004", "P0000005", "P0000007", "P0000008", "P0000030"]
)
def test_score_replays_to_the_last_bit(office: Office, party: str) -> None:
    decision = office.score(party)["decision_id"]
    found = replayed(office, decision)
    assert (found["outcome"], found["identical"], found["differences"]) == ("identical", True, [])
    figures = {one["field"]: (one["then"], one["now"]) for one in found["figures"]}
    assert figures["pd"][0] == figures["pd"][1]
    assert set(figures) >= {"pd", "log_odds", "points", "grade", "advice", "policy", "model_version"}


def test_payload_of_features_replays_too(office: Office) -> None:
    answer = office.post("credit/score", "officer", features={"debt_ratio": 0.1, "degree": 1 / 3})
    assert replayed(office, done(answer)["decision_id"])["outcome"] == "identical"


def test_score_of_an_earlier_model_replays_while_that_model_is_kept(
    office: Office,
    world: World,
    put_model: Callable[..., str],
) -> None:
    decision = office.score()["decision_id"]
    put_model(world.home, seed=99, name="v2")
    office.client.deployment.parts.refresh()
    assert office.score()["model_version"] != world.version
    assert replayed(office, decision)["outcome"] == "identical"
    shutil.rmtree(world.home / "models" / "credit" / "v1")
    gone = replayed(office, decision)
    assert (gone["outcome"], gone["identical"]) == ("impossible", None)
    assert [reason["code"] for reason in gone["reasons"]] == ["model_not_kept"]
    assert world.version in gone["reasons"][0]["text_en"]


def test_new_features_and_book_change_nothing_of_a_replay(
    office: Office,
    world: World,
    put_features: Callable[..., object],
    put_book: Callable[..., object],
) -> None:
    decision = office.score()["decision_id"]
    put_features(world.home, seed=12)
    put_book(world.home, world.version, bankruptcy_filings=3)
    office.client.deployment.parts.refresh()
    assert office.score()["advice"] == "decline"
    assert replayed(office, decision)["outcome"] == "identical"


def test_replay_names_the_field_that_differs_with_both_values(office: Office) -> None:
    decision = office.score()["decision_id"]
    ledger = office.client.deployment.parts.ledger
    record = json.loads(json.dumps(ledger.get(decision).record))
    told = record["answer"]["pd"]
    # As if the service had answered another figure than its model gives.
    forged = {
        **record,
        "decision_id": "f" * 32,
        "answer": {**record["answer"], "pd": told + 2e-16 + told * 2e-16},
    }
    ledger.append([forged])
    found = replayed(office, "f" * 32)
    assert found["outcome"] == "differs"
    assert [one["field"] for one in found["differences"]] == ["answer.pd"]
    assert found["differences"][0]["now"] == repr(told)
    assert found["differences"][0]["then"] != repr(told)


def test_record_without_a_basis_and_other_routes_are_said_to_be_so(office: Office) -> None:
    decision = office.score()["decision_id"]
    ledger = office.client.deployment.parts.ledger
    record = {**ledger.get(decision).record, "decision_id": "e" * 32}
    record.pop("basis")
    ledger.append([record])
    assert [r["code"] for r in replayed(office, "e" * 32)["reasons"]] == ["no_basis"]
    read = done(office.get(f"decisions/{decision}", "auditor"))["decision_id"]
    assert [r["code"] for r in replayed(office, read)["reasons"]] == ["route_not_replayed"]


def test_changed_inputs_of_a_record_are_not_computed_with(office: Office) -> None:
    decision = office.score()["decision_id"]
    ledger = office.client.deployment.parts.ledger
    record = json.loads(json.dumps(ledger.get(decision).record))
    record["decision_id"] = "c" * 32
    record["basis"]["inputs"]["debt_ratio"] = 0.5
    ledger.append([record])
    found = replayed(office, "c" * 32)
    assert [r["code"] for r in found["reasons"]] == ["basis_unreadable"]


def test_replay_is_itself_a_record(office: Office) -> None:
    decision = office.score()["decision_id"]
    answer = office.post(f"decisions/{decision}/replay", "officer")
    record = office.record(answer)
    assert record["route"] == "decisions/replay"
    assert record["answer"] == {
        "of_decision": decision,
        "outcome": "identical",
        "reasons": [],
        "differences": [],
    }


def audit(home: Path) -> str:
    return make_planner(home, "*", roles=(Role.AUDITOR,), name="吴审计")


def test_forecast_replays_from_its_run_with_the_overrides_of_that_moment(planning: DemandClient) -> None:
    auditor = audit(planning.home)
    first = planning.post("forecast", {"unique_ids": ["SKU-001/east"]}).json()
    override = {
        "unique_id": "SKU-001/east",
        "periods": [first["series"][0]["points"][0]["ds"]],
        "kind": "percent",
        "value": 10.0,
        "reason": "客户新增产线",
        "until": "2027-12-31",
    }
    assert planning.post("overrides", override).status_code == 200
    planning.at(planning.client.deployment.parts.demand.clock() + timedelta(hours=1))
    second = planning.post("forecast", {"unique_ids": ["SKU-001/east"]}).json()
    assert first["series"][0]["points"][0]["final"] != second["series"][0]["points"][0]["final"]
    for answer in (first, second):
        found = call(planning.client, auditor, answer["decision_id"])
        assert (found["outcome"], found["differences"]) == ("identical", [])
    shutil.rmtree(planning.home / "forecasts" / first["run_id"])
    gone = call(planning.client, auditor, first["decision_id"])
    assert [reason["code"] for reason in gone["reasons"]] == ["run_not_kept"]


def test_answers_about_capacity_replay_from_their_run(plant: CapacityClient) -> None:
    home = plant.client.deployment.parts.capacity.desk.store.root.parent
    auditor = audit(home)
    given = {"Authorization": f"Bearer {plant.group}", "Content_Type": "application/json"}
    answers = [
        plant.client.http.post("/v1/capacity/forecast", b"{}", **given),
        plant.client.http.get("/v1/capacity/shortfall", **given),
        plant.client.http.get("/v1/capacity/utilisation", **given),
    ]
    for answer in answers:
        assert answer.status_code == 200, answer.text
        found = call(plant.client, auditor, answer.json()["decision_id"])
        assert (found["outcome"], found["differences"]) == ("identical", []), found["reasons"]


def call(client: Client, key: str, decision: str) -> dict[str, Any]:
    given = {"Authorization": f"Bearer {key}", "Content_Type": "application/json", "Accept_Language": "en"}
    return done(client.http.post(f"/v1/decisions/{decision}/replay", b"", **given))


def test_differences_are_found_to_the_last_bit_and_by_presence() -> None:
    then: Json = {"a": 0.1 + 0.2, "b": [1, {"c": None}], "d": "x"}
    now: Json = {"a": 0.3, "b": [1, {"c": None}], "e": {}}
    assert differing(then, now) == [
        Differing("a", "0.30000000000000004", "0.3"),
        Differing("d", '"x"', None),
        Differing("e", None, "{}"),
    ]
    assert differing(then, then) == []
