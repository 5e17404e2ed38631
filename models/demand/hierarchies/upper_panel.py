"""A panel with the series of a hierarchy's sums beside those of the table, all up to the newest period."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import polars as pl

from features.demand import Panel
from models.demand.arrays import Codes, codes_of, series_of
from models.demand.hierarchies.hierarchy import Hierarchy
from models.demand.hierarchies.upper_series import add_upper
from models.demand.series import BoolArray, FloatArray, Series

__all__ = ["panel_with_sums"]

_LATE: Final = {
    "ended": ("已停止超过一季：此后按 0 计入合计", "Gone for more than a season: counts as 0 from there on"),
    "not_reported_yet": (
        "尚未上报：以上一季同期值代替，直至最新一期",
        "Not reported yet: counts as a season before, up to the newest period",
    ),
}


def panel_with_sums(panel: Panel, hierarchy: Hierarchy, *, summed: Collection[str] = ()) -> Panel:
    """Return the panel with a series for every node of the hierarchy, all ending in the same period.

    How sums, their drivers and series that end early are treated is said in `upper_series.add_upper`; series that end
    early are named in the findings (`ended`, `not_reported_yet`). Numeric drivers and static columns become Float64,
    since a mean of whole numbers or flags is none. Raises HierarchyError for bottom series the panel does not have:
    take those that were refused out with `hierarchy.without(...)` first.
    """
    codes = codes_of(panel)
    before = series_of(panel, _ahead(panel), codes)
    after = add_upper(before, hierarchy, summed=summed, closed=_closed(panel, before))
    last = dict(zip(before.ids, before.last.tolist(), strict=True))
    own = [one for one in hierarchy.ids if one in last]
    missing = np.array([one not in last for one in hierarchy.ids], dtype=np.bool_)
    newest = int(after.last[0])
    frame = _rows(panel, after, codes, _new_from(after, last), missing)
    late = panel.series.filter(pl.col("unique_id").is_in(own) & (pl.col("ended_early") > 0))
    return replace(
        panel,
        frame=pl.concat([_floated(panel, panel.frame), frame]).sort("unique_id", "period"),
        future=_future(panel, after, codes, newest, missing),
        series=_series(panel, after, hierarchy, missing),
        static=_static(panel, after, codes, missing),
        findings=pl.concat([panel.findings, _findings(panel, late)]),
    )


def _ahead(panel: Panel) -> int:
    """Return how far beyond any series' end its known drivers reach."""
    ends = panel.future.group_by("unique_id").agg(pl.col("period").max().alias("until"))
    reach = panel.series.join(ends, on="unique_id").select((pl.col("until") - pl.col("last")).max()).item()
    return max(int(reach or 0), 0)


def _closed(panel: Panel, series: Series) -> BoolArray | None:
    if panel.closed.is_empty():
        return None
    place = {one: row for row, one in enumerate(series.ids)}
    shut = np.zeros((len(series), panel.season), dtype=np.bool_)
    for one, position in panel.closed.select("unique_id", "position").iter_rows():
        shut[place[one], position] = True
    return shut


def _new_from(after: Series, last: dict[str, int]) -> list[int]:
    """Return the first period of each node that the panel does not have yet."""
    width = after.y.shape[1]
    oldest = int(after.last[0]) - width + 1
    started = np.isfinite(after.y)
    first = oldest + np.where(started.any(axis=1), started.argmax(axis=1), width)
    return [last[one] + 1 if one in last else int(first[row]) for row, one in enumerate(after.ids)]


def _rows(panel: Panel, after: Series, codes: Codes, start: list[int], missing: BoolArray) -> pl.DataFrame:
    """Return the history of the sums, and of series that end early what was put behind their end."""
    periods = after.periods()
    chosen = (periods >= np.array(start)[:, None]) & np.isfinite(after.y)
    row, column = np.nonzero(chosen)
    drivers = {name: table[row, column] for name, table in {**after.known, **after.past}.items()}
    table = pl.DataFrame(
        {
            "unique_id": [after.ids[one] for one in row],
            "period": periods[row, column],
            "y": after.y[row, column],
            "observed": after.observed[row, column],
            "gap": ~missing[row],
            "returns": np.zeros(len(row), dtype=np.bool_),
        },
        schema_overrides={"unique_id": pl.String},
    )
    return _shaped(panel, table.with_columns(_texts(drivers, codes)), panel.frame.columns)


