"""The outcome of a scenario in a sentence or two, in both languages."""

from collections.abc import Mapping
from typing import Final

import polars as pl

from graph.ontology import Wording
from models.capacity.allocation.problem import Objective
from models.capacity.scenarios.apply import Applied
from models.capacity.scenarios.measures import SHORT, short_products

__all__ = ["summary_text"]

_WHOSE: Final[Mapping[Objective, tuple[str, str]]] = {
    Objective.LINE: ("各产线", "the lines"),
    Objective.COMPANY: ("企业", "the companies"),
    Objective.GROUP: ("集团", "the group"),
}
_LISTED: Final = 5
_PENNY: Final = 0.5
_NOTHING: Final = 5e-4


def summary_text(result: Applied, measures: pl.DataFrame, products: pl.DataFrame) -> Wording:
    """Say what the scenario costs or brings, which products are short with it, and how the chance of that moves."""
    figures = {(row["measure"], row["unit"]): row for row in measures.to_dicts()}
    sentences = [
        _money(result, figures["value", "CNY"]["change"]),
        _short(products),
    ]
    chance = figures.get(("worst_week_probability", ""))
    if chance is not None:
        sentences.append(_chance(chance["base"], chance["scenario"]))
    return Wording(
        zh="；".join(one.zh for one in sentences) + "。", en="; ".join(one.en for one in sentences) + "."
    )


def _money(result: Applied, change: float) -> Wording:
    label, (whose_zh, whose_en) = result.label, _WHOSE[result.problem.objective]
    amount = f"{abs(change):,.0f}"
    if abs(change) < _PENNY:
        return Wording(zh=f"{label.zh}：{whose_zh}净值不变", en=f"{label.en}: costs {whose_en} nothing")
    verb_zh, verb_en = ("减少", "costs") if change < 0 else ("增加", "brings")
    return Wording(
        zh=f"{label.zh}：{whose_zh}净值{verb_zh} {amount} 元",
        en=f"{label.en}: {verb_en} {whose_en} {amount} CNY",
    )


def _short(products: pl.DataFrame) -> Wording:
    now, before = short_products(products), short_products(products, "_base")
    if not now:
        zh = "没有产品缺货" if not before else f"没有产品缺货（基准为 {len(before)} 种）"
        return Wording(zh=zh, en="no product short" + (f" ({len(before)} in the base)" if before else ""))
    known = set(before)
    added = [one for one in now if one not in known]
    left = products.filter(pl.col("unmet") > pl.col("demand").clip(lower_bound=1.0) * SHORT).height
    listed = ", ".join(now[:_LISTED]) + (" …" if len(now) > _LISTED else "")
    return Wording(
        zh=f"{len(now)} 种产品缺货（{listed}），其中新增 {len(added)} 种，期末仍有 {left} 种未满足",
        en=f"{len(now)} product(s) short ({listed}), {len(added)} of them only now, {left} still unmet at the end",
    )


def _chance(base: float, scenario: float) -> Wording:
    if abs(scenario - base) < _NOTHING:
        return Wording(
            zh=f"最差一周的缺货概率仍为 {scenario:.0%}",
            en=f"the chance of a shortfall in the worst week stays at {scenario:.0%}",
        )
    return Wording(
        zh=f"最差一周的缺货概率由 {base:.0%} 变为 {scenario:.0%}",
        en=f"the chance of a shortfall in the worst week goes from {base:.0%} to {scenario:.0%}",
    )
