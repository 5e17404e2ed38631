"""A plant's own table of lines: rest days, plans, drivers, and every fault named by its place."""

from collections.abc import Mapping
from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from features.capacity.history_file import DAYS_AHEAD, line_panel_of_file
from features.capacity.line_panel import FUTURE, HISTORY
from features.errors import LineHistoryError, PanelArgumentError
from tests.features.capacity.conftest import day

TODAY = day(9)
HISTORY_ROWS: Mapping[str, list[object]] = {
    "line_id": ["A", "A", "A", "A", "A", "B"],
    "ds": [day(4), day(5), day(6), day(8), day(9), day(5)],
    "planned_rate": [10.0, 10.0, 12.0, 12.0, 12.0, 3.0],
    "planned_hours": [8.0, 8.0, 10.0, 8.0, 8.0, 16.0],
    "output": [79.0, 81.0, None, 95.0, 90.0, 40.0],
    "staff": [20, 21, 22, 23, 24, 9],
    "style": ["x", "y", "y", " ", "x", "z"],
}


def table(**changes: list[object]) -> pl.DataFrame:
    return pl.DataFrame({**HISTORY_ROWS, **changes})


def plan(**changes: list[object]) -> pl.DataFrame:
    rows: dict[str, list[object]] = {
        "line_id": ["A", "A", "A"],
        "ds": [day(10), day(11), day(13)],
        "planned_rate": [12.0, 12.5, 13.0],
        "planned_hours": [8.0, 10.0, 8.0],
        "staff": [25, 26, None],
        "style": ["x", "w", "x"],
    }
    return pl.DataFrame(rows | changes)


def test_rows_become_a_panel_with_days_of_rest_between() -> None:
    panel = line_panel_of_file(table(), as_of=TODAY)
    line = panel.history.filter(line_id="A")
    assert line["ds"].to_list() == [day(number) for number in range(4, 10)]
    assert line["planned_hours"].to_list() == [8.0, 8.0, 10.0, 0.0, 8.0, 8.0]
    assert line["output"].to_list() == [79.0, 81.0, None, 0.0, 95.0, 90.0]
    assert line["run_hours"].null_count() == line["good_output"].null_count() == 6
    assert panel.findings.select("line_id", "rule", "rows", "first_ds").rows() == [
        ("A", "rest_days", 1, day(7))
    ]
    assert panel.lines.select("line_id", "name", "planned_rate").rows() == [("A", "A", 12.0), ("B", "B", 3.0)]


def test_panel_has_the_stated_columns() -> None:
    panel = line_panel_of_file(table(), plan(), as_of=TODAY, drivers=("style", "staff"))
    drivers = {"staff": pl.Float64(), "style": pl.String()}
    assert panel.history.schema == pl.Schema({**HISTORY, **drivers})
    assert panel.future.schema == pl.Schema({**FUTURE, **drivers})
    assert (panel.drivers, panel.text_drivers) == (("staff",), ("style",))


def test_plan_fills_the_days_ahead_and_ends_them() -> None:
    panel = line_panel_of_file(table(), plan(), as_of=TODAY)
    line = panel.future.filter(line_id="A")
    assert line["ds"].to_list() == [day(number) for number in range(10, 14)]
    assert line["planned_hours"].to_list() == [8.0, 10.0, 0.0, 8.0]
    assert line["planned_rate"].to_list() == [12.0, 12.5, 12.0, 13.0]
    assert line["staff"].to_list() == [25.0, 26.0, None, None]
    other = panel.future.filter(line_id="B")
    assert (other["ds"].min(), other["ds"].max()) == (day(6), day(13))
    assert other["planned_hours"].null_count() == other.height


def test_drivers_without_names_are_the_columns_of_both_tables() -> None:
    history = table(scrap=[1.0] * 6)
    assert line_panel_of_file(history, plan(), as_of=TODAY).drivers == ("staff",)
    assert line_panel_of_file(history, as_of=TODAY).drivers == ()
    measured = line_panel_of_file(history, plan(), as_of=TODAY, drivers=["scrap"])
    assert measured.drivers == ("scrap",)
    assert measured.future["scrap"].null_count() == measured.future.height


def test_without_a_plan_the_panel_reaches_thirteen_weeks() -> None:
    panel = line_panel_of_file(table(), as_of=TODAY)
    assert panel.future["ds"].max() == TODAY + timedelta(days=DAYS_AHEAD)
    assert panel.future["planned_hours"].null_count() == panel.future.height


def test_without_planned_hours_the_rate_is_what_the_day_was_to_make() -> None:
    panel = line_panel_of_file(table().drop("planned_hours"), plan().drop("planned_hours"), as_of=TODAY)
    line = panel.history.filter(line_id="A")
    assert line["planned_hours"].to_list() == [1.0, 1.0, 1.0, 0.0, 1.0, 1.0]
    assert panel.future.filter(line_id="A")["planned_hours"].to_list() == [1.0, 1.0, 0.0, 1.0]


