"""One series through Prophet: learn, write as JSON, forecast by component on the scale of y."""

import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from features.calendar import CALENDAR_GROUPS, calendar_columns, column_group, festival_windows
from features.chinese_calendar.spring_festival import SHARES
from features.timeline import Frequency, Timeline
from models.demand.members.prophet_regressors import Regressor, calendar_regressors, driver_regressors
from models.demand.members.prophet_settings import ProphetSettings, yearly_order
from models.demand.series import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd  # type: ignore[import-untyped]  # no stubs in the environment
    from prophet import Prophet

__all__ = ["OneSeries", "components_of", "learn_one"]

_BY_DAY: Final = (Frequency.HOUR, Frequency.DAY)
_ORDINARY: Final = "ordinary"
_LONG_BREAK: Final = 5  # days
_WEEKS_LEAST: Final = 2
_WEEKLY_WAVES: Final = 3
_TREND_RANGE: Final = 0.8  # share of the history in which Prophet lets the trend change
_CANCELLED: Final = 1e-12  # a gap between trend and forecast so small is none


@dataclass(frozen=True)
class OneSeries:
    """A series of T periods and `known` drivers that reach h past it; `observed` are the periods to learn from."""

    y: FloatArray  # (T,)
    observed: BoolArray  # (T,)
    periods: IntArray  # (T + h,)
    known: Mapping[str, FloatArray]  # (T + h,) each
    categorical: frozenset[str]
    timeline: Timeline


def learn_one(one: OneSeries, settings: ProphetSettings) -> str | None:
    """Return what was learnt as JSON, None where there is too little to learn from, Stan finds no optimum or is not there."""
    used = _used(one, settings)
    seen = one.y[used]
    if seen.size < settings.rows_least or np.ptp(seen) == 0:
        return None
    regressors, logged = _regressors(one, used)
    with _quiet():
        table = _table(one, regressors, slice(0, one.y.size)).loc[used]
        table["y"] = np.log(seen) if logged else seen
        try:
            model = _model(one, used, regressors, settings)
            model.fit(table)
        except (RuntimeError, ValueError, AttributeError):  # without Stan's binary Prophet lacks an attribute
            return None
        return _written(model, regressors, logged=logged)


def components_of(record: str, one: OneSeries) -> dict[str, FloatArray]:
    """Return the forecast of the h periods after the history by component, (h,) each; their sum is the forecast.

    Of logarithms, each component gets its share of the gap between trend and forecast in proportion to its logarithm:
    what it is times the logarithmic mean of the two (Ang 2004, LMDI-I), which is exact and knows no order.
    """
    written = json.loads(record)
    regressors = [Regressor.read(item) for item in written["regressors"]]
    with _quiet():
        from prophet.serialize import model_from_json  # noqa: PLC0415 - only when quiet

        model = model_from_json(written["model"])
        found = model.predict(_table(one, regressors, slice(one.y.size, None)))
    trend = found["trend"].to_numpy(dtype=np.float64)
    parts: dict[str, FloatArray] = {}
    for column, component in _named(model, regressors):
        part = found[column].to_numpy(dtype=np.float64)
        parts[component] = parts.get(component, np.zeros_like(part)) + part
    return _from_logs(trend, parts) if written["logged"] else {"trend": trend, **parts}


