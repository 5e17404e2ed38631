"""Terms of trade for customers and suppliers: credit limit, days to pay, cap on prepayments; by grade and volume."""

import math
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from graph.dated import Dated, latest, read_dated
from graph.ontology import Wording
from models.credit.policy import Advice
from models.errors import PolicyError, RouteError

__all__ = ["TradePolicy", "TradeRole", "TradeTerms", "suggest_terms", "trade_policy_as_of"]

_BESIDE: Final = Path(__file__).with_name("trade.toml")
_YEAR: Final = 365
_STEP: Final = 1000.0


class TradeRole(StrEnum):
    """What a trade counterparty is to the group's factories."""

    CUSTOMER = "customer"
    SUPPLIER = "supplier"


class _GradeTerms(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    grades: tuple[str, ...] = Field(min_length=1)
    term_days: Annotated[int, Field(ge=0, le=365)]
    prepay_days: Annotated[int, Field(ge=0, le=365)]
    net_assets_share: Annotated[float, Field(ge=0, le=1)]


class TradePolicy(Dated):
    """Terms by grade from a day on."""

    name: str
    headroom: Annotated[float, Field(ge=0, le=1)]
    unknown_net_assets: Annotated[float, Field(ge=0, le=1)]
    grade: tuple[_GradeTerms, ...]

    @model_validator(mode="after")
    def _one_row_a_grade(self) -> Self:
        named = [name for row in self.grade for name in row.grades]
        if len(named) != len(set(named)):
            raise ValueError(f"trade {self.name}: a grade is named twice")
        return self

    def of(self, grade: str) -> _GradeTerms:
        """Return the terms of a grade. Raises PolicyError for one that the table does not name."""
        for row in self.grade:
            if grade in row.grades:
                return row
        raise PolicyError(
            zh=f"赊销政策“{self.name}”没有等级 {grade}。请在 trade.toml 中补充该等级。",
            en=f"Trade policy '{self.name}' names no grade {grade}. Add it to trade.toml.",
        )


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    trade: tuple[TradePolicy, ...]


def trade_policy_as_of(day: date, path: Path | None = None) -> TradePolicy:
    """Return the terms in force on a day. Raises PolicyError when the file cannot be used or has none for the day."""
    return latest(read_dated(_File, _BESIDE if path is None else path).trade, day, "trade")


@dataclass(frozen=True)
class TradeTerms:
    """Suggested terms: `limit` in CNY is what a customer may owe, or what may be prepaid to a supplier; a person decides."""

    role: TradeRole
    limit: float
    term_days: int
    bound_by: Wording
    policy: str
    source: str


_BY_VOLUME: Final = Wording(zh="按年交易额与账期计算", en="by yearly volume and days")
_BY_NET_ASSETS: Final = Wording(zh="以净资产比例为上限", en="capped by a share of net assets")
_UNKNOWN: Final = Wording(zh="净资产未知，按比例折减", en="net assets unknown: reduced")
_NONE: Final = Wording(
    zh="规则或等级不允许赊销，款到发货", en="no credit by rule or grade: cash before delivery"
)


def suggest_terms(
    grade: str,
    role: TradeRole,
    yearly_amount: float,
    policy: TradePolicy,
    *,
    net_assets: float | None = None,
    advice: Advice = Advice.PASS,
) -> TradeTerms:
    """Return the limit (CNY, down to the thousand) and the days for a trade counterparty.

    `yearly_amount` is what it buys from (customer) or sells to (supplier) the factories in CNY a year; `net_assets` its own,
    None where unknown; an advice of decline gives no credit. Raises PolicyError for an unknown grade, RouteError for an
    amount that is not a number of 0 or more.
    """
    if not (math.isfinite(yearly_amount) and yearly_amount >= 0):
        raise RouteError(
            zh=f"年交易额 yearly_amount 应为不小于 0 的数值，现为 {yearly_amount}。请改正。",
            en=f"yearly_amount must be a number of 0 or more, is {yearly_amount}. Correct it.",
        )
    row = policy.of(grade)
    customer = role is TradeRole.CUSTOMER
    days = row.term_days if customer else row.prepay_days
    if advice is Advice.DECLINE or days == 0:
        return TradeTerms(role, 0.0, 0, _NONE, policy.name, policy.cited)
    limit = yearly_amount * days / _YEAR * (1 + policy.headroom if customer else 1.0)
    bound = _BY_VOLUME
    if net_assets is None:
        limit, bound = limit * policy.unknown_net_assets, _UNKNOWN
    elif limit > (cap := max(net_assets, 0.0) * row.net_assets_share):
        limit, bound = cap, _BY_NET_ASSETS
    return TradeTerms(role, math.floor(limit / _STEP) * _STEP, days, bound, policy.name, policy.cited)
