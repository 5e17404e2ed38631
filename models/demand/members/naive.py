"""The seasonal naive, the floor: what was a season ago comes again."""

from typing import Final

import numpy as np

from models.demand.member import Components
from models.demand.members.statistical import Parameters, StatisticalMember
from models.demand.series import FloatArray, IntArray

__all__ = ["NAIVE"]


def _learn(values: FloatArray, lengths: IntArray, season: int) -> Parameters:
    """Keep the last season, or the last value where there is less than a season."""
    back = np.where((lengths >= season)[:, None], season - np.arange(season), 1)
    places = np.clip(lengths[:, None] - back, 0, values.shape[1] - 1)
    last = np.where(lengths[:, None] > 0, np.take_along_axis(values, places, axis=1), np.nan)
    return {"last_season": last}


def _take_apart(parameters: Parameters, horizon: int) -> Components:
    """Forecast the last season again and again; the level is its mean."""
    last = parameters["last_season"]
    level = np.broadcast_to(last.mean(axis=1, keepdims=True), (len(last), horizon))
    again = last[:, np.arange(horizon) % last.shape[1]]
    return Components(("level", "season"), np.stack([level, again - level], axis=2))


NAIVE: Final = StatisticalMember("naive", _learn, _take_apart)
