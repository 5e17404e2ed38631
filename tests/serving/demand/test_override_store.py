"""Overrides: beside the model's figure, spread and summed, kept with who and why, in the chain, never rewritten."""

import sqlite3
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import polars as pl
import pytest

from features.timeline import read_frequency
from serving.demand.payload import Table
from tests.serving.demand.demand_world import NOW, DemandClient, fields, make_planner, problem, publish
from tests.serving.demand.mean_model import by_mean

if TYPE_CHECKING:
    from tests.serving.conftest import MakeClient

WEST = {
    "unique_id": "SKU-001/west",
    "periods": ["2026-12-01"],
    "kind": "absolute",
    "value": 500.0,
    "reason": "客户新增产线",
    "until": "2026-12-31",
}


def final(planning: DemandClient, name: str, step: int = 1) -> tuple[Any, ...]:
    """Return the model's figure, the final one and where it comes from; step 1 is December, the second period."""
    series = planning.post("forecast", {"unique_ids": [name]}).json()["series"][0]
    point = series["points"][step]
    return point["forecast"], point["final"], point["override"] and point["override"]["basis"]


def made(planning: DemandClient, key: str | None = None, **changes: object) -> httpx.Response:
    answer = planning.post("overrides", {**WEST, **changes}, key)
    assert answer.status_code == 200, answer.text
    return answer


def test_override_stands_beside_the_models_figure(planning: DemandClient) -> None:
    answer = made(planning).json()
    assert answer["override"]["made_by"] == "王计划"
    assert answer["override"]["status"] == "active"
    assert answer["override"]["model_figures"] == pytest.approx([330])
    (point,) = answer["points"]
    assert (point["forecast"], point["final"]) == (pytest.approx(330), 500)
    assert sum(part["value"] for part in point["drivers"]) == pytest.approx(330)
    assert final(planning, "SKU-001/west") == (pytest.approx(330), 500, "own")
    assert final(planning, "SKU-001/west", step=2)[2] is None, "January was not overridden"


def test_sums_above_move_by_what_their_part_moved(planning: DemandClient) -> None:
    made(planning)
    assert final(planning, "ORG-07") == (pytest.approx(440), pytest.approx(610), "sum")
    assert final(planning, "total") == (pytest.approx(495), pytest.approx(665), "sum")
    assert final(planning, "ORG-08")[2] is None
    assert final(planning, "SKU-001/east")[2] is None


def test_override_above_is_spread_by_forecast_shares(planning: DemandClient) -> None:
    made(planning, unique_id="ORG-07", value=880.0)
    assert final(planning, "SKU-001/west") == (pytest.approx(330), pytest.approx(660), "spread")
    assert final(planning, "SKU-001/east") == (pytest.approx(110), pytest.approx(220), "spread")
    assert final(planning, "total") == (pytest.approx(495), pytest.approx(935), "sum")


def test_an_own_override_is_kept_and_the_others_share_the_rest(planning: DemandClient) -> None:
    made(planning)
    made(planning, unique_id="total", kind="percent", value=100.0)
    assert final(planning, "total") == (pytest.approx(495), pytest.approx(990), "own")
    assert final(planning, "SKU-001/west")[1:] == (500, "own")
    assert final(planning, "SKU-001/east")[1] == pytest.approx(490 * 110 / 165)
    assert final(planning, "SKU-002/east")[1] == pytest.approx(490 * 55 / 165)
    assert final(planning, "ORG-07")[1] == pytest.approx(500 + 490 * 110 / 165)


def test_a_share_never_falls_below_zero(planning: DemandClient) -> None:
    made(planning)
    made(planning, unique_id="ORG-07", value=400.0)
    assert final(planning, "ORG-07")[1:] == (400, "own")
    assert final(planning, "SKU-001/east")[1:] == (0, "spread")


def test_overrides_that_contradict_each_other_are_told_and_not_repaired(planning: DemandClient) -> None:
    made(planning)
    made(planning, unique_id="ORG-07", value=400.0)
    series = {
        s["unique_id"]: s
        for s in planning.post("forecast", {"unique_ids": ["ORG-07", "total"]}).json()["series"]
    }
    company = series["ORG-07"]
    assert company["points"][1]["override"]["gap"] == pytest.approx(-100)
    assert company["points"][2]["override"] is None
    assert [note["code"] for note in company["quality"]["notes"]] == ["overrides_disagree"]
    assert series["total"]["quality"]["notes"] == []


