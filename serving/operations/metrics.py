"""What is counted and measured, under names that dashboards and alerts use; labels come from closed vocabularies.

One registry a process, as prometheus_client means it: under BentoML every worker writes to files in
PROMETHEUS_MULTIPROC_DIR, and whichever worker is asked for /metrics adds them up.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from serving.operations.metric_files import back_metric_files
from serving.operations.observing import Seen

__all__ = [
    "REGISTRY",
    "access_log_failed",
    "follows",
    "observed_chain",
    "observed_commit",
    "observed_ledger_failure",
    "observed_ledger_queue",
    "observed_limit",
    "observed_refused_version",
    "observed_request",
    "observed_score",
    "observed_shadow",
    "observed_slow_headers",
    "shadow_dropped",
]

back_metric_files()  # before the first metric is made: most of them open their file then
REGISTRY: Final = CollectorRegistry()
OTHER: Final = "other"
# A vocabulary that grows beyond this is none: what comes later is counted together.
_MOST_VALUES: Final = 200
_SECONDS: Final = (0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15)
_COMMIT_SECONDS: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
# Bounds near those of the group's master scale, so that a histogram shows a book that drifts between grades.
_PDS: Final = (0.0003, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.035, 0.06, 0.1, 0.2, 0.4, 1)
_LOG_ODDS: Final = (0.01, 0.03, 0.1, 0.2, 0.35, 0.5, 0.75, 1, 1.5, 2, 3)

REQUESTS: Final = Counter(
    "zhiheng_requests", "Answers by route template", ("route", "method", "status"), registry=REGISTRY
)
# By class of status: with every status the buckets would be thousands of series.
REQUEST_SECONDS: Final = Histogram(
    "zhiheng_request_seconds",
    "Time from the request's headers to the end of the answer",
    ("route", "method", "status_class"),
    buckets=_SECONDS,
    registry=REGISTRY,
)
PROBLEMS: Final = Counter(
    "zhiheng_problems", "Requests refused or failed, by slug of the problem", ("problem",), registry=REGISTRY
)
LIMITED: Final = Counter(
    "zhiheng_limited", "Requests over a limit of their key (429)", ("limit",), registry=REGISTRY
)
SCORES: Final = Counter("zhiheng_scores", "Credit answers", ("grade", "advice", "quality"), registry=REGISTRY)
PDS: Final = Histogram(
    "zhiheng_score_pd", "PD of credit answers that have one", buckets=_PDS, registry=REGISTRY
)
FLAGS: Final = Counter(
    "zhiheng_quality_flags", "Notes on the quality of credit answers", ("code",), registry=REGISTRY
)
LEDGER_QUEUE: Final = Gauge(
    "zhiheng_ledger_queue",
    "Records that wait for the next commit, over all workers",
    multiprocess_mode="livesum",
    registry=REGISTRY,
)
LEDGER_COMMIT_SECONDS: Final = Histogram(
    "zhiheng_ledger_commit_seconds", "Time of one commit", buckets=_COMMIT_SECONDS, registry=REGISTRY
)
LEDGER_RECORDS: Final = Counter("zhiheng_ledger_records", "Records that are durable", registry=REGISTRY)
LEDGER_FAILURES: Final = Counter(
    "zhiheng_ledger_failures", "Commits that failed; nothing was answered", registry=REGISTRY
)
LEDGER_LAST_COMMIT: Final = Gauge(
    "zhiheng_ledger_last_commit_timestamp_seconds",
    "When the newest commit of this start of the service ended",
    multiprocess_mode="max",
    registry=REGISTRY,
)
LEDGER_CHAIN_BROKEN: Final = Gauge(
    "zhiheng_ledger_chain_broken",
    "1 where a check of the newest records found that the chain does not hold",
    multiprocess_mode="mostrecent",
    registry=REGISTRY,
)
SHADOW_DIFFERENCE: Final = Histogram(
    "zhiheng_shadow_difference_log_odds",
    "Distance of the challenger from the champion on the same request",
    ("family",),
    buckets=_LOG_ODDS,
    registry=REGISTRY,
)
SHADOW_DROPPED: Final = Counter(
    "zhiheng_shadow_dropped", "Requests that the challenger did not score: its queue was full", ("family",),
    registry=REGISTRY,
)  # fmt: skip
ACCESS_LOG_FAILURES: Final = Counter(
    "zhiheng_access_log_failures", "Lines of the access log that could not be written", registry=REGISTRY
)

VERSIONS_REFUSED: Final = Counter(
    "zhiheng_model_versions_refused",
    "Versions of models that an alias in the registry points at and that cannot be taken; each counted once",
    ("family", "alias"),
    registry=REGISTRY,
)
SLOW_HEADERS: Final = Counter(
    "zhiheng_slow_headers", "Connections closed because no whole headers came in time", registry=REGISTRY
)

_seen_values: Final[dict[str, set[str]]] = {}


def observed_request(seen: Seen) -> None:
    """Count a request that was answered, and how long it took."""
    count, seconds = _of_requests(seen.route, seen.method, str(seen.status))
    count.inc()
    seconds.observe(seen.seconds)
    if seen.problem:
        PROBLEMS.labels(_bounded("problem", seen.problem)).inc()


@lru_cache(maxsize=1024)  # finding a series by its labels takes longer than counting
def _of_requests(route: str, method: str, status: str) -> tuple[Counter, Histogram]:
    return REQUESTS.labels(route, method, status), REQUEST_SECONDS.labels(route, method, f"{status[0]}xx")


def observed_score(
    grade: str | None, advice: str, level: str, pd: float | None, *, flags: Iterable[str] = ()
) -> None:
    """Count a credit answer: grade and PD are None where no model gave them, `flags` are the codes of its notes."""
    _of_scores(grade or "none", advice, level).inc()
    if pd is not None:
        PDS.observe(pd)
    for code in flags:
        FLAGS.labels(_bounded("flag", code)).inc()


@lru_cache(maxsize=1024)
def _of_scores(grade: str, advice: str, level: str) -> Counter:
    return SCORES.labels(_bounded("grade", grade), _bounded("advice", advice), _bounded("quality", level))


def observed_limit(limit: str) -> None:
    """Count a 429: `limit` is rate, concurrency, rows or body."""
    LIMITED.labels(_bounded("limit", limit)).inc()


def observed_ledger_queue(waiting: int) -> None:
    """Note how many records wait for a commit in this process."""
    LEDGER_QUEUE.set(waiting)


def observed_commit(seconds: float, records: int, *, ended_at: float) -> None:
    """Count a commit that is durable; `ended_at` is its POSIX time."""
    LEDGER_COMMIT_SECONDS.observe(seconds)
    LEDGER_RECORDS.inc(records)
    LEDGER_LAST_COMMIT.set(ended_at)


def observed_ledger_failure() -> None:
    """Count a commit that could not be made."""
    LEDGER_FAILURES.inc()


def observed_chain(*, broken: bool) -> None:
    """Note what a check of the chain found."""
    LEDGER_CHAIN_BROKEN.set(float(broken))


def observed_shadow(family: str, difference: float) -> None:
    """Note how far the challenger was from the champion, in log-odds (credit) or the family's own relative measure."""
    SHADOW_DIFFERENCE.labels(_bounded("family", family)).observe(abs(difference))


def shadow_dropped(family: str) -> None:
    """Count a request that the challenger did not score."""
    SHADOW_DROPPED.labels(_bounded("family", family)).inc()


def access_log_failed() -> None:
    """Count a line of the access log that is lost."""
    ACCESS_LOG_FAILURES.inc()


def follows(family: str, alias: str) -> None:
    """Begin to count at nothing what an alias's versions are refused: the first refusal is a rise then."""
    VERSIONS_REFUSED.labels(family, alias)


def observed_refused_version(family: str, alias: str) -> None:
    """Count a version that cannot be taken from the registry."""
    VERSIONS_REFUSED.labels(family, alias).inc()


def observed_slow_headers() -> None:
    """Count a connection that was closed before it asked for anything."""
    SLOW_HEADERS.inc()


def _bounded(label: str, value: str) -> str:
    """Return the value, or "other" once the label has more values than any vocabulary of ours."""
    known = _seen_values.setdefault(label, set())
    if value in known:
        return value
    if len(known) >= _MOST_VALUES:
        return OTHER
    known.add(value)
    return value
