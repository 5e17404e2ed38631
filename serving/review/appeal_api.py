"""HTTP of appeals: opened on behalf of a party, decided by a person who had no part in the decision."""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from serving.access.roles import Role
from serving.http.answering import AnswerApi
from serving.http.api import Api, Handler
from serving.http.openapi import Endpoint
from serving.review.appeal_desk import AppealDesk
from serving.review.appeal_schemas import (
    AppealAnswer,
    AppealAssignment,
    AppealOutcome,
    AppealQuery,
    AppealRequest,
    Appeals,
)
from serving.review.override_schemas import ReviewReason

__all__ = ["AppealApi", "appeals_handlers"]

_OFFICER: Final = frozenset({Role.RISK_OFFICER})
_APPROVER: Final = frozenset({Role.APPROVER})
_BOTH: Final = _OFFICER | _APPROVER
_READS: Final = _BOTH | {Role.AUDITOR}
_APPEALS: Final = "/v1/appeals"


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


class AppealApi(AnswerApi):
    """The handlers of appeals."""

    def __init__(self, api: Api, appeals: AppealDesk) -> None:
        super().__init__(api)
        self._appeals = appeals

    async def open_appeal(self, request: Request, request_id: str) -> Response:
        """Open an appeal."""
        caller = self._caller(request, request_id, OPEN_APPEAL)
        wanted = await self._read(request, AppealRequest)
        return await self._answer(lambda: self._appeals.open(wanted, caller), kept=True)

    async def assign(self, request: Request, request_id: str) -> Response:
        """Assign an appeal."""
        return await self._acted(request, request_id, ASSIGN, AppealAssignment, self._appeals.assign)

    async def decide(self, request: Request, request_id: str) -> Response:
        """Decide an appeal."""
        return await self._acted(request, request_id, DECIDE, AppealOutcome, self._appeals.decide)

    async def withdraw_appeal(self, request: Request, request_id: str) -> Response:
        """Withdraw an appeal."""
        return await self._acted(request, request_id, WITHDRAW_APPEAL, ReviewReason, self._appeals.withdraw)

    async def appeals(self, request: Request, request_id: str) -> Response:
        """List appeals."""
        return await self._listed(request, request_id, APPEALS, AppealQuery, self._appeals.listed)

    async def appeal(self, request: Request, request_id: str) -> Response:
        """Return one appeal."""
        return await self._one(request, request_id, APPEAL, self._appeals.get)


def appeals_handlers(appeals: AppealApi) -> Mapping[Endpoint, Handler]:
    """Say who answers which endpoint."""
    return {
        OPEN_APPEAL: appeals.open_appeal,
        APPEALS: appeals.appeals,
        APPEAL: appeals.appeal,
        ASSIGN: appeals.assign,
        DECIDE: appeals.decide,
        WITHDRAW_APPEAL: appeals.withdraw_appeal,
    }
