"""Each series of a panel is filled, trimmed and described by the rules, and carries its drivers."""

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl
import pytest

from features.demand import Panel, build_panel
from features.errors import (
    PanelTypeError,
)

_NONE = float("nan")


def _months(uid: str, y: Sequence[float | None], first: date = date(2022, 1, 1)) -> pl.DataFrame:
    ds = pl.date_range(
        first, pl.select(pl.lit(first).dt.offset_by(f"{len(y) - 1}mo")).item(), "1mo", eager=True
    )
    return pl.DataFrame({"unique_id": uid, "ds": ds, "y": pl.Series(y, dtype=pl.Float64)})


def _y(panel: Panel, uid: str = "a") -> list[float]:
    return panel.frame.filter(pl.col("unique_id") == uid)["y"].to_list()


def _found(panel: Panel, rule: str) -> list[tuple[str, int, object]]:
    return panel.findings.filter(pl.col("rule") == rule).select("unique_id", "rows", "first_ds").rows()


def _refused(panel: Panel) -> dict[str, str]:
    return dict(panel.refused.select("unique_id", "rule").rows())


def test_short_hole_is_filled_on_the_line_and_flagged() -> None:
    table = _months("a", [1.5, 2, 3, None, 5, 6]).filter(pl.col("y").is_null() | (pl.col("y") != 2))
    panel = build_panel(table, freq="1mo")
    assert _y(panel) == [1.5, 2.25, 3, 4, 5, 6]
    assert panel.frame["observed"].to_list() == [True, False, True, False, True, True]
    assert panel.frame["gap"].to_list() == [False, True, False, False, False, False]
    assert _found(panel, "gap_linear") == [("a", 2, date(2022, 2, 1))]


def test_long_hole_takes_the_mean_of_the_nearest_seasons() -> None:
    y: list[float | None] = [float(100 + 10 * (i % 4) + i) + 0.5 for i in range(16)]
    whole = list(y)
    y[5:8] = [None, None, None]
    panel = build_panel(_months("a", y), freq="1mo", season=4)
    assert _y(panel) == pytest.approx(whole)
    assert _found(panel, "gap_seasonal") == [("a", 3, date(2022, 6, 1))]


@pytest.mark.parametrize(("length", "rule"), [(3, "gap_linear"), (4, "gap_seasonal")])
def test_hole_is_short_up_to_a_quarter_of_the_season(length: int, rule: str) -> None:
    y: list[float | None] = [float(100 + i % 12) + 0.5 for i in range(48)]
    y[20 : 20 + length] = [None] * length
    panel = build_panel(_months("a", y), freq="1mo")
    assert panel.findings.select("rule", "rows").rows() == [(rule, length)]


def test_hole_of_demand_with_few_zeros_is_not_taken_for_zero() -> None:
    panel = build_panel(_months("a", [4, 0, 6, None, 8, 5, 6, 7]), freq="1mo")
    assert _y(panel)[3] == 7


def test_hole_of_intermittent_demand_is_no_sale() -> None:
    panel = build_panel(_months("a", [0, 3, 0, None, 5, 0, 0, 2]), freq="1mo")
    assert _y(panel) == [0, 3, 0, 0, 5, 0, 0, 2]
    assert not panel.frame["observed"][3]
    sales_only = _months("b", [3, 0, 0, 5, 0, 0, 0, 2]).filter(pl.col("y") > 0)
    assert _y(build_panel(sales_only, freq="1mo"), "b") == [3, 0, 0, 5, 0, 0, 0, 2]


def test_money_recorded_only_where_sold_is_no_sale_elsewhere_but_readings_are_not() -> None:
    rare = _months("a", [0.5, 0, 0, 30.25, 0, 0, 0, 12.75]).filter(pl.col("y") > 0)
    readings = _months("t", [20.5, 0, 0, 21.25, 0, 0, 0, 19.75]).filter(pl.col("y") > 0)
    panel = build_panel(pl.concat([rare, readings]), freq="1mo")
    assert _y(panel) == [0.5, 0, 0, 30.25, 0, 0, 0, 12.75]
    assert min(_y(panel, "t")) > 19


def test_weekday_without_rows_is_named_as_closed_and_filled_like_a_gap() -> None:
    days = pl.date_range(date(2024, 1, 1), date(2024, 3, 2), "1d", eager=True)
    shop = pl.DataFrame({"unique_id": "a", "ds": days, "y": 10.5}).filter(pl.col("ds").dt.weekday() < 7)
    stray = pl.DataFrame({"unique_id": "b", "ds": days, "y": 10.5}).filter(pl.col("ds") != date(2024, 2, 4))
    panel = build_panel(pl.concat([shop, stray]), freq="1d")
    sunday = panel.timeline.position(np.array([(date(2024, 1, 7) - date(1970, 1, 1)).days]), 7)[0]
    assert panel.closed.rows() == [("a", sunday)]
    assert [(uid, rows) for uid, rows, _ in _found(panel, "closed")] == [("a", 1)]
    assert set(panel.frame["y"]) == {10.5}
    assert panel.frame.filter(~pl.col("observed"))["ds"].dt.weekday().unique().to_list() == [7]


