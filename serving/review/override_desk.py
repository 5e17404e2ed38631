"""Overrides of credit decisions: asked by one person, answered by another; the model's own answer stays beside them."""

import contextlib
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from models.credit.grade import group_master_scale
from models.credit.policy import Advice
from serving.access.caller import Caller
from serving.access.roles import Role
from serving.errors import FieldProblem, InvalidRequestError
from serving.ledger.answered import Answered
from serving.ledger.chain import Json
from serving.ledger.errors import LedgerUnavailableError
from serving.review import override_states as states
from serving.review.acting import Act, Acting, page
from serving.review.held_reviews import HeldReviews
from serving.review.override_schemas import (
    CreditOverride,
    CreditOverrideAnswer,
    CreditOverrideQuery,
    CreditOverrideRequest,
    CreditOverrides,
    OverrideState,
    ReviewReason,
)
from serving.review.review_store import Held, ReviewStore
from serving.review.schemas import Acted
from serving.review.subject_decision import SubjectDecision, check_advice, subject_decision

__all__ = ["OverrideDesk"]

_ROUTE: Final = "credit/overrides"


class OverrideDesk:
    """Ask for, approve, refuse, withdraw and list overrides; every act is in the chain."""

    def __init__(
        self, store: ReviewStore, acting: Acting, *, longest_days: int, changed: Callable[[], None]
    ) -> None:
        """Take `changed`, which is called when an override may have begun or ended to count."""
        self._changed = changed
        self._store, self._acting, self._longest_days = store, acting, longest_days
        self._reviews = HeldReviews(store, _read, states.as_of)
        self._grades = frozenset(grade.name for grade in group_master_scale().grades)

    def ask(self, request: CreditOverrideRequest, caller: Caller) -> Answered:
        """Ask for an override; it waits for another person.

        Raises UnknownDecisionError, NotReviewableError, InvalidRequestError naming each field, OpenReviewError.
        """
        act = self._acting.act(caller)
        about = subject_decision(self._acting.reader, request.decision_id, caller)
        self._check(request, about, act)
        new = CreditOverride(
            override_id=self._acting.new_id(),
            status=OverrideState.PENDING,
            model=about.said,
            advice=request.advice or about.said.advice,
            grade=request.grade or about.said.grade,
            reason_code=request.reason_code,
            until=request.until,
            asked=act.by(request.reason),
            answered=None,
            withdrawn=None,
        )
        answered = _written("ask", new, request, act)
        day = act.moment.day
        self._store.add(
            _held(new, about.companies), answered.record, has_ended=lambda one: _read(one).until < day
        )
        return answered

    def approve(self, override_id: str, request: ReviewReason, caller: Caller) -> Answered:
        """Approve; never who asked. What counted for the party until then is superseded by it.

        Raises UnknownReviewError, OwnRequestError, ReviewClosedError.
        """
        return self._step("approve", override_id, request, caller, states.approved)

    def refuse(self, override_id: str, request: ReviewReason, caller: Caller) -> Answered:
        """Refuse; never who asked. Raises UnknownReviewError, OwnRequestError, ReviewClosedError."""
        return self._step("refuse", override_id, request, caller, states.refused)

    def withdraw(self, override_id: str, request: ReviewReason, caller: Caller) -> Answered:
        """Withdraw: who asked, or an approver; one that counts an approver who did not ask.

        Raises UnknownReviewError, NotYourOverrideError, OwnRequestError, ReviewClosedError.
        """
        approver = Role.APPROVER in caller.call.roles
        return self._step(
            "withdraw",
            override_id,
            request,
            caller,
            lambda held, by: states.withdrawn(held, by, approver=approver),
        )

    def get(self, override_id: str, caller: Caller) -> Answered:
        """Return one override. Raises UnknownReviewError."""
        act = self._acting.act(caller)
        held, override = self._reviews.one(override_id, act)
        answer = CreditOverrideAnswer(**act.reading, override=override)
        said = {"override_id": override_id, "status": answer.override.status}
        return act.write(f"{_ROUTE}/get", answer, {"override_id": override_id}, said, held.subject)

    def listed(self, query: CreditOverrideQuery, caller: Caller) -> Answered:
        """List overrides of the caller's companies, by when they were asked for, with counts by reason, for those who review them."""
        act, span = self._acting.act(caller), query.span(self._acting.zone)
        rows = [
            (held, one)
            for held, one in self._reviews.seen(act, decision_id=query.of_decision, subject=query.party_id)
            if span.holds(one.asked.at) and query.status in (None, one.status)
        ]
        shown, cursor = page(rows, before=query.cursor, limit=query.limit)
        answer = CreditOverrides(
            **act.reading,
            overrides=shown,
            cursor=cursor,
            counts_by_reason=dict(Counter(str(one.reason_code) for _, one in rows)),
            counts_by_status=dict(Counter(str(one.status) for _, one in rows)),
        )
        said = {"overrides": {one.override_id: str(one.status) for one in shown}}
        return act.write(f"{_ROUTE}/list", answer, query, said, query.party_id or "")

    def of_decision(self, decision_id: str, act: Act) -> list[CreditOverride]:
        """Return the overrides of a decision as they are now, newest first."""
        return self._reviews.of_decision(decision_id, act)

    def _step(
        self,
        verb: str,
        override_id: str,
        request: ReviewReason,
        caller: Caller,
        step: Callable[[CreditOverride, Acted], CreditOverride],
    ) -> Answered:
        act = self._acting.act(caller)
        before, override = self._reviews.one(override_id, act)
        after = step(override, act.by(request.reason))
        asked = {"override_id": override_id, "reason": request.reason}
        put = _held(after, before.companies)
        ended = self._ended_by(put, act) if after.status is OverrideState.ACTIVE else []
        answered = _written(verb, after, asked, act, superseded=[new.review_id for _, new in ended])
        self._store.change(before, put, answered.record, ended)
        with contextlib.suppress(LedgerUnavailableError):  # the act is done; the watch reads it in its turn
            self._changed()
        return answered

    def _ended_by(self, put: Held, act: Act) -> list[tuple[Held, Held]]:
        """Return what counts for the party until this does; one behind its last day only makes room."""
        found = []
        for held in self._store.in_place_of(put):
            one = states.as_of(_read(held), act.moment.day)
            ends = one.status is OverrideState.ACTIVE
            now = (
                _held(states.superseded(one, put.review_id), held.companies)
                if ends
                else replace(held, is_open=False)
            )
            found.append((held, now))
        return found

    def _check(self, request: CreditOverrideRequest, about: SubjectDecision, act: Act) -> None:
        today, problems = act.moment.day, []
        last = today + timedelta(days=self._longest_days)
        if not today <= request.until <= last:
            zh, en = f"须在 {today} 与 {last} 之间", f"must be from {today} to {last}"
            problems.append(FieldProblem("until", "out_of_range", zh, en))
        if request.grade is not None and request.grade not in self._grades:
            listed = ", ".join(sorted(self._grades))
            zh, en = (
                f"不是主标尺的等级；可用：{listed}",
                f"is no grade of the master scale; there are {listed}",
            )
            problems.append(FieldProblem("grade", "unknown_grade", zh, en))
        advice: Advice = request.advice or about.said.advice
        if (advice, request.grade or about.said.grade) == (about.said.advice, about.said.grade):
            zh, en = "与模型的结果相同，无需调整", "is what the model says; there is nothing to override"
            problems.append(FieldProblem("advice", "changes_nothing", zh, en))
        if problems:
            raise InvalidRequestError(problems)
        check_advice(about.said, "advice", advice)


