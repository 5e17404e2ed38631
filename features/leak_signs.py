"""Signs that a column gives the label away, each a statistic of one column against the label."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.stats import chi2

from features.ranking import auc

__all__ = ["Audited", "Imprint", "calendar_imprint", "cells", "fading", "one_sided_share", "separation"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_FOLDS: Final = 5
_PRIOR: Final = 10.0  # rows of prior in a cell's rate, so that a cell of three rows says little
_LEAST_CELL: Final = 20
_BINS: Final = 50
_YEAR: Final = 12
_LONGEST: Final = 1200  # a hundred years of months: larger integers are codes or amounts, no durations
_LEAST_VALUES: Final = 24
_LEAST_AROUND: Final = 5
_ONE_SIDED: Final = 0.95


@dataclass(frozen=True)
class Audited:
    """A column as the signs see it: values, label, who the row belongs to, and its weight (1 / rows of the party)."""

    values: pl.Series
    y: Floats
    party: Ints
    weight: Floats

    def rows(self, chosen: npt.NDArray[np.bool_]) -> "Audited":
        """Return some rows."""
        kept = self.values.filter(pl.Series(chosen))
        return Audited(kept, self.y[chosen], self.party[chosen], self.weight[chosen])


def cells(column: Audited) -> Ints:
    """Put each row in a cell: a frequent value is a cell of its own, rarer numbers share fine quantile bins.

    Missing is the last cell; rare texts share one.
    """
    values = column.values
    number = values.dtype.is_numeric()
    text = values.cast(pl.String)
    counts = pl.DataFrame({"t": text}).select(pl.len().over("t"))["len"].to_numpy()
    frequent = (counts >= _LEAST_CELL) & values.is_not_null().to_numpy()
    out = np.zeros(len(values), dtype=np.int64)
    out[frequent] = text.filter(pl.Series(frequent)).rank("dense").to_numpy().astype(np.int64)
    rest = ~frequent & values.is_not_null().to_numpy()
    if number and rest.any():
        floats = values.cast(pl.Float64).to_numpy()
        bins = min(_BINS, max(1, int(rest.sum()) // _LEAST_CELL))
        edges = np.unique(np.nanquantile(floats[rest], np.linspace(0, 1, bins + 1)[1:-1]))
        out[rest] = out.max() + 1 + np.searchsorted(edges, floats[rest])
    elif rest.any():
        out[rest] = out.max() + 1
    out[values.is_null().to_numpy()] = out.max() + 1
    return out


def separation(column: Audited) -> float:
    """Return how well the column alone ranks the label, as an AUC of at least about 0.5.

    Each row is scored with the default rate of its cell among other parties' rows (five folds of parties), so that a
    column of names, where every cell is one party, says nothing.
    """
    cell = cells(column)
    fold = _party_folds(column.party)
    score = np.empty(len(cell))
    mean = float(np.average(column.y, weights=column.weight))
    for k in range(_FOLDS):
        inside = fold == k
        n = np.bincount(cell[~inside], column.weight[~inside], minlength=cell.max() + 1)
        s = np.bincount(cell[~inside], (column.weight * column.y)[~inside], minlength=cell.max() + 1)
        score[inside] = ((s + _PRIOR * mean) / (n + _PRIOR))[cell[inside]]
    return _auc(column.y, score, column.weight)


def _party_folds(party: Ints) -> Ints:
    """Spread parties over folds by a fixed mixing of their number, the same in every run."""
    mixed = party.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    folds: Ints = ((mixed >> np.uint64(40)) % np.uint64(_FOLDS)).astype(np.int64)
    return folds


def _auc(y: Floats, score: Floats, weight: Floats) -> float:
    """Return the AUC; a column that meets one class only separates nothing."""
    found = auc(y, score, weight)
    return 0.5 if np.isnan(found) else found


def one_sided_share(column: Audited) -> float:
    """Return the share of the rarer class that stands in cells holding nothing else: a value known with the outcome.

    Cells are chosen on four folds of parties and counted on the fifth; 0 unless the lower 95 % bound (Wilson 1927) of
    the rarer class's rate in the counted rows exceeds 0.95, so that a lucky cell does not count.
    """
    cell, fold = cells(column), _party_folds(column.party)
    rarer = column.y if column.y.mean() <= 0.5 else 1 - column.y  # noqa: PLR2004 - half
    inside = np.zeros(len(cell), dtype=np.bool_)
    for k in range(_FOLDS):
        others = fold != k
        n = np.bincount(cell[others], minlength=cell.max() + 1)
        s = np.bincount(cell[others], rarer[others], minlength=cell.max() + 1)
        pure = (n >= _LEAST_CELL // 2) & (s >= _ONE_SIDED * n)
        inside |= ~others & pure[cell]
    held, hits = float(inside.sum()), float(rarer[inside].sum())
    if held == 0 or _wilson_lower(hits, held) < _ONE_SIDED:
        return 0.0
    return hits / max(float(rarer.sum()), 1.0)


def _wilson_lower(hits: float, n: float, z: float = 1.645) -> float:
    rate = hits / n
    centre = rate + z * z / (2 * n)
    half = z * float(np.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n)))
    return (centre - half) / (1 + z * z / n)


@dataclass(frozen=True)
class Imprint:
    """How strongly the calendar's months show in the label: chi-square, its p-value, and the mean gap in rate."""

    statistic: float
    p_value: float
    gap: float