def test_newest_override_counts_and_the_old_one_stays_readable(planning: DemandClient) -> None:
    made(planning)
    planning.at(NOW + timedelta(minutes=1))
    made(planning, value=400.0)
    assert final(planning, "SKU-001/west")[1] == 400
    history = planning.get("overrides").json()["overrides"]
    assert [(one["value"], one["status"]) for one in history] == [(400, "active"), (500, "superseded")]


def test_override_lapses_after_its_last_day(planning: DemandClient) -> None:
    made(planning, until="2026-11-21")
    assert final(planning, "SKU-001/west")[1] == 500
    planning.at(NOW + timedelta(days=1))
    assert final(planning, "SKU-001/west")[1] == pytest.approx(330)
    assert planning.get("overrides", status="lapsed").json()["overrides"][0]["value"] == 500


def test_withdrawal_is_a_row_of_its_own_and_says_who_and_why(planning: DemandClient) -> None:
    given = made(planning).json()["override"]["override_id"]
    answer = planning.post("overrides/withdraw", {"override_id": given, "reason": "订单取消"}, planning.org07)
    assert answer.status_code == 200, answer.text
    assert answer.json()["points"][0]["final"] == pytest.approx(330)
    assert final(planning, "SKU-001/west")[2] is None
    (held,) = planning.get("overrides").json()["overrides"]
    assert (held["status"], held["withdrawn_by"], held["withdrawn_reason"]) == (
        "withdrawn",
        "李计划",
        "订单取消",
    )
    assert (held["made_by"], held["reason"]) == ("王计划", "客户新增产线")
    again = planning.post("overrides/withdraw", {"override_id": given, "reason": "x"})
    assert fields(again) == [("override_id", "already_withdrawn")]


def test_acts_are_in_the_chain_with_their_reason(planning: DemandClient) -> None:
    answer = made(planning)
    given = answer.json()["override"]["override_id"]
    gone = planning.post("overrides/withdraw", {"override_id": given, "reason": "订单取消"})
    record = planning.record(answer)
    assert record["route"] == "demand/override"
    assert record["request"]["reason"] == "客户新增产线"
    assert record["answer"]["points"] == [["2026-12-01", pytest.approx(330), 500]]
    assert planning.record(gone)["request"]["reason"] == "订单取消"
    verified = planning.client.deployment.parts.ledger.verify()
    assert (verified.rows, verified.broken) == (2, None)


def test_rows_can_be_neither_changed_nor_deleted(planning: DemandClient) -> None:
    made(planning)
    connection = sqlite3.connect(planning.home / "ledger.db")
    for statement in ("UPDATE planner_overrides SET value = 1", "DELETE FROM planner_overrides"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(statement)
    connection.close()


def test_act_and_row_are_written_both_or_not_at_all(
    planning: DemandClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise sqlite3.OperationalError("disk is full")

    monkeypatch.setattr("serving.demand.override_store._insert", broken)
    problem(planning.post("overrides", WEST), 500, "unexpected")
    assert planning.client.deployment.parts.ledger.probe() == (0, None)
    monkeypatch.undo()
    assert planning.get("overrides").json()["overrides"] == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"unique_id": "no such"}, [("unique_id", "unknown_series")]),
        ({"unique_id": "SKU-009/east"}, [("unique_id", "unknown_series")]),
        ({"periods": ["2026-09-01"]}, [("periods.0", "past_period")]),
        ({"periods": ["2026-12-01", "2027-12-01"]}, [("periods.1", "beyond_horizon")]),
        ({"periods": ["2026-12-15"]}, [("periods.0", "not_a_period")]),
        ({"periods": ["2026-13-45"]}, [("periods.0", "not_a_period")]),
        ({"periods": ["next month"]}, [("periods.0", "not_a_period")]),
        ({"periods": ["2026-12-01", "2026-12-01"]}, [("periods", "repeated")]),
        ({"periods": []}, [("periods", "too_short")]),
        ({"until": "2026-11-20"}, [("until", "in_the_past")]),
        ({"until": "soon"}, [("until", "date_parsing")]),
        ({"value": -1.0}, [("value", "negative_value")]),
        ({"kind": "percent", "value": -101.0}, [("value", "negative_value")]),
        ({"reason": "  "}, [("reason", "reason_missing")]),
        ({"kind": "roughly"}, [("kind", "enum")]),
        (
            {"until": "2026-11-20", "value": -1.0, "periods": ["2026-09-01"]},
            [("periods.0", "past_period"), ("until", "in_the_past"), ("value", "negative_value")],
        ),
    ],
)
def test_wrong_fields_are_named_and_nothing_is_kept(
    planning: DemandClient, changes: dict[str, object], expected: list[tuple[str, str]]
) -> None:
    assert fields(planning.post("overrides", {**WEST, **changes})) == expected
    assert planning.client.deployment.parts.ledger.probe() == (0, None)


