"""Shapes of scenarios: what a planner asks to be changed, and what comes of it."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, FiniteFloat, model_validator
from pydantic_core import PydanticCustomError

from serving.demand.schemas import DemandQuality, Driver, Key, RefusedSeries, RunStamp, Selection, SeriesId
from serving.schemas import StrictModel

__all__ = [
    "DriverInput",
    "FestivalInput",
    "LevelChange",
    "Moment",
    "ScenarioAnswer",
    "ScenarioInfo",
    "ScenarioInput",
    "ScenarioPart",
    "ScenarioPartInfo",
    "ScenarioPoint",
    "ScenarioRequest",
    "ScenarioSeries",
    "ShockInput",
]

Moment = date | int
Ids = Annotated[
    list[SeriesId],
    Field(
        max_length=500,
        description="作用于哪些序列或节点；不写则全部 / which series or sums; all where left out",
    ),
]


class LevelChange(StrictModel):
    """整体需求的高低：百分比，或模型的某个分位。 / Demand as a whole: by percent, or at a quantile of the model."""

    percent: FiniteFloat | None = Field(default=None, gt=-100, le=1000)
    quantile: FiniteFloat | None = Field(default=None, gt=0, lt=1)
    of: SeriesId | None = Field(
        default=None,
        description="以哪个序列的分位为准 / whose quantile counts; of each its own, or of the total",
    )
    ids: Ids = Field(default=[])

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.percent is None) == (self.quantile is None):
            raise PydanticCustomError("percent_or_quantile", "give either percent or quantile")
        return self


class _Spanned(StrictModel):
    first: Moment | None = Field(
        default=None, description="从哪天（期）起；不写则从第一期 / from the first where left out"
    )
    last: Moment | None = Field(default=None, description="到哪天（期）止 / to the last where left out")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.first is not None and self.last is not None:
            if isinstance(self.first, date) != isinstance(self.last, date):
                raise PydanticCustomError("mixed_moments", "first and last are a date and a number")
            if self.first > self.last:  # type: ignore[operator]  # both are of one kind, see above
                raise PydanticCustomError("first_after_last", "first is after last")
        return self


class DriverInput(_Spanned):
    """改变一个已知的驱动因素（价格、促销……）。 / Change a driver that is known ahead: price, promotion."""

    driver: Key
    operation: Literal["multiply", "add", "set"]
    value: FiniteFloat
    elasticity: FiniteFloat | None = Field(
        default=None,
        ge=-20,
        le=20,
        description="模型没有学到该因素时的假设 / an assumption, for a driver the model has not learnt",
    )
    ids: Ids = Field(default=[])

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.operation == "multiply" and self.value <= 0:
            raise PydanticCustomError("multiply_above_zero", "multiply by a number above 0")
        if self.elasticity is not None and self.operation != "multiply":
            raise PydanticCustomError(
                "elasticity_needs_multiply", "an elasticity needs the operation multiply"
            )
        return self


class FestivalInput(StrictModel):
    """春节效应推后（正）或提前（负）几天。 / Spring Festival's effect comes days later (above 0) or earlier."""

    days: int = Field(ge=-40, le=40)
    ids: Ids = Field(default=[])


class ShockInput(StrictModel):
    """抢购及其后的回落。 / A run on a good, and what it takes from the time after."""

    first: Moment
    surge: FiniteFloat = Field(gt=0, le=1000, description="期间为平时的几倍 / factor of demand meanwhile")
    surge_days: int = Field(gt=0, le=3660)
    hangover: FiniteFloat = Field(
        default=1.0, ge=0, le=1, description="其后降到平时的几成 / factor right after"
    )
    hangover_days: int = Field(
        default=0, ge=0, le=3660, description="多少天回到平时 / days until it is 1 again"
    )
    ids: Ids = Field(default=[])


class ScenarioInput(StrictModel):
    """自定义的情景。 / A scenario of your own."""

    name: Key = "custom"
    level: LevelChange | None = None
    drivers: list[DriverInput] = Field(default=[], max_length=20)
    festival: FestivalInput | None = None
    shocks: list[ShockInput] = Field(default=[], max_length=20)

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if not (self.level or self.drivers or self.festival or self.shocks):
            raise PydanticCustomError("empty_scenario", "change something")
        return self


class ScenarioRequest(Selection):
    """已命名的情景，或自定义的情景；结果与基准、偏低、偏高并列。 / A named scenario or one of your own, beside base, low and high."""

    name: Key | None = Field(default=None, description="如 price_cut、salt_panic / name of a stored scenario")
    scenario: ScenarioInput | None = None

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"company": "ORG-07", "name": "price_cut"},
                {
                    "unique_ids": ["SKU-003/华东"],
                    "scenario": {
                        "shocks": [
                            {
                                "first": "2026-12-05",
                                "surge": 3.5,
                                "surge_days": 14,
                                "hangover": 0.45,
                                "hangover_days": 75,
                            }
                        ]
                    },
                },
            ]
        }
    )

    @model_validator(mode="after")
    def _named_or_own(self) -> Self:
        if (self.name is None) == (self.scenario is None):
            raise PydanticCustomError("named_or_own", "give either name or scenario")
        return self


class ScenarioPart(StrictModel):
    """情景的一个部分给这一期带来的变化。 / What one part of the scenario adds to a period."""

    name: str
    kind: str
    value: float
    text_zh: str
    text_en: str


class ScenarioPartInfo(StrictModel):
    """情景的一个部分。 / A part of the scenario, and how far the model has learnt what it does."""

    name: str
    kind: str
    text_zh: str
    text_en: str
    assumption: bool = Field(description="true：幅度为假设，非模型所学 / its size was stated, not learnt")
    silent: bool = Field(description="true：模型对它没有反应 / the model does not react to it")


class ScenarioInfo(StrictModel):
    """所用情景。 / The scenario that was asked about."""

    name: str
    text_zh: str
    text_en: str
    source: str
    verified: bool = Field(
        description="false：数值尚未经业务确认 / nobody of the business has confirmed the numbers"
    )
    valid_from: date | None
    parts: list[ScenarioPartInfo]


class ScenarioPoint(StrictModel):
    """一期：基准、偏低、偏高与情景；基准的构成加上情景各部分等于情景的数。 / base + effects = scenario."""

    ds: str
    step: int
    base: float
    low: float | None = Field(description="偏低情景 / the scenario `low`; null without quantiles")
    high: float | None
    scenario: float
    drivers: list[Driver]
    effects: list[ScenarioPart]


class ScenarioSeries(StrictModel):
    """一个序列在情景下的预测。 / A series under the scenario."""

    unique_id: str
    level: str | None
    org_id: str | None
    product_id: str | None
    region: str | None
    family: str | None
    quality: DemandQuality
    points: list[ScenarioPoint]


class ScenarioAnswer(RunStamp):
    """情景的回答；不含计划员的调整。 / A scenario beside base, low and high; planners' overrides are not in it."""

    request_id: str
    decision_id: str
    quality: DemandQuality
    scenario: ScenarioInfo
    series: list[ScenarioSeries]
    refused: list[RefusedSeries]
