"""Forecasts are read from the newest run, by id or filter, within the key's companies, and written down first."""

import hashlib
import math
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from serving.access.roles import Role
from tests.serving.demand.demand_world import (
    ISSUED,
    NOW,
    DemandClient,
    fields,
    make_planner,
    make_run,
    problem,
    publish,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.serving.conftest import MakeClient


def test_answer_is_the_run_with_everything_a_planner_needs(planning: DemandClient) -> None:
    answer = planning.post("forecast", {"unique_ids": ["SKU-001/east"]}).json()
    assert answer["run_id"] == "20261103T020000-1mo-test"
    assert (answer["model_version"], answer["tier"]) == ("demand-0123456789ab", "standard")
    assert (answer["data_as_of"], answer["issued_at"]) == ("2026-11-01", "2026-11-03T02:00:00Z")
    assert answer["quality"] == {"level": "full", "notes": []}
    (series,) = answer["series"]
    assert (series["org_id"], series["product_id"], series["region"]) == ("ORG-07", "SKU-001", "east")
    assert [point["ds"] for point in series["points"]][:2] == ["2026-11-01", "2026-12-01"]
    first = series["points"][0]
    assert first["forecast"] == pytest.approx(110)
    assert first["quantiles"] == pytest.approx({"0.1": 99, "0.5": 110, "0.9": 132})
    assert (first["final"], first["override"]) == (first["forecast"], None)


def test_drivers_sum_to_the_forecast_of_every_step(planning: DemandClient) -> None:
    (series,) = planning.post("forecast", {"unique_ids": ["total"]}).json()["series"]
    for point in series["points"]:
        assert math.fsum(part["value"] for part in point["drivers"]) == pytest.approx(point["forecast"])
    april = series["points"][-1]
    assert {part["text_zh"]: part["value"] for part in april["drivers"]}["季节"] == pytest.approx(247.5)


def test_ledger_holds_what_was_answered(planning: DemandClient) -> None:
    sent = planning.post("forecast", {"company": "ORG-07", "horizon": 2})
    record, answer = planning.record(sent), sent.json()
    assert record["route"] == "demand/forecast"
    assert record["request"] == {"company": "ORG-07", "horizon": 2}
    assert record["answer"]["run_id"] == answer["run_id"]
    points = answer["series"][0]["points"]
    assert record["answer"]["series"]["ORG-07"]["forecast"] == [point["forecast"] for point in points]
    assert record["answer_sha256"] == hashlib.sha256(sent.content).hexdigest()


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"company": "ORG-07"}, ["ORG-07"]),
        ({"company": "ORG-07", "level": "series"}, ["SKU-001/east", "SKU-001/west"]),
        ({"product_id": "SKU-001", "region": "west"}, ["SKU-001/west"]),
        ({"region": "east", "family": "fibre"}, ["SKU-002/east"]),
        ({"level": "company"}, ["ORG-07", "ORG-08"]),
        ({"unique_ids": ["total", "ORG-08", "total"]}, ["total", "ORG-08"]),
    ],
)
def test_series_are_found_by_what_they_are_of(
    planning: DemandClient, asked: dict[str, object], expected: list[str]
) -> None:
    found = planning.post("forecast", asked).json()["series"]
    assert [series["unique_id"] for series in found] == expected


def test_floor_and_refusals_are_said_and_stop_nothing(planning: DemandClient) -> None:
    asked = {"unique_ids": ["SKU-002/east", "SKU-009/east", "no such", "SKU-001/west"]}
    answer = planning.post("forecast", asked).json()
    quality = {series["unique_id"]: series["quality"] for series in answer["series"]}
    assert quality["SKU-001/west"]["level"] == "full"
    assert quality["SKU-002/east"]["level"] == "fallback"
    assert quality["SKU-002/east"]["notes"][0]["code"] == "floor"
    assert [(one["unique_id"], one["code"]) for one in answer["refused"]] == [
        ("no such", "unknown_series"),
        ("SKU-009/east", "refused_by_run"),
    ]
    assert [note["code"] for note in answer["quality"]["notes"]] == ["series_refused", "series_fallback"]


def test_a_key_for_one_company_sees_its_series_alone(planning: DemandClient) -> None:
    answer = planning.post("forecast", {"level": "series"}, planning.org07).json()
    assert {series["org_id"] for series in answer["series"]} == {"ORG-07"}
    assert {one["unique_id"] for one in answer["refused"]} == {"SKU-009/east"}


@pytest.mark.parametrize("name", ["total", "ORG-08", "SKU-002/east", "there is no such"])
def test_foreign_series_and_sums_above_look_as_if_they_were_not_there(
    planning: DemandClient, name: str
) -> None:
    answer = planning.post("forecast", {"unique_ids": ["ORG-07", name]}, planning.org07).json()
    assert [(one["unique_id"], one["code"]) for one in answer["refused"]] == [(name, "not_in_scope")]
    refused = problem(planning.post("forecast", {"unique_ids": [name]}, planning.org07), 403, "outside-scope")
    assert "ORG-07" in refused["detail"]


def test_filter_on_another_company_is_refused(planning: DemandClient) -> None:
    problem(planning.post("forecast", {"company": "ORG-08"}, planning.org07), 403, "outside-scope")


