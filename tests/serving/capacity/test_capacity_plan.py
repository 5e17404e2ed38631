"""Plans are made at once or in a job, within the key's companies; what binds is told, and the last good plan stays."""

import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl
import pytest

from models.capacity.published import planning
from models.capacity.published.plan_record import failed_after, list_plans, read_plan, write_plan
from models.errors import SolverTimeoutError
from serving.access.roles import Role
from tests.serving.capacity.capacity_world import NOW, WEEKS, CapacityClient, make_run, publish
from tests.serving.conftest import open_plant
from tests.serving.demand.demand_world import fields, make_planner, problem

if TYPE_CHECKING:
    from pathlib import Path

    from tests.serving.conftest import MakeClient


def test_plan_meets_what_can_be_met_and_says_what_binds(plant: CapacityClient) -> None:
    sent = plant.post("plan", {})
    assert sent.status_code == 200
    answer = sent.json()
    assert (answer["objective"], answer["companies"], len(answer["weeks"])) == ("group", None, 4)
    assert answer["demand_run_id"] == "20261119T020000-1w-test"
    made = dict.fromkeys(("P1", "P2", "P3"), 0.0)
    for row in answer["production"]:
        assert row["quantity"] == pytest.approx(row["hours"] * 10)
        made[row["product_id"]] += row["quantity"]
    # 1,600 units are asked for in a week and 2,000 can be made.
    assert made == pytest.approx({"P1": 2800, "P2": 2000, "P3": 1600})
    assert all(row["backlog"] == pytest.approx(0) for row in answer["products"])
    assert answer["difference"] is None
    assert {one["product_id"] for one in answer["mix"]} == {"P1", "P2", "P3"}
    assert answer["summary"]["value"] == pytest.approx(answer["objective_value"])


def test_scarce_hours_are_priced_in_words(plant: CapacityClient) -> None:
    answer = plant.post("plan", {"demand": 0.9, "companies": ["ORG-07"]}).json()
    hours = [one for one in answer["binding"] if one["kind"] == "line_hours"]
    assert {one["line_id"] for one in hours} == {"A"}
    assert all(one["shadow_price"] > 0 for one in hours)
    assert "一小时" in hours[0]["text_zh"] or "小时" in hours[0]["text_zh"]
    assert "hour" in hours[0]["text_en"]
    assert answer["demand"] == "0.9"


def test_plan_counts_on_the_capacity_asked_for(plant: CapacityClient) -> None:
    answer = plant.post("plan", {"capacity": 0.9}).json()
    assert answer["capacity"] == "0.9"
    assert {round(one["hours"]) for one in answer["lines"]} == {80}
    refused = problem(plant.post("plan", {"capacity": 0.6}), 422, "plan")
    assert "0.9" in refused["detail"]


def test_ledger_holds_the_plan(plant: CapacityClient) -> None:
    sent = plant.post("plan", {"weeks": 2})
    record, answer = plant.record(sent), sent.json()
    assert record["route"] == "capacity/plan"
    assert record["answer"]["plan_id"] == answer["plan_id"]
    assert len(record["answer"]["production"]) == len(answer["production"])
    assert record["answer_sha256"] == hashlib.sha256(sent.content).hexdigest()
    assert plant.client.deployment.parts.ledger.verify().broken is None


def test_plan_can_be_fetched_again_and_as_the_latest(tmp_path: "Path", plant: CapacityClient) -> None:
    made = plant.post("plan", {}).json()
    again = plant.get(f"plans/{made['plan_id']}")
    assert again.json()["production"] == made["production"]
    assert again.json()["decision_id"] != made["decision_id"]
    assert plant.record(again)["route"] == "capacity/plans"
    assert plant.get("plans/latest").json()["plan_id"] == made["plan_id"]
    stored = read_plan(tmp_path / "capacity" / "plans" / made["plan_id"])
    assert stored.production.height == len(made["production"])


def test_next_plan_of_the_same_companies_says_what_changed(tmp_path: "Path", plant: CapacityClient) -> None:
    first = plant.post("plan", {}).json()
    other = plant.post("plan", {"companies": ["ORG-08"]}).json()
    assert other["difference"] is None, "a plan of one company is not compared with one of all"
    plant.at(NOW + timedelta(hours=1))
    same = plant.post("plan", {}).json()["difference"]
    assert (same["before"], same["production"], same["hours_kept"]) == (
        first["plan_id"],
        [],
        pytest.approx(1),
    )
    run = make_run("20261121T060000-capacity-b", issued_at=NOW)
    publish(tmp_path, replace(run, demand=run.demand.with_columns(pl.col("forecast") * 1.1)))
    plant.client.deployment.parts.refresh()
    plant.at(NOW + timedelta(hours=2))
    moved = plant.post("plan", {}).json()["difference"]
    assert moved["production"]
    assert moved["value_change"] > 0
    assert moved["text_zh"]


