"""Does a PD of 2 % mean that two of a hundred default: by score, by month, by grade?"""

from datetime import date
from typing import Final

import numpy as np

from experiments.metrics import Interval
from experiments.validation_report.clustered import mean_interval, mean_p_value
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
from experiments.validation_report.drawings import by_month, reliability
from experiments.validation_report.judged import Judged, Part
from models.credit.grade_tests import GradeReport, examine_grades, jeffreys_interval
from models.credit.measures import reliability as reliability_table

__all__ = ["calibration"]

_ROWS: Final = Column("rows", Text("观察", "rows"), Form.COUNT)
_DEFAULTS: Final = Column("defaults", Text("违约", "defaults"), Form.COUNT)
_MEAN_PD: Final = Column("mean_pd", Text("平均 PD", "mean PD"), Form.SHARE)
_OBSERVED: Final = Column("observed", Text("实际违约率", "observed rate"), Form.SHARE)
_INSIDE: Final = Column("inside", Text("PD 在区间内", "PD inside"))
_YES, _NO = Text("是", "yes"), Text("否", "no")

_BINS_COLUMNS: Final = (
    Column("bin", Text("箱", "bin"), Form.COUNT), _ROWS, _DEFAULTS, _MEAN_PD, _OBSERVED, _INSIDE,
)  # fmt: skip
_MONTH_COLUMNS: Final = (
    Column("month", Text("月末", "month-end")), _ROWS, _DEFAULTS, _MEAN_PD, _OBSERVED, _INSIDE,
)  # fmt: skip
_GRADE_COLUMNS: Final = (
    Column("grade", Text("等级", "grade")), _ROWS, _DEFAULTS,
    Column("effective_rows", Text("有效观察", "effective rows"), Form.COUNT),
    _MEAN_PD, _OBSERVED,
    Column("p_binomial", Text("二项检验 p（双侧）", "binomial p (two-sided)"), Form.FIGURE),
    Column("p_jeffreys", Text("Jeffreys p（PD 偏低）", "Jeffreys p (PD too low)"), Form.FIGURE),
    _INSIDE,
)  # fmt: skip


def calibration(judged: Judged, criteria: Criteria, *, seed: int) -> Section:
    """Compare stated and observed rates out of time."""
    test = judged.test
    bins, plot = _bins(test, seed=seed)
    months = _months(test)
    report = examine_grades(
        test.pd, test.y, judged.scale, parties=test.groups, level=1 - criteria.significance, seed=seed
    )
    grades = _grades(report, criteria)
    return Section(
        "calibration",
        Text("校准", "Calibration"),
        Text("违约概率是否名副其实：按得分、按月、按等级？", "Do the PDs hold what they say: by score, by month, by grade?"),
        (_grades_hold(report, criteria), _grades_rise(report, criteria), _by_month(test, criteria)),
        (bins, months, grades),
        (plot, Plot(months.title, months.meaning, _month_plot(months))),
    )  # fmt: skip


def _bins(part: Part, *, seed: int) -> tuple[Table, Plot]:
    found = reliability_table(part.y, part.pd)
    place = np.argsort(part.pd, kind="stable")
    cuts = np.split(place, np.cumsum(found["n"].to_numpy())[:-1])
    observed = [mean_interval(part.y[rows], part.groups[rows], seed=seed) for rows in cuts]
    rows: list[tuple[Cell, ...]] = [
        (number, n, defaults, mean_pd, rate, _inside(mean_pd, rate))
        for number, n, defaults, mean_pd, rate in zip(
            found["bin"], found["n"], found["defaults"], found["mean_pd"], observed, strict=True
        )
    ]
    table = Table(
        "reliability",
        Text("可靠性（10 个等频箱）", "Reliability (10 bins of equal frequency)"),
        Text(
            "把时间外的观察按 PD 分成十个等频箱；好的校准应使实际违约率落在平均 PD 附近。区间按主体重抽样（95 %）；"
            "没有违约的箱其区间为零宽，不能当作确证。",
            "Out-of-time rows in ten bins of equal frequency by PD; well calibrated, the observed rate stands near the mean PD. "
            "Intervals (95 %) draw whole parties; a bin without defaults has one of no width, which proves nothing.",
        ),
        _BINS_COLUMNS,
        tuple(rows),
    )
    values = [np.array([getattr(rate, end) for rate in observed]) for end in ("value", "low", "high")]
    svg = reliability(found["mean_pd"].to_numpy(), *values)
    return table, Plot(table.title, table.meaning, svg)  # fmt: skip


def _inside(mean_pd: float, rate: Interval) -> Text:
    return _YES if rate.low <= mean_pd <= rate.high else _NO


