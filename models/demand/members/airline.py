"""The airline model with the moving calendar and known drivers as regressors, for all series at once."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from features.timeline import Frequency
from models.demand.member import Components, refit_backtest
from models.demand.members.airline_fit import Airline, joined, learn_airline, path_of
from models.demand.members.airline_regressors import Encoding, learn_encoding
from models.demand.series import FloatArray, Series

__all__ = ["AIRLINE", "AirlineMember", "FittedAirline"]

_FILE: Final = "airline.parquet"
_FREQUENCIES: Final = (Frequency.MONTH, Frequency.QUARTER, Frequency.INTEGER)
_LONGEST_SEASON: Final = 24
_SEASONS_LEAST: Final = 3
_YEARS_MOST: Final = 15  # of history: how New Year moved output before that says little about today
_ROWS_LEAST: Final = 10
_BLOCK: Final = 2_000  # series at once, for the memory
_CANCELLED: Final = 1e-12


@dataclass(frozen=True)
class FittedAirline:
    """What n series' forecasts need: coefficients, and the last season and a period of values and errors."""

    model: Airline
    encoding: Encoding

    @property
    def member(self) -> str:
        """Name of the member."""
        return AIRLINE.name

    def forecast(self, series: Series, horizon: int) -> FloatArray:
        """Forecast the `horizon` periods after each series' end, (n, horizon), in units of y; NaN where not learnt."""
        total: FloatArray = self.components(series, horizon).values.sum(axis=2)
        return total

    def components(self, series: Series, horizon: int) -> Components:
        """Take the forecast apart: `level` (with trend and season), calendar:spring_festival, driver:price ...

        Of logarithms, each part is its own share of the gap between level and forecast, by their logarithmic mean
        (Ang 2004, LMDI-I): exact.
        """
        level = path_of(self.model, horizon)
        columns = self.encoding.values(series, horizon, start=series.y.shape[1])
        raw = columns * self.model.effects[:, None, :]
        names = tuple(dict.fromkeys(self.encoding.components))
        parts = np.stack(
            [raw[:, :, [one == name for one in self.encoding.components]].sum(axis=2) for name in names]
            or [np.zeros_like(level)],
            axis=2,
        )
        base, weight = _weights(level, parts.sum(axis=2), self.model.logged)
        values = np.concatenate([base[:, :, None], parts * weight[:, :, None]], axis=2)
        return Components(("level", *(names or ("calendar",))), values)

    def files(self) -> dict[str, bytes]:
        """Return airline.parquet: one row a series."""
        buffer = io.BytesIO()
        model = self.model
        frame = pl.DataFrame(
            {
                "values": model.values.tolist(),
                "errors": model.errors.tolist(),
                "effects": model.effects.tolist(),
                "once": model.once,
                "seasonal": model.seasonal,
                "logged": model.logged,
            },
            schema_overrides=dict.fromkeys(("values", "errors", "effects"), pl.List(pl.Float64)),
        )
        frame.write_parquet(
            buffer, metadata={"season": str(model.season), "encoding": self.encoding.to_json()}
        )
        return {_FILE: buffer.getvalue()}


def _weights(level: FloatArray, gap: FloatArray, logged: np.ndarray) -> tuple[FloatArray, FloatArray]:
    """Return the level in units of y, and what turns an effect into units of y."""
    apart = np.abs(gap) > _CANCELLED
    mean = np.where(apart, np.expm1(gap) / np.where(apart, gap, 1.0), 1.0)
    with np.errstate(over="ignore"):
        base = np.where(logged[:, None], np.exp(np.where(logged[:, None], level, 0.0)), level)
    return base, np.where(logged[:, None], base * mean, 1.0)


@dataclass(frozen=True)
class AirlineMember:
    """Box and Jenkins' airline model, (0,1,1)(0,1,1), on logarithms where all values are positive.

    It is what X-13ARIMA-SEATS falls back on, with that program's moving-holiday regressors. Series of months, quarters
    or integers with three seasons of history; NaN for the others.
    """

    name: str = "airline"

    def fit(self, series: Series, horizon: int, *, seed: int) -> FittedAirline:
        """Learn all series at once over a grid of coefficients. Nothing is drawn: `seed` changes nothing."""
        del seed
        encoding = learn_encoding(series)
        blocks = [
            _learn_block(series.take(np.arange(first, min(first + _BLOCK, len(series)))), encoding)
            for first in range(0, len(series), _BLOCK)
        ]
        return FittedAirline(joined(blocks), encoding)

    def backtest(self, series: Series, horizon: int, backs: Sequence[int], *, seed: int) -> FloatArray:
        """Learn anew at every cutoff, (len(backs), n, horizon)."""
        return refit_backtest(self, series, horizon, backs, seed=seed)

    def load(self, files: Mapping[str, bytes]) -> FittedAirline:
        """Read airline.parquet."""
        content = files[_FILE]
        frame = pl.read_parquet(io.BytesIO(content))
        notes = pl.read_parquet_metadata(io.BytesIO(content))
        encoding = Encoding.from_json(notes["encoding"])
        season, count = int(notes["season"]), frame.height

        def stacked(name: str, width: int) -> FloatArray:
            flat = frame[name].explode().to_numpy() if width else np.empty(0)
            return flat.reshape(count, width).astype(np.float64)

        kept = _kept(season)
        model = Airline(
            season,
            stacked("values", kept),
            stacked("errors", kept),
            stacked("effects", len(encoding.components)),
            frame["once"].to_numpy(),
            frame["seasonal"].to_numpy(),
            frame["logged"].to_numpy(),
        )
        return FittedAirline(model, encoding)


def _learn_block(series: Series, encoding: Encoding) -> Airline:
    """Learn some of the series, from the newest years that count."""
    season, whole = max(series.season, 1), series.y.shape[1]
    start = max(0, whole - _YEARS_MOST * season) if season > 1 else 0
    able = series.lengths >= max(_SEASONS_LEAST * season, _ROWS_LEAST)
    able = able & (series.timeline.frequency in _FREQUENCIES and season <= _LONGEST_SEASON)
    y = np.where(able[:, None], series.y[:, start:], np.nan)
    return learn_airline(y, encoding.values(series, 0, start=start), season)


def _kept(season: int) -> int:
    return season + 1 if season > 1 else 1


AIRLINE: Final = AirlineMember()
