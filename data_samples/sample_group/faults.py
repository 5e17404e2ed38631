"""Planted faults at stated rates: missing values, late rows, dirty rows; each is told to truth/faults."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import numpy as np
import polars as pl

from sample_group.columns import Flags
from sample_group.dirt import DIRT, Dirty
from sample_group.schema import TABLES

__all__ = ["DIRTY_RATE", "KEYS", "LATE", "MISSING", "FaultLog", "spoil"]

KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "parties": ("party_id", "valid_from"), "edges": ("edge_id", "known_at"), "exposures": ("exposure_id",),
    "schedules": ("exposure_id", "installment_no"), "payments": ("payment_id",), "write_offs": ("exposure_id",),
    "statements": ("party_id", "period_end", "known_at"), "court_events": ("event_id",),
    "registry_events": ("event_id",), "sales": ("product_id", "region", "ds"), "line_output": ("line_id", "ds"),
    "line_stops": ("stop_id",),
}  # fmt: skip
_ITEMS: Final = tuple(name for name, dtype in TABLES["statements"].items()
                      if dtype == pl.Float64 and name not in ("total_assets", "equity"))  # fmt: skip
MISSING: Final[Mapping[str, Mapping[str, float]]] = {  # share of rows in which the column is emptied
    "parties": {"credit_code": 0.015, "industry": 0.01, "size": 0.02, "employees": 0.08, "paid_in_capital": 0.10,
                "province": 0.005},
    "statements": {**dict.fromkeys(_ITEMS, 0.02), "equity": 0.005},
    "court_events": {"amount": 0.15, "cause": 0.05},
    "exposures": {"collateral_value": 0.03},
    "sales": {"price": 0.02},
}  # fmt: skip
LATE: Final[Mapping[str, float]] = {  # share of rows that became known 60 to 240 days later than they should
    "payments": 0.002, "statements": 0.01, "court_events": 0.02, "registry_events": 0.02, "sales": 0.002,
    "line_output": 0.002,
}  # fmt: skip
DIRTY_RATE: Final = (
    0.0005  # of a table's rows, per kind of dirt; at least one row of each kind in the first batch
)


@dataclass
class FaultLog:
    """Collects what was planted; rows that become known after `told_by` are not in the extract."""

    told_by: date
    frames: list[pl.DataFrame] = field(default_factory=list)

    def add(self, table: str, rows: pl.DataFrame, kind: str) -> None:
        """Note rows of a table, by key, under a kind of fault."""
        if not rows.height:
            return
        key = pl.concat_str([pl.col(name).cast(pl.String) for name in KEYS[table]], separator="|").alias(
            "key"
        )
        noted = rows.select(pl.lit(table).alias("table"), key, pl.lit(kind).alias("kind"))
        self.frames.append(noted)

    def drain(self) -> pl.DataFrame:
        """Return what was noted since the last time."""
        empty = pl.DataFrame(schema={"table": pl.String, "key": pl.String, "kind": pl.String})
        frames, self.frames = self.frames, []
        return pl.concat([empty, *frames])


def spoil(
    rng: np.random.Generator, table: str, frame: pl.DataFrame, log: FaultLog, *, first: bool = True
) -> pl.DataFrame:
    """Return what is told by the day of the extract, with its faults: late rows, missing values, then dirty rows."""
    if not frame.height:
        return frame
    frame = _delayed(rng, table, frame, log)
    for column, rate in MISSING.get(table, {}).items():
        empty = pl.Series(rng.random(frame.height) < rate) & frame[column].is_not_null()
        log.add(table, frame.filter(empty), f"missing:{column}")
        frame = frame.with_columns(pl.when(~empty).then(pl.col(column)).alias(column))
    return _dirtied(rng, table, frame, log, first=first)


def _delayed(rng: np.random.Generator, table: str, frame: pl.DataFrame, log: FaultLog) -> pl.DataFrame:
    late = rng.random(frame.height) < LATE.get(table, 0.0)
    if table == "statements":  # a restated period keeps its order of versions
        late &= ~frame.select(pl.struct("party_id", "period_end").is_duplicated()).to_series().to_numpy()
    more = pl.Series(np.where(late, rng.integers(60, 240, frame.height), 0)).cast(pl.Int64) * 86_400_000
    moved = (frame["known_at"].cast(pl.Datetime("ms")) + more.cast(pl.Duration("ms"))).cast(pl.Date)
    told = moved <= log.told_by
    log.add(table, frame.with_columns(moved.alias("known_at")).filter(pl.Series(late) & told), "late")
    return frame.with_columns(moved.alias("known_at")).filter(told)


def _dirtied(
    rng: np.random.Generator, table: str, clean: pl.DataFrame, log: FaultLog, *, first: bool
) -> pl.DataFrame:
    free = np.ones(clean.height, dtype=np.bool_)  # a row serves one kind of dirt only
    spoilt = np.zeros(clean.height, dtype=np.bool_)
    added: list[pl.DataFrame] = []
    for dirty in DIRT.get(table, ()):
        fit = np.flatnonzero(free & _fitting(clean, dirty))
        count = min(len(fit), max(int(rng.poisson(DIRTY_RATE * clean.height)), 1 if first else 0))
        at = np.sort(rng.choice(fit, count, replace=False)) if count else fit[:0]
        rows = (
            clean[at]
            .with_columns(dirty.change)
            .select(clean.columns)
            .filter(pl.col("known_at") <= log.told_by)
        )
        log.add(table, rows, dirty.kind)
        added += [rows] if dirty.again is None else [rows, rows.with_columns(dirty.again)]
        free[at] = False
        spoilt[at] = dirty.in_place
    return pl.concat([clean.filter(pl.Series(~spoilt)), *added])


def _fitting(clean: pl.DataFrame, dirty: Dirty) -> Flags:
    if dirty.where is None:
        return np.ones(clean.height, dtype=np.bool_)
    return clean.select(dirty.where).to_series().fill_null(value=False).to_numpy()
