"""The regression finds what drivers and festivals do, each series' own, and leaves out what explains nothing."""

import numpy as np

from features.timeline import Frequency, Timeline
from models.demand.series import FloatArray, Series
from models.demand.trees.history import History, Learnt

WIDTH, AHEAD = 104, 4


def weekly(y: FloatArray, known: dict[str, FloatArray]) -> Series:
    return Series(
        ids=tuple(str(number) for number in range(len(y))),
        y=y,
        observed=np.isfinite(y),
        last=np.full(len(y), 2_400, dtype=np.int64),
        timeline=Timeline(Frequency.WEEK),
        season=52,
        known=known,
        ahead=AHEAD,
    )


def priced(elasticity: FloatArray, seed: int = 0) -> tuple[Series, FloatArray]:
    rng = np.random.default_rng(seed)
    price = np.exp(rng.normal(0, 0.2, (len(elasticity), WIDTH + AHEAD)))
    noise = rng.normal(0, 0.1, (len(elasticity), WIDTH))
    y = np.exp(6 + elasticity[:, None] * np.log(price[:, :WIDTH]) + noise)
    chance = rng.normal(size=price.shape)
    return weekly(y, {"price": price, "chance": chance}), price


def test_each_series_gets_its_own_price_elasticity() -> None:
    elasticity = np.linspace(-3, -1, 12)
    series, price = priced(elasticity)
    learnt = Learnt.of(series)
    assert learnt.logged == {"price"}
    assert {one.group for one in learnt.effects.regressors} == {"driver:price"}
    np.testing.assert_allclose(
        learnt.effects.pooled, [-2.0], atol=0.5
    )  # less sure series, here those of more elastic demand, count for less
    history = History.of(series, AHEAD, learnt)
    ahead = history.effects.total[WIDTH:] - history.effects.total[WIDTH - 1]
    expected = elasticity * (np.log(price[:, WIDTH:]) - np.log(price[:, WIDTH - 1 : WIDTH])).T
    np.testing.assert_allclose(ahead, expected, atol=0.25)
    assert history.z.std(axis=0).mean() < 0.5 * np.log(series.y).std(axis=1).mean()


def test_a_driver_that_says_nothing_and_a_calendar_that_does_not_matter_are_left_out() -> None:
    rng = np.random.default_rng(2)
    y = np.exp(rng.normal(5, 0.3, (40, WIDTH)))
    learnt = Learnt.of(weekly(y, {"chance": rng.normal(size=(40, WIDTH + AHEAD))}))
    assert learnt.effects.regressors == ()


def test_spring_festival_is_found_in_one_daily_series() -> None:
    rng = np.random.default_rng(3)
    days = np.arange(17_000, 17_900)
    timeline = Timeline(Frequency.DAY)
    y = np.exp(5 + rng.normal(0, 0.02, len(days)))
    series = Series(
        ids=("one",),
        y=y[None],
        observed=np.ones((1, len(days)), dtype=np.bool_),
        last=days[-1:].astype(np.int64),
        timeline=timeline,
        season=7,
    )
    from features.calendar import calendar_columns

    offset = calendar_columns(timeline, days)["spring_festival_offset"]
    series.y[0, np.abs(offset) <= 3] *= 0.6
    learnt = Learnt.of(series)
    assert {one.group for one in learnt.effects.regressors} == {"calendar:spring_festival"}
    found = {
        one.value: slope for one, slope in zip(learnt.effects.regressors, learnt.effects.pooled, strict=True)
    }
    np.testing.assert_allclose(found[0.0], np.log(0.6), atol=0.1)
    assert abs(found[15.0]) < 0.1


def test_facts_are_read_back_as_they_were() -> None:
    learnt = Learnt.of(priced(np.linspace(-3, -1, 5))[0])
    assert Learnt.read(learnt.facts()) == learnt
