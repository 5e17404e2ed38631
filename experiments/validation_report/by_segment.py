"""Does the model work in every part of the book? The same measures within segments that are large enough to say."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from experiments.metrics import Interval, evaluate
from experiments.validation_report.clustered import mean_p_value
from experiments.validation_report.content import Cell, Column, Finding, Form, Outcome, Section, Table, Text
from experiments.validation_report.criteria import Criteria
from experiments.validation_report.judged import Judged, Part
from experiments.validation_report.segments import SEGMENTINGS, UNKNOWN, Segmenting, Tables, memberships

__all__ = ["by_segment"]

_RESAMPLES: Final = 200
_CHANCE: Final = 0.5
_TOO_SMALL: Final = Text("样本太小", "too small")

_SAMPLES: Final = (("test", Text("时间外", "out of time")), ("past", Text("主体外", "out of company")))
_OF_A_SAMPLE: Final = (
    ("parties", Text("主体", "parties"), Form.COUNT),
    ("defaulted", Text("违约主体", "defaulted"), Form.COUNT),
    ("observed", Text("实际", "observed"), Form.SHARE),
    ("mean_pd", Text("平均 PD", "mean PD"), Form.SHARE),
    ("p_value", Text("p 值", "p"), Form.FIGURE),
    ("auc", Text("AUC", "AUC"), Form.FIGURE),
)
_COLUMNS: Final = (
    Column("segment", Text("分段", "segment")),
    *(
        Column(f"{sample}_{key}", head, form, over=name)
        for sample, name in _SAMPLES
        for key, head, form in _OF_A_SAMPLE
    ),
)


@dataclass(frozen=True)
class _Judged:
    """A segment of a sample that is large enough, with its p-value and AUC."""

    name: Text
    p_value: float
    auc: Interval


def by_segment(judged: Judged, tables: Tables, criteria: Criteria, *, seed: int) -> Section:
    """Measure each segment of each segmenting on both samples; what is missing or too small is said, not estimated."""
    made: list[Table] = []
    large: list[_Judged] = []
    lacking: list[tuple[Segmenting, Text]] = []
    for segmenting in SEGMENTINGS:
        found = _segmenting(segmenting, judged, tables, criteria, seed)
        if isinstance(found, Text):
            lacking.append((segmenting, found))
        else:
            made.append(found[0])
            large += found[1]
    return Section(
        "segments",
        Text("分段结果", "By segment"),
        Text(
            "整体的好成绩，是否掩盖了某一部分客户上的失灵？",
            "Does a good figure for the whole hide a part of the book where the model fails?",
        ),
        (_ranks(large, lacking), _level(large, lacking, criteria)),
        tuple(made),
        notes=tuple(_lacks(segmenting, why) for segmenting, why in lacking),
    )


def _segmenting(
    segmenting: Segmenting, judged: Judged, tables: Tables, criteria: Criteria, seed: int
) -> tuple[Table, list[_Judged]] | Text:
    cells: dict[Text, dict[str, tuple[Cell, ...]]] = {}
    large: list[_Judged] = []
    for (sample, name), part in zip(_SAMPLES, (judged.test, judged.past), strict=True):
        found = memberships(segmenting, tables, part.days)
        if isinstance(found, Text):
            return found
        for segment, chosen in _segments(part, found):
            figures = _figures(part.rows(chosen), criteria, seed)
            cells.setdefault(segment, {})[sample] = figures
            p_value, auc = figures[-2:]
            if isinstance(p_value, float) and isinstance(auc, Interval):
                zh, en = segmenting.text
                large.append(
                    _Judged(
                        Text(f"{zh}·{segment.zh}（{name.zh}）", f"{en} {segment.en} ({name.en})"),
                        p_value,
                        auc,
                    )
                )
    order = {name: place for place, name in enumerate(dict.fromkeys(segmenting.names.values()))}
    nothing: tuple[Cell, ...] = (0, 0, None, None, None, _TOO_SMALL)
    rows = [
        (segment, *cells[segment].get("test", nothing), *cells[segment].get("past", nothing))
        for segment in sorted(cells, key=lambda name: order.get(name, len(order)))
    ]
    return _table(segmenting, tuple(rows), criteria), large  # fmt: skip


def _table(segmenting: Segmenting, rows: tuple[tuple[Cell, ...], ...], criteria: Criteria) -> Table:
    several = segmenting.key == "business_line"
    return Table(
        segmenting.key,
        Text(f"按{segmenting.text.zh}", f"By {segmenting.text.en}"),
        Text(
            f"分段按观察日当时所知的表格划分。违约或正常主体不足 {criteria.least_defaulted} 个的分段不给数字；"
            f"p 值检验平均 PD 与实际违约率之差，按主体聚类。"
            + ("一个主体可以同时属于几条业务线。" if several else ""),
            "Segments as the tables told them on the observation date. Segments with fewer than "
            f"{criteria.least_defaulted} parties of either outcome get no figure; p tests the difference of mean PD and observed "
            "rate, clustered by party." + (" A party may stand in several business lines." if several else ""),
        ),
        _COLUMNS,
        rows,
    )  # fmt: skip


def _segments(part: Part, found: pl.DataFrame) -> Sequence[tuple[Text, NDArray[np.bool_]]]:
    """Return each segment with its rows of the part; parties the tables do not know are a segment of their own."""
    place = part.frame.select("party_id", "as_of").with_row_index("row")
    unknown = (pl.col("zh").fill_null(UNKNOWN.zh), pl.col("en").fill_null(UNKNOWN.en))
    joined = place.join(found, on=["party_id", "as_of"], how="left", maintain_order="left").with_columns(
        unknown
    )
    out = []
    for (zh, en), rows in joined.group_by(["zh", "en"], maintain_order=True):
        chosen = np.zeros(part.frame.height, dtype=np.bool_)
        chosen[rows["row"].to_numpy()] = True
        out.append((Text(str(zh), str(en)), chosen))
    return out


def _figures(part: Part, criteria: Criteria, seed: int) -> tuple[Cell, ...]:
    counts = (part.parties, part.defaulted)
    if min(part.defaulted, part.parties - part.defaulted) < criteria.least_defaulted:
        return (*counts, None, None, None, _TOO_SMALL)
    auc = evaluate(part.y, part.pd, groups=part.groups, seed=seed, resamples=_RESAMPLES)["auc"]
    rates = (float(part.y.mean()), float(part.pd.mean()))
    return (*counts, *rates, mean_p_value(part.y - part.pd, part.groups), auc)


Lacking = Sequence[tuple[Segmenting, Text]]


def _ranks(large: Sequence[_Judged], lacking: Lacking) -> Finding:
    failing = [segment.name for segment in large if segment.auc.low <= _CHANCE]
    return Finding(
        "segments_rank",
        Text(
            "在每个足够大的分段里，AUC 的 95 % 区间都在 0.5 之上",
            "in every segment that is large enough the AUC's 95 % interval lies above 0.5",
        ),
        _told(large, failing, lacking),
        _outcome(large, failing, lacking),
    )


def _level(large: Sequence[_Judged], lacking: Lacking, criteria: Criteria) -> Finding:
    limit = criteria.significance / max(1, len(large))
    failing = [segment.name for segment in large if segment.p_value < limit]
    return Finding(
        "segments_level",
        Text(
            f"在每个足够大的分段里，平均 PD 与实际违约率之差可由偶然解释（p ≥ {criteria.significance:g} ÷ 分段数，Bonferroni）",
            "in every segment that is large enough, mean PD and observed rate differ by no more than chance explains "
            f"(p ≥ {criteria.significance:g} ÷ number of segments, Bonferroni)",
        ),
        _told(large, failing, lacking),
        _outcome(large, failing, lacking),
    )


def _told(large: Sequence[_Judged], failing: Sequence[Text], lacking: Lacking) -> Text:
    zh = f"判断了 {len(large)} 个分段，{len(failing)} 个不符"
    en = f"{len(large)} segments judged, {len(failing)} fail"
    if failing:
        zh += "：" + "；".join(name.zh for name in failing)
        en += ": " + "; ".join(name.en for name in failing)
    if lacking:
        zh += "。无法划分：" + "、".join(segmenting.text.zh for segmenting, _ in lacking)
        en += ". Could not be divided by: " + ", ".join(segmenting.text.en for segmenting, _ in lacking)
    return Text(zh, en)


def _outcome(large: Sequence[_Judged], failing: Sequence[Text], lacking: Lacking) -> Outcome:
    """A failure counts whatever is missing; without one, a missing segmenting leaves the question open."""
    if failing:
        return Outcome.NOT_MET
    return Outcome.UNKNOWN if lacking or not large else Outcome.MET


def _lacks(segmenting: Segmenting, why: Text) -> Text:
    return Text(
        f"没有按{segmenting.text.zh}的结果：{why.zh}", f"No results by {segmenting.text.en}: {why.en}"
    )
