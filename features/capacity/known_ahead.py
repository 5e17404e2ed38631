"""What is known of lines before their days: shift plans and drivers, as known on a date."""

from collections.abc import Sequence
from typing import Final

import polars as pl

from features.asof import Known
from features.capacity.line_days import HOURS_A_DAY
from features.capacity.line_rules import LineNotes
from features.capacity.newest import newest
from features.tables.capacity import RESERVED_NAMES

__all__ = ["known_drivers", "shift_plans"]

_KEY: Final = ("line_id", "ds")
_PLANS: Final = {"line_id": pl.String(), "ds": pl.Date(), "planned_hours": pl.Float64()}


def shift_plans(known: Known, notes: LineNotes) -> pl.DataFrame:
    """Return line_id, ds, planned_hours of the shift plans: of each day the plan known last, but on its day at most."""
    if "line_plans" not in known.tables:
        return pl.DataFrame(schema=_PLANS)
    rows = known.rows("line_plans", *_PLANS, "known_at").filter(pl.col("known_at") <= pl.col("ds")).collect()
    told = rows.drop_nulls(list(_KEY)).with_columns(pl.col("planned_hours").cast(pl.Float64))
    plans, _, clash = newest(told, _KEY, ["planned_hours"])
    impossible = ~pl.col("planned_hours").is_between(0, HOURS_A_DAY).fill_null(value=True)
    notes.find("plan_not_usable", pl.concat([plans.filter(impossible).select(_KEY), clash]))
    return plans.filter(~impossible).drop_nulls()


def known_drivers(
    known: Known, line_ids: pl.Series, notes: LineNotes
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Return line_id, ds and a column for each driver of the lines, with their names; the value known last counts."""
    empty = pl.DataFrame(schema=dict(list(_PLANS.items())[:2]))
    if "line_drivers" not in known.tables:
        return empty, ()
    rows = known.rows("line_drivers", *_KEY, "driver", "value", "known_at").collect()
    rows = rows.filter(pl.col("line_id").is_in(line_ids.implode()))
    named = rows.with_columns(pl.col("driver").str.strip_chars(), pl.col("value").cast(pl.Float64))
    named = named.drop_nulls([*_KEY, "driver"]).filter(pl.col("driver") != "")
    values, _, _ = newest(named, [*_KEY, "driver"], ["value"])
    unusable = ~pl.col("value").is_finite().fill_null(value=False) | pl.col("driver").is_in(RESERVED_NAMES)
    notes.find("driver_not_usable", values.filter(unusable).select(_KEY))
    usable = values.filter(~unusable)
    names = tuple(sorted(usable["driver"].unique()))
    return _wide(usable, names) if names else empty, names


def _wide(values: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Return one column for each driver."""
    columns = [pl.col("value").filter(pl.col("driver") == name).first().alias(name) for name in names]
    return values.group_by(_KEY).agg(columns).sort(_KEY)
