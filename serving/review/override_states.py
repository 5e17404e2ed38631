"""What may become of an override: pure steps from one state to the next, each refused where it is not allowed."""

from datetime import date
from typing import Final

from serving.review.errors import NotYourOverrideError, OwnRequestError, ReviewClosedError
from serving.review.override_schemas import CreditOverride, OverrideState
from serving.review.people import Person
from serving.review.schemas import Acted

__all__ = ["OPEN", "approved", "as_of", "refused", "superseded", "withdrawn"]

KIND: Final = "override"
OPEN: Final = frozenset({OverrideState.PENDING, OverrideState.ACTIVE})


def as_of(held: CreditOverride, day: date) -> CreditOverride:
    """Return an override as it is on a day: one that is open behind its last day has lapsed."""
    if held.status in OPEN and held.until < day:
        return held.model_copy(update={"status": OverrideState.LAPSED})
    return held


def approved(held: CreditOverride, act: Acted) -> CreditOverride:
    """Approve. Raises OwnRequestError for who asked, ReviewClosedError unless it is pending."""
    return _answered(held, act, OverrideState.ACTIVE)


def refused(held: CreditOverride, act: Acted) -> CreditOverride:
    """Refuse. Raises OwnRequestError for who asked, ReviewClosedError unless it is pending."""
    return _answered(held, act, OverrideState.REFUSED)


def withdrawn(held: CreditOverride, act: Acted, *, approver: bool) -> CreditOverride:
    """Withdraw: a pending one by who asked or an approver, one that counts by an approver other than who asked.

    To end what two persons put in force takes two as well. Raises NotYourOverrideError, OwnRequestError,
    ReviewClosedError where it ended.
    """
    if held.status not in OPEN:
        raise ReviewClosedError(KIND, held.override_id, held.status)
    own, counts = _person(act).is_same(_person(held.asked)), held.status is OverrideState.ACTIVE
    if counts and own:
        raise OwnRequestError
    if not (approver or own):
        raise NotYourOverrideError
    return held.model_copy(update={"status": OverrideState.WITHDRAWN, "withdrawn": act})


def superseded(held: CreditOverride, override_id: str) -> CreditOverride:
    """End one that counts, as another of the same party was approved. Raises ReviewClosedError unless it counts."""
    if held.status is not OverrideState.ACTIVE:
        raise ReviewClosedError(KIND, held.override_id, held.status)
    return held.model_copy(update={"status": OverrideState.SUPERSEDED, "superseded_by": override_id})


def _answered(held: CreditOverride, act: Acted, state: OverrideState) -> CreditOverride:
    if held.status is not OverrideState.PENDING:
        raise ReviewClosedError(KIND, held.override_id, held.status)
    if _person(act).is_same(_person(held.asked)):
        raise OwnRequestError
    return held.model_copy(update={"status": state, "answered": act})


def _person(act: Acted) -> Person:
    return Person(name=act.name, key_id=act.key_id)
