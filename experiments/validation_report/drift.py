"""Has the population moved since the model was learnt: score and features by month, and does it still rank?"""

from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from experiments.metrics import Interval, evaluate
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
from experiments.validation_report.criteria import Criteria
from experiments.validation_report.drawings import bars, by_month
from experiments.validation_report.feature_drift import feature_drift
from experiments.validation_report.judged import Judged, Part
from experiments.validation_report.stability import Bins, expected_index, stability_index

__all__ = ["drift"]

Floats = NDArray[np.float64]

_MONTH_RESAMPLES: Final = 200

_MONTH: Final = Column("month", Text("月末", "month-end"))
_PSI_COLUMNS: Final = (
    _MONTH,
    Column("period", Text("时期", "period")),
    Column("rows", Text("观察", "rows"), Form.COUNT),
    Column("psi", Text("PSI", "PSI"), Form.FIGURE),
    Column("psi_by_chance", Text("无变化时约为", "about, if nothing moved"), Form.FIGURE),
)
_AUC_COLUMNS: Final = (
    _MONTH,
    Column("sample", Text("样本", "sample")),
    Column("rows", Text("观察", "rows"), Form.COUNT),
    Column("defaults", Text("违约", "defaults"), Form.COUNT),
    Column("auc", Text("AUC", "AUC"), Form.FIGURE),
)
_OUT_OF_TIME: Final = Text("时间外", "out of time")
_OUT_OF_COMPANY: Final = Text("主体外", "out of company")
_BETWEEN: Final = Text("间隔期", "between")


def drift(judged: Judged, criteria: Criteria, *, seed: int) -> Section:
    """Compare each later month with the learning period."""
    score, auc = _score(judged), _auc(judged, criteria, seed=seed)
    features = feature_drift(judged, criteria)
    marks = ((criteria.psi_watch, f"{criteria.psi_watch:g}"), (criteria.psi_shift, f"{criteria.psi_shift:g}"))
    psi = bars(_days(score), _column(score, "psi"), label="PSI of the score", marks=marks)
    plots = [Plot(score.title, score.meaning, psi), features.plot]
    if any(isinstance(row[-1], Interval) for row in auc.rows):
        plots.insert(1, Plot(auc.title, auc.meaning, _auc_plot(auc)))
    return Section(
        "drift",
        Text("稳定性", "Stability"),
        Text(
            "模型学成之后，来的客户与学习时还是同一群人吗？排序能力逐月是否保持？",
            "Since the model was learnt, are those who come still the same population, and does it rank them as well?",
        ),
        (
            _score_holds(score, criteria),
            features.finding,
            _months_hold(auc, judged, seed=seed, criteria=criteria),
        ),
        (score, auc, *features.tables),
        tuple(plots),
    )


def _score(judged: Judged) -> Table:
    reference = judged.past.log_odds
    bins = Bins.of(reference)
    filled = int((bins.counts(reference) > 0).sum())
    rows: list[tuple[Cell, ...]] = []
    first_test = judged.test.days[0]
    for day, part in judged.later:
        chance = expected_index(filled, len(reference), part.frame.height)
        period = _BETWEEN if day < first_test else _OUT_OF_TIME
        psi = stability_index(reference, part.log_odds, bins)
        rows.append((str(day), period, part.frame.height, psi, chance))
    return Table(
        "score_psi",
        Text("得分的 PSI（按月）", "PSI of the score by month"),
        Text(
            "每个月末的得分分布与学习期（折外得分）相比，按学习期的十分位分箱。惯例：0.1 以下视为稳定，0.1–0.25 应留意，0.25 以上视为"
            "人群已变；这是行业惯例而非检验。右列是人群未变时样本有限也会有的大小。",
            "The distribution of scores at each month-end against the learning period (out-of-fold scores), in deciles of the "
            "latter. By convention below 0.1 is stable, 0.1 to 0.25 deserves a look, above 0.25 is another population; a custom "
            "of the trade, no test. The last column is what a sample of this size shows when nothing has moved.",
        ),
        _PSI_COLUMNS,
        tuple(rows),
    )


