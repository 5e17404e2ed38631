"""Read the catalogue from the code and the profiles: nothing of it is kept by hand."""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Final

from features.calendar import CALENDAR_GROUPS
from features.catalogue import Feature, catalogue
from features.contracts import CONTRACTS, Column, Contract, DataClass, Domain, Level
from models.capacity.profiles.profile import Driver, Profile
from serving.catalogue.schemas import FeatureEntry, FeatureUse
from serving.demand.texts import driver as part_of_demand

__all__ = ["Uses", "entries"]

Uses = Mapping[tuple[str, str], Sequence[FeatureUse]]
"""The models that use a feature, by domain and name."""

_DRIVERS: Final = ("price", "promotion")
_CALENDAR: Final = DataClass(Domain.EXTERNAL, Level.LOW)


def entries(profiles: Mapping[str, Profile], uses: Uses) -> list[FeatureEntry]:
    """Return every feature: those of credit by their declarations, those of demand and capacity by their tables."""
    return list(chain(_credit(uses), _demand(uses), _capacity(profiles, uses)))


def _credit(uses: Uses) -> Iterator[FeatureEntry]:
    for item in catalogue("credit"):
        yield FeatureEntry(
            name=item.name,
            domain="credit",
            text_zh=item.zh,
            text_en=item.en,
            unit=item.unit.value,
            group=item.dimension.value,
            group_zh=item.dimension.zh,
            sources=list(item.sources),
            class_zh=item.data_class.text.zh,
            class_en=item.data_class.text.en,
            minimum=_finite(item.low),
            maximum=_finite(item.high),
            monotone=item.monotone,
            changeable=_direction(item),
            known=None,
            file=item.file,
            line=item.line,
            models=list(uses.get(("credit", item.name), ())),
        )


def _demand(uses: Uses) -> Iterator[FeatureEntry]:
    contract = CONTRACTS["sales"]
    for name in _DRIVERS:
        yield _column(contract, contract.column(name), uses)
    for name, group in CALENDAR_GROUPS.items():
        told = part_of_demand(group, 0.0)
        yield FeatureEntry(
            name=name,
            domain="demand",
            text_zh=f"日历：{told.text_zh}（{name}）",
            text_en=f"calendar: {told.text_en} ({name})",
            unit="",
            group=group,
            group_zh=told.text_zh,
            sources=["calendar"],
            class_zh=_CALENDAR.text.zh,
            class_en=_CALENDAR.text.en,
            minimum=None,
            maximum=None,
            monotone=None,
            changeable=None,
            known="ahead",
            file="features/calendar.py",
            line=None,
            models=list(uses.get(("demand", name), ())),
        )


def _column(contract: Contract, column: Column, uses: Uses) -> FeatureEntry:
    class_ = contract.class_of(column).text
    return FeatureEntry(
        name=column.name,
        domain="demand",
        text_zh=column.label.zh,
        text_en=column.label.en,
        unit=column.unit.en if column.unit else "",
        group="driver",
        group_zh="驱动因素",
        sources=[contract.name],
        class_zh=class_.zh,
        class_en=class_.en,
        minimum=None,
        maximum=None,
        monotone=None,
        changeable=None,
        known=None,
        file=None,
        line=None,
        models=list(uses.get(("demand", column.name), ())),
    )


def _capacity(profiles: Mapping[str, Profile], uses: Uses) -> Iterator[FeatureEntry]:
    """Yield the drivers of the profiles; one that several profiles share is told by the first, its range by all."""
    drivers: dict[str, list[Driver]] = {}
    for profile in profiles.values():
        for one in profile.drivers:
            drivers.setdefault(one.name, []).append(one)
    class_ = CONTRACTS["line_drivers"].data_class.text
    for name, told in sorted(drivers.items()):
        yield FeatureEntry(
            name=name,
            domain="capacity",
            text_zh=told[0].label.zh,
            text_en=told[0].label.en,
            unit=told[0].unit.en,
            group="driver",
            group_zh="驱动因素",
            sources=["line_drivers"],
            class_zh=class_.zh,
            class_en=class_.en,
            minimum=min(one.range[0] for one in told),
            maximum=max(one.range[1] for one in told),
            monotone=None,
            changeable=None,
            known=told[0].known.value,
            file=None,
            line=None,
            models=list(uses.get(("capacity", name), ())),
        )


def _direction(item: Feature) -> int | None:
    return None if item.changeable is None else item.changeable.direction


def _finite(bound: float) -> float | None:
    return bound if math.isfinite(bound) else None
