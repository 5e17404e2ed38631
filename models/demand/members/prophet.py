"""Prophet as a member: Chinese festival windows, known drivers, one model a series, for few series."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from joblib import Parallel, cpu_count, delayed

from features.timeline import Frequency
from models.demand.member import Components, refit_backtest
from models.demand.members.prophet_one import OneSeries, components_of, learn_one
from models.demand.members.prophet_settings import ProphetSettings
from models.demand.series import FloatArray, Series

__all__ = ["PROPHET", "FittedProphet", "ProphetMember"]

_FILE: Final = "prophet.json"
_PARALLEL_FROM: Final = 24  # series, below which starting processes costs more than it saves


@dataclass(frozen=True)
class FittedProphet:
    """What was learnt of each series, in their order: JSON of Prophet's own form, None where nothing was."""

    records: tuple[str | None, ...]

    @property
    def member(self) -> str:
        """Name of the member."""
        return PROPHET.name

    def forecast(self, series: Series, horizon: int) -> FloatArray:
        """Forecast the `horizon` periods after each series' end, (n, horizon), in units of y; NaN where not learnt."""
        total: FloatArray = self.components(series, horizon).values.sum(axis=2)
        return total

    def components(self, series: Series, horizon: int) -> Components:
        """Take the forecast apart: trend, season:yearly, season:weekly, calendar:spring_festival, driver:price ..."""
        parts = [
            None if record is None else components_of(record, _one(series, row, horizon))
            for row, record in enumerate(self.records)
        ]
        names = tuple(dict.fromkeys(name for part in parts for name in part or ()))
        values = np.zeros((len(series), horizon, len(names)))
        for row, part in enumerate(parts):
            if part is None:
                values[row] = np.nan
            else:
                for name, value in part.items():
                    values[row, :, names.index(name)] = value
        if not names:
            return Components(("trend",), np.full((len(series), horizon, 1), np.nan))
        return Components(names, values)

    def files(self) -> dict[str, bytes]:
        """Return prophet.json: a list with one entry a series."""
        return {_FILE: json.dumps(self.records).encode()}


@dataclass(frozen=True)
class ProphetMember:
    """Prophet (Taylor and Letham 2018) on at most `most` series: of more, those of the greatest volume are learnt.

    A series costs 0.1 to 0.5 s of CPU a fit. Integer periods have no calendar, so they are not forecast (NaN).
    """

    name: str = "prophet"
    settings: ProphetSettings = field(default_factory=ProphetSettings)
    most: int = 1_000
    processes: int = 0  # 0: as many as there are cores

    def fit(self, series: Series, horizon: int, *, seed: int) -> FittedProphet:
        """Learn each series by itself. The optimisation starts from fixed values: `seed` changes nothing."""
        del seed
        chosen = self._chosen(series)
        work = [_one(series, row, horizon) for row in chosen]
        records: list[str | None] = [None] * len(series)
        for row, record in zip(chosen, self._learnt(work), strict=True):
            records[row] = record
        return FittedProphet(tuple(records))

    def backtest(self, series: Series, horizon: int, backs: Sequence[int], *, seed: int) -> FloatArray:
        """Forecast from cutoffs, learning anew at each, (len(backs), n, horizon)."""
        return refit_backtest(self, series, horizon, backs, seed=seed)

    def load(self, files: Mapping[str, bytes]) -> FittedProphet:
        """Read prophet.json."""
        return FittedProphet(tuple(json.loads(files[_FILE])))

    def _chosen(self, series: Series) -> list[int]:
        if series.timeline.frequency == Frequency.INTEGER:
            return []
        if len(series) <= self.most:
            return list(range(len(series)))
        volume = np.nansum(np.abs(series.y), axis=1)
        return sorted(np.argsort(-volume, kind="stable")[: self.most].tolist())

    def _learnt(self, work: Sequence[OneSeries]) -> list[str | None]:
        processes = self.processes or cpu_count() or 1
        if len(work) < _PARALLEL_FROM or processes == 1:
            return [learn_one(one, self.settings) for one in work]
        # loky: a forked pool hangs once Polars has started its threads.
        found: list[str | None] = Parallel(n_jobs=processes, backend="loky")(
            delayed(learn_one)(one, self.settings) for one in work
        )
        return found


def _one(series: Series, row: int, horizon: int) -> OneSeries:
    """Cut one series out, from its start on, with drivers up to the horizon (NaN where they are not known so far)."""
    width = series.y.shape[1]
    start = width - int(series.lengths[row])
    known = {}
    for name, values in series.known.items():
        reach = values[row, start : width + horizon]
        missing = width + horizon - start - reach.size
        known[name] = np.pad(reach, (0, missing), constant_values=np.nan)
    return OneSeries(
        y=series.y[row, start:],
        observed=series.observed[row, start:],
        periods=series.last[row] + np.arange(1 - (width - start), horizon + 1, dtype=np.int64),
        known=known,
        categorical=series.categorical,
        timeline=series.timeline,
    )


PROPHET: Final = ProphetMember()
