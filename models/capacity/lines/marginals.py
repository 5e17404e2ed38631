"""Weekly quantiles of all lines and the errors they were learnt from, for simulating lines together."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np

from models.capacity.lines.answers import Answers
from models.capacity.lines.grid import FloatArray, LineGrid
from models.capacity.lines.learnt import Learnt

__all__ = ["LineMarginals", "marginals_of"]

_EPOCH: Final = date(1970, 1, 1)
_WEEK: Final = 7


@dataclass(frozen=True, eq=False)
class LineMarginals:
    """Quantiles of n lines in w whole weeks to come: values (n, w, levels) in each line's unit.

    errors (cut-offs, n, weeks ahead): errors of past weeks over their spread, the latest cut-off first, NaN where there
    is none: what dependence between lines and weeks is learnt from.
    """

    ids: tuple[str, ...]
    weeks: tuple[date, ...]
    levels: tuple[float, ...]
    values: FloatArray
    errors: FloatArray


def marginals_of(
    grid: LineGrid, told: Answers, levels: tuple[float, ...], learnt: Learnt, as_of: date
) -> LineMarginals:
    """Return the weeks that begin after `as_of` and that every line is asked for whole."""
    weeks = told.weeks
    whole = (weeks.days == _WEEK) & (weeks.monday > (as_of - _EPOCH).days)
    mondays, count = np.unique(weeks.monday[whole], return_counts=True)
    shared = mondays[count == grid.size[0]]
    kept = whole & np.isin(weeks.monday, shared)
    values = np.zeros((grid.size[0], len(shared), len(levels)))
    values[weeks.line[kept], np.searchsorted(shared, weeks.monday[kept])] = told.week_quantiles[kept]
    dates = tuple(_EPOCH + timedelta(days=int(one)) for one in shared)
    return LineMarginals(grid.line_ids, dates, levels, values, learnt.joint.values)
