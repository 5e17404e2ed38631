"""Appeals against credit decisions: opened for a party, due in working days, looked at again by a person new to it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from serving.access.caller import Caller
from serving.ledger.answered import Answered
from serving.ledger.chain import Json
from serving.ledger.database import Database
from serving.moments import local_day
from serving.review import appeal_states as states
from serving.review.acting import Act, Acting, page
from serving.review.appeal_schemas import (
    Appeal,
    AppealAnswer,
    AppealAssignment,
    AppealOutcome,
    AppealQuery,
    AppealRequest,
    Appeals,
    AppealState,
)
from serving.review.due_dates import due_after
from serving.review.held_reviews import HeldReviews
from serving.review.override_desk import OverrideDesk
from serving.review.override_schemas import ReviewReason
from serving.review.people import Person, key_holder
from serving.review.review_store import Held, ReviewStore
from serving.review.subject_decision import check_advice, subject_decision

__all__ = ["AppealDesk", "AppealLimits"]

_ROUTE: Final = "appeals"


@dataclass(frozen=True)
class AppealLimits:
    """How many working days a re-review may take, and for how many days after a decision the party may appeal."""

    working_days: int
    window_days: int


class AppealDesk:
    """Open, assign, decide, withdraw and list appeals; every act is in the chain."""

    def __init__(
        self,
        store: ReviewStore,
        acting: Acting,
        overrides: OverrideDesk,
        *,
        database: Database,
        limits: AppealLimits,
    ) -> None:
        self._store, self._acting, self._overrides = store, acting, overrides
        self._database, self._limits = database, limits
        self._reviews = HeldReviews(store, _read, states.as_of)

    def open(self, request: AppealRequest, caller: Caller) -> Answered:
        """Open an appeal; a late one is taken and marked.

        Raises UnknownDecisionError, NotReviewableError, OpenReviewError.
        """
        act = self._acting.act(caller)
        about = subject_decision(self._acting.reader, request.decision_id, caller)
        due_on, estimated = due_after(act.moment.day, self._limits.working_days)
        decided_on = local_day(about.said.decided_at, self._acting.zone)
        new = Appeal(
            appeal_id=self._acting.new_id(),
            status=AppealState.OPEN,
            model=about.said,
            ground=request.ground,
            due_on=due_on,
            due_estimated=estimated,
            overdue=False,
            late=(act.moment.day - decided_on).days > self._limits.window_days,
            opened=act.by(None),
            assignee=None,
            assigned=None,
            outcome=None,
            new_advice=None,
            closed=None,
        )
        answered = _written("open", new, request.model_dump(mode="json"), act)
        # An overdue appeal is still open: nothing but its outcome ends it.
        self._store.add(_held(new, about.companies), answered.record, has_ended=lambda _: False)
        return answered

    def assign(self, appeal_id: str, request: AppealAssignment, caller: Caller) -> Answered:
        """Assign to a person who had no part in it. Raises UnknownReviewError, ReviewClosedError, TookPartError."""
        act, before, appeal = self._begin(appeal_id, caller)
        after = states.assigned(appeal, act.by(None), request.assignee, self._took_part(appeal, act))
        return self._end("assign", before, after, {"assignee": request.assignee}, act)

    def decide(self, appeal_id: str, request: AppealOutcome, caller: Caller) -> Answered:
        """Decide, as the person it is assigned to.

        Raises UnknownReviewError, ReviewClosedError, TookPartError, InvalidRequestError.
        """
        act, before, appeal = self._begin(appeal_id, caller)
        after = states.decided(appeal, act.by(request.reason), request, self._took_part(appeal, act))
        if request.new_advice is not None:
            check_advice(appeal.model, "new_advice", request.new_advice)
        return self._end("decide", before, after, request.model_dump(mode="json"), act)

    def withdraw(self, appeal_id: str, request: ReviewReason, caller: Caller) -> Answered:
        """Withdraw for the party. Raises UnknownReviewError, ReviewClosedError."""
        act, before, appeal = self._begin(appeal_id, caller)
        after = states.withdrawn(appeal, act.by(request.reason))
        return self._end("withdraw", before, after, {"reason": request.reason}, act)

    def get(self, appeal_id: str, caller: Caller) -> Answered:
        """Return one appeal. Raises UnknownReviewError."""
        act, held, appeal = self._begin(appeal_id, caller)
        answer = AppealAnswer(**act.reading, appeal=appeal)
        said: Mapping[str, Json] = {
            "appeal_id": appeal_id,
            "status": appeal.status,
            "overdue": appeal.overdue,
        }
        return act.write(f"{_ROUTE}/get", answer, {"appeal_id": appeal_id}, said, held.subject)

    def listed(self, query: AppealQuery, caller: Caller) -> Answered:
        """List appeals of the caller's companies by when they were opened; how many are overdue stands beside them."""
        act, span = self._acting.act(caller), query.span(self._acting.zone)
        rows = [
            (held, one)
            for held, one in self._reviews.seen(act, decision_id=query.of_decision, subject=query.party_id)
            if span.holds(one.opened.at)
            and query.status in (None, one.status)
            and query.overdue in (None, one.overdue)
        ]
        shown, cursor = page(rows, before=query.cursor, limit=query.limit)
        answer = Appeals(
            **act.reading,
            appeals=shown,
            cursor=cursor,
            overdue=sum(one.overdue for _, one in rows),
            counts_by_status=dict(Counter(str(one.status) for _, one in rows)),
            counts_by_outcome=dict(Counter(str(one.outcome) for _, one in rows if one.outcome is not None)),
        )
        said: Mapping[str, Json] = {
            "appeals": {one.appeal_id: str(one.status) for one in shown},
            "overdue": answer.overdue,
        }
        return act.write(f"{_ROUTE}/list", answer, query, said, query.party_id or "")

    def of_decision(self, decision_id: str, act: Act) -> list[Appeal]:
        """Return the appeals against a decision as they are now, newest first."""
        return self._reviews.of_decision(decision_id, act)

    def _begin(self, appeal_id: str, caller: Caller) -> tuple[Act, Held, Appeal]:
        act = self._acting.act(caller)
        return act, *self._reviews.one(appeal_id, act)

    def _end(self, verb: str, before: Held, after: Appeal, asked: dict[str, Json], act: Act) -> Answered:
        answered = _written(verb, after, {"appeal_id": after.appeal_id, **asked}, act)
        self._store.change(before, _held(after, before.companies), answered.record)
        return answered

    def _took_part(self, appeal: Appeal, act: Act) -> list[Person]:
        """Return who asked for the score, who had a hand in an override of it, and who opened the appeal."""
        asked_by = key_holder(self._database, appeal.model.key_id)
        acts = [appeal.opened]
        for one in self._overrides.of_decision(appeal.model.decision_id, act):
            acts += [done for done in (one.asked, one.answered) if done is not None]
        return [asked_by, *(Person(name=done.name, key_id=done.key_id) for done in acts)]


def _written(verb: str, appeal: Appeal, request: dict[str, Json], act: Act) -> Answered:
    answer = AppealAnswer(**act.reading, appeal=appeal)
    return act.write(
        f"{_ROUTE}/{verb}", answer, request, {"appeal": appeal.model_dump(mode="json")}, appeal.model.party_id
    )


def _held(appeal: Appeal, companies: Sequence[str] | None) -> Held:
    # Whether it is overdue is told by the day it is asked on, not kept.
    kept = appeal.model_copy(update={"overdue": False})
    return Held(
        review_id=appeal.appeal_id,
        decision_id=appeal.model.decision_id,
        subject=appeal.model.party_id,
        companies=companies,
        state=appeal.status,
        last_day=appeal.due_on.isoformat(),
        is_open=appeal.status is not AppealState.CLOSED,
        body=kept.model_dump_json(),
    )


def _read(held: Held) -> Appeal:
    return Appeal.model_validate_json(held.body)
