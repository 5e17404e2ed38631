"""Challengers answer the same requests unseen: compared, bounded in memory and on disk, and never in the way."""

import dataclasses
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sqlalchemy import func, select

from models.capacity.published import capacity_run
from serving.champions.shadow import Shadow, ShadowLimits, comparison
from serving.champions.shadow_tasks import Compared, ShadowTask, compare_figures
from serving.credit.errors import NoFeaturesError
from serving.ledger.database import Database
from serving.ledger.tables import shadow_answers
from tests.serving.capacity import capacity_world
from tests.serving.champions.conftest import Operations
from tests.serving.demand.demand_world import ISSUED, make_run, publish

if TYPE_CHECKING:
    from pathlib import Path

    from tests.serving.capacity.capacity_world import CapacityClient
    from tests.serving.demand.demand_world import DemandClient

LIMITS = ShadowLimits(waiting=3, figures=1000, kept=10, load=0.5)


@pytest.fixture
def database(tmp_path: "Path") -> Database:
    found = Database(tmp_path / "ledger.db")
    found.open()
    return found


def make(database: Database, limits: ShadowLimits = LIMITS) -> Shadow:
    moments = iter(range(10_000))
    return Shadow(database, limits, clock=lambda: datetime(2026, 11, 1, 0, 0, 0, next(moments), tzinfo=UTC))


def task(
    difference: float = 0.5, *, weight: int = 1, compare: Callable[[], Compared] | None = None
) -> ShadowTask:
    found = Compared(difference, 0.1, 1.0, "B", 0.5, "A")
    return ShadowTask("credit", "new", "old", "decision", compare or (lambda: found), weight=weight)


def test_scores_are_compared_with_the_challengers(operations: Operations) -> None:
    operations.order("approver", "aliases", alias="challenger", version=operations.first)
    shadow = operations.client.deployment.shadow
    shadow.stop()
    shadow._stop = threading.Event()
    answers = [operations.score(party_id=f"P000000{i}").json() for i in (0, 1, 2)]
    operations.score(party_id="P0000003")  # nothing is known of it: no answer, nothing to compare
    assert shadow.waiting == 3
    shadow.work()
    summary = operations.get("/v1/models/credit/shadow").json()
    assert (summary["version"], summary["n"], summary["failed"], summary["dropped"]) == (
        operations.first,
        3,
        0,
        0,
    )
    assert summary["mean_difference"] > 0
    with operations.client.deployment._database.reading() as connection:
        rows = {row.decision_id: row for row in connection.execute(select(shadow_answers))}
    assert set(rows) == {answer["decision_id"] for answer in answers}
    for answer in answers:
        row = rows[answer["decision_id"]]
        assert (row.champion_version, row.champion_grade) == (operations.second, answer["grade"])
        assert row.difference == row.log_odds - answer["log_odds"]
    challenger = operations.client.deployment.parts.credit.challenger
    assert challenger is not None
    assert rows[answers[0]["decision_id"]].version == challenger.model.version


def test_without_a_challenger_nothing_is_queued(operations: Operations) -> None:
    operations.score()
    assert operations.client.deployment.shadow.waiting == 0
    assert operations.get("/v1/models/credit/shadow").json()["version"] is None


def test_full_queue_drops_and_counts(database: Database) -> None:
    dropped: list[str] = []
    shadow = make(database)
    shadow._on_dropped = dropped.append
    assert [shadow.offer(task()) for _ in range(5)] == [True, True, True, False, False]
    shadow.work()
    found = comparison(database, "credit", "new")
    assert (found.n, found.dropped, found.grade_changes) == (3, 2, 3)
    assert dropped == ["credit", "credit"]
    assert shadow.offer(task()), "there is room again"


def test_figures_in_memory_are_bounded_too(database: Database) -> None:
    shadow = make(database)
    assert shadow.offer(task(weight=900))
    assert not shadow.offer(task(weight=200))
    assert shadow.offer(task(weight=100))


