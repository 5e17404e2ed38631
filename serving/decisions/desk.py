"""Answer questions about decisions without HTTP: the chain, what people did about it, and replays of it."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from serving.access.caller import Caller
from serving.access.large_exports import EXPORT_ROUTE, LargeExports
from serving.decisions.export import ENDINGS, Export, export
from serving.decisions.masking import Masking
from serving.decisions.reading import Asked, subject_of
from serving.decisions.replay import Progress, Replayed, Replayer, no_progress, replay
from serving.decisions.schemas import (
    DecisionAnswer,
    DecisionQuery,
    Decisions,
    DecisionSummary,
    Difference,
    ExportQuery,
    ReplayAnswer,
    ReplayOutcome,
    StoredDecision,
)
from serving.decisions.scoped import ScopedRecord, scoped
from serving.errors import FieldProblem, InvalidRequestError
from serving.ledger.answered import Answered
from serving.ledger.chain import Decision, Json, canonical_json
from serving.ledger.json_text import text_of
from serving.review.acting import Acting
from serving.review.appeal_desk import AppealDesk
from serving.review.errors import NotReviewableError
from serving.review.note_desk import NoteDesk
from serving.review.override_desk import OverrideDesk
from serving.review.schemas import StandingAdvice
from serving.review.standing import standing_advice
from serving.review.subject_decision import subject_decision

__all__ = ["DecisionDesk", "Exported", "figures_of_replay", "outcome_of"]

_FIGURES: Final = (
    "pd",
    "log_odds",
    "own_pd",
    "network_log_odds",
    "points",
    "grade",
    "advice",
    "policy",
    "model_version",
    "rows_answered",
    "rows_failed",
    "merkle_root",
)


@dataclass(frozen=True)
class Exported:
    """A file, how it is called, and its record, which is in the chain."""

    made: Export
    media_type: str
    filename: str
    record: Mapping[str, Json]


class DecisionDesk:
    """Get, list, replay and export decisions."""

    def __init__(
        self,
        acting: Acting,
        overrides: OverrideDesk,
        appeals: AppealDesk,
        *,
        annotations: NoteDesk,
        replayers: Callable[[], Mapping[str, Replayer]],
        masking: Callable[[], Masking],
        export_rows: int,
        exports: LargeExports,
    ) -> None:
        self._acting, self._overrides, self._appeals = acting, overrides, appeals
        self._annotations = annotations
        self._replayers, self._masking, self._export_rows = replayers, masking, export_rows
        self._exports = exports

    @property
    def acting(self) -> Acting:
        """Return what others who read decisions work with."""
        return self._acting

    def get(self, decision_id: str, caller: Caller) -> Answered:
        """Return a decision as it is kept and the caller may see it, and what stands now. Raises UnknownDecisionError."""
        act = self._acting.act(caller)
        found = self._acting.reader.get(decision_id, caller)
        overrides = self._overrides.of_decision(decision_id, act)
        appeals = self._appeals.of_decision(decision_id, act)
        standing: StandingAdvice | None = None
        try:
            said = subject_decision(self._acting.reader, decision_id, caller).said
            standing = standing_advice(said, overrides, appeals)
        except NotReviewableError:
            pass
        shown = scoped(found.record, caller.companies)
        reading = act.reading
        reading["notes"] = [*reading["notes"], *shown.notes]
        answer = DecisionAnswer(
            **reading,
            decision=_stored(found, shown),
            standing=standing,
            overrides=overrides,
            appeals=appeals,
            annotations=self._annotations.of_decision(decision_id),
        )
        told: Mapping[str, Json] = {"of_decision": decision_id, "seq": found.seq}
        return act.write(
            "decisions/get", answer, {"decision_id": decision_id}, told, subject_of(found.record)
        )

    def listed(self, query: DecisionQuery, caller: Caller) -> Answered:
        """List decisions, newest first. Raises OutsideScopeError for a company that is not the caller's."""
        caller.require(query.company)
        act = self._acting.act(caller)
        fields = {name: getattr(query, name) for name in ("advice", "grade", "model_version")}
        asked = Asked(
            query.span(self._acting.zone),
            route=query.route,
            subject=query.subject,
            company=query.company,
            key_id=query.key_id,
            fields={name: value for name, value in fields.items() if value is not None},
        )
        found = self._acting.reader.newest(asked, caller, before=query.cursor, limit=query.limit)
        answer = Decisions(
            **act.reading, decisions=[_summary(one) for one in found.decisions], cursor=found.cursor
        )
        told: Mapping[str, Json] = {"decisions": [one.seq for one in found.decisions]}
        return act.write("decisions/list", answer, query, told, query.subject or "")

    def rows_of(self, decision_id: str, caller: Caller) -> int:
        """Return how many rows a replay computes again: those of a book, else one. Raises UnknownDecisionError."""
        rows = _answer(self._acting.reader.get(decision_id, caller).record).get("rows")
        return rows if isinstance(rows, int) else 1

    def replay(self, decision_id: str, caller: Caller, progress: Progress = no_progress) -> Answered:
        """Compute a decision again and hold it against the record. Raises UnknownDecisionError."""
        act = self._acting.act(caller)
        found = self._acting.reader.get(decision_id, caller)
        replayed = replay(found, self._replayers(), progress)
        answer = ReplayAnswer(
            **act.reading,
            of_decision=decision_id,
            route=text_of(found.record.get("route")),
            outcome=outcome_of(replayed),
            identical=replayed.identical,
            reasons=list(replayed.notes),
            differences=[_difference(one.field, one.then, one.now) for one in replayed.differences],
            figures=figures_of_replay(replayed),
        )
        told: Mapping[str, Json] = {
            "of_decision": decision_id,
            "outcome": answer.outcome,
            "reasons": [note.code for note in answer.reasons],
            "differences": [one.model_dump() for one in answer.differences],
        }
        return act.write(
            "decisions/replay", answer, {"decision_id": decision_id}, told, subject_of(found.record)
        )

    def export(self, query: ExportQuery, media_type: str, caller: Caller) -> Exported:
        """Write decisions to a file, masked and cut to what the caller may see; that they were is in the chain by then.

        Raises InvalidRequestError naming the limit of rows, LedgerUnavailableError.
        """
        limit = query.limit or self._export_rows
        if limit > self._export_rows:
            zh = f"超过上限 {self._export_rows} 行；请分批导出，下一批的 cursor 见响应头 X-Export-Cursor"
            en = f"is above the limit of {self._export_rows} rows; take several, the next cursor is in X-Export-Cursor"
            raise InvalidRequestError([FieldProblem("limit", "too_many_rows", zh, en)])
        act, reader = self._acting.act(caller), self._acting.reader
        head = reader.head()
        found = reader.oldest(
            query.span(self._acting.zone), caller, after=query.cursor or 0, up_to=head[0], limit=limit + 1
        )
        shown = [replace(one, record=scoped(one.record, caller.companies).exported) for one in found[:limit]]
        made = export(shown, self._masking(), media_type, head=head, more=len(found) > limit)
        info = made.info
        record: Mapping[str, Json] = {
            "decision_id": act.record_id,
            "recorded_at": act.moment.at.isoformat(),
            "route": EXPORT_ROUTE,
            **caller.recorded,
            "subject": "",
            "request": {**query.model_dump(mode="json", exclude_none=True), "media_type": media_type},
            "answer": info.plain(),
            "answer_sha256": hashlib.sha256(made.content).hexdigest(),
        }
        self._exports.write(record, caller, rows=info.rows)
        name = f"decisions-{info.first_seq or 0}-{info.last_seq or 0}.{ENDINGS[media_type]}"
        return Exported(made, media_type, name, record)


