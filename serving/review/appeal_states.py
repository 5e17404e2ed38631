"""What may become of an appeal: pure steps from one state to the next, each refused where it is not allowed."""

from collections.abc import Collection
from datetime import date
from typing import Final

from serving.review.appeal_schemas import Appeal, AppealOutcome, AppealState, Outcome
from serving.review.errors import ReviewClosedError, TookPartError
from serving.review.people import Person, same_name
from serving.review.schemas import Acted

__all__ = ["as_of", "assigned", "decided", "withdrawn"]

KIND: Final = "appeal"
_TOOK_PART: Final = (
    "复核人参与过原决策、对它的调整或本申诉的提出。",
    "The person took part in the decision, in an override of it, or opened this appeal.",
)
_NOT_ASSIGNED: Final = (
    "本申诉不是指派给您复核的。",
    "The appeal is not assigned to you.",
)


def as_of(held: Appeal, day: date) -> Appeal:
    """Return an appeal as it is on a day: overdue where it is behind its due date and not closed."""
    overdue = held.status is not AppealState.CLOSED and held.due_on < day
    return held if held.overdue == overdue else held.model_copy(update={"overdue": overdue})


def assigned(held: Appeal, act: Acted, assignee: str, took_part: Collection[Person]) -> Appeal:
    """Assign to a person, or to another one. Raises ReviewClosedError where it is closed, TookPartError."""
    if held.status is AppealState.CLOSED:
        raise ReviewClosedError(KIND, held.appeal_id, held.status)
    if any(same_name(assignee, one.name) for one in took_part):
        raise TookPartError(zh=_TOOK_PART[0], en=_TOOK_PART[1])
    return held.model_copy(
        update={"status": AppealState.ASSIGNED, "assignee": assignee.strip(), "assigned": act}
    )


def decided(held: Appeal, act: Acted, found: AppealOutcome, took_part: Collection[Person]) -> Appeal:
    """Decide: only whom it is assigned to. Raises ReviewClosedError unless it is assigned, TookPartError."""
    if held.status is not AppealState.ASSIGNED or held.assignee is None:
        raise ReviewClosedError(KIND, held.appeal_id, held.status)
    person = Person(name=act.name, key_id=act.key_id)
    if any(person.is_same(one) for one in took_part):
        raise TookPartError(zh=_TOOK_PART[0], en=_TOOK_PART[1])
    if not same_name(act.name, held.assignee):
        raise TookPartError(zh=_NOT_ASSIGNED[0], en=_NOT_ASSIGNED[1])
    return _closed(held, act, found.outcome).model_copy(update={"new_advice": found.new_advice})


def withdrawn(held: Appeal, act: Acted) -> Appeal:
    """Withdraw for the party. Raises ReviewClosedError where it is closed."""
    if held.status is AppealState.CLOSED:
        raise ReviewClosedError(KIND, held.appeal_id, held.status)
    return _closed(held, act, Outcome.WITHDRAWN)


def _closed(held: Appeal, act: Acted, outcome: Outcome) -> Appeal:
    return held.model_copy(
        update={"status": AppealState.CLOSED, "outcome": outcome, "closed": act, "overdue": False}
    )
