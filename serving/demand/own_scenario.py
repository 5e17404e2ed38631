"""A planner's own scenario, as a request gives it, in the terms of the models."""

from datetime import date
from typing import Final

from pydantic import ValidationError

from models.demand.scenarios.scenario import (
    DemandLevel,
    DriverChange,
    FestivalShift,
    Operation,
    Scenario,
    Shock,
)
from serving.demand.scenario_schemas import DriverInput, ScenarioInput
from serving.http.problems import request_error

__all__ = ["own_scenario"]

_VERBS: Final = {"multiply": ("×", "times"), "add": ("+", "plus"), "set": ("=", "set to")}


def own_scenario(given: ScenarioInput, day: date) -> Scenario:
    """Write a planner's own scenario in the models' terms. Raises InvalidRequestError."""
    try:
        return Scenario(
            name=given.name,
            zh="自定义情景",
            en="a scenario of the caller's own",
            valid_from=day,
            source="request",
            verified=True,
            level=_level(given),
            drivers=tuple(_driver(one, place) for place, one in enumerate(given.drivers, start=1)),
            festival=None
            if given.festival is None
            else FestivalShift(
                name="festival",
                zh=f"春节效应移动 {given.festival.days:+d} 天",
                en=f"Spring Festival's effect moved by {given.festival.days:+d} days",
                **given.festival.model_dump(exclude={"ids"}),
                ids=tuple(given.festival.ids),
            ),
            shocks=tuple(
                Shock(
                    name=f"shock {place}",
                    zh=f"自 {one.first} 起 {one.surge_days} 天需求为平时的 {one.surge:g} 倍",
                    en=f"{one.surge:g} times demand for {one.surge_days} days from {one.first}",
                    **one.model_dump(exclude={"ids"}),
                    ids=tuple(one.ids),
                )
                for place, one in enumerate(given.shocks, start=1)
            ),
        )
    except ValidationError as error:
        raise request_error(error) from error


def _level(given: ScenarioInput) -> DemandLevel | None:
    level = given.level
    if level is None:
        return None
    size = f"{level.percent:+g} %" if level.percent is not None else f"q{100 * (level.quantile or 0):g}"
    return DemandLevel(
        name="level",
        zh=f"需求水平 {size}",
        en=f"demand as a whole {size}",
        **level.model_dump(exclude={"ids"}),
        ids=tuple(level.ids),
    )


def _driver(one: DriverInput, place: int) -> DriverChange:
    zh, en = _VERBS[one.operation]
    return DriverChange(
        name=f"{one.driver} {place}",
        zh=f"{one.driver} {zh} {one.value:g}",
        en=f"{one.driver} {en} {one.value:g}",
        driver=one.driver,
        operation=Operation(one.operation),
        **one.model_dump(include={"value", "first", "last", "elasticity"}),
        ids=tuple(one.ids),
    )
