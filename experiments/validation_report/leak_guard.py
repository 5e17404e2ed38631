"""Does a feature know the outcome? Signs in the values themselves, of every feature the model was learnt from."""

from typing import Final

import numpy as np
import polars as pl
from scipy.stats import spearmanr

from experiments.validation_report.content import Cell, Column, Finding, Form, Outcome, Section, Table, Text
from experiments.validation_report.criteria import Criteria
from experiments.validation_report.judged import Judged, Part
from features.cards.card import Card
from features.cards.read import LABEL, PARTITION, PARTY, ROW, TIME, CardTables
from features.catalogue import Unit, catalogue
from features.leaks import Finding as Suspect
from features.leaks import Sign, SignKind, Verdict, look_for_leaks

__all__ = ["leak_guard"]

_LEAST_DATED: Final = 30
_SHOWN: Final = 10
_LOOK_AHEAD_TEST: Final = "tests/features/credit/test_look_ahead.py"

_SIGN_COLUMNS: Final = (
    Column("feature", Text("特征", "feature")),
    Column("verdict", Text("结论", "verdict")),
    Column("signs", Text("迹象", "signs")),
)
_DATE_COLUMNS: Final = (
    Column("feature", Text("特征", "feature")),
    Column(
        "rank_correlation", Text("与距违约天数的秩相关", "rank correlation with days to default"), Form.FIGURE
    ),
)
_VERDICTS: Final = {
    Verdict.EXCLUDED: Text("确凿", "certain"),
    Verdict.WARNED: Text("提示", "a warning"),
    Verdict.ALLOWED: Text("允许", "allowed"),
}


def leak_guard(judged: Judged, criteria: Criteria) -> Section:
    """Look at every feature's values against the label (learnt rows; the test months for what fades) and its date."""
    found = _looked(judged)
    dated = _dated(judged.past, judged.features)
    certain = [suspect.column for suspect in found if suspect.verdict is Verdict.EXCLUDED]
    signs = Table(
        "leak_signs",
        Text("泄漏迹象", "Signs of a leak"),
        Text(
            "与任意表路径相同的检查（见 docs/cards.md）：单独一列的 AUC 过高、只有一类才有的取值、由结果倒推的时长、"
            "后期减弱的关系、可疑的名称。"
            "由结果倒推只查以月计的特征：面板取自月末，以天计的时长本来就只有少数取值。空表即没有可疑特征。",
            "The guard of the any-table path (docs/cards.md): a column that alone ranks too well, values only one class has, "
            "durations counted back from the outcome, relations that fade later, suspect names. Counting back is looked for in "
            "features in months only: at month-ends a duration in days takes few values anyway. An empty table: no suspect.",
        ),
        _SIGN_COLUMNS,
        tuple(_sign_row(suspect) for suspect in found),
    )
    tables = (signs, dated) if dated is not None else (signs,)
    return Section(
        "leaks",
        Text("泄漏检查", "Leak guard"),
        Text("有没有特征在决策时其实还不可能知道？", "Does any feature tell what could not be known at the decision?"),
        (_no_certain(certain), _no_date(dated, criteria)),
        tables,
        notes=(
            Text(
                f"“观察日之后才得知的一切都打乱，特征一个值也不许变”由测试 {_LOOK_AHEAD_TEST} 在每次提交时检验；本报告只引用，不重复。",
                "That no feature value changes when all that became known after the date is randomised is tested at every "
                f"commit by {_LOOK_AHEAD_TEST}; this report refers to it and does not repeat it.",
            ),
        ),
    )  # fmt: skip


def _looked(judged: Judged) -> list[Suspect]:
    """Return what the guard of cards finds on the panel, without the sign that month-ends set off by themselves."""
    kept = ("party_id", "as_of", "label", *judged.features)
    parts = [part.frame.select(kept) for part in (judged.past, judged.test)]
    main = (
        pl.concat(parts, how="vertical_relaxed")
        .with_row_index(ROW)
        .with_columns(
            pl.col("party_id").alias(PARTY),
            pl.lit("").alias(PARTITION),
            pl.col("as_of").alias(TIME),
            pl.col("label").cast(pl.Float64).alias(LABEL),
        )
    )
    card = Card.model_validate(
        {"main": {"path": "panel", "id": "party_id", "label": "label", "time": "as_of"}}
    )
    train = pl.Series([True] * parts[0].height + [False] * parts[1].height)
    found = look_for_leaks(card, CardTables(main, {}, {}, {}, "party_id"), train, ~train)
    in_months = {item.name for item in catalogue() if item.unit is Unit.MONTHS}
    left = (_without_calendar(finding, in_months) for finding in found.findings)
    return [suspect for suspect in left if suspect is not None]