def calendar_imprint(column: Audited) -> Imprint | None:
    """Test whether the label depends on a duration's remainder by twelve, apart from the duration itself.

    A duration in months counted to one fixed date keeps the calendar of its beginning (firms are founded in March more
    often than in February); counted to the day of the outcome it loses it. So when the remainder tells the label, the
    end of the count differs between the classes: the column was made with the outcome in hand. The rate at each value is
    compared with that of the other values within half a year. Values below a year are left out, as there a remainder
    is the value itself (and zero often a group of its own). Variances are summed by party: several rows of one party
    are no new evidence. Returns None for columns that are no durations.
    """
    if not _is_duration(column.values.drop_nulls()):
        return None
    kept = column.rows((column.values.cast(pl.Float64) >= _YEAR).fill_null(value=False).to_numpy())
    if len(kept.y) < _YEAR * _LEAST_CELL:
        return None
    value = kept.values.cast(pl.Int64).to_numpy()
    residual, enough = _residuals(value, kept)
    remainder = np.mod(value, _YEAR)
    statistic, degrees, gaps = 0.0, 0, []
    for k in range(_YEAR):
        rows = enough & (remainder == k)
        weight = kept.weight[rows]
        if rows.sum() < _LEAST_CELL:
            continue
        by_party = np.bincount(np.unique(kept.party[rows], return_inverse=True)[1], weight * residual[rows])
        spread = float((by_party**2).sum())
        if spread > 0:
            statistic += float(by_party.sum()) ** 2 / spread
            degrees += 1
            gaps.append((abs(float(by_party.sum())), float(weight.sum())))
    if degrees < _YEAR // 2:
        return None
    gap = sum(g for g, _ in gaps) / sum(w for _, w in gaps)
    return Imprint(statistic, float(chi2.sf(statistic, degrees)), gap)


def _is_duration(values: pl.Series) -> bool:
    if not values.dtype.is_numeric() or values.is_empty():
        return False
    floats = values.cast(pl.Float64)
    whole = bool((floats == floats.round()).all())
    return whole and floats.n_unique() >= _LEAST_VALUES and float(floats.abs().max() or 0.0) <= _LONGEST  # type: ignore[arg-type]


def _residuals(value: Ints, column: Audited) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Return label minus the rate of the neighbouring values (half a year either way, own value left out)."""
    n = np.bincount(value, column.weight)
    s = np.bincount(value, column.weight * column.y)
    rows = np.bincount(value)
    reach = _YEAR // 2
    kernel = np.ones(2 * reach + 1)
    kernel[reach] = 0.0
    around, hits, count = (np.convolve(a, kernel, mode="full")[reach : reach + len(a)] for a in (n, s, rows))
    mean = float(np.average(column.y, weights=column.weight))
    expected = (hits + mean) / (around + 1.0)
    return column.y - expected[value], (count >= _LEAST_AROUND)[value]


def fading(early: Audited, late: Audited) -> tuple[float, float, float]:
    """Return the column's AUC (as it stands, larger value first) early and late, and the difference in standard errors.

    The standard error is that of Hanley and McNeil (1982) with the number of parties as sample size.
    """
    first, n_first = _plain_auc(early)
    second, n_second = _plain_auc(late)
    error = np.sqrt(_auc_variance(first, *n_first) + _auc_variance(second, *n_second))
    return first, second, float(abs(first - second) / error) if error > 0 else 0.0


def _plain_auc(column: Audited) -> tuple[float, tuple[float, float]]:
    kept = column.rows(column.values.is_not_null().to_numpy())
    if len(kept.y) == 0 or len(np.unique(kept.y)) == 1:
        return 0.5, (0.0, 0.0)
    score = kept.values.cast(pl.Float64).to_numpy()
    positive = len(np.unique(kept.party[kept.y > 0]))
    negative = len(np.unique(kept.party[kept.y == 0]))
    return _auc(kept.y, score, kept.weight), (float(positive), float(negative))


def _auc_variance(auc: float, positive: float, negative: float) -> float:
    if positive < 1 or negative < 1:
        return 1.0
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    spread = auc * (1 - auc) + (positive - 1) * (q1 - auc**2) + (negative - 1) * (q2 - auc**2)
    return float(max(spread, 1e-6) / (positive * negative))
