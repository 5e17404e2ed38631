"""The profile of an industry: the unit, calendar, drivers, constraints, losses and stock bands of its lines."""

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, Strict, model_validator

from graph.ontology import Wording
from models.capacity.file_problems import refusal

__all__ = [
    "GENERIC",
    "UNITS",
    "Bottleneck",
    "Calendar",
    "Constraints",
    "Driver",
    "Factor",
    "Known",
    "Loss",
    "Profile",
    "Resource",
    "StockBand",
]

GENERIC: Final = "generic"
"""Id of the profile that answers for a line of no known industry."""

UNITS: Final = {
    "piece": "只", "set": "套", "kg": "千克", "t": "吨", "m": "米", "m2": "平方米", "m3": "立方米", "L": "升",
    "kWh": "千瓦时", "MWh": "兆瓦时",
}  # fmt: skip
"""Units a profile may name without labels of its own, with their Chinese names."""

Number = Annotated[float, Strict()]  # neither text nor true
Hours = Annotated[Number, Field(ge=0, le=24)]
Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Factor(StrEnum):
    """Factors of a line-day's good output, in the order in which they multiply (ISO 22400-2:2014)."""

    CALENDAR = "calendar"
    AVAILABILITY = "availability"
    PERFORMANCE = "performance"
    QUALITY = "quality"


class Known(StrEnum):
    """When a driver's value is known."""

    AHEAD = "ahead"  # a plan, or a forecast such as that of the weather
    AFTER = "after"  # measured on the day


class Calendar(_Data):
    """When a line of the industry is meant to run, where it has no shift plan of its own; hours a day."""

    hours: Hours
    saturday_hours: Hours | None = None  # none: as on other days
    sunday_hours: Hours | None = None
    continuous: bool = False  # runs day and night; a stop costs a restart
    closes_at_spring_festival: bool = False  # from New Year's Eve on
    spring_festival_days: int = Field(default=7, ge=1, le=40)
    season_months: tuple[Annotated[int, Field(ge=1, le=12)], ...] = ()  # none: all year

    @property
    def week(self) -> tuple[float, ...]:
        """Return the planned hours of Monday to Sunday."""
        saturday, sunday = (
            self.hours if one is None else one for one in (self.saturday_hours, self.sunday_hours)
        )
        return (*[self.hours] * 5, saturday, sunday)

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        _refuse_repeats(self.season_months, "season_months", "月份", "month")
        if self.continuous and any(one < self.hours for one in self.week):
            raise refusal(
                "continuous 与周末工时矛盾：连续运行的产线周末不减工时，请删去 saturday_hours、sunday_hours 或改为 continuous = false",
                "`continuous` contradicts shorter weekends: remove saturday_hours and sunday_hours or set continuous = false",
            )
        return self


class Driver(_Data):
    """Something that moves the output of a line; a column of the line's history (`line_drivers` or the plan)."""

    name: Id
    label: Wording
    unit: Wording
    known: Known
    range: tuple[Number, Number]  # plausible values, both ends included

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.range[0] >= self.range[1]:
            raise refusal(
                f"{self.name} 的 range 应先小后大，现为 {list(self.range)}",
                f"{self.name}: give `range` as [lowest, highest], not {list(self.range)}",
            )
        return self


class Bottleneck(_Data):
    """The step that limits a line: hours of the planned rate that it can finish on a day."""

    label: Wording
    hours: Annotated[Number, Field(gt=0, le=24)]


class Constraints(_Data):
    """What limits a line beside its planned hours; each may be left out."""

    bottleneck: Bottleneck | None = None
    minimum_run_hours: Annotated[Number, Field(gt=0, le=168)] | None = (
        None  # of a week in which it runs at all
    )
    restart_hours: Hours | None = None  # hours of the planned rate lost on the first day after a shutdown


class Loss(_Data):
    """A kind of loss: stop reasons that belong to it, and the factor that it lowers."""

    name: Id
    label: Wording
    reasons: tuple[str, ...] = ()  # of `line_stops`; none where it is read from output alone
    factor: Factor

    @model_validator(mode="after")
    def _is_of_oee(self) -> Self:
        if self.factor is Factor.CALENDAR:
            raise refusal(
                f"损失 {self.name} 的 factor 应为 availability、performance 或 quality 之一",
                f"loss {self.name}: `factor` must be availability, performance or quality",
            )
        return self


