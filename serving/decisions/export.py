"""Decisions for an auditor to take along: masked, with the hashes that prove that nothing was left out or changed."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from serving.decisions.masking import Masking
from serving.decisions.reading import subject_of
from serving.ledger.chain import Decision, Json, canonical_json
from serving.ledger.json_text import text_of

__all__ = ["ENDINGS", "EXPORTED", "Export", "ExportInfo", "export"]

EXPORTED: Final = pl.Schema(
    {
        "seq": pl.Int64(),
        "decision_id": pl.String(),
        "recorded_at": pl.String(),
        "route": pl.String(),
        "subject": pl.String(),
        "companies": pl.String(),
        "key_id": pl.String(),
        "record": pl.String(),
        "prev_hash": pl.String(),
        "hash": pl.String(),
    }
)
"""One row a decision; companies and record as JSON. The record is masked, and for a key of some companies cut (fields in its
`left_out`), so it no longer fits its hash: what the hashes
prove is the order, as prev_hash is the hash of the row before, and `zhiheng ledger verify` holds them against the records."""

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class ExportInfo:
    """What an export holds, to be checked against the ledger; `cursor` is where to go on, None at the end."""

    rows: int
    first_seq: int | None
    last_seq: int | None
    last_hash: str | None
    head_seq: int
    head_hash: str
    gapless: bool
    cursor: int | None

    def plain(self) -> dict[str, Json]:
        """Return it as JSON values."""
        return dict(vars(self))


@dataclass(frozen=True)
class Export:
    """A file and what it holds."""

    content: bytes
    info: ExportInfo


def export(
    decisions: Sequence[Decision], masking: Masking, media_type: str, *, head: tuple[int, str], more: bool
) -> Export:
    """Write decisions as a file of a media type of `ENDINGS`; `more` says that others follow."""
    numbers = [one.seq for one in decisions]
    info = ExportInfo(
        rows=len(decisions),
        first_seq=numbers[0] if numbers else None,
        last_seq=numbers[-1] if numbers else None,
        last_hash=decisions[-1].hash if decisions else None,
        head_seq=head[0],
        head_hash=head[1],
        gapless=not numbers or numbers == list(range(numbers[0], numbers[-1] + 1)),
        cursor=numbers[-1] if numbers and more else None,
    )
    rows = [_row(one, masking) for one in decisions]
    return Export(_WRITERS[media_type](rows, info), info)


def _row(decision: Decision, masking: Masking) -> dict[str, object]:
    record = masking.record(decision.record)
    return {
        "seq": decision.seq,
        "decision_id": decision.decision_id,
        "recorded_at": decision.recorded_at,
        "route": text_of(record.get("route")),
        "subject": masking.party(subject_of(decision.record)),
        "companies": canonical_json(record.get("companies")),
        "key_id": text_of(record.get("key_id")),
        "record": canonical_json(record),
        "prev_hash": decision.prev_hash,
        "hash": decision.hash,
    }


def _jsonl(rows: Sequence[Mapping[str, object]], info: ExportInfo) -> bytes:
    """Write what the export holds on the first line, then a decision a line, its record as an object."""
    lines = [canonical_json({"export": info.plain()})]
    for row in rows:
        parsed = {name: json.loads(str(row[name])) for name in ("companies", "record")}
        lines.append(json.dumps({**row, **parsed}, ensure_ascii=False, separators=(",", ":")))
    return "".join(f"{line}\n" for line in lines).encode()


def _csv(rows: Sequence[Mapping[str, object]], _info: ExportInfo) -> bytes:
    """Write a table that Excel opens as UTF-8; what it would take for a formula is written as text."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(EXPORTED)
    writer.writerows([[_as_text(row[name]) for name in EXPORTED] for row in rows])
    return text.getvalue().encode("utf-8-sig")


def _as_text(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _parquet(rows: Sequence[Mapping[str, object]], info: ExportInfo) -> bytes:
    """Write a Parquet file; what it holds stands in the file's metadata under `zhiheng_export`."""
    frame = pl.DataFrame([[row[name] for name in EXPORTED] for row in rows], schema=EXPORTED, orient="row")
    buffer = io.BytesIO()
    frame.write_parquet(buffer, metadata={"zhiheng_export": canonical_json(info.plain())})
    return buffer.getvalue()


_Writer = Callable[[Sequence[Mapping[str, object]], ExportInfo], bytes]
_JSONL: Final = "application/x-ndjson"
_CSV: Final = "text/csv"
_PARQUET: Final = "application/vnd.apache.parquet"
_WRITERS: Final[Mapping[str, _Writer]] = {_JSONL: _jsonl, _CSV: _csv, _PARQUET: _parquet}
ENDINGS: Final[Mapping[str, str]] = {_JSONL: "jsonl", _CSV: "csv", _PARQUET: "parquet"}
"""The media types an export can have, the usual one first, with the endings of their files."""
