"""Columns that hold quantiles: q10 is the level 0.1, q97.5 the level 0.975."""

import re
from typing import Final

import polars as pl

__all__ = ["quantile_columns", "quantile_name"]

_QUANTILE: Final = re.compile(r"q\d{1,2}(\.\d+)?")


def quantile_name(level: float) -> str:
    """Return the column of a quantile level: 0.1 is q10."""
    return f"q{100 * level:g}"


def quantile_columns(frame: pl.DataFrame) -> dict[str, float]:
    """Return the quantile columns of a frame with their levels, lowest first: {'q10': 0.1, ...}."""
    found = {name: float(name[1:]) / 100 for name in frame.columns if _QUANTILE.fullmatch(name)}
    return dict(sorted(found.items(), key=lambda item: item[1]))
