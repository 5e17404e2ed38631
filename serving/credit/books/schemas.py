"""Shapes of books over HTTP: what JSON may hold, what can be asked for, and the answer in JSON."""

from datetime import date, datetime
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, FiniteFloat, model_validator
from pydantic_core import PydanticCustomError

from models.credit.policy import Advice
from serving.credit.score.schemas import PartyOverride
from serving.schemas import Note, QualityLevel, StrictModel

__all__ = [
    "BookAnswer",
    "BookFailure",
    "BookQuery",
    "BookReason",
    "BookRequest",
    "BookRow",
    "BookSummary",
    "TemplateFile",
    "TemplateQuery",
]

_Name = Annotated[str, Field(min_length=1, max_length=200)]
_Cell = FiniteFloat | str | None


class BookRequest(StrictModel):
    """一批主体：主体编号的列表，或按列给出（二者必居其一）。 / A book: party ids, or columns; one of the two.

    也可以上传 Parquet、Arrow IPC、CSV 或 xlsx，格式写在 Content-Type。 / Parquet, Arrow IPC, CSV and xlsx are taken as
    well, named by Content-Type.
    """

    party_ids: list[str] | None = Field(default=None, min_length=1, description="主体编号 / ids of parties")
    columns: dict[_Name, list[_Cell]] | None = Field(
        default=None,
        min_length=1,
        description="列名到各行的值：party_id 或模型的特征，另可有 key、line、stage；null 表示缺失 / column to values: party_id "
        "or features of the model, with key, line and stage where wanted; null means missing",
    )

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": ["party_ids"]}, {"required": ["columns"]}],
            "examples": [{"party_ids": ["P0000001", "P0000002"]}],
        }
    )

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.party_ids is None) == (self.columns is None):
            raise PydanticCustomError(
                "party_ids_or_columns", "give either party_ids or columns, one of the two"
            )
        return self


class BookQuery(StrictModel):
    """评分一批主体时的选项。 / Options of scoring a book."""

    contributions: bool = Field(
        default=False,
        description="JSON、CSV、xlsx 也附各特征贡献（Parquet 与 Arrow 总是附上） / contributions of features in JSON, CSV and xlsx "
        "too (Parquet and Arrow always hold them)",
    )
    ignore_unknown: bool = Field(
        default=False,
        description="忽略模型没有的列，而不是拒绝整个文件 / leave columns aside that the model does not have, instead of refusing",
    )


class TemplateQuery(StrictModel):
    """模板的选项。 / Options of the template."""

    by: Literal["features", "party_id"] = Field(
        default="features",
        description="按特征填写，或只填主体编号 / filled in by features, or with party ids only",
    )


class TemplateFile(StrictModel):
    """xlsx 模板：第一张表填写，第二张为说明。 / An xlsx template: fill in the first sheet, the second explains it."""


class BookReason(StrictModel):
    """一条理由。 / One reason."""

    feature: str
    text: str
    log_odds: float


class BookRow(StrictModel):
    """一行的结果；各数与单独评分（POST /v1/credit/score）相同；只剩规则时（quality 为 rules_only）没有数。 / The answer of a row: the
    figures of a single score, none of them where rules alone answer.
    """

    row: int = Field(
        description="行号：表格从 2 起（第 1 行为表头），其他从 1 起 / as the sender counts: from 2 in a spreadsheet"
    )
    key: str | None
    party_id: str | None
    line: str | None
    stage: str | None
    pd: float | None
    pd_low: float | None
    pd_high: float | None
    log_odds: float | None
    base_log_odds: float | None
    own_pd: float | None
    own_log_odds: float | None
    network_log_odds: float | None
    grade: str | None
    points: int | None
    advice: Advice
    decided_by: list[str]
    override: PartyOverride | None = Field(
        description="该主体现行的人工调整 / the override of the party that counts now"
    )
    quality: QualityLevel
    quality_notes: list[str]
    features_known: int
    duplicate_of: int | None = Field(description="同一主体首次出现的行 / the row that asked the same before")
    reasons: list[BookReason] = Field(description="贡献最大的四个特征 / the four largest contributions")
    contributions: dict[str, float] | None = Field(description="要求时给出 / on request")


class BookFailure(StrictModel):
    """未能评分的一行及原因。 / A row that got no answer, and why."""

    row: int
    key: str | None
    party_id: str | None
    field: str
    rule: str
    message: str


class BookSummary(StrictModel):
    """整批的说明：行数、版本、证明。 / Of the whole book: rows, versions, proof."""

    request_id: str
    decision_id: str = Field(description="台账编号 / id in the ledger")
    book_id: str
    decided_at: datetime
    rows: int = Field(description="收到的行 = 已评分 + 失败 / rows in = answered + failed")
    rows_answered: int
    rows_failed: int
    rows_repeated: int = Field(description="重复的主体行，也各有结果 / rows that ask again; each is answered")
    blank_lines: int = Field(description="表格中跳过的空行 / blank lines of a spreadsheet, which are no rows")
    ignored_columns: list[str]
    grades: dict[str, int]
    model_version: str
    policy: str
    data_as_of: date | None
    graph_as_of: date | None
    merkle_root: str = Field(description="各行结果的摘要，记入台账 / digest of all rows, kept in the ledger")
    warnings: list[Note]


class BookAnswer(BookSummary):
    """一批主体的评分：每一行不是在 answers，就是在 failed。 / Scores of a book: every row is in `answers` or in `failed`."""

    answers: list[BookRow]
    failed: list[BookFailure]
