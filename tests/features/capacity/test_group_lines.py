"""The group's lines as known on a date: history, days ahead, stops, maintenance, findings."""

from datetime import date, timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from features.capacity.group_lines import group_line_panel
from features.capacity.line_panel import FINDINGS, FUTURE, HISTORY, LINES, REFUSED, STOPS, LinePanel
from features.errors import MissingColumnError, MissingTableError, PanelArgumentError
from tests.features.capacity.conftest import AS_OF, Tables, at, day, reported, table

TODAY = day(20)
FRAMES = ("lines", "history", "future", "stops", "findings", "refused")


def panel_of(tables: Tables, as_of: date = TODAY, horizon_days: int = 7) -> LinePanel:
    return group_line_panel(tables, as_of=as_of, horizon_days=horizon_days)


def rules(panel: LinePanel) -> set[str]:
    return set(panel.findings["rule"])


def same(left: LinePanel, right: LinePanel) -> None:
    for name in FRAMES:
        assert_frame_equal(getattr(left, name), getattr(right, name), check_exact=True)
    assert (left.drivers, left.text_drivers) == (right.drivers, right.text_drivers)


def test_panel_has_the_stated_columns(sample: Tables) -> None:
    panel = panel_of(sample, AS_OF)
    drivers = dict.fromkeys(panel.drivers, pl.Float64())
    assert panel.drivers
    assert panel.lines.schema == pl.Schema(LINES)
    assert panel.history.schema == pl.Schema({**HISTORY, **drivers})
    assert panel.future.schema == pl.Schema({**FUTURE, **drivers})
    assert panel.stops.schema == pl.Schema(STOPS)
    assert panel.findings.schema == pl.Schema(FINDINGS)
    assert panel.refused.schema == pl.Schema(REFUSED)
    assert panel.lines["profile"].n_unique() == 4


def test_days_are_contiguous_from_first_report_to_horizon(sample: Tables) -> None:
    panel = panel_of(sample, AS_OF, 30)
    both = pl.concat([panel.history.select("line_id", "ds"), panel.future.select("line_id", "ds")])
    steps = both.with_columns(step=pl.col("ds").diff().dt.total_days().over("line_id", order_by="ds"))
    assert set(steps["step"].drop_nulls()) == {1}
    assert set(panel.future.group_by("line_id").agg(pl.col("ds").max())["ds"]) == {AS_OF + timedelta(days=30)}


def test_companies_that_report_by_the_month_end_with_their_last_sheet(sample: Tables) -> None:
    panel = panel_of(sample, AS_OF)
    last = panel.history.group_by("line_id").agg(pl.col("ds").max()).join(panel.lines, on="line_id")
    core = last.filter(org_id="ORG-06")["ds"].to_list()
    assert core == [AS_OF - timedelta(days=1)]
    assert set(last.filter(pl.col("org_id") != "ORG-06")["ds"]) == {date(2024, 2, 29)}


@pytest.mark.parametrize("as_of", [date(2022, 7, 9), AS_OF, date(2024, 5, 31)])
def test_what_became_known_later_changes_nothing(sample: Tables, as_of: date) -> None:
    later, known = pl.col("known_at") > as_of, pl.col("known_at") <= as_of
    tampered = {}
    for name, frame in sample.items():
        rows = frame.filter(later).reverse()
        numbers = [column for column, dtype in frame.schema.items() if dtype == pl.Float64]
        texts = [column for column in ("kind", "reason", "driver", "profile") if column in frame.columns]
        changed = rows.with_columns(
            *(pl.col(column) * -7.5 + 3 for column in numbers),
            *(pl.lit("tampered").alias(column) for column in texts),
        )
        tampered[name] = pl.concat([frame.filter(known), changed, changed])
    assert sum(frame.filter(later).height for frame in sample.values()) > 1000
    without = {name: frame.filter(known) for name, frame in sample.items()}
    expected = panel_of(sample, as_of, 56)
    same(panel_of(tampered, as_of, 56), expected)
    same(panel_of(without, as_of, 56), expected)


def test_order_of_rows_has_no_effect(sample: Tables) -> None:
    shuffled = {name: frame.sample(fraction=1, shuffle=True, seed=3) for name, frame in sample.items()}
    same(panel_of(shuffled, AS_OF), panel_of(sample, AS_OF))


def test_group_without_the_dispensable_tables_has_a_panel(sample: Tables) -> None:
    kept = ("lines", "line_output", "line_stops", "maintenance")
    tables = {name: sample[name] for name in kept} | {"lines": sample["lines"].drop("profile")}
    panel = panel_of(tables, AS_OF)
    assert panel.drivers == ()
    assert panel.future["planned_hours"].null_count() == panel.future.height
    assert panel.lines["profile"].null_count() == panel.lines.height
    assert "plan_replaces_report" not in rules(panel)


