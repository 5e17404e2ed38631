"""Shapes of the requests and answers about demand."""

import re
from datetime import date, datetime
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, FiniteFloat, model_validator
from pydantic_core import PydanticCustomError

from serving.schemas import Note, QualityLevel, StrictModel

__all__ = [
    "AccuracyAnswer",
    "AccuracyQuery",
    "AccuracyRow",
    "AppliedOverride",
    "DemandQuality",
    "Driver",
    "Ds",
    "ForecastAnswer",
    "ForecastPoint",
    "ForecastRequest",
    "FuturePoint",
    "Key",
    "PayloadPoint",
    "PayloadSeries",
    "RefusedSeries",
    "RunStamp",
    "Selection",
    "SeriesForecast",
    "SeriesId",
]

SeriesId = Annotated[str, Field(min_length=1, max_length=200, description="序列编号 / id of a series")]
Key = Annotated[str, Field(min_length=1, max_length=100)]
_PERIOD: Final = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2})?)?|-?\d{1,9}")


def _is_period(text: str) -> str:
    if not _PERIOD.fullmatch(text):
        raise PydanticCustomError(
            "not_a_period", "must be like 2026-12-01, 2026-12-01T08:00:00 or an integer"
        )
    return text


Ds = Annotated[
    str,
    AfterValidator(_is_period),
    Field(
        max_length=19,
        description="期间：2026-12-01、2026-12-01T08:00:00 或整数 / period: ISO date, ISO time, or an integer",
    ),
]


class PayloadPoint(StrictModel):
    """一个期间的实际值，及该期间的驱动因素。 / The actual of a period, and its drivers."""

    ds: Ds
    y: FiniteFloat | None = Field(description="null = 缺失 / missing")
    drivers: dict[Key, FiniteFloat | bool | str | None] = Field(default={}, max_length=20)


class FuturePoint(StrictModel):
    """未来一个期间已知的驱动因素（价格、促销……）。 / Drivers of a coming period that are known already."""

    ds: Ds
    drivers: dict[Key, FiniteFloat | bool | str | None] = Field(max_length=20)


class PayloadSeries(StrictModel):
    """随请求给出的一个序列。 / A series given with the request."""

    unique_id: SeriesId
    freq: str = Field(max_length=10, description="1h, 1d, 1w, 1mo, 1q；整数 ds 用 1 / or 1 for integers")
    points: list[PayloadPoint]
    horizon: int = Field(ge=1, description="预测多少期 / how many periods ahead")
    future: list[FuturePoint] = Field(default_factory=list)


class ForecastRequest(StrictModel):
    """已发布的预测（按编号或按维度），或随请求给出的序列（立即预测）；二者居其一。 / From the latest run, or for series given here."""

    unique_ids: list[SeriesId] | None = Field(default=None, min_length=1)
    company: Key | None = Field(default=None, description="企业编号，如 ORG-07 / id of the company")
    product_id: Key | None = None
    region: Key | None = None
    family: Key | None = None
    level: Key | None = Field(
        default=None,
        description="层级；不写则取符合条件中最汇总的一层 / level; the most aggregated that fits where left out",
    )
    freq: str | None = Field(
        default=None,
        max_length=10,
        description="有多个频率的批次时必填 / needed where runs of several are published",
    )
    horizon: int | None = Field(default=None, ge=1, description="只要前几期 / only the first periods")
    series: list[PayloadSeries] | None = Field(default=None, min_length=1)

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"company": "ORG-07", "freq": "1mo", "horizon": 3},
                {"unique_ids": ["SKU-001/华东"], "freq": "1mo"},
                {
                    "series": [
                        {
                            "unique_id": "A",
                            "freq": "1mo",
                            "points": [{"ds": "2026-09-01", "y": 10.0}, {"ds": "2026-10-01", "y": 12.0}],
                            "horizon": 2,
                        }
                    ]
                },
            ]
        }
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        chosen = (self.company, self.product_id, self.region, self.family, self.level)
        filtered = any(value is not None for value in chosen)
        if [self.unique_ids is not None, self.series is not None, filtered].count(True) != 1:
            raise PydanticCustomError(
                "one_way_to_ask", "give either unique_ids, or filters, or series; one of the three"
            )
        return self


class Selection(StrictModel):
    """哪些已发布的序列：按编号，或按维度。 / Which published series: by id or by filter."""

    unique_ids: list[SeriesId] | None = Field(default=None, min_length=1)
    company: Key | None = None
    product_id: Key | None = None
    region: Key | None = None
    family: Key | None = None
    level: Key | None = None
    freq: str | None = Field(default=None, max_length=10)
    horizon: int | None = Field(default=None, ge=1, description="只要前几期 / only the first periods")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        chosen = (self.company, self.product_id, self.region, self.family, self.level)
        if (self.unique_ids is not None) == any(value is not None for value in chosen):
            raise PydanticCustomError("one_way_to_select", "give either unique_ids, or filters")
        return self


