"""Of several rows of one fact, the one known last; where those known last differ, none."""

from collections.abc import Sequence

import polars as pl

__all__ = ["newest"]


def newest(
    rows: pl.DataFrame, key: Sequence[str], values: Sequence[str]
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Return one row for each key, sorted by it; which keys were told more than once; which contradict themselves.

    rows: key, values and known_at. Of the rows of a key those with the greatest known_at count; where their values
    differ, all values are null and the key is among the contradictions. The order of rows has no effect.
    """
    order = [*key, *values]
    distinct = rows.select(*key, *values, "known_at").unique()
    times = distinct.group_by(key).agg(
        pl.col("known_at").max().alias("last"), pl.col("known_at").n_unique().alias("times")
    )
    last = distinct.join(times, on=list(key)).filter(pl.col("known_at") == pl.col("last"))
    clash = last.filter(last.select(pl.struct(key).is_duplicated()).to_series()).select(key).unique()
    kept = last.sort(order).unique(list(key), keep="first", maintain_order=True)
    marked = kept.join(clash.with_columns(clash=True), on=list(key), how="left")
    empty = [pl.when(pl.col("clash").is_null()).then(pl.col(name)).alias(name) for name in values]
    again = times.filter(pl.col("times") > 1).select(key)
    return marked.with_columns(empty).select(order).sort(list(key)), again, clash