def test_drivers_ahead_are_those_known_by_the_date(sample: Tables) -> None:
    panel = panel_of(sample, date(2024, 6, 10), 30)
    sea = panel.future.filter(line_id="LINE-03")
    ahead = pl.col("ds") > panel.as_of
    assert sea.filter(~ahead)["rain"].null_count() == 1, "rain of the day itself is measured the day after"
    assert sea.filter(ahead)["rain"].null_count() == sea.filter(ahead).height
    assert sea.filter(ahead)["rain_forecast"].count() == 5
    assert panel.future.filter(line_id="LINE-06")["operators"].drop_nulls().len() == 15


def test_shift_plan_of_a_salt_field_stands_where_rain_shortened_the_report(sample: Tables) -> None:
    panel = panel_of(sample, AS_OF)
    plans = sample["line_plans"].filter(line_id="LINE-03").filter(pl.col("known_at") <= pl.col("ds"))
    told = sample["line_output"].filter(line_id="LINE-03").select("ds", short="planned_hours")
    nominal = plans.sort("known_at").unique("ds", keep="last").select("ds", nominal="planned_hours")
    rows = panel.history.filter(line_id="LINE-03").join(told, on="ds").join(nominal, on="ds")
    rained = rows.filter((pl.col("rain") > 0) & (pl.col("nominal") > 2) & pl.col("output").is_not_null())
    assert rained.height > 50
    assert rained.filter(pl.col("short") >= pl.col("planned_hours")).is_empty()
    assert (rained["planned_hours"] == rained["nominal"]).all()
    assert "plan_replaces_report" in rules(panel)


def test_hours_beyond_the_plan_count_as_planned(plant: Tables) -> None:
    plans = [{"line_id": "A", "ds": day(ds), "planned_hours": 8.0, "known_at": day(1)} for ds in (5, 12)]
    panel = panel_of(plant | {"line_plans": table("line_plans", *plans)})
    assert panel.history["planned_hours"].to_list() == [20.0] * 7
    assert panel.future.filter(ds=day(12))["planned_hours"].to_list() == [8.0]
    assert panel.future.filter(ds=day(13))["planned_hours"].to_list() == [None]


def test_plan_told_after_its_day_is_none(plant: Tables) -> None:
    plan = {"line_id": "A", "ds": day(5), "planned_hours": 24.0, "known_at": day(6)}
    panel = panel_of(plant | {"line_plans": table("line_plans", plan)})
    assert panel.history["planned_hours"].to_list() == [20.0] * 7


def test_last_of_several_plans_counts(plant: Tables) -> None:
    plan = {"line_id": "A", "ds": day(25), "planned_hours": 22.0, "known_at": day(1)}
    plans = table("line_plans", plan, plan | {"planned_hours": 11.0, "known_at": day(18)})
    tables = plant | {"line_plans": plans}
    assert panel_of(tables).future.filter(ds=day(25))["planned_hours"].item() == 11.0
    assert panel_of(tables, day(17), 10).future.filter(ds=day(25))["planned_hours"].item() == 22.0


def test_missing_day_is_null_and_named(plant: Tables) -> None:
    panel = panel_of(plant | {"line_output": plant["line_output"].filter(pl.col("ds") != day(6))})
    gap = panel.history.filter(ds=day(6)).row(0, named=True)
    assert [gap[name] for name in ("planned_hours", "run_hours", "output", "good_output")] == [None] * 4
    assert gap["planned_rate"] == 10.0
    found = panel.findings.row(0, named=True)
    assert (found["rule"], found["rows"], found["first_ds"]) == ("days_missing", 1, day(6))


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("negative_value", {"run_hours": -1.0}),
        ("negative_value", {"output": -5.0, "good_output": -5.0}),
        ("hours_over_day", {"planned_hours": 24.5}),
        ("good_over_output", {"good_output": 181.0}),
        ("not_finite", {"output": float("inf")}),
        ("not_finite", {"good_output": float("nan")}),
    ],
)
def test_impossible_report_counts_as_none(plant: Tables, rule: str, change: dict[str, float]) -> None:
    rows = pl.concat(
        [plant["line_output"].filter(pl.col("ds") != day(6)), table("line_output", reported(6, change))]
    )
    panel = panel_of(plant | {"line_output": rows})
    assert rules(panel) == {rule}
    assert panel.findings["first_ds"].to_list() == [day(6)]
    assert panel.history.filter(ds=day(6))["output"].to_list() == [None]
    assert panel.history["output"].null_count() == 1


def test_revision_counts_from_the_day_it_is_known(plant: Tables) -> None:
    revised = table("line_output", reported(6, {"output": 100.0, "good_output": 90.0}, known=day(15)))
    tables = plant | {"line_output": pl.concat([plant["line_output"], revised])}
    assert panel_of(tables, day(14)).history.filter(ds=day(6))["output"].item() == 180.0
    panel = panel_of(tables)
    assert panel.history.filter(ds=day(6))["output"].item() == 100.0
    assert rules(panel) == {"revised_days"}


