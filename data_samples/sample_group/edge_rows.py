"""The edge table: what became known of the true relations, with endings and corrections as new rows."""

from typing import Final

import numpy as np
import polars as pl

from sample_group.columns import NO_DAY, Flags, Floats, Ints, days, ids, money, rounded, words
from sample_group.links import KINDS, ROLES, Links
from sample_group.streams import Streams
from sample_group.window import Window

__all__ = ["CORRECTED", "LATE_EDGES", "edge_frame"]

CORRECTED: Final = 0.03  # first recorded with a wrong share or amount, put right later
LATE_EDGES: Final = 0.01  # recorded months after the source would usually tell
SOURCES: Final = ("registry", "contract", "erp", "annual_report")
_SOURCE_BY_KIND: Final = np.array([0, 1, 2, 0, 3])
_DELAY: Final = np.array([[3, 35], [1, 25], [5, 60], [3, 40], [30, 200]])
_CONFIDENCE: Final = np.array([1.0, 1.0, 0.95, 1.0, 0.7])


def edge_frame(
    streams: Streams, window: Window, relations: Links, batch: int, first_id: int
) -> tuple[pl.DataFrame, Flags]:
    """Return the rows of a batch of relations, sorted by edge and known_at, and which rows are late ones."""
    rng = streams.of("edges", batch)
    count = len(relations)
    low, high = _DELAY[relations.kind].T
    late = rng.random(count) < LATE_EDGES
    known = relations.start + rng.integers(low, high) + np.where(late, rng.integers(90, 400, count), 0)
    stated = ~(np.isnan(relations.share) & np.isnan(relations.amount))
    wrong = (rng.random(count) < CORRECTED) & stated
    slip = np.where(wrong, rng.uniform(0.3, 0.9, count), 1.0)
    righted = known + rng.integers(20, 400, count)
    ended = (relations.end != NO_DAY) & (relations.end <= window.last)
    newest = np.where(wrong, righted, known)
    learnt = np.maximum(np.where(ended, relations.end, 0), newest) + rng.integers(low, high)
    rows = pl.concat(
        [
            _version(relations, first_id, known, slip).with_columns(late=pl.Series(late)),
            _version(relations, first_id, righted, np.ones(count))
            .with_columns(late=pl.lit(value=False))
            .filter(wrong),
            _version(relations, first_id, learnt, np.ones(count))
            .with_columns(
                valid_to=days(np.where(ended, relations.end, NO_DAY).astype(np.int32)),
                late=pl.lit(value=False),
            )
            .filter(ended),
        ]
    ).sort("edge_id", "known_at", maintain_order=True)
    rows = rows.filter(pl.col("known_at") <= window.end)
    rows = rows.with_columns(retracted_at=pl.col("known_at").shift(-1).over("edge_id"))
    return rows.drop("late"), rows["late"].to_numpy()


def _version(relations: Links, first_id: int, known: Ints, factor: Floats) -> pl.DataFrame:
    number = np.arange(first_id, first_id + len(relations), dtype=np.int32)
    return pl.DataFrame(
        {
            "edge_id": ids("E", number, 9),
            "src": ids("P", relations.src + 1, 7),
            "dst": ids("P", relations.dst + 1, 7),
            "kind": words(KINDS, relations.kind),
            "share": money(rounded(relations.share * factor, 4), 4),
            "amount": money(relations.amount * factor, 0),
            "role": words(ROLES, relations.role),
            "valid_from": days(relations.start),
            "valid_to": days(np.full(len(relations), NO_DAY, dtype=np.int32)),
            "known_at": days(known.astype(np.int32)),
            "source": words(SOURCES, _SOURCE_BY_KIND[relations.kind]),
            "confidence": pl.Series(_CONFIDENCE[relations.kind]),
        }
    )
