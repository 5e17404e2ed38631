"""Against what really drove the defaults, where that is known (the sample group): true PDs, and who pulled whom down."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import spearmanr

from experiments.metrics import Interval, evaluate
from experiments.validation_report.clustered import mean_interval
from experiments.validation_report.content import Cell, Column, Finding, Form, Outcome, Section, Table, Text
from experiments.validation_report.criteria import Criteria
from experiments.validation_report.judged import Judged, Part
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
_PULL: Final = 0.001  # a month; less is what is left of a blow years ago
_DEFAULT_NAME: Final = Text("与潜在真相对照", "Against the latent truth")
_QUESTION: Final = Text(
    "样例集团的真实违约概率与违约原因是已知的：模型学到的是它们吗？",
    "The sample group's true PDs and causes of default are known: are they what the model has learnt?",
)

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
_CAUSE_COLUMNS: Final = (
    Column("cause", Text("观察", "rows")),
    Column("rows", Text("行数", "number"), Form.COUNT),
    Column("parties", Text("主体", "parties"), Form.COUNT),
    Column("mean_effect", Text("平均网络影响（对数几率）", "mean network effect (log-odds)"), Form.FIGURE),
    Column(
        "auc", Text("网络影响区分其与未违约者的 AUC", "AUC of the effect against no default"), Form.FIGURE
    ),
)
_PULL_COLUMNS: Final = (
    Column("pull", Text("观察日的真实传染", "true contagion on the date")),
    Column("rows", Text("行数", "number"), Form.COUNT),
    Column("mean_effect", Text("平均网络影响", "mean network effect"), Form.FIGURE),
    Column("median_size", Text("绝对值中位数", "median absolute effect"), Form.FIGURE),
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
        return Section("latent_truth", _DEFAULT_NAME, _QUESTION, tuple(
            Finding(name, rule, why, Outcome.UNKNOWN) for name, rule in _rules(criteria).items()))  # fmt: skip
    part, facts = known
    true_pd = facts["pd_12m"].cast(pl.Float64).to_numpy()
    alive = ~facts["stopped_paying"].to_numpy()
    everything = _against(Text("全部", "all"), part, true_pd, seed)
    paying = _against(Text("尚未停止还款", "not yet stopped paying"), part.rows(alive), true_pd[alive], seed)
    table = Table(
        "true_pd",
        Text("真实违约概率", "True PDs"),
        Text(
            f"测试样本 {test.frame.height} 行中 {part.frame.height} 行有真相。真实 PD 的 AUC 是任何模型能达到的上限："
            "违约本身带有偶然。已停止还款而未满 90 天者"
            "真实 PD 为 1，另列去掉他们的一行。",
            f"{part.frame.height} of {test.frame.height} test rows have a truth. The AUC of the true PD is what no model can "
            "surpass, as who defaults is partly chance. Who has stopped paying but is not yet 90 days late has a true PD of 1; "
            "the second row leaves them out.",
        ),
        _TRUTH_COLUMNS,
        (everything, paying),
    )
    tables = [table]
    findings = [_follows(part, true_pd, criteria, seed)]
    if judged.has_network:
        causes, pull = _causes(part, truth.defaults, seed), _pull(part, facts, seed)
        tables += [causes, pull]
        findings += [
            _finds(causes, criteria),
            _more_than_own(part, truth.defaults, criteria, seed),
            _near_zero(pull, criteria),
        ]
    else:
        why = Text("模型没有采用网络部分", "the model has no network part")
        rules = _rules(criteria)
        findings += [Finding(name, rules[name], why, Outcome.UNKNOWN) for name in list(rules)[1:]]
    return Section("latent_truth", _DEFAULT_NAME, _QUESTION, tuple(findings), tuple(tables))  # fmt: skip


def _rules(criteria: Criteria) -> dict[str, Text]:
    return {
        "follows_true_pd": Text(
            "PD 与真实 PD 的秩相关大于零（95 % 区间，按主体）",
            "the rank correlation of PD and true PD is above zero (95 % interval, by party)",
        ),
        "finds_contagion": Text(
            "网络影响能把受传染违约者排在未违约者之前（AUC 的 95 % 区间在 0.5 之上）",
            "the network effect ranks those who default by contagion before those who do not (95 % interval of the AUC above 0.5)",
        ),
        "contagion_more_than_own": Text(
            "受传染违约者的平均网络影响大于自身原因违约者（差的 95 % 区间在零之上）",
            "the mean network effect of contagion's defaults exceeds that of own ones (95 % interval of the difference above zero)",
        ),
        "silent_without_contagion": Text(
            f"没有真实传染时，网络影响的绝对值中位数不超过 {criteria.near_zero:g} 对数几率",
            f"where there is no true contagion the median absolute network effect is at most {criteria.near_zero:g} log-odds",
        ),
    }


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


def _follows(part: Part, true_pd: Floats, criteria: Criteria, seed: int) -> Finding:
    """Test on one row a party, so that rows are independent; the interval is Fisher's of the rank correlation."""
    first = (
        part.frame.select(pl.col("as_of") == pl.col("as_of").min().over("party_id")).to_series().to_numpy()
    )
    count = int(first.sum())
    rule = _rules(criteria)["follows_true_pd"]
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