def _from_logs(trend: FloatArray, parts: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    level = np.exp(trend)
    gap = np.sum([np.zeros_like(trend), *parts.values()], axis=0)
    apart = np.abs(gap) > _CANCELLED
    mean = level * np.where(apart, np.expm1(gap) / np.where(apart, gap, 1.0), 1.0)
    return {"trend": level, **{name: part * mean for name, part in parts.items()}}


def _named(model: "Prophet", regressors: list[Regressor]) -> Iterator[tuple[str, str]]:
    """Yield Prophet's columns and the component that each belongs to."""
    for name in model.seasonalities:
        yield name, f"season:{name}"
    for holiday in model.train_holiday_names if model.train_holiday_names is not None else ():
        yield holiday, f"calendar:{column_group(holiday)}"
    for regressor in regressors:
        yield regressor.column, regressor.component


def _used(one: OneSeries, settings: ProphetSettings) -> BoolArray:
    used: BoolArray = one.observed & np.isfinite(one.y)
    places = np.flatnonzero(used)
    used[places[: -settings.rows_most]] = False
    return used


def _regressors(one: OneSeries, used: BoolArray) -> tuple[list[Regressor], bool]:
    """Return the regressors, and whether logarithms are learnt: of positive series that have drivers."""
    learnt = np.pad(used, (0, one.periods.size - one.y.size))
    positive = bool(one.y[used].min() > 0)
    found = driver_regressors(one.known, learnt, one.categorical, logged=positive)
    logged = positive and bool(found)
    if one.timeline.frequency not in _BY_DAY:
        columns = _calendar(one)
        found += calendar_regressors(columns, CALENDAR_GROUPS, learnt)
    return found, logged


def _model(
    one: OneSeries, used: BoolArray, regressors: list[Regressor], settings: ProphetSettings
) -> "Prophet":
    from prophet import Prophet  # noqa: PLC0415 - only when quiet

    frequency = one.timeline.frequency
    by_day = frequency in _BY_DAY
    model = Prophet(
        n_changepoints=min(settings.changepoints, max(0, int(_TREND_RANGE * used.sum()) - 1)),
        changepoint_range=_TREND_RANGE,
        changepoint_prior_scale=settings.changepoint_prior,
        seasonality_prior_scale=settings.season_prior,
        holidays_prior_scale=settings.holiday_prior,
        yearly_seasonality=yearly_order(settings, frequency, int(np.ptp(np.flatnonzero(used))) + 1) or False,
        weekly_seasonality=False,  # added below, for the days that are ordinary
        daily_seasonality="auto" if frequency == Frequency.HOUR else False,
        holidays=_holidays(one, used) if by_day else None,
        uncertainty_samples=0,  # bands come from our own backtests
    )
    if by_day and _weeks(one, used) >= _WEEKS_LEAST:
        model.add_seasonality("weekly", 7, _WEEKLY_WAVES, condition_name=_ORDINARY)
    for item in regressors:
        driver = item.component.startswith("driver:")
        prior = settings.driver_prior if driver else settings.calendar_prior
        model.add_regressor(item.column, prior_scale=prior, standardize=False)
    return model


def _weeks(one: OneSeries, used: BoolArray) -> float:
    days = one.timeline.starts(one.periods[: one.y.size][used])
    return float((days[-1] - days[0]) / np.timedelta64(7, "D"))


def _ordinary(one: OneSeries) -> BoolArray:
    """Return which periods have a weekday to speak of: in a long break a Sunday is like the Tuesday after it.

    Years whose arrangement is not known yet have their Spring Festival break at its usual place.
    """
    if one.timeline.frequency not in _BY_DAY:
        return np.ones(one.periods.shape, dtype=np.bool_)
    columns = _calendar(one)
    offset = columns["spring_festival_offset"]
    first, last = SHARES["spring_festival_during"]
    long_break = (columns["break_days"] >= _LONG_BREAK) | ((offset >= first) & (offset <= last))
    usual: BoolArray = ~long_break
    return usual


def _holidays(one: OneSeries, used: BoolArray) -> "pd.DataFrame | None":
    """Return the festivals that the history saw, over history and horizon; None where it saw none."""
    days = one.timeline.starts(one.periods)
    windows = festival_windows(_day(days[int(np.argmax(used))]), _day(days[-1]), as_of=_newest_day(one))
    seen = windows.filter(pl.col("ds") <= _day(days[one.y.size - 1]))["holiday"].unique()
    kept = windows.filter(pl.col("holiday").is_in(seen.implode()))
    return kept.with_columns(pl.col("ds").cast(pl.Datetime("ns"))).to_pandas() if kept.height else None


def _calendar(one: OneSeries) -> dict[str, FloatArray]:
    """Return the calendar's columns as they were announced by the end of the history."""
    return calendar_columns(one.timeline, one.periods, as_of=_newest_day(one))


def _newest_day(one: OneSeries) -> date:
    return _day(one.timeline.ends(one.periods[one.y.size - 1 : one.y.size])[0])


def _day(day: np.datetime64) -> date:
    found: date = day.astype("datetime64[D]").item()
    return found


def _table(one: OneSeries, regressors: list[Regressor], rows: slice) -> "pd.DataFrame":
    import pandas as pd  # noqa: PLC0415 - half a second, and only here

    stamps = one.timeline.stamps(one.periods[rows]).cast(pl.Datetime("ns")).to_numpy()
    sources: dict[str, FloatArray] = dict(one.known)
    if any(item.component.startswith("calendar:") for item in regressors):
        sources |= _calendar(one)
    columns = {item.column: item.values(sources[item.source][rows]) for item in regressors}
    return pd.DataFrame({"ds": stamps, _ORDINARY: _ordinary(one)[rows], **columns})


def _written(model: "Prophet", regressors: list[Regressor], *, logged: bool) -> str:
    from prophet.serialize import model_to_json  # noqa: PLC0415 - only when quiet

    # Forecasts need the scales, not the rows: without them the file is a tenth as large.
    model.history = model.history.tail(1)
    model.history_dates = model.history_dates.tail(1)
    record: dict[str, Any] = {
        "logged": logged,
        "regressors": [item.record() for item in regressors],
        "model": model_to_json(model),
    }
    return json.dumps(record)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Stan's progress lines out of the logs and Prophet's use of pandas out of the warnings."""
    with warnings.catch_warnings(), _silenced("prophet.plot"):
        # Deprecations between Prophet and pandas are not our subject.
        warnings.simplefilter("ignore")
        import prophet  # noqa: F401, PLC0415 - here, as at its import it reports a missing plotly

        with _silenced("prophet"), _silenced("cmdstanpy"):
            yield


@contextmanager
def _silenced(name: str) -> Iterator[None]:
    # Both libraries set the level of their logs when they first write, so a level would not last.
    logger = logging.getLogger(name)
    disabled = logger.disabled
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = disabled
