"""Demand and capacity: the kill switch goes back one published run, then refuses, and says what to do."""

import dataclasses
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from models.demand.evaluation import COMBINATION
from serving.access.roles import Role
from tests.serving.capacity import capacity_world
from tests.serving.champions.conftest import Operations, give_orders, make_key
from tests.serving.demand.demand_world import ISSUED, NOW, make_run, publish

if TYPE_CHECKING:
    from tests.serving.capacity.capacity_world import CapacityClient
    from tests.serving.conftest import MakeClient
    from tests.serving.demand.demand_world import DemandClient


def codes(answer: httpx.Response) -> list[str]:
    return [note["code"] for note in answer.json()["quality"]["notes"]]


@pytest.fixture
def orders(planning: "DemandClient", tmp_path: Path) -> Operations:
    later = make_run(date(2026, 10, 1), issued_at=ISSUED + timedelta(hours=1))
    publish(tmp_path, dataclasses.replace(later, info=later.info.model_copy(update={"run_id": "second-run"})))
    planning.client.deployment.parts.refresh()
    runs = planning.client.deployment.parts.demand.store.runs(later.info.freq, 5)
    (first,) = {run.info.run_id for run in runs} - {"second-run"}
    return give_orders(planning.client, tmp_path, first=first, second="second-run")


def ask(planning: "DemandClient") -> httpx.Response:
    return planning.post("forecast", {"level": "total"})


def test_kill_of_demand_goes_back_one_run_then_refuses(orders: Operations, planning: "DemandClient") -> None:
    assert ask(planning).json()["run_id"] == "second-run"
    killed = orders.step_down("demand-1mo")
    assert killed.json()["version"] == orders.first, killed.text
    answer = ask(planning)
    assert answer.json()["run_id"] == orders.first
    assert answer.json()["quality"]["level"] == "fallback"
    assert "model_previous" in codes(answer)
    assert orders.step_down("demand-1mo").json()["level"] == "stopped"
    refused = ask(planning)
    assert (refused.status_code, refused.json()["type"]) == (503, "urn:zhiheng:problem:family-stopped")
    assert "restore demand-1mo" in refused.json()["detail"]
    assert orders.step_down("demand-1mo").status_code == 409
    assert orders.order("operator", "restore", family="demand-1mo").json()["version"] == "second-run"
    assert ask(planning).json()["run_id"] == "second-run"


def test_rollback_of_demand_and_a_restart(
    orders: Operations, planning: "DemandClient", tmp_path: Path, make_client: "MakeClient"
) -> None:
    back = orders.order("approver", "rollback", family="demand-1mo", version=orders.first)
    assert back.status_code == 200, back.text
    restarted = make_client(tmp_path, planning.group)
    restarted.deployment.parts.demand.clock = lambda: NOW
    beside = dataclasses.replace(planning, client=restarted)
    assert ask(beside).json()["run_id"] == orders.first
    assert "model_rolled_back" in codes(ask(beside))


def test_challenger_run_is_promoted_by_alias(
    orders: Operations, planning: "DemandClient", tmp_path: Path
) -> None:
    run = make_run(date(2026, 10, 1), issued_at=ISSUED + timedelta(hours=2))
    update = {
        "run_id": "challenger-run",
        "challenger": True,
        "trained_by": "chentrains",
        "gate": "passed",
        "accuracy": {COMBINATION: {"wape": 0.1}, "naive": {"wape": 0.2}},
    }
    info = run.info.model_copy(update=update)
    publish(tmp_path, dataclasses.replace(run, info=info))
    promoted = orders.order(
        "approver", "aliases", family="demand-1mo", alias="champion", version="challenger-run"
    )
    assert promoted.status_code == 200, promoted.text
    assert promoted.json()["gate"] == "passed"
    listed = {one["family"]: one["versions"] for one in orders.get("/v1/models").json()["families"]}
    (shown,) = [one for one in listed["demand-1mo"] if one["version"] == "challenger-run"]
    assert (shown["metrics"], shown["gate"]) == ({"wape": 0.1}, "passed")
    answer = ask(planning)
    assert answer.json()["run_id"] == "challenger-run"
    assert "model_champion" not in codes(answer)