def test_plan_of_the_command_line_can_be_read_too(tmp_path: "Path", plant: CapacityClient) -> None:
    from models.capacity.allocation.problem import Objective
    from models.capacity.published.planning import PlanRequest, plan_run

    root = tmp_path / "capacity" / "plans"
    planned = plan_run(
        make_run(),
        PlanRequest(companies=("ORG-07",), objective=Objective.COMPANY),
        root=root,
        issued_at=NOW,
        suffix="cli",
    )
    write_plan(root, planned.record)
    plan_id = planned.record.info.plan_id
    answer = plant.get(f"plans/{plan_id}", plant.org07).json()
    assert len(answer["production"]) == planned.plan.production.height
    assert (answer["run_id"], answer["planned_at"]) == ("20261120T020000-capacity-a", "2026-11-21T08:00:00Z")
    problem(plant.get(f"plans/{plan_id}", plant.org08), 404, "unknown-answer")


def test_plans_are_not_looked_for_outside_their_folder(tmp_path: "Path", plant: CapacityClient) -> None:
    plant.post("plan", {})
    for name in ("..%2F..%2Fledger.db", "%2E%2E", "..%5C..", "%2E%2E%00"):
        problem(plant.get(f"plans/{name}"), 400, "address-form")
    for name in ("last_failure.json", "x" * 300):
        problem(plant.get(f"plans/{name}"), 404, "unknown-answer")


def test_key_of_a_company_plans_its_lines_alone(plant: CapacityClient) -> None:
    answer = plant.post("plan", {}, plant.org07).json()
    assert (answer["companies"], answer["objective"]) == (["ORG-07"], "company")
    assert {row["line_id"] for row in answer["production"]} == {"A"}
    assert {row["product_id"] for row in answer["products"]} == {"P1", "P2"}
    assert answer["summary"]["value_group"] is None
    problem(plant.post("plan", {"companies": ["ORG-08"]}, plant.org07), 403, "outside-scope")
    problem(plant.post("plan", {"objective": "group"}, plant.org07), 403, "outside-scope")


def test_plan_is_given_to_keys_for_all_of_its_companies(plant: CapacityClient) -> None:
    whole = plant.post("plan", {}).json()["plan_id"]
    one = plant.post("plan", {"companies": ["ORG-07"], "objective": "company"}).json()
    problem(plant.get(f"plans/{whole}", plant.org07), 404, "unknown-answer")
    problem(plant.get(f"plans/{one['plan_id']}", plant.org08), 404, "unknown-answer")
    read = plant.get(f"plans/{one['plan_id']}", plant.org07).json()
    assert read["production"] == one["production"]
    assert one["summary"]["value_group"] is not None
    assert read["summary"]["value_group"] is None
    problem(plant.get("plans/latest", plant.org08), 404, "unknown-answer")
    assert plant.get("plans/latest", plant.org07).json()["plan_id"] == one["plan_id"]


def test_what_the_group_earns_by_a_company_is_not_shown_to_it(plant: CapacityClient) -> None:
    own = plant.post("plan", {}, plant.org07).json()
    plant.at(NOW + timedelta(hours=1))
    valued = plant.post("plan", {"companies": ["ORG-07"], "objective": "group"}).json()
    assert valued["objective_value"] != pytest.approx(own["objective_value"])
    problem(plant.get(f"plans/{valued['plan_id']}", plant.org07), 404, "unknown-answer")
    assert plant.get("plans/latest", plant.org07).json()["plan_id"] == own["plan_id"]
    plant.at(NOW + timedelta(hours=2))
    again = plant.post("plan", {}, plant.org07).json()["difference"]
    assert again["before"] == valued["plan_id"]
    assert (again["value_change"], again["text_zh"], again["text_en"]) == (None, None, None)
    assert again["hours_kept"] == pytest.approx(1)
    asked = {
        "scenarios": [{"name": "x", "parts": [{"kind": "demand_change", "factor": 1.1}]}],
        "companies": ["ORG-07"],
    }
    scenario = plant.post("scenario", asked).json()
    assert scenario["objective"] == "group"
    problem(plant.get(f"scenarios/{scenario['scenario_id']}", plant.org07), 404, "unknown-answer")


