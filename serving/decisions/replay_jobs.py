"""Replays of large books: a job, whose file says what the answer to a small one says."""

from typing import Final

from serving.access.caller import Caller
from serving.access.roles import Role
from serving.decisions.desk import DecisionDesk
from serving.jobs.files import Side
from serving.jobs.kinds import RESULT, JobKind, Outcome, Progress
from serving.jobs.store import Job
from serving.jobs.wiring import Jobs
from serving.ledger.answered import Answered
from serving.schemas import StrictModel

__all__ = ["ReplayJobs"]

_KIND: Final = "decisions/replay"
_FILE: Final = "replay.json"


class _Asked(StrictModel):
    decision_id: str


class ReplayJobs:
    """Takes replays in as jobs, and runs them."""

    def __init__(self, jobs: Jobs, desk: DecisionDesk) -> None:
        self._jobs, self._desk = jobs, desk
        roles = frozenset({Role.RISK_OFFICER, Role.AUDITOR})
        jobs.kinds.register(_KIND, JobKind(self._run, RESULT, roles))

    def submit(self, decision_id: str, caller: Caller) -> Answered:
        """Take a replay in; its record is in the chain when this returns. Raises JobQueueFullError."""
        return self._jobs.desk.submit(_KIND, _Asked(decision_id=decision_id), caller)

    def _run(self, job: Job, progress: Progress) -> Outcome:
        asked = _Asked.model_validate_json(job.request)
        answered = self._desk.replay(asked.decision_id, job.planner, progress)
        files = self._jobs.files
        path = files.new(job.job_id, Side.OUTPUT, _FILE)
        path.unlink(missing_ok=True)  # of a run that was interrupted
        path.write_text(answered.text, encoding="utf-8")
        file = files.seal(job.job_id, Side.OUTPUT, _FILE, "application/json")
        told = {**answered.record, "job_id": job.job_id, "job_files": [file.said()]}
        return Outcome(str(answered.record["decision_id"]), told, lambda _: None, (file,))
