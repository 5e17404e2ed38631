"""Choose the calibration map by validation on whole parties, and prefer the simplest that is as good."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from models.credit.calibration.cells import cells_of
from models.credit.calibration.fit import FITS
from models.credit.calibration.maps import Calibration, Kind
from models.credit.measures import brier, calibration_error, log_losses
from models.errors import CalibrationError, NotTrainableError

__all__ = ["ALL", "Choice", "Dates", "Losses", "choose_calibration"]

ALL: Final = tuple(Kind)
_TIMES: Final = 3  # judged spans of time, when dates are given
_STEPWISE: Final = (Kind.ISOTONIC, Kind.VENN_ABERS)
_LEAST_FOR_STEPS: Final = (
    100  # parties of each class: with fewer the map is a handful of PDs, and ranks by them
)
_CELLS: Final = 2000  # enough to judge a kind by; the one chosen is fitted on the rows themselves
_LEAST_PARTIES: Final = 20  # of each class: with fewer, folds judge by a handful of parties

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
Dates = NDArray[np.datetime64] | NDArray[np.int64]


@dataclass(frozen=True)
class Losses:
    """What a kind of map lost on rows it was not fitted on, and how far behind the best kind it is."""

    log_loss: float
    brier: float
    ece: float
    behind: float
    standard_error: float


@dataclass(frozen=True)
class Choice:
    """The map, fitted on all rows, the losses by which its kind was chosen (empty: too few parties), and why."""

    calibration: Calibration
    kind: Kind
    losses: Mapping[Kind, Losses]
    zh: str
    en: str


def choose_calibration(
    raw: Floats,
    y: Floats,
    *,
    groups: NDArray[np.int64],
    seed: int,
    order: Dates | None = None,
    kinds: Sequence[Kind] = ALL,
    folds: int = 5,
) -> Choice:
    """Choose the kind of map by log-loss on parties it was not fitted on, then fit that kind on all rows.

    raw (n,) log-odds of rows from boosters that did not see them, y (n,) in {0, 1}, groups (n,) the party of each row,
    order (n,) its date. A kind is judged on the parties of each fold; with dates also only on rows later than those
    it was fitted on. The simplest kind is taken whose loss is within one standard error of the lowest, the standard
    error being that of the paired difference with parties as units (Breiman et al. 1984, Classification and regression
    trees, section 3.4.3), so noise does not choose. With fewer than twenty parties of a class the simplest is taken, with
    fewer than a hundred no stepwise map competes.
    Raises CalibrationError on arguments of different length or scores that are no numbers, NotTrainableError when
    higher scores default less.
    """
    _check(raw, y, groups, order)
    asked = [kind for kind in ALL if kind in kinds]
    few = min(len(np.unique(groups[y == label])) for label in (0, 1))
    # Asked for alone a stepwise map is fitted whatever the number.
    simplest = [kind for kind in asked if few >= _LEAST_FOR_STEPS or kind not in _STEPWISE] or asked[:1]
    if len(simplest) == 1 or few < max(folds, _LEAST_PARTIES):
        return _unjudged(raw, y, simplest[0], few)
    pairs = list(_pairs(y, groups, order=order, seed=seed, folds=folds))
    dated = order is not None and bool(pairs)
    # Dates too few, or too early for a default before them, leave nothing that is later: parties alone judge.
    pairs = pairs or list(_pairs(y, groups, order=None, seed=seed, folds=folds))
    held_out = {kind: _held_out(kind, raw, y, pairs) for kind in simplest}
    rows = np.concatenate([judged for _, judged in pairs])
    losses = _losses({kind: pd for kind, pd in held_out.items() if pd is not None}, y[rows], groups[rows])
    if not losses:
        return _unjudged(raw, y, simplest[0], few)
    kind = next(kind for kind, found in losses.items() if found.behind <= found.standard_error)
    return Choice(FITS[kind](raw, y, None), kind, losses, *_why(kind, losses, dated=dated))


def _pairs(
    y: Floats, groups: NDArray[np.int64], *, order: Dates | None, seed: int, folds: int
) -> Iterator[tuple[Rows, Rows]]:
    """Yield rows to fit on and rows to judge, without a party in common, the latter later when there are dates."""
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    spans = [np.zeros(len(y), dtype=np.int64)] if order is None else list(_spans(order))
    for fit, judged in splitter.split(y, y, groups):
        for span in spans:
            early, late = (fit, judged) if order is None else (fit[span[fit] < 0], judged[span[judged] == 0])
            if len(np.unique(y[early])) > 1 and len(late):
                yield early, late


def _spans(order: Dates) -> Iterator[NDArray[np.int64]]:
    """Yield for each judged span of time where rows stand: before it (-1), in it (0), after it (1)."""
    days = np.sort(order)
    edges = np.unique([days[len(days) * k // (_TIMES + 1)] for k in range(1, _TIMES + 1)])
    for start, end in zip(edges, [*edges[1:], None], strict=True):
        yield np.where(order < start, -1, 0 if end is None else np.where(order < end, 0, 1))


def _held_out(kind: Kind, raw: Floats, y: Floats, pairs: Sequence[tuple[Rows, Rows]]) -> Floats | None:
    """Return the PDs of the judged rows; None when the kind cannot be fitted everywhere."""
    cells = cells_of(raw, _CELLS)
    found = []
    for fit, judged in pairs:
        try:
            calibration = cells.fitted(kind, y, np.bincount(fit, minlength=len(y)).astype(np.float64))
        except NotTrainableError:
            return None
        found.append(calibration.pd(raw[judged]))
    return np.concatenate(found)


def _losses(held_out: Mapping[Kind, Floats], y: Floats, groups: NDArray[np.int64]) -> dict[Kind, Losses]:
    rows = {kind: log_losses(y, pd) for kind, pd in held_out.items()}
    if not rows:
        return {}
    best = min(rows, key=lambda kind: float(rows[kind].mean()))
    party = np.unique(groups, return_inverse=True)[1]
    found = {}
    for kind, loss in rows.items():
        gap = loss - rows[best]
        by_party = np.bincount(party, gap - gap.mean())
        error = float(np.sqrt(by_party @ by_party)) / len(y)
        pd = held_out[kind]
        found[kind] = Losses(
            float(loss.mean()), brier(y, pd), calibration_error(y, pd), float(gap.mean()), error
        )
    return found


def _why(kind: Kind, losses: Mapping[Kind, Losses], *, dated: bool) -> tuple[str, str]:
    best = min(losses, key=lambda name: losses[name].log_loss)
    table = ", ".join(f"{name} {found.log_loss:.5f}" for name, found in losses.items())
    zh_how, en_how = (
        ("较晚日期的其他主体", "later dates of other parties") if dated else ("其他主体", "other parties")
    )
    zh, en = f"在{zh_how}上的对数损失：{table}；", f"log-loss on {en_how}: {table}; "
    if kind == next(iter(losses)) and kind == best:
        return (
            f"{zh}{kind} 最低，也最简单，故选用。",
            f"{en}{kind} is lowest, and the simplest, so it is taken.",
        )
    if kind == best:
        return (
            f"{zh}{kind} 最低，更简单的方法落后超过一个标准误，故选用。",
            f"{en}{kind} is lowest, what is simpler is more than one standard error behind, so it is taken.",
        )
    return (
        f"{zh}最低为 {best}，但 {kind} 更简单且差距在一个标准误以内，故选用。",
        f"{en}{best} is lowest, but {kind} is simpler and within one standard error, so it is taken.",
    )


def _unjudged(raw: Floats, y: Floats, kind: Kind, few: int) -> Choice:
    return Choice(
        FITS[kind](raw, y, None),
        kind,
        {},
        f"较少的一类仅有 {few} 个主体或只给了一种方法，不足以比较，直接采用 {kind}。",
        f"The rarer class has {few} parties or one kind was given, too little to compare: {kind} is taken.",
    )


def _check(raw: Floats, y: Floats, groups: NDArray[np.int64], order: Dates | None) -> None:
    lengths = {"raw": len(raw), "y": len(y), "groups": len(groups)}
    lengths |= {} if order is None else {"order": len(order)}
    if len(set(lengths.values())) > 1 or len(raw) == 0:
        text = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise CalibrationError(
            zh=f"校准所需各列行数不一致或为空：{text}。请给出同一批观察的各列。",
            en=f"Calibration needs columns of one length, at least one row: {text}. Give columns of the same rows.",
        )
    if not np.isfinite(raw).all():
        row = int(np.argmin(np.isfinite(raw))) + 1
        raise CalibrationError(
            zh=f"第 {row} 行的原始得分不是有限数，无法校准。请检查模型输出。",
            en=f"The raw score of row {row} is no finite number; it cannot be calibrated. Check the model's output.",
        )
