"""Dates at which a series changed for good: a step of its level, a turn of its slope, or both."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import polars as pl

from features.timeline import Frequency
from models.demand.analysis.change_pieces import Change
from models.demand.analysis.change_texts import change_text
from models.demand.analysis.long_run import long_run_variance
from models.demand.analysis.robust_fit import robust_fit, robust_scale
from models.demand.analysis.segmentation import PieceSums, best_cut, segment
from models.demand.analysis.spread import EvenScale, evened
from models.demand.series import BoolArray, FloatArray, IntArray, Series

__all__ = ["CHANGE_COLUMNS", "change_points", "penalty_of"]

CHANGE_COLUMNS: Final = (
    "unique_id", "ds", "ds_from", "ds_to", "kind", "level_before", "level_after", "change", "change_percent",
    "slope_before", "slope_after", "confidence", "text_zh", "text_en",
)  # fmt: skip
_NUMBERS: Final = (
    "level_before", "level_after", "change", "change_percent", "slope_before", "slope_after", "confidence",
)  # fmt: skip
_RAW: Final = {
    "unique_id": pl.String, "period": pl.Int64, "first": pl.Int64, "final": pl.Int64, "kind": pl.String,
} | dict.fromkeys(_NUMBERS, pl.Float64)  # fmt: skip
_SHORTEST: Final = {Frequency.HOUR: 48, Frequency.DAY: 28, Frequency.WEEK: 8}
_SHORTEST_ELSE: Final = 6
# a + b ln T + c / T: false alarms measured in docs/demand-analysis.md
_PENALTY: Final = (4.5, 1.2, 40.0)
_CROWDING: Final = 1.5
_MOST_NOISE: Final = 2.0
_TAIL: Final = 2.0  # gains beyond the penalty fall off like exp(-gain / 2), as chi-squared ones do
_DATE_GAIN: Final = 7.35  # 95 % of a change's date by its likelihood ratio, Eo and Morley 2015
_CUT: Final = 4.0  # robust scales from the moving median at which a single value is drawn in
_RATE: Final = 0.05  # chance of a gain beyond the penalty in a series that does not change
_NO_NOISE: Final = 1e-4  # of the largest value: smaller swings are nothing to a planner
_TURNS: Final = 4
_ENTRIES: Final = 2_000_000


def change_points(series: Series, *, calendar: bool = True) -> pl.DataFrame:
    """Find lasting changes of level and slope, one row each (`CHANGE_COLUMNS`), sorted by series and date.

    Season and calendar are taken out first (`robust_fit`), single wild values drawn in; then the cut into straight
    pieces with the least misfit is found exactly. Each cut costs (4.5 + 1.2 ln T + 40 / T) x the long-run variance,
    and more where the season was fitted to few values, so that swings of correlated noise seldom raise an alarm.
    ds: first period of the new regime; ds_from to ds_to: where it may
    lie (95 %); levels: at the change, season taken out, units of y; slopes: units of y a period; confidence: 1 - the
    chance of so large a gain anywhere in a series that does not change. A change nearer than the shortest piece
    (48 hours, 28 days, 8 weeks, else 6 periods) to either end cannot be told yet and is not.
    """
    even, scale = evened(series)
    fit = robust_fit(even, calendar=calendar)
    plain = fit.without(*(name for name in fit.parts if name != "trend"))
    filled = np.where(np.isfinite(plain), plain, fit.parts["trend"])
    seen = np.isfinite(series.y) & series.observed
    shortest = _SHORTEST.get(series.timeline.frequency, _SHORTEST_ELSE)
    lengths = np.where(fit.fitted, series.lengths, 0)
    rows: list[dict[str, object]] = []
    for span in np.unique(lengths[lengths >= 2 * shortest]):
        members = np.flatnonzero(lengths == span)
        step = max(1, _ENTRIES // int(span))
        for start in range(0, len(members), step):
            chosen = members[start : start + step]
            # What the season was fitted with could also draw a step: the fewer values a column had, the more.
            dearer = 1.0 + _CROWDING * fit.crowding[chosen]
            some = _Some(chosen, filled[chosen, -span:], seen[chosen, -span:], penalty_of(int(span)) * dearer)
            rows += _found(series, some, scale)
    return _frame(rows, series)


@dataclass(frozen=True)
class _Some:
    """Some equally long series, season and gaps taken out."""

    rows: IntArray
    filled: FloatArray
    seen: BoolArray
    penalty: FloatArray  # (n,) in long-run variances


def _found(series: Series, some: _Some, scale: EvenScale) -> list[dict[str, object]]:
    """Search some equally long series."""
    shortest = _SHORTEST.get(series.timeline.frequency, _SHORTEST_ELSE)
    values = _calm(some.filled, 2 * (shortest // 2) + 1)
    sums = PieceSums.of(values, some.seen.astype(np.float64))
    cuts, noise = _cuts_and_noise(values, sums, some.penalty, shortest)
    rows = []
    for place, row in enumerate(some.rows):
        ends = [0, *cuts[place], values.shape[1]]
        part = EvenScale(scale.unit[row : row + 1], scale.logs[row : row + 1])
        for before, cut, after in zip(ends, ends[1:], ends[2:], strict=False):
            change = Change(values[place], before, cut, after, float(noise[place]))
            gains = _gains(sums, place, (before, after), shortest) / change.noise
            sure = 1.0 - min(1.0, _RATE * float(np.exp(-(gains.max() - some.penalty[place]) / _TAIL)))
            near = np.flatnonzero(gains >= gains.max() - _DATE_GAIN) + before + shortest
            first = int(series.last[row]) - values.shape[1] + 1
            rows.append(
                {"unique_id": series.ids[row], "period": first + cut, "first": first + int(near.min()),
                 "final": first + int(near.max()), "confidence": sure} | change.described(part)
            )  # fmt: skip
    return rows


def _cuts_and_noise(
    values: FloatArray, sums: PieceSums, penalty: FloatArray, shortest: int
) -> tuple[list[list[int]], FloatArray]:
    """Find the cuts and the noise around their pieces in turns, from the best single cut on.

    Noise measured across a step would hide the step, noise measured around pieces misses slow swings: it is taken as
    the former, but no more than twice the latter.
    """
    across = long_run_variance(values)[0]
    pilot = best_cut(sums, shortest)
    cuts = [[int(one)] for one in pilot]
    noise = np.zeros(len(values))
    open_rows = np.arange(len(values))
    for _ in range(_TURNS):
        pieces = [cuts[row] or [int(pilot[row])] for row in open_rows]
        rest = np.stack(
            [_around_pieces(values[row], ends) for row, ends in zip(open_rows, pieces, strict=True)]
        )
        floor = (_NO_NOISE * np.abs(values[open_rows]).max(axis=1)) ** 2
        around = np.maximum(long_run_variance(rest)[0], floor)
        noise[open_rows] = np.clip(across[open_rows], around, _MOST_NOISE * around)
        found = segment(sums.of_rows(open_rows), noise[open_rows] * penalty[open_rows], shortest)
        changed = [new != cuts[row] and bool(new) for row, new in zip(open_rows, found, strict=True)]
        for row, new in zip(open_rows, found, strict=True):
            cuts[row] = new
        open_rows = open_rows[changed]
        if not len(open_rows):
            break
    return cuts, noise


def _around_pieces(values: FloatArray, cuts: list[int]) -> FloatArray:
    rest = np.empty_like(values)
    for start, end in pairwise([0, *cuts, len(values)]):
        time = np.arange(end - start) - (end - start - 1) / 2
        piece = values[start:end] - values[start:end].mean()
        rest[start:end] = piece - time * (time @ piece) / max(float(time @ time), 1.0)
    return rest


def penalty_of(width: int) -> float:
    """Return what a cut has to gain, in long-run variances, in a series of `width` periods."""
    return _PENALTY[0] + _PENALTY[1] * float(np.log(width)) + _PENALTY[2] / width


def _calm(values: FloatArray, window: int) -> FloatArray:
    """Draw single values in towards the moving median, which no step can hide."""
    half = window // 2
    padded = np.pad(values, ((0, 0), (half, half)), mode="edge")
    median = np.median(np.lib.stride_tricks.sliding_window_view(padded, window, axis=1), axis=2)
    limit = _CUT * robust_scale(values - median)[:, None]
    return np.where(limit > 0, median + np.clip(values - median, -limit, limit), values)


def _gains(sums: PieceSums, row: int, ends: tuple[int, int], shortest: int) -> FloatArray:
    """Return what a cut at each place between its neighbours gains over none, from ends[0] + shortest on."""
    before, after = ends
    one = sums.of_rows(np.array([row]))
    at = np.arange(before + shortest, after - shortest + 1, dtype=np.int64)[None, :]
    start, end = np.full_like(at, before), np.full_like(at, after)
    gains: FloatArray = (one.misfit(start, end) - one.misfit(start, at) - one.misfit(at, end))[0]
    return gains


def _frame(rows: list[dict[str, object]], series: Series) -> pl.DataFrame:
    frequency = series.timeline.frequency
    raw = pl.DataFrame(rows, schema=_RAW, orient="row").sort("unique_id", "period")
    stamp = series.timeline.stamp
    stamped = raw.with_columns(ds=stamp("period"), ds_from=stamp("first"), ds_to=stamp("final"))
    texts = [change_text(row, frequency) for row in stamped.iter_rows(named=True)]
    return stamped.with_columns(
        pl.Series("text_zh", [zh for zh, _ in texts], dtype=pl.String),
        pl.Series("text_en", [en for _, en in texts], dtype=pl.String),
    ).select(CHANGE_COLUMNS)
