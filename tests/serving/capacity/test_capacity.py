"""Forecasts of lines are read from the newest run, within the key's companies, explained, and written down first."""

import hashlib
import json
import math
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from models.capacity.published.run_info import Note
from serving.access.roles import Role
from tests.serving.capacity.capacity_world import ISSUED, NOW, WEEKS, CapacityClient, make_run, note, publish
from tests.serving.demand.demand_world import fields, make_planner, problem

if TYPE_CHECKING:
    from pathlib import Path

    from tests.serving.conftest import MakeClient


def test_answer_is_the_run_with_everything_a_planner_needs(plant: CapacityClient) -> None:
    answer = plant.post("forecast", {"line_ids": ["A"]}).json()
    assert answer["run_id"] == "20261120T020000-capacity-a"
    assert (answer["model_version"], answer["data_as_of"]) == ("capacity-0123456789ab", "2026-11-19")
    assert (answer["demand_run_id"], answer["demand_model_version"]) == (
        "20261119T020000-1w-test",
        "demand-0123456789ab",
    )
    assert answer["quality"] == {"level": "full", "notes": []}
    (line,) = answer["lines"]
    assert (line["org_id"], line["profile"], line["unit"], line["bottleneck"]) == (
        "ORG-07",
        "cylindrical_cells",
        "t",
        "化成与老化",
    )
    assert [point["ds"] for point in line["points"]] == [str(week) for week in WEEKS]
    first = line["points"][0]
    assert first["forecast"] == pytest.approx(1000)
    assert first["quantiles"] == pytest.approx({"0.1": 800, "0.25": 900, "0.5": 1000, "0.9": 1100})
    assert first["utilisation"] == pytest.approx(100 / 168)
    assert first["contributions"] is None


def test_contributions_sum_to_the_forecast_and_are_named_by_the_profile(plant: CapacityClient) -> None:
    (line,) = plant.post("forecast", {"line_ids": ["A"], "explain": True, "horizon": 2}).json()["lines"]
    assert len(line["points"]) == 2
    for point in line["points"]:
        assert math.fsum(part["value"] for part in point["contributions"]) == pytest.approx(point["forecast"])
    texts = {part["factor"]: part["text_zh"] for part in line["points"][0]["contributions"]}
    profile = plant.client.deployment.parts.capacity.desk.profiles["cylindrical_cells"]
    driver = profile.driver("formation_channels")
    assert driver is not None
    assert texts["availability"] == f"可动率：{driver.label.zh}"
    assert texts["calendar"] == "日历与班次：通常的开机小时"


def test_days_are_given_on_request_and_not_explained(plant: CapacityClient) -> None:
    answer = plant.post("forecast", {"line_ids": ["A"], "by": "day", "horizon": 7}).json()
    points = answer["lines"][0]["points"]
    assert math.fsum(point["forecast"] for point in points) == pytest.approx(1000)
    assert points[0]["calendar_hours"] == 24
    assert fields(plant.post("forecast", {"by": "day", "explain": True})) == [("body", "explained_by_week")]


def test_fallbacks_are_said(plant: CapacityClient) -> None:
    answer = plant.post("forecast", {}).json()
    assert [line["line_id"] for line in answer["lines"]] == ["A", "B"]
    quality = answer["lines"][1]["quality"]
    assert (quality["level"], quality["notes"][0]["code"]) == ("fallback", "planned_rate")
    assert quality["notes"][0]["text_en"] == "too short a history"
    assert [one["code"] for one in answer["quality"]["notes"]] == ["lines_fallback"]


def test_line_without_history_is_named_with_the_runs_reason(tmp_path: "Path", plant: CapacityClient) -> None:
    remark = Note(code="line_refused", zh="产线 C：没有历史", en="Line C: it has no history")
    publish(tmp_path, make_run("20261121T020000-capacity-b", notes=[remark]))
    plant.client.deployment.parts.refresh()
    answer = plant.post("forecast", {"line_ids": ["A", "C", "Z"]}).json()
    assert [(one["line_id"], one["code"], one["text_en"]) for one in answer["refused"][:1]] == [
        ("C", "refused_by_run", "Line C: it has no history")
    ]
    assert answer["refused"][1]["code"] == "unknown_line"
    assert [line["line_id"] for line in answer["lines"]] == ["A"], "it stops none of the others"


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"company": "ORG-07"}, ["A"]),
        ({"profile": "sea_salt"}, ["B"]),
        ({"product_id": "P2"}, ["A", "B"]),
        ({"product_id": "P3", "company": "ORG-08"}, ["B"]),
        ({"line_ids": ["B", "A", "B"]}, ["B", "A"]),
    ],
)
def test_lines_are_found_by_what_they_are(
    plant: CapacityClient, asked: dict[str, object], expected: list[str]
) -> None:
    assert [line["line_id"] for line in plant.post("forecast", asked).json()["lines"]] == expected


