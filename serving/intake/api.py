"""HTTP of data intake: templates, files checked and taken, what was taken, failed rows to be corrected."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from features.contracts import contract_of
from serving.access.roles import Role
from serving.http.answering import AnswerApi, read_query
from serving.http.api import Api, Handler
from serving.http.openapi import Endpoint
from serving.http.problems import request_error
from serving.intake.desk import IntakeDesk
from serving.intake.failed_rows import write_failed_workbook
from serving.intake.schemas import IntakeAnswer, IntakeQuery, UploadId, UploadList, UploadListQuery
from serving.random_bytes import new_id
from serving.uploads.media import TableKind, sent_kind
from serving.uploads.spool import spool

__all__ = ["IntakeApi", "intake_handlers"]

_STEWARD: Final = frozenset({Role.STEWARD})
_READS: Final = frozenset({Role.STEWARD, Role.AUDITOR})
_KINDS: Final = (TableKind.XLSX, TableKind.CSV, TableKind.PARQUET)
_MEDIA: Final = tuple(kind.media_type for kind in _KINDS)
_XLSX: Final = TableKind.XLSX.media_type

TEMPLATE: Final = Endpoint(
    path="/v1/intake/templates/{table}",
    method="GET",
    summary="一张表的填报模板（xlsx） / Template of a table (xlsx)",
    roles=_STEWARD,
    answer=IntakeAnswer,
    statuses=(404, 422),
    produces=(_XLSX,),
)
HAND_IN: Final = Endpoint(
    path="/v1/intake/{table}",
    method="POST",
    summary="提交一张表：逐行指出问题，mode=take 时收下合格行 / Hand in a table: what is wrong row by row; mode=take takes the good rows",
    roles=_STEWARD,
    query=IntakeQuery,
    answer=IntakeAnswer,
    statuses=(404, 408, 409, 413, 415, 422),
    slow=True,
    consumes=_MEDIA,
)
UPLOADS: Final = Endpoint(
    path="/v1/intake/uploads",
    method="GET",
    summary="收下的上传 / Uploads that were taken",
    roles=_READS,
    query=UploadListQuery,
    answer=UploadList,
    statuses=(422,),
)
UPLOAD: Final = Endpoint(
    path="/v1/intake/uploads/{upload_id}",
    method="GET",
    summary="一次上传 / One upload",
    roles=_READS,
    answer=UploadList,
    statuses=(404, 422),
)
FAILED: Final = Endpoint(
    path="/v1/intake/uploads/{upload_id}/failed.xlsx",
    method="GET",
    summary="不合格行及原因（xlsx），改正后可再次提交 / Failed rows with their reasons (xlsx), to be corrected and handed in again",
    roles=_STEWARD,
    answer=UploadList,
    statuses=(404, 422),
    slow=True,
    produces=(_XLSX,),
)


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True)

    table: Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,40}$")]


class _Upload(BaseModel):
    model_config = ConfigDict(frozen=True)

    upload_id: UploadId


class IntakeApi(AnswerApi):
    """The handlers of data intake."""

    def __init__(self, api: Api, desk: IntakeDesk, spool_folder: Path) -> None:
        super().__init__(api)
        self._desk, self._folder = desk, spool_folder

    async def template(self, request: Request, request_id: str) -> Response:
        """Give the template of a table; it holds no data."""
        self._caller(request, request_id, TEMPLATE)
        contract = contract_of(_table(request))

        def make() -> bytes:
            from features.templates import write_template  # noqa: PLC0415 - xlsxwriter is not needed to score

            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / f"{contract.name}.xlsx"
                write_template(contract, path)
                return path.read_bytes()

        return _workbook(await self._api.in_slow_thread(make), contract.name, request_id)

    async def hand_in(self, request: Request, request_id: str) -> Response:
        """Check a file; with mode=take keep its good rows."""
        caller = self._caller(request, request_id, HAND_IN)
        table, query = _table(request), read_query(request, IntakeQuery)
        contract_of(table)
        kind = sent_kind(request.headers.get("content-type"), _KINDS)
        settings = self._api.settings
        limit = settings.intake_body_limit_bytes
        path = self._folder / f"{new_id()}.{kind.value}"
        chunks = self._api.chunks(request, limit, kinds=_MEDIA, seconds=settings.intake_body_seconds)
        file = await spool(chunks, path)
        try:
            return await self._answer_unless_abandoned(
                lambda abandoned: self._desk.hand_in(
                    table, file, kind, query.mode, caller, abandoned=abandoned
                )
            )
        finally:
            path.unlink(missing_ok=True)

    async def uploads(self, request: Request, request_id: str) -> Response:
        """List what was taken."""
        caller = self._caller(request, request_id, UPLOADS)
        query = read_query(request, UploadListQuery)
        zone = ZoneInfo(self._api.settings.work_zone)
        return await self._answer(lambda: self._desk.uploads(query, caller, zone))

    async def upload(self, request: Request, request_id: str) -> Response:
        """Say what was taken of one upload."""
        caller = self._caller(request, request_id, UPLOAD)
        upload_id = _upload_id(request)
        return await self._answer(lambda: self._desk.upload(upload_id, caller))

    async def failed(self, request: Request, request_id: str) -> Response:
        """Give the failed rows of an upload back."""
        caller = self._caller(request, request_id, FAILED)
        upload_id = _upload_id(request)
        language = self._api.language(request)

        def make() -> bytes:
            rows, record = self._desk.failed(upload_id, caller)
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "failed.xlsx"
                write_failed_workbook(rows, path, language)
                self._api.parts.ledger.append([record])
                return path.read_bytes()

        return _workbook(await self._api.in_slow_thread(make), f"{upload_id}.failed", request_id)


def intake_handlers(intake: IntakeApi) -> Mapping[Endpoint, Handler]:
    """Say who answers which endpoint; fixed addresses stand before those with a table's name."""
    return {
        TEMPLATE: intake.template,
        UPLOADS: intake.uploads,
        UPLOAD: intake.upload,
        FAILED: intake.failed,
        HAND_IN: intake.hand_in,
    }


def _workbook(content: bytes, name: str, request_id: str) -> Response:
    headers = {
        "Content-Disposition": f'attachment; filename="{name}.xlsx"',
        "Cache-Control": "no-store",
        "X-Request-ID": request_id,
    }
    return Response(content, headers=headers, media_type=_XLSX)


def _table(request: Request) -> str:
    try:
        return _Table.model_validate({"table": request.path_params["table"]}).table
    except ValidationError as error:
        raise request_error(error) from error


def _upload_id(request: Request) -> str:
    try:
        return _Upload.model_validate({"upload_id": request.path_params["upload_id"]}).upload_id
    except ValidationError as error:
        raise request_error(error) from error
