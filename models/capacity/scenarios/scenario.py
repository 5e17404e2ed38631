"""Scenarios of capacity as data: parts that each change one thing of a plan's problem, stacked in their order."""

from datetime import date
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Strict, model_validator

from models.capacity.file_problems import refusal

__all__ = [
    "MOST_VALUABLE",
    "CapChange",
    "DemandChange",
    "LineOut",
    "MaintenanceMoved",
    "NewLine",
    "Overtime",
    "Part",
    "Scenario",
    "Scenarios",
    "Week",
    "YieldChange",
]

MOST_VALUABLE: Final = "@most_valuable"
"""Stands for the line whose hours can earn the most, so that an example fits every plan."""

Number = Annotated[float, Strict()]  # neither text nor true
Count = Annotated[int, Strict()]


def _day_or_number(value: object) -> object:
    """Return a day or a number of a week; pydantic alone would take 0 for 1970."""
    number = isinstance(value, int) and not isinstance(value, bool) and value >= 1
    if isinstance(value, date) or number:
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise refusal(
            f"应为日期（2026-09-07）或从 1 起的周次，现为 {value}",
            f"must be a day (2026-09-07) or the number of a week from 1 on, not {value}",
        ) from None


Week = Annotated[date | int, BeforeValidator(_day_or_number)]
"""A day of a week of the plan, or the number of a week, 1 being the plan's first."""
Positive = Annotated[Number, Field(gt=0)]
NotNegative = Annotated[Number, Field(ge=0)]


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class _Spanned(_Data):
    first: Week = 1
    weeks: Annotated[Count, Field(ge=1)] | None = (
        None  # none: to the plan's end; beyond it nothing is planned
    )


class LineOut(_Spanned):
    """A line stands still, or loses a share of its hours, for some weeks."""

    kind: Literal["line_out"] = "line_out"
    line: str = Field(min_length=1)
    share: Annotated[Number, Field(gt=0, le=1)] = 1.0


class Overtime(_Spanned):
    """Lines may run longer: hours a week on top of their own, at a cost an hour (CNY)."""

    kind: Literal["overtime"] = "overtime"
    lines: tuple[str, ...] = ()  # none: all
    hours: NotNegative  # a week and line, counted as the plan counts hours: at the planned rate
    cost: NotNegative


class NewLine(_Data):
    """A line that is not there yet: a copy of another with its routes, or of the products' best routes.

    It ramps up in a straight line: in the first of `ramp_up_weeks` it gives `ramp_up_from` of its hours. Figures left out
    are those of the line it copies.
    """

    kind: Literal["new_line"] = "new_line"
    line: str = Field(min_length=1)
    copy_of: str | None = None
    products: tuple[str, ...] = ()  # with copy_of: only these of its routes
    rate: Positive | None = None  # units an hour on every route
    hours: Positive | None = None  # a week, at the planned rate
    good_share: Annotated[Number, Field(gt=0, le=1)] | None = None
    first: Week = 1
    ramp_up_weeks: Annotated[Count, Field(ge=0)] = 0
    ramp_up_from: Annotated[Number, Field(ge=0, le=1)] = 0.0

    @model_validator(mode="after")
    def _makes_something(self) -> Self:
        if self.copy_of is None and not self.products:
            raise refusal(
                f"新产线“{self.line}”没有产品：请给出 copy_of（照搬哪条产线）或 products（做哪些产品）",
                f"the new line '{self.line}' makes no product: give copy_of (a line to copy) or products",
            )
        if self.copy_of is None and (self.rate is None or self.hours is None):
            raise refusal(
                f"新产线“{self.line}”不照搬现有产线时，请给出 rate（每小时产量）和 hours（每周小时）",
                f"the new line '{self.line}' copies no line: give rate (units an hour) and hours (a week)",
            )
        return self


class DemandChange(_Spanned):
    """Demand times a factor, or with an amount a week more or less; never below zero.

    Products, families and companies narrow each other down; none of them means all demand. An amount is for all that are
    meant together, shared out as their demand of the week is.
    """

    kind: Literal["demand_change"] = "demand_change"
    products: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    companies: tuple[str, ...] = ()
    factor: NotNegative | None = None
    amount: Number | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        _refuse_two_ways(self.factor, self.amount, "factor", "amount")
        return self


class YieldChange(_Spanned):
    """The good share of lines times a factor, at most 1."""

    kind: Literal["yield_change"] = "yield_change"
    lines: tuple[str, ...] = ()  # none: all
    factor: NotNegative


class CapChange(_Data):
    """A cap on energy or emissions is moved: by a factor, or to a limit a week."""

    kind: Literal["cap_change"] = "cap_change"
    cap: str = Field(min_length=1)
    factor: NotNegative | None = None
    limit: NotNegative | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        _refuse_two_ways(self.factor, self.limit, "factor", "limit")
        return self


class MaintenanceMoved(_Data):
    """A line's week of maintenance is moved: the two weeks change places with all hours they have."""

    kind: Literal["maintenance_moved"] = "maintenance_moved"
    line: str = Field(min_length=1)
    week: Week
    to: Week


Part = Annotated[
    LineOut | Overtime | NewLine | DemandChange | YieldChange | CapChange | MaintenanceMoved,
    Field(discriminator="kind"),
]


class Scenario(_Data):
    """A named stack of changes; each acts on what the ones before it left. `zh` and `en` may be left out."""

    name: str = Field(min_length=1)
    zh: str = ""
    en: str = ""
    source: str = ""
    verified: bool = False  # somebody of the business has held the numbers against facts
    parts: tuple[Part, ...] = Field(min_length=1)


class Scenarios(_Data):
    """All scenarios of a file."""

    scenario: tuple[Scenario, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [one.name for one in self.scenario]
        twice = sorted({one for one in names if names.count(one) > 1})
        if twice:
            raise refusal(
                f"情景名 {', '.join(twice)} 重复，请改名",
                f"two scenarios are named {', '.join(twice)}; rename one",
            )
        return self


def _refuse_two_ways(one: object, other: object, first: str, second: str) -> None:
    if (one is None) == (other is None):
        raise refusal(
            f"请在 {first} 与 {second} 中给出一个且只给一个", f"give either {first} or {second}, not both"
        )