def test_ledger_holds_what_was_answered(plant: CapacityClient) -> None:
    sent = plant.post("forecast", {"company": "ORG-07", "horizon": 2})
    record = plant.record(sent)
    assert record["route"] == "capacity/forecast"
    assert record["request"] == {"company": "ORG-07", "horizon": 2, "by": "week", "explain": False}
    assert record["answer"]["lines"]["A"]["forecast"] == pytest.approx([1000, 1000])
    assert record["answer"]["demand_run_id"] == "20261119T020000-1w-test"
    assert record["answer_sha256"] == hashlib.sha256(sent.content).hexdigest()


def test_key_of_a_company_sees_its_lines_alone(plant: CapacityClient) -> None:
    answer = plant.post("forecast", {}, plant.org07).json()
    assert [line["line_id"] for line in answer["lines"]] == ["A"]
    answer = plant.post("forecast", {"line_ids": ["A", "B", "Z"]}, plant.org07).json()
    assert [(one["line_id"], one["code"]) for one in answer["refused"]] == [
        ("B", "not_in_scope"),
        ("Z", "not_in_scope"),
    ]
    for asked in ({"line_ids": ["B"]}, {"line_ids": ["Z"]}, {"company": "ORG-08"}, {"profile": "sea_salt"}):
        problem(plant.post("forecast", asked, plant.org07), 403, "outside-scope")


def test_remarks_of_the_run_do_not_name_others_lines_to_a_company(
    tmp_path: "Path", plant: CapacityClient
) -> None:
    run = make_run("20261121T020000-capacity-b", notes=[note("line_refused", "Line SECRET-9: no history")])
    publish(tmp_path, run)
    plant.client.deployment.parts.refresh()
    assert "SECRET-9" in plant.post("forecast", {}).text
    for answer in (plant.post("forecast", {}, plant.org07), plant.get("shortfall", plant.org07)):
        assert "SECRET-9" not in answer.text
        assert answer.json()["quality"]["notes"][0]["code"] == "line_refused"


def test_nothing_that_fits_is_said(plant: CapacityClient) -> None:
    problem(plant.post("forecast", {"line_ids": ["Z"]}), 404, "unknown-line")
    problem(plant.post("forecast", {"product_id": "P9"}), 404, "unknown-line")


def test_shortfalls_name_size_bottleneck_and_alerts(plant: CapacityClient) -> None:
    answer = plant.get("shortfall", company="ORG-07").json()
    assert answer["futures"] == 2000
    first = answer["products"][0]
    assert (first["product_id"], first["week"], first["probability"]) == ("P1", "2026-11-23", 0.5)
    assert (first["expected"], first["p90"], first["bottleneck"]) == (20.0, 60.0, "A")
    assert {one["line_id"] for one in answer["lines"]} == {"A"}
    assert answer["stock_alerts"] == []
    alerts = plant.get("shortfall", product_id="P3").json()["stock_alerts"]
    assert [(one["side"], one["bound"], one["until"]) for one in alerts] == [
        ("lower", 50.0, "2026-12-07"),
        ("upper", 900.0, "2026-12-07"),
    ]


@pytest.mark.parametrize(
    ("code", "level"), [("stock_carried_forward", "full"), ("demand_run_old", "fallback")]
)
def test_a_note_of_how_a_figure_came_about_leaves_the_answer_full(
    tmp_path: "Path", plant: CapacityClient, code: str, level: str
) -> None:
    run = make_run("20261121T020000-capacity-b", issued_at=NOW, notes=(note(code, "said"),))
    publish(tmp_path, run)
    plant.client.deployment.parts.refresh()
    quality = plant.get("shortfall").json()["quality"]
    assert (quality["level"], [one["code"] for one in quality["notes"]]) == (level, [code])


def test_shortfalls_can_be_narrowed(plant: CapacityClient) -> None:
    answer = plant.get("shortfall", line_id="B", weeks="2").json()
    assert {one["product_id"] for one in answer["products"]} == {"P2", "P3"}
    assert {one["week"] for one in answer["products"]} == {"2026-11-23", "2026-11-30"}
    likely = plant.get("shortfall", least_probability="0.2").json()
    assert {one["product_id"] for one in likely["products"]} == {"P1", "P2"}


def test_bottleneck_of_another_company_is_not_shown(plant: CapacityClient) -> None:
    answer = plant.get("shortfall", plant.org07).json()
    second = next(one for one in answer["products"] if one["product_id"] == "P2")
    assert second["probability"] == 0.3
    assert second["bottleneck"] is None
    assert "line B" not in json.dumps(answer)
    assert {one["line_id"] for one in answer["lines"]} == {"A"}
    problem(plant.get("shortfall", plant.org07, company="ORG-08"), 403, "outside-scope")


