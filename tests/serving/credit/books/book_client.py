"""A client of books: writes tables of every kind as clients do, sends them, and reads what comes back."""

import io
import json
from typing import TYPE_CHECKING, Final

import httpx
import polars as pl
import xlsxwriter

from serving.credit.books.schemas import BookAnswer
from serving.uploads.media import TableKind

if TYPE_CHECKING:
    from tests.serving.conftest import Client

PATH: Final = "/v1/credit/scores"


def send(
    client: "Client", content: bytes, kind: TableKind, query: str = "", **headers: str
) -> httpx.Response:
    given = {
        "Authorization": f"Bearer {client.key}",
        "Content_Type": kind.media_type,
        "Accept_Language": "en",
        **headers,
    }
    return client.http.post(PATH + query, content, **given)


def body(frame: pl.DataFrame, kind: TableKind) -> bytes:
    """Write a frame as a client would."""
    out = io.BytesIO()
    match kind:
        case TableKind.JSON:
            return json.dumps({"columns": frame.to_dict(as_series=False)}).encode()
        case TableKind.PARQUET:
            frame.write_parquet(out)
        case TableKind.ARROW:
            frame.write_ipc(out, compression="zstd")
        case TableKind.ARROWS:
            frame.write_ipc_stream(out, compression="lz4")
        case TableKind.CSV:
            frame.write_csv(out)
        case TableKind.XLSX:
            with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
                sheet = book.add_worksheet()
                sheet.write_row(0, 0, frame.columns)
                for line, row in enumerate(frame.iter_rows(), start=1):
                    sheet.write_row(line, 0, row)
    return out.getvalue()


def rows_of(response: httpx.Response, kind: TableKind) -> pl.DataFrame:
    """Read an answer as a client would."""
    assert response.status_code == 200, response.text[:500]
    assert response.headers["content-type"].split(";")[0] == kind.media_type
    match kind:
        case TableKind.JSON:
            answer = BookAnswer.model_validate_json(response.text)
            return pl.DataFrame(
                [row.model_dump(mode="json", exclude={"contributions"}) for row in answer.answers]
            )
        case TableKind.PARQUET:
            return pl.read_parquet(io.BytesIO(response.content))
        case TableKind.ARROW:
            return pl.read_ipc(io.BytesIO(response.content))
        case TableKind.ARROWS:
            return pl.read_ipc_stream(io.BytesIO(response.content))
        case TableKind.CSV:
            return pl.read_csv(io.BytesIO(response.content))
        case TableKind.XLSX:
            frame = pl.read_excel(io.BytesIO(response.content), sheet_id=1, engine="calamine")
            return frame.rename({name: name.split("\n")[0] for name in frame.columns})
