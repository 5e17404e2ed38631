"""What lines reported day by day, as known on a date: one row a day, impossible rows set aside by name."""

from typing import Final

import polars as pl

from features.asof import Known
from features.capacity.line_rules import LineNotes
from features.capacity.newest import newest

__all__ = ["HOURS_A_DAY", "MEASURES", "known_days", "usable_days"]

HOURS_A_DAY: Final = 24.0
MEASURES: Final = ("planned_hours", "run_hours", "output", "good_output")
_KEY: Final = ("line_id", "ds")
_OVERRUN: Final = 1e-6  # hours and shares are rounded in reports


def known_days(known: Known, notes: LineNotes) -> pl.DataFrame:
    """Return line_id, ds and the measures of each day reported by then; of several reports the last counts.

    A day whose report is impossible (not finite, negative, over 24 hours, more good than made) or contradicts itself
    has no measures.
    """
    rows = known.rows("line_output", *_KEY, *MEASURES, "known_at").collect()
    rows = rows.filter(pl.col("line_id").is_not_null() & (pl.col("ds") <= known.as_of))
    days, again, clash = newest(rows.with_columns(pl.col(MEASURES).cast(pl.Float64)), _KEY, MEASURES)
    notes.find("revised_days", again)
    notes.find("contradicting_days", clash)
    return usable_days(days, notes)


def usable_days(days: pl.DataFrame, notes: LineNotes) -> pl.DataFrame:
    """Return the days with the measures of impossible ones emptied, and write down which rule found them."""
    each = [pl.col(name) for name in MEASURES]
    rules = {
        "not_finite": pl.any_horizontal(~value.is_finite() for value in each),
        "negative_value": pl.any_horizontal(value < 0 for value in each),
        "hours_over_day": pl.any_horizontal(
            pl.col(name) > HOURS_A_DAY + _OVERRUN for name in ("planned_hours", "run_hours")
        ),
        "good_over_output": pl.col("good_output") > pl.col("output") * (1 + _OVERRUN),
    }
    broken = days.select(**{name: rule.fill_null(value=False) for name, rule in rules.items()})
    sound = pl.repeat(value=True, n=days.height, dtype=pl.Boolean, eager=True)
    for name in rules:  # a day is told once, under the first of its faults
        notes.find(name, days.filter(broken[name] & sound))
        sound = sound & ~broken[name]
    return days.with_columns(pl.when(pl.lit(sound)).then(pl.col(name)).alias(name) for name in MEASURES)
