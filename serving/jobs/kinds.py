"""The kinds of jobs that this service can do; every family registers its own."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from serving.access.roles import Role
from serving.jobs.files import JobFile
from serving.jobs.store import Job
from serving.ledger.json_text import Json

__all__ = ["RESULT", "JobKind", "JobKinds", "Outcome", "Progress", "RunJob"]

RESULT: Final = "/v1/jobs/{job_id}/result"
"""Where the result of a job lies that ends with one file."""


@dataclass(frozen=True)
class Outcome:
    """What a job found: its record in the chain, and what is kept in the same transaction.

    `files` are outputs, sealed; their record should say them too (`JobFile.said`).
    """

    answer_id: str
    record: Mapping[str, Json]
    keep: Callable[[Connection], None]
    files: tuple[JobFile, ...] = ()


Progress = Callable[[float], None]
"""Takes the share that is done. Raises JobStoppedError where the job shall not go on."""
RunJob = Callable[[Job, Progress], Outcome]


@dataclass(frozen=True)
class JobKind:
    """How a kind is run, where its result lies (with {answer_id} or {job_id}), and who sees it.

    `roles` may submit, see and cancel such jobs, `readers` may see them: their own, and with a key for the whole group others'.
    """

    run: RunJob
    result: str
    roles: frozenset[Role]
    readers: frozenset[Role] = frozenset()


class JobKinds(Mapping[str, JobKind]):
    """Kinds by name; complete before the first worker starts."""

    def __init__(self) -> None:
        self._kinds: dict[str, JobKind] = {}

    def register(self, name: str, kind: JobKind) -> None:
        """Add a kind. Raises ValueError where the name is taken."""
        if name in self._kinds:
            message = f"the kind {name} is registered twice"
            raise ValueError(message)
        self._kinds[name] = kind

    def __getitem__(self, name: str) -> JobKind:
        return self._kinds[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._kinds)

    def __len__(self) -> int:
        return len(self._kinds)
