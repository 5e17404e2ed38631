"""A panel becomes right-aligned arrays; texts keep their codes, drivers not given ahead are carried on."""

from datetime import date

import numpy as np
import polars as pl

from features.demand import Panel, build_panel
from models.demand.arrays import codes_of, series_of

MONTHS = [date(2024, month, 1) for month in range(1, 13)]


def _panel(**future: list[object]) -> Panel:
    past = pl.DataFrame(
        {
            "unique_id": ["a"] * 6 + ["b"] * 4,
            "ds": MONTHS[:6] + MONTHS[2:6],
            "y": [float(number) for number in range(1, 11)],
            "price": [5.0, 5.0, 5.0, 6.0, 6.0, 6.5] + [2.0] * 4,
            "promo": [False, True, False, False, False, True] + [False] * 4,
            "kind": ["x", "y", "x", "x", "x", "y"] + ["x"] * 4,
            "family": ["salt"] * 6 + ["cell"] * 4,
        }
    )
    ahead = pl.DataFrame({"unique_id": ["a", "a"], "ds": MONTHS[6:8], **future}) if future else None
    frame = past if ahead is None else pl.concat([past, ahead], how="diagonal")
    return build_panel(frame, freq="1mo", known=("price", "promo", "kind"), static=("family",))


def test_series_are_aligned_at_their_ends() -> None:
    panel = _panel()
    series = series_of(panel, 2, codes_of(panel))
    np.testing.assert_array_equal(series.y, [[1, 2, 3, 4, 5, 6], [np.nan, np.nan, 7, 8, 9, 10]])
    assert series.static["family"].tolist() == [1.0, 0.0]
    assert series.known["kind"][0, :6].tolist() == [0, 1, 0, 0, 0, 1]


def test_a_price_not_given_ahead_stays_what_it_is_and_no_promotion_is_planned() -> None:
    panel = _panel()
    series = series_of(panel, 2, codes_of(panel))
    assert series.known["price"][:, 6:].tolist() == [[6.5, 6.5], [2.0, 2.0]]
    assert series.known["promo"][:, 6:].tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert series.known["kind"][0, 6:].tolist() == [0.0, 0.0]


def test_what_is_given_ahead_counts() -> None:
    panel = _panel(price=[4.0, None], promo=[True, False], kind=["y", "x"])
    series = series_of(panel, 2, codes_of(panel))
    assert series.known["price"][0, 6:].tolist() == [4.0, 6.5]
    assert series.known["promo"][0, 6:].tolist() == [1.0, 0.0]


def test_a_text_never_seen_before_has_no_code() -> None:
    panel = _panel()
    codes = {**codes_of(panel), "kind": ["x"]}
    assert np.isnan(series_of(panel, 0, codes).known["kind"][0, 1])
