"""Score credit without HTTP: model, features, texts and policy in; answer and its record out."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from features.credit.standing import Standing
from models.credit.policy import Advice
from models.errors import AdditivityError, FeatureMismatchError
from serving.errors import FieldProblem, InvalidRequestError, NoFeaturesError
from serving.feature_store import FeatureStore
from serving.ledger import Json
from serving.schemas import Contribution, Note, Quality, QualityLevel, ScoreAnswer, ScoreRequest

if TYPE_CHECKING:
    # At run time this would import LightGBM before serving.lean can keep its optional partners out.
    from models.credit.model import Scores

__all__ = ["AdviceByDate", "Call", "CreditScorer", "FeatureText", "Model", "Scored"]

_TOLERANCE: Final = 1e-6
_UNLEARNT: Final = {
    Standing.IN_DEFAULT: Note(
        code="already_in_default",
        text_zh="该主体已违约；模型只学习未违约的主体，违约概率不适用，处理意见按已违约给出。",
        text_en="The party is in default already. The model learns from parties that are not, so the PD does not apply; "
        "the advice is that for a party in default.",
    ),
    Standing.NO_LIVE_EXPOSURE: Note(
        code="no_live_exposure",
        text_zh="该主体没有存续业务；模型只学习有存续业务的主体，最高只建议人工复核。",
        text_en="The party has no live exposure. The model learns from parties that have one, so the advice is manual "
        "review at best.",
    ),
}


class Model(Protocol):
    """What a credit model offers to the service."""

    @property
    def features(self) -> tuple[str, ...]:
        """Return the features in the order of the matrix."""

    @property
    def version(self) -> str:
        """Return the version that every answer names."""

    def score_matrix(self, x: NDArray[np.float64], *, num_threads: int = 1) -> "Scores":
        """Score and explain x (n, k)."""


class AdviceByDate(Protocol):
    """From a grade to advice, by the policy in force on a day."""

    def __call__(
        self, grade: str, *, at: datetime, full_quality: bool, in_default: bool
    ) -> tuple[str, Advice]:
        """Return the policy's name and its advice."""


@dataclass(frozen=True)
class FeatureText:
    """What the catalogue says about a feature: texts, unit and the range its values can have."""

    text_zh: str
    text_en: str
    unit: str = ""
    lowest: float = -math.inf
    highest: float = math.inf


@dataclass(frozen=True)
class Call:
    """Who asks, under which request id."""

    request_id: str
    key_id: str
    roles: tuple[str, ...]


@dataclass(frozen=True)
class Scored:
    """An answer and the record that must be durable before it is given."""

    answer: ScoreAnswer
    record: Mapping[str, Json]


class CreditScorer:
    """One model with the features it was trained on; made anew when either changes."""

    def __init__(
        self,
        model: Model,
        store: FeatureStore,
        *,
        texts: Mapping[str, FeatureText],
        advise: AdviceByDate,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
        stale_after_days: int,
        least_known_share: float,
    ) -> None:
        """Raise FeatureMismatchError when the store lacks features of the model."""
        missing = [name for name in model.features if name not in set(store.features)]
        if missing:
            raise FeatureMismatchError(model.version, missing=missing)
        self.model = model
        self.store = store.ordered(model.features)
        self._texts = {name: texts.get(name, FeatureText(name, name)) for name in model.features}
        self._advise, self._clock, self._new_id = advise, clock, new_id
        self._stale_after_days = stale_after_days
        self._least_known_share = least_known_share

    def score(self, request: ScoreRequest, call: Call) -> Scored:
        """Answer a request.

        Raises UnknownPartyError, InvalidRequestError, NoFeaturesError, AdditivityError.
        """
        now = self._clock()
        values = self._values(request)
        known = int(np.count_nonzero(~np.isnan(values)))
        if known == 0:
            raise NoFeaturesError(len(values))
        scores = self.model.score_matrix(values.reshape(1, -1))
        self._check_additive(scores)
        stored = request.party_id is not None
        standing = self.store.standing(request.party_id) if request.party_id is not None else Standing.AT_RISK
        quality = _quality(known, len(values), standing, least_known_share=self._least_known_share)
        grade = str(scores.grades[0])
        policy, advice = self._advise(
            grade,
            at=now,
            full_quality=quality.level is QualityLevel.FULL,
            in_default=standing is Standing.IN_DEFAULT,
        )
        answer = ScoreAnswer(
            request_id=call.request_id,
            decision_id=self._new_id(),
            party_id=request.party_id,
            pd=float(scores.pd[0]),
            log_odds=float(scores.log_odds[0]),
            base_log_odds=scores.base_log_odds,
            grade=grade,
            advice=advice,
            policy=policy,
            contributions=self._contributions(values, scores.contributions[0]),
            model_version=self.model.version,
            data_as_of=self.store.data_as_of if stored else None,
            graph_as_of=self.store.graph_as_of if stored else None,
            decided_at=now,
            quality=quality,
            warnings=self._warnings(now) if stored else [],
        )
        return Scored(answer, _record(answer, call))

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


def _quality(known: int, total: int, standing: Standing, *, least_known_share: float) -> Quality:
    notes = []
    if known < total:
        notes.append(
            Note(
                code="missing_features",
                text_zh=f"{total} 个特征中有 {total - known} 个缺失。",
                text_en=f"{total - known} of {total} features are missing.",
            )
        )
    level = QualityLevel.FULL
    if standing in _UNLEARNT:
        level = QualityLevel.FALLBACK
        notes.append(_UNLEARNT[standing])
    if known < least_known_share * total:
        level = QualityLevel.FALLBACK
        notes.append(
            Note(
                code="mostly_base_rate",
                text_zh=f"已知特征不足 {least_known_share:.0%}，结果主要反映总体违约率，最高只建议人工复核。",
                text_en=f"Less than {least_known_share:.0%} of the features are known: the score mostly repeats the "
                "base rate, and the advice is manual review at best.",
            )
        )
    return Quality(level=level, features_known=known, features_total=total, notes=notes)


def _quality_record(quality: Quality) -> Mapping[str, Json]:
    """Return the quality with the codes of its notes: without them nobody could say later why a grade was not used."""
    return {**quality.model_dump(mode="json"), "notes": [note.code for note in quality.notes]}


def _record(answer: ScoreAnswer, call: Call) -> Mapping[str, Json]:
    """Return what the ledger keeps: the answer whole, but texts by the catalogue and inputs only once."""
    body = answer.model_dump(mode="json", exclude={"contributions", "decision_id", "decided_at", "quality"})
    return {
        "decision_id": answer.decision_id,
        "recorded_at": answer.decided_at.isoformat(),
        "route": "credit/score",
        "key_id": call.key_id,
        "roles": list(call.roles),
        "answer": {**body, "quality": _quality_record(answer.quality)},
        "inputs": {part.feature: part.value for part in answer.contributions},
        "contributions": {part.feature: part.contribution for part in answer.contributions},
    }
