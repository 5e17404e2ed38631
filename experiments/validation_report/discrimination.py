"""How well are defaults ranked and their number known: on later dates, and on parties that were not learnt from?"""

from experiments.metrics import Interval, evaluate
from experiments.validation_report.clustered import mean_interval, mean_p_value
from experiments.validation_report.content import Column, Finding, Form, Outcome, Section, Table, Text
from experiments.validation_report.criteria import Criteria
from experiments.validation_report.judged import Judged, Part
from models.credit.measures import log_losses

__all__ = ["MEASURES", "discrimination", "measures"]

MEASURES = ("auc", "ks", "brier", "ece", "log_loss")

_COLUMNS = (
    Column("sample", Text("样本", "sample")),
    Column("rows", Text("观察", "rows"), Form.COUNT),
    Column("parties", Text("主体", "parties"), Form.COUNT),
    Column("defaulted", Text("违约主体", "defaulted parties"), Form.COUNT),
    Column("observed", Text("实际违约率", "observed rate"), Form.SHARE),
    Column("mean_pd", Text("平均 PD", "mean PD"), Form.SHARE),
    *(Column(name, Text(head, head), Form.FIGURE)
      for name, head in zip(MEASURES, ("AUC", "KS", "Brier", "ECE", "log-loss"), strict=True)),
)  # fmt: skip


def measures(part: Part, *, seed: int, resamples: int = 500) -> dict[str, Interval]:
    """Return AUC, KS, Brier, ECE and log-loss with 95 % cluster-bootstrap intervals over parties."""
    found = evaluate(part.y, part.pd, groups=part.groups, seed=seed, resamples=resamples)
    loss = mean_interval(log_losses(part.y, part.pd), part.groups, seed=seed, resamples=resamples)
    return {**found, "log_loss": loss}


def discrimination(judged: Judged, criteria: Criteria, *, seed: int) -> Section:
    """Judge both samples; the criteria are about the out-of-time one."""
    time, company = measures(judged.test, seed=seed), measures(judged.past, seed=seed)
    table = Table(
        "samples",
        Text("时间外与主体外", "Out of time and out of company"),
        Text(
            "时间外：学习用的标签在第一个测试月之前都已知晓。主体外：学习期内每个主体由没有见过它的模型打分（折外）；校准也在这些行上拟合，"
            "故主体外的 Brier、ECE 略偏乐观，且其关联方可能在学习之列。区间按主体整体重抽样（95 %）：同一主体的多个月末不当作多个主体。",
            "Out of time: every label learnt from was known before the first test date. Out of company: each party of the "
            "learning period is scored by a model that never saw it (out of fold); the calibration was fitted on these rows, "
            "so Brier and ECE are slightly flattered there, and a party's neighbours may have been learnt from. Intervals "
            "(95 %) draw whole parties: several month-ends of one party are not several parties.",
        ),
        _COLUMNS,
        (
            _row(Text("时间外（测试月）", "out of time (test months)"), judged.test, time),
            _row(Text("主体外（学习期折外）", "out of company (out of fold)"), judged.past, company),
        ),
    )
    findings = (
        _ranks(time["auc"], criteria),
        _holds(time["auc"], company["auc"]),
        _level(judged.test, criteria),
        _ece(time["ece"], criteria),
    )
    return Section(
        "discrimination",
        Text("区分与水平", "Ranking and level"),
        Text(
            "模型在没有见过的日期和没有见过的主体上，能否把违约者排在前面，违约率是否估得准？",
            "On dates and parties it has not seen, does the model rank defaults first and know how many there will be?",
        ),
        findings,
        (table,),
    )


def _row(name: Text, part: Part, found: dict[str, Interval]) -> tuple[Text | float | Interval, ...]:
    counts = (part.frame.height, part.parties, part.defaulted)
    return (name, *counts, float(part.y.mean()), float(part.pd.mean()), *(found[m] for m in MEASURES))


def _ranks(auc: Interval, criteria: Criteria) -> Finding:
    return Finding(
        "out_of_time_auc",
        Text(
            f"时间外 AUC 的 95 % 区间下端不低于 {criteria.auc_low:.2f}",
            f"the lower end of the 95 % interval of the out-of-time AUC is at least {criteria.auc_low:.2f}",
        ),
        Text(f"AUC {_shown(auc)}", f"AUC {_shown(auc)}"),
        Outcome.MET if auc.low >= criteria.auc_low else Outcome.NOT_MET,
    )


def _holds(time: Interval, company: Interval) -> Finding:
    """A fall from one sample to the other is one only where the intervals part."""
    return Finding(
        "auc_holds_over_time",
        Text(
            "时间外 AUC 不明显低于主体外 AUC（两个区间不分离）",
            "the out-of-time AUC is not clearly below the out-of-company AUC (the intervals do not part)",
        ),
        Text(
            f"时间外 {_shown(time)}，主体外 {_shown(company)}",
            f"out of time {_shown(time)}, out of company {_shown(company)}",
        ),
        Outcome.NOT_MET if time.high < company.low else Outcome.MET,
    )


def _level(part: Part, criteria: Criteria) -> Finding:
    p_value = mean_p_value(part.y - part.pd, part.groups)
    observed, stated = float(part.y.mean()), float(part.pd.mean())
    return Finding(
        "level",
        Text(
            f"时间外平均 PD 与实际违约率之差可由偶然解释（按主体聚类的检验，p ≥ {criteria.significance:g}）",
            "out of time, mean PD and observed rate differ by no more than chance explains "
            f"(test clustered by party, p ≥ {criteria.significance:g})",
        ),
        Text(
            f"平均 PD {stated:.2%}，实际 {observed:.2%}，p = {p_value:.3f}",
            f"mean PD {stated:.2%}, observed {observed:.2%}, p = {p_value:.3f}",
        ),
        Outcome.MET if p_value >= criteria.significance else Outcome.NOT_MET,
    )


def _ece(ece: Interval, criteria: Criteria) -> Finding:
    return Finding(
        "out_of_time_ece",
        Text(
            f"时间外校准误差 ECE（10 个等频箱）不高于 {criteria.ece:.3f}",
            f"the out-of-time calibration error ECE (10 bins of equal frequency) is at most {criteria.ece:.3f}",
        ),
        Text(f"ECE {_shown(ece)}", f"ECE {_shown(ece)}"),
        Outcome.MET if ece.value <= criteria.ece else Outcome.NOT_MET,
    )


def _shown(interval: Interval) -> str:
    return f"{interval.value:.3f} [{interval.low:.3f}, {interval.high:.3f}]"
