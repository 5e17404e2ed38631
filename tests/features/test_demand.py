"""Tables become panels by the rules: each rule finds what it says and treats it as it says."""

from collections.abc import Sequence
from datetime import date, datetime

import numpy as np
import polars as pl
import pytest

from features.demand import Panel, build_panel
from features.errors import (
    FrequencyError,
    MixedFrequencyError,
    NoSeriesError,
    PanelArgumentError,
    PanelColumnError,
    PanelTypeError,
)
from features.panel_rules import PANEL_RULES, panel_rules

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


def test_clean_table_comes_out_as_it_went_in() -> None:
    table = pl.concat([_months("b", [5.5, 6, 7]), _months("a", [1, 2, 3])])
    panel = build_panel(table.lazy(), freq="1mo", season=1)
    assert panel.frame["unique_id"].to_list() == ["a"] * 3 + ["b"] * 3
    assert panel.frame["ds"].to_list() == table.sort("unique_id", "ds")["ds"].to_list()
    assert _y(panel, "b") == [5.5, 6, 7]
    assert panel.frame["observed"].all()
    assert not panel.frame["gap"].any()
    assert panel.frame["period"].diff().to_list()[1:3] == [1, 1]
    assert panel.findings.is_empty()
    assert panel.refused.is_empty()
    assert panel.series["non_negative"].all()


@pytest.mark.parametrize("column", ["unique_id", "ds", "y"])
def test_missing_column_is_named_with_those_there(column: str) -> None:
    with pytest.raises(PanelColumnError, match=f"lacks the column\\(s\\) {column} "):
        build_panel(_months("a", [1, 2]).drop(column), freq="1mo")


def test_driver_that_is_not_there_is_named_with_the_columns_found() -> None:
    with pytest.raises(PanelColumnError) as caught:
        build_panel(_months("a", [1, 2]), freq="1mo", known=["price"])
    assert caught.value.columns == ("price",)
    assert caught.value.found == ("unique_id", "ds", "y")
    assert "price" in caught.value.message("zh")


def test_driver_cannot_be_known_and_past_or_take_the_panels_names() -> None:
    table = _months("a", [1, 2]).with_columns(p=1.0)
    with pytest.raises(PanelArgumentError, match="more than once"):
        build_panel(table, freq="1mo", known=["p"], past=["p"])
    with pytest.raises(PanelArgumentError, match="column of the panel itself"):
        build_panel(table, freq="1mo", past=["y"])


def test_season_below_one_and_unknown_frequency_are_refused() -> None:
    with pytest.raises(PanelArgumentError, match="must be 1 or more"):
        build_panel(_months("a", [1, 2]), freq="1mo", season=0)
    with pytest.raises(FrequencyError):
        build_panel(_months("a", [1, 2]), freq="fortnight")


def test_texts_are_read_as_dates_and_numbers() -> None:
    table = pl.DataFrame(
        {"unique_id": "a", "ds": ["2024-01-01", "2024/2/1", "2024年3月1日"], "y": ["1", "1,200.5", " "]}
    )
    panel = build_panel(table, freq="1mo", season=1)
    assert panel.frame["ds"].to_list() == [date(2024, 1, 1), date(2024, 2, 1)]
    assert _y(panel) == [1, 1200.5]


def test_unreadable_value_or_date_refuses_its_series_by_row_and_the_rest_goes_on() -> None:
    table = pl.DataFrame(
        {
            "unique_id": ["a", "a", "b", "c"],
            "ds": ["2024-01-01", "2024-02-01", "2024-01-01", "2024-13-01"],
            "y": ["1", "many", "2", "3"],
        }
    )
    panel = build_panel(table, freq="1mo")
    assert _refused(panel) == {"a": "unreadable_y", "c": "unreadable_ds"}
    reasons = panel.refused.sort("unique_id")
    assert reasons["reason_en"][0].startswith("Row(s) 2: y is no number")
    assert reasons["reason_zh"][1].startswith("第 4 行：ds")
    assert _y(panel, "b") == [2]


