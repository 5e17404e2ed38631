"""What every act of a review needs: the time to go by, its place in the chain, and pages of its lists."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from serving.access.caller import Caller
from serving.decisions.reading import DecisionReader
from serving.decisions.steady_clock import Moment, SteadyClock
from serving.ledger.answered import Answered, write_answer
from serving.ledger.chain import Json
from serving.review.review_store import Held
from serving.review.schemas import Acted
from serving.schemas import Note

__all__ = ["Act", "Acting", "ReadingFields", "page"]

Item = TypeVar("Item")


class ReadingFields(TypedDict):
    """The fields of `Reading` by name."""

    request_id: str
    decision_id: str
    decided_at: datetime
    notes: list[Note]


@dataclass(frozen=True)
class Act:
    """One call: who, when, and the id of its record."""

    caller: Caller
    moment: Moment
    record_id: str

    def by(self, reason: str | None) -> Acted:
        """Return the act as it is kept."""
        call = self.caller.call
        return Acted(
            name=self.caller.name,
            key_id=call.key_id,
            at=self.moment.at,
            reason=reason,
            record_id=self.record_id,
        )

    @property
    def reading(self) -> ReadingFields:
        """Return the fields that every answer has."""
        return {
            "request_id": self.caller.call.request_id,
            "decision_id": self.record_id,
            "decided_at": self.moment.at,
            "notes": self.moment.notes,
        }

    def write(
        self,
        route: str,
        answer: BaseModel,
        request: BaseModel | Mapping[str, Json],
        said: Mapping[str, Json],
        subject: str = "",
    ) -> Answered:
        """Write an answer out with its record."""
        at = self.moment.at
        return write_answer(route, answer, request, self.caller, said=said, at=at, subject=subject)


@dataclass(frozen=True)
class Acting:
    """What desks of review share."""

    reader: DecisionReader
    clock: SteadyClock
    new_id: Callable[[], str]
    zone: ZoneInfo  # in which the days of a list begin and end

    def act(self, caller: Caller) -> Act:
        """Begin an act. Raises LedgerUnavailableError."""
        return Act(caller, self.clock.now(), self.new_id())


def page(
    rows: Iterable[tuple[Held, Item]], *, before: int | None, limit: int
) -> tuple[list[Item], int | None]:
    """Return the newest rows behind a cursor, and the cursor of the next page, None where this is the last."""
    behind = [(held.seq, item) for held, item in rows if before is None or held.seq < before]
    shown = behind[:limit]
    return [item for _, item in shown], shown[-1][0] if len(behind) > limit else None