class DemandQuality(StrictModel):
    """结果的质量。 / How far the answer can be relied on, and why."""

    level: QualityLevel
    notes: list[Note]


class Driver(StrictModel):
    """预测由哪些部分组成；各部分之和等于预测值。 / A part of the forecast; the parts of a step sum to it."""

    component: str
    value: float
    text_zh: str
    text_en: str


class AppliedOverride(StrictModel):
    """计划员的调整怎样落到这个数上。 / How a planner's override comes to this figure."""

    override_ids: list[str]
    gap: float = Field(
        description="与下级之和的差额；不为 0 表示各级调整互相矛盾 / difference from the sum of its parts; 0 where they agree"
    )
    basis: Literal["own", "spread", "sum"] = Field(
        description="own 本序列；spread 由上级按预测占比分摊；sum 由下级汇总 / own, spread from above, sum of those below"
    )


class ForecastPoint(StrictModel):
    """一个期间的预测：模型的数、区间、最终的数及其构成。 / One period: the model's figure, its quantiles, the final figure, the drivers."""

    ds: str
    step: int
    forecast: float = Field(description="模型的数，不受调整影响 / the model's figure, whatever planners did")
    quantiles: dict[str, float] = Field(description="模型的分位数 / of the model: {'0.1': …, '0.9': …}")
    final: float = Field(description="调整后的数；无调整时等于 forecast / after overrides")
    override: AppliedOverride | None
    drivers: list[Driver]


class SeriesForecast(StrictModel):
    """一个序列的预测。 / The forecast of one series."""

    unique_id: str
    level: str | None
    org_id: str | None
    product_id: str | None
    region: str | None
    family: str | None
    members: str = Field(description="所用成员及权重 / members used and their weights")
    quality: DemandQuality
    points: list[ForecastPoint]


class RefusedSeries(StrictModel):
    """没有给出预测的序列及原因。 / A series without a forecast, and why."""

    unique_id: str
    code: str
    text_zh: str
    text_en: str


class RunStamp(StrictModel):
    """这些数来自哪里。 / Where the figures come from."""

    run_id: str | None = Field(description="随请求预测时为 null / null for a payload")
    model_version: str
    tier: str
    data_as_of: date | None
    issued_at: datetime


class ForecastAnswer(RunStamp):
    """预测的回答；一个序列有问题不影响其他序列。 / The answer; one bad series does not stop the others."""

    request_id: str
    decision_id: str = Field(description="台账编号 / id in the ledger")
    quality: DemandQuality
    series: list[SeriesForecast]
    refused: list[RefusedSeries]


class AccuracyQuery(StrictModel):
    """看哪一部分的准确度。 / Accuracy of what."""

    level: Key | None = None
    product_id: Key | None = None
    region: Key | None = None
    family: Key | None = None
    company: Key | None = None
    unique_id: SeriesId | None = None
    lead: int | None = Field(default=None, ge=1, description="提前几期 / lead time in periods")
    freq: str | None = Field(default=None, max_length=10)
    by: Literal["lead", "level", "product_id", "region", "family", "company", "unique_id"] = "lead"
    vintage: Literal["first", "latest"] = Field(
        default="latest",
        description="与首次公布或最新修订的实际值比较 / against the actual first told, or as revised",
    )


class AccuracyRow(StrictModel):
    """一组的准确度；三者在同样的期间上比较。 / Accuracy of a group; all three over the same pairs."""

    group: str | None
    periods: int
    without_naive: int
    overridden: int
    wape_naive: float | None
    wape_model: float | None
    wape_planner: float | None
    bias_naive: float | None
    bias_model: float | None
    bias_planner: float | None
    fva_model: float | None = Field(
        description="wape_naive − wape_model；正值：模型有用 / above zero: it helps"
    )
    fva_planner: float | None = Field(description="wape_model − wape_planner")
    wape_model_overridden: float | None = Field(description="仅被调整过的期间 / where a planner changed it")
    wape_planner_overridden: float | None
    coverage: float | None = Field(description="实际值落在区间内的比例 / share of actuals inside the band")
    nominal: float | None = Field(description="区间应有的覆盖率 / what the band promises")


class AccuracyAnswer(RunStamp):
    """朴素预测 → 模型 → 计划员，各自当时的数。 / Naive, model, planner, each as it stood when it was said."""

    request_id: str
    decision_id: str
    quality: DemandQuality
    freq: str
    by: str
    vintage: str
    runs: int
    known_until: date | None = Field(description="最新实际值的获知日期 / when the newest actual became known")
    backtest: dict[str, dict[str, float]] = Field(
        description="最新批次的回测，全集团合并；企业密钥为空 / the latest run's backtest, whole group; empty for a company's key"
    )
    rows: list[AccuracyRow]
