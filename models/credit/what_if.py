"""What if: change inputs of a scored party and see PD, grade, points and contributions; what the model says, no promise."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from features.catalogue import Feature
from models.credit.grade import MasterScale
from models.credit.points import PointScale
from models.credit.readable import Language, noun_phrase, readable_value
from models.errors import WhatIfError

__all__ = [
    "CAUTION",
    "InputChange",
    "QuickScorer",
    "Scored",
    "Scorer",
    "Standing",
    "WhatIf",
    "changed_inputs",
    "linked_to",
    "pds",
    "standing",
    "what_if",
]

CAUTION: Final[Mapping[Language, str]] = {
    "zh": "以上是模型对输入变化的测算，不是因果承诺：真实改变会牵动其他情况，模型也只见过已发生的数据。",
    "en": "This is what the model answers to other inputs, no promise of cause and effect: a real change moves other things "
    "too, and the model has seen only what has happened.",
}
_SHOWN: Final = 5


class Scored(Protocol):
    """What a model answers for n rows: log_odds and pd (n,), contributions (n, k), all in log-odds of default."""

    @property
    def log_odds(self) -> NDArray[np.float64]:
        """Return the log-odds (n,)."""

    @property
    def pd(self) -> NDArray[np.float64]:
        """Return the PDs (n,)."""

    @property
    def contributions(self) -> NDArray[np.float64]:
        """Return the contributions (n, k)."""


class Scorer(Protocol):
    """Any model with named features that scores a matrix of them."""

    @property
    def features(self) -> tuple[str, ...]:
        """Return the features in the order of the matrix."""

    def score_matrix(self, x: NDArray[np.float64], *, num_threads: int = 1) -> Scored:
        """Score and explain x (n, k); missing is NaN."""


@runtime_checkable
class QuickScorer(Protocol):
    """A model that can also score without explaining, which a search over many inputs is glad of."""

    def log_odds_of(self, x: NDArray[np.float64], *, num_threads: int = 1) -> NDArray[np.float64]:
        """Return the log-odds (n,) of x (n, k)."""


@dataclass(frozen=True)
class Standing:
    """Where a party stands: PD, grade, place in the grade (0 best, 1 worst) and points where there is a scale."""

    pd: float
    log_odds: float
    grade: str
    rank: float
    points: int | None


@dataclass(frozen=True)
class InputChange:
    """One input before and after; None is unknown. `linked` features would move along and were left as they are."""

    feature: str
    before: float | None
    after: float | None
    linked: tuple[str, ...]


@dataclass(frozen=True)
class WhatIf:
    """The answer: inputs changed, standing before and after, and how the contributions moved (largest first)."""

    changes: tuple[InputChange, ...]
    before: Standing
    after: Standing
    contributions: tuple[tuple[str, float], ...]

    def lines(self, cards: Mapping[str, Feature], language: Language) -> list[str]:
        """Return the answer as sentences."""
        zh = language == "zh"
        moved = [
            f"  {_name(name, cards, language)}: {change:+.2f}" for name, change in self.contributions[:_SHOWN]
        ]
        return [
            outcome(self.changes, self.before, self.after, cards, language),
            "贡献变化（对数几率）：" if zh else "Contributions move by (log-odds):",
            *moved,
            *link_lines(self.changes, cards, language),
            CAUTION[language],
        ]


def what_if(
    model: Scorer,
    row: NDArray[np.float64],
    changes: Mapping[str, float | None],
    *,
    cards: Mapping[str, Feature],
    scale: MasterScale,
    points: PointScale | None = None,
) -> WhatIf:
    """Score a party's row (k,) once more with some inputs changed (None: unknown).

    Raises WhatIfError when nothing is changed, or a feature is none of the model's or a value outside its range.
    """
    new = changed_inputs(model.features, row, changes, cards)
    scored = model.score_matrix(np.vstack([row, new]))
    before, after = (standing(scored, i, scale, points) for i in (0, 1))
    moved = scored.contributions[1] - scored.contributions[0]
    order = [i for i in np.argsort(-np.abs(moved), kind="stable").tolist() if moved[i] != 0]
    links = linked_to(cards)
    told = tuple(
        InputChange(
            name,
            _known(row[model.features.index(name)]),
            _known(new[model.features.index(name)]),
            tuple(other for other in links.get(name, ()) if other in model.features and other not in changes),
        )
        for name in changes
    )
    return WhatIf(told, before, after, tuple((model.features[i], float(moved[i])) for i in order))


def changed_inputs(
    features: Sequence[str],
    row: NDArray[np.float64],
    changes: Mapping[str, float | None],
    cards: Mapping[str, Feature],
) -> NDArray[np.float64]:
    """Return a copy of row (k,) with the changes in it, checked as `what_if` says."""
    if not changes:
        raise WhatIfError(
            zh="没有给出要改变的输入。请至少给出一个“特征=数值”。",
            en="No input is to be changed. Give at least one feature and its value.",
        )
    new = row.copy()
    for name, value in changes.items():
        if name not in features:
            raise _unknown(name, features)
        new[features.index(name)] = math.nan if value is None else _in_range(name, value, cards)
    return new


def _unknown(name: str, features: Sequence[str]) -> WhatIfError:
    near = ", ".join(get_close_matches(name, features, n=3)) or "-"
    return WhatIfError(
        zh=f"模型没有特征“{name}”。相近的名称：{near}。请用模型的特征名（zhiheng features catalogue）。",
        en=f"The model has no feature '{name}'. Near it: {near}. Use the model's names (zhiheng features catalogue).",
        features=[name],
    )


def _in_range(name: str, value: float, cards: Mapping[str, Feature]) -> float:
    card = cards.get(name)
    low, high = (card.low, card.high) if card else (-math.inf, math.inf)
    if not (math.isfinite(value) and low <= value <= high):
        unit = card.unit.value if card else ""
        raise WhatIfError(
            zh=f"特征“{name}”的取值 {value:g} 不在 {low:g} 至 {high:g}（{unit}）之内。请核对数值与单位。",
            en=f"Feature '{name}': {value:g} is not within {low:g} to {high:g} ({unit}). Check value and unit.",
            features=[name],
        )
    return value


def standing(scored: Scored, row: int, scale: MasterScale, points: PointScale | None) -> Standing:
    """Return where one of the scored rows stands."""
    pd = scored.pd[row : row + 1]
    log_odds = float(scored.log_odds[row])
    return Standing(
        pd=float(pd[0]),
        log_odds=log_odds,
        grade=str(scale.of(pd)[0]),
        rank=float(scale.rank_within(pd)[0]),
        points=None if points is None else math.floor(float(points.points(np.array(log_odds))) + 0.5),
    )


def pds(model: Scorer, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the PDs of x (n, k), shape (n,), without explanations where the model can."""
    if isinstance(model, QuickScorer):
        return np.asarray(expit(model.log_odds_of(x)), dtype=np.float64)
    return model.score_matrix(x).pd