def test_infeasible_plan_names_the_fewest_constraints_to_relax(
    tmp_path: "Path", plant: CapacityClient
) -> None:
    good = plant.post("plan", {}).json()["plan_id"]
    orders = pl.DataFrame(
        {"order_id": ["O-1"], "product_id": ["P1"], "week": [WEEKS[0]], "quantity": [5000.0]}
    )
    publish(tmp_path, replace(make_run("20261121T060000-capacity-b", issued_at=NOW), orders=orders))
    plant.client.deployment.parts.refresh()
    plant.at(NOW + timedelta(hours=1))
    refused = problem(plant.post("plan", {}), 422, "plan-infeasible")
    assert refused["errors"]
    assert {one["rule"] for one in refused["errors"]} == {"relax"}
    assert "last plan" not in refused["detail"]
    assert "O-1" in str(refused)
    chinese = problem(plant.post("plan", {}, Accept_Language="zh"), 422, "plan-infeasible")
    assert chinese["errors"][0]["message"] != refused["errors"][0]["message"]
    latest = plant.get("plans/latest").json()
    assert latest["plan_id"] == good
    assert "last_attempt_failed" in {note["code"] for note in latest["quality"]["notes"]}
    assert "last_attempt_failed" not in str(plant.get(f"plans/{good}").json()["quality"])
    assert plant.post("scenario", {"names": ["overtime"]}).status_code == 422
    beside = plant.post("scenario", {"names": ["demand_up_10"], "relax": True}).json()
    assert beside["scenarios"][0]["problem"] is None
    assert any("O-1" in note["text_en"] for note in beside["quality"]["notes"])
    failure = failed_after(tmp_path / "capacity" / "plans")
    assert failure is not None
    assert (failure.error, failure.still_in_force) == ("PlanInfeasibleError", good)
    relaxed = plant.post("plan", {"relax": True})
    assert relaxed.status_code == 200
    assert "O-1" in str(relaxed.json()["quality"]["notes"])
    plant.at(NOW + timedelta(hours=2))
    plant.post("plan", {"relax": True})
    assert "last_attempt_failed" not in str(plant.get("plans/latest").json()["quality"])


