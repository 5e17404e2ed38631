"""Shapes of the requests and answers about what lines can make and where it falls short."""

from datetime import date, datetime
from typing import Annotated, Final, Literal, Self

from pydantic import ConfigDict, Field, FiniteFloat, model_validator
from pydantic_core import PydanticCustomError

from serving.demand.schemas import DemandQuality, Key
from serving.schemas import StrictModel

__all__ = [
    "CapacityForecastAnswer",
    "CapacityForecastRequest",
    "CapacityPayload",
    "CapacityStamp",
    "HistoryRow",
    "LineContribution",
    "LineForecast",
    "LinePoint",
    "PlanRow",
    "RefusedLine",
]

LineId = Annotated[str, Field(min_length=1, max_length=100, description="产线编号 / id of a line")]
_FILTERS: Final = ("line_ids", "company", "profile", "product_id")


class HistoryRow(StrictModel):
    """一条产线一天的实绩。 / A day of a line as it was."""

    line_id: LineId
    ds: date = Field(strict=False)
    planned_rate: FiniteFloat = Field(description="计划产出率，单位/小时 / units an hour")
    output: FiniteFloat | None = Field(
        description="产量（含不合格品），null = 未上报 / all output; null: not reported"
    )
    good_output: FiniteFloat | None = None
    planned_hours: FiniteFloat | None = None
    run_hours: FiniteFloat | None = None
    maintenance: Key | None = Field(default=None, description="计划检修的种类 / kind of planned maintenance")
    drivers: dict[Key, FiniteFloat | str | None] = Field(default={}, max_length=20)


class PlanRow(StrictModel):
    """未来一天已知的计划与驱动因素。 / What is planned or known of a coming day of a line."""

    line_id: LineId
    ds: date = Field(strict=False)
    planned_rate: FiniteFloat | None = None
    planned_hours: FiniteFloat | None = None
    maintenance: Key | None = None
    drivers: dict[Key, FiniteFloat | str | None] = Field(default={}, max_length=20)


class CapacityPayload(StrictModel):
    """随请求给出的产线历史，立即预测。 / Lines' own history, to be forecast at once."""

    as_of: date = Field(
        strict=False, description="以哪天为准；之后的实绩不使用 / nothing known later is used"
    )
    unit: str = Field(min_length=1, max_length=20, description="计量单位，如 t、piece / the lines' unit")
    profile: Key | None = Field(default=None, description="行业配置 / industry profile, e.g. sea_salt")
    history: list[HistoryRow] = Field(min_length=1)
    plan: list[PlanRow] = Field(default=[])


class CapacityForecastRequest(StrictModel):
    """已发布的产能预测（按产线、企业、行业或产品；都不写为全部），或随请求给出的历史。 / From the newest run, or for lines given here."""

    line_ids: list[LineId] | None = Field(default=None, min_length=1)
    company: Key | None = Field(default=None, description="企业编号，如 ORG-07 / id of the company")
    profile: Key | None = Field(default=None, description="行业配置，如 sea_salt / industry profile")
    product_id: Key | None = Field(default=None, description="能做该产品的产线 / lines that make the product")
    by: Literal["week", "day"] = "week"
    horizon: int | None = Field(
        default=None, ge=1, description="只要前几周（天） / only the first weeks or days"
    )
    explain: bool = Field(
        default=False, description="附各驱动因素的贡献（按周） / with contributions, by week"
    )
    payload: CapacityPayload | None = None

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"company": "ORG-07", "horizon": 4, "explain": True},
                {"line_ids": ["LINE-03"], "by": "day"},
            ]
        }
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.payload is not None and any(getattr(self, name) is not None for name in _FILTERS):
            raise PydanticCustomError(
                "payload_or_filters",
                "give either payload or filters (line_ids, company, profile, product_id)",
            )
        if self.explain and self.by == "day":
            raise PydanticCustomError("explained_by_week", "contributions are by week; ask with by = week")
        return self


class CapacityStamp(StrictModel):
    """这些数来自哪里。 / Where the figures come from."""

    run_id: str | None = Field(description="随请求预测时为 null / null for a payload")
    model_version: str
    data_as_of: date | None
    issued_at: datetime
    demand_run_id: str | None = Field(description="所对照的需求批次 / the run of demand it is held against")
    demand_model_version: str | None


class LineContribution(StrictModel):
    """预测由哪些部分组成，单位同产量；各部分之和等于预测值。 / A part of the forecast in the line's unit; the parts of a week sum to it."""

    factor: str
    driver: str | None
    value: float
    text_zh: str
    text_en: str


class LinePoint(StrictModel):
    """一周或一天的产能；各比率按时间合计得出，不在机台间平均。 / A week or day; shares are ratios of sums over time."""

    ds: date = Field(description="周一，或当天 / Monday of the week, or the day")
    forecast: float = Field(description="预计合格产量 / expected good output")
    quantiles: dict[str, float]
    planned_output: float | None = Field(description="计划工时 × 计划产出率 / planned hours × planned rate")
    planned_hours: float | None
    calendar_hours: float | None
    effective_hours: float | None = Field(
        description="按计划产出率折算的可用小时 / hours at the planned rate, before quality"
    )
    availability: float | None
    performance: float | None
    quality_rate: float | None = Field(description="合格率 / share of good output")
    oee: float | None
    utilisation: float | None
    quality_flag: str
    contributions: list[LineContribution] | None


class LineForecast(StrictModel):
    """一条产线的产能预测。 / The forecast of one line."""

    line_id: str
    org_id: str | None
    name: str | None
    profile: str | None
    unit: str | None
    planned_rate: float | None
    bottleneck: str | None = Field(description="瓶颈工序 / the step that limits the line")
    quality: DemandQuality
    points: list[LinePoint]


class RefusedLine(StrictModel):
    """没有给出预测的产线及原因。 / A line without a forecast, and why."""

    line_id: str
    code: str
    text_zh: str
    text_en: str


class CapacityForecastAnswer(CapacityStamp):
    """产能预测的回答；一条产线有问题不影响其他产线。 / The answer; one bad line does not stop the others."""

    request_id: str
    decision_id: str = Field(description="台账编号 / id in the ledger")
    by: str
    quality: DemandQuality
    lines: list[LineForecast]
    refused: list[RefusedLine]
