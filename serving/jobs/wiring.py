"""Put together what takes, runs and keeps jobs; families register their kinds before it starts."""

import os
from dataclasses import dataclass

from serving.clock import utc_now
from serving.jobs.desk import JobDesk
from serving.jobs.files import JobFiles
from serving.jobs.kinds import JobKinds
from serving.jobs.store import JobLimits, JobStore
from serving.jobs.worker import JobWorker
from serving.ledger.chain import Ledger
from serving.ledger.database import Database
from serving.random_bytes import new_id
from serving.settings import ServiceSettings

__all__ = ["Jobs", "make_jobs"]


@dataclass(frozen=True)
class Jobs:
    """Jobs of all families in this process."""

    kinds: JobKinds
    files: JobFiles
    store: JobStore
    desk: JobDesk
    worker: JobWorker


def make_jobs(settings: ServiceSettings, database: Database, ledger: Ledger) -> Jobs:
    """Return a desk that takes jobs and a worker that has not started."""
    kinds = JobKinds()
    files = JobFiles(database, settings.jobs)
    limits = JobLimits(settings.jobs_waiting, settings.job_silence_seconds)
    store = JobStore(database, ledger, limits, files=files, clock=utc_now)
    worker = JobWorker(store, ledger, kinds, name=f"{os.getpid()}-{new_id()}")
    desk = JobDesk(store, kinds, wake=worker.wake, clock=utc_now, new_id=new_id)
    return Jobs(kinds, files, store, desk, worker)
