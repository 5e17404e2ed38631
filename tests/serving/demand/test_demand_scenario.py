"""A scenario stands beside base, low and high; its parts add up to it and say whether the model has learnt them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, cast

import httpx
import numpy as np
import polars as pl
import pytest

from features.timeline import Frequency, Timeline
from models.demand.ledger.published_run import ForecastRun
from models.demand.model import DemandModel
from models.demand.series import Series
from serving.demand.scenario import load_model
from tests.serving.demand.demand_world import (
    HORIZON,
    LEAVES,
    DemandClient,
    fields,
    make_run,
    period_of,
    problem,
    publish,
)

LATER = datetime(2026, 11, 4, tzinfo=UTC)


class PriceModel:
    """A model whose forecast of a series falls by its level when the price doubles; it knows nothing else."""

    def __init__(self, names: Sequence[str]) -> None:
        count, width = len(names), 24
        self._series = Series(
            ids=tuple(names),
            y=np.ones((count, width)),
            observed=np.ones((count, width), dtype=np.bool_),
            last=np.full(count, period_of(date(2026, 10, 1)), dtype=np.int64),
            timeline=Timeline(Frequency.MONTH),
            season=12,
            known={"price": np.full((count, width + HORIZON), 10.0)},
            ahead=HORIZON,
        )

    def series(self) -> Series:
        return self._series

    def outlook(self, series: Series) -> Any:  # noqa: ANN401 - an Outlook; only its point is read
        level = np.array([LEAVES[name][4] for name in series.ids])
        point = level[:, None] * (2 - series.known["price"][:, -HORIZON:] / 10)
        return type("Point", (), {"point": point})


@pytest.fixture
def priced(planning: DemandClient) -> DemandClient:
    """The newest run has a model, which is put in place of one read from its folder."""
    run = make_run(date(2026, 10, 1), issued_at=LATER)
    (planning.home / "models" / "demand" / "v1").mkdir(parents=True)
    info = run.info.model_copy(update={"model_folder": "models/demand/v1"})
    publish(planning.home, replace(run, info=info))
    loaded: list[Path] = []

    def load(folder: Path) -> DemandModel:
        loaded.append(folder)
        return cast("DemandModel", PriceModel(sorted(LEAVES)))

    parts = planning.client.deployment.parts
    parts.scenarios._load = load
    parts.refresh()
    return planning


def points(answer: httpx.Response, name: str) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = {one["unique_id"]: one for one in answer.json()["series"]}
    return cast("list[dict[str, Any]]", found[name]["points"])


def ask(
    planning: DemandClient, scenario: dict[str, Any], *names: str, key: str | None = None
) -> httpx.Response:
    return planning.post("scenario", {"unique_ids": list(names) or ["total"], "scenario": scenario}, key)


EVERYBODY = ("total", "ORG-07", "ORG-08", *LEAVES)


def test_base_low_and_high_stand_beside_the_scenario(planning: DemandClient) -> None:
    answer = ask(planning, {"level": {"percent": 10.0}}, "SKU-001/west")
    (point, *_) = points(answer, "SKU-001/west")
    assert (point["ds"], point["base"]) == ("2026-11-01", pytest.approx(330))
    assert point["scenario"] == pytest.approx(363)
    assert point["low"] == pytest.approx(330 * 0.9), "the total's 10 % quantile over its forecast, for all"
    assert point["high"] == pytest.approx(330 * 1.2)
    body = answer.json()
    assert (body["run_id"], body["data_as_of"]) == ("20261103T020000-1mo-test", "2026-11-01")
    assert body["scenario"]["parts"][0]["assumption"] is True
    assert [note["code"] for note in body["quality"]["notes"]] == ["assumptions_stated"]


@pytest.mark.parametrize(
    "scenario",
    [
        {"level": {"quantile": 0.9}},
        {"level": {"percent": -20.0}, "shocks": [{"first": "2026-12-10", "surge": 3.5, "surge_days": 14}]},
        {
            "shocks": [
                {"first": "2027-01-01", "surge": 2.0, "surge_days": 31, "hangover": 0.5, "hangover_days": 40}
            ]
        },
        {"drivers": [{"driver": "price", "operation": "multiply", "value": 0.9, "elasticity": -1.5}]},
    ],
)
def test_parts_add_up_to_the_scenario_and_series_to_their_sums(
    planning: DemandClient, scenario: dict[str, Any]
) -> None:
    answer = ask(planning, scenario, *EVERYBODY)
    of = {name: points(answer, name) for name in EVERYBODY}
    assert any(point["scenario"] != pytest.approx(point["base"]) for point in of["total"])
    for name in EVERYBODY:
        for point in of[name]:
            told = [part["value"] for part in (*point["drivers"], *point["effects"])]
            assert sum(told) == pytest.approx(point["scenario"])
    for step in range(HORIZON):
        assert of["ORG-07"][step]["scenario"] == pytest.approx(
            of["SKU-001/east"][step]["scenario"] + of["SKU-001/west"][step]["scenario"]
        )
        assert of["total"][step]["scenario"] == pytest.approx(
            of["ORG-07"][step]["scenario"] + of["ORG-08"][step]["scenario"]
        )


def test_a_shock_to_a_company_leaves_the_others(planning: DemandClient) -> None:
    shock = {"first": "2026-12-01", "surge": 2.0, "surge_days": 31, "ids": ["ORG-07"]}
    answer = ask(planning, {"shocks": [shock]}, *EVERYBODY)
    assert points(answer, "SKU-001/east")[1]["scenario"] == pytest.approx(220)
    assert points(answer, "SKU-001/east")[2]["scenario"] == pytest.approx(110), "January is over it"
    assert points(answer, "ORG-08")[1]["scenario"] == pytest.approx(55)
    assert points(answer, "total")[1]["scenario"] == pytest.approx(495 + 440)


def test_a_driver_moves_what_the_model_has_learnt_of_it(priced: DemandClient) -> None:
    change = {
        "driver": "price",
        "operation": "multiply",
        "value": 0.9,
        "first": "2026-12-01",
        "last": "2026-12-31",
    }
    answer = ask(priced, {"drivers": [change]}, *EVERYBODY)
    assert points(answer, "SKU-001/west")[1]["scenario"] == pytest.approx(330 + 30)
    assert points(answer, "SKU-001/west")[0]["scenario"] == pytest.approx(330)
    assert points(answer, "ORG-07")[1]["scenario"] == pytest.approx(440 + 40)
    assert points(answer, "total")[1]["effects"][0]["value"] == pytest.approx(45)
    (part,) = answer.json()["scenario"]["parts"]
    assert (part["kind"], part["assumption"], part["silent"]) == ("driver", False, False)
    assert part["text_zh"] == "price × 0.9"
    assert ask(priced, {"drivers": [change]}, "total").json()["quality"] == {"level": "full", "notes": []}


def test_a_model_is_read_once_for_many_scenarios(priced: DemandClient) -> None:
    desk = priced.client.deployment.parts.scenarios
    change = {"driver": "price", "operation": "set", "value": 9.0}
    ask(priced, {"drivers": [change]})
    first = desk._model
    ask(priced, {"drivers": [change]})
    assert desk._model is first


def test_what_changes_nothing_is_told(planning: DemandClient) -> None:
    answer = ask(planning, {"shocks": [{"first": "2030-01-01", "surge": 2.0, "surge_days": 10}]})
    assert points(answer, "total")[0]["scenario"] == points(answer, "total")[0]["base"]
    assert "silent_part" in [note["code"] for note in answer.json()["quality"]["notes"]]


def test_without_its_model_a_driver_needs_an_elasticity(planning: DemandClient) -> None:
    change: dict[str, Any] = {"driver": "price", "operation": "multiply", "value": 0.9}
    refused = problem(ask(planning, {"drivers": [change]}), 422, "scenario")
    assert "elasticity" in refused["detail"]
    answer = ask(planning, {"drivers": [{**change, "elasticity": -2.0}]})
    assert points(answer, "total")[0]["scenario"] == pytest.approx(495 * 0.9**-2)
    notes = [note["code"] for note in answer.json()["quality"]["notes"]]
    assert notes == ["assumptions_stated", "model_not_kept"]


def test_a_model_that_cannot_be_read_is_as_good_as_none(priced: DemandClient) -> None:
    priced.client.deployment.parts.scenarios._load = load_model
    change: dict[str, Any] = {"driver": "price", "operation": "multiply", "value": 0.9}
    problem(ask(priced, {"drivers": [change]}), 422, "scenario")
    answer = ask(priced, {"drivers": [{**change, "elasticity": -1.0}]})
    assert "model_not_kept" in [note["code"] for note in answer.json()["quality"]["notes"]]


def test_named_scenarios_are_those_of_the_file_and_say_when_nobody_has_confirmed_them(
    planning: DemandClient,
) -> None:
    high = planning.post("scenario", {"level": "total", "name": "high"})
    assert [point["scenario"] for point in points(high, "total")] == [
        p["high"] for p in points(high, "total")
    ]
    panic = planning.post("scenario", {"level": "total", "name": "salt_panic"}).json()
    assert panic["scenario"]["verified"] is False
    assert "scenario_unverified" in [note["code"] for note in panic["quality"]["notes"]]
    unknown = problem(planning.post("scenario", {"level": "total", "name": "flood"}), 422, "scenario")
    assert "salt_panic" in unknown["detail"]


def festival(run: ForecastRun) -> ForecastRun:
    """Say of February what Spring Festival takes: a tenth of the forecast."""
    february = (pl.col("step") == 4) & (pl.col("component") == "season")
    taken = pl.col("value").sum().over("unique_id", "step") * 0.1
    moved = run.components.with_columns(
        pl.when(february).then(pl.col("value") + taken).otherwise("value").alias("value")
    )
    amount = run.forecast.filter(pl.col("step") == 4).select(
        "unique_id",
        "step",
        pl.lit("calendar:spring_festival").alias("component"),
        (-0.1 * pl.col("forecast")).alias("value"),
    )
    return replace(run, components=pl.concat([moved, amount.cast({"step": pl.Int64})]))


def test_a_moved_festival_moves_its_effect_and_no_more(planning: DemandClient) -> None:
    publish(planning.home, festival(make_run(date(2026, 10, 1), issued_at=LATER)))
    planning.client.deployment.parts.refresh()
    answer = ask(planning, {"festival": {"days": 14}}, *EVERYBODY)
    of = points(answer, "total")
    assert of[3]["scenario"] == pytest.approx(495 + 49.5 * 14 / 28), "half of it falls into March"
    assert of[4]["scenario"] == pytest.approx(495 - 49.5 * 14 / 28)
    assert sum(point["scenario"] - point["base"] for point in of) == pytest.approx(0)


def test_a_festival_that_the_run_does_not_know_cannot_be_moved(planning: DemandClient) -> None:
    refused = problem(ask(planning, {"festival": {"days": 7}}), 422, "scenario")
    assert "Spring Festival" in refused["detail"]


def test_a_key_for_one_company_asks_about_its_series_alone(planning: DemandClient) -> None:
    scenario = {"level": {"quantile": 0.1}}
    answer = ask(planning, scenario, "ORG-07", "total", key=planning.org07)
    assert [one["unique_id"] for one in answer.json()["series"]] == ["ORG-07"]
    assert [one["code"] for one in answer.json()["refused"]] == ["not_in_scope"]
    for hidden in ("ORG-08", "total", "no such"):
        shock = {"first": "2026-12-01", "surge": 2.0, "surge_days": 31, "ids": [hidden]}
        problem(ask(planning, {"shocks": [shock]}, "ORG-07", key=planning.org07), 422, "scenario")
    problem(ask(planning, scenario, "total", key=planning.org07), 403, "outside-scope")


def test_scenario_is_in_the_ledger(planning: DemandClient) -> None:
    sent = ask(planning, {"level": {"percent": 10.0}}, "ORG-07")
    record = planning.record(sent)
    assert record["route"] == "demand/scenario"
    assert record["request"]["scenario"]["level"]["percent"] == 10
    assert record["answer"]["series"]["ORG-07"]["scenario"] == [p["scenario"] for p in points(sent, "ORG-07")]


SHOCK = {"first": "2026-12-01", "surge": 2.0, "surge_days": 31}
DRIVER = {"driver": "price", "operation": "multiply", "value": 0.9}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, [("body", "named_or_own")]),
        ({"name": "high", "scenario": {"level": {"percent": 1.0}}}, [("body", "named_or_own")]),
        ({"scenario": {}}, [("scenario", "empty_scenario")]),
        ({"scenario": {"level": {}}}, [("scenario.level", "percent_or_quantile")]),
        ({"scenario": {"level": {"percent": -100}}}, [("scenario.level.percent", "greater_than")]),
        ({"scenario": {"festival": {"days": 41}}}, [("scenario.festival.days", "less_than_equal")]),
        (
            {"scenario": {"shocks": [{**SHOCK, "surge": "twice"}]}},
            [("scenario.shocks.0.surge", "float_type")],
        ),
        ({"scenario": {"shocks": [{**SHOCK, "kind": "x"}]}}, [("scenario.shocks.0.kind", "extra_forbidden")]),
        (
            {"scenario": {"drivers": [{**DRIVER, "value": 0.0}]}},
            [("scenario.drivers.0", "multiply_above_zero")],
        ),
        (
            {"scenario": {"drivers": [{**DRIVER, "operation": "set", "elasticity": 1.0}]}},
            [("scenario.drivers.0", "elasticity_needs_multiply")],
        ),
        (
            {"scenario": {"drivers": [{**DRIVER, "first": "2027-01-01", "last": "2026-12-01"}]}},
            [("scenario.drivers.0", "first_after_last")],
        ),
        ({"unique_ids": None, "name": "high"}, [("body", "one_way_to_select")]),
    ],
)
def test_wrong_fields_are_named(
    planning: DemandClient, changes: dict[str, object], expected: list[tuple[str, str]]
) -> None:
    body = {"unique_ids": ["total"], **changes}
    assert fields(planning.post("scenario", body)) == expected
