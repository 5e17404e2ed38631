"""HTTP of what people do about credit decisions: overrides, appeals, notices, notes."""

from collections.abc import Callable, Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from serving.access.caller import Caller
from serving.access.roles import Role
from serving.http.accept import accepted_type
from serving.http.answering import AnswerApi, read_query
from serving.http.api import Api, Handler
from serving.http.openapi import Endpoint
from serving.ledger.answered import Answered
from serving.review.appeal_schemas import (
    AppealAnswer,
    AppealAssignment,
    AppealOutcome,
    AppealQuery,
    AppealRequest,
    Appeals,
)
from serving.review.note_schemas import NoteAnswer, NoteRequest
from serving.review.notice import notice_markdown
from serving.review.notice_schemas import Notice
from serving.review.override_schemas import (
    CreditOverrideAnswer,
    CreditOverrideQuery,
    CreditOverrideRequest,
    CreditOverrides,
    ReviewReason,
)
from serving.review.parts import ReviewParts

__all__ = ["ReviewApi", "review_handlers"]

_OFFICER: Final = frozenset({Role.RISK_OFFICER})
_APPROVER: Final = frozenset({Role.APPROVER})
_BOTH: Final = _OFFICER | _APPROVER
_READS: Final = _BOTH | {Role.AUDITOR}
_JSON: Final = "application/json"
_MARKDOWN: Final = "text/markdown"
_OVERRIDES: Final = "/v1/credit/overrides"
_APPEALS: Final = "/v1/appeals"

ASK: Final = Endpoint(
    path=_OVERRIDES,
    method="POST",
    summary="申请调整一次评分的意见或等级，须另一人批准 / Ask to override a score; another person approves",
    roles=_OFFICER,
    request=CreditOverrideRequest,
    answer=CreditOverrideAnswer,
    statuses=(404, 409),
)
OVERRIDES: Final = Endpoint(
    path=_OVERRIDES,
    method="GET",
    summary="调整清单，按理由统计 / Overrides, counted by reason",
    roles=_READS,
    query=CreditOverrideQuery,
    answer=CreditOverrides,
    statuses=(422,),
)
OVERRIDE: Final = Endpoint(
    path=f"{_OVERRIDES}/{{override_id}}",
    method="GET",
    summary="一项调整 / One override",
    roles=_READS,
    answer=CreditOverrideAnswer,
    statuses=(404,),
)
APPROVE: Final = Endpoint(
    path=f"{_OVERRIDES}/{{override_id}}/approve",
    method="POST",
    summary="批准调整，不得为提出者本人 / Approve an override; never who asked for it",
    roles=_APPROVER,
    request=ReviewReason,
    answer=CreditOverrideAnswer,
    statuses=(404, 409),
)
REFUSE: Final = Endpoint(
    path=f"{_OVERRIDES}/{{override_id}}/refuse",
    method="POST",
    summary="不批准调整，不得为提出者本人 / Refuse an override; never who asked for it",
    roles=_APPROVER,
    request=ReviewReason,
    answer=CreditOverrideAnswer,
    statuses=(404, 409),
)
WITHDRAW: Final = Endpoint(
    path=f"{_OVERRIDES}/{{override_id}}/withdraw",
    method="POST",
    summary="撤回调整：待批的由提出者或审批人，生效的由另一审批人 / Withdraw an override: once it counts, another person who approves",
    roles=_BOTH,
    request=ReviewReason,
    answer=CreditOverrideAnswer,
    statuses=(404, 409),
)
OPEN_APPEAL: Final = Endpoint(
    path=_APPEALS,
    method="POST",
    summary="代主体提出申诉 / Open an appeal on behalf of a party",
    roles=_OFFICER,
    request=AppealRequest,
    answer=AppealAnswer,
    statuses=(404, 409),
)
APPEALS: Final = Endpoint(
    path=_APPEALS,
    method="GET",
    summary="申诉清单，含逾期数 / Appeals, with how many are overdue",
    roles=_READS,
    query=AppealQuery,
    answer=Appeals,
    statuses=(422,),
)
APPEAL: Final = Endpoint(
    path=f"{_APPEALS}/{{appeal_id}}",
    method="GET",
    summary="一项申诉 / One appeal",
    roles=_READS,
    answer=AppealAnswer,
    statuses=(404,),
)
ASSIGN: Final = Endpoint(
    path=f"{_APPEALS}/{{appeal_id}}/assign",
    method="POST",
    summary="指派复核人，须未参与原决策 / Assign to a person who had no part in the decision",
    roles=_BOTH,
    request=AppealAssignment,
    answer=AppealAnswer,
    statuses=(404, 409),
)
DECIDE: Final = Endpoint(
    path=f"{_APPEALS}/{{appeal_id}}/decide",
    method="POST",
    summary="复核人作出结论：维持或变更 / The person it is assigned to upholds or changes the decision",
    roles=_APPROVER,
    request=AppealOutcome,
    answer=AppealAnswer,
    statuses=(404, 409),
)
WITHDRAW_APPEAL: Final = Endpoint(
    path=f"{_APPEALS}/{{appeal_id}}/withdraw",
    method="POST",
    summary="代主体撤回申诉 / Withdraw an appeal on behalf of the party",
    roles=_OFFICER,
    request=ReviewReason,
    answer=AppealAnswer,
    statuses=(404, 409),
)
NOTICE: Final = Endpoint(
    path="/v1/decisions/{decision_id}/notice",
    method="GET",
    summary="不利决定通知书：主要原因、所用数据、如何申诉 / The notice of an adverse decision: why, by which data, how to appeal",
    roles=frozenset({Role.RISK_OFFICER, Role.AUDITOR}),
    answer=Notice,
    statuses=(404, 406, 422),
    produces=(_JSON, _MARKDOWN),
    slow=True,
)

