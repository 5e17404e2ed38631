"""Scenarios as data: changed drivers, demand levels, shocks and a moved festival, each with its text and its source."""

import tomllib
from datetime import date
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from models.errors import ScenarioError

__all__ = [
    "DemandLevel",
    "DriverChange",
    "FestivalShift",
    "Operation",
    "Scenario",
    "Scenarios",
    "Shock",
    "load_scenarios",
]

Moment = date | int  # a day, or a period number where the table counts periods


class Operation(StrEnum):
    """What is done to a driver's future values."""

    MULTIPLY = "multiply"
    ADD = "add"
    SET = "set"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    zh: str
    en: str
    ids: tuple[str, ...] = ()  # series or nodes of the hierarchy; none means all


class _Dated(_Part):
    first: Moment | None = None  # none: from the first period ahead
    last: Moment | None = None  # none: to the last

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.first is not None and self.last is not None:
            if isinstance(self.first, date) != isinstance(self.last, date):
                raise ValueError(f"{self.name}: first and last are a date and a period number")
            if self.first > self.last:  # type: ignore[operator]  # both are of one kind, see above
                raise ValueError(f"{self.name}: first {self.first} is after last {self.last}")
        return self


class DriverChange(_Dated):
    """A known driver takes other values in the future.

    A period that lies in the span in part is changed in part, by its share of days. `elasticity` is an assumption for
    a driver the model has not learnt: demand times (1 + the change) to the power of it; answers mark it as such.
    """

    driver: str
    operation: Operation
    value: float = Field(allow_inf_nan=False)
    elasticity: float | None = Field(default=None, ge=-20, le=20)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.operation is Operation.MULTIPLY and self.value <= 0:
            raise ValueError(f"{self.name}: multiply {self.driver} by a number above 0")
        if self.elasticity is not None and self.operation is not Operation.MULTIPLY:
            raise ValueError(f"{self.name}: an elasticity needs a relative change, operation `multiply`")
        return self


class Shock(_Part):
    """A run on a good and what it takes from the time after, as factors of demand by day.

    For `surge_days` from `first` demand is `surge` times the usual; then it jumps to `hangover` (below 1: what has been
    hoarded is used up) and climbs back to 1 in a straight line over `hangover_days`.
    """

    first: Moment
    surge: float = Field(gt=0, le=1000)
    surge_days: int = Field(gt=0, le=3660)
    hangover: float = Field(default=1.0, ge=0, le=1)
    hangover_days: int = Field(default=0, ge=0, le=3660)


class FestivalShift(_Part):
    """Spring Festival's effect comes `days` later (above 0) or earlier: stocking up and closing move with it."""

    days: int = Field(ge=-40, le=40)


class DemandLevel(_Part):
    """Demand as a whole is lower or higher: by percent, or at a quantile of the model's own.

    `of` names a series or node whose quantile over its forecast is the factor of all that are meant. Without it the top
    of the hierarchy is taken, so that sums keep their sense: all series at their own 10 % quantile at once would be a
    far rarer thing for the company. Without a hierarchy each series goes to its own.
    """

    percent: float | None = Field(default=None, gt=-100, le=1000)
    quantile: float | None = Field(default=None, gt=0, lt=1)
    of: str | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.percent is None) == (self.quantile is None):
            raise ValueError(f"{self.name}: give either percent or quantile")
        return self


class Scenario(BaseModel):
    """A named set of assumptions about the future; parts take effect in the order level, drivers, festival, shocks."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    zh: str
    en: str
    valid_from: date
    source: str
    verified: bool = False  # somebody of the business has held the numbers against facts
    level: DemandLevel | None = None
    drivers: tuple[DriverChange, ...] = ()
    festival: FestivalShift | None = None
    shocks: tuple[Shock, ...] = ()

    @model_validator(mode="after")
    def _parts_have_names_of_their_own(self) -> Self:
        parts: list[_Part | None] = [self.level, *self.drivers, self.festival, *self.shocks]
        names = [part.name for part in parts if part is not None]
        if len(set(names)) < len(names):
            raise ValueError(f"scenario {self.name}: two parts have one name")
        return self


class Scenarios(BaseModel):
    """All dated scenarios of a file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    scenario: tuple[Scenario, ...]

    def named(self, name: str, day: date) -> Scenario:
        """Return the newest version of a scenario in force on a day. Raises ScenarioError listing what there is."""
        there = [one for one in self.scenario if one.name == name and one.valid_from <= day]
        if not there:
            names = ", ".join(sorted({one.name for one in self.scenario if one.valid_from <= day})) or "-"
            raise ScenarioError(
                zh=f"{day} 没有名为“{name}”的情景。可用：{names}。请选用其一，或在情景文件中补充。",
                en=f"There is no scenario '{name}' on {day}. Known: {names}. Choose one or add it to the scenario file.",
            )
        return max(there, key=lambda one: one.valid_from)


def load_scenarios(path: Path | None = None) -> Scenarios:
    """Read a scenario file; without a path the one that stands beside this module."""
    file = path if path is not None else resources.files("models.demand.scenarios").joinpath("scenarios.toml")
    try:
        return Scenarios.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, ValidationError, tomllib.TOMLDecodeError) as error:
        raise ScenarioError(
            zh=f"情景文件 {file} 无法使用：{error}。请按注释修正。",
            en=f"Scenario file {file} cannot be used: {error}. Correct it as its comments say.",
        ) from error
