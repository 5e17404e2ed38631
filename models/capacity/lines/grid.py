"""Production lines as arrays of lines x days: hours, output, maintenance and drivers, past and planned."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.capacity.line_panel import LinePanel
from models.errors import LinePanelError

__all__ = ["FACTORS", "HOURS_A_DAY", "BoolArray", "FloatArray", "IntArray", "LineGrid", "codes_of", "grid_of"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

HOURS_A_DAY: Final = 24.0
FACTORS: Final = ("schedule", "availability", "performance", "quality")
"""The factors between calendar hours and good output, in the order in which they multiply."""

_EPOCH: Final = date(1970, 1, 1)
_NONE: Final = -1


@dataclass(frozen=True, eq=False)
class LineGrid:
    """Arrays (n lines, d days) on one axis of days; NaN (code -1) where nothing is known.

    `hours` holds the chain (5, n, d) in hours of the planned rate: calendar hours, planned hours, run hours, output
    and good output over the planned rate; what a line does not report is taken from the link before it. Ratios of
    neighbours are the factors of `FACTORS`. `planned` and the drivers also hold what is planned for coming days.
    """

    line_ids: tuple[str, ...]
    first_day: int
    hours: FloatArray
    rate: FloatArray
    planned: FloatArray
    maintenance: IntArray
    kinds: tuple[str, ...]
    first: IntArray
    last: IntArray
    coming: BoolArray
    reports: BoolArray
    drivers: FloatArray
    driver_names: tuple[str, ...]
    text_names: tuple[str, ...]
    profiles: IntArray
    reach: IntArray
    driver_reach: IntArray
    maintenance_reach: int

    @property
    def size(self) -> tuple[int, int]:
        """Return how many lines and days there are."""
        return self.rate.shape[0], self.rate.shape[1]

    @property
    def days(self) -> IntArray:
        """Return the days as numbers since 1970."""
        return self.first_day + np.arange(self.size[1], dtype=np.int64)

    @property
    def origin(self) -> IntArray:
        """Return the place of each line's last report; the day before what is asked of one that never reported."""
        asked = np.where(self.coming.any(axis=1), self.coming.argmax(axis=1), 1)
        return np.where(self.last >= 0, self.last, np.maximum(asked - 1, 0))

    @property
    def known(self) -> BoolArray:
        """Tell which line-days were reported whole, (n, d)."""
        return np.asarray(np.isfinite(self.hours[1:]).all(axis=0), dtype=np.bool_)

    def date(self, day: int) -> date:
        """Return the date of a place on the axis."""
        return _EPOCH + timedelta(days=self.first_day + int(day))


def codes_of(panel: LinePanel) -> dict[str, list[str]]:
    """List the texts of maintenance and text drivers and the profiles, sorted: what they are coded by."""
    codes = {
        "maintenance": _texts(panel.history["maintenance"], panel.future["maintenance"]),
        "profile": _texts(panel.lines["profile"]),
    }
    for name in panel.text_drivers:
        codes[name] = _texts(panel.history[name], panel.future[name])
    return codes


def grid_of(panel: LinePanel, codes: dict[str, list[str]]) -> LineGrid:
    """Return the panel as arrays. Raises LinePanelError where it has no line or a line's days repeat or have gaps."""
    if not panel.lines.height:
        raise LinePanelError(
            zh="产线面板中没有任何产线。请检查 lines 表，或查看面板的 refused 了解各产线被拒的原因。",
            en="The panel has no line. Check the table of lines, or `refused` of the panel for the reasons.",
        )
    ids = panel.lines["line_id"].to_list()
    place = _Place.of(panel, ids)
    grid, future = place.filled(panel.history), place.filled(panel.future)
    rate = np.where(np.isfinite(grid("planned_rate")), grid("planned_rate"), future("planned_rate"))
    own = panel.lines["planned_rate"].to_numpy().astype(np.float64)
    rate = np.where(np.isfinite(rate) & (rate > 0), rate, own[:, None])
    last = place.last(panel.history)
    hours, reports = _chain(
        grid("planned_hours"), grid("run_hours"), grid("output"), grid("good_output"), rate
    )
    names = (*panel.drivers, *panel.text_drivers)
    drivers = [_either(grid, future, name, codes.get(name)) for name in names]
    kinds = _either(grid, future, "maintenance", codes["maintenance"])
    ahead = np.arange(place.width)[None, :] - last[:, None]
    planned = np.where(ahead > 0, future("planned_hours"), grid("planned_hours"))
    return LineGrid(
        line_ids=tuple(ids),
        first_day=place.start,
        hours=hours,
        rate=rate,
        planned=planned,
        maintenance=np.where(np.isfinite(kinds), kinds, _NONE).astype(np.int64),
        kinds=tuple(codes["maintenance"]),
        first=place.first(panel.history),
        last=last,
        coming=np.isfinite(future("planned_rate")) & (ahead > 0),
        reports=reports,
        drivers=np.stack(drivers) if drivers else np.empty((0, len(ids), place.width)),
        driver_names=panel.drivers,
        text_names=panel.text_drivers,
        profiles=np.nan_to_num(_coded(panel.lines["profile"], codes["profile"]), nan=_NONE).astype(np.int64),
        reach=_reach(np.isfinite(planned), ahead),
        driver_reach=np.array([_reach(np.isfinite(one), ahead).max() for one in drivers], dtype=np.int64),
        maintenance_reach=int(_reach(np.isfinite(kinds), ahead).max()),
    )


