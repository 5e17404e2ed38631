"""Compute a credit score again from the basis in its record, with the model of that version and the policy of that day."""

from collections.abc import Callable, Mapping
from typing import Final

from graph.errors import UserError
from serving.champions.families import Level
from serving.credit.errors import BasisError
from serving.credit.score.answer import Marks, answer_from
from serving.credit.score.basis import Basis, basis_of
from serving.credit.score.rules_only import rules_answer
from serving.credit.score.schemas import ScoreAnswer
from serving.credit.score.writing import record_of
from serving.credit.sources.dated_policies import DatedPolicies
from serving.credit.terms import FeatureText, Model, Terms
from serving.decisions.replay import CannotReplayError, Progress, Recomputed, caller_of_record
from serving.ledger.chain import Decision
from serving.ledger.json_text import text_of
from serving.schemas import Note

__all__ = ["EXPLAINER", "POLICY_FILES", "ModelOf", "ScoreReplayer", "kept_model"]

ModelOf = Callable[[str], Model | None]
"""Returns the model of a version, None where it is no longer kept."""

POLICY_FILES: Final = Note(
    code="policies_changed",
    text_zh="政策文件此后有改动；如当日适用的条目未变，结果仍应相同。",
    text_en="The policy files have changed since; where the entries of that day have not, the answer is the same all the same.",
)
EXPLAINER: Final = Note(
    code="explainer_changed",
    text_zh="贡献的算法与当时不同，末位可能有差异。",
    text_en="Contributions are computed in another way than then; their last digits may differ.",
)


class ScoreReplayer:
    """Replays records of `credit/score`."""

    def __init__(
        self,
        model_of: ModelOf,
        policies: DatedPolicies,
        load_texts: Callable[[], Mapping[str, FeatureText]],
    ) -> None:
        self._model_of, self._policies, self._load_texts = model_of, policies, load_texts

    def __call__(self, decision: Decision, _progress: Progress) -> Recomputed:
        """Compute a score again. Raises CannotReplayError naming what is missing."""
        record, caller = decision.record, caller_of_record(decision.record)
        basis = _basis(decision)
        marks = Marks(decision.decision_id, text_of(record.get("request_id")), caller.companies)
        changed = basis.sources.policy_sha256 != self._policies.sha256
        notes = [POLICY_FILES] if changed else []
        try:
            if basis.sources.level == Level.RULES_ONLY:
                answer = rules_answer(basis, self._policies, marks)
            else:
                model = kept_model(self._model_of, basis.sources.model_version)
                if model.explainer != basis.sources.explainer:
                    notes.append(EXPLAINER)
                answer = self._answer(basis, model, marks)
        except CannotReplayError:
            raise
        except UserError as error:
            raise CannotReplayError(
                "refused_now",
                zh=f"现在按同一依据不再出具结果：{error.zh}",
                en=f"The same basis gets no answer now: {error.en}",
            ) from error
        return Recomputed(record_of(answer, basis, caller), tuple(notes))

    def _answer(self, basis: Basis, model: Model, marks: Marks) -> ScoreAnswer:
        return answer_from(basis, Terms(model, self._policies, self._load_texts()), marks)


def kept_model(model_of: ModelOf, version: str) -> Model:
    """Return the model of a version. Raises CannotReplayError where it is no longer kept."""
    model = model_of(version)
    if model is None:
        raise CannotReplayError(
            "model_not_kept",
            zh=f"本地已不保留模型版本 {version}，不能重算。请从模型仓库取回该版本放入 models/credit 后再试。",
            en=f"Model version {version} is no longer kept here, so the answer cannot be computed again. Fetch it from the "
            "registry into models/credit and try again.",
        )
    return model


def _basis(decision: Decision) -> Basis:
    plain = decision.record.get("basis")
    if not isinstance(plain, Mapping):
        raise CannotReplayError(
            "no_basis",
            zh="该记录出自较早的版本，没有保留重算所需的依据；记录本身可用哈希核对。",
            en="The record is of an earlier release, which did not keep what the answer was computed from; the record itself "
            "can be checked by its hash.",
        )
    try:
        return basis_of(plain)
    except BasisError as error:
        raise CannotReplayError("basis_unreadable", zh=error.zh, en=error.en) from error
