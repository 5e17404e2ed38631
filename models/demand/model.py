"""A learnt demand model: members, weights and bands that answer together."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import polars as pl

from features.demand import Panel
from models.demand.arrays import Codes, series_of
from models.demand.backtest import sane
from models.demand.combination import Combination, combine, effective_weights
from models.demand.conformal import Bands
from models.demand.counts import count_quantiles
from models.demand.floor import FloorReason, floor_reason
from models.demand.hierarchies.coherence import Coherence
from models.demand.member import Fitted
from models.demand.profile import Kind
from models.demand.router import FLOOR, Tier
from models.demand.series import BoolArray, FloatArray, IntArray, Series
from models.errors import ForecastAdditivityError
from models.quantile_columns import quantile_name

__all__ = ["DemandModel", "Learnt", "Outlook"]

_ADDS_UP: Final = 1e-6
_ADJUSTMENT: Final = "adjustment"  # what clipping, and adding up over the hierarchy, moved


@dataclass(frozen=True)
class Learnt:
    """A member and the rows of the panel's series that it learnt from."""

    fitted: Fitted
    rows: IntArray


@dataclass(frozen=True)
class Outlook:
    """A forecast as arrays: each member's (m, n, h), what is served (n, h), its quantiles (n, h, q)."""

    members: FloatArray
    point: FloatArray
    quantiles: FloatArray


