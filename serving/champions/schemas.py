"""Shapes of requests and answers about models at run time."""

from datetime import date, datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from serving.champions.families import Alias, Gate, Level
from serving.listing import ListQuery
from serving.schemas import StrictModel

__all__ = [
    "ActAnswer",
    "AliasRequest",
    "FamilyEntry",
    "Incident",
    "IncidentQuery",
    "IncidentsAnswer",
    "KillRequest",
    "ModelCard",
    "ModelsAnswer",
    "RestoreRequest",
    "RollbackRequest",
    "ShadowSummary",
    "VersionEntry",
]

Reason = Annotated[
    str,
    Field(
        min_length=1,
        max_length=500,
        pattern=r"\S",
        description="理由，记入台账 / why; it is written into the ledger",
    ),
]
Version = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9_.-]{1,128}$", description="版本或批次编号 / version, or id of a run")
]


class KillRequest(StrictModel):
    """停用当前作答的版本：退到上一版本，再到评分卡，再到只按规则（预测：停止作答）。 / Switch off what answers now."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reason": "得分整体偏移 / scores have shifted"}]}
    )

    reason: Reason
    version: Version | None = Field(
        default=None,
        description="要停用的版本；已非其作答时 409 / the version to switch off; 409 where another answers by now",
    )


class RestoreRequest(StrictModel):
    """结束停用或回退，恢复 champion。 / End a kill or a rollback; the champion answers again."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "已修复 / repaired"}]})

    reason: Reason


class RollbackRequest(StrictModel):
    """退回较早的版本；不写 version 时退回上一版本。 / Go back to an earlier version; to the previous one unless named."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "复核未通过 / review failed"}]})

    reason: Reason
    version: Version | None = None


class AliasRequest(StrictModel):
    """把别名指向一个版本，例如批准挑战者转为 champion。 / Point an alias at a version, such as challenger to champion."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"alias": "champion", "version": "credit-0123456789ab", "reason": "门槛已过 / gate passed"}
            ]
        }
    )

    alias: Alias = Field(strict=False)
    version: Version
    reason: Reason
    trained_by: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        pattern=r"\S",
        description="训练人；仅当版本自己没有记载时采用，转为 champion 时必填，随本次操作入账 / "
        "who trained it; counts only where the version does not say so itself, is then required for champion, and goes into the "
        "record",
    )


class ActAnswer(StrictModel):
    """一次模型操作的结果；各工作进程在刷新间隔内生效。 / An order that was carried out; every worker follows within its refresh time."""

    request_id: str
    decision_id: str
    family: str
    act: str
    level: str = Field(description="此后由谁作答，或所指的别名 / who answers from now on, or the alias")
    version: str | None
    instead_of: str | None
    incident_id: str | None
    registry: str = Field(
        description="moved：MLflow 已改；unused：未用 MLflow 服务 / moved: MLflow was told; unused: no MLflow server is followed"
    )
    trained_by: str | None = Field(
        default=None,
        description="批准为 champion 时：训练人；版本没有记载的，为审批人所写 / where made champion: who trained it; where the "
        "version does not say so, whom the approver named",
    )
    gate: Gate | None = Field(
        default=None,
        description="批准为 champion 时：训练时的门槛结果；none：没有记载 / where made champion: what the training's gate said",
    )
    decided_at: datetime


class VersionEntry(StrictModel):
    """本机的一个版本。 / A version that lies here."""

    version: str
    aliases: list[str]
    serves: bool
    loaded: bool
    challenger: bool
    model_version: str | None
    trained_as_of: date | None
    issued_at: str | None
    metrics: dict[str, float]
    gate: Gate = Field(
        description="训练自己的门槛结果；none：没有门槛或没有记载 / "
        "what the training's own gate said; none: it has none, or wrote none down"
    )


class FamilyEntry(StrictModel):
    """一类模型：由谁作答。 / One family: who answers."""

    family: str
    level: Level
    version: str | None = Field(description="应当作答的版本 / the version that is to answer")
    loaded_version: str | None = Field(description="本进程正在使用的版本 / the version in this worker")
    challenger: str | None
    since: str | None
    reason: str | None
    problem_zh: str | None
    problem_en: str | None
    versions: list[VersionEntry]


class ModelsAnswer(StrictModel):
    """所有模型及其状态。 / Every family of models and how it stands."""

    request_id: str
    families: list[FamilyEntry]


class ModelCard(StrictModel):
    """模型卡。 / The card of a version; `Accept: text/markdown` gives it as text."""

    request_id: str
    family: str
    version: str
    aliases: list[str]
    trained_as_of: date | None
    training_window: list[date] | None
    features: list[str]
    metrics: dict[str, float]
    libraries: dict[str, str]
    notes: dict[str, str]
    files: dict[str, str] = Field(description="文件名到 SHA-256 / SHA-256 by file name")
    seed: int
    code_version: str
    data_hash: str
    trained_by: str
    gate: Gate = Field(
        description="训练自己的门槛结果；none：没有门槛或没有记载 / "
        "what the training's own gate said; none: it has none, or wrote none down"
    )
    card: str | None = Field(description="训练时写下的模型卡（Markdown） / the card that came with the model")


class Incident(StrictModel):
    """一次停用或回退。 / A kill or a rollback."""

    incident_id: str
    family: str
    act: str
    level: str
    version_from: str | None
    version_to: str | None
    reason: str
    opened_at: str
    opened_by: str
    closed_at: str | None
    closed_by: str | None
    closing_reason: str | None


class IncidentQuery(ListQuery):
    """哪些停用与回退，按发生时刻。 / Which kills and rollbacks to list, by when they happened."""


class IncidentsAnswer(StrictModel):
    """停用与回退的记录，最新的在前。 / Kills and rollbacks, the newest first."""

    request_id: str
    incidents: list[Incident]
    cursor: int | None


class ShadowSummary(StrictModel):
    """挑战者与 champion 的比较。 / The challenger held against the champion on the same requests."""

    request_id: str
    family: str
    version: str | None = Field(description="挑战者版本；null：没有 / the challenger; null: there is none")
    n: int = Field(description="留存期内已比较的请求 / requests compared, of those that are kept")
    failed: int = Field(description="挑战者未能作答 / where the challenger had no answer")
    dropped: int = Field(description="因队列已满未计算 / not computed as the queue was full")
    mean_difference: float | None = Field(
        description="信用：对数几率差绝对值的均值；预测：相对差的均值 / credit: mean |Δ log-odds|; forecasts: mean relative difference"
    )
    largest_difference: float | None
    grade_changes: int | None = Field(description="仅信用 / credit alone")
    first_at: str | None
    last_at: str | None