def _future(panel: Panel, after: Series, codes: Codes, newest: int, missing: BoolArray) -> pl.DataFrame:
    """Return the known drivers after the newest period."""
    kept = _floated(panel, panel.future).filter(pl.col("period") > newest)
    until = kept["period"].max()
    if not isinstance(until, int):
        return kept
    width = after.y.shape[1]
    steps = np.arange(min(until - newest, after.ahead))
    rows = np.flatnonzero(missing)
    table = pl.DataFrame(
        {
            "unique_id": np.repeat([after.ids[one] for one in rows], len(steps)),
            "period": np.tile(newest + 1 + steps, len(rows)),
        },
        schema={"unique_id": pl.String, "period": pl.Int64},
    )
    drivers = {name: values[rows][:, width + steps].ravel() for name, values in after.known.items()}
    made = _shaped(panel, table.with_columns(_texts(drivers, codes)), panel.future.columns)
    return pl.concat([kept, made]).sort("unique_id", "period")


def _shaped(panel: Panel, table: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    stamped = table.with_columns(panel.timeline.stamp().alias("ds").cast(panel.frame.schema["ds"]))
    return stamped.select(columns)


def _texts(values: dict[str, FloatArray], codes: Codes) -> list[pl.Series]:
    """Turn codes back into texts and NaN into null."""
    columns = []
    for name, numbers in values.items():
        column = pl.Series(name, numbers, dtype=pl.Float64).fill_nan(None)
        texts = codes.get(name)
        if texts is not None:
            column = column.cast(pl.Int64).replace_strict(
                list(range(len(texts))), list(texts), default=None, return_dtype=pl.String
            )
        columns.append(column)
    return columns


def _floated(panel: Panel, frame: pl.DataFrame) -> pl.DataFrame:
    drivers = [name for name in (*panel.known, *panel.past) if name in frame.columns]
    return frame.with_columns(_as_float_or_text(frame, name) for name in drivers)


def _as_float_or_text(frame: pl.DataFrame, name: str) -> pl.Expr:
    kind = frame.schema[name]
    numeric = kind.is_numeric() or kind == pl.Boolean
    return pl.col(name).cast(pl.Float64 if numeric else pl.String)


def _series(panel: Panel, after: Series, hierarchy: Hierarchy, missing: BoolArray) -> pl.DataFrame:
    """Describe all nodes: a sum is not below zero where none of its series is."""
    signs = dict(panel.series.select("unique_id", "non_negative").rows())
    bottom = np.array([0.0 if signs[one] else 1.0 for one in hierarchy.bottom_ids])
    below_zero = hierarchy.add_up(bottom) > 0
    lengths = after.lengths
    made = pl.DataFrame(
        {
            "unique_id": list(after.ids),
            "first": after.last - lengths + 1,
            "last": after.last,
            "length": lengths,
            "values": after.observed.sum(axis=1).astype(np.int64),
            "non_negative": [
                not below_zero[row] if missing[row] else bool(signs[one]) for row, one in enumerate(after.ids)
            ],
            "ended_early": np.zeros(len(after), dtype=np.int64),
        }
    ).cast(panel.series.schema)
    others = panel.series.filter(~pl.col("unique_id").is_in(list(after.ids)))
    return pl.concat([others, made.select(panel.series.columns)]).sort("unique_id")


def _static(panel: Panel, after: Series, codes: Codes, missing: BoolArray) -> pl.DataFrame | None:
    if panel.static is None:
        return None
    own = panel.static.with_columns(
        _as_float_or_text(panel.static, name) for name in panel.static.columns if name != "unique_id"
    )
    ids = pl.Series(
        "unique_id", [one for one, made in zip(after.ids, missing, strict=True) if made], dtype=pl.String
    )
    shared = {name: values[missing] for name, values in after.static.items()}
    return pl.concat([own, pl.DataFrame([ids, *_texts(shared, codes)]).select(own.columns)])


def _findings(panel: Panel, late: pl.DataFrame) -> pl.DataFrame:
    rows = late.with_columns(
        pl.when(pl.col("ended_early") > panel.season)
        .then(pl.lit("ended"))
        .otherwise(pl.lit("not_reported_yet"))
        .alias("rule"),
        (pl.col("last") + 1).alias("period"),
    )
    texts = {rule: number for number, rule in enumerate(("treatment_zh", "treatment_en"))}
    return rows.select(
        "unique_id",
        "rule",
        pl.col("ended_early").alias("rows"),
        panel.timeline.stamp().alias("first_ds"),
        *(
            pl.col("rule").replace_strict({rule: pair[place] for rule, pair in _LATE.items()}).alias(name)
            for name, place in texts.items()
        ),
    ).cast(panel.findings.schema)
