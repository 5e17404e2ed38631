"""Tables become panels by the rules: each rule finds what it says and treats it as it says."""

from collections.abc import Sequence
from datetime import date, datetime

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
from features.panels.rules import PANEL_RULES, panel_rules

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
    table = pl.concat(pl.DataFrame({"unique_id": uid, "ds": days, "y": 1.0}) for uid in ("a", "b"))
    slip = pl.DataFrame({"unique_id": "b", "ds": [date(1924, 1, 1)], "y": [2.0]})
    panel = build_panel(pl.concat([table, slip]), freq="1d")
    assert _refused(panel) == {"b": "stray_date"}
    assert panel.frame.height == 31


def test_long_hole_in_a_longer_history_is_filled_and_no_stray_date() -> None:
    days = pl.date_range(date(2010, 1, 1), date(2020, 12, 31), "1d", eager=True)
    table = pl.DataFrame({"unique_id": "a", "ds": days, "y": 1.5}).filter(
        ~pl.col("ds").is_between(date(2012, 1, 1), date(2015, 1, 1))
    )
    panel = build_panel(table, freq="1d")
    assert panel.refused.is_empty()
    assert panel.frame.height == days.len()


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


def test_every_rule_tells_planners_in_two_languages_what_is_done() -> None:
    listed = panel_rules()
    assert listed["rule"].n_unique() == len(PANEL_RULES) == listed.height
    assert listed["zh"].str.contains(r"\p{Han}").all()
    assert listed["en"].str.ends_with(".").all()
    assert set(listed["outcome"]) == {"refused", "treated", "named"}
