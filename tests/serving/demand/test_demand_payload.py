"""A series in the payload is forecast at once; a bad one is refused by name and stops nothing; one at a time."""

import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from graph.errors import UserError
from models.demand.ledger.published_run import ForecastRun
from serving.demand.payload import Table, forecast_now
from tests.serving.demand.demand_world import DemandClient, fields, make_planner, problem
from tests.serving.demand.mean_model import by_mean

if TYPE_CHECKING:
    from tests.serving.conftest import MakeClient


@pytest.fixture
def mean(planning: DemandClient) -> DemandClient:
    """The application with a forecaster of means in place of the fast tier."""
    planning.client.deployment.parts.payloads._forecaster = by_mean
    return planning


def monthly(name: str, values: Sequence[float | None], **changes: object) -> dict[str, Any]:
    points = [{"ds": f"{2024 + i // 12}-{i % 12 + 1:02}-01", "y": y} for i, y in enumerate(values)]
    return {"unique_id": name, "freq": "1mo", "points": points, "horizon": 2, **changes}


def test_payload_is_forecast_with_drivers_and_quality(mean: DemandClient) -> None:
    future = [
        {"ds": "2024-04-01", "drivers": {"promo": 1.0}},
        {"ds": "2024-05-01", "drivers": {"promo": 0.0}},
    ]
    sent = mean.post("forecast", {"series": [monthly("A", [10.0, 20.0, 30.0], future=future)]})
    assert sent.status_code == 200, sent.text
    answer = sent.json()
    assert (answer["run_id"], answer["data_as_of"], answer["tier"]) == (None, None, "fast")
    assert answer["model_version"].startswith("demand-fast-seed7-")
    (series,) = answer["series"]
    assert [(p["ds"], p["forecast"]) for p in series["points"]] == [
        ("2024-04-01", 22.0),
        ("2024-05-01", 20.0),
    ]
    drivers = {part["component"]: part for part in series["points"][0]["drivers"]}
    assert (drivers["driver:promo"]["value"], drivers["driver:promo"]["text_zh"]) == (2.0, "驱动因素 promo")
    assert series["points"][0]["quantiles"] == pytest.approx({"0.1": 17.6, "0.9": 26.4})
    assert answer["quality"]["level"] == "full"


def test_payload_and_figures_are_in_the_ledger(mean: DemandClient) -> None:
    asked = {"series": [monthly("A", [10.0, 20.0, 30.0])]}
    sent = mean.post("forecast", asked)
    record = mean.record(sent)
    assert record["request"]["series"][0]["points"][1] == {"ds": "2024-02-01", "y": 20.0, "drivers": {}}
    assert record["answer"]["series"]["A"]["forecast"] == [20, 20]
    assert record["answer"]["model_version"] == mean.post("forecast", asked).json()["model_version"]


def test_bad_series_are_refused_by_name_and_stop_nothing(mean: DemandClient) -> None:
    series = [
        monthly("good", [1.0, 2.0, 3.0]),
        monthly("empty", []),
        monthly("missing", [None, None]),
        monthly("fortnightly", [1.0], freq="2w"),
        {**monthly("thirteenth month", [1.0]), "points": [{"ds": "2024-13-01", "y": 1.0}]},
        {**monthly("mid-month", [1.0, 2.0]), "points": [{"ds": "2024-01-15", "y": 1.0}]},
        {
            **monthly("twice", [1.0]),
            "points": [{"ds": "2024-01-01", "y": 1.0}, {"ds": "2024-01-01", "y": 2.0}],
        },
        {"unique_id": "days", "freq": "1d", "points": [{"ds": "2024-01-01", "y": 4.0}], "horizon": 3},
        {**monthly("named y", [1.0]), "points": [{"ds": "2024-01-01", "y": 1.0, "drivers": {"y": 2.0}}]},
    ]
    answer = mean.post("forecast", {"series": series}).json()
    assert [(one["unique_id"], len(one["points"])) for one in answer["series"]] == [("good", 2), ("days", 3)]
    refused = {one["unique_id"]: one for one in answer["refused"]}
    assert set(refused) == {one["unique_id"] for one in series} - {"good", "days"}
    assert refused["empty"]["code"] == "no_points"
    assert refused["fortnightly"]["code"] == "unknown_freq"
    assert refused["thirteenth month"]["code"] == "unreadable_ds"
    assert refused["named y"]["code"] == "driver_name"
    assert all(one["text_zh"] and one["text_en"] for one in refused.values())
    assert answer["quality"]["level"] == "fallback"