def test_empty_text_and_infinite_numbers_of_drivers_are_missing() -> None:
    history = table(staff=[1.0, float("nan"), float("inf"), 2.0, 3.0, 4.0])
    panel = line_panel_of_file(history, as_of=TODAY, drivers=("staff", "style"))
    line = panel.history.filter(line_id="A")
    assert line["staff"].to_list() == [1.0, None, None, None, 2.0, 3.0]
    assert line["style"].to_list() == ["x", "y", "y", None, None, "x"]


def test_cells_of_a_spreadsheet_are_read() -> None:
    text = table().drop("style").select(pl.all().cast(pl.String))
    text = text.with_columns(
        ds=pl.col("ds").str.replace_all("-", "/"), output=pl.col("output").fill_null(" ")
    )
    numbers = table().drop("style").with_columns(pl.col("output").fill_null(float("nan")))
    expected = line_panel_of_file(numbers, as_of=TODAY)
    assert_frame_equal(line_panel_of_file(text, as_of=TODAY).history, expected.history)


def test_rows_after_the_date_or_known_later_change_nothing() -> None:
    known = table().with_columns(known_at=pl.col("ds"))
    later = known.filter(line_id="A").with_columns(
        pl.col("ds").dt.offset_by("7d"),
        known_at=pl.lit(day(20)),
        output=pl.lit(1e6),
        staff=pl.lit(0, pl.Int64),
    )
    revised = known[:2].with_columns(known_at=pl.lit(day(10)), output=pl.lit(0.0))
    told = plan().with_columns(known_at=pl.lit(day(1)))
    changed_plan = told.with_columns(known_at=pl.lit(day(10)), planned_hours=pl.lit(24.0))
    expected = line_panel_of_file(known, told, as_of=TODAY)
    panel = line_panel_of_file(
        pl.concat([revised, known, later]), pl.concat([told, changed_plan]), as_of=TODAY
    )
    for name in ("lines", "history", "future", "findings"):
        assert_frame_equal(getattr(panel, name), getattr(expected, name), check_exact=True)
    after = line_panel_of_file(pl.concat([revised, known]), as_of=day(10))
    assert after.history.filter(line_id="A")["output"].to_list()[:2] == [0.0, 0.0]


@settings(max_examples=30)
@given(order=st.permutations(range(6)), as_of=st.sampled_from([day(5), day(6), TODAY, day(12)]))
def test_order_of_rows_has_no_effect(order: list[int], as_of: date) -> None:
    frame = table()
    expected = line_panel_of_file(frame, plan(), as_of=as_of, drivers=("staff", "style"))
    panel = line_panel_of_file(frame[order], plan().reverse(), as_of=as_of, drivers=("staff", "style"))
    for name in ("lines", "history", "future", "findings", "refused"):
        assert_frame_equal(getattr(panel, name), getattr(expected, name), check_exact=True)


def test_line_whose_output_is_empty_throughout_is_refused() -> None:
    panel = line_panel_of_file(table(output=[1.0, 2.0, None, 3.0, 4.0, None]), as_of=TODAY)
    assert panel.refused.select("line_id", "rule").rows() == [("B", "no_history")]


def test_maintenance_of_the_table_marks_its_days() -> None:
    kinds: list[object] = [None, None, "overhaul", None, None, None]
    panel = line_panel_of_file(
        table(maintenance=kinds), plan(maintenance=["inspection", None, None]), as_of=TODAY
    )
    assert panel.history.drop_nulls("maintenance")["ds"].to_list() == [day(6)]
    assert panel.future.drop_nulls("maintenance").select("ds", "maintenance").rows() == [
        (day(10), "inspection")
    ]


def test_without_a_date_the_last_day_of_the_history_is_meant() -> None:
    panel = line_panel_of_file(table(), plan())
    assert panel.as_of == TODAY
    assert_frame_equal(panel.future, line_panel_of_file(table(), plan(), as_of=TODAY).future)
    with pytest.raises(PanelArgumentError, match="as_of"):
        line_panel_of_file(table(), as_of=date.max)


def refusal(
    history: pl.DataFrame, ahead: pl.DataFrame | None = None, drivers: tuple[str, ...] = ()
) -> LineHistoryError:
    with pytest.raises(LineHistoryError) as caught:
        line_panel_of_file(history, ahead, as_of=TODAY, drivers=drivers)
    assert caught.value.zh != caught.value.en
    return caught.value


