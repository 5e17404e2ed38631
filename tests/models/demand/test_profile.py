"""Series are described by their own history alone, and routed by what they are."""

import numpy as np
import pytest

from features.timeline import Frequency
from models.demand.profile import Kind, describe
from models.demand.router import FLOOR, Tier, candidates, cutoffs
from tests.models.demand.demand_series import make_series, seasonal

RNG = np.random.default_rng(8)
RARE = np.where(RNG.random(60) < 0.3, RNG.integers(1, 9, 60), 0).astype(float)


def test_kinds_are_told_apart() -> None:
    rows = [
        np.full(40, 7.0),
        np.zeros(40),
        np.array([3.0, 4.0, 5.0]),
        RARE,
        seasonal(60, seed=1),
        RNG.normal(100, 9, 60),
    ]
    assert describe(make_series(rows)).kind == (
        Kind.CONSTANT,
        Kind.CONSTANT,
        Kind.SHORT,
        Kind.INTERMITTENT,
        Kind.SEASONAL,
        Kind.SMOOTH,
    )


def test_weekends_without_sales_do_not_make_a_series_intermittent() -> None:
    days = np.arange(140)
    shop = np.where(days % 7 < 5, 100 + RNG.normal(0, 5, 140), 0.0)
    profile = describe(make_series([shop], frequency=Frequency.DAY, season=7))
    assert profile.interval[0] == pytest.approx(1.0)
    assert profile.kind[0] != Kind.INTERMITTENT


def test_a_series_that_sells_rarely_is_no_series_with_days_of_rest() -> None:
    rare = np.zeros(120)
    rare[[3, 50, 99]] = 4.0
    assert describe(make_series([rare])).kind[0] == Kind.INTERMITTENT


def test_what_lies_after_a_cutoff_does_not_change_the_profile_there() -> None:
    series = make_series([seasonal(60, seed=1), RARE])
    changed = make_series([seasonal(60, seed=1), RARE])
    changed.y[:, -12:] = RNG.normal(1e6, 1e5, (2, 12))
    assert describe(series.before(12)).kind == describe(changed.before(12)).kind


def test_intermittent_series_are_left_to_members_made_for_them() -> None:
    series = make_series([RARE, seasonal(60, seed=1)] * 4)
    chosen = candidates(series, describe(series), Tier.STANDARD)
    assert chosen["tsb"].tolist() == [True, False] * 4
    assert chosen["ets"].tolist() == [False, True] * 4
    assert chosen[FLOOR].all()


def test_the_fast_tier_leaves_out_what_is_slow() -> None:
    series = make_series([seasonal(60, seed=i) for i in range(6)])
    profile = describe(series)
    fast, standard = candidates(series, profile, Tier.FAST), candidates(series, profile, Tier.STANDARD)
    assert set(fast) == {"naive", "theta", "trees"}
    assert set(fast) < set(standard)


def test_members_on_request_take_part_only_on_request() -> None:
    series = make_series([seasonal(60, seed=1)])
    profile = describe(series)
    assert "auto_arima" not in candidates(series, profile, Tier.STANDARD)
    assert "auto_arima" in candidates(series, profile, Tier.STANDARD, ("auto_arima",))


@pytest.mark.parametrize(
    ("length", "count", "horizon", "expected"),
    [(120, 500, 18, (18, 36)), (3, 5, 6, ()), (20, 500, 18, (2,)), (400, 1, 10, tuple(range(10, 81, 10)))],
)
def test_few_series_are_cut_often_and_short_ones_where_they_can_be(
    length: int, count: int, horizon: int, expected: tuple[int, ...]
) -> None:
    profile = describe(make_series([seasonal(length, seed=i) for i in range(count)]))
    assert cutoffs(profile, horizon, 12) == expected