def test_all_refused_is_an_answer_of_quality_refused(mean: DemandClient) -> None:
    answer = mean.post("forecast", {"series": [monthly("empty", [])]}).json()
    assert (answer["series"], answer["quality"]["level"]) == ([], "refused")


def test_a_frequency_that_fails_as_a_whole_leaves_the_others(planning: DemandClient) -> None:
    def fails(table: Table, *, version: str, issued_at: datetime, seed: int) -> ForecastRun:
        if str(table.freq) == "1d":
            raise UserError(zh="日数据无法预测", en="days cannot be forecast")
        return by_mean(table, version=version, issued_at=issued_at, seed=seed)

    planning.client.deployment.parts.payloads._forecaster = fails
    days = {"unique_id": "days", "freq": "1d", "points": [{"ds": "2024-01-01", "y": 4.0}], "horizon": 3}
    answer = planning.post("forecast", {"series": [days, monthly("A", [1.0, 2.0])]}).json()
    assert [one["unique_id"] for one in answer["series"]] == ["A"]
    assert answer["refused"] == [
        {
            "unique_id": "days",
            "code": "not_forecast",
            "text_zh": "日数据无法预测",
            "text_en": "days cannot be forecast",
        }
    ]


@pytest.mark.parametrize(
    ("freq", "stamps", "following"),
    [
        ("1h", ["2026-01-01T22:00:00", "2026-01-01T23:00"], "2026-01-02T00:00:00"),
        ("1d", ["2026-01-31", "2026-02-01"], "2026-02-02"),
        ("W", ["2026-01-05", "2026-01-12"], "2026-01-19"),
        ("1q", ["2025-07-01", "2025-10-01"], "2026-01-01"),
        ("1", ["7", "8"], "9"),
    ],
)
def test_every_frequency_is_forecast(
    mean: DemandClient, freq: str, stamps: list[str], following: str
) -> None:
    points = [{"ds": ds, "y": 3.0} for ds in stamps]
    asked = {"series": [{"unique_id": "A", "freq": freq, "points": points, "horizon": 1}]}
    (series,) = mean.post("forecast", asked).json()["series"]
    assert [(point["ds"], point["forecast"]) for point in series["points"]] == [(following, 3.0)]


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        ([monthly("A", [1.0]), monthly("A", [2.0])], [("series.1.unique_id", "repeated")]),
        ([monthly("A", [1.0], horizon=401)], [("series.0.horizon", "horizon_too_long")]),
        ([monthly(f"{i}", [1.0]) for i in range(51)], [("series", "too_many_series")]),
        ([], [("series", "too_short")]),
        ([monthly("A", [1.0], horizon=0)], [("series.0.horizon", "greater_than_equal")]),
        ([{"unique_id": "A", "freq": "1d", "horizon": 1}], [("series.0.points", "missing")]),
        ([monthly("A", ["ten"])], [("series.0.points.0.y", "float_type")]),  # type: ignore[list-item]
    ],
)
def test_wrong_payloads_are_named(
    mean: DemandClient, series: list[object], expected: list[tuple[str, str]]
) -> None:
    assert fields(mean.post("forecast", {"series": series})) == expected


def test_points_and_bytes_have_limits(planning: DemandClient, make_client: "MakeClient") -> None:
    small = make_client(planning.home, planning.group, payload_points_limit=3, payload_body_limit_bytes=500)
    opened = DemandClient(small, planning.group, "")
    assert fields(opened.post("forecast", {"series": [monthly("A", [1.0] * 4)]})) == [
        ("series", "too_many_points")
    ]
    problem(opened.post("forecast", {"series": [monthly("A", [1.0] * 40)]}), 413, "body-too-large")


