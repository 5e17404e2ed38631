"""Say under what else than the last plan a plan was made: what it counts on, and what gave way."""

from collections.abc import Sequence
from typing import Final

from graph.ontology import Wording
from models.capacity.published.plan_record import PlanInfo
from models.capacity.published.run_info import Note

__all__ = ["RELAXED", "unlike_before"]

RELAXED: Final = frozenset({"orders_relaxed", "floors_relaxed"})
_EXPECTED: Final = "expected"


def unlike_before(
    before: PlanInfo, *, capacity: str, demand: str, relaxed: Sequence[Note]
) -> tuple[Wording, ...]:
    """Return a sentence for each thing in which a plan's premises differ from those of the plan before."""
    said = [
        Wording(
            zh=f"{zh}由{_counted_zh(old)}改为{_counted_zh(new)}",
            en=f"{en} counted {_counted_en(new)}, {_counted_en(old)} before",
        )
        for zh, en, old, new in (
            ("产能", "capacity is", before.capacity, capacity),
            ("需求", "demand is", before.demand, demand),
        )
        if old != new
    ]
    gave_way = {one.zh for one in before.notes if one.code in RELAXED}
    gives_way = {one.zh for one in relaxed if one.code in RELAXED}
    if gave_way != gives_way:
        said.append(
            Wording(
                zh="两份计划放宽的约束不同" if gave_way and gives_way else _one_relaxed(gives_way).zh,
                en="other constraints were relaxed before"
                if gave_way and gives_way
                else _one_relaxed(gives_way).en,
            )
        )
    return tuple(said)


def _one_relaxed(gives_way: set[str]) -> Wording:
    if gives_way:
        return Wording(zh="本次放宽了约束，上一份没有", en="constraints are relaxed, none were before")
    return Wording(zh="上一份放宽了约束，本次没有", en="constraints were relaxed before, none are now")


def _counted_zh(value: str) -> str:
    return "期望值" if value == _EXPECTED else f"概率 {value} "


def _counted_en(value: str) -> str:
    return "at its expected value" if value == _EXPECTED else f"with probability {value}"
