"""Cut the rows of a card into what is learnt from and what is judged on, with no party on both sides."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from experiments.errors import SplitError
from features.cards.card import Card, Folds, Protocol, Repeated, Scalar, Validation
from features.cards.matching import is_one_of
from features.cards.read import LABEL, PARTY, TIME, CardTables

__all__ = ["Split", "Splits", "cut_rows"]

_YEARS: Final = 5
_DAYS: Final = 365.25
_LEAST_RECENT: Final = 1000  # rows, of each class a tenth: with fewer, old rows are better than none

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Split:
    """Rows to learn from and rows to judge on (Boolean per main row)."""

    train: Flags
    valid: Flags


@dataclass(frozen=True)
class Splits:
    """All cuts of a protocol, the rows the final model learns from, and what was done about repeated parties."""

    protocol: Protocol
    cuts: tuple[Split, ...]
    final: Flags
    notes: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Split]:
        return iter(self.cuts)


def cut_rows(card: Card, tables: CardTables) -> Splits:
    """Cut the main rows as the card's validation says.

    Raises SplitError when there is no validation, or a side is left without rows or without one of the classes.
    """
    if card.validation is None:
        raise SplitError(
            zh="卡片没有 [validation]，无法评价模型。请写 split、cut、later 或 folds 之一。",
            en="The card has no [validation], so the model could not be judged. Set split, cut, later or folds.",
        )
    if card.validation.folds is not None:
        return _folds(tables, card.validation.folds)
    train, valid = _sides(card.validation, tables.main)
    train, notes = _recent(tables.main, train, valid, card.validation)
    return _two_sides(tables.main, train, valid, card.validation, notes)


def _folds(tables: CardTables, folds: Folds) -> Splits:
    y = tables.main[LABEL].to_numpy()
    party = tables.main[PARTY].rank("dense").to_numpy()
    few = int(min(y.sum(), len(y) - y.sum()))
    if few < folds.n:
        raise SplitError(
            zh=f"较少的一类只有 {few} 行，不足以分成 {folds.n} 折。请减少 folds.n 或补充数据。",
            en=f"The rarer class has {few} rows, too few for {folds.n} folds. Lower folds.n or add data.",
        )
    repeated = len(np.unique(party)) < len(party)
    rows, cuts = np.zeros((len(y), 1)), []
    if repeated:
        parts = StratifiedGroupKFold(folds.n, shuffle=True, random_state=folds.seed).split(rows, y, party)
    else:
        parts = StratifiedKFold(folds.n, shuffle=True, random_state=folds.seed).split(rows, y)
    for _, chosen in parts:
        valid = np.zeros(len(y), dtype=np.bool_)
        valid[chosen] = True
        cuts.append(Split(~valid, valid))
    note = ("同一主体的多行放在同一折 / rows of one party stay in one fold",) if repeated else ()
    return Splits(Protocol.FOLDS, tuple(cuts), np.ones(len(y), dtype=np.bool_), note)


def _sides(validation: Validation, main: pl.DataFrame) -> tuple[Flags, Flags]:
    if validation.split is not None:
        return _named_side(main, validation.split, validation.train), _named_side(
            main, validation.split, validation.valid
        )
    time = main[TIME]
    cut = validation.cut
    if cut is None:
        place = int((1.0 - float(validation.later or 0.0)) * len(time))
        cut = time.sort()[min(place, len(time) - 1)]
    late = (time >= cut).to_numpy()
    return ~late, late


def _named_side(main: pl.DataFrame, column: str, wanted: Scalar) -> Flags:
    chosen = main.select(is_one_of(main.schema[column], column, [wanted]).fill_null(value=False))
    return chosen.to_series().to_numpy().astype(np.bool_)


def _recent(
    main: pl.DataFrame, train: Flags, valid: Flags, validation: Validation
) -> tuple[Flags, tuple[str, ...]]:
    """Leave out of the training what is more than five years older than the judged rows, where enough remains.

    Old business differs from what is judged next (products, lenders, codes), and what a booster learns from it does not
    show inside the training period, only when a name of old comes back under other terms. Five years is also the least
    span that supervisors ask for to estimate default rates (Capital Requirements Regulation, article 180).
    """
    if validation.protocol is not Protocol.TIME or validation.years == 0 or not valid.any():
        return train, ()
    years = validation.years or _YEARS
    start = main[TIME].filter(pl.Series(valid)).min()
    age = main.select(((pl.lit(start) - pl.col(TIME)).dt.total_days() / _DAYS).alias("age"))["age"]
    recent = train & (age <= years).to_numpy()
    y = main[LABEL].filter(pl.Series(recent))
    left = int(train.sum() - recent.sum())
    rarer = min(float(y.sum()), len(y) - float(y.sum()))
    enough = validation.years is not None or (len(y) >= _LEAST_RECENT and 10 * rarer >= _LEAST_RECENT)
    if not left or not enough:
        return train, ()
    note = (
        f"早于评价部分 {years} 年以上的 {left} 行未用于训练（years = 0 则全部使用） / "
        f"{left} rows from more than {years} years before the judged ones are not learnt from (years = 0 uses all)"
    )
    return recent, (note,)


def _two_sides(
    main: pl.DataFrame, train: Flags, valid: Flags, validation: Validation, notes: tuple[str, ...]
) -> Splits:
    party = main[PARTY]
    both = set(party.filter(pl.Series(train))) & set(party.filter(pl.Series(valid)))
    repeated = party.is_in(sorted(both)).to_numpy()
    rule = validation.repeated or Repeated.DROP_LATER
    if both:
        train, valid = _separated(party, repeated, train, valid, rule)
        notes = (*notes, _repeated_note(len(both), rule))
    _check_side(main, train, "训练", "training")
    _check_side(main, valid, "验证", "validation")
    return Splits(validation.protocol, (Split(train, valid),), train, notes)


def _separated(
    party: pl.Series, repeated: Flags, train: Flags, valid: Flags, rule: Repeated
) -> tuple[Flags, Flags]:
    if rule is Repeated.KEEP:
        return train, valid
    if rule is Repeated.DROP_LATER:
        return train, valid & ~repeated
    # Every second party in the order of ids goes to the later side, whatever its label.
    later = (party.rank("dense").to_numpy() % 2).astype(np.bool_)
    return train & ~(repeated & later), valid & ~(repeated & ~later)


def _repeated_note(parties: int, rule: Repeated) -> str:
    done = {
        Repeated.DROP_LATER: ("已从验证部分剔除", "left out of the validation"),
        Repeated.DIVIDE: ("各归一侧", "each put on one side"),
        Repeated.KEEP: (
            "按卡片保留在两侧，验证结果会偏高",
            "kept on both sides as the card says; the result is flattered",
        ),
    }[rule]
    return (
        f"{parties} 个主体出现在训练与验证两侧：{done[0]} / {parties} parties stand in two splits: {done[1]}"
    )


def _check_side(main: pl.DataFrame, side: Flags, zh: str, en: str) -> None:
    labels = main[LABEL].filter(pl.Series(side))
    if labels.n_unique() < 2:  # noqa: PLR2004 - two classes
        raise SplitError(
            zh=f"{zh}部分有 {len(labels)} 行，缺少其中一类。请检查 [validation]（split 的取值、cut 日期、repeated）。",
            en=f"The {en} side has {len(labels)} rows and lacks a class. Check [validation] "
            "(values of split, date of cut, repeated).",
        )