class Held:
    """A forecaster that waits until it is let go."""

    def __init__(self) -> None:
        self.begun, self.go, self.calls = threading.Event(), threading.Event(), 0

    def __call__(self, table: Table, *, version: str, issued_at: datetime, seed: int) -> ForecastRun:
        self.calls += 1
        self.begun.set()
        assert self.go.wait(30)
        return by_mean(table, version=version, issued_at=issued_at, seed=seed)


def ask(planning: DemandClient) -> Callable[[], Any]:
    return lambda: planning.post("forecast", {"series": [monthly("A", [1.0, 2.0])]})


def test_one_forecast_at_a_time_and_who_waits_too_long_is_told(
    planning: DemandClient, make_client: "MakeClient"
) -> None:
    opened = DemandClient(
        make_client(planning.home, planning.group, forecast_wait_seconds=0.05), planning.group, ""
    )
    held = Held()
    opened.client.deployment.parts.payloads._forecaster = held
    first = threading.Thread(target=ask(opened))
    first.start()
    try:
        assert held.begun.wait(30)
        found = problem(ask(opened)(), 503, "forecaster-busy")
        assert "zhiheng forecast" in found["detail"]
        assert held.calls == 1
    finally:
        held.go.set()
        first.join(30)
    assert opened.post("forecast", {"level": "total"}).status_code == 200, "published runs are read meanwhile"
    assert ask(opened)().status_code == 200


def test_a_forecast_that_came_too_late_is_not_written_down(
    planning: DemandClient, make_client: "MakeClient"
) -> None:
    client = make_client(planning.home, planning.group, forecast_deadline_seconds=0.2)
    opened = DemandClient(client, planning.group, "")
    held = Held()
    parts = client.deployment.parts
    parts.payloads._forecaster = held
    problem(ask(opened)(), 504, "deadline")
    held.go.set()
    with parts.payloads.turn():  # the late computation has ended
        pass
    assert parts.ledger.probe() == (0, None)


LISTED = """
import sys
from pathlib import Path
from serving.settings import ServiceSettings
from serving.wiring import Deployment
deployment = Deployment(ServiceSettings(home=Path(sys.argv[1])))
deployment.start()
assert deployment.parts.demand.store.latest
print(*sorted(name for name, module in sys.modules.items() if module and "." not in name))
"""


def test_worker_that_holds_runs_has_not_imported_what_forecasts(planning: DemandClient) -> None:
    command = [sys.executable, "-c", LISTED, str(planning.home)]
    modules = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    unwanted = {
        "prophet",
        "statsforecast",
        "pandas",
        "numba",
        "sklearn",
        "mlflow",
        "networkx",
        "lightgbm",
    }
    assert unwanted.isdisjoint(modules)
    assert "polars" in modules


def test_fast_tier_forecasts_a_payload(tmp_path: Path, make_client: "MakeClient") -> None:
    key = make_planner(tmp_path, "*")
    client = make_client(tmp_path, key, forecast_deadline_seconds=300)
    assert client.deployment.parts.payloads._forecaster is forecast_now
    opened = DemandClient(client, key, key)
    values = [100.0 + i + (30 if i % 12 == 3 else 0) for i in range(60)]
    series = [
        monthly("A", values, horizon=12),
        monthly("B", [2 * y for y in values]),
        monthly("one", [5.0]),
        monthly("none", [None]),
    ]
    sent = opened.post("forecast", {"series": series})
    assert sent.status_code == 200, sent.text
    answer = sent.json()
    assert [(one["unique_id"], len(one["points"])) for one in answer["series"]] == [
        ("A", 12),
        ("B", 2),
        ("one", 2),
    ]
    first = answer["series"][0]
    april = {point["ds"]: point for point in first["points"]}["2029-04-01"]
    assert april["forecast"] == pytest.approx(193, rel=0.25), "how good it is, is tested where it is made"
    for point in first["points"]:
        assert sum(part["value"] for part in point["drivers"]) == pytest.approx(point["forecast"], abs=1e-6)
        assert list(point["quantiles"].values()) == sorted(point["quantiles"].values())
        assert len(point["quantiles"]) == 9
    assert answer["series"][2]["quality"]["level"] == "fallback"
    assert answer["series"][2]["points"][0]["forecast"] == 5
    assert [one["unique_id"] for one in answer["refused"]] == ["none"]
