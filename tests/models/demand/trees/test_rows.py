"""What the trees learn from: seen targets only, within the limit, by seed, weighed by their like."""

import numpy as np

from features.timeline import Frequency, Timeline
from models.demand.series import FloatArray, Series
from models.demand.trees.features import Seen
from models.demand.trees.history import History, Learnt
from models.demand.trees.rows import chunks, lessons_of

HORIZON = 3


def seen_of(y: FloatArray, season: int = 12) -> Seen:
    series = Series(
        ids=tuple(str(number) for number in range(len(y))),
        y=y,
        observed=np.isfinite(y),
        last=np.full(len(y), 24_000, dtype=np.int64),
        timeline=Timeline(Frequency.MONTH),
        season=season,
    )
    return Seen.of(History.of(series, HORIZON, Learnt(frozenset(), frozenset(), season)), HORIZON)


def values(count: int = 20, width: int = 48) -> FloatArray:
    return np.asarray(np.exp(np.random.default_rng(0).normal(4, 0.2, (count, width))))


def test_rows_stay_within_the_limit_and_follow_the_seed() -> None:
    seen = seen_of(values())
    few = lessons_of(seen, HORIZON, 90, np.random.default_rng(1))
    same = lessons_of(seen, HORIZON, 90, np.random.default_rng(1))
    other = lessons_of(seen, HORIZON, 90, np.random.default_rng(2))
    assert few is not None
    assert same is not None
    assert other is not None
    assert len(few.x) == 90
    np.testing.assert_array_equal(few.x, same.x)
    assert not np.array_equal(few.missed, other.missed)


def test_a_filled_value_is_never_a_target() -> None:
    y = values(1, 40)
    seen = seen_of(y)
    observed = seen.history.series.observed
    observed[0, -10:] = False
    all_rows = lessons_of(seen_of(y), HORIZON, 10_000, np.random.default_rng(0))
    seen_rows = lessons_of(seen, HORIZON, 10_000, np.random.default_rng(0))
    assert all_rows is not None
    assert seen_rows is not None
    assert len(all_rows.x) - len(seen_rows.x) == 10 * HORIZON


def test_rows_without_a_last_season_count_for_nothing_where_every_forecast_has_one() -> None:
    seen = seen_of(values(20, 26))
    lessons = lessons_of(seen, HORIZON, 10_000, np.random.default_rng(0))
    assert lessons is not None
    before_last = lessons.x[:, lessons.names.index("last_season less reference")]
    assert (lessons.weight[np.isnan(before_last)] == 0).all()
    assert (lessons.weight > 0).any()


def test_chunks_cover_every_series_once() -> None:
    y = values(7, 30)
    series = seen_of(y).history.series
    parts = list(chunks(series, 100_000, 30))
    assert len(parts) == 7
    np.testing.assert_array_equal(np.concatenate(parts), np.arange(7))
