"""What if, and the way to the next grade: held against brute force over every combination of a small model."""

import math
from dataclasses import dataclass, replace
from datetime import date
from itertools import product
from typing import Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.catalogue import Change, Feature, catalogue
from models.credit.grade import Grade, MasterScale
from models.credit.next_grade import Found, NextGrade, Search, next_grade
from models.credit.points import PointScale
from models.credit.population import Population
from models.credit.what_if import linked_to, what_if
from models.errors import WhatIfError

CARDS: Final = {item.name: item for item in catalogue()}
NAMES: Final = ("leverage", "days_past_due", "cash_ratio", "guaranteed_parties", "age_years")
SCALE: Final = MasterScale(
    name="t",
    grades=(
        Grade(name="A", pd_below=0.02),
        Grade(name="B", pd_below=0.06),
        Grade(name="C", pd_below=0.2),
        Grade(name="D"),
    ),
)
POINTS: Final = PointScale(
    name="t", valid_from=date(2026, 1, 1), source="t", base_points=600, base_odds=50, pdo=40
)
WIDE: Final = Search(most_changes=4, values=4, beam=10**6)


@dataclass(frozen=True)
class Answer:
    log_odds: np.ndarray
    pd: np.ndarray
    contributions: np.ndarray


@dataclass(frozen=True)
class SmallModel:
    """A model whose log-odds are a known function of five features, with an interaction."""

    weights: tuple[float, ...] = (3.0, 0.04, -1.5, 0.3, -0.02)
    together: float = 0.0
    base: float = -3.0
    features: tuple[str, ...] = NAMES

    def score_matrix(self, x: np.ndarray, *, num_threads: int = 1) -> Answer:
        known = np.nan_to_num(x, nan=0.0)
        parts = known * np.array(self.weights)
        parts[:, 0] += self.together * known[:, 0] * (known[:, 2] > 0.5)
        log_odds = self.base + parts.sum(axis=1)
        return Answer(log_odds, 1 / (1 + np.exp(-log_odds)), parts)


@dataclass(frozen=True)
class QuickModel(SmallModel):
    """The same model, which counts how it is asked."""

    asked: tuple[list[int], list[int]] = ((), ())  # type: ignore[assignment]

    def score_matrix(self, x: np.ndarray, *, num_threads: int = 1) -> Answer:
        self.asked[0].append(len(x))
        return super().score_matrix(x)

    def log_odds_of(self, x: np.ndarray, *, num_threads: int = 1) -> np.ndarray:
        self.asked[1].append(len(x))
        return super().score_matrix(x).log_odds


def population(seed: int = 4, rows: int = 400) -> Population:
    r = np.random.default_rng(seed)
    columns = [
        r.uniform(0.2, 0.95, rows),
        np.where(r.random(rows) < 0.7, 0, r.integers(1, 90, rows)),
        r.exponential(0.4, rows),
        r.poisson(0.7, rows),
        r.uniform(1, 30, rows),
    ]
    return Population(NAMES, np.column_stack(columns).astype(float))


ROW: Final = np.array([0.85, 30.0, 0.1, 2.0, 12.0])


def find(model: SmallModel, row: np.ndarray = ROW, search: Search = WIDE) -> NextGrade:
    return next_grade(
        model, row, cards=CARDS, scale=SCALE, population=population(), points=POINTS, search=search
    )


def brute_force(model: SmallModel, row: np.ndarray) -> float | None:
    """Return the least cost over all combinations of the same values, None where none reaches the grade."""
    people = population()
    number = int(SCALE.number(model.score_matrix(row[None, :]).pd)[0])
    bound = SCALE.grades[number - 1].pd_below
    choices = []
    for place, name in enumerate(NAMES):
        change = CARDS[name].changeable
        value = float(row[place])
        steps = (
            [] if change is None else people.steps(name, value, change.direction, most=WIDE.values).tolist()
        )
        choices.append([value, *(step for step in steps if people.differs(name, value, step))])
    best: float | None = None
    for values in product(*choices):
        if model.score_matrix(np.array([values])).pd[0] < bound:
            pairs = zip(NAMES, row.tolist(), values, strict=True)
            cost = sum(people.distance(name, old, new) for name, old, new in pairs if old != new)
            best = cost if best is None else min(best, cost)
    return best