def test_nothing_that_fits_names_the_levels(planning: DemandClient) -> None:
    found = problem(planning.post("forecast", {"level": "province"}), 404, "unknown-series")
    assert "company, series, total" in found["detail"]


def test_stale_run_is_a_fallback_and_says_how_old_it_is(planning: DemandClient) -> None:
    planning.at(ISSUED + timedelta(days=35))
    assert planning.post("forecast", {"level": "total"}).json()["quality"]["level"] == "full"
    planning.at(ISSUED + timedelta(days=36))
    quality = planning.post("forecast", {"level": "total"}).json()["quality"]
    assert (quality["level"], quality["notes"][0]["code"]) == ("fallback", "stale_run")
    assert "36 days" in quality["notes"][0]["text_en"]


def test_without_a_run_the_answer_says_what_to_do(tmp_path: "Path", make_client: "MakeClient") -> None:
    key = make_planner(tmp_path, "*")
    opened = DemandClient(make_client(tmp_path, key), key, key)
    found = problem(opened.post("forecast", {"level": "total"}), 503, "not-ready")
    assert "zhiheng demand run" in found["detail"]
    problem(opened.get("accuracy"), 503, "not-ready")


def test_new_run_is_taken_up_and_a_broken_one_leaves_the_last_good_one(planning: DemandClient) -> None:
    folder = publish(planning.home, make_run(date(2026, 11, 1), issued_at=NOW - timedelta(hours=1)))
    parts = planning.client.deployment.parts
    assert parts.refresh() is True
    assert planning.post("forecast", {"level": "total"}).json()["run_id"] == folder.name
    late = make_run(date(2026, 11, 1), issued_at=NOW, run_id="broken")
    (publish(planning.home, late) / "forecast.parquet").write_bytes(b"PAR1")
    parts.refresh()
    assert planning.post("forecast", {"level": "total"}).json()["run_id"] == folder.name
    health = planning.client.http.get("/readyz").json()["parts"]["forecasts"]
    assert (health["ready"], health["version"]) == (True, folder.name)
    assert "forecast.parquet" in health["problem_en"]


def test_run_published_late_does_not_hide_a_newer_one(planning: DemandClient) -> None:
    publish(planning.home, make_run(date(2026, 9, 1), issued_at=ISSUED - timedelta(days=30)))
    planning.client.deployment.parts.refresh()
    assert planning.post("forecast", {"level": "total"}).json()["issued_at"] == "2026-11-03T02:00:00Z"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, [("body", "one_way_to_ask")]),
        ({"unique_ids": ["a"], "company": "b"}, [("body", "one_way_to_ask")]),
        ({"unique_ids": []}, [("unique_ids", "too_short")]),
        ({"unique_ids": ["total"], "horizon": 0}, [("horizon", "greater_than_equal")]),
        ({"level": "total", "freq": "1w"}, [("freq", "unknown_freq")]),
        ({"level": "total", "freq": "fortnight"}, [("freq", "unknown_freq")]),
        ({"level": "total", "unknown": 1}, [("unknown", "extra_forbidden")]),
        ({"company": 7}, [("company", "string_type")]),
    ],
)
def test_wrong_fields_are_named(
    planning: DemandClient, body: object, expected: list[tuple[str, str]]
) -> None:
    assert fields(planning.post("forecast", body)) == expected


def test_more_series_than_the_limit_are_refused(planning: DemandClient, make_client: "MakeClient") -> None:
    small = DemandClient(
        make_client(planning.home, planning.group, answer_series_limit=2), planning.group, ""
    )
    assert fields(small.post("forecast", {"level": "series"})) == [("body", "too_many_series")]
    asked = {"unique_ids": ["total", "ORG-07", "ORG-08"]}
    assert fields(small.post("forecast", asked)) == [("unique_ids", "too_many_series")]


@pytest.mark.parametrize("path", ["forecast", "overrides", "overrides/withdraw"])
def test_only_planners_plan(planning: DemandClient, path: str) -> None:
    other = make_planner(planning.home, "*", roles=(Role.RISK_OFFICER, Role.STEWARD))
    problem(planning.post(path, {}, other), 403, "forbidden")
    assert planning.client.deployment.parts.ledger.probe() == (0, None)


def test_auditors_read_accuracy_and_history(planning: DemandClient) -> None:
    auditor = make_planner(planning.home, "*", roles=(Role.AUDITOR,))
    assert planning.get("accuracy", auditor).status_code == 200
    assert planning.get("overrides", auditor).status_code == 200


def test_answer_that_cannot_be_written_down_is_not_given(planning: DemandClient) -> None:
    database = planning.home / "ledger.db"
    database.rename(database.with_name("away.db"))
    body = problem(planning.post("forecast", {"level": "total"}), 503, "ledger-unavailable")
    assert "series" not in body


def test_every_demand_route_is_documented_with_its_statuses(planning: DemandClient) -> None:
    paths = planning.client.http.get("/openapi.json").json()["paths"]
    assert set(paths["/v1/demand/overrides"]) == {"get", "post"}
    by = next(p for p in paths["/v1/demand/accuracy"]["get"]["parameters"] if p.get("name") == "by")
    assert "lead" in by["schema"]["enum"]
    for path in ("forecast", "overrides", "overrides/withdraw"):
        assert {"200", "403", "422", "503", "504"} <= set(paths[f"/v1/demand/{path}"]["post"]["responses"])