def test_missing_reason_is_named_in_both_languages(planning: DemandClient) -> None:
    body = {name: value for name, value in WEST.items() if name != "reason"}
    assert fields(planning.post("overrides", body)) == [("reason", "missing")]
    chinese = planning.post("overrides", body, Accept_Language="zh").json()["errors"][0]
    assert chinese["message"] == "缺少该字段"


def test_month_that_has_ended_by_the_clock_is_past_though_the_run_is_old(planning: DemandClient) -> None:
    planning.at(NOW + timedelta(days=10))
    refused = planning.post("overrides", {**WEST, "periods": ["2026-11-01"]})
    assert fields(refused) == [("periods.0", "past_period")]
    assert planning.post("overrides", WEST).status_code == 200


@pytest.mark.parametrize("name", ["ORG-08", "total", "SKU-002/east"])
def test_a_planner_overrides_the_own_companies_only(planning: DemandClient, name: str) -> None:
    refused = planning.post("overrides", {**WEST, "unique_id": name}, planning.org07)
    assert fields(refused) == [("unique_id", "unknown_series")]


def test_overrides_of_other_companies_are_neither_listed_nor_withdrawn(planning: DemandClient) -> None:
    foreign = made(planning, unique_id="SKU-002/east").json()["override"]["override_id"]
    own = made(planning, planning.org07).json()["override"]["override_id"]
    listed = planning.get("overrides", planning.org07).json()["overrides"]
    assert [one["override_id"] for one in listed] == [own]
    body: dict[str, Any] = {"override_id": foreign, "reason": "x"}
    problem(planning.post("overrides/withdraw", body, planning.org07), 404, "unknown-override")
    problem(planning.get("overrides", planning.org07, company="ORG-08"), 403, "outside-scope")


def test_history_is_filtered_by_series_company_and_status(planning: DemandClient) -> None:
    made(planning)
    made(planning, unique_id="SKU-002/east")

    def listed(**query: str) -> list[str]:
        return [one["unique_id"] for one in planning.get("overrides", **query).json()["overrides"]]

    assert listed(unique_id="SKU-001/west") == ["SKU-001/west"]
    assert listed(company="ORG-08") == ["SKU-002/east"]
    assert listed(status="withdrawn") == []
    assert listed(until="2000-01-01") == []
    assert listed(since="2000-01-01T00:00:00Z") == ["SKU-002/east", "SKU-001/west"]
    first = planning.get("overrides", limit="1").json()
    rest = planning.get("overrides", limit="1", cursor=str(first["cursor"])).json()
    assert [one["overrides"][0]["unique_id"] for one in (first, rest)] == ["SKU-002/east", "SKU-001/west"]
    assert rest["cursor"] is None
    assert fields(planning.get("overrides", status="gone")) == [("status", "enum")]
    assert fields(planning.get("overrides", month="12")) == [("month", "extra_forbidden")]


HOURS = [datetime(2026, 11, 21, hour) for hour in (5, 6, 7)]  # noqa: DTZ001 - periods have no zone
WEEKS = [date(2026, 11, day) for day in (2, 9, 16)]


@pytest.mark.parametrize(
    ("freq", "ds", "period"),
    [("1", [5, 6, 7], "8"), ("1h", HOURS, "2026-11-21T08:00"), ("1w", WEEKS, "2026-11-23")],
)
def test_periods_of_every_frequency_can_be_overridden(
    tmp_path: Path, make_client: "MakeClient", freq: str, ds: list[object], period: str
) -> None:
    named = f"{period}:00" if "T" in period else period
    frame = pl.DataFrame({"unique_id": ["a"] * 3, "ds": ds, "y": [4.0] * 3})
    table = Table(frame, read_frequency(freq), 2, (), ())
    run = by_mean(table, version="v", issued_at=NOW, seed=7)
    publish(tmp_path, replace(run, info=run.info.model_copy(update={"run_id": "r"})))
    key = make_planner(tmp_path, "*")
    opened = DemandClient(make_client(tmp_path, key), key, key)
    opened.at(NOW)
    answer = made(opened, unique_id="a", periods=[period], value=9.0).json()
    assert answer["override"]["periods"] == [named]
    assert [(point["ds"], point["forecast"], point["final"]) for point in answer["points"]] == [(named, 4, 9)]
    wrong = opened.post("overrides", {**WEST, "unique_id": "a", "periods": ["2026-11-19T08:30:00"]})
    assert fields(wrong)[0][0] == "periods.0"
