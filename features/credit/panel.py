"""The panel a credit model learns from: features and label of each party at risk on each month-end."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

import polars as pl

from features.asof import month_ends
from features.credit.book import Book
from features.credit.build import FEATURES, SOURCE_TABLES, features_of
from features.credit.labels import (
    HORIZON_MONTHS,
    LABEL_SCHEMA,
    LAG_MONTHS,
    check_mature,
    default_dates,
    labels_of,
)
from features.credit.links import LINKS_SCHEMA, links_of
from graph.store import GraphStore

__all__ = ["PANEL_SCHEMA", "LinkedPanel", "credit_panel", "linked_panel", "month_ends"]

PANEL_SCHEMA: Final = pl.Schema({**LABEL_SCHEMA, **dict.fromkeys(FEATURES, pl.Float64())})


@dataclass(frozen=True, eq=False)
class LinkedPanel:
    """The observations (PANEL_SCHEMA) and who is linked to whom among them on each date (`links.LINKS_SCHEMA`)."""

    observations: pl.DataFrame
    links: pl.DataFrame


def credit_panel(
    tables: Mapping[str, pl.LazyFrame],
    store: GraphStore,
    dates: Iterable[date],
    known_by: date,
    *,
    horizon_months: int = HORIZON_MONTHS,
    lag_months: int = LAG_MONTHS,
    progress: Callable[[date], None] | None = None,
) -> pl.DataFrame:
    """Return [party_id, as_of, label, default_on, cause, *FEATURES], one row per party at risk and month-end.

    Features see what was known on the month-end, labels what was known by `known_by` (see `labels`); `default_on` and
    `cause` describe the outcome and must not be learnt from. `progress` is told each month-end that is done. Raises
    ImmatureObservationError for month-ends whose outcome cannot be known yet.
    """
    return linked_panel(
        tables,
        store,
        dates,
        known_by,
        horizon_months=horizon_months,
        lag_months=lag_months,
        progress=progress,
    ).observations


def linked_panel(
    tables: Mapping[str, pl.LazyFrame],
    store: GraphStore,
    dates: Iterable[date],
    known_by: date,
    *,
    horizon_months: int = HORIZON_MONTHS,
    lag_months: int = LAG_MONTHS,
    progress: Callable[[date], None] | None = None,
) -> LinkedPanel:
    """Return what `credit_panel` returns and, of the same parties and dates, the links to neighbours (`links_of`)."""
    days = sorted(set(dates))
    check_mature(days, known_by, horizon_months + lag_months)
    # Reading the files once is safe: every later read goes through the filter on `known_at`.
    held = {name: table.collect().lazy() for name, table in tables.items() if name in SOURCE_TABLES}
    outcomes = default_dates(held, known_by)
    parts, links = [pl.DataFrame(schema=PANEL_SCHEMA)], [pl.DataFrame(schema=LINKS_SCHEMA)]
    for day in days:
        book, snapshot = Book.read(held, day), store.snapshot(day)
        observed = labels_of(book, outcomes, horizon_months)
        parts.append(observed.join(features_of(book, snapshot), on=["party_id", "as_of"]))
        links.append(links_of(book, snapshot, observed["party_id"]))
        if progress is not None:
            progress(day)
    return LinkedPanel(pl.concat(parts), pl.concat(links))
