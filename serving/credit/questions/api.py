"""HTTP of questions beside the score: what if, reasons, portrait, exposure, and the inputs that the model takes."""

from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from serving.access.roles import Role
from serving.credit.questions.exposure import ExposureDesk
from serving.credit.questions.exposure_schemas import ExposureAnswer
from serving.credit.questions.portrait import PortraitDesk
from serving.credit.questions.portrait_schemas import PortraitAnswer, PortraitQuery
from serving.credit.questions.reasons import ReasonsDesk
from serving.credit.questions.reasons_schemas import ReasonsAnswer, ReasonsQuery
from serving.credit.questions.schema import SCHEMA_MEDIA_TYPE, inputs_of
from serving.credit.questions.schema_schemas import InputsAnswer
from serving.credit.questions.what_if import WhatIfDesk
from serving.credit.questions.what_if_schemas import WhatIfAnswer, WhatIfRequest
from serving.credit.score.schemas import PartyId
from serving.http.accept import accepted_type
from serving.http.answering import AnswerApi, read_query
from serving.http.api import Api, Handler
from serving.http.cached import cached_response
from serving.http.openapi import JSON, Endpoint
from serving.http.problems import request_error
from serving.ledger.chain import canonical_json

__all__ = ["QuestionDesks", "QuestionsApi", "questions_handlers"]

_OFFICER: Final = frozenset({Role.RISK_OFFICER})

WHAT_IF: Final = Endpoint(
    path="/v1/credit/what-if",
    method="POST",
    summary="改变若干输入，看模型如何作答（不是决策） / Change some inputs and see what the model answers; no decision",
    roles=_OFFICER,
    request=WhatIfRequest,
    answer=WhatIfAnswer,
    statuses=(404,),
)
REASONS: Final = Endpoint(
    path="/v1/credit/reasons",
    method="GET",
    summary="评分的理由：最新的，或台账中的一次 / Reasons of the newest score, or of one in the ledger",
    roles=_OFFICER,
    query=ReasonsQuery,
    answer=ReasonsAnswer,
    statuses=(404, 422),
)
PORTRAIT: Final = Endpoint(
    path="/v1/credit/portrait/{party_id}",
    method="GET",
    summary="主体画像：几步之内的关系与风险路径 / Portrait: the relations within some steps, and paths of risk",
    roles=_OFFICER,
    query=PortraitQuery,
    answer=PortraitAnswer,
    statuses=(404, 422),
    slow=True,
)
EXPOSURE: Final = Endpoint(
    path="/v1/credit/exposure/{party_id}",
    method="GET",
    summary="主体及其关联客户组的敞口与法定限额 / Exposure to a party and its connected group, beside the legal limits",
    roles=_OFFICER,
    answer=ExposureAnswer,
    statuses=(404, 422),
)
SCHEMA: Final = Endpoint(
    path="/v1/credit/schema",
    method="GET",
    summary="现任模型的输入：单位、范围、可否缺失、时效 / Inputs of the model: units, ranges, what may be missing, how old",
    roles=frozenset(Role),
    answer=InputsAnswer,
    produces=(JSON, SCHEMA_MEDIA_TYPE),
    cached=True,
)


class _Named(BaseModel):
    model_config = ConfigDict(frozen=True)

    party_id: PartyId


class QuestionDesks:
    """Those who answer."""

    def __init__(
        self,
        what_if: WhatIfDesk,
        reasons: ReasonsDesk,
        portraits: PortraitDesk,
        exposures: ExposureDesk,
    ) -> None:
        self.what_if, self.reasons = what_if, reasons
        self.portraits, self.exposures = portraits, exposures


class QuestionsApi(AnswerApi):
    """The handlers of questions."""

    def __init__(self, api: Api, desks: QuestionDesks) -> None:
        super().__init__(api)
        self._desks = desks

    async def what_if(self, request: Request, request_id: str) -> Response:
        """Say what the model would answer to other inputs."""
        caller = self._caller(request, request_id, WHAT_IF)
        wanted = await self._read(request, WhatIfRequest)
        await self._api.asked(caller, wanted.party_id)
        await self._api.tried(caller)
        return await self._answer(lambda: self._desks.what_if.what_if(wanted, caller))

    async def reasons(self, request: Request, request_id: str) -> Response:
        """Say why a score is what it is."""
        caller = self._caller(request, request_id, REASONS)
        query = read_query(request, ReasonsQuery)
        await self._api.asked(caller, query.party_id)
        return await self._answer(lambda: self._desks.reasons.reasons(query, caller))

    async def portrait(self, request: Request, request_id: str) -> Response:
        """Draw what stands around a party."""
        caller = self._caller(request, request_id, PORTRAIT)
        party, query = _party(request), read_query(request, PortraitQuery)
        await self._api.asked(caller, party)
        return await self._answer(lambda: self._desks.portraits.portrait(party, query, caller))

    async def exposure(self, request: Request, request_id: str) -> Response:
        """Say what a party and its group owe."""
        caller = self._caller(request, request_id, EXPOSURE)
        party = _party(request)
        await self._api.asked(caller, party)
        return await self._answer(lambda: self._desks.exposures.exposure(party, caller))

    async def schema(self, request: Request, request_id: str) -> Response:
        """Give the inputs of the model that answers now; nothing of a party is in it, so no record is written."""
        self._caller(request, request_id, SCHEMA)
        settings = self._api.settings

        def read() -> InputsAnswer:
            return inputs_of(
                self._api.parts.credit.scorer(),
                least_known_share=settings.least_known_share,
                max_age_days=settings.stale_after_days,
            )

        media_type = accepted_type(request.headers.get("accept"), SCHEMA.produces)
        answer = await self._api.in_thread(read)
        if media_type == SCHEMA_MEDIA_TYPE:
            text = canonical_json(answer.json_schema)
            return cached_response(request, request_id, text, SCHEMA_MEDIA_TYPE)
        return cached_response(request, request_id, answer.model_dump_json(), JSON)


def questions_handlers(questions: QuestionsApi) -> Mapping[Endpoint, Handler]:
    """Say who answers which endpoint."""
    return {
        WHAT_IF: questions.what_if,
        REASONS: questions.reasons,
        PORTRAIT: questions.portrait,
        EXPOSURE: questions.exposure,
        SCHEMA: questions.schema,
    }


def _party(request: Request) -> str:
    """Return the party that an address names. Raises InvalidRequestError."""
    try:
        return _Named.model_validate({"party_id": request.path_params["party_id"]}).party_id
    except ValidationError as error:
        raise request_error(error) from error
