"""Shapes of scenarios of capacity: what may be asked, and how each stands beside the base plan."""

from datetime import date, datetime
from typing import Self

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from models.capacity.scenarios.scenario import Part
from serving.capacity.plan_schemas import PlanRequest, PlanSummary
from serving.capacity.schemas import CapacityStamp
from serving.demand.schemas import DemandQuality, Key
from serving.schemas import Note, StrictModel

__all__ = [
    "CapacityScenarioAnswer",
    "CapacityScenarioRequest",
    "OwnScenario",
    "ScenarioConstraint",
    "ScenarioLineWeek",
    "ScenarioMeasure",
    "ScenarioProduct",
    "ScenarioSide",
    "ScenarioWords",
]


class OwnScenario(StrictModel):
    """自定义情景：按顺序叠加的改动。 / A stack of changes, each on what those before left."""

    name: Key = "own"
    parts: list[Part] = Field(min_length=1, max_length=50)


class CapacityScenarioRequest(PlanRequest):
    """哪些情景：已命名的（names），或自定义的（scenarios）。 / Stored scenarios by name, or the caller's own."""

    names: list[Key] = Field(default=[], max_length=10)
    shortfalls: bool = Field(
        default=False,
        description="同时推演缺口概率；仅限全集团的计划 / shortfalls too; for plans of the whole group",
    )
    scenarios: list[OwnScenario] = Field(default=[], max_length=10)

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"names": ["line_out_six_weeks"]},
                {
                    "scenarios": [
                        {
                            "name": "三号线停六周",
                            "parts": [{"kind": "line_out", "line": "LINE-03", "weeks": 6}],
                        }
                    ]
                },
            ]
        }
    )

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.names and not self.scenarios:
            raise PydanticCustomError("names_or_scenarios", "give names or scenarios")
        given = [*self.names, *(one.name for one in self.scenarios)]
        if len(set(given)) < len(given):
            raise PydanticCustomError("scenario_twice", "names a scenario twice")
        return self


class ScenarioWords(StrictModel):
    """一句话。 / A sentence in both languages."""

    text_zh: str
    text_en: str


class ScenarioMeasure(StrictModel):
    """一个指标，情景与基准并列。 / A figure beside the base's."""

    measure: str
    label_zh: str
    label_en: str
    unit: str
    base: float | None
    scenario: float | None
    change: float | None
    relative: float | None = Field(description="相对基准；基准为 0 时为 null / null where the base is 0")


class ScenarioProduct(StrictModel):
    """一种产品在全部周的合计。 / A product over all weeks."""

    product_id: str
    unit: str | None
    demand_base: float | None
    demand: float | None
    opening_backlog_base: float | None = None
    opening_backlog: float | None = Field(
        default=None, description="首周之前所欠 / owed before the first week"
    )
    delivered_base: float | None
    delivered: float | None
    unmet_base: float | None
    unmet: float | None
    stock_base: float | None
    stock: float | None
    probability_base: float | None = Field(
        description="任一周出现缺口的概率；未推演为 null / of a shortfall in any week"
    )
    probability: float | None
    expected_short_base: float | None
    expected_short: float | None


class ScenarioLineWeek(StrictModel):
    """一条产线一周的工时与一小时的价值。 / A line's week: hours, and what one more is worth."""

    line_id: str
    week: date
    hours_base: float | None
    hours: float | None
    used_base: float | None
    used: float | None
    overtime_base: float | None
    overtime: float | None
    shadow_price_base: float | None
    shadow_price: float | None


class ScenarioConstraint(StrictModel):
    """起约束作用的条件：新增、消失或仍在。 / A constraint that binds: new, gone or still there."""

    constraint: str
    kind: str
    line_id: str | None
    product_id: str | None
    week: date | None
    state: str
    shadow_price_base: float | None
    shadow_price: float | None
    unit: str
    text_zh: str
    text_en: str


class ScenarioSide(StrictModel):
    """一个情景与基准并列；没有可行计划时 problem 写明原因。 / One scenario beside the base; `problem` where it has no plan."""

    name: str
    text_zh: str
    text_en: str
    verified: bool = Field(description="数值是否经业务确认 / whether the business has confirmed the numbers")
    outcome: ScenarioWords | None
    parts: list[ScenarioWords]
    measures: list[ScenarioMeasure]
    products: list[ScenarioProduct]
    line_weeks: list[ScenarioLineWeek]
    binding: list[ScenarioConstraint]
    problem: Note | None


class CapacityScenarioAnswer(CapacityStamp):
    """情景与基准计划并列；情景不改动已有的计划。 / Scenarios beside the base plan; no plan is replaced."""

    request_id: str
    decision_id: str
    scenario_id: str
    planned_at: datetime
    objective: str
    companies: list[str] | None
    weeks: list[date]
    capacity: str
    demand: str
    quality: DemandQuality
    base: PlanSummary
    scenarios: list[ScenarioSide]
