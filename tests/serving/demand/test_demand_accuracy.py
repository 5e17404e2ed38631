"""Accuracy over HTTP: naive, model, planner, by lead time and by group, within the key's companies."""

from datetime import UTC, date, datetime, timedelta

import pytest

from models.demand.evaluation import COMBINATION
from tests.serving.demand.demand_world import NOW, DemandClient, fields, make_run, problem, publish

DECEMBER = datetime(2026, 12, 3, 2, tzinfo=UTC)


@pytest.fixture
def measured(planning: DemandClient) -> DemandClient:
    """October's run with an override of November, then November's run, which tells what November was."""
    body = {
        "unique_id": "SKU-001/west",
        "periods": ["2026-11-01"],
        "kind": "absolute",
        "value": 300.0,
        "reason": "r",
        "until": "2026-12-31",
    }
    assert planning.post("overrides", body).status_code == 200
    publish(planning.home, make_run(date(2026, 11, 1), issued_at=DECEMBER))
    planning.at(DECEMBER + timedelta(days=1))
    planning.client.deployment.parts.refresh()
    return planning


def test_before_any_actual_the_answer_says_so(planning: DemandClient) -> None:
    answer = planning.get("accuracy").json()
    assert answer["rows"] == []
    assert (answer["quality"]["level"], answer["quality"]["notes"][0]["code"]) == (
        "fallback",
        "no_actuals_yet",
    )


def test_naive_model_and_planner_stand_side_by_side(measured: DemandClient) -> None:
    answer = measured.get("accuracy", level="series").json()
    assert (answer["freq"], answer["by"], answer["vintage"]) == ("1mo", "lead", "latest")
    assert (answer["known_until"], answer["run_id"]) == ("2026-12-01", "20261203T020000-1mo-test")
    assert answer["backtest"][COMBINATION] == {"wape": 0.1}
    (row,) = answer["rows"]
    assert (row["group"], row["periods"], row["overridden"]) == ("1", 3, 1)
    assert row["wape_model"] == pytest.approx(0.1)
    assert row["wape_planner"] == pytest.approx(15 / 450), "the largest of three series was put right"
    assert row["fva_planner"] == pytest.approx(0.1 - 15 / 450)
    assert row["wape_planner_overridden"] == 0


@pytest.mark.parametrize(
    ("query", "groups"),
    [
        ({"by": "unique_id", "level": "series"}, ["SKU-001/east", "SKU-001/west", "SKU-002/east"]),
        ({"by": "company", "level": "company"}, ["ORG-07", "ORG-08"]),
        ({"by": "level"}, ["company", "series", "total"]),
        ({"by": "region", "company": "ORG-07", "level": "series"}, ["east", "west"]),
        ({"by": "unique_id", "product_id": "SKU-002"}, ["SKU-002/east"]),
        ({"by": "unique_id", "unique_id": "total", "lead": "1"}, ["total"]),
        ({"by": "unique_id", "lead": "2"}, []),
        ({"vintage": "first"}, ["1"]),
    ],
)
def test_groups_and_filters(measured: DemandClient, query: dict[str, str], groups: list[str]) -> None:
    assert [row["group"] for row in measured.get("accuracy", **query).json()["rows"]] == groups


def test_a_key_for_one_company_measures_its_series_alone(measured: DemandClient) -> None:
    answer = measured.get("accuracy", measured.org07, by="unique_id").json()
    assert [row["group"] for row in answer["rows"]] == ["ORG-07", "SKU-001/east", "SKU-001/west"]
    assert answer["backtest"] == {}, "the backtest is of the whole group together"
    problem(measured.get("accuracy", measured.org07, company="ORG-08"), 403, "outside-scope")
    assert measured.get("accuracy", measured.org07, unique_id="total").json()["rows"] == []


def test_measures_are_in_the_ledger(measured: DemandClient) -> None:
    sent = measured.get("accuracy", level="total")
    record = measured.record(sent)
    assert record["route"] == "demand/accuracy"
    assert record["request"]["level"] == "total"
    assert record["answer"]["rows"] == sent.json()["rows"]


def test_a_new_override_is_measured_at_once(measured: DemandClient) -> None:
    """An override made today cannot change what was said in November."""
    before = measured.get("accuracy").json()["rows"]
    measured.at(NOW)
    body = {
        "unique_id": "SKU-001/east",
        "periods": ["2026-12-01"],
        "kind": "percent",
        "value": 5.0,
        "reason": "r",
        "until": "2026-12-31",
    }
    measured.at(DECEMBER + timedelta(days=2))
    assert measured.post("overrides", body).status_code == 200
    assert measured.get("accuracy").json()["rows"] == before


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"lead": "0"}, [("lead", "greater_than_equal")]),
        ({"lead": "soon"}, [("lead", "int_parsing")]),
        ({"by": "colour"}, [("by", "literal_error")]),
        ({"vintage": "best"}, [("vintage", "literal_error")]),
        ({"colour": "red"}, [("colour", "extra_forbidden")]),
        ({"freq": "1w"}, [("freq", "unknown_freq")]),
    ],
)
def test_wrong_queries_are_named(
    measured: DemandClient, query: dict[str, str], expected: list[tuple[str, str]]
) -> None:
    assert fields(measured.get("accuracy", **query)) == expected


def test_a_query_given_twice_is_named(measured: DemandClient) -> None:
    headers = {"Authorization": f"Bearer {measured.group}"}
    assert fields(measured.client.http.get("/v1/demand/accuracy?by=lead&by=level", **headers)) == [
        ("by", "repeated")
    ]