def test_answers_on_disk_are_bounded(database: Database) -> None:
    shadow = make(database)
    for _ in range(20):
        for _ in range(3):
            shadow.offer(task())
        shadow.work(1)
        shadow.work(2)
    with database.reading() as connection:
        held = connection.execute(select(func.count()).select_from(shadow_answers)).scalar_one()
    assert held <= LIMITS.kept + 3


def test_challenger_that_fails_is_counted_and_harms_nobody(database: Database) -> None:
    def refuse() -> Compared:
        raise NoFeaturesError(6)

    def break_down() -> Compared:
        raise ZeroDivisionError

    shadow = make(database)
    for compare in (refuse, break_down, None):
        shadow.offer(task(compare=compare))
    shadow.work()
    found = comparison(database, "credit", "new")
    assert (found.n, found.failed, found.mean_difference) == (1, 2, 0.5)


def test_answers_that_cannot_be_written_are_counted_as_dropped(database: Database, tmp_path: "Path") -> None:
    shadow = make(database)
    shadow.offer(task())
    (tmp_path / "ledger.db").rename(tmp_path / "away.db")
    shadow.work()
    (tmp_path / "away.db").rename(tmp_path / "ledger.db")
    shadow.work()
    found = comparison(database, "credit", "new")
    assert (found.n, found.dropped) == (0, 1)


def test_forecasts_are_compared_by_what_both_have() -> None:
    champion = {"A": np.array([10.0, 20.0]), "B": np.array([30.0])}
    found = compare_figures(champion, {"A": np.array([11.0, 18.0, 5.0]), "C": np.array([1.0])})
    assert (found.figures, found.difference) == (2, 0.1)
    same = compare_figures(champion, champion)
    assert (same.figures, same.difference) == (3, 0.0)
    assert same.figures_sha256 != found.figures_sha256
    assert compare_figures(champion, {}).difference is None


def test_challengers_run_of_demand_answers_beside_and_is_not_served(
    planning: "DemandClient", tmp_path: "Path"
) -> None:
    later = make_run(date(2026, 10, 1), issued_at=ISSUED.replace(hour=ISSUED.hour + 1))
    info = later.info.model_copy(update={"run_id": "challenger-run", "challenger": True})
    publish(tmp_path, dataclasses.replace(later, info=info))
    deployment = planning.client.deployment
    assert deployment.parts.refresh() is True
    shadow = deployment.shadow
    shadow.stop()
    shadow._stop = threading.Event()
    answer = planning.post("forecast", {"level": "total"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["run_id"] != "challenger-run"
    shadow.work()
    family = f"demand-{info.freq}"
    found = comparison(deployment._database, family, "challenger-run")
    assert (found.n, found.failed, found.mean_difference) == (1, 0, 0.0)


def test_challengers_run_of_capacity_answers_beside_and_is_not_served(
    plant: "CapacityClient", tmp_path: "Path"
) -> None:
    run = capacity_world.make_run()
    info = run.info.model_copy(update={"run_id": "challenger-run", "challenger": True})
    capacity_world.publish(tmp_path, dataclasses.replace(run, info=info))
    assert [one.run_id for one in capacity_run.list_runs(tmp_path / "capacity")] != ["challenger-run"]
    deployment = plant.client.deployment
    deployment.parts.refresh()
    shadow = deployment.shadow
    shadow.stop()
    shadow._stop = threading.Event()
    answer = plant.post("forecast", {})
    assert answer.status_code == 200, answer.text
    assert answer.json()["run_id"] != "challenger-run"
    shadow.work()
    found = comparison(deployment._database, "capacity", "challenger-run")
    assert (found.n, found.failed, found.mean_difference) == (1, 0, 0.0)


def test_requests_during_a_slow_challenger_are_not_held_up(operations: Operations) -> None:
    operations.order("approver", "aliases", alias="challenger", version=operations.first)
    gate = threading.Event()

    def wait() -> Compared:
        gate.wait(30)
        return Compared(None)

    shadow = operations.client.deployment.shadow
    shadow.offer(ShadowTask("credit", "slow", "old", "x", wait))
    statuses = [operations.score().status_code for _ in range(5)]
    assert not gate.is_set()
    gate.set()
    assert statuses == [200] * 5
