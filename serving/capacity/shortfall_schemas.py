"""Shapes of the questions and answers about shortfalls, stock alerts and monthly utilisation."""

from datetime import date

from pydantic import Field

from serving.capacity.schemas import CapacityStamp, LineId
from serving.demand.schemas import DemandQuality, Key
from serving.schemas import StrictModel

__all__ = [
    "LineShortfall",
    "LineUtilisation",
    "ProductShortfall",
    "ShortfallAnswer",
    "ShortfallQuery",
    "StockAlert",
    "UtilisationAnswer",
    "UtilisationPoint",
    "UtilisationQuery",
]


class ShortfallQuery(StrictModel):
    """看哪一部分的缺口。 / Shortfalls of what."""

    company: Key | None = None
    product_id: Key | None = None
    line_id: LineId | None = Field(
        default=None, description="该产线及其能做的产品 / the line and what it can make"
    )
    weeks: int | None = Field(default=None, ge=1, description="只要前几周 / only the first weeks")
    least_probability: float = Field(
        default=0.0, ge=0, le=1, description="只列缺口概率不低于此值的周 / only weeks at least as probable"
    )


class ProductShortfall(StrictModel):
    """一种产品在一周的缺口。 / A product's shortfall in a week, in its unit."""

    product_id: str
    org_id: str | None
    unit: str | None
    week: date
    demand: float | None = Field(description="预计需求 / expected demand")
    made: float | None = Field(description="预计产出 / expected output")
    probability: float = Field(description="出现缺口的概率 / probability that demand is not met")
    expected: float | None = Field(description="预计缺口（含无缺口的情形） / expected size over all futures")
    when_short: float | None = Field(description="出现缺口时的平均大小 / mean size where there is one")
    p90: float | None = Field(description="九成情形下不超过此值 / 90th percentile of the size")
    stock: float | None
    bottleneck: str | None = Field(
        description="卡住它的产线；不在密钥范围内时为空 / line that holds it back; null outside the key's companies"
    )
    reason: str | None
    text_zh: str | None
    text_en: str | None


class LineShortfall(StrictModel):
    """一条产线在一周的负荷与短缺，小时为合格产出的小时。 / A line's load and missing hours in a week, in good hours."""

    line_id: str
    org_id: str | None
    week: date
    hours: float | None
    load: float | None = Field(description="占用 ÷ 可用 / hours used over hours there")
    probability: float = Field(
        description="满负荷且有产品缺口的概率 / full while a product it can make is short"
    )
    hours_short: float | None
    hours_short_p90: float | None
    reason: str | None
    text_zh: str | None
    text_en: str | None


class StockAlert(StrictModel):
    """库存越过上限或下限的预警。 / Stock that leaves its band, upward or downward."""

    product_id: str
    org_id: str | None
    unit: str | None
    band: str | None = Field(
        description="finished 全部库存；reserve 其中的政府储备 / all stock, or the reserve within"
    )
    side: str | None = Field(description="lower 低于下限；upper 高于上限 / below or above the band")
    level: str | None = Field(description="watch 关注、warning 预警、alarm 警报 / how likely")
    week: date = Field(description="自哪一周起 / from this week")
    until: date | None
    worst_week: date | None
    probability: float | None = Field(description="最严重一周越界的概率 / of the worst week")
    bound: float | None
    stock: float | None = Field(description="最严重一周库存的中位数 / median stock of the worst week")
    text_zh: str | None
    text_en: str | None


class ShortfallAnswer(CapacityStamp):
    """缺口概率、瓶颈与库存预警，来自产能批次与它所对照的需求批次。 / Shortfalls, bottlenecks and stock alerts of the newest run."""

    request_id: str
    decision_id: str
    quality: DemandQuality
    futures: int = Field(description="推演的次数 / futures drawn")
    products: list[ProductShortfall]
    lines: list[LineShortfall]
    stock_alerts: list[StockAlert]


class UtilisationQuery(StrictModel):
    """哪些产线的月度利用率。 / Monthly utilisation of which lines."""

    company: Key | None = None
    line_id: LineId | None = None
    profile: Key | None = None


class UtilisationPoint(StrictModel):
    """一个月的利用率：合格产量 ÷ （日历小时 × 计划产出率）。 / Good output over calendar hours times the planned rate."""

    ds: date = Field(description="当月一日 / first of the month")
    forecast: float
    quantiles: dict[str, float]


class LineUtilisation(StrictModel):
    """一条产线的月度利用率预测。 / The forecast of one line's utilisation."""

    line_id: str
    org_id: str | None
    name: str | None
    points: list[UtilisationPoint]


class UtilisationAnswer(CapacityStamp):
    """月度利用率；接近随机游走，勿期待比上月更准太多。 / Close to a random walk: little better than last month's."""

    request_id: str
    decision_id: str
    quality: DemandQuality
    lines: list[LineUtilisation]