NOTE: Final = Endpoint(
    path="/v1/decisions/{decision_id}/notes",
    method="POST",
    summary="给一条决策加批注，不改变结果 / Note something on a decision; it changes nothing",
    roles=_READS,
    request=NoteRequest,
    answer=NoteAnswer,
    statuses=(404,),
)


class ReviewApi(AnswerApi):
    """The handlers of overrides, appeals and notices."""

    def __init__(self, api: Api, parts: ReviewParts) -> None:
        super().__init__(api)
        self._overrides, self._appeals, self._notices = parts.overrides, parts.appeals, parts.notices
        self._annotations = parts.annotations

    async def ask(self, request: Request, request_id: str) -> Response:
        """Ask for an override."""
        caller = self._caller(request, request_id, ASK)
        wanted = await self._read(request, CreditOverrideRequest)
        return await self._answer(lambda: self._overrides.ask(wanted, caller), kept=True)

    async def approve(self, request: Request, request_id: str) -> Response:
        """Approve an override."""
        return await self._on_override(request, request_id, APPROVE, self._overrides.approve)

    async def refuse(self, request: Request, request_id: str) -> Response:
        """Refuse an override."""
        return await self._on_override(request, request_id, REFUSE, self._overrides.refuse)

    async def withdraw(self, request: Request, request_id: str) -> Response:
        """Withdraw an override."""
        return await self._on_override(request, request_id, WITHDRAW, self._overrides.withdraw)

    async def overrides(self, request: Request, request_id: str) -> Response:
        """List overrides."""
        caller = self._caller(request, request_id, OVERRIDES)
        query = read_query(request, CreditOverrideQuery)
        return await self._answer(lambda: self._overrides.listed(query, caller))

    async def override(self, request: Request, request_id: str) -> Response:
        """Return one override."""
        caller = self._caller(request, request_id, OVERRIDE)
        override_id = request.path_params["override_id"]
        return await self._answer(lambda: self._overrides.get(override_id, caller))

    async def open_appeal(self, request: Request, request_id: str) -> Response:
        """Open an appeal."""
        caller = self._caller(request, request_id, OPEN_APPEAL)
        wanted = await self._read(request, AppealRequest)
        return await self._answer(lambda: self._appeals.open(wanted, caller), kept=True)

    async def assign(self, request: Request, request_id: str) -> Response:
        """Assign an appeal."""
        caller = self._caller(request, request_id, ASSIGN)
        wanted, appeal_id = await self._read(request, AppealAssignment), request.path_params["appeal_id"]
        return await self._answer(lambda: self._appeals.assign(appeal_id, wanted, caller), kept=True)

    async def decide(self, request: Request, request_id: str) -> Response:
        """Decide an appeal."""
        caller = self._caller(request, request_id, DECIDE)
        wanted, appeal_id = await self._read(request, AppealOutcome), request.path_params["appeal_id"]
        return await self._answer(lambda: self._appeals.decide(appeal_id, wanted, caller), kept=True)

    async def withdraw_appeal(self, request: Request, request_id: str) -> Response:
        """Withdraw an appeal."""
        caller = self._caller(request, request_id, WITHDRAW_APPEAL)
        wanted, appeal_id = await self._read(request, ReviewReason), request.path_params["appeal_id"]
        return await self._answer(lambda: self._appeals.withdraw(appeal_id, wanted, caller), kept=True)

    async def appeals(self, request: Request, request_id: str) -> Response:
        """List appeals."""
        caller = self._caller(request, request_id, APPEALS)
        query = read_query(request, AppealQuery)
        return await self._answer(lambda: self._appeals.listed(query, caller))

    async def appeal(self, request: Request, request_id: str) -> Response:
        """Return one appeal."""
        caller = self._caller(request, request_id, APPEAL)
        appeal_id = request.path_params["appeal_id"]
        return await self._answer(lambda: self._appeals.get(appeal_id, caller))

    async def note(self, request: Request, request_id: str) -> Response:
        """Note something on a decision."""
        caller = self._caller(request, request_id, NOTE)
        decision_id = request.path_params["decision_id"]
        wanted = await self._read(request, NoteRequest)
        return await self._answer(lambda: self._annotations.note(decision_id, wanted, caller), kept=True)

    async def notice(self, request: Request, request_id: str) -> Response:
        """Return the notice of a decision, as JSON or as a letter."""
        caller = self._caller(request, request_id, NOTICE)
        decision_id = request.path_params["decision_id"]
        media_type = accepted_type(request.headers.get("accept"), NOTICE.produces)
        if media_type == _JSON:
            return await self._answer(lambda: self._notices.notice(decision_id, caller))
        language = self._api.language(request)

        def work() -> Notice:
            answered = self._notices.notice(decision_id, caller)
            self._api.parts.ledger.append([answered.record])
            return Notice.model_validate(answered.body)

        text = notice_markdown(await self._api.in_slow_thread(work), language)
        headers = {
            "Cache-Control": "no-store",
            "Content-Language": language,
            "Vary": "Accept, Accept-Language",
            "X-Request-ID": request_id,
        }
        return Response(text, headers=headers, media_type=media_type)

    async def _on_override(
        self,
        request: Request,
        request_id: str,
        endpoint: Endpoint,
        act: Callable[[str, ReviewReason, Caller], Answered],
    ) -> Response:
        caller = self._caller(request, request_id, endpoint)
        wanted, override_id = await self._read(request, ReviewReason), request.path_params["override_id"]
        return await self._answer(lambda: act(override_id, wanted, caller), kept=True)


def review_handlers(review: ReviewApi) -> Mapping[Endpoint, Handler]:
    """Say who answers which endpoint."""
    return {
        ASK: review.ask,
        OVERRIDES: review.overrides,
        OVERRIDE: review.override,
        APPROVE: review.approve,
        REFUSE: review.refuse,
        WITHDRAW: review.withdraw,
        OPEN_APPEAL: review.open_appeal,
        APPEALS: review.appeals,
        APPEAL: review.appeal,
        ASSIGN: review.assign,
        DECIDE: review.decide,
        WITHDRAW_APPEAL: review.withdraw_appeal,
        NOTICE: review.notice,
        NOTE: review.note,
    }