@settings(max_examples=40)
@given(
    base=st.floats(-4, 1),
    together=st.sampled_from([0.0, -2.0, 2.0]),
    row=st.tuples(
        st.floats(0.3, 1.2), st.integers(0, 90), st.floats(0, 1), st.integers(0, 4), st.floats(1, 30)
    ),
)
def test_search_finds_what_brute_force_finds(base: float, together: float, row: tuple[float, ...]) -> None:
    model, start = SmallModel(base=base, together=together), np.array(row, dtype=float)
    if SCALE.number(model.score_matrix(start[None, :]).pd)[0] == 0:
        assert find(model, start).found is Found.BEST_GRADE
        return
    least, found = brute_force(model, start), find(model, start)
    assert (found.found is Found.REACHED) == (least is not None)
    if least is not None:
        # Not equal: values are then taken back to the nearest observed one that still reaches the grade.
        assert found.cost <= least + 1e-9
        check_reached(model, start, found)


def check_reached(model: SmallModel, row: np.ndarray, found: NextGrade) -> None:
    """The grade is reached, no part of the change reaches it, and everything in it is feasible."""
    assert found.target is not None
    wanted = [grade.name for grade in SCALE.grades].index(found.target)
    places = [NAMES.index(change.feature) for change in found.changes]
    values = [change.after for change in found.changes]
    for chosen in product([False, True], repeat=len(places)):
        new = row.copy()
        for take, place, value in zip(chosen, places, values, strict=True):
            new[place] = value if take else new[place]
        reached = SCALE.number(model.score_matrix(new[None, :]).pd)[0] <= wanted
        assert reached == all(chosen)
    assert found.after.grade == found.target
    for change in found.changes:
        card = CARDS[change.feature]
        assert card.changeable is not None
        assert change.before is not None
        assert change.after is not None
        assert (change.after - change.before) * card.changeable.direction > 0
        low, high = np.quantile(
            population().known(change.feature), [0.05, 0.95], method="closest_observation"
        )
        assert change.after >= low if card.changeable.direction < 0 else change.after <= high
        assert change.after in population().known(change.feature)


def test_narrow_search_reaches_too_and_every_part_is_needed() -> None:
    model = SmallModel()
    found = find(model, search=Search(beam=3))
    assert found.found is Found.REACHED
    check_reached(model, ROW, found)


def test_a_cheap_pair_is_preferred_to_a_dear_single_change() -> None:
    model = SmallModel(base=-1.2)
    found = find(model)
    singles = find(model, search=replace(WIDE, most_changes=1))
    assert found.found is Found.REACHED
    assert singles.found is Found.NOT_REACHED or found.cost <= singles.cost + 1e-9


def test_what_the_party_cannot_change_stays() -> None:
    cards = dict(CARDS)
    for name in ("leverage", "cash_ratio", "guaranteed_parties", "days_past_due"):
        cards[name] = replace(CARDS[name], changeable=None)
    found = next_grade(SmallModel(), ROW, cards=cards, scale=SCALE, population=population())
    assert (found.found, found.changes, found.tried) == (Found.NOT_REACHED, (), ())
    assert found.after == found.before


def test_a_change_against_the_declared_way_is_not_proposed() -> None:
    wrong = SmallModel(weights=(-3.0, -0.04, 1.5, -0.3, 0.0), base=4.0)
    found = find(wrong)
    assert (found.found, found.changes) == (Found.NOT_REACHED, ())


