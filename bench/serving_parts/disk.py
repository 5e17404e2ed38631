"""What the disk alone does: one durable record after the other, without model, network or threads."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Final

import numpy as np

from bench.serving_parts.load import Load, Stolen

__all__ = ["commit_alone"]

_RECORD: Final = "0" * 10_000
"""About as long as the record of a score."""


def commit_alone(folder: Path, *, seconds: float) -> Load:
    """Commit records for some seconds, each durable before the next begins: what lies between p50 and p99 is the disk's."""
    took: list[float] = []
    with closing(sqlite3.connect(folder / "alone.db", isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        database.execute("CREATE TABLE IF NOT EXISTS records (id INTEGER PRIMARY KEY, record TEXT)")
        stolen, begun = Stolen(), time.perf_counter()
        while (start := time.perf_counter()) - begun < seconds:
            database.execute("INSERT INTO records (record) VALUES (?)", (_RECORD,))
            took.append((time.perf_counter() - start) * 1e3)
    p50, p90, p99 = np.percentile(took, (50, 90, 99))
    return Load(
        len(took) / seconds,
        float(p50),
        float(p90),
        float(p99),
        max(took),
        requests=len(took),
        errors=0,
        stolen=stolen.share(),
    )