def _written(
    verb: str,
    override: CreditOverride,
    request: CreditOverrideRequest | dict[str, str],
    act: Act,
    *,
    superseded: Sequence[str] = (),
) -> Answered:
    answer = CreditOverrideAnswer(**act.reading, override=override)
    said: dict[str, Json] = {"override": override.model_dump(mode="json")}
    if superseded:
        said["superseded"] = list(superseded)
    return act.write(f"{_ROUTE}/{verb}", answer, request, said, override.model.party_id)


def _held(override: CreditOverride, companies: Sequence[str] | None) -> Held:
    return Held(
        review_id=override.override_id,
        decision_id=override.model.decision_id,
        subject=override.model.party_id,
        companies=companies,
        state=override.status,
        last_day=override.until.isoformat(),
        is_open=override.status in states.OPEN,
        body=override.model_dump_json(),
        open_as=_place(override, companies),
    )


def _place(override: CreditOverride, companies: Sequence[str] | None) -> str:
    """Return what only one may be open of: a party for a set of companies, one that waits and one that counts."""
    scope = json.dumps([override.model.party_id, sorted(companies or ())])
    return f"{override.status}:{hashlib.sha256(scope.encode()).hexdigest()[:32]}"


def _read(held: Held) -> CreditOverride:
    return CreditOverride.model_validate_json(held.body)