def test_types_that_nothing_can_be_read_from_are_errors_naming_the_column() -> None:
    table = _months("a", [1, 2])
    with pytest.raises(PanelTypeError, match="Column y of the demand table is Boolean"):
        build_panel(table.with_columns(y=pl.lit(value=True)), freq="1mo")
    with pytest.raises(PanelTypeError, match="use frequency 1"):
        build_panel(table.with_columns(ds=pl.int_range(2)), freq="1mo")
    with pytest.raises(PanelTypeError, match="a whole number"):
        build_panel(table, freq="1")
    with pytest.raises(PanelTypeError, match="Column unique_id"):
        build_panel(table.with_columns(unique_id=1.5), freq="1mo")


def test_integer_ds_is_accepted_with_frequency_one() -> None:
    table = pl.DataFrame({"unique_id": [7] * 4, "ds": [3, 1, 2, 5], "y": [3, 1, 2, 5]})
    panel = build_panel(table, freq="1")
    assert panel.frame["ds"].to_list() == [1, 2, 3, 4, 5]
    assert _y(panel, "7") == [1, 2, 3, 4, 5]
    assert _found(panel, "gap_linear") == [("7", 1, 4)]


def test_series_off_the_frequency_is_refused_by_name_and_the_rest_goes_on() -> None:
    odd = _months("odd", [1, 2, 3], date(2022, 1, 15))
    panel = build_panel(pl.concat([_months("a", [1, 2, 3, 4]), odd]), freq="1mo")
    assert _refused(panel) == {"odd": "off_frequency"}
    assert panel.series["unique_id"].to_list() == ["a"]
    with pytest.raises(MixedFrequencyError):
        build_panel(odd, freq="1mo")


def test_weeks_follow_the_weekday_of_most() -> None:
    fridays = pl.date_range(date(2024, 1, 5), date(2024, 3, 1), "1w", eager=True)
    table = pl.concat(
        pl.DataFrame({"unique_id": uid, "ds": fridays.dt.offset_by(shift), "y": 1.0})
        for uid, shift in (("a", "0d"), ("b", "0d"), ("monday", "3d"))
    )
    panel = build_panel(table, freq="1w")
    assert panel.timeline.anchor == 4
    assert _refused(panel) == {"monday": "off_frequency"}


def test_month_ends_are_kept_and_months_of_both_kinds_refuse_the_fewer() -> None:
    ends = _months("a", [1, 2, 3, 4]).with_columns(pl.col("ds").dt.month_end())
    panel = build_panel(pl.concat([ends, _months("first", [1, 2])]), freq="1mo")
    assert panel.frame["ds"].to_list() == ends["ds"].to_list()
    assert _refused(panel) == {"first": "off_frequency"}


def test_coarser_series_is_refused() -> None:
    quarters = _months("q", [float(i) for i in range(22)])[::3]
    panel = build_panel(pl.concat([_months("a", [1, 2, 3]), quarters]), freq="1mo")
    assert _refused(panel) == {"q": "coarser_frequency"}


def test_stray_date_refuses_its_series_before_a_century_of_days_is_filled() -> None:
    days = pl.date_range(date(2024, 1, 1), date(2024, 1, 31), "1d", eager=True)
    table = pl.DataFrame({"unique_id": "a", "ds": days, "y": 1.0})
    slip = pl.DataFrame(
        {"unique_id": ["b", "b"], "ds": [date(1924, 1, 1), date(2024, 1, 1)], "y": [1.0, 2.0]}
    )
    panel = build_panel(pl.concat([table, slip]), freq="1d")
    assert _refused(panel) == {"b": "stray_date"}
    assert panel.frame.height == 31


def test_exact_duplicates_merge_and_contradictions_refuse_the_series() -> None:
    table = pl.concat([_months("a", [1, 2]), _months("a", [1]), _months("b", [1, 2]), _months("b", [9])])
    panel = build_panel(table, freq="1mo")
    assert _y(panel) == [1, 2]
    assert _found(panel, "repeated_rows") == [("a", 1, date(2022, 1, 1))]
    assert _refused(panel) == {"b": "contradicting_rows"}
    assert "Row(s) 4, 6" in panel.refused["reason_en"][0]