def test_solver_that_runs_out_of_time_leaves_the_last_plan(
    tmp_path: "Path", plant: CapacityClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = plant.post("plan", {}).json()["plan_id"]

    def slow(_problem: object, *, time_limit_seconds: float, previous: object) -> None:
        raise SolverTimeoutError(zh="没有完成", en=f"not within {time_limit_seconds:g} s")

    monkeypatch.setattr(planning, "solve_plan", slow)
    refused = problem(plant.post("plan", {}), 504, "solver-timeout")
    assert "not within 8 s" in refused["detail"]
    assert plant.get("plans/latest").json()["plan_id"] == good
    assert len(list_plans(tmp_path / "capacity" / "plans")) == 1


def test_plan_without_demand_and_products_nobody_makes_are_named(
    tmp_path: "Path", plant: CapacityClient
) -> None:
    run = make_run("20261121T060000-capacity-b", issued_at=NOW, demand_run_id=None)
    publish(tmp_path, replace(run, demand=run.demand.clear()))
    plant.client.deployment.parts.refresh()
    assert "zhiheng demand run" in problem(plant.post("plan", {}), 422, "plan")["detail"]
    run = make_run("20261121T070000-capacity-c", issued_at=NOW + timedelta(hours=1))
    orders = pl.DataFrame({"order_id": ["O-1"], "product_id": ["P3"], "week": [WEEKS[0]], "quantity": [5.0]})
    publish(tmp_path, replace(run, orders=orders, routes=run.routes.filter(pl.col("product_id") != "P3")))
    plant.client.deployment.parts.refresh()
    assert "P3" in problem(plant.post("plan", {}), 422, "plan")["detail"]


def test_units_that_differ_are_named(tmp_path: "Path", plant: CapacityClient) -> None:
    run = make_run("20261121T060000-capacity-b", issued_at=NOW)
    publish(tmp_path, replace(run, products=run.products.with_columns(unit=pl.lit("kg"))))
    plant.client.deployment.parts.refresh()
    assert "kg" in problem(plant.post("plan", {}), 422, "plan")["detail"]


def test_large_plan_becomes_a_job(tmp_path: "Path", make_client: "MakeClient") -> None:
    publish(tmp_path, make_run())
    plant = open_plant(tmp_path, make_client, plan_now_size=15)  # 4 routes x 4 weeks are more
    sent = plant.post("plan", {})
    assert sent.status_code == 202
    receipt = sent.json()
    assert plant.record(sent)["route"] == "capacity/plan/job"
    ended = plant.ended(receipt)
    assert (ended["state"], ended["progress"], ended["problem"]) == ("done", 1.0, None)
    plan = plant.at_address(ended["answer"]).json()
    assert len(plan["production"]) > 0
    with plant.client.deployment.parts.ledger._database.reading() as connection:
        routes = [
            json.loads(row.record)["route"]
            for row in connection.exec_driver_sql("SELECT record FROM decisions")
        ]
    assert routes == ["capacity/plan/job", "capacity/plan", "capacity/plans"]
    assert plant.post("plan", {"weeks": 3}).status_code == 200, "small enough"
    assert plant.post("plan", {"as_job": False}).status_code == 200


def test_job_that_fails_tells_why_in_the_readers_language(tmp_path: "Path", plant: CapacityClient) -> None:
    run = make_run("20261121T060000-capacity-b", issued_at=NOW)
    orders = pl.DataFrame(
        {"order_id": ["O-1"], "product_id": ["P1"], "week": [WEEKS[0]], "quantity": [5000.0]}
    )
    publish(tmp_path, replace(run, orders=orders))
    plant.client.deployment.parts.refresh()
    receipt = plant.post("plan", {"as_job": True}).json()
    ended = plant.ended(receipt)
    assert ended["state"] == "failed"
    assert ended["answer"] is None
    assert ended["problem"]["type"] == "urn:zhiheng:problem:plan-infeasible"
    assert ended["problem"]["errors"]
    chinese = plant.client.http.get(
        receipt["poll"], Authorization=f"Bearer {plant.group}", Accept_Language="zh"
    ).json()
    assert chinese["problem"]["title"] == "计划不可行"


def test_job_is_seen_by_its_key_and_the_group_alone(tmp_path: "Path", plant: CapacityClient) -> None:
    receipt = plant.post("plan", {"as_job": True}, plant.org07).json()
    ended = plant.ended(receipt, plant.org07)
    assert ended["state"] == "done"
    assert plant.at_address(receipt["poll"]).json()["state"] == "done"
    auditor = make_planner(tmp_path, "*", roles=(Role.AUDITOR,))
    assert plant.at_address(receipt["poll"], auditor).status_code == 200
    other = make_planner(tmp_path, "ORG-07", name="别的人")
    for key in (plant.org08, other):
        problem(plant.at_address(receipt["poll"], key), 404, "unknown-job")
        problem(plant.post(f"jobs/{receipt['job_id']}/cancel", {}, key), 404, "unknown-job")
    problem(plant.at_address(ended["answer"], plant.org08), 404, "unknown-answer")


def test_full_queue_is_told_with_the_remedy(tmp_path: "Path", make_client: "MakeClient") -> None:
    publish(tmp_path, make_run())
    plant = open_plant(tmp_path, make_client, jobs_waiting=2)
    plant.client.deployment.jobs.worker.stop()
    receipts = [plant.post("plan", {"as_job": True}).json() for _ in range(2)]
    assert [one["ahead"] for one in receipts] == [0, 1]
    refused = problem(plant.post("plan", {"as_job": True}), 503, "job-queue-full")
    assert "cancel" in refused["detail"]
    cancelled = plant.post(f"jobs/{receipts[0]['job_id']}/cancel", {}).json()
    assert cancelled["state"] == "cancelled"
    assert plant.post("plan", {"as_job": True}).status_code == 202


def test_waiting_job_is_done_after_a_restart(tmp_path: "Path", make_client: "MakeClient") -> None:
    publish(tmp_path, make_run())
    before = open_plant(tmp_path, make_client)
    before.client.deployment.jobs.worker.stop()
    receipt = before.post("plan", {"as_job": True}).json()
    after = CapacityClient(make_client(tmp_path, before.group), before.group, before.org07, before.org08)
    assert after.ended(receipt)["state"] == "done"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"weeks": 0}, [("weeks", "greater_than_equal")]),
        ({"objective": "world"}, [("objective", "literal_error")]),
        ({"capacity": 1.0}, [("capacity", "less_than")]),
        ({"stability_cost": -1}, [("stability_cost", "greater_than_equal")]),
        ({"hours": 5}, [("hours", "extra_forbidden")]),
    ],
)
def test_wrong_requests_are_named_field_by_field(
    plant: CapacityClient, body: object, expected: list[tuple[str, str]]
) -> None:
    assert fields(plant.post("plan", body)) == expected


def test_weeks_beyond_the_run_are_refused(plant: CapacityClient) -> None:
    assert "4 weeks" in problem(plant.post("plan", {"weeks": 9}), 422, "plan")["detail"]
