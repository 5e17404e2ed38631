"""The share of neighbours in default, shrunk to a prior; apart from the view, as its features are told without the graph."""

from typing import Final

import polars as pl

__all__ = ["PRIOR_RATE", "PRIOR_WEIGHT", "default_share"]

PRIOR_WEIGHT: Final = 5.0
"""Neighbours that the prior stands for: with few neighbours a share stays near `PRIOR_RATE`."""

PRIOR_RATE: Final = 0.02
"""The share in default before any neighbour is looked at. One value for all dates: with the default rate of the date, a
party without a defaulted neighbour had another value each month, and a model learnt to read the calendar from it."""


def default_share(prefix: str) -> pl.Expr:
    """Return the share of neighbours in default, shrunk to `PRIOR_RATE`; null without an observed neighbour.

    (defaulted + m × rate) ÷ (observed + m) with m = `PRIOR_WEIGHT`: the posterior mean under a Beta prior.
    """
    defaulted, observed = pl.col(f"{prefix}_defaulted_sum"), pl.col(f"{prefix}_defaulted_count")
    shrunk = (defaulted + PRIOR_WEIGHT * PRIOR_RATE) / (observed + PRIOR_WEIGHT)
    return pl.when(observed > 0).then(shrunk)
