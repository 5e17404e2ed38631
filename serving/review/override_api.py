"""HTTP of overrides of credit decisions: one person asks, another approves."""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from serving.access.roles import Role
from serving.http.answering import AnswerApi
from serving.http.api import Api, Handler
from serving.http.openapi import Endpoint
from serving.review.override_desk import OverrideDesk
from serving.review.override_schemas import (
    CreditOverrideAnswer,
    CreditOverrideQuery,
    CreditOverrideRequest,
    CreditOverrides,
    ReviewReason,
)

__all__ = ["OverrideApi", "overrides_handlers"]

_OFFICER: Final = frozenset({Role.RISK_OFFICER})
_APPROVER: Final = frozenset({Role.APPROVER})
_BOTH: Final = _OFFICER | _APPROVER
_READS: Final = _BOTH | {Role.AUDITOR}
_OVERRIDES: Final = "/v1/credit/overrides"


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


class OverrideApi(AnswerApi):
    """The handlers of overrides."""

    def __init__(self, api: Api, overrides: OverrideDesk) -> None:
        super().__init__(api)
        self._overrides = overrides

    async def ask(self, request: Request, request_id: str) -> Response:
        """Ask for an override."""
        caller = self._caller(request, request_id, ASK)
        wanted = await self._read(request, CreditOverrideRequest)
        return await self._answer(lambda: self._overrides.ask(wanted, caller), kept=True)

    async def approve(self, request: Request, request_id: str) -> Response:
        """Approve an override."""
        return await self._acted(request, request_id, APPROVE, ReviewReason, self._overrides.approve)

    async def refuse(self, request: Request, request_id: str) -> Response:
        """Refuse an override."""
        return await self._acted(request, request_id, REFUSE, ReviewReason, self._overrides.refuse)

    async def withdraw(self, request: Request, request_id: str) -> Response:
        """Withdraw an override."""
        return await self._acted(request, request_id, WITHDRAW, ReviewReason, self._overrides.withdraw)

    async def overrides(self, request: Request, request_id: str) -> Response:
        """List overrides."""
        return await self._listed(request, request_id, OVERRIDES, CreditOverrideQuery, self._overrides.listed)

    async def override(self, request: Request, request_id: str) -> Response:
        """Return one override."""
        return await self._one(request, request_id, OVERRIDE, self._overrides.get)


def overrides_handlers(overrides: OverrideApi) -> Mapping[Endpoint, Handler]:
    """Say who answers which endpoint."""
    return {
        ASK: overrides.ask,
        OVERRIDES: overrides.overrides,
        OVERRIDE: overrides.override,
        APPROVE: overrides.approve,
        REFUSE: overrides.refuse,
        WITHDRAW: overrides.withdraw,
    }
