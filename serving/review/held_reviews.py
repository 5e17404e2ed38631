"""Overrides or appeals as they stand on the day of an act, and those of them that its caller may see."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Generic, TypeVar

from serving.review.acting import Act
from serving.review.errors import UnknownReviewError
from serving.review.review_store import Held, ReviewStore

__all__ = ["HeldReviews"]

Item = TypeVar("Item")


@dataclass(frozen=True)
class HeldReviews(Generic[Item]):
    """Reads the reviews of a kind: `read` a row's text, then say how that stands `as_of` a day."""

    store: ReviewStore
    read: Callable[[Held], Item]
    as_of: Callable[[Item, date], Item]

    def one(self, review_id: str, act: Act) -> tuple[Held, Item]:
        """Return one and its row. Raises UnknownReviewError, also where the caller may not see it."""
        held = self.store.get(review_id)
        if not act.caller.covers(held.companies):
            raise UnknownReviewError(self.store.kind, review_id)
        return held, self._standing(held, act)

    def seen(self, act: Act, *, decision_id: str | None, subject: str | None) -> list[tuple[Held, Item]]:
        """Return those of a decision and of a party (None: of any) that the caller may see, newest first."""
        found = self.store.all(decision_id=decision_id, subject=subject)
        return [(held, self._standing(held, act)) for held in found if act.caller.covers(held.companies)]

    def of_decision(self, decision_id: str, act: Act) -> list[Item]:
        """Return all of a decision that the caller may read, newest first."""
        return [self._standing(held, act) for held in self.store.all(decision_id=decision_id)]

    def _standing(self, held: Held, act: Act) -> Item:
        return self.as_of(self.read(held), act.moment.day)
