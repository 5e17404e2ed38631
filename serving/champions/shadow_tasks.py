"""What a challenger says of a request that the champion has answered, and how far the two are apart."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serving.access.caller import Caller
from serving.credit.schemas import ScoreAnswer, ScoreRequest
from serving.credit.scorer import CreditScorer

__all__ = ["Compared", "Figures", "ShadowTask", "compare_figures", "score_task"]

Figures = Mapping[str, NDArray[np.float64]]
"""A forecast's figures by series or line, in the order of its steps."""


@dataclass(frozen=True)
class Compared:
    """A challenger's answer beside the champion's."""

    difference: float | None
    pd: float | None = None
    log_odds: float | None = None
    grade: str | None = None
    champion_log_odds: float | None = None
    champion_grade: str | None = None
    figures: int | None = None
    figures_sha256: str | None = None


@dataclass(frozen=True)
class ShadowTask:
    """One comparison to be made; `weight` is how many figures it keeps in memory until then."""

    family: str
    version: str
    champion_version: str
    decision_id: str
    compare: Callable[[], Compared]
    weight: int = 1


def score_task(
    family: str, challenger: CreditScorer, request: ScoreRequest, caller: Caller, answer: ScoreAnswer
) -> ShadowTask:
    """Return the comparison of a score; of the champion's answer only what it needs is kept."""
    log_odds, grade = answer.log_odds, answer.grade

    def compare() -> Compared:
        found = challenger.score(request, caller).answer
        apart = None if found.log_odds is None or log_odds is None else found.log_odds - log_odds
        return Compared(
            difference=apart,
            pd=found.pd,
            log_odds=found.log_odds,
            grade=found.grade,
            champion_log_odds=log_odds,
            champion_grade=grade,
        )

    return ShadowTask(
        family, challenger.model.version, answer.model_version, answer.decision_id, compare, weight=64
    )


def compare_figures(champion: Figures, challenger: Figures) -> Compared:
    """Hold a challenger's figures against the champion's: mean absolute difference over the champion's mean size."""
    digest = hashlib.sha256()
    gaps, sizes = [], []
    for name in sorted(challenger):
        digest.update(name.encode() + b"\0" + np.ascontiguousarray(challenger[name], "<f8").tobytes())
        if name in champion:
            steps = min(len(champion[name]), len(challenger[name]))
            gaps.append(np.abs(champion[name][:steps] - challenger[name][:steps]))
            sizes.append(np.abs(champion[name][:steps]))
    gap = np.concatenate(gaps) if gaps else np.empty(0)
    size = float(np.concatenate(sizes).mean()) if gap.size else 0.0
    difference = float(gap.mean()) / size if size > 0 else (0.0 if gap.size and not gap.any() else None)
    return Compared(difference=difference, figures=int(gap.size), figures_sha256=digest.hexdigest())
