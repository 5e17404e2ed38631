"""What each series may be in each week: quantiles by level, and the values between and beyond them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from statistics import NormalDist
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.demand.series import FloatArray
from models.errors import ShortfallError
from models.quantile_columns import quantile_columns

__all__ = ["CELLS", "REACH", "Marginals", "lookup_tables", "marginals_of_frame", "normal_quantile"]

CELLS: Final = 1024
"""Cells of a look-up table over the normal scale."""
REACH: Final = 4.0
"""Standard deviations on either side that a table covers; one draw in 16,000 lies beyond and takes the last cell."""

_STEEPEST, _FLATTEST = 2.0, 0.5  # slope beyond the outermost level, in units of the slope of that whole side
_LEAST_LEVELS: Final = 2


@dataclass(frozen=True, eq=False)
class Marginals:
    """Quantiles of n series in w weeks at q rising levels: values (n, w, q), in the unit of the series."""

    ids: tuple[str, ...]
    weeks: tuple[date, ...]
    levels: tuple[float, ...]
    values: FloatArray
    non_negative: bool = True

    def __post_init__(self) -> None:
        _check(self)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def median(self) -> FloatArray:
        """Return the value at level 0.5, (n, w)."""
        return self.at([0.5])[:, :, 0]

    def at(self, levels: Sequence[float]) -> FloatArray:
        """Return the values at other levels, (n, w, len(levels)); see `lookup_tables` for what lies between."""
        return self.at_scores(normal_quantile(np.asarray(levels, dtype=np.float64)))

    def at_scores(self, scores: FloatArray) -> FloatArray:
        """Return the values at standard normal scores, (n, w, len(scores))."""
        weights = _weights(normal_quantile(np.asarray(self.levels)), scores)
        made: FloatArray = _with_slopes(self) @ weights
        return np.maximum(made, 0.0) if self.non_negative else made

    def take(self, ids: Sequence[str]) -> "Marginals":
        """Return some of the series, in this order."""
        place = {one: row for row, one in enumerate(self.ids)}
        rows = [place[one] for one in ids]
        return replace(self, ids=tuple(ids), values=self.values[rows])

    def scaled(self, factor: float | FloatArray) -> "Marginals":
        """Return the marginals times a factor; an array (n,) or (n, w) holds one a series or a week."""
        by = np.asarray(factor, dtype=np.float64)
        spread = by.reshape(*by.shape, *[1] * (3 - by.ndim)) if by.ndim else by
        return replace(self, values=self.values * spread)


def normal_quantile(levels: FloatArray) -> FloatArray:
    """Return the standard normal quantile of a few probabilities, (k,)."""
    normal = NormalDist()
    return np.array([normal.inv_cdf(float(one)) for one in levels], dtype=np.float64)


def lookup_tables(marginals: Marginals) -> NDArray[np.float32]:
    """Return each series' values on an even grid of the normal scale, (n, w, CELLS), float32.

    Between two levels a value is linear in the standard normal score, so a normal distribution is met exactly. Beyond
    the outermost level it goes on as steeply as between the last two, but neither flatter than half nor steeper than
    twice the mean slope from the median to that level: a tail that no level describes is not made up. Values of
    non-negative series stop at 0.
    """
    grid = np.linspace(-REACH, REACH, CELLS, endpoint=False) + REACH / CELLS
    weights = _weights(normal_quantile(np.asarray(marginals.levels)), grid).astype(np.float32)
    tables: NDArray[np.float32] = np.matmul(_with_slopes(marginals).astype(np.float32), weights)
    if marginals.non_negative:
        np.maximum(tables, 0, out=tables)
    return tables


def marginals_of_frame(frame: pl.DataFrame, key: str, *, non_negative: bool = True) -> Marginals:
    """Read rows of `key`, `week`, `q10` ... `q90` (percent) of a published run, one row a series and week.

    Quantiles that cross by rounding are sorted. Raises ShortfallError naming the series for a missing week, a week
    given twice or a value that is missing.
    """
    columns = quantile_columns(frame)
    missing = [one for one in (key, "week") if one not in frame.columns]
    if missing or len(columns) < _LEAST_LEVELS:
        raise ShortfallError(
            zh=f"分位数表缺少列：{', '.join(missing) or 'q10、q90 等分位数列'}。请提供 {key}、week 与至少两个分位数列。",
            en=f"The table of quantiles lacks {', '.join(missing) or 'columns such as q10 and q90'}. "
            f"Give {key}, week and two or more quantile columns.",
        )
    ordered = frame.sort(key, "week")
    ids, weeks = ordered[key].unique().sort().to_list(), ordered["week"].unique().sort().to_list()
    counts = ordered.group_by(key).agg(pl.len().alias("rows"), pl.col("week").n_unique().alias("weeks"))
    uneven = (
        counts.filter((pl.col("rows") != len(weeks)) | (pl.col("weeks") != len(weeks)))[key].sort().to_list()
    )
    if uneven:
        raise ShortfallError(
            zh=f"{_shown(uneven)} 的周不齐或重复。每个序列在 {len(weeks)} 周中每周应有一行，请补齐。",
            en=f"{_shown(uneven)}: weeks are missing or given twice. Give one row for each of the {len(weeks)} weeks.",
        )
    values = ordered.select(pl.col(list(columns)).cast(pl.Float64)).to_numpy()
    shaped = np.sort(values.reshape(len(ids), len(weeks), len(columns)), axis=2)
    levels = tuple(columns.values())
    return Marginals(tuple(map(str, ids)), tuple(weeks), levels, shaped, non_negative)


def _weights(have: FloatArray, want: FloatArray) -> FloatArray:
    """Return the weights (q + 2, cells) of the levels' values, and of the slopes below and above them, in each cell."""
    inside = np.clip(want, have[0], have[-1])
    left = np.clip(np.searchsorted(have, inside) - 1, 0, len(have) - 2)
    share = (inside - have[left]) / (have[left + 1] - have[left])
    weights = np.zeros((len(have) + 2, len(want)))
    cells = np.arange(len(want))
    weights[left, cells] = 1 - share
    weights[left + 1, cells] += share
    weights[-2], weights[-1] = np.minimum(want - have[0], 0.0), np.maximum(want - have[-1], 0.0)
    return weights