def _months(part: Part) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for day in part.days:
        month = part.on(day)
        n, defaults = float(month.frame.height), float(month.y.sum())
        low, high = jeffreys_interval(np.array([defaults]), np.array([n]))
        rate = Interval(defaults / n, float(low[0]), float(high[0]))
        mean_pd = float(month.pd.mean())
        rows.append((str(day), int(n), int(defaults), mean_pd, rate, _inside(mean_pd, rate)))
    return Table(
        "level_by_month",
        Text("平均 PD 与实际违约率（按月）", "Mean PD and observed rate by month"),
        Text(
            "每月每个主体一行，区间为 Jeffreys 95 % 区间。相邻月份的 12 个月观察窗大部分重叠，不能当作独立的证据。",
            "One row a party and month, Jeffreys 95 % intervals. The 12-month windows of neighbouring months overlap for the "
            "most part, so the months are not independent evidence.",
        ),
        _MONTH_COLUMNS,
        tuple(rows),
    )


def _month_plot(months: Table) -> str:
    days = [date.fromisoformat(str(row[0])) for row in months.rows]
    stated = [Interval(*(float(str(row[3])),) * 3) for row in months.rows]
    observed = [row[4] for row in months.rows if isinstance(row[4], Interval)]
    series = [
        ("mean PD", list(zip(days, stated, strict=True))),
        ("observed rate", list(zip(days, observed, strict=True))),
    ]
    return by_month(series, label="12-month default rate")


def _grades(report: GradeReport, criteria: Criteria) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (
            test.grade,
            test.n,
            test.defaults,
            test.effective_n,
            test.mean_pd,
            Interval(test.observed_rate, test.low, test.high),
            test.p_two_sided,
            test.p_jeffreys,
            _YES if test.inside else _NO,
        )
        for test in report.grades
    ]
    return Table(
        "grades",
        Text("按等级", "By grade"),
        Text(
            "二项检验：若平均 PD 正确，违约数偏离到这个程度的概率（双侧）。Jeffreys 检验：真实违约率低于平均 PD "
            "的后验概率，很小说明 PD 偏低。"
            f"同一主体的重复观察按设计效应折算成有效观察（同一主体残差的相关 {report.correlation:.2f}）；区间为 "
            f"{1 - criteria.significance:.0%}。"
            "未列出的等级没有观察。",
            "Binomial test: how likely so far a departure is if the mean PD is right (two-sided). Jeffreys test: the posterior "
            "probability that the true rate lies below the mean PD; small, the PD is too low. Repeated observations of a party "
            f"are divided by the design effect (correlation of a party's residuals {report.correlation:.2f}); intervals "
            f"{1 - criteria.significance:.0%}. Grades that are not listed have no rows.",
        ),
        _GRADE_COLUMNS,
        tuple(rows),
    )


def _grades_hold(report: GradeReport, criteria: Criteria) -> Finding:
    limit = criteria.significance / max(1, len(report.grades))
    failing = [test.grade for test in report.grades if min(test.p_two_sided, test.p_jeffreys) < limit]
    return Finding(
        "grades_hold",
        Text(
            f"没有等级被二项检验或 Jeffreys 检验拒绝（{criteria.significance:g} ÷ 等级数，Bonferroni）",
            f"no grade is refused by the binomial or the Jeffreys test ({criteria.significance:g} ÷ number of grades, Bonferroni)",
        ),
        Text(
            f"{len(report.grades)} 个等级中 {len(failing)} 个被拒绝" + (f"：{', '.join(failing)}" if failing else ""),
            f"{len(failing)} of {len(report.grades)} grades refused" + (f": {', '.join(failing)}" if failing else ""),
        ),
        Outcome.NOT_MET if failing else Outcome.MET,
    )  # fmt: skip


def _grades_rise(report: GradeReport, criteria: Criteria) -> Finding:
    order = report.order
    merge = "; ".join("+".join(run) for run in order.merge) or "-"
    return Finding(
        "grades_rise",
        Text(
            f"各等级实际违约率逐级上升，或逆序可由偶然解释（模拟 p ≥ {criteria.significance:g}）",
            f"observed rates rise from grade to grade, or chance explains where not (simulated p ≥ {criteria.significance:g})",
        ),
        Text(
            f"{order.inversions} 处逆序，p = {order.p:.3f}，须合并才能单调：{merge}",
            f"{order.inversions} inversions, p = {order.p:.3f}, to be merged for rising rates: {merge}",
        ),
        Outcome.MET if order.p >= criteria.significance else Outcome.NOT_MET,
    )


def _by_month(part: Part, criteria: Criteria) -> Finding:
    limit = criteria.significance / len(part.days)
    found = {
        str(day): mean_p_value(month.y - month.pd, month.groups)
        for day in part.days
        for month in [part.on(day)]
    }
    failing = [day for day, p_value in found.items() if p_value < limit]
    return Finding(
        "level_by_month",
        Text(
            f"没有测试月的平均 PD 与实际违约率之差超出偶然（{criteria.significance:g} ÷ 月数，Bonferroni）",
            "in no test month do mean PD and observed rate differ by more than chance explains "
            f"({criteria.significance:g} ÷ number of months, Bonferroni)",
        ),
        Text(
            f"{len(found)} 个月中 {len(failing)} 个不符" + (f"：{', '.join(failing)}" if failing else ""),
            f"{len(failing)} of {len(found)} months fail" + (f": {', '.join(failing)}" if failing else ""),
        ),
        Outcome.NOT_MET if failing else Outcome.MET,
    )  # fmt: skip