def _chain(
    planned: FloatArray, run: FloatArray, output: FloatArray, good: FloatArray, rate: FloatArray
) -> tuple[FloatArray, BoolArray]:
    """Return the chain of hours (5, n, d) and which of run hours, output, good output a line reports, (3, n)."""
    reports = np.stack([np.isfinite(one).any(axis=1) for one in (run, output, good)])
    none_planned = np.asarray(~np.isfinite(planned).any(axis=1))[:, None]
    planned = np.where(none_planned & np.isfinite(output), 1.0, planned)
    run = np.where(reports[0][:, None], run, planned)
    planned = np.fmax(planned, np.where(np.isfinite(planned), run, np.nan))
    good = np.where(reports[2][:, None], good, output)
    calendar = np.full_like(planned, HOURS_A_DAY)
    return np.stack([calendar, planned, run, output / rate, good / rate]), reports


def _reach(known: BoolArray, ahead: IntArray) -> IntArray:
    """Return up to how many days past each line's last report something is known, (n,)."""
    reach: IntArray = np.where(known & (ahead > 0), ahead, 0).max(axis=1, initial=0)
    return reach


@dataclass(frozen=True)
class _Place:
    """Where rows lie: a line's number and a day's place on the axis."""

    ids: Sequence[str]
    start: int
    width: int

    @classmethod
    def of(cls, panel: LinePanel, ids: Sequence[str]) -> "_Place":
        days = pl.concat([panel.history["ds"], panel.future["ds"]]).to_physical()
        if not len(days):
            return cls(ids, (panel.as_of - _EPOCH).days, 1)
        start = int(days.min())  # type: ignore[arg-type]  # a Series of whole numbers
        return cls(ids, start, int(days.max()) - start + 1)  # type: ignore[arg-type]

    def at(self, frame: pl.DataFrame) -> tuple[IntArray, IntArray]:
        rows = frame["line_id"].replace_strict(self.ids, range(len(self.ids)), return_dtype=pl.Int64)
        return rows.to_numpy(), frame["ds"].to_physical().to_numpy().astype(np.int64) - self.start

    def filled(self, frame: pl.DataFrame) -> "_Filled":
        unknown = frame.filter(~pl.col("line_id").is_in(self.ids))
        if unknown.height:
            name = unknown["line_id"][0]
            raise LinePanelError(
                zh=f"产线 {name} 不在 lines 表中。请补上该产线，或删去它的行。",
                en=f"Line {name} is not in the table of lines. Add it there or remove its rows.",
            )
        twice = frame.select("line_id", "ds").filter(frame.select("line_id", "ds").is_duplicated())
        if twice.height:
            raise LinePanelError(
                zh=f"产线 {twice['line_id'][0]} 在 {twice['ds'][0]} 有多行。每条产线每天只能有一行，请合并。",
                en=f"Line {twice['line_id'][0]} has several rows for {twice['ds'][0]}. Merge them: one row a line and day.",
            )
        return _Filled(self, frame)

    def last(self, frame: pl.DataFrame) -> IntArray:
        rows, at = self.at(frame)
        last = np.full(len(self.ids), _NONE, dtype=np.int64)
        np.maximum.at(last, rows, at)
        return last

    def first(self, frame: pl.DataFrame) -> IntArray:
        rows, at = self.at(frame)
        first = np.full(len(self.ids), self.width, dtype=np.int64)
        np.minimum.at(first, rows, at)
        return first


@dataclass(frozen=True)
class _Filled:
    """Reads columns of a long frame as arrays (n, d)."""

    place: _Place
    frame: pl.DataFrame

    def __call__(self, column: str, codes: Sequence[str] | None = None) -> FloatArray:
        into = np.full((len(self.place.ids), self.place.width), np.nan)
        if column in self.frame.columns:
            values = self.frame[column]
            numbers = values.cast(pl.Float64).to_numpy() if codes is None else _coded(values, codes)
            into[self.place.at(self.frame)] = numbers
        return into


def _either(past: _Filled, future: _Filled, column: str, codes: Sequence[str] | None) -> FloatArray:
    """Return a column of the past and, from there on, of the plan."""
    told, coming = past(column, codes), future(column, codes)
    return np.where(np.isfinite(told), told, coming)


def _coded(values: pl.Series, codes: Sequence[str]) -> FloatArray:
    """Return a text's place among the codes, NaN where it is missing, the next place where it is not known."""
    place = {text: float(code) for code, text in enumerate(codes)}
    told = values.cast(pl.String).to_list()
    return np.array([np.nan if one is None else place.get(one, len(codes)) for one in told], dtype=np.float64)


def _texts(*columns: pl.Series) -> list[str]:
    every: set[str] = set()
    for column in columns:
        every.update(column.cast(pl.String).drop_nulls().to_list())
    return sorted(every)