def _auc(judged: Judged, criteria: Criteria, *, seed: int) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for sample, part in ((_OUT_OF_COMPANY, judged.past), (_OUT_OF_TIME, judged.test)):
        for day in part.days:
            month = part.on(day)
            rows.append(
                (str(day), sample, month.frame.height, int(month.y.sum()), _month_auc(month, criteria, seed))
            )
    return Table(
        "auc_by_month",
        Text("AUC（按月）", "AUC by month"),
        Text(
            f"每月每个主体一行。违约或正常主体不足 {criteria.least_defaulted} 个的月份不给数字。间隔期的月份不评价："
            "其违约结果与学习用的标签有部分"
            "相同，评价会偏乐观。",
            f"One row a party and month. Months with fewer than {criteria.least_defaulted} parties of either outcome get no "
            "figure. The months between are not judged: their defaults are partly those learnt from, which would flatter.",
        ),
        _AUC_COLUMNS,
        tuple(rows),
    )


def _month_auc(month: Part, criteria: Criteria, seed: int) -> Interval | None:
    few = min(month.y.sum(), (1 - month.y).sum())
    if few < criteria.least_defaulted:
        return None
    return evaluate(month.y, month.pd, seed=seed, resamples=_MONTH_RESAMPLES)["auc"]


def _auc_plot(auc: Table) -> str:
    series = []
    for sample in (_OUT_OF_COMPANY, _OUT_OF_TIME):
        points = [
            (date.fromisoformat(str(row[0])), row[-1])
            for row in auc.rows
            if row[1] == sample and isinstance(row[-1], Interval)
        ]
        series.append((sample.en, points))
    return by_month(series, label="AUC", marks=[(0.5, "chance")])


def _score_holds(score: Table, criteria: Criteria) -> Finding:
    value, where = _at_most(score, "psi")
    mark, watch = criteria.psi_shift, criteria.psi_watch
    zh, en = ("；已超过留意线", "; past the mark to watch") if watch <= value < mark else ("", "")
    return Finding(
        "score_psi",
        Text(
            f"得分的 PSI 各月都低于 {mark:g}（惯例）",
            f"the PSI of the score stays below {mark:g} in every month (convention)",
        ),
        Text(f"最大 {value:.3f}（{where}）{zh}", f"largest {value:.3f} ({where}){en}"),
        Outcome.MET if value < mark else Outcome.NOT_MET,
    )


def _at_most(table: Table, key: str) -> tuple[float, str]:
    values = _column(table, key)
    worst = int(np.argmax(values))
    return values[worst], str(table.rows[worst][0])


def _months_hold(auc: Table, judged: Judged, criteria: Criteria, *, seed: int) -> Finding:
    """Ask whether a test month's interval lies wholly below the AUC of the learning period."""
    company = evaluate(
        judged.past.y, judged.past.pd, groups=judged.past.groups, seed=seed, resamples=_MONTH_RESAMPLES
    )["auc"]
    judged_months = [row for row in auc.rows if row[1] == _OUT_OF_TIME and isinstance(row[-1], Interval)]
    below = [
        str(row[0]) for row in judged_months if isinstance(row[-1], Interval) and row[-1].high < company.low
    ]
    outcome = Outcome.UNKNOWN if not judged_months else Outcome.NOT_MET if below else Outcome.MET
    few = Text(
        f"各测试月的违约都不足 {criteria.least_defaulted} 个",
        f"every test month has fewer than {criteria.least_defaulted} defaults",
    )
    seen = Text(
        f"{len(judged_months)} 个测试月中 {len(below)} 个偏低" + (f"：{', '.join(below)}" if below else ""),
        f"{len(below)} of {len(judged_months)} test months fall below"
        + (f": {', '.join(below)}" if below else ""),
    )
    return Finding(
        "auc_by_month",
        Text(
            "没有测试月的 AUC 区间整体低于主体外 AUC 的区间",
            "no test month's AUC interval lies wholly below that of the out-of-company AUC",
        ),
        few if outcome is Outcome.UNKNOWN else seen,
        outcome,
    )  # fmt: skip


def _days(table: Table) -> list[date]:
    return [date.fromisoformat(str(row[0])) for row in table.rows]


def _column(table: Table, key: str) -> list[float]:
    place = [column.key for column in table.columns].index(key)
    return [float(str(row[place])) for row in table.rows]