def _cause_of(part: Part, defaults: pl.DataFrame) -> NDArray[np.str_]:
    """Return own, contagion or none of each row: none where no default followed, unknown where the truth lacks it."""
    causes = part.frame.select("party_id").join(
        defaults.select("party_id", pl.col("cause").alias("true_cause")).unique("party_id"),
        on="party_id", how="left", maintain_order="left",
    )["true_cause"].fill_null("unknown")  # fmt: skip
    return np.where(part.y > 0, causes.to_numpy().astype(str), "none")


def _causes(part: Part, defaults: pl.DataFrame, seed: int) -> Table:
    cause, effect = _cause_of(part, defaults), part.log_odds - part.own_log_odds
    names = {
        "contagion": Text("受传染违约", "default by contagion"),
        "own": Text("自身原因违约", "default of own cause"),
        "none": Text("未违约", "no default"),
    }
    rows: list[tuple[Cell, ...]] = []
    for code, name in names.items():
        chosen = cause == code
        some = part.rows(chosen)
        count = (int(chosen.sum()), some.parties)
        mean = mean_interval(effect[chosen], some.groups, seed=seed) if chosen.any() else None
        ranked = None
        if code != "none" and some.parties >= _LEAST:
            both = chosen | (cause == "none")
            of = part.rows(both)
            ranked = _effect_auc(effect[both], chosen[both].astype(np.float64), of, seed)
        rows.append((name, *count, mean, ranked))
    return Table(
        "network_by_cause",
        Text("网络影响与违约原因", "Network effect by cause of default"),
        Text(
            "网络影响 = 集团口径对数几率 − 自有对数几率。若网络部分确实看见传染，它应抬高受传染违约者，而不抬高自身原因违约者。"
            f"主体不足 {_LEAST} 个时不给 AUC。",
            "Network effect = log-odds with the network − own log-odds. If the network part sees contagion it lifts those who "
            f"default by it and not those who default by themselves. No AUC below {_LEAST} parties.",
        ),
        _CAUSE_COLUMNS,
        tuple(rows),
    )


def _effect_auc(effect: Floats, hit: Floats, part: Part, seed: int) -> Interval:
    """Return the AUC of the effect with its cluster-bootstrap interval; the map to (0, 1) keeps order and ties."""
    return evaluate(hit, expit(effect), seed=seed, groups=part.groups, resamples=_RESAMPLES)["auc"]


