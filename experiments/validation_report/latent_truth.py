"""Against what really drove the defaults, where that is known (the sample group): true PDs, and who pulled whom down."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import spearmanr

from experiments.metrics import evaluate
from experiments.validation_report.content import Cell, Column, Finding, Form, Outcome, Section, Table, Text
from experiments.validation_report.criteria import Criteria
from experiments.validation_report.judged import Judged, Part
from experiments.validation_report.network_truth import network_rules, network_truth
from features.errors import DataError, MissingColumnError, MissingTableError
from features.sources import read_tables

__all__ = ["Truth", "latent_truth", "read_truth"]

Floats = NDArray[np.float64]

_NEEDED: Final = {
    "hazard": ("party_id", "month", "pd_12m", "hazard_contagion", "stopped_paying"),
    "defaults": ("party_id", "default_on", "cause"),
}
_RESAMPLES: Final = 300
_LEAST: Final = 5
_DEFAULT_NAME: Final = Text("与潜在真相对照", "Against the latent truth")
_QUESTION: Final = Text(
    "样例集团的真实违约概率与违约原因是已知的：模型学到的是它们吗？",
    "The sample group's true PDs and causes of default are known: are they what the model has learnt?",
)

_OWN_RULES: Final = {
    "follows_true_pd": Text(
        "PD 与真实 PD 的秩相关大于零（95 % 区间，每主体一行）",
        "the rank correlation of PD and true PD is above zero (95 % interval, one row a party)",
    ),
}
_TRUTH_COLUMNS: Final = (
    Column("rows_of", Text("观察", "rows")),
    Column("rows", Text("行数", "number"), Form.COUNT),
    Column("model_auc", Text("模型 AUC", "AUC of the model"), Form.FIGURE),
    Column("true_auc", Text("真实 PD 的 AUC", "AUC of the true PD"), Form.FIGURE),
    Column("rank_correlation", Text("与真实 PD 的秩相关", "rank correlation with the true PD"), Form.FIGURE),
    Column("mean_pd", Text("平均 PD", "mean PD"), Form.SHARE),
    Column("mean_true_pd", Text("平均真实 PD", "mean true PD"), Form.SHARE),
    Column("observed", Text("实际违约率", "observed rate"), Form.SHARE),
)


@dataclass(frozen=True, eq=False)
class Truth:
    """The latent process: [party_id, month, pd_12m, hazard_contagion, stopped_paying] and [party_id, default_on, cause]."""

    hazard: pl.DataFrame
    defaults: pl.DataFrame


def read_truth(folder: Path) -> Truth | Text:
    """Read the truth of a sample group, or say what the folder lacks."""
    try:
        tables = read_tables(folder)
        frames = {}
        for name, columns in _NEEDED.items():
            if name not in tables:
                raise MissingTableError([name], str(folder))
            found = tables[name].collect_schema().names()
            absent = [column for column in columns if column not in found]
            if absent:
                raise MissingColumnError(name, absent, found)
            frames[name] = tables[name].select(columns).collect()
    except DataError as error:
        return Text(error.message("zh"), error.message("en"))
    return Truth(frames["hazard"], frames["defaults"])


def latent_truth(judged: Judged, truth: Truth | Text | None, criteria: Criteria, *, seed: int) -> Section:
    """Compare with the truth; without one the section says so and its findings stay open."""
    test = judged.test
    known = _joined(test, truth.hazard) if isinstance(truth, Truth) else None
    if not isinstance(truth, Truth) or known is None:
        why = (
            truth
            if isinstance(truth, Text)
            else Text(
                "没有给出真相（--truth），或真相不含测试样本的主体与月末；真实业务里没有真相",
                "no truth was given (--truth), or it knows none of the test rows; a real book has none",
            )
        )
        rules = {**_OWN_RULES, **network_rules(criteria)}
        unknown = tuple(Finding(name, rule, why, Outcome.UNKNOWN) for name, rule in rules.items())
        return Section("latent_truth", _DEFAULT_NAME, _QUESTION, unknown)
    part, facts = known
    true_pd = facts["pd_12m"].cast(pl.Float64).to_numpy()
    alive = ~facts["stopped_paying"].to_numpy()
    everything = _against(Text("全部", "all"), part, true_pd, seed)
    paying = _against(Text("尚未停止还款", "not yet stopped paying"), part.rows(alive), true_pd[alive], seed)
    tables, findings = [_true_pds(test, (everything, paying))], [_follows(part, true_pd)]
    if judged.has_network:
        more, found = network_truth(part, facts, truth.defaults, criteria, seed=seed)
        tables += more
        findings += found
    else:
        why = Text("模型没有采用网络部分", "the model has no network part")
        findings += [
            Finding(name, rule, why, Outcome.UNKNOWN) for name, rule in network_rules(criteria).items()
        ]
    return Section("latent_truth", _DEFAULT_NAME, _QUESTION, tuple(findings), tuple(tables))


def _true_pds(test: Part, rows: tuple[tuple[Cell, ...], ...]) -> Table:
    known = rows[0][1]
    return Table(
        "true_pd",
        Text("真实违约概率", "True PDs"),
        Text(
            f"测试样本 {test.frame.height} 行中 {known} 行有真相。违约本身带有偶然，所以真实 PD 的 AUC 也不是 1；平均而言没有模型能超过它。"
            "已停止还款而未满 90 天者真实 PD 为 1，另列去掉他们的一行。",
            f"{known} of {test.frame.height} test rows have a truth. Who defaults is partly chance, so the AUC of the true PD is not 1 "
            "either; on average no model surpasses it. Who has stopped paying but is not yet 90 days late has a true PD of 1; the "
            "second row leaves them out.",
        ),
        _TRUTH_COLUMNS,
        rows,
    )


def _joined(part: Part, hazard: pl.DataFrame) -> tuple[Part, pl.DataFrame] | None:
    """Return the rows whose truth is known, with it in their order."""
    place = part.frame.select("party_id", "as_of").with_row_index("row")
    facts = place.join(
        hazard, left_on=["party_id", "as_of"], right_on=["party_id", "month"], maintain_order="left"
    )
    if facts.is_empty():
        return None
    chosen = np.zeros(part.frame.height, dtype=np.bool_)
    chosen[facts["row"].to_numpy()] = True
    return part.rows(chosen), facts  # fmt: skip


def _against(name: Text, part: Part, true_pd: Floats, seed: int) -> tuple[Cell, ...]:
    rates = (float(part.pd.mean()), float(true_pd.mean()), float(part.y.mean()))
    rank = float(spearmanr(part.pd, true_pd).statistic)
    if len(np.unique(part.y)) < 2:  # noqa: PLR2004 - a label has two values
        return (name, part.frame.height, None, None, rank, *rates)
    model, true = (
        evaluate(part.y, p, seed=seed, groups=part.groups, resamples=_RESAMPLES)["auc"]
        for p in (part.pd, true_pd)
    )
    return (name, part.frame.height, model, true, rank, *rates)  # fmt: skip


def _follows(part: Part, true_pd: Floats) -> Finding:
    """Test on one row a party, so that rows are independent; the interval is Fisher's of the rank correlation."""
    first = (
        part.frame.select(pl.col("as_of") == pl.col("as_of").min().over("party_id")).to_series().to_numpy()
    )
    count = int(first.sum())
    rule = _OWN_RULES["follows_true_pd"]
    rank = float(spearmanr(part.pd[first], true_pd[first]).statistic)
    if count < _LEAST or not np.isfinite(rank):
        why = Text("有真相的主体太少", "too few parties have a truth")
        return Finding("follows_true_pd", rule, why, Outcome.UNKNOWN)
    # 1.06 is the variance of Fisher's z for rank correlations (Fieller, Hartley and Pearson 1957)
    half = 1.96 * np.sqrt(1.06 / (count - 3))
    low, high = np.tanh([np.arctanh(min(rank, 1 - 1e-12)) - half, np.arctanh(min(rank, 1 - 1e-12)) + half])
    shown = f"{rank:.3f} [{low:.3f}, {high:.3f}]"
    return Finding(
        "follows_true_pd",
        rule,
        Text(f"{shown}（每主体一行，{count} 个主体）", f"{shown} (one row a party, {count} parties)"),
        Outcome.MET if low > 0 else Outcome.NOT_MET,
    )  # fmt: skip
