"""Applicants of many kinds, and a card learnt from them."""

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from models.credit.points import PointScale, load_point_scales
from models.credit.scorecard.card import Scorecard
from models.credit.scorecard.learn import learn_scorecard
from models.credit.scorecard.settings import ScorecardSettings

__all__ = ["AWKWARD", "applicants", "learn"]

AWKWARD = '资产"负债'


def applicants(rows: int = 1200, seed: int = 0) -> tuple[pl.DataFrame, NDArray[np.float64]]:
    """Return columns with gaps, ties, infinities, codes, a valley and names no database likes, and the label."""
    rng = np.random.default_rng(seed)
    overdue = rng.poisson(1.0, rows).astype(float)
    leverage = rng.normal(0.5, 0.2, rows)
    age = rng.uniform(18, 80, rows)
    trade = rng.choice(["零售", "o'hara", "mine", "rare"], rows, p=[0.5, 0.3, 0.19, 0.01])
    region = rng.integers(0, 6, rows).astype(float)
    assets = rng.lognormal(3, 1, rows)
    debts = assets * rng.uniform(0.2, 1.4, rows)
    risk = (
        -2.2
        + 0.7 * overdue
        + 2.0 * leverage
        + 0.002 * (age - 45) ** 2
        + np.where(trade == "mine", 1.0, 0.0)
        + 0.3 * (region % 3)
        + 2.5 * (debts > assets)
    )
    y = (rng.random(rows) < 1 / (1 + np.exp(1.8 - risk))).astype(float)
    leverage[rng.random(rows) < 0.1] = np.nan
    leverage[:3], leverage[3:6] = np.inf, -np.inf
    frame = pl.DataFrame(
        {
            "overdue": overdue,
            AWKWARD: leverage,
            "age; drop table": age,
            "trade": [None if i % 50 == 0 else value for i, value in enumerate(trade.tolist())],
            "region": region,
            "assets": assets,
            "debts": debts,
            "empty": pl.Series([None] * rows, dtype=pl.Float64),
            "constant": np.ones(rows),
            "noise": rng.normal(size=rows),
        }
    ).with_columns(pl.col(AWKWARD).fill_nan(None))
    return frame, y


def learn(frame: pl.DataFrame, y: NDArray[np.float64], **changed: object) -> Scorecard:
    """Learn a card of all columns by the defaults with some changed."""
    return learn_scorecard(
        frame,
        y,
        features=frame.columns,
        signs={"overdue": 1},
        categorical=[name for name in ("trade", "region") if name in frame.columns],
        groups=None,
        settings=ScorecardSettings.model_validate({"two_sided": True, **changed}),
        seed=7,
    )


@pytest.fixture(scope="session")
def scale() -> PointScale:
    return load_point_scales().scale[0]
