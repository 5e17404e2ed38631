"""HTTP of notices of adverse decisions, and of notes on decisions."""

from collections.abc import Mapping
from typing import Final
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response

from serving.access.roles import Role
from serving.http.accept import accepted_type
from serving.http.answering import AnswerApi
from serving.http.api import Api, Handler
from serving.http.openapi import JSON, Endpoint
from serving.review.note_desk import NoteDesk
from serving.review.note_schemas import NoteAnswer, NoteRequest
from serving.review.notice import NoticeDesk
from serving.review.notice_letter import notice_letter
from serving.review.notice_schemas import Notice

__all__ = ["NoticeApi", "notices_handlers"]

_ASKS: Final = frozenset({Role.RISK_OFFICER, Role.AUDITOR})
_NOTES: Final = _ASKS | {Role.APPROVER}
_MARKDOWN: Final = "text/markdown"


NOTICE: Final = Endpoint(
    path="/v1/decisions/{decision_id}/notice",
    method="GET",
    summary="不利决定通知书：主要原因、所用数据、如何申诉 / The notice of an adverse decision: why, by which data, how to appeal",
    roles=_ASKS,
    answer=Notice,
    statuses=(404, 406, 422),
    produces=(JSON, _MARKDOWN),
    slow=True,
)
NOTE: Final = Endpoint(
    path="/v1/decisions/{decision_id}/notes",
    method="POST",
    summary="给一条决策加批注，不改变结果 / Note something on a decision; it changes nothing",
    roles=_NOTES,
    request=NoteRequest,
    answer=NoteAnswer,
    statuses=(404,),
)


class NoticeApi(AnswerApi):
    """The handlers of notices and notes."""

    def __init__(self, api: Api, notices: NoticeDesk, notes: NoteDesk) -> None:
        super().__init__(api)
        self._notices, self._notes = notices, notes

    async def notice(self, request: Request, request_id: str) -> Response:
        """Return the notice of a decision, as JSON or as a letter."""
        caller = self._caller(request, request_id, NOTICE)
        decision_id = request.path_params["decision_id"]
        media_type = accepted_type(request.headers.get("accept"), NOTICE.produces)
        answer = await self._answer(lambda: self._notices.notice(decision_id, caller))
        if media_type == JSON:
            return answer
        language = self._api.language(request)
        headers = {
            "Cache-Control": "no-store",
            "Content-Language": language,
            "Vary": "Accept, Accept-Language",
            "X-Request-ID": request_id,
        }
        letter = notice_letter(
            Notice.model_validate_json(bytes(answer.body)), language, ZoneInfo(self._api.settings.work_zone)
        )
        return Response(letter, headers=headers, media_type=media_type)

    async def note(self, request: Request, request_id: str) -> Response:
        """Note something on a decision."""
        return await self._acted(request, request_id, NOTE, NoteRequest, self._notes.note)


def notices_handlers(notices: NoticeApi) -> Mapping[Endpoint, Handler]:
    """Say who answers which endpoint."""
    return {
        NOTICE: notices.notice,
        NOTE: notices.note,
    }