def test_contradicting_reports_count_as_none(plant: Tables) -> None:
    other = table("line_output", reported(6, {"output": 170.0, "good_output": 160.0}))
    panel = panel_of(plant | {"line_output": pl.concat([plant["line_output"], other])})
    assert panel.history.filter(ds=day(6))["output"].to_list() == [None]
    assert rules(panel) == {"contradicting_days"}


def test_stop_over_midnight_is_split_by_day(plant: Tables) -> None:
    stop = {"stop_id": "S1", "line_id": "A", "start_at": at(5, 22), "end_at": at(7, 1, 30), "reason": "power"}
    rows = table(
        "line_stops",
        stop | {"known_at": day(8)},
        stop | {"stop_id": "S2", "start_at": at(5, 3), "end_at": at(5, 4), "known_at": day(8)},
        stop | {"stop_id": "S3", "start_at": at(9, 3), "end_at": at(9, 3), "known_at": day(10)},
        stop | {"stop_id": "S4", "start_at": at(9, 3), "end_at": at(9, 4), "known_at": day(21)},
    )
    panel = panel_of(plant | {"line_stops": rows})
    assert panel.stops.select("ds", "hours").rows() == [(day(5), 3.0), (day(6), 24.0), (day(7), 1.5)]
    assert rules(panel) == {"stop_reversed"}


def test_overlapping_maintenance_names_both_plans_and_counts_days_once(plant: Tables) -> None:
    plan = {"plan_id": "M1", "line_id": "A", "start_on": day(8), "end_on": day(14), "kind": "overhaul"}
    rows = table(
        "maintenance",
        plan | {"known_at": day(1)},
        plan
        | {"plan_id": "M2", "start_on": day(13), "end_on": day(16), "kind": "inspection", "known_at": day(2)},
        plan | {"plan_id": "M3", "start_on": day(26), "end_on": day(28), "known_at": day(21)},
    )
    panel = panel_of(plant | {"maintenance": rows}, horizon_days=14)
    (found,) = panel.findings.to_dicts()
    assert (found["rule"], found["rows"], found["first_ds"]) == ("maintenance_overlaps", 2, day(13))
    assert all(
        name in found["treatment_en"] and name in found["treatment_zh"] for name in ("M1", "M2", "2024-03-14")
    )
    days = pl.concat([panel.history.select("ds", "maintenance"), panel.future.select("ds", "maintenance")])
    kinds = dict(days.drop_nulls().rows())
    assert kinds == {day(n): "overhaul" for n in range(8, 15)} | {day(n): "inspection" for n in (15, 16)}


def test_lines_that_cannot_be_used_are_refused_by_name(plant: Tables) -> None:
    line = plant["lines"].row(0, named=True)
    lines = table("lines", line, line | {"line_id": "B"}, line | {"line_id": "C", "planned_rate": 0.0})
    output = pl.concat(
        [plant["line_output"], table("line_output", reported(5, line="Z"), reported(5, line="C"))]
    )
    panel = panel_of(plant | {"lines": lines, "line_output": output})
    refused = dict(panel.refused.select("line_id", "rule").rows())
    assert refused == {"B": "no_history", "C": "no_rate", "Z": "unknown_line"}
    assert panel.lines["line_id"].to_list() == ["A"]
    assert set(panel.history["line_id"]) == {"A"}
    assert all(panel.refused["reason_zh"])
    assert all(panel.refused["reason_en"])


def test_line_without_any_report_by_the_date_is_refused(plant: Tables) -> None:
    panel = panel_of(plant, day(3))
    assert panel.refused["rule"].to_list() == ["no_history"]
    assert panel.history.is_empty()
    assert panel.future.is_empty()


def test_unusable_driver_values_are_missing(plant: Tables) -> None:
    value = {"line_id": "A", "ds": day(6), "driver": "crew", "known_at": day(2)}
    rows = table(
        "line_drivers",
        value | {"value": 5.0},
        value | {"value": 7.0, "ds": day(7)},
        value | {"value": 8.0, "ds": day(7)},
        value | {"value": float("inf"), "ds": day(8)},
        value | {"value": 1.0, "driver": "output"},
        value | {"value": 6.0, "ds": day(9), "driver": " crew "},
    )
    panel = panel_of(plant | {"line_drivers": rows})
    assert panel.drivers == ("crew",)
    assert panel.history.drop_nulls("crew").select("ds", "crew").rows() == [(day(6), 5.0), (day(9), 6.0)]
    assert rules(panel) == {"driver_not_usable"}


def test_missing_tables_and_columns_are_named(plant: Tables) -> None:
    with pytest.raises(MissingTableError, match="line_output"):
        panel_of({name: frame for name, frame in plant.items() if name != "line_output"})
    with pytest.raises(MissingTableError, match="lines"):
        panel_of({name: frame for name, frame in plant.items() if name != "lines"})
    with pytest.raises(MissingColumnError, match="planned_rate"):
        panel_of(plant | {"lines": plant["lines"].drop("planned_rate")})
    with pytest.raises(PanelArgumentError, match="horizon_days"):
        panel_of(plant, horizon_days=0)
