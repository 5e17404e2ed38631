"""Points: a linear view of log-odds whose whole points add up exactly, row by row."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pydantic import ValidationError

from models.credit.points import PointScale, load_point_scales
from models.errors import PointScaleError

SCALE = PointScale(
    name="t", valid_from=date(2026, 1, 1), source="test", base_points=600, base_odds=50, pdo=20
)
PARTS = st.integers(1, 9).flatmap(lambda k: arrays(np.float64, (5, k), elements=st.floats(-6, 6, width=32)))


def test_base_odds_give_base_points_and_pdo_points_double_the_odds() -> None:
    log_odds = -np.log(np.array([50.0, 100.0, 25.0]))
    np.testing.assert_allclose(SCALE.points(log_odds), [600, 620, 580], atol=1e-9)


def test_more_risk_never_earns_points() -> None:
    assert np.all(np.diff(SCALE.points(np.linspace(-9, 9, 50))) < 0)


@given(arrays(np.float64, 7, elements=st.floats(-30, 30)))
def test_log_odds_come_back_from_points(log_odds: np.ndarray) -> None:
    np.testing.assert_allclose(SCALE.log_odds(SCALE.points(log_odds)), log_odds, atol=1e-9)


@given(PARTS, st.floats(-6, 2))
def test_points_without_rounding_add_up(parts: np.ndarray, base: float) -> None:
    log_odds = base + parts.sum(axis=1)
    got = SCALE.parts(log_odds, base, parts)
    np.testing.assert_allclose(got.base + got.contributions.sum(axis=1), got.points, atol=1e-6)
    np.testing.assert_array_equal(got.points, SCALE.points(log_odds))


@given(PARTS, st.floats(-6, 2))
def test_whole_points_add_up_exactly_and_move_no_part_by_more_than_a_point(
    parts: np.ndarray, base: float
) -> None:
    log_odds = base + parts.sum(axis=1)
    exact, whole = SCALE.parts(log_odds, base, parts), SCALE.whole(log_odds, base, parts)
    np.testing.assert_array_equal(whole.base + whole.contributions.sum(axis=1), whole.points)
    np.testing.assert_array_equal(whole.points, np.floor(exact.points + 0.5))
    assert np.max(np.abs(whole.contributions - exact.contributions)) < 1 + 1e-6
    assert abs(whole.base - exact.base) <= 0.5


def test_what_contributes_nothing_gets_no_point() -> None:
    parts = np.array([[0.0, 0.011, 0.0, 0.012, 0.013], [0.0, -0.011, 0.0, -0.012, 0.4]])
    whole = SCALE.whole(-3.0 + parts.sum(axis=1), -3.0, parts)
    assert np.all(whole.contributions[:, [0, 2]] == 0)
    assert np.any(whole.contributions != 0)


def test_largest_remainders_get_the_open_points_and_ties_go_to_the_earlier() -> None:
    unit = -1 / SCALE.factor  # one point
    parts = np.array([[0.4, 0.7, 0.4, 0.5]]) * unit
    base = float(SCALE.log_odds(np.array(500.0)))
    whole = SCALE.whole(base + parts.sum(axis=1), base, parts)
    assert whole.points.tolist() == [502]
    assert whole.contributions.tolist() == [[0, 1, 0, 1]]
    even = np.full((1, 4), 0.5) * unit
    assert SCALE.whole(base + even.sum(axis=1), base, even).contributions.tolist() == [[1, 1, 0, 0]]


def test_parts_that_do_not_add_up_are_refused_with_their_row() -> None:
    parts = np.zeros((3, 2))
    with pytest.raises(PointScaleError, match="Row 2"):
        SCALE.parts(np.array([-2.0, -1.0, -2.0]), -2.0, parts)
    with pytest.raises(PointScaleError, match="Row 1"):
        SCALE.whole(np.array([np.nan, -2.0, -2.0]), -2.0, parts)


def test_the_groups_scale_is_in_force_from_its_day() -> None:
    scales = load_point_scales()
    assert scales.on(date(2026, 6, 1)).pdo > 0
    with pytest.raises(PointScaleError, match="1999") as caught:
        scales.on(date(1999, 1, 1))
    assert "valid_from" in caught.value.message("zh")


def entry(day: str, pdo: float) -> str:
    return f'[[scale]]\nname = "{day}"\nvalid_from = {day}\nsource = "t"\nbase_points = 1\nbase_odds = 2\npdo = {pdo}\n'


def test_newest_scale_in_force_applies(tmp_path: Path) -> None:
    path = tmp_path / "points.toml"
    path.write_text(entry("2027-01-01", 30) + entry("2026-01-01", 20))
    scales = load_point_scales(path)
    assert [scales.on(date(year, 2, 1)).pdo for year in (2026, 2027)] == [20, 30]


@pytest.mark.parametrize("text", ["not toml =", entry("2026-01-01", 0), "[[scale]]\nname = 'x'\n"])
def test_unusable_file_is_refused_with_its_name(text: str, tmp_path: Path) -> None:
    path = tmp_path / "points.toml"
    path.write_text(text)
    with pytest.raises(PointScaleError, match=r"points\.toml"):
        load_point_scales(path)
    with pytest.raises(PointScaleError, match=r"absent\.toml"):
        load_point_scales(tmp_path / "absent.toml")


@pytest.mark.parametrize("wrong", [{"pdo": -1}, {"base_odds": 0}, {"base_points": float("nan")}])
def test_scale_without_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        PointScale.model_validate(SCALE.model_dump() | wrong)