def _pull(part: Part, facts: pl.DataFrame, seed: int) -> Table:
    effect, pull = part.log_odds - part.own_log_odds, facts["hazard_contagion"].to_numpy()
    rows: list[tuple[Cell, ...]] = []
    for name, chosen in (
        (Text("没有", "none"), pull < _PULL),
        (Text("有", "some"), pull >= _PULL),
    ):
        if chosen.any():
            mean = mean_interval(effect[chosen], part.rows(chosen).groups, seed=seed)
            rows.append((name, int(chosen.sum()), mean, float(np.median(np.abs(effect[chosen])))))
        else:
            rows.append((name, 0, None, None))
    return Table(
        "network_by_pull",
        Text("网络影响与真实传染", "Network effect by true contagion"),
        Text(
            "真实传染：观察日有违约关联方在拖累（潜在过程的传染风险每月不低于 0.1 %），不论它后来是否违约。"
            "没有传染的地方，网络部分应当近乎沉默。",
            "True contagion: on the date a defaulted link is pulling (contagion's true hazard is at least 0.1 % a "
            "month), whether or not a default "
            "follows. Where there is none the network part should be all but silent.",
        ),
        _PULL_COLUMNS,
        tuple(rows),
    )


def _finds(causes: Table, criteria: Criteria) -> Finding:
    found, rule = causes.rows[0][-1], _rules(criteria)["finds_contagion"]
    if not isinstance(found, Interval):
        why = Text("测试样本中受传染违约的主体太少", "too few parties default by contagion in the test rows")
        return Finding("finds_contagion", rule, why, Outcome.UNKNOWN)
    shown = f"AUC {found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"
    return Finding(
        "finds_contagion", rule, Text(shown, shown), Outcome.MET if found.low > 0.5 else Outcome.NOT_MET  # noqa: PLR2004 - chance
    )  # fmt: skip


def _more_than_own(part: Part, defaults: pl.DataFrame, criteria: Criteria, seed: int) -> Finding:
    """Bootstrap the difference of the two means: parties of each cause are drawn by themselves."""
    cause, effect = _cause_of(part, defaults), part.log_odds - part.own_log_odds
    rule = _rules(criteria)["contagion_more_than_own"]
    of = {code: part.rows(cause == code) for code in ("contagion", "own")}
    if min(some.parties for some in of.values()) < _LEAST:
        why = Text("某一类违约的主体太少", "too few parties of one of the causes")
        return Finding("contagion_more_than_own", rule, why, Outcome.UNKNOWN)
    means = [
        _party_means(effect[cause == code], some.groups, np.random.default_rng([seed, place]))
        for place, (code, some) in enumerate(of.items())
    ]
    low, high = np.quantile(means[0] - means[1], [0.025, 0.975])
    value = float(effect[cause == "contagion"].mean() - effect[cause == "own"].mean())
    shown = f"{value:+.3f} [{low:+.3f}, {high:+.3f}]"
    return Finding(
        "contagion_more_than_own", rule, Text(shown, shown), Outcome.MET if low > 0 else Outcome.NOT_MET
    )


def _party_means(values: Floats, groups: NDArray[np.int64], rng: np.random.Generator) -> Floats:
    member = np.unique(groups, return_inverse=True)[1]
    sums, sizes = np.bincount(member, values), np.bincount(member)
    drawn = rng.integers(0, len(sums), (_RESAMPLES, len(sums)))
    return np.asarray(sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1), dtype=np.float64)


def _near_zero(pull: Table, criteria: Criteria) -> Finding:
    found, rule = pull.rows[0][-1], _rules(criteria)["silent_without_contagion"]
    if not isinstance(found, float):
        why = Text("没有不受传染的观察", "no row is without contagion")
        return Finding("silent_without_contagion", rule, why, Outcome.UNKNOWN)
    return Finding(
        "silent_without_contagion",
        rule,
        Text(f"{found:.3f}", f"{found:.3f}"),
        Outcome.MET if found <= criteria.near_zero else Outcome.NOT_MET,
    )
