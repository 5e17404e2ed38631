"""Series for tests of demand: seasonal, trending, intermittent, short."""

import numpy as np

from features.timeline import Frequency, Timeline
from models.demand.series import FloatArray, Series

__all__ = ["make_series", "seasonal"]


def make_series(
    rows: list[FloatArray], *, frequency: Frequency = Frequency.MONTH, season: int = 12
) -> Series:
    """Return series that all end in the same period."""
    width = max(len(row) for row in rows)
    y = np.full((len(rows), width), np.nan)
    for number, row in enumerate(rows):
        if len(row):
            y[number, -len(row) :] = row
    return Series(
        ids=tuple(f"s{number:04d}" for number in range(len(rows))),
        y=y,
        observed=np.isfinite(y),
        last=np.full(len(rows), 24_000, dtype=np.int64),
        timeline=Timeline(frequency),
        season=season,
    )


def seasonal(length: int, *, seed: int, noise: float = 5.0, season: int = 12) -> FloatArray:
    """Return a positive series with a season and noise."""
    rng = np.random.default_rng(seed)
    wave = 30 * np.sin(2 * np.pi * np.arange(length) / season)
    values: FloatArray = 100 + wave + rng.normal(0, noise, length)
    return values
