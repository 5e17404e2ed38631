"""HTTP of decisions: read one again, list them, replay one, export them."""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from serving.access.roles import Role
from serving.decisions.book_row import BookRowDesk
from serving.decisions.book_row_schemas import BookRowAnswer
from serving.decisions.desk import DecisionDesk
from serving.decisions.export import ENDINGS
from serving.decisions.replay_jobs import ReplayJobs
from serving.decisions.schemas import DecisionAnswer, DecisionQuery, Decisions, ExportQuery, ReplayAnswer
from serving.http.accept import accepted_type
from serving.http.answering import Abandoned, AnswerApi, read_query
from serving.http.api import Api, Handler
from serving.http.openapi import Endpoint
from serving.jobs.schemas import JobReceipt
from serving.ledger.answered import Answered
from serving.schemas import NoQuery

__all__ = ["DecisionsApi", "decisions_handlers"]

_READS: Final = frozenset({Role.RISK_OFFICER, Role.AUDITOR})
_EXPORT_TYPES: Final = tuple(ENDINGS)

DECISIONS: Final = Endpoint(
    path="/v1/decisions",
    method="GET",
    summary="查询台账中的决策，新的在前 / List decisions of the ledger, newest first",
    roles=_READS,
    query=DecisionQuery,
    answer=Decisions,
    statuses=(422,),
    slow=True,
)
EXPORT: Final = Endpoint(
    path="/v1/decisions/export",
    method="GET",
    summary="导出供审计使用：个人信息已屏蔽，附可核对的哈希；导出本身也入台账 / "
    "Export for audit: personal data masked, with hashes to check by; the export is recorded itself",
    roles=frozenset({Role.AUDITOR}),
    query=ExportQuery,
    answer=Decisions,
    statuses=(406, 422),
    slow=True,
    produces=_EXPORT_TYPES,
)
DECISION: Final = Endpoint(
    path="/v1/decisions/{decision_id}",
    method="GET",
    summary="取回一条决策的原始记录，及此后的调整与申诉 / One decision as it was recorded, with overrides and appeals since",
    roles=_READS,
    answer=DecisionAnswer,
    statuses=(404,),
)
REPLAY: Final = Endpoint(
    path="/v1/decisions/{decision_id}/replay",
    method="POST",
    summary="用当时的输入、模型与政策重算，逐位比对 / Compute it again with the inputs, model and policy of that day, bit for bit",
    roles=_READS,
    answer=ReplayAnswer,
    accepted=JobReceipt,
    statuses=(404,),
    slow=True,
)
ROW: Final = Endpoint(
    path="/v1/decisions/{decision_id}/rows/{row}",
    method="GET",
    summary="成批评分中的一行，附可与台账核对的证明 / One row of a scored book, with a proof to hold against the ledger",
    roles=_READS,
    query=NoQuery,
    answer=BookRowAnswer,
    statuses=(404, 410),
    slow=True,
)


class DecisionsApi(AnswerApi):
    """The handlers of decisions."""

    def __init__(self, api: Api, desk: DecisionDesk, *, jobs: ReplayJobs, rows: BookRowDesk) -> None:
        super().__init__(api)
        self._desk, self._jobs, self._rows = desk, jobs, rows

    async def decisions(self, request: Request, request_id: str) -> Response:
        """List decisions."""
        return await self._listed(request, request_id, DECISIONS, DecisionQuery, self._desk.listed)

    async def decision(self, request: Request, request_id: str) -> Response:
        """Return one decision."""
        return await self._one(request, request_id, DECISION, self._desk.get)

    async def replay(self, request: Request, request_id: str) -> Response:
        """Replay one decision; a large book is replayed as a job."""
        caller = self._caller(request, request_id, REPLAY)
        decision_id = request.path_params["decision_id"]
        most = self._api.settings.book_now_rows

        def work(abandoned: Abandoned) -> Answered:
            rows = self._desk.rows_of(decision_id, caller)
            if rows > max(1, most) and not abandoned():
                return self._jobs.submit(decision_id, caller)
            answered = self._desk.replay(decision_id, caller)
            if not abandoned():
                self._api.parts.ledger.append([answered.record])
            return answered

        return await self._answer_unless_abandoned(work)

    async def row(self, request: Request, request_id: str) -> Response:
        """Return one row of a book with its proof."""
        caller = self._caller(request, request_id, ROW)
        read_query(request, NoQuery)
        decision_id, row = request.path_params["decision_id"], request.path_params["row"]
        return await self._answer(lambda: self._rows.row(decision_id, row, caller))

    async def export(self, request: Request, request_id: str) -> Response:
        """Export decisions; the record of it is durable before the first byte is given."""
        caller = self._caller(request, request_id, EXPORT)
        query = read_query(request, ExportQuery)
        media_type = accepted_type(request.headers.get("accept"), _EXPORT_TYPES)
        exported = await self._api.in_slow_thread(lambda: self._desk.export(query, media_type, caller))
        info = exported.made.info
        told = {
            f"X-Export-{name.replace('_', '-').title()}": str(value)
            for name, value in info.plain().items()
            if value is not None
        }
        headers = {
            "Cache-Control": "no-store",
            "X-Request-ID": request_id,
            "X-Export-Decision-Id": str(exported.record["decision_id"]),
            "Content-Disposition": f'attachment; filename="{exported.filename}"',
            **told,
        }
        return Response(exported.made.content, headers=headers, media_type=media_type)


def decisions_handlers(decisions: DecisionsApi) -> Mapping[Endpoint, Handler]:
    """Say who answers which endpoint; the export comes before what would take its name for an id."""
    return {
        DECISIONS: decisions.decisions,
        EXPORT: decisions.export,
        DECISION: decisions.decision,
        REPLAY: decisions.replay,
        ROW: decisions.row,
    }