def test_ends_without_values_are_cut_off_and_named() -> None:
    panel = build_panel(_months("a", [None, _NONE, 1, 2, None]), freq="1mo")
    assert _y(panel) == [1, 2]
    assert _found(panel, "late_start") == [("a", 2, date(2022, 1, 1))]
    assert _found(panel, "missing_end") == [("a", 1, date(2022, 5, 1))]


def test_long_zeros_before_the_first_sale_are_cut_off_but_not_those_of_sparse_demand() -> None:
    new = [0.0] * 12 + [4, 5, 6, 7]
    sparse = [0.0] * 12 + [4] + [0.0] * 7 + [1] + [0.0] * 3 + [2]
    panel = build_panel(pl.concat([_months("a", new), _months("sparse", sparse)]), freq="1mo")
    assert _y(panel) == [4, 5, 6, 7]
    assert _found(panel, "new_product") == [("a", 12, date(2022, 1, 1))]
    assert _y(panel, "sparse") == sparse


def test_sparse_new_product_keeps_half_a_season_of_zeros() -> None:
    panel = build_panel(_months("a", [0.0] * 20 + [4, 0, 5, 0, 7]), freq="1mo")
    assert _y(panel) == [0.0] * 6 + [4, 0, 5, 0, 7]
    assert _found(panel, "new_product") == [("a", 14, date(2022, 1, 1))]


def test_long_zeros_at_the_end_are_named_and_kept() -> None:
    panel = build_panel(_months("a", [4, 5, 6, 7] + [0.0] * 12), freq="1mo")
    assert panel.frame.height == 16
    assert _found(panel, "discontinued") == [("a", 12, date(2022, 5, 1))]


def test_series_that_ends_before_the_newest_is_named_with_its_periods() -> None:
    panel = build_panel(pl.concat([_months("a", [1, 2]), _months("b", [1, 2, 3, 4, 5])]), freq="1mo")
    assert _found(panel, "ended_early") == [("a", 3, date(2022, 2, 1))]
    assert panel.series["ended_early"].to_list() == [3, 0]


def test_few_small_returns_count_as_zero_and_signed_series_stay_signed() -> None:
    sold: list[float | None] = [100.0] * 11
    panel = build_panel(
        pl.concat(
            [_months("a", [*sold, -20]), _months("signed", [5.0, -4, 6, -7]), _months("big", [*sold, -200])]
        ),
        freq="1mo",
    )
    assert _y(panel) == [*sold, 0]
    assert panel.frame["returns"].sum() == 1
    assert _found(panel, "returns") == [("a", 1, date(2022, 12, 1))]
    assert _y(panel, "signed") == [5, -4, 6, -7]
    assert {uid for uid, *_ in _found(panel, "signed")} == {"big", "signed"}
    assert dict(panel.series.select("unique_id", "non_negative").rows()) == {
        "a": True,
        "signed": False,
        "big": False,
    }


def test_infinite_value_is_missing_and_named() -> None:
    panel = build_panel(_months("a", [1.5, float("inf"), 2.5, -float("inf")]), freq="1mo")
    assert _y(panel) == [1.5, 2, 2.5]
    assert _found(panel, "infinite") == [("a", 2, date(2022, 2, 1))]


def test_values_too_large_to_square_are_missing_too() -> None:
    panel = build_panel(_months("a", [1.5, 1e308, 2.5]), freq="1mo")
    assert _y(panel) == [1.5, 2, 2.5]
    assert _found(panel, "infinite") == [("a", 1, date(2022, 2, 1))]


def test_infinite_and_nan_drivers_are_null() -> None:
    table = _months("a", [1, 2, 3]).with_columns(p=pl.Series([_NONE, float("inf"), 4.0]))
    panel = build_panel(table, freq="1mo", past=["p"])
    assert panel.frame["p"].to_list() == [None, None, 4]
    assert _found(panel, "infinite_driver") == [("a", 1, date(2022, 2, 1))]


def test_driver_of_lists_is_an_error_and_categories_are_read_as_texts() -> None:
    table = _months("a", [1, 2, 3])
    with pytest.raises(PanelTypeError, match="Column p of the demand table is List"):
        build_panel(table.with_columns(p=pl.concat_list("y")), freq="1mo", known=["p"])
    coded = table.with_columns(pl.col("unique_id", "ds", "y").cast(pl.String).cast(pl.Categorical))
    assert _y(build_panel(coded, freq="1mo")) == [1, 2, 3]


