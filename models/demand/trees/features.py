"""What a tree is told about a forecast: series, period it is made at, steps ahead; all relative to where it starts."""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from models.demand.series import FloatArray, IntArray
from models.demand.trees.columns import SEASON, TREND, Columns
from models.demand.trees.drivers import Driver
from models.demand.trees.history import History
from models.demand.trees.reference import Record, Reference

__all__ = ["Rows", "Seen"]

_NEWEST_VALUES: Final = 6
_NO_SPREAD: Final = 1e-4
_LAGS_WITHOUT_SEASON: Final = (1, 4, 13, 26, 52, 104)
_LONG_LAGS_WITHOUT_SEASON: Final = (13, 52)
_SEASONAL: Final = frozenset({"last_season", "grown_quick", "grown_slow", "last_long_season"})


@dataclass(frozen=True)
class Rows:
    """Forecasts to make or to learn from: `step` periods after row `column` of series number `series`."""

    step: int
    column: IntArray
    series: IntArray

    @property
    def target(self) -> IntArray:
        """Return the row that is forecast."""
        return self.column + self.step


@dataclass(frozen=True)
class Seen:
    """A history with the record of its simple forecasts."""

    history: History
    record: Record

    @classmethod
    def of(cls, history: History, horizon: int) -> Self:
        """Look at a history for forecasts up to `horizon` periods ahead."""
        return cls(history, Record.of(history, horizon))

    def columns(self, rows: Rows) -> tuple[Columns, Reference]:
        """Return what a tree sees of the rows, and where their forecasts start from."""
        reference = Reference.of(self.history, self.record, rows.step, rows.column, rows.series)
        columns = Columns()
        columns.add("step", TREND, np.full(len(rows.column), float(rows.step)))
        _add_candidates(columns, reference)
        self._add_shape(columns, rows, reference)
        if self.history.season > 1:
            self._add_season(columns, rows)
        self.history.calendar.add(columns, rows.target, rows.series, self._season_ago(rows))
        for driver in self.history.drivers.known:
            _add_known(columns, driver, rows, self._season_ago(rows))
        for driver in self.history.drivers.past:
            _add_past(columns, driver, rows)
        for name, values in self.history.drivers.static.items():
            coded = name in self.history.drivers.categorical
            columns.add(f"static {name}", f"static:{name}", values[rows.series], categorical=coded)
        return columns, reference

    def _season_ago(self, rows: Rows) -> IntArray | None:
        """Return the row of the last known period at the same place in the season; None without a season."""
        season = self.history.season
        return None if season == 1 else rows.target - season * int(np.ceil(rows.step / season))

    def _add_shape(self, columns: Columns, rows: Rows, reference: Reference) -> None:
        """Add the newest values and the movements of the levels."""
        history = self.history
        quick, slow = history.level("quick"), history.level("slow")
        level = _at(quick, rows.column, rows.series)
        columns.add("spread", TREND, np.log(reference.spread + _NO_SPREAD))
        columns.add("level less reference", TREND, level - reference.forecast)
        for lag in range(_NEWEST_VALUES):
            newest = _at(history.adjusted, rows.column - lag, rows.series)
            columns.add(f"value {lag} ago", TREND, newest - level)
        long_run = _at(slow, rows.column, rows.series)
        columns.add(
            "quicker less slow", TREND, _at(history.level("quicker"), rows.column, rows.series) - long_run
        )
        columns.add("quick less slow", TREND, level - long_run)
        very_slow = _at(history.level("very_slow"), rows.column, rows.series)
        columns.add("quick less very slow", TREND, level - very_slow)
        season = history.season
        lags = _LAGS_WITHOUT_SEASON if season == 1 else sorted({1, 3, 6, season, 2 * season})
        for lag in lags:
            columns.add(f"growth {lag}", TREND, level - _at(quick, rows.column - lag, rows.series))
        for lag in _LONG_LAGS_WITHOUT_SEASON if season == 1 else (season,):
            columns.add(f"slow growth {lag}", TREND, long_run - _at(slow, rows.column - lag, rows.series))
        columns.add("values seen", TREND, _at(history.seen, rows.column, rows.series))
        columns.add("share without demand", TREND, _at(history.empty_share, rows.column, rows.series))

    def _add_season(self, columns: Columns, rows: Rows) -> None:
        """Add the same place in earlier seasons, beside its neighbours and the level."""
        history, ago = (
            self.history,
            rows.target - self.history.season * int(np.ceil(rows.step / self.history.season)),
        )
        last = _at(history.z, ago, rows.series)
        for earlier in (1, 2):
            before = _at(history.z, ago - earlier * history.season, rows.series)
            columns.add(f"season {earlier} before last", SEASON, before - last)
        columns.add(
            "last season less level", SEASON, last - _at(history.level("quick"), rows.column, rows.series)
        )
        columns.add("last season one before", SEASON, _at(history.z, ago - 1, rows.series) - last)
        after = np.where(ago + 1 <= rows.column, ago + 1, -1)
        columns.add("last season one after", SEASON, _at(history.z, after, rows.series) - last)


def _at(values: FloatArray, column: IntArray, series: IntArray) -> FloatArray:
    """Return values at rows, NaN before the first."""
    there = column >= 0
    picked: FloatArray = np.where(there, values[np.where(there, column, 0), series], np.nan)
    return picked


def _add_candidates(columns: Columns, reference: Reference) -> None:
    for place, name in enumerate(reference.names):
        component = SEASON if name in _SEASONAL else TREND
        columns.add(f"{name} less reference", component, reference.values[:, place] - reference.forecast)
        columns.add(f"{name} error", component, reference.relative_errors[:, place])


def _add_known(columns: Columns, driver: Driver, rows: Rows, ago: IntArray | None) -> None:
    """Add a driver at the forecast period, one before and after, and against what the series has been used to."""
    component = f"driver:{driver.name}"
    now = _at(driver.values, rows.target, rows.series)
    for name, column in (
        ("", rows.target),
        (" one before", rows.target - 1),
        (" one after", rows.target + 1),
    ):
        inside = np.where(column < len(driver.values), column, -1)
        values = _at(driver.values, inside, rows.series)
        columns.add(f"{component}{name}", component, values, categorical=driver.categorical)
    if driver.usual is None:
        return
    columns.add(f"{component} less usual", component, now - _at(driver.usual, rows.column, rows.series))
    columns.add(f"{component} less newest", component, now - _at(driver.values, rows.column, rows.series))
    if ago is not None:
        columns.add(f"{component} less last season", component, now - _at(driver.values, ago, rows.series))


def _add_past(columns: Columns, driver: Driver, rows: Rows) -> None:
    component = f"driver:{driver.name}"
    newest = _at(driver.values, rows.column, rows.series)
    columns.add(f"{component} newest", component, newest, categorical=driver.categorical)
    if driver.usual is not None:
        columns.add(
            f"{component} newest less usual", component, newest - _at(driver.usual, rows.column, rows.series)
        )
