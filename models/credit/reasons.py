"""Reasons of a score: contributions as sentences in Chinese or English, grouped by the side of the party they look at."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from features.catalogue import Dimension, Feature
from models.credit.points import PointScale, apportion
from models.credit.readable import Language, noun_phrase, readable_value
from models.errors import ReasonsError

__all__ = ["DimensionSum", "Reason", "Reasons", "is_private", "reasons"]

_FINENESS: Final = 100  # log-odds are shown in hundredths
_OTHERS_AFFAIRS: Final = frozenset({"exposures", "schedules", "payments", "write_offs", "court_events"})
_PERSONAL: Final = frozenset({"family_members", "positions_held"})
_OTHER: Final = {"zh": "其他", "en": "other"}
_LEAST_SHOWN: Final = 5e-5  # change of a PD below which it is said to be under 0.01 percentage points


@dataclass(frozen=True)
class Reason:
    """One feature's part in a score: its value as a person reads it, direction and size.

    `pd_change` is the PD less what it would be without this contribution; unlike contributions, such changes do not
    add up. `points` are whole points (None without a scale), lost where negative. `private` says that the value tells of
    others or of a person's family: `notice` and `masked` name the reason without it.
    """

    feature: str
    dimension: Dimension | None
    phrase: str
    value: float | None
    value_text: str
    contribution: float
    pd_change: float
    points: int | None
    text: str
    masked: str
    notice: str
    private: bool

    @property
    def raises(self) -> bool:
        """Whether it raises the PD."""
        return self.contribution > 0


@dataclass(frozen=True)
class DimensionSum:
    """All contributions of one side of the party; the sums of all sides and the base are the log-odds.

    `shown` is the sum in log-odds as people are shown it, to two decimals: these add up exactly to the `shown` total.
    None is the side of features that no catalogue describes.
    """

    dimension: Dimension | None
    name: str
    features: int
    contribution: float
    raised: float
    lowered: float
    shown: float
    points: int | None


@dataclass(frozen=True)
class Reasons:
    """Why a score is what it is: base + sums of dimensions = log-odds, and the largest contributions in words."""

    language: Language
    log_odds: float
    pd: float
    base_log_odds: float
    shown_log_odds: float
    shown_base: float
    points: int | None
    base_points: int | None
    top: tuple[Reason, ...]
    adverse: tuple[Reason, ...]
    dimensions: tuple[DimensionSum, ...]

    @property
    def notice(self) -> tuple[str, ...]:
        """Return the main reasons for a letter to the party: only what raises the PD, nothing of others' affairs."""
        return tuple(reason.notice for reason in self.adverse)

    def lines(self) -> list[str]:
        """Return the answer as lines of text: the sum by dimension, then the reasons."""
        zh = self.language == "zh"
        head = f"违约概率 {self.pd:.2%}" if zh else f"Probability of default {self.pd:.2%}"
        if self.points is not None:
            head += f"，{self.points} 分" if zh else f", {self.points} points"
        parts = [("基准" if zh else "base", self.shown_base, self.base_points)]
        parts += [(part.name, part.shown, part.points) for part in self.dimensions]
        parts.append(("合计" if zh else "total", self.shown_log_odds, self.points))
        sums = [
            f"  {name}: {shown:+.2f}" + ("" if points is None else f" ({points:+d})")
            for name, shown, points in parts
        ]
        return [head, *sums, *(reason.text for reason in self.top)]


def reasons(
    features: Sequence[str],
    values: Sequence[float | None] | NDArray[np.float64],
    contributions: Sequence[float] | NDArray[np.float64],
    base: float,
    *,
    cards: Mapping[str, Feature],
    language: Language,
    top: int = 5,
    scale: PointScale | None = None,
) -> Reasons:
    """Explain one score: values and contributions (k,) of its features, base and contributions in log-odds of default.

    `cards` are the declarations of the features by name (`features.catalogue.catalogue`); one that is not there is called
    by its name and counted under "other". `top` is the number of reasons, largest first; contributions of zero are
    none. Among reasons for an adverse decision (`adverse`) stand only contributions that raise the PD, as such a
    decision is not made for what speaks in favour. Raises ReasonsError when lengths differ or a contribution is not finite.
    """
    parts = np.asarray(contributions, dtype=np.float64)
    known = [None if value is None or math.isnan(value) else float(value) for value in values]
    _check(features, known, parts, base)
    log_odds = math.fsum([base, *parts.tolist()])
    whole = _points(scale, parts, base, log_odds)
    found = []
    for place in np.argsort(-np.abs(parts), kind="stable").tolist():
        if parts[place] != 0:
            lost = None if whole is None else whole[1][place]
            found.append(
                _reason(
                    features[place],
                    cards.get(features[place]),
                    known[place],
                    (float(parts[place]), log_odds, lost),
                    language,
                )
            )
    sums = _dimensions(features, parts, base, log_odds, cards=cards, whole=whole, language=language)
    return Reasons(
        language=language,
        log_odds=log_odds,
        pd=float(expit(log_odds)),
        base_log_odds=base,
        shown_log_odds=_hundredths(log_odds) / _FINENESS,
        shown_base=_hundredths(base) / _FINENESS,
        points=None if whole is None else whole[0] + sum(whole[1]),
        base_points=None if whole is None else whole[0],
        top=tuple(found[:top]),
        adverse=tuple([reason for reason in found if reason.raises][:top]),
        dimensions=sums,
    )


