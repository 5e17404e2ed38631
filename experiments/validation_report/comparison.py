"""Is the model better than what is simpler, and than what is in use? All on the same out-of-time rows."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from experiments.comparison import auc_gain
from experiments.metrics import Interval
from experiments.validation_report.clustered import mean_difference
from experiments.validation_report.content import (
    Cell,
    Column,
    Finding,
    Form,
    Outcome,
    Plot,
    Section,
    Table,
    Text,
)
from experiments.validation_report.discrimination import MEASURES, measures
from experiments.validation_report.drawings import intervals
from experiments.validation_report.judged import Part
from experiments.validation_report.rivals import Kind, Rival
from models.credit.measures import log_losses

__all__ = ["Gain", "compared"]

_COLUMNS: Final = (
    Column("model", Text("模型", "model")),
    *(Column(name, Text(head, head), Form.FIGURE)
      for name, head in zip(MEASURES, ("AUC", "KS", "Brier", "ECE", "log-loss"), strict=True)),
    Column("auc_gain", Text("本模型 AUC 领先", "AUC gain of the model"), Form.FIGURE),
    Column("log_loss_fall", Text("本模型 log-loss 下降", "fall in log-loss"), Form.FIGURE),
    Column("note", Text("说明", "note")),
)  # fmt: skip

Gain = tuple[Rival, Interval, Interval]


def compared(test: Part, rivals: Sequence[Rival], *, seed: int) -> Section:
    """Compare with every rival that has PDs; the others are listed with the reason."""
    rows: list[tuple[Cell, ...]] = [_row(Text("本模型", "the model"), test, None, seed)]
    gains: list[Gain] = []
    for rival in rivals:
        if rival.pd is None:
            rows.append((rival.name, *(None,) * (len(MEASURES) + 2), rival.note))
            continue
        gain = _gain(test, rival, seed)
        gains.append(gain)
        rows.append(_row(rival.name, replace(test, pd=rival.pd), gain, seed))
    table = Table(
        "models",
        Text("同样的行，不同的模型", "The same rows, other models"),
        Text(
            "所有模型都只用学习期的行学习，在同样的时间外行上评价。领先与下降为配对的重抽样区间（95 %，按主体）：大于零表示本模型更好，"
            "区间含零表示分不出高下。",
            "All models learn from the learning period and are judged on the same out-of-time rows. Gain and fall have paired "
            "bootstrap intervals (95 %, by party): above zero the model is better, with zero inside there is no telling.",
        ),
        _COLUMNS,
        tuple(rows),
    )
    findings = (_beats_naive(rivals, gains), _not_beaten(rivals, gains), _no_harm(rivals, gains),
                _beats_champion(rivals, gains))  # fmt: skip
    return Section(
        "comparison",
        Text("与其他模型比较", "Comparison"),
        Text(
            "多出来的复杂度值不值得：比简单规则、评分卡、现有模型更好吗？",
            "Is the added complexity worth it: better than simple rules, a scorecard, the model in use?",
        ),
        findings,
        (table,),
        _plots(gains),
    )


def _gain(test: Part, rival: Rival, seed: int) -> Gain:
    if rival.pd is None:  # for the type checker; callers have left these out
        raise ValueError(rival.key)
    return (
        rival,
        auc_gain(test.y, test.pd, rival.pd, seed=seed, groups=test.groups),
        mean_difference(log_losses(test.y, rival.pd), log_losses(test.y, test.pd), test.groups, seed=seed),
    )


def _row(name: Text, part: Part, gain: Gain | None, seed: int) -> tuple[Cell, ...]:
    found = measures(part, seed=seed)
    figures = tuple(found[measure] for measure in MEASURES)
    if gain is None:
        return (name, *figures, None, None, None)
    return (name, *figures, gain[1], gain[2], gain[0].note)


def _plots(gains: Sequence[Gain]) -> tuple[Plot, ...]:
    if not gains:
        return ()
    title = Text("本模型的 AUC 领先", "AUC gain of the model")
    meaning = Text(
        "每个对手一条 95 % 区间；整段在虚线右侧才算确实更好。",
        "One 95 % interval a rival; only one that lies wholly right of the dashed line is surely beaten.",
    )
    svg = intervals(
        [rival.name.en for rival, *_ in gains], [gain for _, gain, _ in gains], label="AUC gain", mark=0.0
    )
    return (Plot(title, meaning, svg),)


def _beats_naive(rivals: Sequence[Rival], gains: Sequence[Gain]) -> Finding:
    mine = [gain for gain in gains if gain[0].kind is Kind.NAIVE]
    failing = [rival.name for rival, auc, _ in mine if auc.low <= 0]
    return Finding(
        "beats_naive_rules",
        Text(
            "明显优于每条简单规则（AUC 领先的区间在零之上）",
            "clearly better than every naive rule (the interval of the AUC gain lies above zero)",
        ),
        _seen(mine, failing, rivals, Kind.NAIVE),
        _outcome(mine, failing, rivals, Kind.NAIVE),
    )


def _not_beaten(rivals: Sequence[Rival], gains: Sequence[Gain]) -> Finding:
    mine = [gain for gain in gains if gain[0].kind is Kind.CHALLENGER]
    failing = [rival.name for rival, auc, fall in mine if auc.high < 0 or fall.high < 0]
    return Finding(
        "not_beaten_by_challengers",
        Text(
            "没有挑战者明显更好（AUC 领先与 log-loss 下降的区间都不整体低于零）",
            "no challenger is clearly better (neither interval, of AUC gain or fall in log-loss, lies wholly below zero)",
        ),
        _seen(mine, failing, rivals, Kind.CHALLENGER),
        _outcome(mine, failing, rivals, Kind.CHALLENGER),
    )


def _no_harm(rivals: Sequence[Rival], gains: Sequence[Gain]) -> Finding:
    mine = [gain for gain in gains if gain[0].kind is Kind.OWN_ONLY]
    failing = [rival.name for rival, auc, fall in mine if auc.high < 0 or fall.high < 0]
    return Finding(
        "network_does_no_harm",
        Text(
            "网络部分没有坏处：与仅自有风险相比，AUC 与 log-loss 都不明显变差",
            "the network does no harm: against own risk only neither AUC nor log-loss is clearly worse",
        ),
        _seen(mine, failing, rivals, Kind.OWN_ONLY),
        _outcome(mine, failing, rivals, Kind.OWN_ONLY),
    )


def _beats_champion(rivals: Sequence[Rival], gains: Sequence[Gain]) -> Finding:
    mine = [gain for gain in gains if gain[0].kind is Kind.CHAMPION and not gain[0].flattered]
    failing = [rival.name for rival, auc, fall in mine if auc.high < 0 or fall.high < 0]
    return Finding(
        "not_worse_than_champion",
        Text(
            "不明显差于上一版 champion（须其训练标签在首个测试月之前已知晓）",
            "not clearly worse than the last champion (whose training labels must have been known before the first test date)",
        ),
        _seen(mine, failing, rivals, Kind.CHAMPION),
        _outcome(mine, failing, rivals, Kind.CHAMPION),
    )


def _seen(mine: Sequence[Gain], failing: Sequence[Text], rivals: Sequence[Rival], kind: Kind) -> Text:
    """Tell every rival's gain, then those that could not be compared and why."""
    zh, en = [], []
    for rival, auc, fall in mine:
        ranks, loss = _signed(auc), _signed(fall)
        fails = rival.name in failing
        zh.append(f"相对{rival.name.zh}：AUC {ranks}，log-loss 下降 {loss}" + ("（不符）" if fails else ""))
        en.append(
            f"against {rival.name.en}: AUC {ranks}, fall in log-loss {loss}" + (" (fails)" if fails else "")
        )
    compared_keys = {gain[0].key for gain in mine}
    for rival in rivals:
        if rival.kind is kind and rival.key not in compared_keys:
            zh.append(f"{rival.name.zh}未比较：{rival.note.zh}")
            en.append(f"{rival.name.en} not compared: {rival.note.en}")
    return Text("；".join(zh), "; ".join(en))


def _signed(found: Interval) -> str:
    return f"{found.value:+.3f} [{found.low:+.3f}, {found.high:+.3f}]"


def _outcome(mine: Sequence[Gain], failing: Sequence[Text], rivals: Sequence[Rival], kind: Kind) -> Outcome:
    """A rival that could not be compared leaves the question open, unless another one already answers it."""
    if failing:
        return Outcome.NOT_MET
    asked = [rival for rival in rivals if rival.kind is kind]
    return Outcome.MET if asked and len(mine) == len(asked) else Outcome.UNKNOWN
