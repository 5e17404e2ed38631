"""The smallest feasible change of inputs that brings a party to the next better grade, as the model answers."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from features.catalogue import Feature
from models.credit.grade import MasterScale
from models.credit.points import PointScale
from models.credit.population import Population
from models.credit.readable import Language, noun_phrase
from models.credit.what_if import (
    CAUTION,
    InputChange,
    Scorer,
    Standing,
    link_lines,
    outcome,
    pds,
    standing,
    what_if,
)
from models.errors import WhatIfError

__all__ = ["Found", "NextGrade", "Search", "next_grade"]

_EQUAL: Final = 1e-12
_NAMED: Final = 5

Move = tuple[int, float]
"""A column and the value it is set to."""
Moves = frozenset[Move]


class Found(StrEnum):
    """How the search ended."""

    REACHED = "reached"
    BEST_GRADE = "best_grade"
    NOT_REACHED = "not_reached"


@dataclass(frozen=True)
class Search:
    """How far to look: features changed together, values tried for each, sets kept from one size to the next."""

    most_changes: int = 4
    values: int = 12
    beam: int = 24


@dataclass(frozen=True)
class NextGrade:
    """The change found: no part of it reaches the grade, and `cost` is the share of the population passed, summed.

    Where nothing reaches it, `changes` and `after` are the best that was found (no changes where nothing helps).
    `tried` features could be changed, `unknown` ones could be but have no known value to start from.
    """

    found: Found
    target: str | None
    changes: tuple[InputChange, ...]
    before: Standing
    after: Standing
    cost: float
    tried: tuple[str, ...]
    unknown: tuple[str, ...]

    def lines(self, cards: Mapping[str, Feature], language: Language) -> list[str]:
        """Return the answer as sentences."""
        zh = language == "zh"
        if self.found is Found.BEST_GRADE:
            grade = self.before.grade
            return [
                f"等级已是最好的 {grade}。" if zh else f"The grade is the best there is already: {grade}."
            ]
        lines = []
        if self.found is Found.NOT_REACHED:
            lines.append(
                f"在主体自身可以改变的 {len(self.tried)} 个特征的常见取值之内，没有找到能达到等级 {self.target} 的改变。"
                if zh
                else f"Within the usual values of the {len(self.tried)} features that the party can change itself, no change "
                f"was found that reaches grade {self.target}."
            )
            if self.changes:
                lines.append("能找到的最好结果：" if zh else "The best that was found:")
        if self.changes:
            lines += [
                outcome(self.changes, self.before, self.after, cards, language),
                *link_lines(self.changes, cards, language),
            ]
        if self.unknown:
            names = [noun_phrase(cards[name], language) for name in self.unknown[:_NAMED]]
            rest = len(self.unknown) - len(names)
            lines.append(
                f"可以改变但现值未知、未作测算的特征（宜先补充资料）：{'、'.join(names)}{f'，另 {rest} 项' if rest else ''}。"
                if zh
                else "Could be changed but unknown today, so left out (supply them first): "
                f"{'; '.join(names)}{f'; {rest} more' if rest else ''}."
            )
        return [*lines, CAUTION[language]]


def next_grade(
    model: Scorer,
    row: NDArray[np.float64],
    *,
    cards: Mapping[str, Feature],
    scale: MasterScale,
    population: Population,
    points: PointScale | None = None,
    search: Search | None = None,
) -> NextGrade:
    """Search the cheapest change of row (k,) that brings its PD below the bound of the next better grade.

    Only features declared `changeable` move, only the declared way, only to values usual in the population and within
    their range; unknown ones stay unknown. Sets of one feature are all tried, larger ones grow from the `beam` most
    promising of the size before; the result is then pruned to a set no part of which reaches the grade, and each value is
    taken back to the nearest observed one that still does. Deterministic. Cost: see `Population.distance`. Raises
    WhatIfError when the population does not hold the features that can be changed.
    """
    search = search or Search()
    scored = model.score_matrix(row[None, :])
    before = standing(scored, 0, scale, points)
    number = int(scale.number(scored.pd)[0])
    if number == 0:
        return NextGrade(Found.BEST_GRADE, None, (), before, before, 0.0, (), ())
    movable, unknown = _movable(model, row, cards, population)
    hunt = _Hunt(model, row, scale.grades[number - 1].pd_below, population)
    options = _options(model, row, movable, cards, population=population, most=search.values)
    moves = hunt.search(options, search)
    if moves is not None:
        moves = hunt.smallest(moves)
    chosen = hunt.best if moves is None else moves
    result = _answer(model, row, chosen, cards=cards, scale=scale, points=points)
    return NextGrade(
        found=Found.NOT_REACHED if moves is None else Found.REACHED,
        target=scale.grades[number - 1].name,
        changes=() if result is None else result[0],
        before=before,
        after=before if result is None else result[1],
        cost=hunt.cost(chosen),
        tried=tuple(movable),
        unknown=tuple(unknown),
    )


def _answer(
    model: Scorer,
    row: NDArray[np.float64],
    moves: Moves,
    *,
    cards: Mapping[str, Feature],
    scale: MasterScale,
    points: PointScale | None,
) -> tuple[tuple[InputChange, ...], Standing] | None:
    if not moves:
        return None
    changes: dict[str, float | None] = {model.features[place]: value for place, value in sorted(moves)}
    answer = what_if(model, row, changes, cards=cards, scale=scale, points=points)
    return answer.changes, answer.after


def _movable(
    model: Scorer, row: NDArray[np.float64], cards: Mapping[str, Feature], population: Population
) -> tuple[list[str], list[str]]:
    """Return the features of the model that the party can change, those with a known value and those without."""
    could = [name for name in model.features if name in cards and cards[name].changeable is not None]
    absent = [name for name in could if name not in population.features]
    if absent:
        raise WhatIfError(
            zh=f"参照总体缺少特征：{', '.join(absent)}。请用含有模型全部特征的数据作参照。",
            en=f"The reference population lacks the features {', '.join(absent)}. Use data with all features of the model.",
            features=absent,
        )
    known = [name for name in could if np.isfinite(row[model.features.index(name)])]
    return known, [name for name in could if name not in set(known)]


def _options(
    model: Scorer,
    row: NDArray[np.float64],
    movable: list[str],
    cards: Mapping[str, Feature],
    *,
    population: Population,
    most: int,
) -> list[Move]:
    found = []
    for name in movable:
        card, place = cards[name], model.features.index(name)
        direction = card.changeable.direction if card.changeable else 0
        steps = population.steps(name, float(row[place]), direction, most=most)
        found += [
            (place, float(value))
            for value in steps
            if card.low <= value <= card.high and population.differs(name, float(row[place]), float(value))
        ]
    return found


class _Hunt:
    """One search: the party's row, the PD to get below, and the best that was seen on the way."""

    def __init__(
        self, model: Scorer, row: NDArray[np.float64], pd_below: float, population: Population
    ) -> None:
        self.best: Moves = frozenset()
        self._model, self._row, self._population = model, row, population
        self._bound = pd_below - _EQUAL
        self._pds: dict[Moves, float] = {}
        self._distances: dict[Move, float] = {}
        self._lowest = np.inf
        self._scored([self.best])

    def cost(self, moves: Moves) -> float:
        """Return the share of the population passed, summed over the features."""
        return math.fsum(self._distance(move) for move in moves)

    def _distance(self, move: Move) -> float:
        if move not in self._distances:
            place, value = move
            name, today = self._model.features[place], float(self._row[place])
            self._distances[move] = self._population.distance(name, today, value)
        return self._distances[move]

    def search(self, options: list[Move], search: Search) -> Moves | None:
        """Return the cheapest set seen that reaches the grade, None without one."""
        reached: Moves | None = None
        kept: list[Moves] = [frozenset()]
        for _ in range(search.most_changes):
            limit = np.inf if reached is None else self.cost(reached)
            grown = self._grown(kept, options, limit)
            if not grown:
                break
            pd = self._scored(grown)
            there = [moves for moves, value in zip(grown, pd.tolist(), strict=True) if value < self._bound]
            if there:
                reached = min([*there, *([reached] if reached else [])], key=self._order)
            kept = self._promising(grown, pd, search.beam)
        return reached

    def smallest(self, moves: Moves) -> Moves:
        """Return the moves without what they can do without, each value as near to today's as still reaches the grade."""
        while True:
            shorter = self._part(moves) or self._nearer(moves)
            if shorter is None:
                return moves
            moves = shorter

    def _grown(self, kept: list[Moves], options: list[Move], limit: float) -> list[Moves]:
        """Return each kept set with one more feature, once, where that costs less than the limit."""
        found: dict[Moves, None] = {}
        for moves in kept:
            taken = {place for place, _ in moves}
            for move in options:
                if move[0] not in taken:
                    found[moves | {move}] = None
        return [moves for moves in found if self.cost(moves) < limit - _EQUAL]

    def _promising(self, grown: list[Moves], pd: NDArray[np.float64], beam: int) -> list[Moves]:
        """Return sets that do not reach the grade yet: half those nearest to it, half those nearest for their cost."""
        short = [(m, value) for m, value in zip(grown, pd.tolist(), strict=True) if value >= self._bound]
        start = self._pds[frozenset()]
        near = sorted(short, key=lambda pair: (pair[1], self._order(pair[0])))
        cheap = sorted(
            short, key=lambda pair: ((pair[1] - start) / (self.cost(pair[0]) + _EQUAL), self._order(pair[0]))
        )
        both = [pair for pairs in zip(near, cheap, strict=True) for pair in pairs]
        return list(dict.fromkeys(moves for moves, _ in both))[:beam]

    def _part(self, moves: Moves) -> Moves | None:
        """Return the cheapest proper part that reaches the grade too."""
        parts = [frozenset(p) for size in range(1, len(moves)) for p in combinations(sorted(moves), size)]
        there = [
            part
            for part, value in zip(parts, self._scored(parts).tolist(), strict=True)
            if value < self._bound
        ]
        return min(there, key=self._order) if there else None

    def _nearer(self, moves: Moves) -> Moves | None:
        """Return the moves with the first value that can be taken back taken back as far as possible."""
        for place, value in sorted(moves):
            name = self._model.features[place]
            today = float(self._row[place])
            values = self._population.between(name, today, value)[:-1].tolist()
            tries = [
                moves - {(place, value)} | {(place, nearer)}
                for nearer in values
                if self._population.differs(name, today, nearer)
            ]
            there = [
                one for one, pd in zip(tries, self._scored(tries).tolist(), strict=True) if pd < self._bound
            ]
            if there:
                return there[0]
        return None

    def _scored(self, sets: list[Moves]) -> NDArray[np.float64]:
        """Return the PD of the row with each set of moves, asking the model only once for each."""
        new = [moves for moves in dict.fromkeys(sets) if moves not in self._pds]
        if new:
            x = np.repeat(self._row[None, :], len(new), axis=0)
            for i, moves in enumerate(new):
                for place, value in moves:
                    x[i, place] = value
            found = pds(self._model, x)
            self._pds |= dict(zip(new, found.tolist(), strict=True))
            self._remember(new)
        return np.array([self._pds[moves] for moves in sets], dtype=np.float64)

    def _remember(self, sets: list[Moves]) -> None:
        lowest = min(sets, key=lambda moves: (self._pds[moves], self._order(moves)))
        if self._pds[lowest] < self._lowest - _EQUAL:
            self.best, self._lowest = lowest, self._pds[lowest]

    def _order(self, moves: Moves) -> tuple[float, int, list[Move]]:
        return self.cost(moves), len(moves), sorted(moves)
