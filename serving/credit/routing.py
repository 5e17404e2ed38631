"""Who answers a question about a business line at a stage: the model, the pooled rate of its like, or nobody."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from features.credit.standing import Standing
from models.credit.coverage import Answerer, CoverageFile, Route, RouteFacts, RouteQuality, route
from serving.credit.schemas import RouteTaken, ScoreRequest
from serving.errors import NoScoreError

__all__ = ["Pooled", "Routed", "take_route"]


@dataclass(frozen=True)
class Pooled:
    """The default rate of a party's like, with its interval."""

    pd: float
    pd_low: float
    pd_high: float
    segment: str


@dataclass(frozen=True)
class Routed:
    """The route taken, and the pooled answer where that is what answers."""

    route: Route
    pooled: Pooled | None

    @property
    def full(self) -> bool:
        """Return whether the route answers in full quality."""
        return self.route.quality is RouteQuality.FULL

    def told(self, request: ScoreRequest) -> RouteTaken:
        """Return the route as an answer shows it."""
        segment = self.pooled.segment if self.pooled is not None else None
        return RouteTaken(
            line=str(request.line),
            stage=str(request.stage),
            answers_by=[answerer.value for answerer in self.route.answers_by],
            interval_factor=self.route.interval_factor,
            segment=segment,
            text_zh=self.route.reason.zh,
            text_en=self.route.reason.en,
        )


def take_route(
    request: ScoreRequest,
    file: CoverageFile,
    *,
    known_share: float,
    standing: Standing,
    said: Mapping[str, object],
    as_of: date,
) -> Routed | None:
    """Return the route of a request that names line and stage, None for one that does not.

    `said` is what the book says of the party (`lines` it has live business in, `pooled`). Raises NoScoreError where
    the route refuses.
    """
    if request.line is None or request.stage is None:
        return None
    lines, pooled = said.get("lines"), said.get("pooled")
    facts = RouteFacts(
        known_share=known_share,
        has_exposure=isinstance(lines, list) and request.line in lines,
        has_history=standing is not Standing.NO_LIVE_EXPOSURE and request.party_id is not None,
        in_default=standing is Standing.IN_DEFAULT,
        segment_known=isinstance(pooled, Mapping),
        has_pooled=isinstance(pooled, Mapping),
    )
    found = route(request.line, request.stage, facts, file, as_of=as_of)
    if found.refused_reason is not None:
        raise NoScoreError(zh=found.refused_reason.zh, en=found.refused_reason.en)
    uses_pool = Answerer.POOLED in found.answers_by and isinstance(pooled, Mapping)
    return Routed(found, Pooled(**pooled) if uses_pool and isinstance(pooled, Mapping) else None)
