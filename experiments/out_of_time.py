"""Split a panel by time and learn from it: what training, tuning and validation must do in the same way."""

from collections.abc import Sequence
from datetime import date
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from experiments.errors import SplitError
from models.credit.booster import Design

__all__ = ["design_of", "labels", "out_of_time", "parties"]

_CLASSES: Final = 2


def out_of_time(
    panel: pl.DataFrame, *, test_months: int, horizon_months: int, label_lag_months: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split so that every training label was known before the first test date; return (past, test).

    Raises SplitError when a side lacks one of the two labels.
    """
    months = panel["as_of"].unique().sort()
    first_test = months[-min(test_months, len(months))] if len(months) else date.max
    known_after = f"{horizon_months + label_lag_months}mo"
    past = panel.filter(pl.col("as_of").dt.offset_by(known_after) <= first_test)
    test = panel.filter(pl.col("as_of") >= first_test)
    for zh, en, rows in (("训练", "training", past), ("测试", "test", test)):
        if rows["label"].n_unique() < _CLASSES:
            raise SplitError(
                zh=f"按时间划分后，{zh}部分（{rows.height} 行）的标签不足两类。请提前起始月份或减少测试月数。",
                en=f"Split by time, the {en} part ({rows.height} rows) lacks one of the two labels. "
                "Start the panel earlier or test fewer months.",
            )
    return past, test


def design_of(
    panel: pl.DataFrame, features: Sequence[str], *, monotone: dict[str, int] | None = None
) -> Design:
    """Return what boosters learn from: x (rows of the panel, features), missing as NaN, and the labels."""
    x = panel.select(pl.col(name).cast(pl.Float64) for name in features).fill_null(float("nan"))
    return Design(
        x=np.ascontiguousarray(x.to_numpy()),
        y=labels(panel),
        features=tuple(features),
        monotone=monotone or {},
    )


def labels(panel: pl.DataFrame) -> NDArray[np.float64]:
    """Return the label of each row, shape (n,)."""
    return panel["label"].cast(pl.Float64).to_numpy()


def parties(panel: pl.DataFrame) -> NDArray[np.int64]:
    """Return a number for the party of each row, shape (n,): rows of one party are not independent."""
    return panel["party_id"].rank("dense").cast(pl.Int64).to_numpy()