def test_time_zone_is_dropped_and_not_converted() -> None:
    table = _months("a", [1, 2]).with_columns(
        pl.col("ds").cast(pl.Datetime("ns")).dt.replace_time_zone("Asia/Shanghai")
    )
    assert build_panel(table, freq="1mo").frame["ds"].to_list() == [date(2022, 1, 1), date(2022, 2, 1)]


def test_poor_series_are_accepted_and_named() -> None:
    table = pl.concat([_months("one", [3]), _months("zero", [0, 0]), _months("same", [4, 4, 4])])
    panel = build_panel(table, freq="1mo")
    assert panel.refused.is_empty()
    rules = (
        panel.findings.filter(pl.col("rule") != "ended_early")
        .group_by("unique_id")
        .agg(pl.col("rule").sort())
    )
    assert dict(rules.rows()) == {
        "one": ["one_point"],
        "zero": ["all_zero", "short"],
        "same": ["constant", "short"],
    }


def test_future_rows_carry_known_drivers_and_missing_ones_are_named() -> None:
    table = _months("a", [1, 2, None, None, None]).with_columns(
        price=pl.Series([1.0, None, 3.0, None, 5.0]), rain=pl.Series([1.0, 2.0, 3.0, 4.0, 5.0])
    )
    panel = build_panel(
        table.filter(pl.col("price") != 4.0).vstack(table[1:2]), freq="1mo", known=["price"], past=["rain"]
    )
    assert panel.frame["price"].to_list() == [1, None]
    assert panel.future.columns == ["unique_id", "ds", "period", "price"]
    assert panel.future["price"].to_list() == [3, None, 5]
    assert panel.future["period"].diff().to_list()[1:] == [1, 1]
    assert panel.future["ds"].to_list() == [date(2022, month, 1) for month in (3, 4, 5)]
    assert _found(panel, "driver_missing_ahead") == [("a", 1, date(2022, 4, 1))]
    told = panel.findings.filter(pl.col("rule") == "driver_missing_ahead")
    assert told["treatment_en"][0].startswith("price: ")


def test_driver_without_any_future_value_is_named_for_each_series() -> None:
    table = pl.concat([_months("a", [1, 2, None]), _months("b", [1, 2])]).with_columns(
        price=pl.Series([1.0, 1, 1, 1, 1])
    )
    panel = build_panel(table, freq="1mo", known=["price"])
    assert _found(panel, "driver_missing_ahead") == [("b", 1, date(2022, 3, 1))]
    assert panel.future["unique_id"].to_list() == ["a"]


def test_plan_far_ahead_is_left_out_and_named() -> None:
    far = pl.DataFrame({"unique_id": "a", "ds": date(2122, 1, 1), "y": None, "price": 2.0})
    table = _months("a", [1, 2]).with_columns(price=1.0)
    panel = build_panel(pl.concat([table, far], how="vertical_relaxed"), freq="1mo", known=["price"])
    assert panel.future.is_empty()
    assert _found(panel, "far_ahead") == [("a", 1, date(2122, 1, 1))]


def test_texts_and_flags_stay_as_drivers() -> None:
    table = _months("a", [1, 2, None]).with_columns(
        promo=pl.Series([True, False, True]), kind=pl.Series(["x", None, "y"])
    )
    panel = build_panel(table, freq="1mo", known=["promo", "kind"])
    assert panel.frame["promo"].to_list() == [True, False]
    assert panel.frame["kind"].to_list() == ["x", None]
    assert panel.future["kind"].to_list() == ["y"]


def test_static_column_that_varies_takes_the_newest_known_value() -> None:
    table = _months("a", [1, 2, 3]).with_columns(family=pl.Series(["salt", "cell", None]))
    panel = build_panel(table, freq="1mo", static=["family"])
    assert panel.static is not None
    assert panel.static.rows() == [("a", "cell")]
    assert _found(panel, "static_varies") == [("a", 2, date(2022, 3, 1))]
    past = build_panel(table, freq="1mo", static=["family"], as_of=date(2022, 1, 31))
    assert past.static is not None
    assert past.static.rows() == [("a", "salt")]


def test_of_rows_that_repeat_each_other_the_order_does_not_choose_the_static_value() -> None:
    rows = pl.DataFrame(
        {"unique_id": ["a", "a"], "ds": [date(2024, 1, 1)] * 2, "y": [1.0, 1.0], "family": [None, "salt"]}
    )
    for table in (rows, rows.reverse()):
        panel = build_panel(table, freq="1mo", static=("family",))
        assert panel.static is not None
        assert panel.static["family"].to_list() == ["salt"]