class StockBand(_Data):
    """Stock below `lower_days` or above `upper_days` of forecast demand raises an alert (C-12)."""

    name: Literal["finished", "reserve"]
    label: Wording
    lower_days: Annotated[Number, Field(ge=0)]
    upper_days: Annotated[Number, Field(gt=0)]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.lower_days >= self.upper_days:
            raise refusal(
                f"库存带 {self.name} 的下限 {self.lower_days:g} 天应小于上限 {self.upper_days:g} 天，请改正",
                f"stock band {self.name}: lower_days {self.lower_days:g} must be below upper_days {self.upper_days:g}; correct one",
            )
        return self


class Resource(_Data):
    """Energy used or emission caused by one unit of the line (F-13); a start where a plant has no figure of its own."""

    per_unit: Annotated[Number, Field(ge=0)]
    unit: Wording
    assumption: bool  # nobody has measured it on the line


class Profile(_Data):
    """All that the generic engine has to be told of an industry; a new industry is a new file."""

    id: Id
    label: Wording
    family: str | None = None  # of `lines.family`; none: taken only by lines that name the profile
    unit: str | None = None  # none: any, as the generic profile
    unit_label: Wording | None = None
    recognise: tuple[Annotated[str, Field(min_length=1)], ...] = ()  # words in a line's name or bottleneck
    source: str = Field(min_length=1)
    verified: bool = False  # somebody of the plant has held the values against facts
    calendar: Calendar
    drivers: tuple[Driver, ...] = ()
    constraints: Constraints = Constraints()
    losses: tuple[Loss, ...] = ()
    stopping_maintenance: tuple[str, ...] = ()  # kinds of `maintenance` during which the line stands
    stock_bands: tuple[StockBand, ...] = ()
    energy: Resource | None = None
    emission: Resource | None = None

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        for field, names in (
            ("drivers", [one.name for one in self.drivers]),
            ("losses", [one.name for one in self.losses]),
            ("stock_bands", [one.name for one in self.stock_bands]),
            ("stopping_maintenance", self.stopping_maintenance),
            ("losses.reasons", [reason for one in self.losses for reason in one.reasons]),
        ):
            _refuse_repeats(names, field, "项", "entry")
        self._refuse_unknown_unit()
        return self

    def _refuse_unknown_unit(self) -> None:
        if self.unit is not None and self.unit not in UNITS and self.unit_label is None:
            known = ", ".join(UNITS)
            raise refusal(
                f"unit “{self.unit}”不是已知的计量单位（{known}）；请改用其一，或以 unit_label 给出中英文名称",
                f"unit '{self.unit}' is not known ({known}); use one of these or name it in both languages in unit_label",
            )

    @property
    def unit_text(self) -> Wording | None:
        """Return the unit in both languages; none where the profile takes any."""
        if self.unit_label is not None or self.unit is None:
            return self.unit_label
        return Wording(zh=UNITS[self.unit], en=self.unit)

    def driver(self, name: str) -> Driver | None:
        """Return a driver by name, or none."""
        return next((one for one in self.drivers if one.name == name), None)

    def loss_of(self, reason: str) -> Loss | None:
        """Return the loss a stop reason belongs to, or none."""
        return next((one for one in self.losses if reason in one.reasons), None)

    def band(self, name: str) -> StockBand | None:
        """Return a stock band by name, or none."""
        return next((one for one in self.stock_bands if one.name == name), None)


def _refuse_repeats(names: Iterable[object], field: str, zh: str, en: str) -> None:
    """Refuse a list in which something stands twice."""
    twice = [str(name) for name, count in Counter(names).items() if count > 1]
    if twice:
        listed = ", ".join(twice)
        raise refusal(
            f"{field} 中的{zh} {listed} 重复，请只保留一个", f"{field}: {en} {listed} stands twice; keep one"
        )