def test_best_that_was_found_is_told_when_nothing_reaches_the_grade() -> None:
    hopeless = SmallModel(weights=(0.1, 0.001, -0.05, 0.0, 0.0), base=3.0)
    found = find(hopeless)
    assert found.found is Found.NOT_REACHED
    assert found.changes
    assert found.after.pd < found.before.pd
    text = "\n".join(found.lines(CARDS, "zh"))
    assert "没有找到能达到等级 C 的改变" in text
    assert "等级仍为 D" in text
    assert "no change was found that reaches grade C" in "\n".join(found.lines(CARDS, "en"))


def test_unknown_values_are_not_guessed() -> None:
    row = ROW.copy()
    row[0] = math.nan
    found = find(SmallModel(base=-1.0), row)
    assert found.unknown == ("leverage",)
    assert "leverage" not in {change.feature for change in found.changes}
    assert "资产负债率" in "\n".join(found.lines(CARDS, "zh"))
    assert "unknown today" in "\n".join(found.lines(CARDS, "en"))


def test_the_best_grade_has_no_next() -> None:
    found = find(SmallModel(base=-9.0))
    assert (found.found, found.target, found.changes) == (Found.BEST_GRADE, None, ())
    assert found.lines(CARDS, "en") == ["The grade is the best there is already: A."]


def test_same_question_same_answer() -> None:
    assert find(SmallModel()) == find(SmallModel())
    narrow = Search(beam=2)
    assert find(SmallModel(), search=narrow) == find(SmallModel(), search=narrow)


def test_a_model_that_scores_without_explaining_is_asked_so() -> None:
    model = QuickModel(asked=([], []))
    assert find(model) == find(SmallModel())
    assert sum(model.asked[0]) <= 4
    assert sum(model.asked[1]) > 50


def test_sentence_names_grades_points_links_and_makes_no_promise() -> None:
    found = find(SmallModel())
    zh, en = found.lines(CARDS, "zh"), found.lines(CARDS, "en")
    assert f"等级由 {found.before.grade} 变为 {found.after.grade}，分数由 " in zh[0]
    assert f"goes from {found.before.grade} to {found.after.grade}, the points from " in en[0]
    assert "不是因果承诺" in zh[-1]
    assert "no promise of cause and effect" in en[-1]


def test_population_without_the_features_is_refused() -> None:
    people = Population(("age_years",), np.ones((3, 1)))
    with pytest.raises(WhatIfError, match="leverage, days_past_due") as caught:
        next_grade(SmallModel(), ROW, cards=CARDS, scale=SCALE, population=people)
    assert "cash_ratio" in caught.value.features


def ask(changes: dict[str, float | None], row: np.ndarray = ROW) -> object:
    return what_if(SmallModel(), row, changes, cards=CARDS, scale=SCALE, points=POINTS)


def test_what_if_gives_the_score_of_the_changed_row() -> None:
    answer = what_if(
        SmallModel(),
        ROW,
        {"leverage": 0.6, "days_past_due": 0.0},
        cards=CARDS,
        scale=SCALE,
        points=POINTS,
    )
    changed = ROW.copy()
    changed[[0, 1]] = 0.6, 0.0
    truth = SmallModel().score_matrix(np.vstack([ROW, changed]))
    assert (answer.before.pd, answer.after.pd) == pytest.approx(tuple(truth.pd))
    assert answer.after.grade == SCALE.of(truth.pd)[1]
    assert answer.after.points == math.floor(float(POINTS.points(truth.log_odds)[1]) + 0.5)
    assert dict(answer.contributions) == pytest.approx({"days_past_due": -1.2, "leverage": -0.75})
    assert [name for name, _ in answer.contributions] == ["days_past_due", "leverage"]
    moved = sum(change for _, change in answer.contributions)
    assert answer.after.log_odds - answer.before.log_odds == pytest.approx(moved)


