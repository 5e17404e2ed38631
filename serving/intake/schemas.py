"""Shapes of data that is handed in: what is wrong row by row, and what was taken."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from serving.listing import ListQuery
from serving.schemas import Note, QualityLevel, StrictModel

__all__ = [
    "IntakeAnswer",
    "IntakeMode",
    "IntakeProblem",
    "IntakeQuality",
    "IntakeQuery",
    "IntakeUpload",
    "RuleCount",
    "TableWarningNote",
    "UploadId",
    "UploadList",
    "UploadListQuery",
]

UploadId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
TableName = Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,40}$")]


class IntakeMode(StrEnum):
    """check：只检查，不写入；take：收下合格行。 / check writes nothing; take takes the good rows."""

    CHECK = "check"
    TAKE = "take"


class IntakeQuery(BaseModel):
    """只检查，还是收下合格行。 / Check only, or take the good rows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: IntakeMode = IntakeMode.CHECK


class UploadListQuery(ListQuery):
    """哪张表的上传，按收下的时刻。 / Which uploads to list, by when they were taken."""

    table: TableName | None = None


class IntakeQuality(StrictModel):
    """检查的完整程度。 / How far the check reached."""

    level: QualityLevel
    notes: list[Note]


class IntakeProblem(StrictModel):
    """一行违反一条规则。 / One rule that a row broke."""

    row: int = Field(
        description="表格软件中的行号（表头为第 1 行）；Parquet 从 1 数数据行 / as the sheet shows it"
    )
    key: str
    column: str
    rule: str
    value: str | None = Field(description="个人信息显示为 *** / personal values show as ***")
    message_zh: str
    message_en: str
    remedy_zh: str
    remedy_en: str


class RuleCount(StrictModel):
    """每条规则有几行不合格。 / How many rows broke a rule."""

    column: str
    rule: str
    rows: int


class TableWarningNote(StrictModel):
    """提示：不影响合格。 / A remark; no row fails for it."""

    kind: str
    column: str
    text_zh: str
    text_en: str


class IntakeAnswer(StrictModel):
    """检查结果；收下时附上传编号。 / What the check found; with the id of the upload where rows were taken."""

    request_id: str
    decision_id: str = Field(description="台账编号 / id in the ledger")
    answered_at: datetime
    model_version: str | None
    data_as_of: date | None
    graph_as_of: date | None
    quality: IntakeQuality
    table: str
    mode: IntakeMode
    upload_id: str | None = Field(description="null = 没有收下任何行 / null: nothing was taken")
    sha256: str = Field(description="文件的哈希 / hash of the file")
    rows: int
    good: int
    failed: int
    new: int = Field(description="合格行中主键尚不存在的 / good rows whose key is not there yet")
    repeated: int = Field(description="与已有数据相同的 / equal to what is there")
    changed: int = Field(description="主键已有而内容不同的，合并时须确认 / of a known key with other content")
    rules: list[RuleCount]
    problems: list[IntakeProblem]
    problems_total: int
    warnings: list[TableWarningNote]
    failed_rows: str | None = Field(description="下载不合格行（xlsx） / where to download the failed rows")


class IntakeUpload(StrictModel):
    """一次收下的上传。 / An upload that was taken."""

    upload_id: str
    table: str
    sha256: str
    kind: Literal["csv", "xlsx", "parquet"]
    taken_at: datetime
    taken_by: str
    companies: list[str]
    rows: int
    good: int
    failed: int
    good_sha256: str = Field(description="合格行文件的哈希 / hash of the file of good rows")
    failed_rows: str | None


class UploadList(StrictModel):
    """收下的上传，最近的在前。 / Uploads that were taken, newest first."""

    request_id: str
    decision_id: str
    answered_at: datetime
    uploads: list[IntakeUpload]
    cursor: int | None