def _with_slopes(marginals: Marginals) -> FloatArray:
    """Return the values and, behind them, the slopes below and above the outermost levels, (n, w, q + 2)."""
    score, values = normal_quantile(np.asarray(marginals.levels)), marginals.values
    median = (values @ _weights(score, np.zeros(1))[:-2])[:, :, 0]
    slopes = []
    for last, inner in ((0, 1), (-1, -2)):
        reach = abs(score[last])
        side = np.abs(values[:, :, last] - median) / reach if reach > 0 else np.zeros_like(median)
        own = np.abs(values[:, :, last] - values[:, :, inner]) / abs(score[last] - score[inner])
        slopes.append(np.clip(own, _FLATTEST * side, _STEEPEST * side)[:, :, None])
    return np.concatenate([values, *slopes], axis=2)


def _check(marginals: Marginals) -> None:
    levels, values = np.asarray(marginals.levels), marginals.values
    shape = (len(marginals.ids), len(marginals.weeks), len(levels))
    if values.shape != shape or len(levels) < _LEAST_LEVELS or (np.diff(levels) <= 0).any():
        raise ShortfallError(
            zh=f"分位数形状 {values.shape} 与（序列, 周, 水平）{shape} 不符，或水平 {marginals.levels} 不是递增的。请更正。",
            en=f"Quantiles {values.shape} do not fit (series, weeks, levels) {shape}, "
            f"or the levels {marginals.levels} do not rise. Correct them.",
        )
    if levels[0] <= 0 or levels[-1] >= 1:
        raise ShortfallError(
            zh=f"分位水平 {marginals.levels} 须在 0 与 1 之间。",
            en=f"Levels {marginals.levels} must lie between 0 and 1.",
        )
    if len(set(marginals.ids)) < len(marginals.ids):
        raise ShortfallError(
            zh="序列名称重复。每个序列只给一次。", en="A series is given twice. Give each once."
        )
    _check_values(marginals)


def _check_values(marginals: Marginals) -> None:
    values = marginals.values
    wrong = ~np.isfinite(values).all(axis=2) | (np.diff(values, axis=2) < 0).any(axis=2)
    if marginals.non_negative:
        wrong |= values[:, :, -1] < 0
    if wrong.any():
        row, week = np.argwhere(wrong)[0]
        name, when = marginals.ids[row], marginals.weeks[week]
        raise ShortfallError(
            zh=f"“{name}”在 {when} 这一周的分位数缺失、为负或交叉：{values[row, week].tolist()}。请更正。",
            en=f"'{name}' in the week of {when}: quantiles that are missing, negative or crossing: "
            f"{values[row, week].tolist()}. Correct them.",
        )


def _shown(names: Sequence[str], most: int = 5) -> str:
    return ", ".join(map(str, names[:most])) + (" …" if len(names) > most else "")
