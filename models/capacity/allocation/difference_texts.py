"""Say in a sentence or two how a plan differs from the last one, and under what else it was made."""

from collections.abc import Mapping, Sequence
from typing import Final

from graph.ontology import Wording
from models.capacity.allocation.plan import Plan
from models.capacity.allocation.wording import amount

__all__ = ["in_words"]

_PENNY: Final = 0.5
_SCOPE: Final = {"line": ("产线", "line"), "company": ("公司", "company"), "group": ("集团", "group")}


def in_words(
    plans: tuple[Plan, Plan],
    change: float | None,
    kept: float | None,
    rows: int,
    *,
    counts: Mapping[str, int],
    weeks: int,
    unlike: Sequence[Wording],
) -> Wording:
    """Say what moves, what it earns more or less over the `weeks` of both, and first what cannot be held together."""
    said = [*_unlike(plans, weeks), *unlike]
    if not rows and not said and (change is None or abs(change) < _PENNY):
        return Wording(zh="与上一份计划相同，无需调整排产。", en="The same as the last plan; nothing moves.")
    zh = "；".join([*(one.zh for one in said), _moves(rows, kept).zh, _earns(change).zh, _binds(counts).zh])
    en = "; ".join([*(one.en for one in said), _moves(rows, kept).en, _earns(change).en, _binds(counts).en])
    return Wording(zh=f"{zh}。", en=f"{en[0].upper()}{en[1:]}.")


def _unlike(plans: tuple[Plan, Plan], weeks: int) -> list[Wording]:
    """Say where the objectives or the weeks of two plans differ."""
    old, new = (str(plan.summary["objective"][0]) for plan in plans)
    said = []
    if old != new:
        (old_zh, old_en), (new_zh, new_en) = _SCOPE[old], _SCOPE[new]
        said.append(
            Wording(
                zh=f"上一份计划按{old_zh}口径优化，本次按{new_zh}口径，两者收益都按{new_zh}口径计",
                en=f"the last plan earned most for the {old_en}, this one for the {new_en}, and both are valued as the "
                f"{new_en} counts",
            )
        )
    long = [plan.products["week"].n_unique() for plan in plans]
    if {*long} != {weeks}:
        said.append(
            Wording(
                zh=f"上一份计划 {long[0]} 周，本次 {long[1]} 周，只比较共同的 {weeks} 周",
                en=f"the last plan has {long[0]} weeks, this one {long[1]}; the {weeks} weeks of both are compared",
            )
        )
    return said


def _moves(rows: int, kept: float | None) -> Wording:
    if not rows:
        return Wording(zh="排产没有变动", en="nothing moves")
    stays_zh, stays_en = (
        ("", "")
        if kept is None
        else (f"上一份计划 {kept:.0%} 的工时保持不变，", f"{kept:.0%} of the last plan's hours stay; ")
    )
    return Wording(zh=f"{stays_zh}{rows} 处排产有变动", en=f"{stays_en}{rows} entries move")


def _earns(change: float | None) -> Wording:
    if change is None:
        return Wording(zh="收益无法比较", en="what they earn cannot be compared")
    if abs(change) < _PENNY:
        return Wording(zh="收益不变", en="the plan earns the same")
    more_zh, more_en = ("增加", "more") if change > 0 else ("减少", "less")
    return Wording(
        zh=f"收益{more_zh} {amount(abs(change))} 元",
        en=f"the plan earns {amount(abs(change))} CNY {more_en}",
    )


def _binds(counts: Mapping[str, int]) -> Wording:
    return Wording(
        zh=f"新增 {counts['new']} 项、消失 {counts['vanished']} 项瓶颈约束",
        en=f"{counts['new']} constraints bind anew, {counts['vanished']} no longer",
    )
