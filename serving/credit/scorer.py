"""Score credit without HTTP: model, features, texts and policy in; answer and its record out."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from features.credit.standing import Standing
from models.credit.grade import MasterScale
from models.credit.rules.evaluate import RuleHit
from models.errors import AdditivityError
from serving.access.caller import Call
from serving.credit.book_store import BookStore
from serving.credit.dated_policies import DatedPolicies, day_of
from serving.credit.feature_store import FeatureStore
from serving.credit.figures import Figures, figures_of
from serving.credit.party_book import PartyBook, rule_note
from serving.credit.quality import quality_of, quality_record
from serving.credit.routing import Routed, take_route
from serving.credit.schemas import Contribution, ScoreAnswer, ScoreRequest
from serving.errors import FieldProblem, InvalidRequestError, NoFeaturesError
from serving.ledger.chain import Json
from serving.schemas import Note, Quality, QualityLevel

if TYPE_CHECKING:
    # At run time this would import LightGBM before serving.lean can keep its optional partners out.
    from models.credit.model import Scores

__all__ = ["CreditScorer", "FeatureText", "Model", "Scored"]

_TOLERANCE: Final = 1e-6


class Model(Protocol):
    """What a credit model offers to the service."""

    @property
    def features(self) -> tuple[str, ...]:
        """Return the features in the order of the matrix."""

    @property
    def version(self) -> str:
        """Return the version that every answer names."""

    @property
    def scale(self) -> MasterScale:
        """Return the master scale that the model was trained with."""

    def score_matrix(self, x: NDArray[np.float64], *, num_threads: int = 1) -> "Scores":
        """Score and explain x (n, k)."""


@dataclass(frozen=True)
class FeatureText:
    """What the catalogue says about a feature: texts, unit and the range its values can have."""

    text_zh: str
    text_en: str
    unit: str = ""
    lowest: float = -math.inf
    highest: float = math.inf


@dataclass(frozen=True)
class Scored:
    """An answer and the record that must be durable before it is given."""

    answer: ScoreAnswer
    record: Mapping[str, Json]


@dataclass(frozen=True)
class _Asked:
    """A request with what is known about it; `hits` is None where there are no facts to hold rules against."""

    request: ScoreRequest
    now: datetime
    values: NDArray[np.float64]
    known: int
    standing: Standing
    routed: Routed | None
    hits: tuple[RuleHit, ...] | None


class CreditScorer:
    """One model with the features it was trained on; made anew when either changes."""

    def __init__(
        self,
        model: Model,
        store: FeatureStore,
        *,
        texts: Mapping[str, FeatureText],
        policies: DatedPolicies,
        book: BookStore | None,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
        stale_after_days: int,
        least_known_share: float,
    ) -> None:
        """Raise FeatureMismatchError when store and book lack features of the model."""
        self.model = model
        self.book = PartyBook(book, store, features=model.features, version=model.version)
        self.store = self.book.store
        self._texts = {name: texts.get(name, FeatureText(name, name)) for name in model.features}
        self._policies, self._clock, self._new_id = policies, clock, new_id
        self._stale_after_days = stale_after_days
        self._least_known_share = least_known_share

    def score(self, request: ScoreRequest, call: Call) -> Scored:
        """Answer a request.

        Raises UnknownPartyError, InvalidRequestError, NoFeaturesError, AdditivityError.
        """
        asked = self._asked(request)
        scores = self.model.score_matrix(asked.values.reshape(1, -1))
        self._check_additive(scores)
        answer = self._answer(asked, figures_of(scores, asked.routed), call)
        return Scored(answer, _record(answer, call))

    def _asked(self, request: ScoreRequest) -> _Asked:
        """Look up what a request is about. Raises NoFeaturesError when nothing is known and no like answers."""
        now, values = self._clock(), self._values(request)
        known = int(np.count_nonzero(~np.isnan(values)))
        party = request.party_id
        standing = self.store.standing(party) if party is not None else Standing.AT_RISK
        routed = take_route(
            request,
            self._policies.coverage,
            known_share=known / len(values),
            standing=standing,
            said=self.book.business(party),
            as_of=day_of(now),
        )
        if known == 0 and (routed is None or routed.pooled is None):
            raise NoFeaturesError(len(values))
        facts = self.book.facts(party)
        hits = self._policies.hits(facts, at=now) if facts is not None else None
        return _Asked(request, now, values, known, standing=standing, routed=routed, hits=hits)

    def _answer(self, asked: _Asked, figures: Figures, call: Call) -> ScoreAnswer:
        quality, hits = self._quality(asked), asked.hits or ()
        grade = str(self.model.scale.of(np.array([figures.pd]))[0])
        advised = self._policies.advise(
            grade,
            hits,
            at=asked.now,
            full_quality=quality.level is QualityLevel.FULL,
            in_default=asked.standing is Standing.IN_DEFAULT,
        )
        party = asked.request.party_id
        return ScoreAnswer(
            request_id=call.request_id,
            decision_id=self._new_id(),
            party_id=party,
            **figures.numbers(),
            carrier=self.book.carrier(party, figures.contributions),
            points=self._policies.points_of(figures.log_odds, at=asked.now),
            grade=grade,
            advice=advised.advice,
            grade_advice=advised.of_grade,
            decided_by=list(advised.decided_by),
            rules=[rule_note(hit) for hit in hits],
            route=asked.routed.told(asked.request) if asked.routed is not None else None,
            policy=advised.policy,
            contributions=self._contributions(asked.values, figures.contributions),
            model_version=self.model.version,
            data_as_of=self.store.data_as_of if party is not None else None,
            graph_as_of=self.store.graph_as_of if party is not None else None,
            decided_at=asked.now,
            quality=quality,
            warnings=self._warnings(asked.now) if party is not None else [],
        )

    def _quality(self, asked: _Asked) -> Quality:
        quality = quality_of(
            asked.known,
            len(asked.values),
            asked.standing,
            least_known_share=self._least_known_share,
            rules_checked=asked.hits is not None,
            neighbours_scored=self.book.scored or asked.request.party_id is None,
        )
        if asked.routed is not None and not asked.routed.full:
            return quality.model_copy(update={"level": QualityLevel.FALLBACK})
        return quality

    def _values(self, request: ScoreRequest) -> NDArray[np.float64]:
        if request.party_id is not None:
            return self.store.row(request.party_id)
        given = request.features or {}
        problems = [problem for name, value in given.items() if (problem := self._problem(name, value))]
        if problems:
            raise InvalidRequestError(problems)
        values = [given.get(name) for name in self.model.features]
        return np.array([math.nan if value is None else value for value in values], dtype=np.float64)

    def _problem(self, name: str, value: float | None) -> FieldProblem | None:
        field = f"features.{name}"
        text = self._texts.get(name)
        if text is None:
            return FieldProblem(
                field,
                "unknown_feature",
                f"模型 {self.model.version} 没有这个特征，请删去或改正名称",
                f"model {self.model.version} has no such feature; remove it or correct its name",
            )
        if value is not None and not text.lowest <= value <= text.highest:
            allowed = f"[{text.lowest:g}, {text.highest:g}] {text.unit}".rstrip()
            return FieldProblem(
                field,
                "out_of_range",
                f"{value:g} 超出取值范围 {allowed}，请核对数值与单位",
                f"{value:g} is outside {allowed}; check value and unit",
            )
        return None

    def _check_additive(self, scores: "Scores") -> None:
        log_odds = float(scores.log_odds[0])
        gap = abs(math.fsum([scores.base_log_odds, *scores.contributions[0].tolist()]) - log_odds)
        # Written so that NaN is refused too.
        if not gap <= _TOLERANCE:
            raise AdditivityError(self.model.version, gap)

    def _contributions(self, values: NDArray[np.float64], parts: NDArray[np.float64]) -> list[Contribution]:
        rows = zip(self.model.features, values.tolist(), parts.tolist(), strict=True)
        by_size = sorted(rows, key=lambda row: (-abs(row[2]), row[0]))
        return [
            Contribution(
                feature=name,
                value=None if math.isnan(value) else value,
                unit=self._texts[name].unit,
                contribution=part,
                text_zh=self._texts[name].text_zh,
                text_en=self._texts[name].text_en,
            )
            for name, value, part in by_size
        ]

    def _warnings(self, now: datetime) -> list[Note]:
        age = (now.date() - self.store.data_as_of).days
        if age <= self._stale_after_days:
            return []
        return [
            Note(
                code="stale_data",
                text_zh=f"数据截至 {self.store.data_as_of}，已有 {age} 天，请更新后再作决定。",
                text_en=f"The data is of {self.store.data_as_of}, {age} days old; renew it before deciding.",
            )
        ]


def _record(answer: ScoreAnswer, call: Call) -> Mapping[str, Json]:
    """Return what the ledger keeps: the answer whole, but texts by the catalogue and inputs only once."""
    body = answer.model_dump(mode="json", exclude={"contributions", "decision_id", "decided_at", "quality"})
    return {
        "decision_id": answer.decision_id,
        "recorded_at": answer.decided_at.isoformat(),
        "route": "credit/score",
        "key_id": call.key_id,
        "roles": list(call.roles),
        "answer": {**body, "quality": quality_record(answer.quality)},
        "inputs": {part.feature: part.value for part in answer.contributions},
        "contributions": {part.feature: part.contribution for part in answer.contributions},
    }