def test_what_if_shows_before_and_after_and_the_links_left_alone() -> None:
    model = SmallModel(features=("leverage", "days_past_due", "cash_ratio", "overdue_ratio", "age_years"))
    answer = what_if(model, ROW, {"days_past_due": None}, cards=CARDS, scale=SCALE)
    assert answer.changes[0].linked == ("overdue_ratio",)
    text = "\n".join(answer.lines(CARDS, "zh"))
    assert "“当前逾期天数”由 30 天 变为 未知（没有数据）" in text
    assert "测算中未改动的特征：逾期金额占存续业务余额的比例" in text
    assert answer.after.points is None
    both = what_if(model, ROW, {"days_past_due": 0.0, "overdue_ratio": 0.0}, cards=CARDS, scale=SCALE)
    assert [change.linked for change in both.changes] == [(), ()]
    assert "from 30 days to 0 days" in "\n".join(both.lines(CARDS, "en"))


def test_changing_nothing_changes_nothing() -> None:
    answer = what_if(SmallModel(), ROW, {"leverage": 0.85}, cards=CARDS, scale=SCALE)
    assert answer.before == answer.after
    assert answer.contributions == ()


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({}, "No input"),
        ({"leverag": 0.5}, "no feature 'leverag'. Near it: leverage"),
        ({"leverage": 3.5}, "'leverage': 3.5 is not within 0 to 3"),
        ({"leverage": math.inf}, "'leverage'"),
        ({"leverage": math.nan}, "'leverage'"),
    ],
)
def test_question_that_cannot_be_answered_is_named(changes: dict[str, float | None], match: str) -> None:
    with pytest.raises(WhatIfError, match=match) as caught:
        ask(changes)
    assert caught.value.message("zh") != caught.value.message("en")


def test_links_hold_both_ways() -> None:
    def card(name: str, linked: tuple[str, ...]) -> Feature:
        return replace(CARDS["leverage"], name=name, changeable=Change(1, linked) if linked else None)

    links = linked_to({"a": card("a", ("b", "c")), "b": card("b", ()), "c": card("c", ("b",))})
    assert {name: set(others) for name, others in links.items()} == {
        "a": {"b", "c"},
        "b": {"a", "c"},
        "c": {"a", "b"},
    }


def test_distance_counts_the_population_between() -> None:
    people = Population(("n",), np.array([[0.0], [0.0], [0.0], [0.0], [1.0], [2.0], [np.nan], [9.0]]))
    assert people.distance("n", 0.0, 1.0) == pytest.approx((4 / 2 + 1 / 2) / 7)
    assert people.distance("n", 1.2, 1.9) == 0
    assert people.distance("n", -5.0, 50.0) == 1
    assert Population(("n",), np.array([[np.nan]])).distance("n", 0, 1) == 0


@given(st.floats(-2, 12), st.sampled_from([-1, 1]), st.integers(1, 9))
def test_steps_are_usual_observed_values_the_nearest_first(value: float, direction: int, most: int) -> None:
    people = population()
    steps = people.steps("cash_ratio", value, direction, most=most)
    assert len(steps) <= most
    assert np.isin(steps, people.known("cash_ratio")).all()
    assert np.all((steps - value) * direction > 0)
    assert np.all(np.diff(steps) * direction > 0)


def test_values_are_different_by_a_fiftieth_of_the_usual_range() -> None:
    people = Population(("n",), np.linspace(0, 1, 101)[:, None])
    assert not people.differs("n", 0.5, 0.5)
    assert not people.differs("n", 0.5, 0.51)
    assert people.differs("n", 0.5, 0.48)
    constant = Population(("n",), np.ones((4, 1)))
    assert constant.differs("n", 1.0, 1.001)
    assert not constant.differs("n", 1.0, 1.0)


def test_a_feature_nobody_has_offers_no_steps() -> None:
    people = Population(("n",), np.array([[np.nan], [np.nan]]))
    assert len(people.steps("n", 1.0, -1, most=5)) == 0
