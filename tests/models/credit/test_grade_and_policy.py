"""Grades and advice: every PD has one grade, every grade has advice, policy is dated."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from models.credit.grade import Grade, MasterScale, group_master_scale
from models.credit.policy import Advice, load_policies
from models.errors import PolicyError

DAY = date(2026, 6, 1)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=50))
def test_grade_never_improves_as_pd_rises(values: list[float]) -> None:
    scale = group_master_scale()
    order = [grade.name for grade in scale.grades]
    ranks = [order.index(name) for name in scale.of(np.sort(np.array(values)))]
    assert ranks == sorted(ranks)


def test_bound_belongs_to_the_worse_grade() -> None:
    scale = MasterScale(name="t", grades=(Grade(name="good", pd_below=0.1), Grade(name="bad")))
    assert scale.of(np.array([0.0999, 0.1, 1.0])).tolist() == ["good", "bad", "bad"]


@pytest.mark.parametrize("bounds", [[0.2, 0.1, 1.0], [0.1, 0.1, 1.0], [0.1, 0.2]])
def test_scale_refuses_bounds_that_do_not_rise_to_one(bounds: list[float]) -> None:
    with pytest.raises(ValidationError, match="pd_below must rise"):
        MasterScale(name="t", grades=tuple(Grade(name=str(b), pd_below=b) for b in bounds))


def test_every_grade_of_the_group_has_advice() -> None:
    policy = load_policies().on(DAY)
    advice = [policy.advise(grade.name) for grade in group_master_scale().grades]
    assert set(advice) == set(Advice)
    order = [Advice.PASS, Advice.MANUAL_REVIEW, Advice.DECLINE]
    assert [order.index(a) for a in advice] == sorted(order.index(a) for a in advice)


def test_less_than_full_quality_is_never_passed() -> None:
    policy = load_policies().on(DAY)
    assert policy.advise("A1") is Advice.PASS
    assert policy.advise("A1", full_quality=False) is Advice.MANUAL_REVIEW
    assert policy.advise("D3", full_quality=False) is Advice.DECLINE


def test_a_party_in_default_is_declined_whatever_its_grade() -> None:
    assert load_policies().on(DAY).advise("A1", in_default=True) is Advice.DECLINE


def test_unknown_grade_and_day_before_any_policy_are_named() -> None:
    with pytest.raises(PolicyError, match="grade X"):
        load_policies().on(DAY).advise("X")
    with pytest.raises(PolicyError, match="1999"):
        load_policies().on(date(1999, 1, 1))


def entry(name: str, valid_from: str, decline: str = '"C"') -> str:
    return (
        f'[[policy]]\nname = "{name}"\nvalid_from = {valid_from}\nsource = "test"\n'
        f'pass = ["A"]\nmanual_review = ["B"]\ndecline = [{decline}]\n'
    )


def test_newest_policy_in_force_applies(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(entry("old", "2026-01-01") + entry("new", "2026-07-01"))
    policies = load_policies(path)
    assert policies.on(date(2026, 6, 30)).name == "old"
    assert policies.on(date(2026, 7, 1)).name == "new"


@pytest.mark.parametrize(
    "text", ["not toml =", entry("x", "2026-01-01", decline='"A"'), "[[policy]]\nname = 'x'\n"]
)
def test_unusable_policy_file_is_refused_with_its_name(text: str, tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(text)
    with pytest.raises(PolicyError, match=r"policy\.toml"):
        load_policies(path)
