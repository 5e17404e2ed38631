"""Learn a master scale: grades whose observed default rates rise strictly on the rows it is learnt from."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, xlogy
from sklearn.isotonic import isotonic_regression

from models.credit.grade import Grade, MasterScale, group_master_scale
from models.errors import GradeTestError

__all__ = ["fit_master_scale"]

_GRADES: Final = 12


@dataclass
class _Block:
    """A run of neighbouring PDs."""

    n: float
    defaults: float
    lowest: float
    highest: float

    def merged(self, worse: "_Block") -> "_Block":
        return _Block(self.n + worse.n, self.defaults + worse.defaults, self.lowest, worse.highest)

    def log_likelihood(self) -> float:
        good = self.n - self.defaults
        return float(xlogy(self.defaults, self.defaults) + xlogy(good, good) - xlogy(self.n, self.n))


def fit_master_scale(
    pd: NDArray[np.float64],
    y: NDArray[np.float64],
    *,
    name: str,
    grades: int = _GRADES,
    least_share: float = 0.01,
    least_defaults: int = 1,
) -> MasterScale:
    """Return a scale of `grades` grades whose observed rates rise strictly on pd (n,), y (n,), which no model was fitted on.

    Rates of PDs in order are pooled until they rise (Ayer et al., 1955, pool adjacent violators); neighbouring pools
    are then merged, always the pair that costs the least likelihood, until every grade has `least_share` of the rows and
    `least_defaults` defaults, and as many are left as asked for. Bounds lie half-way in log-odds. The group's fixed
    scale stays the default: a learnt one makes a grade mean something else each time. Raises GradeTestError when
    the rows do not tell so many grades apart.
    """
    blocks = _pools(pd, y)
    least = max(1.0, least_share * len(pd))
    while len(blocks) > 1 and (small := _small(blocks, least, least_defaults)):
        _merge(blocks, candidates=small)
    if len(blocks) < grades:
        raise GradeTestError(
            zh=f"这些样本只能区分 {len(blocks)} 个违约率递增的等级，不足 {grades} 个。请减少等级数、放宽每级的最少样本，或增加数据。",
            en=f"These rows tell {len(blocks)} grades of rising rates apart, fewer than {grades}. Ask for fewer grades, "
            "let a grade be smaller, or bring more data.",
        )
    while len(blocks) > grades:
        _merge(blocks, candidates=list(range(len(blocks) - 1)))
    return MasterScale(name=name, grades=_grades(blocks))


def _pools(pd: NDArray[np.float64], y: NDArray[np.float64]) -> list[_Block]:
    if (
        len(pd) == 0
        or len(pd) != len(y)
        or not np.isin(y, (0.0, 1.0)).all()
        or not np.all((pd > 0) & (pd < 1))
    ):
        raise GradeTestError(
            zh="学习等级需要等长且不为空的违约概率（0 与 1 之间）和结果（0 或 1）。请检查输入。",
            en="To learn grades, PDs between 0 and 1 and outcomes of 0 or 1 are needed, as many of each. Check the input.",
        )
    values, row, n = np.unique(pd, return_inverse=True, return_counts=True)
    d = np.bincount(row, weights=y)
    weights = n.astype(np.float64)
    rising = np.asarray(isotonic_regression(d / weights, sample_weight=weights), dtype=np.float64)
    starts = np.flatnonzero(np.diff(rising, prepend=-1.0) > 0)
    ends = np.append(starts[1:], len(values)) - 1
    sums = zip(np.add.reduceat(weights, starts), np.add.reduceat(d, starts), strict=True)
    return [
        _Block(float(rows), float(defaults), float(values[a]), float(values[b]))
        for (rows, defaults), a, b in zip(sums, starts, ends, strict=True)
    ]


def _small(blocks: list[_Block], least: float, least_defaults: int) -> list[int]:
    """Return the places of the pairs that one block, the smallest of those too small, could be merged in."""
    too_small = [i for i, b in enumerate(blocks) if b.n < least or b.defaults < least_defaults]
    if not too_small:
        return []
    smallest = min(too_small, key=lambda i: (blocks[i].n, i))
    return [pair for pair in (smallest - 1, smallest) if 0 <= pair < len(blocks) - 1]


def _merge(blocks: list[_Block], *, candidates: list[int]) -> None:
    def cost(i: int) -> float:
        one, other = blocks[i], blocks[i + 1]
        return one.log_likelihood() + other.log_likelihood() - one.merged(other).log_likelihood()

    best = min(candidates, key=lambda i: (cost(i), i))
    blocks[best : best + 2] = [blocks[best].merged(blocks[best + 1])]


def _grades(blocks: list[_Block]) -> tuple[Grade, ...]:
    group = [grade.name for grade in group_master_scale().grades]
    names = group if len(blocks) == len(group) else [f"G{i + 1:02d}" for i in range(len(blocks))]
    bounds = [float(expit((logit(one.highest) + logit(other.lowest)) / 2)) for one, other in pairwise(blocks)]
    return tuple(Grade(name=name, pd_below=bound) for name, bound in zip(names, [*bounds, 1.0], strict=True))
