"""What a challenger says of a request that the champion has answered, and how far the two are apart."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from serving.access.caller import Caller
from serving.cells import cell_number
from serving.credit.score.schemas import ScoreRequest
from serving.credit.score.scorer import CreditScorer
from serving.ledger.json_text import Json, text_of

__all__ = ["Compared", "Figures", "ShadowTask", "compare_figures", "score_task"]

_SCORE_WEIGHT: Final = 64
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
    family: str,
    challenger: CreditScorer,
    request: ScoreRequest,
    caller: Caller,
    record: Mapping[str, Json],
) -> ShadowTask:
    """Return the comparison of a score that was written down; of its record only what is compared is kept."""
    champion = _said(record)
    log_odds, grade = cell_number(champion.get("log_odds")), text_of(champion.get("grade")) or None

    def compare() -> Compared:
        found = _said(challenger.score(request, caller).record)
        theirs = cell_number(found.get("log_odds"))
        return Compared(
            difference=None if theirs is None or log_odds is None else theirs - log_odds,
            pd=cell_number(found.get("pd")),
            log_odds=theirs,
            grade=text_of(found.get("grade")) or None,
            champion_log_odds=log_odds,
            champion_grade=grade,
        )

    return ShadowTask(
        family,
        challenger.model.version,
        text_of(champion.get("model_version")),
        str(record["decision_id"]),
        compare,
        weight=_SCORE_WEIGHT + len(request.features or ()),
    )


def _said(record: Mapping[str, Json]) -> Mapping[str, Json]:
    answer = record["answer"]
    return answer if isinstance(answer, Mapping) else {}


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
