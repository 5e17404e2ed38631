"""A small book that was scored by a model whose quality each test decides."""

from collections.abc import Callable
from datetime import date

import numpy as np
import polars as pl
import pytest
from scipy.special import expit

from experiments.validation_report.judged import Judged, Part
from features.asof import month_ends
from models.credit.grade import group_master_scale

PAST = month_ends(date(2021, 1, 31), date(2021, 12, 31))
BETWEEN = month_ends(date(2022, 1, 31), date(2022, 3, 31))
TEST = month_ends(date(2023, 4, 30), date(2023, 6, 30))
FEATURES = ("risk", "noise", "days_past_due", "is_company", "size_rank")

Book = Callable[..., Judged]


def rows(days: list[date], parties: int, rng: np.random.Generator, *, first: int = 0) -> pl.DataFrame:
    """Draw a panel: each party has one risk and one outcome for all its months, as defaults of a year repeat."""
    risk = rng.normal(size=parties)
    hit = rng.random(parties) < expit(-2.2 + 1.5 * risk)
    noise = rng.normal(size=(len(days), parties))
    frames = [
        pl.DataFrame(
            {
                "party_id": [f"P{first + i:04d}" for i in range(parties)],
                "as_of": pl.Series([day] * parties, dtype=pl.Date),
                "label": hit.astype(np.int8),
                "default_on": pl.Series([day] * parties, dtype=pl.Date).dt.offset_by("7mo"),
                "cause": ["overdue" if one else None for one in hit],
                "risk": risk + 0.1 * noise[at],
                "noise": rng.normal(size=parties),
                "days_past_due": np.where(rng.random(parties) < 0.2 + 0.4 * hit, 20.0, 0.0),
                "is_company": (np.arange(parties) % 4 > 0).astype(float),
                "size_rank": pl.Series([None if i % 4 == 0 else float(1 + i % 3) for i in range(parties)]),
            }
        ).with_columns(pl.when(pl.col("label") == 1).then("default_on").alias("default_on"))
        for at, day in enumerate(days)
    ]
    return pl.concat(frames)


def part(frame: pl.DataFrame, *, slope: float = 1.5, shift: float = 0.0, network: float = 0.0) -> Part:
    """Score a frame by its risk: 1.5 and 0 is the truth; `network` is added to the group's log-odds only."""
    own = -2.2 + slope * frame["risk"].to_numpy() + shift
    group = own + network
    return Part(frame, group, expit(group), own, expit(own))


@pytest.fixture
def book() -> Book:
    def make(
        *, parties: int = 400, slope: float = 1.5, shift: float = 0.0, network: float = 0.0, seed: int = 1
    ) -> Judged:
        rng = np.random.default_rng(seed)
        past, between, test = (rows(days, parties, rng) for days in (PAST, BETWEEN, TEST))
        return Judged(
            past=part(past),
            between=part(between, slope=slope, shift=shift),
            test=part(test, slope=slope, shift=shift, network=network),
            features=FEATURES,
            scale=group_master_scale(),
        )

    return make