def linked_to(cards: Mapping[str, Feature]) -> dict[str, tuple[str, ...]]:
    """Return for each feature those that move along with it; a link declared at one end holds at the other too."""
    found: dict[str, dict[str, None]] = {}
    for name, card in cards.items():
        for other in card.changeable.linked if card.changeable else ():
            found.setdefault(name, {})[other] = None
            found.setdefault(other, {})[name] = None
    return {name: tuple(others) for name, others in found.items()}


def outcome(
    changes: Sequence[InputChange],
    before: Standing,
    after: Standing,
    cards: Mapping[str, Feature],
    language: Language,
) -> str:
    """Return the sentence that says what is changed and what the model then answers."""
    zh = language == "zh"
    told = ("；" if zh else "; ").join(_change(change, cards, language) for change in changes)
    scored = ""
    if before.points is not None and after.points is not None:
        scored = (
            f"，分数由 {before.points} 变为 {after.points}"
            if zh
            else f", the points from {before.points} to {after.points}"
        )
    same = before.grade == after.grade
    if zh:
        grade = f"等级仍为 {after.grade}" if same else f"等级由 {before.grade} 变为 {after.grade}"
        return f"若{told}，其余输入不变，模型给出的违约概率由 {before.pd:.2%} 变为 {after.pd:.2%}，{grade}{scored}。"
    grade = (
        f"the grade stays {after.grade}" if same else f"the grade goes from {before.grade} to {after.grade}"
    )
    return (
        f"With {told}, and all other inputs as they are, the model's probability of default goes from {before.pd:.2%} to "
        f"{after.pd:.2%}, {grade}{scored}."
    )


def link_lines(changes: Sequence[InputChange], cards: Mapping[str, Feature], language: Language) -> list[str]:
    """Return a line that names linked features left as they are, or none."""
    names = dict.fromkeys(other for change in changes for other in change.linked)
    if not names:
        return []
    phrases = [_name(name, cards, language) for name in names]
    if language == "zh":
        return [f"与之联动、测算中未改动的特征：{'、'.join(phrases)}。实际改变时它们也会变，结果会不同。"]
    return [
        f"Linked features left as they are: {'; '.join(phrases)}. In reality they would move along, and the answer would differ."
    ]


def _change(change: InputChange, cards: Mapping[str, Feature], language: Language) -> str:
    name = _name(change.feature, cards, language)
    before, after = (_said(change.feature, value, cards, language) for value in (change.before, change.after))
    return f"“{name}”由 {before} 变为 {after}" if language == "zh" else f"{name} from {before} to {after}"


def _name(feature: str, cards: Mapping[str, Feature], language: Language) -> str:
    return noun_phrase(cards[feature], language) if feature in cards else feature


def _said(feature: str, value: float | None, cards: Mapping[str, Feature], language: Language) -> str:
    if feature in cards:
        return readable_value(cards[feature], value, language)
    if value is None:
        return "未知" if language == "zh" else "unknown"
    return f"{value:.4g}"


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
