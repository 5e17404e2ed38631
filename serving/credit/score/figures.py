"""The numbers of an answer, whoever gives them: the model, or the default rate of the party's like."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

import numpy as np
from numpy.typing import NDArray

from serving.credit.score.routing import Routed

if TYPE_CHECKING:
    # At run time this would import LightGBM before serving.lean can keep its optional partners out.
    from models.credit.model import Scores

__all__ = ["Figures", "Numbers", "figures_of"]


class Numbers(TypedDict):
    """The numbers of an answer by the names of its fields."""

    pd: float
    pd_low: float | None
    pd_high: float | None
    log_odds: float
    base_log_odds: float
    own_pd: float
    own_log_odds: float
    network_log_odds: float


@dataclass(frozen=True)
class Figures:
    """The numbers of an answer, whoever gives them; base and contributions (k,) sum to the log-odds."""

    pd: float
    pd_low: float | None
    pd_high: float | None
    log_odds: float
    own_pd: float
    own_log_odds: float
    base_log_odds: float
    contributions: NDArray[np.float64]

    def numbers(self) -> Numbers:
        """Return what an answer says in numbers, by the names of its fields."""
        return {
            "pd": self.pd,
            "pd_low": self.pd_low,
            "pd_high": self.pd_high,
            "log_odds": self.log_odds,
            "base_log_odds": self.base_log_odds,
            "own_pd": self.own_pd,
            "own_log_odds": self.own_log_odds,
            "network_log_odds": self.log_odds - self.own_log_odds,
        }


def figures_of(scores: "Scores", routed: Routed | None, row: int = 0) -> Figures:
    """Return the model's figures for a row with the interval that the route asks for, or those of the party's like."""
    parts, factor = scores.contributions[row], 1.0 if routed is None else routed.route.interval_factor
    if routed is not None and routed.pooled is not None:
        like = routed.pooled
        log_odds = math.log(like.pd / (1 - like.pd))
        return Figures(
            pd=like.pd,
            pd_low=_end(like.pd_low, log_odds, factor),
            pd_high=_end(like.pd_high, log_odds, factor),
            log_odds=log_odds,
            own_pd=like.pd,
            own_log_odds=log_odds,
            base_log_odds=log_odds,
            contributions=np.zeros_like(parts),
        )
    log_odds = float(scores.log_odds[row])
    return Figures(
        pd=float(scores.pd[row]),
        pd_low=_end(float(scores.pd_low[row]), log_odds, factor),
        pd_high=_end(float(scores.pd_high[row]), log_odds, factor),
        log_odds=log_odds,
        own_pd=float(scores.own_pd[row]),
        own_log_odds=float(scores.own_log_odds[row]),
        base_log_odds=scores.base_log_odds,
        contributions=parts,
    )


def _end(pd: float, log_odds: float, factor: float) -> float | None:
    """Return an end of the interval, `factor` times as far from the PD in log-odds; None for a model without one."""
    if math.isnan(pd):
        return None
    if factor == 1.0 or not 0 < pd < 1:
        return pd
    moved = log_odds + factor * (math.log(pd / (1 - pd)) - log_odds)
    return 1 / (1 + math.exp(-moved))
