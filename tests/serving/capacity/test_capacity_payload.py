"""Lines whose history comes with the request are forecast at once, explained, within the limits."""

import math
from collections.abc import Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.serving.capacity.capacity_world import CapacityClient, make_run, publish
from tests.serving.conftest import open_plant
from tests.serving.demand.demand_world import fields, problem

if TYPE_CHECKING:
    from pathlib import Path

    from tests.serving.conftest import MakeClient

AS_OF = date(2026, 10, 31)


def history(
    line: str = "L1", days: int = 150, changes: Mapping[str, object] | None = None
) -> list[dict[str, object]]:
    """A line that makes 90 % of its planned rate, a little less on every third day."""
    rows = []
    for back in range(days, 0, -1):
        ds = AS_OF - timedelta(days=back - 1)
        hours = 20.0 if ds.weekday() < 5 else 10.0
        run = 0.9 * hours - (1.0 if back % 3 == 0 else 0.0)
        rows.append(
            {"line_id": line, "ds": str(ds), "planned_rate": 10.0, "planned_hours": hours, "run_hours": run,
             "output": run * 10, "good_output": run * 9.8, **(changes or {})}
        )  # fmt: skip
    return rows


def payload(rows: list[dict[str, object]], **more: object) -> dict[str, object]:
    return {"payload": {"as_of": str(AS_OF), "unit": "t", "history": rows, **more}}


def test_lines_are_forecast_from_their_own_history(plant: CapacityClient) -> None:
    sent = plant.post("forecast", {**payload(history()), "explain": True, "horizon": 4})
    assert sent.status_code == 200, sent.text
    answer = sent.json()
    assert (answer["run_id"], answer["data_as_of"]) == (None, "2026-10-31")
    assert answer["model_version"].startswith("capacity-lines-seed7-")
    (line,) = answer["lines"]
    assert (line["line_id"], line["unit"]) == ("L1", "t")
    whole = line["points"][1]
    # Some 120 planned hours a week, 0.9 less a third of an hour a day, of which 98 % is good: some 1,030 units.
    assert 900 < whole["forecast"] < 1150
    assert whole["quantiles"]["0.1"] <= whole["quantiles"]["0.9"]
    assert math.fsum(part["value"] for part in whole["contributions"]) == pytest.approx(whole["forecast"])
    assert plant.record(sent)["answer"]["lines"]["L1"]["forecast"]
    again = plant.post("forecast", {**payload(history()[::-1]), "horizon": 4}).json()
    assert [one["forecast"] for one in again["lines"][0]["points"]] == [
        one["forecast"] for one in line["points"]
    ]


def test_what_came_after_the_day_that_counts_changes_nothing(plant: CapacityClient) -> None:
    later = {"line_id": "L1", "ds": "2026-11-03", "planned_rate": 10.0, "output": 9999.0}
    plain = plant.post("forecast", {**payload(history(days=60)), "horizon": 2}).json()
    told = plant.post("forecast", {**payload([*history(days=60), later]), "horizon": 2}).json()
    assert told["lines"][0]["points"] == plain["lines"][0]["points"]
    assert told["quality"]["notes"][0]["code"] == "rows_after_as_of"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"planned_hours": -1.0}, "planned_hours"),
        ({"planned_rate": 0.0}, "planned_rate"),
        ({"planned_hours": 30.0}, "planned_hours"),
    ],
)
def test_impossible_rows_are_named(plant: CapacityClient, changes: dict[str, object], told: str) -> None:
    refused = problem(plant.post("forecast", payload(history(days=20, changes=changes))), 422, "line-history")
    assert told in refused["detail"]


@pytest.mark.parametrize(("unit", "profile", "told"), [("kg", "sea_salt", "kg"), ("t", "nope", "nope")])
def test_a_profile_that_is_not_the_lines_is_refused(
    plant: CapacityClient, unit: str, profile: str, told: str
) -> None:
    body = payload(history(days=20), unit=unit, profile=profile)
    refused = problem(plant.post("forecast", body), 422, "line-history")
    assert told in refused["detail"]
    assert "L1" in refused["detail"]


def test_what_is_assumed_of_a_line_is_told_and_does_not_lessen_its_forecast(plant: CapacityClient) -> None:
    answer = plant.post("forecast", {**payload(history()), "horizon": 2}).json()
    notes = {note["code"]: note for note in answer["quality"]["notes"]}
    assert "L1" in notes["profile_assumed"]["text_en"]
    assert answer["lines"][0]["profile"] == "generic"
    named = plant.post("forecast", {**payload(history(), profile="sea_salt"), "horizon": 2}).json()
    assert named["lines"][0]["profile"] == "sea_salt"
    assert [note["code"] for note in named["quality"]["notes"]] == ["profile_unverified"]
    assert named["quality"]["level"] == "full"


def test_days_have_the_hours_that_their_weeks_add_up(plant: CapacityClient) -> None:
    body = payload(history())
    week = plant.post("forecast", {**body, "horizon": 2}).json()["lines"][0]["points"][1]
    days = plant.post("forecast", {**body, "by": "day", "horizon": 14}).json()["lines"][0]["points"]
    inside = [
        one for one in days if 0 <= (date.fromisoformat(one["ds"]) - date.fromisoformat(week["ds"])).days < 7
    ]
    assert len(inside) == 7
    for name in ("planned_hours", "effective_hours", "calendar_hours"):
        assert math.fsum(one[name] for one in inside) == pytest.approx(week[name]), name
    made = math.fsum(24 * one["utilisation"] for one in inside)
    assert made == pytest.approx(168 * week["utilisation"])


def test_day_given_twice_is_named(plant: CapacityClient) -> None:
    rows = history(days=20)
    problem(plant.post("forecast", payload([*rows, rows[-1]])), 422, "line-history")


def test_limits_are_named(tmp_path: "Path", make_client: "MakeClient") -> None:
    publish(tmp_path, make_run())
    plant = open_plant(tmp_path, make_client, payload_line_rows_limit=30, payload_lines_limit=1)
    assert fields(plant.post("forecast", payload([*history("L1", 20), *history("L2", 20)]))) == [
        ("payload.history", "too_many_lines"),
        ("payload", "too_many_rows"),
    ]


def test_driver_with_a_taken_name_is_refused(plant: CapacityClient) -> None:
    rows = history(days=20, changes={"drivers": {"output": 3.0}})
    assert fields(plant.post("forecast", payload(rows))) == [("payload.history.drivers", "reserved_name")]


def test_payload_and_filters_exclude_each_other(plant: CapacityClient) -> None:
    body = {**payload(history(days=20)), "company": "ORG-07"}
    assert fields(plant.post("forecast", body)) == [("body", "payload_or_filters")]


def test_driver_known_ahead_is_taken_from_the_plan(plant: CapacityClient) -> None:
    rows = history()
    for row in rows:
        row["drivers"] = {"heat": 1.0}
    plan = [
        {"line_id": "L1", "ds": str(AS_OF + timedelta(days=day)), "planned_rate": 10.0, "planned_hours": 5.0, "drivers": {"heat": 1.0}}
        for day in range(1, 15)
    ]  # fmt: skip
    answer = plant.post("forecast", payload(rows, plan=plan))
    assert answer.status_code == 200, answer.text
    points = answer.json()["lines"][0]["points"]
    assert points[-1]["ds"] == "2026-11-09"
    assert points[1]["planned_hours"] == pytest.approx(35)
    assert points[1]["forecast"] < 400
