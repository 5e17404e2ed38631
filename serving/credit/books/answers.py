"""A scored book as the file that a caller asked for: Parquet, Arrow, CSV, xlsx or JSON, out of the one that is kept."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, Final

import orjson
import polars as pl
import pyarrow.parquet as pq

from models.credit.book_scores import CONTRIBUTION
from serving.credit.books.frame import RowStatus
from serving.credit.books.reasons import REASONS
from serving.credit.books.schemas import BookSummary
from serving.http.language import Language
from serving.uploads.media import TableKind
from serving.uploads.writing import Sheet, write_arrow, write_csv, write_workbook

__all__ = ["answer_name", "write_book_answer"]

_ROWS_AT_ONCE: Final = 4_096
_ERRORS: Final = ("error_field", "error_rule", "error_message")
_WORDS: Final = ("row", "key", "party_id", "line", "stage")
_LISTS: Final = ("decided_by", "quality_notes")
_OVERRIDE: Final[Mapping[str, str]] = {
    "override_advice": "advice",
    "override_grade": "grade",
    "override_until": "until",
    "override_id": "override_id",
    "override_decision_id": "decision_id",
}
_LABELS: Final[Mapping[str, tuple[str, str]]] = {
    "row": ("行号", "row of the file sent"),
    "key": ("自编号", "your own id"),
    "party_id": ("主体编号", "party"),
    "line": ("业务条线", "business line"),
    "stage": ("阶段", "stage"),
    "pd": ("12个月违约概率", "PD within 12 months"),
    "pd_low": ("概率区间下端", "lower end of the interval"),
    "pd_high": ("概率区间上端", "upper end of the interval"),
    "log_odds": ("对数几率", "log-odds"),
    "base_log_odds": ("基准对数几率", "base log-odds"),
    "own_pd": ("自身违约概率", "PD by own features"),
    "own_log_odds": ("自身对数几率", "log-odds by own features"),
    "network_log_odds": ("关系影响", "what the network adds"),
    "grade": ("等级", "grade"),
    "points": ("分数", "points"),
    "advice": ("处理意见", "advice"),
    "decided_by": ("由何决定", "decided by"),
    "quality": ("结果质量", "quality"),
    "quality_notes": ("质量说明", "why not full"),
    "features_known": ("已知特征数", "features known"),
    "override_advice": ("人工调整的意见", "advice of the override that counts"),
    "override_grade": ("人工调整的等级", "grade of the override"),
    "override_until": ("调整有效至", "last day of the override"),
    "override_id": ("调整编号", "id of the override"),
    "override_decision_id": ("调整所依据的评分", "score that the override is of"),
    "duplicate_of": ("与该行重复", "repeats the row"),
    "error_field": ("字段", "field"),
    "error_rule": ("规则", "rule"),
    "error_message": ("原因与处理", "what is wrong and what to do"),
}
_ABOUT: Final = (
    ("book_id", "批次编号", "id of the book"),
    ("decision_id", "台账编号", "id in the ledger"),
    ("decided_at", "时间", "when"),
    ("rows", "收到的行", "rows in"),
    ("rows_answered", "已评分", "rows answered"),
    ("rows_failed", "失败（见第二张表）", "rows failed (second sheet)"),
    ("rows_repeated", "重复的主体行", "rows that repeat a party"),
    ("blank_lines", "跳过的空行", "blank lines"),
    ("model_version", "模型版本", "model"),
    ("policy", "政策", "policy"),
    ("data_as_of", "数据日期", "data as of"),
    ("graph_as_of", "图谱日期", "graph as of"),
    ("merkle_root", "各行摘要", "digest of the rows"),
)


def answer_name(kind: TableKind) -> str:
    """Return what the file of an answer is called."""
    return f"scores.{kind.value}"


def write_book_answer(
    rows: Path, out: Path, kind: TableKind, summary: BookSummary, *, contributions: bool, language: Language
) -> None:
    """Write the kept rows as a kind of file; Parquet and Arrow always hold the contributions.

    CSV, Parquet and Arrow hold every row with its status and error; in xlsx and JSON the failed ones stand apart. Raises
    UploadTooLargeError where a workbook would be too large.
    """
    told = {
        f"zhiheng.{name}": str(value)
        for name, value in summary.model_dump(mode="json", include={name for name, *_ in _ABOUT}).items()
    }
    match kind:
        case TableKind.PARQUET:
            out.hardlink_to(rows)
        case TableKind.ARROW | TableKind.ARROWS:
            with out.open("wb") as file:
                write_arrow(file, _pieces(rows), kind, told)
        case TableKind.CSV:
            with out.open("wb") as file:
                write_csv(file, _shown(rows, contributions=contributions))
        case TableKind.XLSX:
            write_workbook(out, _sheets(rows, summary, contributions=contributions, language=language))
        case TableKind.JSON:
            with out.open("wb") as file:
                _write_json(file, rows, summary, contributions=contributions)


def _pieces(rows: Path, status: str | None = None) -> Iterator[pl.DataFrame]:
    """Yield the kept rows, of one status where it is given."""
    with pq.ParquetFile(rows, buffer_size=1 << 20) as file:
        for batch in file.iter_batches(_ROWS_AT_ONCE, use_threads=False):
            frame = pl.DataFrame(batch)
            yield frame if status is None else frame.filter(pl.col("status") == status)


def _shown(rows: Path, *, contributions: bool, status: str | None = None) -> Iterator[pl.DataFrame]:
    for frame in _pieces(rows, status):
        names = [name for name in frame.columns if contributions or not name.startswith(CONTRIBUTION)]
        yield frame.select(names)


def _sheets(
    rows: Path, summary: BookSummary, *, contributions: bool, language: Language
) -> tuple[Sheet, Sheet, Sheet]:
    names = [
        name
        for name in pq.read_schema(rows).names
        if name not in ("status", *_ERRORS) and (contributions or not name.startswith(CONTRIBUTION))
    ]
    failed = [*_WORDS, *_ERRORS]
    dumped = summary.model_dump(mode="json")
    lines = [(name, zh, en, str(dumped[name])) for name, zh, en in _ABOUT if dumped[name] is not None]
    lines += [(note.code, note.text_zh, note.text_en, "") for note in summary.warnings]
    about = pl.DataFrame(lines, schema=["name", "zh", "en", "value"], orient="row")
    titles = ("评分", "失败", "说明") if language == "zh" else ("Scores", "Failed", "About")
    return (
        Sheet(
            titles[0],
            {name: _header(name) for name in names},
            lambda: _shown(rows, contributions=contributions, status=RowStatus.ANSWERED),
        ),
        Sheet(
            titles[1],
            {name: _header(name) for name in failed},
            lambda: (piece.select(failed) for piece in _pieces(rows, RowStatus.FAILED)),
        ),
        Sheet(
            titles[2],
            {"name": "name", "zh": "说明", "en": "meaning", "value": "value"},
            lambda: iter([about]),
        ),
    )


def _header(name: str) -> str:
    """Return a header: the name, then what it means in both languages."""
    if name.startswith("reason_"):
        number = name.split("_")[1]
        what = (
            ("文字", "in words") if name.endswith("_text") else
            ("对数几率", "log-odds") if name.endswith("_log_odds") else ("特征", "feature")
        )  # fmt: skip
        return f"{name}\n理由{number}（{what[0]}）\nreason {number}, {what[1]}"
    if name.startswith(CONTRIBUTION):
        return f"{name}\n对数几率贡献\ncontribution to the log-odds"
    zh, en = _LABELS[name]
    return f"{name}\n{zh}\n{en}"


def _write_json(file: BinaryIO, rows: Path, summary: BookSummary, *, contributions: bool) -> None:
    """Write the answer piece by piece: a book of any size is never held as objects."""
    file.write(summary.model_dump_json().encode()[:-1])
    file.write(b',"answers":[')
    comma = b""
    for frame in _pieces(rows, RowStatus.ANSWERED):
        for row in frame.iter_rows(named=True):
            file.write(comma + orjson.dumps(_plain(row, contributions=contributions)))
            comma = b","
    file.write(b'],"failed":[')
    comma = b""
    for frame in _pieces(rows, RowStatus.FAILED):
        for row in frame.select("row", "key", "party_id", *_ERRORS).iter_rows(named=True):
            named = {name.removeprefix("error_"): value for name, value in row.items()}
            file.write(comma + orjson.dumps(named))
            comma = b","
    file.write(b"]}")


def _plain(row: dict[str, object], *, contributions: bool) -> dict[str, object]:
    """Return a row as BookRow has it."""
    said = {
        name: value
        for name, value in row.items()
        if name in _LABELS and name not in (*_ERRORS, *_LISTS, *_OVERRIDE)
    }
    said |= {name: str(row[name]).split(";") if row[name] else [] for name in _LISTS}
    override = {name: row[column] for column, name in _OVERRIDE.items()}
    said["override"] = override if override["override_id"] else None
    said["reasons"] = [
        {
            "feature": row[f"reason_{number}"],
            "text": row[f"reason_{number}_text"],
            "log_odds": row[f"reason_{number}_log_odds"],
        }
        for number in range(1, REASONS + 1)
        if row[f"reason_{number}"] is not None
    ]
    parts = {
        name.removeprefix(CONTRIBUTION): value for name, value in row.items() if name.startswith(CONTRIBUTION)
    }
    said["contributions"] = parts if contributions else None
    return said
