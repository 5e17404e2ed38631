"""A shock's profile is found again in a history that was made with it."""

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from features.timeline import Frequency, Timeline, timeline_of
from models.demand.scenarios.event_profile import estimate_event
from models.demand.scenarios.scenario import Shock
from models.demand.scenarios.scenario_run import shock_factors
from models.demand.series import Series
from models.errors import ScenarioError

FIRST, LAST = date(2022, 9, 5), date(2022, 9, 18)
TRUE = Shock(
    name="salt", zh="抢盐", en="run", first=FIRST, surge=3.5, surge_days=14, hangover=0.5, hangover_days=70
)


def _history(timeline: Timeline, first: int, last: int, *, noise: float = 0.05, years: int = 365) -> Series:
    rng = np.random.default_rng(7)
    periods = np.arange(first, last + 1)
    season = 1 + 0.3 * np.sin(2 * np.pi * periods / years)
    y = 100 * season * shock_factors(TRUE, timeline, periods) * rng.lognormal(0, noise, (3, len(periods)))
    return Series(
        ids=("a", "b", "c"),
        y=y,
        observed=np.ones_like(y, dtype=np.bool_),
        last=np.full(3, last),
        timeline=timeline,
        season=7,
    )


def _day(year: int, month: int, day: int) -> int:
    return (date(year, month, day) - date(1970, 1, 1)).days


def test_profile_is_found_in_days() -> None:
    series = _history(Timeline(Frequency.DAY), _day(2020, 1, 1), _day(2024, 6, 30))
    found = estimate_event(series, FIRST, LAST, name="salt")
    assert found.shock.surge == pytest.approx(3.5, rel=0.05)
    assert found.shock.surge_days == 14
    assert found.shock.hangover == pytest.approx(0.5, abs=0.06)
    assert found.shock.hangover_days == pytest.approx(70, abs=15)
    assert found.noise < 0.08
    assert found.series == 3
    assert found.periods[0] == _day(2022, 9, 5)
    assert found.ratio[:14].mean() == pytest.approx(3.5, rel=0.05)


def test_profile_is_found_in_weeks() -> None:
    weekly = Timeline(Frequency.WEEK, 0)  # 2022-09-05 is a Monday
    week = (_day(2022, 9, 5) + 3) // 7
    found = estimate_event(_history(weekly, week - 130, week + 90, years=52), FIRST, LAST, name="salt")
    assert found.shock.surge == pytest.approx(3.5, rel=0.05)
    assert found.shock.surge_days == 14
    assert found.shock.hangover == pytest.approx(0.5, abs=0.1)
    assert found.shock.hangover_days == pytest.approx(70, abs=21)


def test_history_without_neighbouring_years_is_held_against_the_weeks_before() -> None:
    series = _history(Timeline(Frequency.DAY), _day(2022, 7, 1), _day(2022, 12, 31), years=10**9)
    found = estimate_event(series, FIRST, LAST, name="salt")
    assert found.shock.surge == pytest.approx(3.5, rel=0.05)


def test_quiet_time_gives_no_shock() -> None:
    series = _history(Timeline(Frequency.DAY), _day(2020, 1, 1), _day(2022, 8, 31))
    found = estimate_event(series, date(2022, 3, 1), date(2022, 3, 14), name="quiet")
    assert found.shock.surge == pytest.approx(1.0, abs=0.05)
    assert found.shock.hangover > 0.9


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (date(2019, 9, 5), date(2019, 9, 18)),
        (date(2022, 9, 18), date(2022, 9, 5)),
        (date(2030, 1, 1), date(2030, 1, 9)),
    ],
)
def test_window_outside_the_history_is_refused_with_its_ends(first: date, last: date) -> None:
    series = _history(Timeline(Frequency.DAY), _day(2020, 1, 1), _day(2024, 6, 30))
    with pytest.raises(ScenarioError, match="2020-01-01 to 2024-06-30"):
        estimate_event(series, first, last, name="salt")


def test_salt_panic_of_the_sample_group_is_found(repository: Path) -> None:
    folder = repository / "data_samples" / "group"
    salt = pl.read_parquet(folder / "products.parquet").filter(pl.col("family") == "salt")["product_id"]
    sales = (
        pl.read_parquet(folder / "sales.parquet")
        .filter(pl.col("product_id").is_in(salt.to_list()))
        .unique(["product_id", "region", "ds"], keep="last", maintain_order=True)
        .with_columns(unique_id=pl.col("product_id") + pl.col("region"))
        .pivot(on="unique_id", index="ds", values="quantity")
        .sort("ds")
    )
    timeline = timeline_of(sales["ds"], Frequency.DAY)
    y = sales.drop("ds").to_numpy().T
    series = Series(
        ids=tuple(sales.columns[1:]),
        y=y,
        observed=np.isfinite(y),
        last=np.full(len(y), int(sales.select(timeline.period())["ds"][-1])),
        timeline=timeline,
        season=7,
    )
    found = estimate_event(series, FIRST, LAST, name="salt")
    # The generator: 5.5 times at the peak, 3.3 times on average over the regions; 0.55 below for 75 days, less abroad.
    assert found.shock.surge == pytest.approx(3.3, abs=0.3)
    assert found.shock.hangover == pytest.approx(0.57, abs=0.08)
    assert 60 <= found.shock.hangover_days <= 105
    assert found.ratio[:14].max() > 5
