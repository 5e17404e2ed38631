"""Small demand, lines and routes that the tests of the shortfall share."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from statistics import NormalDist

import numpy as np

from models.capacity.shortfall.marginals import Marginals
from models.capacity.shortfall.supply import Supply
from models.demand.series import FloatArray

LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9)
SCORES = np.array([NormalDist().inv_cdf(one) for one in LEVELS])


def weeks_from(count: int) -> tuple[date, ...]:
    return tuple(date(2025, 1, 6) + timedelta(weeks=one) for one in range(count))


def normal(mean: Mapping[str, float], weeks: int = 4, spread: float = 0.2) -> Marginals:
    """Return normal marginals, the same in every week."""
    rows = [one * (1 + spread * SCORES) for one in mean.values()]
    values = np.repeat(np.array(rows)[:, None, :], weeks, axis=1)
    return Marginals(tuple(mean), weeks_from(weeks), LEVELS, np.maximum(values, 0.0))


def supply(rates: Mapping[tuple[str, str], float], products: Sequence[str], lines: Sequence[str]) -> Supply:
    table: FloatArray = np.zeros((len(products), len(lines)))
    for (product, line), rate in rates.items():
        table[products.index(product), lines.index(line)] = rate
    return Supply(tuple(products), tuple(lines), table)
