"""Scenarios stand beside the base plan, stored or of the caller's own; none replaces a plan."""

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl
import pytest

from models.capacity.published.plan_record import list_plans
from models.capacity.shortfall.dependence import independent
from tests.serving.capacity.capacity_world import NOW, WEEKS, CapacityClient, make_run, publish
from tests.serving.conftest import open_plant
from tests.serving.demand.demand_world import fields, problem

if TYPE_CHECKING:
    from pathlib import Path

    from tests.serving.conftest import MakeClient

OUT = {"name": "A 停两周", "parts": [{"kind": "line_out", "line": "A", "weeks": 2}]}
MORE = {"name": "需求加倍", "parts": [{"kind": "demand_change", "factor": 2.0}]}


def measures(side: dict[str, list[dict[str, float]]]) -> dict[object, tuple[float, float]]:
    return {one["measure"]: (one["base"], one["scenario"]) for one in side["measures"]}


def test_outage_is_held_against_the_base(tmp_path: "Path", plant: CapacityClient) -> None:
    sent = plant.post("scenario", {"scenarios": [OUT]})
    assert sent.status_code == 200
    answer = sent.json()
    (side,) = answer["scenarios"]
    assert side["name"] == "A 停两周"
    found = measures(side)
    assert found["hours"] == pytest.approx((800, 600))
    base, scenario = found["value"]
    assert scenario < base == pytest.approx(answer["base"]["value"])
    week = next(one for one in side["line_weeks"] if one["line_id"] == "A")
    assert (week["hours_base"], week["hours"]) == (100, 0)
    assert side["outcome"]["text_zh"]
    assert "A" in side["parts"][0]["text_en"]
    states = {(one["constraint"], one["state"]) for one in side["binding"]}
    assert ("line_hours:A:2026-11-23", "gone") in states, (
        "a line that stands still has no hours to be short of"
    )
    scarce = next(one for one in side["binding"] if one["constraint"] == "line_hours:A:2026-12-07")
    assert scarce["shadow_price"] > 10 * scarce["shadow_price_base"] > 0
    assert list_plans(tmp_path / "capacity" / "plans") == []


def test_several_scenarios_stand_side_by_side(plant: CapacityClient) -> None:
    answer = plant.post("scenario", {"names": ["overtime"], "scenarios": [OUT, MORE]}).json()
    assert [one["name"] for one in answer["scenarios"]] == ["overtime", "A 停两周", "需求加倍"]
    bases = {measures(one)["value"][0] for one in answer["scenarios"]}
    assert len(bases) == 1
    assert "scenario_unverified" in [one["code"] for one in answer["quality"]["notes"]]
    own = plant.post("scenario", {"scenarios": [OUT]}).json()
    assert own["quality"]["notes"] == []


def test_answer_is_written_down_and_can_be_fetched_again(plant: CapacityClient) -> None:
    sent = plant.post("scenario", {"scenarios": [MORE]})
    record, answer = plant.record(sent), sent.json()
    assert record["route"] == "capacity/scenario"
    assert record["answer"]["scenarios"]["需求加倍"]["measures"]
    again = plant.get(f"scenarios/{answer['scenario_id']}")
    assert again.json()["scenarios"] == answer["scenarios"]
    assert plant.record(again)["route"] == "capacity/scenarios"
    problem(plant.get(f"scenarios/{answer['scenario_id']}", plant.org07), 404, "unknown-answer")
    problem(plant.get("scenarios/none"), 404, "unknown-answer")


def test_key_of_a_company_has_scenarios_of_its_own_lines(plant: CapacityClient) -> None:
    answer = plant.post("scenario", {"scenarios": [OUT]}, plant.org07).json()
    assert answer["companies"] == ["ORG-07"]
    assert {one["line_id"] for one in answer["scenarios"][0]["line_weeks"]} == {"A"}
    refused = problem(plant.post("scenario", {"scenarios": [OUT]}, plant.org08), 422, "scenario")
    assert "There are: B" in refused["detail"]
    read = plant.get(f"scenarios/{answer['scenario_id']}", plant.org07)
    assert read.status_code == 200
    problem(plant.get(f"scenarios/{answer['scenario_id']}", plant.org08), 404, "unknown-answer")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"names": ["no_such"]}, "overtime"),
        ({"scenarios": [{"name": "x", "parts": [{"kind": "line_out", "line": "Z"}]}]}, "There are: A, B"),
        ({"scenarios": [{"name": "x", "parts": [{"kind": "line_out", "line": "A", "first": 9}]}]}, "week 9"),
        (
            {"scenarios": [{"name": "x", "parts": [{"kind": "demand_change", "factor": 1.0}]}]},
            "changes nothing",
        ),
    ],
)
def test_what_the_plan_does_not_know_is_named(plant: CapacityClient, body: object, told: str) -> None:
    assert told in problem(plant.post("scenario", body), 422, "scenario")["detail"]
    assert plant.client.deployment.parts.ledger.probe()[0] == 0