def outcome_of(replayed: Replayed) -> ReplayOutcome:
    """Return what a replay came to."""
    if replayed.identical is None:
        return ReplayOutcome.IMPOSSIBLE
    return ReplayOutcome.IDENTICAL if replayed.identical else ReplayOutcome.DIFFERS


def figures_of_replay(replayed: Replayed) -> list[Difference]:
    """Return the main figures of then and now, the same ones too, where the answer has them."""
    then, now = _answer(replayed.then), _answer(replayed.now or {})
    return [
        _difference(name, canonical_json(then[name]), canonical_json(now[name]) if name in now else None)
        for name in _FIGURES
        if name in then
    ]


def _answer(compared: Mapping[str, Json]) -> Mapping[str, Json]:
    found = compared.get("answer")
    return found if isinstance(found, Mapping) else {}


def _difference(field: str, then: str | None, now: str | None) -> Difference:
    return Difference(field=field, then=then, now=now)


def _stored(found: Decision, shown: ScopedRecord) -> StoredDecision:
    return StoredDecision(
        seq=found.seq,
        decision_id=found.decision_id,
        recorded_at=found.recorded_at,
        record=dict(shown.record),
        left_out=list(shown.left_out),
        prev_hash=found.prev_hash,
        hash=found.hash,
        intact=found.intact,
    )


def _summary(found: Decision) -> DecisionSummary:
    record, answer = found.record, _answer(found.record)
    quality, pd = answer.get("quality"), answer.get("pd")
    companies = record.get("companies")
    return DecisionSummary(
        seq=found.seq,
        decision_id=found.decision_id,
        recorded_at=found.recorded_at,
        route=text_of(record.get("route")),
        subject=subject_of(record),
        companies=[str(one) for one in companies] if isinstance(companies, Sequence) else [],
        key_id=text_of(record.get("key_id")),
        pd=float(pd) if isinstance(pd, int | float) else None,
        grade=text_of(answer.get("grade")) or None,
        advice=text_of(answer.get("advice")) or None,
        quality=text_of(quality.get("level")) or None if isinstance(quality, Mapping) else None,
        model_version=text_of(answer.get("model_version")) or None,
        hash=found.hash,
    )