def _without_calendar(suspect: Suspect, in_months: set[str]) -> Suspect | None:
    """Drop the imprint of the calendar, and the name that only counted beside it, from a feature not in months."""
    kinds = {sign.kind for sign in suspect.signs}
    if SignKind.CALENDAR not in kinds or suspect.column in in_months:
        return suspect
    rest = tuple(s for s in suspect.signs if s.kind not in (SignKind.CALENDAR, SignKind.NAME))
    if not rest:
        return None
    return Suspect(suspect.table, suspect.column, _verdict(rest), rest)


def _verdict(signs: tuple[Sign, ...]) -> Verdict:
    """Return the guard's verdict on what is left: one weaker sign is a warning."""
    weaker = {SignKind.STANDS_OUT, SignKind.FADES}
    return Verdict.WARNED if len(signs) == 1 and signs[0].kind in weaker else Verdict.EXCLUDED


def _sign_row(suspect: Suspect) -> tuple[Cell, ...]:
    zh, en = "；".join(s.zh for s in suspect.signs), "; ".join(s.en for s in suspect.signs)
    return (suspect.column, _VERDICTS[suspect.verdict], Text(zh, en))


def _dated(past: Part, features: tuple[str, ...]) -> Table | None:
    """Return how each feature of the defaulted ranks with the days left to the default; None where that is untold."""
    if "default_on" not in past.frame.columns:
        return None
    rows = past.frame.filter((pl.col("label") == 1) & pl.col("default_on").is_not_null())
    if rows.height < _LEAST_DATED:
        return None
    days = (rows["default_on"] - rows["as_of"]).dt.total_days().to_numpy()
    found: list[tuple[Cell, ...]] = []
    for name in features:
        values = rows[name].cast(pl.Float64).to_numpy()
        known = np.isfinite(values)
        if (
            known.sum() >= _LEAST_DATED
            and len(np.unique(values[known])) > 1
            and len(np.unique(days[known])) > 1
        ):
            found.append((name, float(spearmanr(values[known], days[known]).statistic)))
    found.sort(key=lambda row: -abs(float(str(row[1]))))
    return Table(
        "days_to_default",
        Text("特征与距违约天数", "Features and the days left to the default"),
        Text(
            f"只看后来违约的观察（{rows.height} 行）。特征随违约临近而变是应有之义；几乎由违约日期决定（|秩相关| 接近 "
            "1）则说明它是从违约日期算出来的。",
            f"Among the {rows.height} observations that end in default. That a feature moves as the default draws near is as it "
            "should be; one that the date all but determines (|rank correlation| near 1) was made with the date in hand.",
        ),
        _DATE_COLUMNS,
        tuple(found),
        _SHOWN,
    )  # fmt: skip


def _no_certain(certain: list[str]) -> Finding:
    return Finding(
        "no_certain_leak",
        Text("没有特征带有确凿的泄漏迹象", "no feature shows a certain sign of a leak"),
        Text(
            f"{len(certain)} 个" + (f"：{', '.join(certain)}" if certain else ""),
            f"{len(certain)} found" + (f": {', '.join(certain)}" if certain else ""),
        ),
        Outcome.NOT_MET if certain else Outcome.MET,
    )


def _no_date(dated: Table | None, criteria: Criteria) -> Finding:
    rule = Text(
        f"没有特征与距违约天数的 |秩相关| 达到 {criteria.date_rank:g}",
        f"no feature's |rank correlation| with the days to default reaches {criteria.date_rank:g}",
    )
    if dated is None or not dated.rows:
        why = Text(
            "样本没有违约日期（default_on），或违约观察太少",
            "the panel tells no default_on, or too few defaults",
        )
        return Finding("no_feature_of_the_date", rule, why, Outcome.UNKNOWN)
    name, value = dated.rows[0]
    found = f"{name}: {float(str(value)):.3f}"
    met = abs(float(str(value))) < criteria.date_rank
    return Finding(
        "no_feature_of_the_date",
        rule,
        Text(f"最大 {found}", f"largest {found}"),
        Outcome.MET if met else Outcome.NOT_MET,
    )