def test_utilisation_is_monthly_and_within_the_key(plant: CapacityClient) -> None:
    lines = plant.get("utilisation", plant.org08).json()["lines"]
    assert [(one["line_id"], len(one["points"])) for one in lines] == [("B", 1)]
    assert lines[0]["points"][0] == {
        "ds": "2026-12-01",
        "forecast": 0.5,
        "quantiles": {"0.1": 0.4, "0.9": 0.6},
    }


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.DATA_SCIENTIST])
def test_readers_read_and_do_not_plan(tmp_path: "Path", plant: CapacityClient, role: Role) -> None:
    key = make_planner(tmp_path, "*", roles=(role,))
    assert plant.get("shortfall", key).status_code == 200
    assert plant.post("forecast", {}, key).status_code == 200
    problem(plant.post("plan", {}, key), 403, "forbidden")
    problem(plant.post("scenario", {"names": ["overtime"]}, key), 403, "forbidden")
    officer = make_planner(tmp_path, "*", roles=(Role.RISK_OFFICER,))
    problem(plant.get("shortfall", officer), 403, "forbidden")


def test_stale_run_is_a_fallback_and_says_how_old_it_is(plant: CapacityClient) -> None:
    plant.at(ISSUED + timedelta(days=36))
    notes = plant.post("forecast", {"line_ids": ["A"]}).json()["quality"]["notes"]
    assert notes[0]["code"] == "stale_run"
    assert "36 days" in notes[0]["text_en"]


def test_without_a_run_the_answer_says_what_to_do(tmp_path: "Path", make_client: "MakeClient") -> None:
    key = make_planner(tmp_path, "*")
    opened = CapacityClient(make_client(tmp_path, key), key, key, key)
    for answer in (opened.post("forecast", {}), opened.get("shortfall"), opened.post("plan", {})):
        assert "zhiheng capacity forecast" in problem(answer, 503, "not-ready")["detail"]
    problem(opened.get("plans/latest"), 404, "unknown-answer")


def test_new_run_is_taken_up_and_a_broken_one_leaves_the_last_good_one(
    tmp_path: "Path", plant: CapacityClient
) -> None:
    parts = plant.client.deployment.parts
    folder = publish(tmp_path, make_run("20261121T060000-capacity-b", issued_at=NOW - timedelta(hours=2)))
    assert parts.refresh() is True
    assert plant.post("forecast", {}).json()["run_id"] == folder.name
    broken = publish(tmp_path, make_run("20261121T070000-capacity-c", issued_at=NOW - timedelta(hours=1)))
    (broken / "weeks.parquet").write_bytes(b"PAR1")
    parts.refresh()
    assert plant.post("forecast", {}).json()["run_id"] == folder.name
    part = plant.client.http.get("/healthz").json()["parts"]["capacity"]
    assert (part["ready"], part["version"]) == (True, folder.name)
    assert part["problem_en"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"horizon": 0}, [("horizon", "greater_than_equal")]),
        ({"lines": ["A"]}, [("lines", "extra_forbidden")]),
        ({"by": "month"}, [("by", "literal_error")]),
        ({"line_ids": []}, [("line_ids", "too_short")]),
    ],
)
def test_wrong_requests_are_named_field_by_field(
    plant: CapacityClient, body: object, expected: list[tuple[str, str]]
) -> None:
    assert fields(plant.post("forecast", body)) == expected


def test_query_that_is_not_known_is_named(plant: CapacityClient) -> None:
    assert fields(plant.get("shortfall", sku="1")) == [("sku", "extra_forbidden")]
    assert fields(plant.get("jobs/abc", verbose="1")) == [("verbose", "extra_forbidden")]


def test_errors_are_told_in_chinese_to_those_who_read_it(plant: CapacityClient) -> None:
    found = problem(plant.post("forecast", {"line_ids": ["Z"]}, Accept_Language="zh-CN"), 404, "unknown-line")
    assert found["title"] == "没有该产线或产品"


def test_openapi_tells_places_and_jobs(plant: CapacityClient) -> None:
    paths = plant.client.http.get("/openapi.json").json()["paths"]
    plan = paths["/v1/capacity/plan"]["post"]
    assert plan["responses"]["202"]["content"]["application/json"]["schema"]["$ref"].endswith("/JobReceipt")
    listed = paths["/v1/capacity/jobs/{job_id}"]["get"]["parameters"]
    (parameter,) = [one for one in listed if "$ref" not in one]
    assert (parameter["name"], parameter["in"], parameter["required"]) == ("job_id", "path", True)