@pytest.mark.parametrize(
    ("column", "values", "row"),
    [
        ("output", [79.0, -1.0, None, 95.0, 90.0, 40.0], 2),
        ("planned_hours", [8.0, 8.0, -2.0, 8.0, 8.0, 16.0], 3),
        ("planned_hours", [8.0, 8.0, 8.0, 25.0, 8.0, 16.0], 4),
        ("run_hours", [8.0, 8.0, 8.0, 8.0, -1.0, 16.0], 5),
        ("good_output", [80.0, 81.0, None, 95.0, 90.0, 40.0], 1),
        ("planned_rate", [10.0, 0.0, 12.0, 12.0, 12.0, 3.0], 2),
        ("planned_rate", [10.0, 10.0, None, 12.0, 12.0, 3.0], 3),
        ("output", ["79", "8l", "", "95", "90", "40"], 2),
        ("output", [79.0, float("inf"), None, 95.0, 90.0, 40.0], 2),
        ("ds", ["2024-03-04", "2024-03-05", "2024-02-30", "2024-03-08", "2024-03-09", "2024-03-05"], 3),
        ("line_id", ["A", "A", None, "A", "A", "B"], 3),
        ("unit", ["t", "t", "t", "kg", "t", "t"], 4),
        ("profile", [None, "x", "y", None, None, "z"], 3),
    ],
)
def test_fault_is_named_by_row_and_column(column: str, values: list[object], row: int) -> None:
    error = refusal(table(**{column: values}))
    assert (error.column, error.row) == (column, row)
    assert column in error.en
    assert f"第 {row} 行" in error.zh


def test_several_rows_of_a_day_are_told_what_to_do() -> None:
    error = refusal(pl.concat([table(), table()[1:2]]))
    assert (error.line_id, error.row) == ("A", 2)
    assert "(2, 7)" in error.en
    assert "line_id" in error.en
    assert "add up" in error.en


def test_two_maintenances_of_a_day_are_not_taken_for_shifts() -> None:
    twice = plan(ds=[day(7), day(7), day(8)], line_id=["A"] * 3, maintenance=["overhaul", "inspection", None])
    error = refusal(table(), twice)
    assert (error.table, error.line_id, error.row) == ("plan", "A", 1)
    assert "overhaul, inspection" in error.en
    assert "overhaul、inspection" in error.zh
    assert "shift" not in error.en
    assert "班次" not in error.zh


def test_planned_hours_that_were_not_run_are_stops_where_a_reason_is_given() -> None:
    told = table(planned_hours=[8.0] * 6, run_hours=[6.5, 8.0, 8.0, 5.0, 7.0, 8.0])
    reasons = pl.Series(["power", "power", None, None, "rain", None])
    panel = line_panel_of_file(told.with_columns(stop_reason=reasons))
    assert panel.stops.select("line_id", "reason", "hours").rows() == [
        (told["line_id"][0], "power", 1.5),
        (told["line_id"][4], "rain", 1.0),
    ]
    assert line_panel_of_file(told.drop("run_hours").with_columns(stop_reason=reasons)).stops.is_empty()


def test_drivers_of_a_file_of_text_are_numbers_where_all_their_cells_are() -> None:
    texts = table().with_columns(
        heat=pl.Series(["1.5", " 2", "", "-3", "4", None]), crew=pl.Series(["1", "2", "x", "1", "2", ""])
    )
    panel = line_panel_of_file(texts, drivers=("heat", "crew"))
    assert (panel.drivers, panel.text_drivers) == (("heat",), ("crew",))
    told = panel.history.join(texts.select("line_id", "ds"), on=["line_id", "ds"])
    assert sorted(told["heat"].drop_nulls()) == [-3.0, 1.5, 2.0, 4.0]


def test_missing_columns_are_named() -> None:
    assert "output" in refusal(table().drop("output")).en
    assert refusal(table(), drivers=("humidity",)).column == "humidity"
    assert refusal(table(), drivers=("output",)).column == "output"


def test_empty_tables_are_refused() -> None:
    assert "no row" in refusal(table().clear()).en
    assert "no row" in refusal(table().with_columns(ds=pl.lit(day(20)), line_id=pl.Series(list("abcdef")))).en
    assert refusal(table(output=[None] * 6)).column == "output"


def test_faults_of_the_plan_are_named_as_its_own() -> None:
    for bad, column in (
        (plan(line_id=["A", "C", "A"]), "line_id"),
        (plan(planned_hours=[8.0, 30.0, 8.0]), "planned_hours"),
        (plan(planned_rate=[12.0, -1.0, 12.0]), "planned_rate"),
    ):
        error = refusal(table(), bad)
        assert (error.table, error.column, error.row) == ("plan", column, 2)
    assert refusal(table().drop("planned_hours"), plan()).column == "planned_hours"