@dataclass(frozen=True)
class DemandModel:
    """What was learnt from a panel; `forecast` and `explain` answer for the periods after it."""

    panel: Panel
    codes: Codes
    horizon: int
    tier: Tier
    seed: int
    kinds: tuple[Kind, ...]
    non_negative: BoolArray
    members: Mapping[str, Learnt]
    combination: Combination
    bands: Bands
    dispersion: FloatArray  # (n,) of counts about their mean; NaN for series that get a band of errors
    member_bands: Mapping[str, Bands]  # each tried member's own, by name
    coherence: Coherence | None = None  # what makes the forecasts of a hierarchy add up

    @property
    def levels(self) -> tuple[float, ...]:
        """Quantile levels of every answer."""
        return self.bands.levels

    def series(self, future: pl.DataFrame | None = None) -> Series:
        """Return the panel as arrays; `future` (unique_id, ds, known drivers) replaces the drivers it was given."""
        panel = self.panel
        if future is not None:
            timed = future.with_columns(period=panel.timeline.period())
            panel = replace(panel, future=timed.select("unique_id", "ds", "period", *panel.known))
        return series_of(panel, self.horizon, self.codes)

    def outlook(self, series: Series) -> Outlook:
        """Forecast from series made by `series`, whose known drivers a scenario may have changed."""
        forecasts = self._member_forecasts(series)
        point = combine(forecasts, self.combination.weights)
        floor = forecasts[self.combination.members.index(FLOOR)]
        shut = self._closed(series)
        point = np.where(np.isfinite(point), point, floor)
        point = np.where(shut, 0.0, _clipped(point, self.non_negative))
        if self.coherence is not None:
            shut = self.coherence.resting(shut)
            point = self.coherence.point(point, self.non_negative, shut)
        return Outlook(forecasts, point, self._quantiles(point, shut))

    def _quantiles(self, point: FloatArray, shut: BoolArray) -> FloatArray:
        quantiles = _clipped(np.sort(self.bands.quantiles(point), axis=2), self.non_negative)
        counts = np.flatnonzero(np.isfinite(self.dispersion))
        quantiles[counts] = count_quantiles(point[counts], self.dispersion[counts], self.levels)
        quantiles[shut] = 0.0
        return quantiles

    def _closed(self, series: Series) -> BoolArray:
        """Mark the steps that fall on places of the season at which a series never sells, (n, horizon)."""
        closed = np.zeros((len(series), series.season), dtype=np.bool_)
        place = {unique_id: row for row, unique_id in enumerate(series.ids)}
        for unique_id, position in self.panel.closed.select("unique_id", "position").iter_rows():
            closed[place[unique_id], position] = True
        periods = series.last[:, None] + np.arange(1, self.horizon + 1, dtype=np.int64)[None, :]
        return np.take_along_axis(closed, series.timeline.position(periods, series.season), axis=1)

    def forecast(self, future: pl.DataFrame | None = None) -> pl.DataFrame:
        """Forecast every series.

        Returns unique_id, ds, step (1 to horizon), forecast, one column a quantile level (q10, q50, ...), members (their
        weights as text), floor (True where the naive floor is served).
        """
        series = self.series(future)
        return self.frame(series, self.outlook(series))

    def frame(self, series: Series, outlook: Outlook) -> pl.DataFrame:
        """Lay an outlook out as a long frame."""
        count, horizon = outlook.point.shape
        periods = (series.last[:, None] + np.arange(1, horizon + 1)[None, :]).ravel()
        texts = [self._weights_text(row) for row in range(count)]
        return pl.DataFrame(
            {
                "unique_id": np.repeat(np.array(series.ids, dtype=object), horizon).tolist(),
                "ds": self.panel.timeline.stamps(periods),
                "step": np.tile(np.arange(1, horizon + 1, dtype=np.int64), count),
                "forecast": outlook.point.ravel(),
                **{
                    quantile_name(level): outlook.quantiles[:, :, place].ravel()
                    for place, level in enumerate(self.levels)
                },
                "members": np.repeat(np.array(texts, dtype=object), horizon).tolist(),
                "floor": np.repeat(self.combination.floor, horizon),
            },
            schema_overrides={"unique_id": pl.String, "members": pl.String},
        )

    def explain(self, future: pl.DataFrame | None = None) -> pl.DataFrame:
        """Take every forecast apart: unique_id, step, component, value; the values of a step sum to its forecast."""
        series = self.series(future)
        return self.components(series, self.outlook(series))

    def components(self, series: Series, outlook: Outlook) -> pl.DataFrame:
        """Take an outlook apart: the weighted sum of the members' components, and what was adjusted after it.

        Raises ForecastAdditivityError when a member's components do not sum to its forecast.
        """
        shares = effective_weights(outlook.members, self.combination.weights)
        parts: dict[str, FloatArray] = {}
        for number, name in enumerate(self.combination.members):
            learnt = self.members.get(name)
            if learnt is not None and shares[number].any():
                self._add_parts(parts, learnt, series, shares[number], outlook.members[number])
        total = np.sum(list(parts.values()), axis=0) if parts else np.zeros_like(outlook.point)
        parts[_ADJUSTMENT] = outlook.point - total
        return _long(series.ids, parts)

    def floor_reasons(self) -> tuple[FloorReason | None, ...]:
        """Say for each series why the naive floor is served; None where it is not."""
        tested = np.isfinite(self.combination.combined)
        return tuple(
            floor_reason(kind, served=bool(floor), tested=bool(was))
            for kind, floor, was in zip(self.kinds, self.combination.floor, tested, strict=True)
        )

    def _add_parts(
        self,
        parts: dict[str, FloatArray],
        learnt: Learnt,
        series: Series,
        shares: FloatArray,
        forecast: FloatArray,
    ) -> None:
        own = learnt.fitted.components(series.take(learnt.rows), self.horizon)
        share, expected = shares[learnt.rows], forecast[learnt.rows]
        gap = np.abs(own.values.sum(axis=2) - expected)[share > 0]
        size = np.abs(expected)[share > 0]
        if gap.size and float((gap / np.maximum(size, 1.0)).max()) > _ADDS_UP:
            raise ForecastAdditivityError(learnt.fitted.member, float(gap.max()))
        for place, name in enumerate(own.names):
            whole = parts.setdefault(name, np.zeros((len(series), self.horizon)))
            whole[learnt.rows] += np.where(share > 0, share * own.values[:, :, place], 0.0)

    def _member_forecasts(self, series: Series) -> FloatArray:
        names = self.combination.members
        forecasts = np.full((len(names), len(series), self.horizon), np.nan)
        for number, name in enumerate(names):
            learnt = self.members.get(name)
            if learnt is not None:
                forecasts[number][learnt.rows] = learnt.fitted.forecast(
                    series.take(learnt.rows), self.horizon
                )
        return sane(forecasts, series)

    def _weights_text(self, row: int) -> str:
        pairs = zip(self.combination.members, self.combination.weights[row], strict=True)
        used = sorted(((weight, name) for name, weight in pairs if weight > 0), reverse=True)
        return " + ".join(f"{weight:.2f} {name}" for weight, name in used)


def _clipped(values: FloatArray, non_negative: BoolArray) -> FloatArray:
    rows = non_negative.reshape((-1,) + (1,) * (values.ndim - 1))
    clipped: FloatArray = np.where(rows, np.maximum(values, 0.0), values)
    return clipped


def _long(ids: tuple[str, ...], parts: Mapping[str, FloatArray]) -> pl.DataFrame:
    """Return components as a long frame; a component that is zero in all steps of a series is left out there."""
    frames = []
    for name, values in parts.items():
        rows = np.flatnonzero(np.abs(values).max(axis=1, initial=0.0) > 0)
        horizon = values.shape[1]
        frames.append(
            pl.DataFrame(
                {
                    "unique_id": np.repeat(np.array(ids, dtype=object)[rows], horizon).tolist(),
                    "step": np.tile(np.arange(1, horizon + 1, dtype=np.int64), len(rows)),
                    "component": [name] * (len(rows) * horizon),
                    "value": values[rows].ravel(),
                },
                schema={
                    "unique_id": pl.String,
                    "step": pl.Int64,
                    "component": pl.String,
                    "value": pl.Float64,
                },
            )
        )
    return pl.concat(frames).sort("unique_id", "step", maintain_order=True)
