"""Does the network part see contagion where the truth says it is, and keep silent where it is not?"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import expit

from experiments.metrics import Interval, evaluate
from experiments.validation_report.clustered import mean_interval
from experiments.validation_report.content import Cell, Column, Finding, Form, Outcome, Table, Text
from experiments.validation_report.criteria import Criteria
from experiments.validation_report.judged import Part

__all__ = ["network_rules", "network_truth"]

Floats = NDArray[np.float64]

_CHANCE: Final = 0.5
_RESAMPLES: Final = 300
_LEAST: Final = 5  # parties of a cause, below which no AUC and no difference is given
_PULL: Final = 0.001  # a month; less is what is left of a blow years ago
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


def network_rules(criteria: Criteria) -> dict[str, Text]:
    """Return the criteria of the network part by name, to print them where they cannot be judged too."""
    return {
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


def network_truth(
    part: Part, facts: pl.DataFrame, defaults: pl.DataFrame, criteria: Criteria, *, seed: int
) -> tuple[Sequence[Table], Sequence[Finding]]:
    """Judge the network effect of rows by the causes of their defaults and by the true pull on their date.

    facts holds hazard_contagion of each row, defaults [party_id, cause] of the parties that default.
    """
    causes, pull = _causes(part, defaults, seed), _pull(part, facts, seed)
    findings = (
        _finds(causes, criteria),
        _more_than_own(part, defaults, criteria, seed),
        _near_zero(pull, criteria),
    )
    return (causes, pull), findings


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
    found, rule = causes.rows[0][-1], network_rules(criteria)["finds_contagion"]
    if not isinstance(found, Interval):
        why = Text("测试样本中受传染违约的主体太少", "too few parties default by contagion in the test rows")
        return Finding("finds_contagion", rule, why, Outcome.UNKNOWN)
    shown = f"AUC {found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"
    return Finding(
        "finds_contagion", rule, Text(shown, shown), Outcome.MET if found.low > _CHANCE else Outcome.NOT_MET
    )  # fmt: skip


def _more_than_own(part: Part, defaults: pl.DataFrame, criteria: Criteria, seed: int) -> Finding:
    """Bootstrap the difference of the two means: parties of each cause are drawn by themselves."""
    cause, effect = _cause_of(part, defaults), part.log_odds - part.own_log_odds
    rule = network_rules(criteria)["contagion_more_than_own"]
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
    found, rule = pull.rows[0][-1], network_rules(criteria)["silent_without_contagion"]
    if not isinstance(found, float):
        why = Text("没有不受传染的观察", "no row is without contagion")
        return Finding("silent_without_contagion", rule, why, Outcome.UNKNOWN)
    return Finding(
        "silent_without_contagion",
        rule,
        Text(f"{found:.3f}", f"{found:.3f}"),
        Outcome.MET if found <= criteria.near_zero else Outcome.NOT_MET,
    )
