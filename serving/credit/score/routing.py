"""Who answers a question about a business line at a stage: the model, the pooled rate of its like, or nobody."""

from dataclasses import dataclass
from datetime import date
from typing import Protocol

from features.credit.standing import Standing
from models.credit.coverage import (
    Answerer,
    CoverageFile,
    LendingStage,
    Line,
    Route,
    RouteFacts,
    RouteQuality,
    route,
)
from serving.credit.errors import NoScoreError
from serving.credit.score.schemas import RouteTaken

__all__ = ["Pooled", "Question", "Routed", "take_route"]


@dataclass(frozen=True)
class Pooled:
    """The default rate of a party's like, with its interval."""

    pd: float
    pd_low: float
    pd_high: float
    segment: str


class Question(Protocol):
    """What routing needs of a question: who is asked about, for which line and stage, and what is known of the party."""

    @property
    def party_id(self) -> str | None:
        """Return the party, None for a payload of features."""

    @property
    def line(self) -> Line | None:
        """Return the business line asked about."""

    @property
    def stage(self) -> LendingStage | None:
        """Return the stage asked about."""

    @property
    def known_share(self) -> float:
        """Return the share of the model's features that have a value."""

    @property
    def standing(self) -> Standing:
        """Return where the party stands with the group."""

    @property
    def lines(self) -> tuple[str, ...] | None:
        """Return the lines that the party has live business in, None when that is not known."""

    @property
    def pooled(self) -> Pooled | None:
        """Return the default rate of the party's like, None when there is none."""


@dataclass(frozen=True)
class Routed:
    """The route taken, and the pooled answer where that is what answers."""

    route: Route
    pooled: Pooled | None

    @property
    def full(self) -> bool:
        """Return whether the route answers in full quality."""
        return self.route.quality is RouteQuality.FULL

    def told(self, question: Question) -> RouteTaken:
        """Return the route as an answer shows it."""
        segment = self.pooled.segment if self.pooled is not None else None
        return RouteTaken(
            line=str(question.line),
            stage=str(question.stage),
            answers_by=[answerer.value for answerer in self.route.answers_by],
            interval_factor=self.route.interval_factor,
            segment=segment,
            text_zh=self.route.reason.zh,
            text_en=self.route.reason.en,
        )


def take_route(question: Question, file: CoverageFile, *, as_of: date) -> Routed | None:
    """Return the route of a question that names line and stage, None for one that does not.

    Raises NoScoreError where the route refuses.
    """
    line, stage, pooled = question.line, question.stage, question.pooled
    if line is None or stage is None:
        return None
    facts = RouteFacts(
        known_share=question.known_share,
        has_exposure=line in (question.lines or ()),
        has_history=question.standing is not Standing.NO_LIVE_EXPOSURE and question.party_id is not None,
        in_default=question.standing is Standing.IN_DEFAULT,
        segment_known=pooled is not None,
        has_pooled=pooled is not None,
    )
    found = route(line, stage, facts, file, as_of=as_of)
    if found.refused_reason is not None:
        raise NoScoreError(zh=found.refused_reason.zh, en=found.refused_reason.en)
    return Routed(found, pooled if Answerer.POOLED in found.answers_by else None)
