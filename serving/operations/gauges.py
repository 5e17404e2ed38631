"""What is measured when somebody looks: freshness of the parts, jobs, disk and memory; and the page of all metrics."""

import contextlib
import os
import re
import shutil
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from sqlalchemy import func, select

from serving.ledger.database import Database
from serving.ledger.errors import LedgerUnavailableError
from serving.ledger.one_look import OneLook
from serving.ledger.tables import jobs
from serving.operations.metrics import REGISTRY, observed_ledger_queue
from serving.schemas import Health

__all__ = ["Gauges", "metrics_page"]

_WORKERS_FILE: Final = re.compile(r"gauge_live[a-z]+_(\d+)\.db")
_JOB_STATES: Final = {"queued": "waiting", "running": "running"}
_STATM: Final = Path("/proc/self/statm")
# Of several workers the one that looked last is right: all look at the same files and the same database.
PART_READY: Final = Gauge(
    "zhiheng_part_ready",
    "1 where a part of the service works",
    ("part",),
    multiprocess_mode="livemostrecent",
    registry=REGISTRY,
)
PART_AGE: Final = Gauge(
    "zhiheng_part_age_seconds",
    "Time since the date of what the part answers from",
    ("part",),
    multiprocess_mode="livemostrecent",
    registry=REGISTRY,
)
PART_PROBLEM: Final = Gauge(
    "zhiheng_part_problem",
    "1 where something is wrong with a part, also while what was last good answers",
    ("part",),
    multiprocess_mode="livemostrecent",
    registry=REGISTRY,
)
JOBS: Final = Gauge(
    "zhiheng_jobs",
    "Jobs that wait and that run",
    ("state",),
    multiprocess_mode="mostrecent",
    registry=REGISTRY,
)
DISK_FREE: Final = Gauge(
    "zhiheng_disk_free_bytes", "Free space under home", multiprocess_mode="mostrecent", registry=REGISTRY
)
DISK_SIZE: Final = Gauge(
    "zhiheng_disk_size_bytes",
    "Size of the disk under home",
    multiprocess_mode="mostrecent",
    registry=REGISTRY,
)
MEMORY: Final = Gauge(
    "zhiheng_worker_memory_bytes",
    "Resident memory of a worker",
    multiprocess_mode="liveall",
    registry=REGISTRY,
)
CERTIFICATE_ENDS: Final = Gauge(
    "zhiheng_tls_certificate_expiry_timestamp_seconds",
    "When the certificate of the service ends, 0 without TLS",
    multiprocess_mode="mostrecent",
    registry=REGISTRY,
)
WORKERS_HUNG: Final = Gauge(
    "zhiheng_workers_hung",
    "Workers that hung and were replaced since the service was started",
    multiprocess_mode="max",
    registry=REGISTRY,
)


class Gauges:
    """Measures what nothing counts on its own."""

    def __init__(
        self,
        health: Callable[[], Health],
        database: Database,
        *,
        home: Path,
        clock: Callable[[], datetime],
        waiting: Callable[[], int],
    ) -> None:
        self._health, self._database = health, database
        self._home, self._clock, self._waiting = home, clock, waiting
        self._jobs = OneLook(self._job_counts, name="job-counts")

    def look(self) -> None:
        """Measure now; waits a moment for the database, so call it in a thread."""
        now, parts = self._clock(), self._health().parts
        for name, part in parts.items():
            PART_READY.labels(name).set(float(part.ready))
            PART_PROBLEM.labels(name).set(float(part.problem_en is not None))
            if part.as_of is not None:
                PART_AGE.labels(name).set(_age(part.as_of, now))
        if parts["ledger"].ready:
            with contextlib.suppress(LedgerUnavailableError):  # the part "ledger" will say so
                self._count_jobs()
        self.look_at_queue()
        self.look_at_process()

    def look_at_queue(self) -> None:
        """Count what waits for the ledger: its own thread does so behind a commit, and a commit that hangs has no end."""
        with contextlib.suppress(
            OSError, ValueError
        ):  # a figure that cannot be noted now is noted the next time
            observed_ledger_queue(self._waiting())

    def look_at_process(self) -> None:
        """Measure this worker's memory and the disk alone."""
        with contextlib.suppress(OSError):
            MEMORY.set(int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"))
            disk = shutil.disk_usage(self._home)
            DISK_FREE.set(disk.free)
            DISK_SIZE.set(disk.total)

    def certificate_ends(self, at: datetime) -> None:
        """Note until when the certificate of the service holds."""
        CERTIFICATE_ENDS.set(at.timestamp())

    def workers_hung(self, number: int) -> None:
        """Note how many workers hung before this one was started."""
        WORKERS_HUNG.set(number)

    def _count_jobs(self) -> None:
        counts = self._jobs.result()
        for state, name in _JOB_STATES.items():
            JOBS.labels(name).set(counts.get(state, 0))

    def _job_counts(self) -> Mapping[str, int]:
        query = select(jobs.c.state, func.count()).where(jobs.c.state.in_(_JOB_STATES)).group_by(jobs.c.state)
        with self._database.reading() as connection:
            return {str(row[0]): int(row[1]) for row in connection.execute(query).all()}


def metrics_page() -> tuple[bytes, str]:
    """Return the page of all metrics of all workers, and its media type."""
    # Where prometheus_client itself looks; BentoML's own metrics lie in the same folder and come out on the same page.
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if folder is None:
        return generate_latest(REGISTRY), CONTENT_TYPE_LATEST
    _forget_dead_workers(Path(folder))
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=folder)  # type: ignore[no-untyped-call]
    return generate_latest(registry), CONTENT_TYPE_LATEST


def _forget_dead_workers(folder: Path) -> None:
    """Remove the gauges of workers that were killed; those that end in order have nobody to do so either."""
    for path in folder.iterdir():
        found = _WORKERS_FILE.fullmatch(path.name)
        if found and not Path(f"/proc/{found[1]}").exists():
            with contextlib.suppress(FileNotFoundError):  # another worker was first
                mark_process_dead(int(found[1]), str(folder))  # type: ignore[no-untyped-call]


def _age(as_of: date, now: datetime) -> float:
    return (now - datetime.combine(as_of, time(), UTC)).total_seconds()
