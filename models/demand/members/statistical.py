"""What the statistical members share: each series learnt by itself, its parameters in one Parquet file."""

import io
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import joblib
import numpy as np
import polars as pl

from models.demand.member import Components, Fitted, refit_backtest
from models.demand.series import FloatArray, IntArray, Series

__all__ = ["Parameters", "StatisticalFit", "StatisticalMember"]

Parameters = Mapping[str, FloatArray]
"""Parameters and final states by name: (n,), or (n, season) where the first column is the next period's."""

Learn = Callable[[FloatArray, IntArray, int], Parameters]
TakeApart = Callable[[Parameters, int], Components]

_FILE: Final = "parameters.parquet"
_NEWEST: Final = 260  # periods; five years of weeks
_NEWEST_SEASONS: Final = 5
_CELLS: Final = 400_000  # learnt at a time: arrays that stay in the cache
_MANY_CHUNKS: Final = 16  # from here on worker processes earn the time they take to start


@dataclass(frozen=True)
class StatisticalFit:
    """Parameters of n series and how they make a forecast."""

    member: str
    parameters: Parameters
    take_apart: TakeApart

    def forecast(self, series: Series, horizon: int) -> FloatArray:
        """Forecast from the stored states, (n, horizon); `series` are those it learnt from."""
        forecast: FloatArray = self.components(series, horizon).values.sum(axis=2)
        return forecast

    def components(self, series: Series, horizon: int) -> Components:
        """Return the parts of the forecast; NaN in all parts of a series that could not be learnt."""
        with np.errstate(all="ignore"):  # what overflows becomes NaN below
            parts = self.take_apart(self.parameters, horizon)
        bad = ~np.isfinite(parts.values.sum(axis=2)).all(axis=1)
        values = np.where(bad[:, None, None], np.nan, parts.values)
        return Components(parts.names, values)

    def files(self) -> dict[str, bytes]:
        """Return the parameters, one row a series, as Parquet."""
        buffer = io.BytesIO()
        columns = [_column(name, values) for name, values in self.parameters.items()]
        pl.DataFrame(columns).write_parquet(buffer, compression="zstd")
        return {_FILE: buffer.getvalue()}


@dataclass(frozen=True)
class StatisticalMember:
    """A method that learns every series by itself from its newest periods.

    `learn` takes left-aligned histories (n, T), zero after each one's end, their lengths (n,) and the season.
    History before the newest 260 periods, or five seasons where these are more, is left out: on weekly series the
    older years made seasons and trends worse at five of six origins, and they cost time.
    """

    name: str
    learn: Learn
    take_apart: TakeApart
    pooled: bool = False  # constants are shared by all series of a cutoff, which must then be learnt together

    def fit(self, series: Series, horizon: int, *, seed: int) -> Fitted:
        """Learn every series; those without one finite value get NaN."""
        return self._learn([series])[0]

    def backtest(self, series: Series, horizon: int, backs: Sequence[int], *, seed: int) -> FloatArray:
        """Learn anew at every cutoff, all cutoffs at once."""
        if not backs:
            return np.empty((0, len(series), horizon))
        if self.pooled:
            return refit_backtest(self, series, horizon, backs, seed=seed)
        cuts = [series.before(back) for back in backs]
        return np.stack([fitted.forecast(cuts[0], horizon) for fitted in self._learn(cuts)])

    def load(self, files: Mapping[str, bytes]) -> Fitted:
        """Read the parameters."""
        frame = pl.read_parquet(io.BytesIO(files[_FILE]))
        parameters = {column.name: column.to_numpy() for column in frame.iter_columns()}
        return StatisticalFit(self.name, parameters, self.take_apart)

    def _learn(self, cuts: Sequence[Series]) -> list[StatisticalFit]:
        season = max(cuts[0].season, 1)
        newest = max(_NEWEST, _NEWEST_SEASONS * season)
        y = _stack([cut.y[:, -newest:] for cut in cuts])
        rows = len(y) if self.pooled else _CELLS // y.shape[1]
        rows = max(1, rows)
        chunks = [y[start : start + rows] for start in range(0, max(len(y), 1), rows)]
        workers = joblib.cpu_count() or 1 if len(chunks) >= _MANY_CHUNKS else 1
        learnt = joblib.Parallel(n_jobs=workers)(
            joblib.delayed(_learn_chunk)(self.learn, chunk, season) for chunk in chunks
        )
        parameters = {name: np.concatenate([one[name] for one in learnt]) for name in learnt[0]}
        edges = np.cumsum([0, *(len(cut) for cut in cuts)])
        return [
            StatisticalFit(
                self.name,
                {name: values[first:last] for name, values in parameters.items()},
                self.take_apart,
            )
            for first, last in itertools.pairwise(edges)
        ]


def _learn_chunk(learn: Learn, y: FloatArray, season: int) -> Parameters:
    values, lengths = _left_aligned(y)
    with np.errstate(all="ignore"):  # a bad series becomes NaN by itself and must not stop the others
        return learn(values, lengths, season)


def _stack(histories: Sequence[FloatArray]) -> FloatArray:
    """Put right-aligned histories of several widths below each other, one period wide at least."""
    width = max(1, *(y.shape[1] for y in histories))
    return np.concatenate(
        [np.pad(y, ((0, 0), (width - y.shape[1], 0)), constant_values=np.nan) for y in histories]
    )


def _left_aligned(y: FloatArray) -> tuple[FloatArray, IntArray]:
    """Shift each history to the left; zero after its end. A gap inside takes the value before it."""
    rows, width = y.shape
    finite = np.isfinite(y)
    lengths = np.where(finite.any(axis=1), width - finite.argmax(axis=1), 0).astype(np.int64)
    newest_seen = np.maximum.accumulate(np.where(finite, np.arange(width), 0), axis=1)
    filled = np.take_along_axis(y, newest_seen, axis=1)
    source = (width - lengths)[:, None] + np.arange(width)
    shifted = np.take_along_axis(filled, np.minimum(source, width - 1), axis=1)
    return np.where(source < width, shifted, 0.0).reshape(rows, width), lengths


def _column(name: str, values: FloatArray) -> pl.Series:
    if values.ndim == 1:
        return pl.Series(name, values, dtype=pl.Float64)
    return pl.Series(name, values, dtype=pl.Array(pl.Float64, values.shape[1]))