def _check(
    features: Sequence[str], values: Sequence[float | None], parts: NDArray[np.float64], base: float
) -> None:
    if not len(features) == len(values) == len(parts):
        raise ReasonsError(
            zh=f"特征 {len(features)} 个、取值 {len(values)} 个、贡献 {len(parts)} 个，三者应一一对应。请检查调用。",
            en=f"{len(features)} features, {len(values)} values and {len(parts)} contributions; there must be one each. "
            "Check the call.",
        )
    wrong = [name for name, part in zip(features, parts.tolist(), strict=True) if not math.isfinite(part)]
    if wrong or not math.isfinite(base):
        name = wrong[0] if wrong else "base"
        raise ReasonsError(
            zh=f"“{name}”的贡献不是有限的数，无法解释。请核查模型文件。",
            en=f"The contribution of '{name}' is no finite number, so it cannot be explained. Check the model's files.",
        )


def _points(
    scale: PointScale | None, parts: NDArray[np.float64], base: float, log_odds: float
) -> tuple[int, list[int]] | None:
    if scale is None:
        return None
    whole = scale.whole(np.array([log_odds]), base, parts[None, :])
    return whole.base, whole.contributions[0].tolist()


def _reason(
    name: str,
    card: Feature | None,
    value: float | None,
    size: tuple[float, float, int | None],
    language: Language,
) -> Reason:
    part, log_odds, points = size
    phrase = name if card is None else noun_phrase(card, language)
    said = _plain(value, language) if card is None else readable_value(card, value, language)
    change = float(expit(log_odds) - expit(log_odds - part))
    effect = _effect(part, change, points, language)
    zh = language == "zh"
    private = card is not None and is_private(card)
    stated = phrase if private else (f"{phrase}：{said}" if zh else f"{phrase}: {said}")
    return Reason(
        feature=name,
        dimension=None if card is None else card.dimension,
        phrase=phrase,
        value=value,
        value_text=said,
        contribution=part,
        pd_change=change,
        points=points,
        text=f"{phrase}：{said}，{effect}。" if zh else f"{phrase}: {said}. It {effect}.",
        masked=f"{stated}，{effect}。" if zh else f"{stated}. It {effect}.",
        notice=f"{stated}。" if zh else f"{stated}.",
        private=private,
    )


def is_private(card: Feature) -> bool:
    """Return whether the value tells of others (the arrears of a director, of a customer) or of a person's family.

    A letter to the party may name such a reason, not the figure.
    """
    around = card.dimension in (Dimension.RELATIONS, Dimension.SUPPLY)
    return card.name in _PERSONAL or (around and not _OTHERS_AFFAIRS.isdisjoint(card.sources))


def _plain(value: float | None, language: Language) -> str:
    if value is None:
        return "未知（没有数据）" if language == "zh" else "unknown (no data)"
    return f"{value:.4g}"


def _effect(part: float, change: float, points: int | None, language: Language) -> str:
    zh, up = language == "zh", part > 0
    shift = f"{100 * change:+.2f}"
    if abs(change) < _LEAST_SHOWN:
        shift = ("+" if up else "-") + ("不足 0.01" if zh else "under 0.01")
    if zh:
        earned = "" if points is None else f"，分数 {points:+d}"
        return (
            f"{'推高' if up else '压低'}违约概率（对数几率 {part:+.2f}，违约概率 {shift} 个百分点{earned}）"
        )
    earned = "" if points is None else f", points {points:+d}"
    verb = "raises" if up else "lowers"
    return f"{verb} the probability of default (log-odds {part:+.2f}, PD {shift} percentage points{earned})"


def _dimensions(
    features: Sequence[str],
    parts: NDArray[np.float64],
    base: float,
    log_odds: float,
    *,
    cards: Mapping[str, Feature],
    whole: tuple[int, list[int]] | None,
    language: Language,
) -> tuple[DimensionSum, ...]:
    of = [cards[name].dimension if name in cards else None for name in features]
    sides = [side for side in (*Dimension, None) if side in of]
    places = {side: [i for i, one in enumerate(of) if one is side] for side in sides}
    sums = np.array([math.fsum(parts[places[side]].tolist()) for side in sides])
    total = np.array([_hundredths(log_odds) - _hundredths(base)])
    shown = apportion(_FINENESS * sums[None, :], total)[0] if sides else np.zeros(0, dtype=np.int64)
    return tuple(
        DimensionSum(
            dimension=side,
            name=_name(side, language),
            features=len(places[side]),
            contribution=float(sums[i]),
            raised=math.fsum(part for part in parts[places[side]].tolist() if part > 0),
            lowered=math.fsum(part for part in parts[places[side]].tolist() if part < 0),
            shown=int(shown[i]) / _FINENESS,
            points=None if whole is None else sum(whole[1][place] for place in places[side]),
        )
        for i, side in enumerate(sides)
    )


def _name(side: Dimension | None, language: Language) -> str:
    if side is None:
        return _OTHER[language]
    return side.zh if language == "zh" else side.value


def _hundredths(log_odds: float) -> int:
    return math.floor(_FINENESS * log_odds + 0.5)