def test_rollback_never_goes_to_a_run_that_nobody_approved(orders: Operations, tmp_path: Path) -> None:
    run = make_run(date(2026, 10, 1), issued_at=ISSUED + timedelta(hours=2))
    info = run.info.model_copy(update={"run_id": "challenger-run", "challenger": True})
    publish(tmp_path, dataclasses.replace(run, info=info))
    back = orders.order("approver", "rollback", family="demand-1mo", version="challenger-run")
    assert (back.status_code, back.json()["type"]) == (409, "urn:zhiheng:problem:never-champion")


def test_who_ran_the_training_of_a_run_does_not_approve_it(orders: Operations, tmp_path: Path) -> None:
    run = make_run(date(2026, 10, 1), issued_at=ISSUED + timedelta(hours=2))
    update = {"run_id": "challenger-run", "challenger": True, "trained_by": "chentrains"}
    publish(tmp_path, dataclasses.replace(run, info=run.info.model_copy(update=update)))
    wanted = {"family": "demand-1mo", "alias": "champion", "version": "challenger-run"}
    assert orders.order("trainer", "aliases", **wanted).status_code == 403
    assert orders.order("approver", "aliases", **wanted).json()["trained_by"] == "chentrains"


def test_lines_model_that_did_not_pass_the_gate_is_not_made_champion(
    plant: "CapacityClient", tmp_path: Path
) -> None:
    orders = give_orders(plant.client, tmp_path, first="", second="")
    for gate, status in (("failed", 409), ("not_judged", 200), ("passed", 200)):
        run = capacity_world.make_run()
        update = {"run_id": f"{gate}-run", "gate": gate, "challenger": True, "trained_by": "chentrains"}
        capacity_world.publish(tmp_path, dataclasses.replace(run, info=run.info.model_copy(update=update)))
        named = orders.order(
            "approver", "aliases", family="capacity", alias="champion", version=f"{gate}-run"
        )
        assert named.status_code == status, named.text
        if status == 200:
            assert named.json()["gate"] == gate
        else:
            assert named.json()["type"] == "urn:zhiheng:problem:gate-not-passed"


def test_old_runs_are_refused_where_the_policy_says_so(
    planning: "DemandClient", tmp_path: Path, make_client: "MakeClient"
) -> None:
    strict = make_client(tmp_path, planning.group, stale_policy_demand="refuse", stale_run_days=1)
    beside = dataclasses.replace(planning, client=strict)
    beside.at(ISSUED + timedelta(days=5))
    refused = ask(beside)
    assert (refused.status_code, refused.json()["type"]) == (503, "urn:zhiheng:problem:stale")
    beside.at(ISSUED + timedelta(hours=5))
    assert ask(beside).status_code == 200


def test_kill_of_capacity_without_an_earlier_run_stops_it(plant: "CapacityClient", tmp_path: Path) -> None:
    operator = make_key(tmp_path, "operator", Role.OPERATOR)
    orders = Operations(plant.client, "", "", "", {"operator": operator})
    assert orders.order("operator", "kill", family="capacity").json()["level"] == "stopped"
    refused = plant.post("forecast", {})
    assert (refused.status_code, refused.json()["type"]) == (503, "urn:zhiheng:problem:family-stopped")
    assert plant.client.http.get("/readyz").json()["parts"]["capacity"]["level"] == "stopped"
    orders.order("operator", "restore", family="capacity")
    assert plant.post("forecast", {}).status_code == 200


def test_kill_of_capacity_goes_back_one_run(plant: "CapacityClient", tmp_path: Path) -> None:
    run = capacity_world.make_run()
    info = run.info.model_copy(
        update={"run_id": "later-run", "issued_at": run.info.issued_at + timedelta(minutes=1)}
    )
    capacity_world.publish(tmp_path, dataclasses.replace(run, info=info))
    plant.client.deployment.parts.refresh()
    assert plant.post("forecast", {}).json()["run_id"] == "later-run"
    orders = Operations(plant.client, "", "", "", {"operator": make_key(tmp_path, "operator", Role.OPERATOR)})
    orders.order("operator", "kill", family="capacity")
    answer = plant.post("forecast", {})
    assert answer.json()["run_id"] == run.info.run_id
    assert "model_previous" in codes(answer)
    assert answer.json()["quality"]["level"] == "fallback"
