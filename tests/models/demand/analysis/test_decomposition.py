"""Decompositions add up, find what was put in, and stay calm with gaps and short series."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.timeline import Frequency, Timeline
from models.demand.analysis.decomposition import Decomposition, decompose
from models.demand.series import FloatArray, Series

_LAST = {
    Frequency.DAY: 19_900, Frequency.WEEK: 2_840, Frequency.MONTH: 24_290, Frequency.QUARTER: 8_090,
    Frequency.INTEGER: 90, Frequency.HOUR: 480_000,
}  # fmt: skip


def _series(y: FloatArray, frequency: Frequency = Frequency.MONTH, season: int | None = None) -> Series:
    rows = np.atleast_2d(y)
    return Series(
        tuple(f"S{row}" for row in range(len(rows))), rows, np.isfinite(rows), np.full(len(rows), _LAST[frequency]),
        Timeline(frequency), season or frequency.season,
    )  # fmt: skip


def _wave(width: int, season: int, seed: int = 0) -> FloatArray:
    time = np.arange(width)
    noise = np.random.default_rng(seed).normal(size=width)
    wave: FloatArray = 100 + 0.5 * time + 20 * np.sin(2 * np.pi * time / season) + noise
    return wave


def _sum(found: Decomposition) -> FloatArray:
    total: FloatArray = np.sum([*found.parts.values()], axis=0) + found.remainder
    return total


@pytest.mark.parametrize(
    ("frequency", "season", "width", "names"),
    [
        (Frequency.MONTH, 12, 60, ["trend", "season_12", "calendar"]),
        (Frequency.QUARTER, 4, 40, ["trend", "season_4", "calendar"]),
        (Frequency.WEEK, 52, 160, ["trend", "season_52", "calendar"]),
        (Frequency.DAY, 7, 900, ["trend", "season_7", "season_365", "calendar"]),
        (Frequency.HOUR, 24, 24 * 40, ["trend", "season_24", "season_168", "calendar"]),
        (Frequency.INTEGER, 6, 48, ["trend", "season_6"]),
        (Frequency.INTEGER, 1, 48, ["trend"]),
        (Frequency.MONTH, 12, 15, ["trend"]),
    ],
)
def test_every_frequency_has_its_parts_and_they_add_up(
    frequency: Frequency, season: int, width: int, names: list[str]
) -> None:
    y = _wave(width, max(season, 4))
    found = decompose(_series(y, frequency, season))
    assert [name for name in found.parts if name != "calendar" or name in names] == names
    np.testing.assert_allclose(_sum(found)[0], y, atol=1e-9)


def test_trend_and_season_are_those_that_were_put_in() -> None:
    found = decompose(_series(_wave(96, 12)), calendar=False)
    time = np.arange(96)
    assert np.abs(found.parts["trend"][0] - (100 + 0.5 * time)).max() < 2.5
    assert np.abs(found.parts["season_12"][0] - 20 * np.sin(2 * np.pi * time / 12)).max() < 4
    strengths = found.strengths()
    assert strengths.filter(pl.col("part") == "season_12")["strength"][0] > 0.95
    assert strengths.filter(pl.col("part") == "trend")["change_percent"][0] == pytest.approx(4.3, abs=1.5)
    assert strengths["text_zh"].str.contains("年内季节很强").any()
    assert strengths["text_en"].str.contains("Yearly season: strong").any()


def test_a_fortnight_of_panic_stays_in_the_remainder() -> None:
    rng = np.random.default_rng(4)
    y = 1_000 + 200 * (np.arange(800) % 7 < 5) + 20 * rng.normal(size=800)
    y[500:514] += 3_000
    found = decompose(_series(y, Frequency.DAY))
    assert found.remainder[0, 500:514].min() > 2_300
    strengths = found.strengths()
    assert strengths.filter(pl.col("part") == "season_7")["strength"][0] > 0.9


def test_gaps_leave_gaps_in_the_remainder_only() -> None:
    y = _wave(72, 12)
    y[[10, 30, 31]] = np.nan
    found = decompose(_series(y))
    assert np.isnan(found.remainder[0]).sum() == 3
    assert all(np.isfinite(part).all() for part in found.parts.values())
    assert found.frame().filter(pl.col("y").is_null())["remainder"].null_count() == 3


def test_late_starts_are_cut_off_and_bad_series_do_not_stop_the_others() -> None:
    y = np.stack([_wave(60, 12), _wave(60, 12, 1), np.full(60, np.nan), np.full(60, 7.0)])
    y[1, :20] = np.nan
    y[2, -2:] = 5.0
    found = decompose(_series(y))
    frame = found.frame()
    assert frame.filter(pl.col("unique_id") == "S1").height == 40
    assert frame.filter(pl.col("unique_id") == "S2")["trend"].null_count() == 2
    assert found.strengths().filter(pl.col("unique_id") == "S2")["strength"].null_count() == len(found.parts)
    assert "数据太少" in found.strengths().filter(pl.col("unique_id") == "S2")["text_zh"][0]
    alone = decompose(_series(y[0]))
    np.testing.assert_allclose(found.parts["trend"][0], alone.parts["trend"][0], rtol=1e-9)


@settings(max_examples=15)
@given(st.floats(-1e4, 1e4), st.floats(1e-2, 1e4), st.integers(0, 5))
def test_a_shift_moves_the_trend_and_a_unit_scales_every_part(shift: float, unit: float, seed: int) -> None:
    y = _wave(60, 12, seed)
    plain, moved = decompose(_series(y)), decompose(_series(shift + unit * y))
    slack = 1e-4 * unit * 50 + 1e-6 * abs(shift)
    np.testing.assert_allclose(moved.parts["trend"], shift + unit * plain.parts["trend"], atol=slack)
    for name in ("season_12", "calendar"):
        np.testing.assert_allclose(moved.parts[name], unit * plain.parts[name], atol=slack)
