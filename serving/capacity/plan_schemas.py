"""Shapes of plans of production: what may be asked for, and what a plan says."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, FiniteFloat

from serving.capacity.schemas import CapacityStamp
from serving.demand.schemas import DemandQuality, Key
from serving.schemas import StrictModel

__all__ = [
    "BindingConstraint",
    "ConstraintChange",
    "LineLoad",
    "PlanAnswer",
    "PlanChange",
    "PlanDifferenceAnswer",
    "PlanRequest",
    "PlanStamp",
    "PlanSummary",
    "PlannedProduct",
    "PlannedRoute",
    "ProductAdvice",
]

Probability = Annotated[FiniteFloat, Field(gt=0, lt=1)]


class PlanRequest(StrictModel):
    """要什么样的计划；不写的取全部。 / What plan; left out: all companies of the key, all weeks there are."""

    objective: Literal["line", "company", "group"] | None = Field(
        default=None,
        description="使谁的边际利润最大；全集团的密钥默认 group，企业密钥默认 company / whose margin; group for group-wide keys",
    )
    weeks: int | None = Field(default=None, ge=1, le=104, description="前几周 / how many weeks")
    companies: list[Key] | None = Field(default=None, min_length=1)
    capacity: Probability | None = Field(
        default=None,
        description="按此把握能达到的产能计划，如 0.75；不写按期望 / capacity reached with this probability; expected where left out",
    )
    demand: Probability | None = Field(
        default=None, description="满足需求的哪个分位数；不写按期望 / quantile of demand to serve"
    )
    overtime: bool = True
    caps: bool = Field(default=True, description="计入能耗与排放限额 / heed caps on energy and emissions")
    minimum_lots: bool = Field(
        default=False, description="计入最小批量（整数规划，较慢） / mixed integer, slower"
    )
    minimum_runs: bool = Field(
        default=False,
        description="连续产线每周至少运行行业档案所载的小时（假设值） / continuous lines run their profile's least hours of a week",
    )
    stability_cost: FiniteFloat = Field(
        default=0.0,
        ge=0,
        description="与上一计划每差一小时的代价，元 / CNY for an hour that differs from the last plan",
    )
    relax: bool = Field(
        default=False,
        description="无解时放宽库存下限与优先订单，逐项说明 / where nothing meets all, let floors and orders give way, each named",
    )
    as_job: bool | None = Field(
        default=None, description="true 一律作业，false 立即；不写按规模 / by size where left out"
    )

    model_config = ConfigDict(
        json_schema_extra={"examples": [{}, {"companies": ["ORG-07"], "objective": "company", "weeks": 13}]}
    )


class PlannedRoute(StrictModel):
    """一条产线在一周给一种产品的工时与产量。 / Hours and quantity of a product on a line in a week."""

    line_id: str
    product_id: str
    week: date
    hours: float
    quantity: float
    overtime: float | None


class PlannedProduct(StrictModel):
    """一种产品一周的供需，单位同产品。 / A product's week, in its unit."""

    product_id: str
    week: date
    demand: float
    production: float
    delivered: float
    stock: float
    backlog: float


class BindingConstraint(StrictModel):
    """起约束作用的条件及其影子价格。 / A constraint that binds, and what one unit more of it is worth."""

    constraint: str
    kind: str
    line_id: str | None
    product_id: str | None
    week: date | None
    shadow_price: float = Field(description="元/单位 / CNY a unit")
    unit: str
    text_zh: str
    text_en: str


class LineLoad(StrictModel):
    """一条产线一周的负荷，小时按计划产出率折算。 / How loaded a line is in a week; hours at the planned rate."""

    line_id: str
    week: date
    hours: float
    used: float
    overtime: float | None
    load: float | None = Field(description="占用 ÷ 可用，加班时大于 1 / above 1 with overtime")
    shadow_price: float | None = Field(description="多一小时值多少元 / worth of one more hour, CNY")


class ProductAdvice(StrictModel):
    """产品结构建议。 / Advice on the mix: what to make more or less of, and why."""

    product_id: str
    demand: float = Field(description="计划各周的需求 / of the plan's weeks")
    opening_backlog: float | None = Field(
        default=None,
        description="首周之前所欠；早期的计划为 null，已含在 demand 中 / owed before the first week; null: older plan, part of demand",
    )
    made: float
    delivered: float
    unmet: float = Field(description="需求与期初欠交之和减交付 / demand and opening backlog less delivered")
    best_line: str | None
    margin_per_hour: float | None
    extra_needed: float | None = Field(
        description="每单位还需多赚多少才值得做，元 / what a unit would have to earn more to be made, CNY"
    )
    advice: str
    text_zh: str
    text_en: str


class PlanSummary(StrictModel):
    """全计划的数，元与小时。 / Figures of the whole plan, CNY and hours."""

    value: float | None
    value_line: float | None
    value_company: float | None
    value_group: float | None = Field(
        description="集团口径；企业密钥不提供 / not given to keys with companies"
    )
    margin: float | None
    holding_cost: float | None
    backlog_cost: float | None
    overtime_cost: float | None
    hours: float | None
    used: float | None
    overtime: float | None
    text_zh: str | None
    text_en: str | None


class PlanChange(StrictModel):
    """与上一计划相比的一处变化。 / One entry that differs from the last plan."""

    line_id: str
    product_id: str
    week: date
    hours_before: float
    hours: float
    hours_change: float
    quantity_before: float
    quantity: float
    quantity_change: float


class ConstraintChange(StrictModel):
    """约束的变化：新增、消失或仍在。 / A constraint that binds anew, no longer, or still."""

    constraint: str | None
    kind: str
    line_id: str | None
    product_id: str | None
    week: date | None
    status: str
    shadow_price_before: float
    shadow_price: float
    text_zh: str
    text_en: str


class PlanDifferenceAnswer(StrictModel):
    """与同一范围上一个计划的差别。 / What changed since the last plan of the same companies."""

    before: str = Field(description="上一个计划 / the plan compared with")
    text_zh: str | None
    text_en: str | None
    value_change: float | None
    hours_kept: float | None = Field(
        description="上一计划的工时有多大比例不变 / share of its hours that stay"
    )
    production: list[PlanChange]
    binding: list[ConstraintChange]


class PlanStamp(CapacityStamp):
    """计划由哪个产能批次得出。 / Which run a plan was made from."""

    plan_id: str
    planned_at: datetime
    objective: str
    companies: list[str] | None = Field(description="null 为全集团 / null: the whole group")
    weeks: list[date]
    capacity: str = Field(
        description="expected，或所依据的把握 / expected, or the probability with which lines give it"
    )
    demand: str


class PlanAnswer(PlanStamp):
    """计划：各线各周做什么，什么在约束，与上一计划差在哪里。 / A plan, what binds it, and what changed since the last."""

    request_id: str
    decision_id: str
    quality: DemandQuality
    status: str
    objective_value: float = Field(description="边际利润减费用，元 / margin less costs, CNY")
    summary: PlanSummary
    lines: list[LineLoad]
    mix: list[ProductAdvice]
    production: list[PlannedRoute]
    products: list[PlannedProduct]
    binding: list[BindingConstraint]
    difference: PlanDifferenceAnswer | None = Field(description="首个计划为 null / null for the first plan")
