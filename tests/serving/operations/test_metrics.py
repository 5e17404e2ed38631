"""What is counted comes out on one page, with labels that cannot grow without end and no name in them."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from serving.operations import metrics
from serving.operations.gauges import metrics_page
from serving.operations.observing import Seen
from tests.serving.metrics_page import samples, value

if TYPE_CHECKING:
    from tests.serving.conftest import Client, Service

SEEN = Seen("/v1/credit/score", "POST", 422, 0.004, "r", "t", "k", "invalid_request")


def test_a_request_is_counted_by_route_method_status_and_problem() -> None:
    labels = {"route": SEEN.route, "method": "POST", "status": "422"}
    before = value("zhiheng_requests_total", **labels), value("zhiheng_problems_total", problem=SEEN.problem)
    metrics.observed_request(SEEN)
    assert value("zhiheng_requests_total", **labels) == before[0] + 1
    assert value("zhiheng_problems_total", problem=SEEN.problem) == before[1] + 1


def test_a_score_is_counted_by_grade_advice_quality_and_notes() -> None:
    labels = {"grade": "A3", "advice": "approve", "quality": "fallback"}
    before, flagged = (
        value("zhiheng_scores_total", **labels),
        value("zhiheng_quality_flags_total", code="stale_data"),
    )
    metrics.observed_score("A3", "approve", "fallback", 0.012, flags=("stale_data",))
    assert value("zhiheng_scores_total", **labels) == before + 1
    assert value("zhiheng_quality_flags_total", code="stale_data") == flagged + 1


def test_an_answer_without_a_model_counts_without_a_pd() -> None:
    before = value("zhiheng_score_pd_count")
    metrics.observed_score(None, "manual_review", "rules_only", None)
    assert value("zhiheng_score_pd_count") == before
    assert value("zhiheng_scores_total", grade="none", advice="manual_review", quality="rules_only") >= 1


def test_a_pd_falls_into_its_bucket() -> None:
    inside, below = value("zhiheng_score_pd_bucket", le="0.02"), value("zhiheng_score_pd_bucket", le="0.01")
    metrics.observed_score("B1", "approve", "full", 0.015)
    assert value("zhiheng_score_pd_bucket", le="0.02") == inside + 1
    assert value("zhiheng_score_pd_bucket", le="0.01") == below


def test_a_label_with_more_values_than_any_vocabulary_stops_growing() -> None:
    for number in range(1000):
        metrics.observed_limit(f"made-up-{number}")
    limits = {
        sample.labels["limit"] for family in metrics.REGISTRY.collect() for sample in family.samples
        if sample.name == "zhiheng_limited_total"
    }  # fmt: skip
    assert len(limits) <= 201
    assert "other" in limits


def test_a_commit_is_counted_with_its_time() -> None:
    before = value("zhiheng_ledger_records_total")
    metrics.observed_commit(0.004, 7, ended_at=1_790_000_000.0)
    assert value("zhiheng_ledger_records_total") == before + 7
    assert value("zhiheng_ledger_last_commit_timestamp_seconds") == 1_790_000_000.0


def test_what_a_challenger_differs_by_has_no_sign() -> None:
    before = value("zhiheng_shadow_difference_log_odds_bucket", family="credit", le="0.35")
    metrics.observed_shadow("credit", -0.3)
    assert value("zhiheng_shadow_difference_log_odds_bucket", family="credit", le="0.35") == before + 1


def test_the_page_tells_parts_ages_jobs_disk_and_memory(client: "Client") -> None:
    page = client.http.get("/metrics").text
    ready = {labels["part"]: value for labels, value in samples(page, "zhiheng_part_ready")}
    assert {ready[part] for part in ("model", "features", "graph", "ledger")} == {1.0}
    ages = {labels["part"]: value for labels, value in samples(page, "zhiheng_part_age_seconds")}
    as_of = datetime(2026, 10, 31, tzinfo=UTC)
    assert ages["features"] == pytest.approx((datetime.now(UTC) - as_of).total_seconds(), abs=3600)
    assert {labels["state"] for labels, _ in samples(page, "zhiheng_jobs")} == {"waiting", "running"}
    for name in ("zhiheng_disk_free_bytes", "zhiheng_disk_size_bytes", "zhiheng_worker_memory_bytes"):
        assert samples(page, name)[0][1] > 1e6


def test_a_score_over_http_comes_out_on_the_page(service: "Service") -> None:
    def scored() -> float:
        page = service.call("GET", "/metrics").text
        return sum(number for labels, number in samples(page, "zhiheng_requests_total")
                   if (labels["route"], labels["status"]) == ("/v1/credit/score", "200"))  # fmt: skip

    before = scored()
    for _ in range(5):
        service.score({"party_id": "P0000001"})
    assert scored() == before + 5


def test_routes_are_templates_and_unknown_addresses_are_one(service: "Service") -> None:
    for number in range(20):
        service.call("GET", f"/v1/unknown/P{number:07}")
    service.call("GET", "/v1/capacity/plans/P0000007", None, Authorization=f"Bearer {service.world.planner}")
    routes = {
        labels["route"]
        for labels, _ in samples(service.call("GET", "/metrics").text, "zhiheng_requests_total")
    }
    assert "unmatched" in routes
    assert [route for route in routes if "P0000" in route] == []


WORKER = """
import sys
from serving.operations import metrics
from serving.operations.gauges import MEMORY
metrics.observed_commit(0.001, 3, ended_at=float(sys.argv[1])); MEMORY.set(1.0); print("said", flush=True); input()
"""


def test_workers_are_added_up_and_gauges_of_the_dead_are_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, at], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for at in ("100", "200")
    ]
    try:
        for worker in workers:
            assert worker.stdout is not None
            assert worker.stdout.readline() == b"said\n"
        monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
        both = metrics_page()[0].decode()
        workers[0].kill()
        workers[0].wait()
        one = metrics_page()[0].decode()
    finally:
        for worker in workers:
            worker.kill()
            worker.communicate()
    assert samples(both, "zhiheng_ledger_records_total") == [({}, 6.0)]
    assert samples(both, "zhiheng_ledger_last_commit_timestamp_seconds") == [({}, 200.0)]
    pids = [
        {labels["pid"] for labels, _ in samples(page, "zhiheng_worker_memory_bytes")} for page in (both, one)
    ]
    assert pids == [{str(worker.pid) for worker in workers}, {str(workers[1].pid)}]
    assert samples(one, "zhiheng_ledger_records_total") == [({}, 6.0)]


def test_health_says_that_the_access_log_cannot_be_written_and_goes_on_answering(client: "Client") -> None:
    client.deployment.access_log.problem = "No space left on device"
    health = client.http.get("/healthz").json()
    assert health["parts"]["access_log"]["ready"] is False
    assert "No space left" in health["parts"]["access_log"]["problem_en"]
    assert client.http.get("/readyz").status_code == 200


def test_a_score_over_http_is_counted_by_grade_and_quality(client: "Client") -> None:
    def counted() -> float:
        return sum(sample.value for family in metrics.REGISTRY.collect() for sample in family.samples
                   if sample.name == "zhiheng_scores_total" and sample.labels["quality"] == quality)  # fmt: skip

    quality = client.score({"party_id": "P0000000"}).json()["quality"]["level"]
    before, pds = counted(), value("zhiheng_score_pd_count")
    client.score({"party_id": "P0000000"})
    assert (counted(), value("zhiheng_score_pd_count")) == (before + 1, pds + 1)


def test_notes_of_quality_are_counted_by_code(client: "Client") -> None:
    before = value("zhiheng_quality_flags_total", code="missing_features")
    client.score({"party_id": "P0000001"})
    assert value("zhiheng_quality_flags_total", code="missing_features") == before + 1


def test_a_commit_over_http_is_counted(client: "Client") -> None:
    before = value("zhiheng_ledger_records_total")
    client.score({"party_id": "P0000000"})
    assert value("zhiheng_ledger_records_total") > before