def test_wrong_scenarios_are_named_field_by_field(plant: CapacityClient) -> None:
    assert fields(plant.post("scenario", {})) == [("body", "names_or_scenarios")]
    assert fields(plant.post("scenario", {"names": ["overtime", "overtime"]})) == [("body", "scenario_twice")]
    two = {"name": "x", "parts": [{"kind": "demand_change", "factor": 1.5, "amount": 3.0}]}
    refused = problem(
        plant.post("scenario", {"scenarios": [two]}, Accept_Language="zh"), 422, "invalid-request"
    )
    assert "给出一个且只给一个" in refused["errors"][0]["message"]
    unknown = {"name": "x", "parts": [{"kind": "earthquake"}]}
    (found,) = fields(plant.post("scenario", {"scenarios": [unknown]}))
    assert found[1] == "union_tag_invalid"
    assert fields(plant.post("scenario", {"scenarios": [{"name": "x", "parts": []}]})) == [
        ("scenarios.0.parts", "too_short")
    ]


def test_large_questions_become_a_job(tmp_path: "Path", make_client: "MakeClient") -> None:
    publish(tmp_path, make_run())
    plant = open_plant(
        tmp_path, make_client, plan_now_size=40
    )  # 16 a plan: two are taken at once, three are not
    assert plant.post("scenario", {"scenarios": [OUT]}).status_code == 200
    sent = plant.post("scenario", {"scenarios": [OUT, MORE]})
    assert sent.status_code == 202
    ended = plant.ended(sent.json())
    assert (ended["state"], ended["kind"]) == ("done", "capacity/scenario")
    found = plant.at_address(ended["answer"]).json()
    assert [one["name"] for one in found["scenarios"]] == ["A 停两周", "需求加倍"]


def test_scenario_without_a_plan_says_why_and_stops_none_of_the_others(
    tmp_path: "Path", plant: CapacityClient
) -> None:
    orders = pl.DataFrame(
        {"order_id": ["O-1"], "product_id": ["P1"], "week": [WEEKS[1]], "quantity": [700.0]}
    )
    publish(tmp_path, replace(make_run("20261121T060000-capacity-b", issued_at=NOW), orders=orders))
    plant.client.deployment.parts.refresh()
    answer = plant.post("scenario", {"scenarios": [OUT, MORE]}).json()
    out, more = answer["scenarios"]
    assert out["problem"]["code"] == "plan-infeasible"
    assert "O-1" in out["problem"]["text_en"]
    assert out["measures"] == []
    assert more["problem"] is None
    assert more["measures"]


def test_shortfalls_of_both_are_drawn_with_the_same_luck(tmp_path: "Path", plant: CapacityClient) -> None:
    dependence = json.loads(independent(["P1", "P2", "P3"]).to_json())
    run = make_run("20261121T060000-capacity-b", issued_at=NOW)
    publish(tmp_path, replace(run, dependence=dependence))
    plant.client.deployment.parts.refresh()
    answer = plant.post("scenario", {"scenarios": [OUT, MORE], "shortfalls": True}).json()
    assert answer["quality"]["notes"] == []
    for side in answer["scenarios"]:
        chances = {
            one["product_id"]: (one["probability_base"], one["probability"]) for one in side["products"]
        }
        assert all(0 <= base <= scenario <= 1 for base, scenario in chances.values()), side["name"]
    more = {one["product_id"]: one for one in answer["scenarios"][1]["products"]}
    assert more["P1"]["probability"] > 0.9, "twice the demand is more than the lines can make"
    again = plant.post("scenario", {"scenarios": [OUT, MORE], "shortfalls": True}).json()
    assert again["scenarios"] == answer["scenarios"]


def test_shortfalls_that_cannot_be_drawn_are_said_to_be_left_out(plant: CapacityClient) -> None:
    for key in (plant.group, plant.org07):  # a run without what ties products together; a plan of one company
        answer = plant.post("scenario", {"scenarios": [OUT], "shortfalls": True}, key).json()
        assert [one["code"] for one in answer["quality"]["notes"]] == ["shortfalls_left_out"]
        assert answer["scenarios"][0]["products"][0]["probability"] is None
