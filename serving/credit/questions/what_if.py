"""Answer what the model would say to other inputs of a party, without deciding anything."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from features.catalogue import Feature
from models.credit.readable import Language, noun_phrase
from models.credit.reasons import is_private
from models.credit.what_if import (
    CAUTION,
    InputChange,
    Standing,
    WhatIf,
    changed_inputs,
    link_lines,
    outcome,
    what_if,
)
from models.errors import WhatIfError
from serving.access.caller import Caller
from serving.credit.questions.desk import QuestionDesk
from serving.credit.questions.schemas import QuestionQuality
from serving.credit.questions.what_if_schemas import (
    ChangedInput,
    Moved,
    StandingNow,
    WhatIfAnswer,
    WhatIfRequest,
)
from serving.credit.score.answer import check_additive, outcome_of, route_of
from serving.credit.score.basis import Basis
from serving.credit.score.schemas import ScoreRequest
from serving.credit.score.scorer import CreditScorer
from serving.credit.score.shown import hides_values
from serving.credit.sources.feature_cards import feature_cards
from serving.credit.terms import Terms
from serving.errors import FieldProblem, InvalidRequestError
from serving.ledger.answered import Answered
from serving.ledger.quality_codes import quality_codes

__all__ = ["WhatIfDesk"]

Cards = Mapping[str, Feature]


class WhatIfDesk:
    """Scores a party twice: as it is, and with some inputs changed."""

    def __init__(self, desk: QuestionDesk) -> None:
        self._desk = desk

    def what_if(self, request: WhatIfRequest, caller: Caller) -> Answered:
        """Answer a request.

        Raises OutsideScopeError, UnknownPartyError, InvalidRequestError, NoFeaturesError, AdditivityError, StaleError and
        what keeps a model from answering.
        """
        if request.party_id is not None:
            self._desk.require_party(caller, request.party_id)
        scorer, cards = self._desk.credit.scorer(), feature_cards()
        basis = scorer.basis(ScoreRequest(party_id=request.party_id, features=request.features))
        quality = _quality(basis, scorer.terms)
        hidden = _hidden(request, cards) if hides_values(basis.party_id, caller.companies) else []
        _check(request, scorer, basis.values, cards, hidden)
        found = what_if(
            scorer.model,
            basis.values,
            request.changes,
            cards=cards,
            scale=scorer.model.scale,
            points=scorer.terms.policies.points.on(basis.day),
        )
        answer = self._answer(request, found, basis, caller, quality)
        said = {
            **answer.model_dump(mode="json", include={"before", "after", "changes", "contributions"}),
            "model_version": answer.model_version,
            "quality": quality_codes(quality),
        }
        asked = {
            "party_id": request.party_id,
            "changes": dict(request.changes),
            "inputs_sha256": basis.plain()["inputs_sha256"],
        }
        return self._desk.write(
            "credit/what-if", answer, asked, caller, said=said, subject=request.party_id or ""
        )

    def _answer(
        self,
        request: WhatIfRequest,
        found: WhatIf,
        basis: Basis,
        caller: Caller,
        quality: QuestionQuality,
    ) -> WhatIfAnswer:
        cards, sources = feature_cards(), basis.sources
        zh, en = (_told(found, cards, language) for language in ("zh", "en"))
        return WhatIfAnswer(
            request_id=caller.call.request_id,
            decision_id=self._desk.new_id(),
            answered_at=basis.decided_at,
            model_version=sources.model_version,
            data_as_of=sources.data_as_of,
            graph_as_of=sources.graph_as_of,
            quality=quality,
            party_id=request.party_id,
            before=_standing(found.before),
            after=_standing(found.after),
            changes=[_changed(change, cards) for change in found.changes],
            contributions=[
                Moved(
                    feature=name,
                    name_zh=_name(name, cards, "zh"),
                    name_en=_name(name, cards, "en"),
                    change=moved,
                )
                for name, moved in found.contributions
            ],
            linked_zh=zh[1],
            linked_en=en[1],
            text_zh=zh[0],
            text_en=en[0],
            caution_zh=CAUTION["zh"],
            caution_en=CAUTION["en"],
        )


def _quality(basis: Basis, terms: Terms) -> QuestionQuality:
    """Return the quality of the score as it stands; what is too old, or knows nothing, is refused as a score is."""
    routed = route_of(basis, terms)
    scores = terms.model.score_matrix(basis.values.reshape(1, -1))
    check_additive(scores, 0, terms.model.version)
    stands = outcome_of(basis, terms, routed, scores=scores)
    return QuestionQuality(level=stands.quality.level, notes=list(stands.quality.notes))


def _hidden(request: WhatIfRequest, cards: Cards) -> list[FieldProblem]:
    """Name the changes of values that the caller is not told.

    The value could be found by trying: where nothing moves, it lies in the same leaves of the trees.
    """
    zh = "的原值涉及他人，不在密钥范围内，不能测算它的改变；请用覆盖全集团的密钥，或自带全部特征测算"
    en = (
        "has a value that tells of others and is outside the key's companies, so no change of it is computed; use a key for the "
        "whole group, or send all features yourself"
    )
    return [
        FieldProblem(f"changes.{name}", "private_feature", zh, en)
        for name in request.changes
        if _private(name, cards)
    ]


def _check(
    request: WhatIfRequest,
    scorer: CreditScorer,
    row: NDArray[np.float64],
    cards: Cards,
    hidden: Sequence[FieldProblem],
) -> None:
    """Name every change that the model cannot take or the caller may not try. Raises InvalidRequestError."""
    problems = [*hidden]
    for name, value in request.changes.items():
        try:
            changed_inputs(scorer.model.features, row, {name: value}, cards)
        except WhatIfError as error:
            rule = "out_of_range" if name in scorer.model.features else "unknown_feature"
            problems.append(FieldProblem(f"changes.{name}", rule, error.zh, error.en))
    if problems:
        raise InvalidRequestError(problems)


def _told(found: WhatIf, cards: Cards, language: Language) -> tuple[str, str | None]:
    links = link_lines(found.changes, cards, language)
    text = outcome(found.changes, found.before, found.after, cards, language)
    return text, links[0] if links else None


def _standing(one: Standing) -> StandingNow:
    return StandingNow(pd=one.pd, log_odds=one.log_odds, grade=one.grade, rank=one.rank, points=one.points)


def _private(feature: str, cards: Cards) -> bool:
    return feature in cards and is_private(cards[feature])


def _changed(change: InputChange, cards: Cards) -> ChangedInput:
    card = cards.get(change.feature)
    return ChangedInput(
        feature=change.feature,
        name_zh=_name(change.feature, cards, "zh"),
        name_en=_name(change.feature, cards, "en"),
        unit=card.unit.value if card else "",
        before=change.before,
        after=change.after,
        private=_private(change.feature, cards),
        linked=list(change.linked),
    )


def _name(feature: str, cards: Cards, language: Language) -> str:
    return noun_phrase(cards[feature], language) if feature in cards else feature