def test_newest_row_known_by_the_date_wins() -> None:
    table = pl.concat(
        [
            _months("a", [1, 2]).with_columns(known_at=date(2022, 3, 1)),
            _months("a", [10]).with_columns(known_at=date(2022, 3, 9)),
            _months("a", [100]).with_columns(known_at=date(2022, 4, 1)),
        ]
    )
    panel = build_panel(table, freq="1mo", as_of=date(2022, 3, 9))
    assert _y(panel) == [10, 2]
    assert _found(panel, "revised") == [("a", 1, date(2022, 1, 1))]
    assert _y(build_panel(table, freq="1mo")) == [100, 2]
    assert _y(build_panel(table, freq="1mo", as_of=datetime(2022, 3, 8, 12))) == [1, 2]  # noqa: DTZ001


def test_row_without_known_at_is_not_used_as_of_a_date() -> None:
    known_at = pl.Series([date(2022, 2, 1), None])
    table = _months("a", [1, 2]).with_columns(known_at=known_at)
    panel = build_panel(table, freq="1mo", as_of=date(2022, 12, 31))
    assert _y(panel) == [1]
    assert [(uid, rows) for uid, rows, _ in _found(panel, "no_known_at")] == [("a", 1)]


@pytest.mark.parametrize(
    ("as_of", "values"), [(date(2022, 2, 28), 2), (date(2022, 3, 30), 2), (date(2022, 3, 31), 3)]
)
def test_month_counts_once_it_is_over(as_of: date, values: int) -> None:
    panel = build_panel(_months("a", [1, 2, 3, 4]), freq="1mo", as_of=as_of)
    assert panel.frame.height == values
    assert _found(panel, "open_period")[0][1] == 4 - values


def test_hour_counts_once_it_is_over() -> None:
    hours = pl.datetime_range(datetime(2024, 1, 1), datetime(2024, 1, 1, 5), "1h", eager=True)  # noqa: DTZ001
    table = pl.DataFrame({"unique_id": "a", "ds": hours, "y": 1.0})
    panel = build_panel(table, freq="1h", as_of=datetime(2024, 1, 1, 3, 30))  # noqa: DTZ001
    assert panel.frame.height == 3
    assert build_panel(table, freq="1h", as_of=date(2024, 1, 1)).frame.height == 6


def test_integer_ds_needs_known_at_for_an_as_of_date() -> None:
    table = pl.DataFrame({"unique_id": "a", "ds": [1, 2], "y": [1.0, 2.0]})
    with pytest.raises(PanelArgumentError, match="known_at"):
        build_panel(table, freq="1", as_of=date(2024, 1, 1))
    dated = table.with_columns(known_at=pl.Series([date(2023, 1, 1), date(2025, 1, 1)]))
    assert _y(build_panel(dated, freq="1", as_of=date(2024, 1, 1))) == [1]


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


def test_series_without_a_value_is_refused_and_a_table_without_one_is_an_error() -> None:
    table = pl.concat([_months("a", [None, None]), _months("b", [1])])
    assert _refused(build_panel(table, freq="1mo")) == {"a": "all_missing"}
    with pytest.raises(NoSeriesError, match="'a': Row\\(s\\) 1, 2: There is no usable y") as caught:
        build_panel(table.head(2), freq="1mo")
    assert caught.value.refused == 1
    with pytest.raises(NoSeriesError, match="has no rows"):
        build_panel(table.clear(), freq="1mo")


def test_rows_without_an_id_are_refused_by_row() -> None:
    table = pl.concat([_months("a", [1, 2]), _months(" ", [1])])
    panel = build_panel(table, freq="1mo")
    assert _refused(panel) == {"": "no_id"}
    assert "Row(s) 3:" in panel.refused["reason_en"][0]


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


def test_every_rule_tells_planners_in_two_languages_what_is_done() -> None:
    listed = panel_rules()
    assert listed["rule"].n_unique() == len(PANEL_RULES) == listed.height
    assert listed["zh"].str.contains(r"\p{Han}").all()
    assert listed["en"].str.ends_with(".").all()
    assert set(listed["outcome"]) == {"refused", "treated", "named"}
