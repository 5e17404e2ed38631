"""Which features have moved since the model was learnt, by month, seasons told apart from shifts?"""

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from experiments.validation_report.content import (
    Cell,
    Column,
    Finding,
    Form,
    Outcome,
    Plot,
    Table,
    Text,
)
from experiments.validation_report.criteria import Criteria
from experiments.validation_report.drawings import heat
from experiments.validation_report.judged import Judged, Part
from experiments.validation_report.stability import Bins, stability_index

__all__ = ["FeatureDrift", "feature_drift"]

Floats = NDArray[np.float64]

_SHOWN: Final = 20
_NAMED: Final = 8

_COLUMNS: Final = (
    Column("feature", Text("特征", "feature")),
    Column("largest", Text("最大 CSI", "largest CSI"), Form.FIGURE),
    Column("month", Text("出现月末", "at month-end")),
    Column("against_whole", Text("与整个学习期相比", "whole learning period"), Form.FIGURE),
    Column("against_same_months", Text("与相同月份相比", "same calendar months"), Form.FIGURE),
    Column("missing_before", Text("学习期缺失", "missing before"), Form.SHARE),
    Column("missing_last", Text("最近月末缺失", "missing at the last"), Form.SHARE),
)
_MONTH_COLUMNS: Final = (
    Column("feature", Text("特征", "feature")),
    Column("month", Text("月末", "month-end")),
    Column("against_whole", Text("与整个学习期相比", "whole learning period"), Form.FIGURE),
    Column("against_same_months", Text("与相同月份相比", "same calendar months"), Form.FIGURE),
)


@dataclass(frozen=True)
class FeatureDrift:
    """The finding, its tables (the second, of every feature and month, is for the JSON) and its plot."""

    finding: Finding
    tables: tuple[Table, Table]
    plot: Plot


def feature_drift(judged: Judged, criteria: Criteria) -> FeatureDrift:
    """Compute the CSI of every feature at every later month-end, on bins of the learning period."""
    later = judged.later
    days = [day for day, _ in later]
    whole, season = _indices(judged)
    moved = np.minimum(whole, season)
    worst, at = moved.max(axis=1), moved.argmax(axis=1)
    order = np.argsort(-worst, kind="stable")
    rows: list[tuple[Cell, ...]] = [
        (
            judged.features[i],
            float(worst[i]),
            str(days[int(at[i])]),
            float(whole[i, at[i]]),
            float(season[i, at[i]]),
            _missing(judged.past, judged.features[i]),
            _missing(later[-1][1], judged.features[i]),
        )
        for i in order.tolist()
    ]
    table = _table(tuple(rows))
    every = tuple(
        (judged.features[i], str(day), float(whole[i, j]), float(season[i, j]))
        for i in order.tolist()
        for j, day in enumerate(days)
    )
    by_month = Table(
        "feature_csi_by_month",
        Text("各特征逐月的 CSI", "CSI of each feature by month"),
        table.meaning,
        _MONTH_COLUMNS,
        every,
        shown=0,
    )
    top = order[:_SHOWN]
    names = [judged.features[i] for i in top.tolist()]
    svg = heat(names, days, moved[top], label="CSI", top=2 * criteria.psi_shift)
    return FeatureDrift(_finding(rows, criteria), (table, by_month), Plot(table.title, table.meaning, svg))


def _indices(judged: Judged) -> tuple[Floats, Floats]:
    """Return the CSI (features, later months) against the whole learning period, and against its same calendar months."""
    later = judged.later
    whole = np.zeros((len(judged.features), len(later)))
    season = np.zeros_like(whole)
    month_of = judged.past.frame["as_of"].dt.month().to_numpy()
    for i, name in enumerate(judged.features):
        before = _values(judged.past, name)
        bins = Bins.of(before)
        for j, (day, part) in enumerate(later):
            values = _values(part, name)
            whole[i, j] = stability_index(before, values, bins)
            season[i, j] = stability_index(_same_season(before, month_of, day), values, bins)
    return whole, season


def _same_season(before: Floats, month_of: NDArray[np.int8], day: date) -> Floats:
    """Return the values of the same calendar month, all of them where the learning period has none such."""
    same = before[month_of == day.month]
    return same if len(same) else before


def _values(part: Part, name: str) -> Floats:
    values = part.frame[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return np.where(np.isfinite(values), values, np.nan)


def _missing(part: Part, name: str) -> float:
    return float(np.isnan(_values(part, name)).mean())


def _table(rows: tuple[tuple[Cell, ...], ...]) -> Table:
    return Table(
        "feature_csi",
        Text(
            f"各特征的 CSI（共 {len(rows)} 个，列出最大的 {_SHOWN} 个）",
            f"CSI of each feature ({len(rows)}; the {_SHOWN} largest)",
        ),
        Text(
            "与 PSI 同样的算法，逐特征、逐月计算；缺失自成一箱，数据源断供会先在这里显现。年报等特征随季节起落，"
            "所以每月比两次：与整个学习期、与学习期内的相同月份，取较小者；两次都变了才算变。全部特征与月份见 JSON。",
            "The same index feature by feature and month by month; missing is a bin of its own, so a source that dries up "
            "shows here first. Features of annual reports rise and fall with the season, so each month is held against the "
            "whole learning period and against its same calendar months, and the smaller index counts: what moved, moved "
            "against both. The JSON holds every feature and month.",
        ),
        _COLUMNS,
        rows,
        _SHOWN,
    )


def _finding(rows: list[tuple[Cell, ...]], criteria: Criteria) -> Finding:
    values = [(str(row[0]), float(str(row[1]))) for row in rows]
    moved = [f"{name} {value:.2f}" for name, value in values if value >= criteria.psi_shift]
    watched = sum(criteria.psi_watch <= value < criteria.psi_shift for _, value in values)
    more = "…" if len(moved) > _NAMED else ""
    listed = ", ".join(moved[:_NAMED]) + more
    return Finding(
        "feature_csi",
        Text(
            f"每个特征的 CSI 各月都低于 {criteria.psi_shift:g}（惯例；扣除季节）",
            f"every feature's CSI, seasons allowed for, stays below {criteria.psi_shift:g} in every month (convention)",
        ),
        Text(
            f"{len(values)} 个特征中 {len(moved)} 个达到，{watched} 个在留意线以上" + (f"：{listed}" if moved else ""),
            f"{len(moved)} of {len(values)} features reach it, {watched} more the mark to watch"
            + (f": {listed}" if moved else ""),
        ),
        Outcome.NOT_MET if moved else Outcome.MET,
    )  # fmt: skip
