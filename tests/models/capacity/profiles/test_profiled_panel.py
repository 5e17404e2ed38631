"""A panel takes its lines' profiles: what they assume and find, and the hours of lines too young to show their own."""

from datetime import date, timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from features.capacity.history_file import line_panel_of_file
from features.capacity.line_panel import FINDINGS, LinePanel
from models.capacity.profiles.panel_facts import labelled_losses
from models.capacity.profiles.profile_files import load_profiles
from models.capacity.profiles.profiled_panel import profiled_panel
from models.capacity.profiles.shift_calendar import YOUNG_DAYS
from models.errors import ProfileUnitError, UnknownProfileError

PROFILES = load_profiles()
LAST = date(2026, 11, 29)  # a Sunday, the last but one of the season of sea salt


def _panel(
    days: int = 20, *, plan: pl.DataFrame | None = None, without: tuple[str, ...] = (), **facts: object
) -> LinePanel:
    """Return a salt field that worked four hours a day up to `LAST`; facts stand in every row."""
    values = {"unit": "t", "profile": "sea_salt", "planned_hours": 4.0, "planned_rate": 100.0, **facts}
    table = pl.DataFrame(
        {
            "line_id": ["S1"] * days,
            "ds": [LAST - timedelta(days=days - 1 - one) for one in range(days)],
            "output": [350.0] * days,
            **{name: [value] * days for name, value in values.items() if value is not None},
        }
    )
    return line_panel_of_file(table.drop(*without), plan, as_of=LAST)


def _rules(panel: LinePanel) -> list[str]:
    return panel.findings["rule"].to_list()


def test_a_profile_that_no_file_describes_or_of_another_unit_is_refused() -> None:
    with pytest.raises(UnknownProfileError, match="glas"):
        profiled_panel(_panel(profile="glas"), PROFILES)
    with pytest.raises(ProfileUnitError, match="kg"):
        profiled_panel(_panel(unit="kg"), PROFILES)


def test_a_line_that_names_no_profile_gets_one_with_a_finding() -> None:
    found = profiled_panel(_panel(profile=None, name="海盐一场"), PROFILES)
    assert found.lines["profile"].to_list() == ["sea_salt"]
    assert "profile_assumed" in _rules(found)
    unknown = profiled_panel(_panel(profile=None, name="三场"), PROFILES)
    assert unknown.lines["profile"].to_list() == ["generic"]
    assert _rules(unknown) == ["profile_assumed"]
    helped = profiled_panel(
        _panel(profile=None, unit="kg"), PROFILES, families={"S1": "carbon_fibre", "other": "salt"}
    )
    assert helped.lines["profile"].to_list() == ["carbon_fibre"]


def test_values_that_nobody_held_against_facts_are_told_once_a_line() -> None:
    plain = profiled_panel(_panel(days=60), PROFILES)
    assert _rules(plain) == ["profile_unverified"]
    assert plain.findings.schema == pl.Schema(dict(FINDINGS))
    sure = {name: one.model_copy(update={"verified": True}) for name, one in PROFILES.items()}
    assert _rules(profiled_panel(_panel(days=60), sure)) == []


def test_a_young_line_without_a_plan_works_by_its_industrys_calendar_at_its_own_level() -> None:
    found = profiled_panel(_panel(), PROFILES)
    assert "hours_of_profile" in _rules(found)
    hours = dict(found.future.select("ds", "planned_hours").iter_rows())
    assert hours[date(2026, 11, 30)] == 4.0  # 8 h by the calendar, of which the field worked half
    assert hours[date(2026, 12, 1)] == 0.0  # out of season, which 20 days of November cannot show


def test_a_line_that_is_old_enough_or_has_a_plan_or_no_industry_keeps_its_own_hours() -> None:
    plan = pl.DataFrame(
        {"line_id": ["S1"], "ds": [LAST + timedelta(days=1)], "planned_hours": [6.0], "planned_rate": [100.0]}
    )
    for panel in (
        _panel(days=YOUNG_DAYS),
        _panel(plan=plan),
        _panel(profile="generic"),
        _panel(without=("planned_hours",)),
    ):
        found = profiled_panel(panel, PROFILES)
        assert_frame_equal(found.future, panel.future)
        assert "hours_of_profile" not in _rules(found)


def test_the_days_of_maintenance_of_a_young_line_are_left_to_the_model() -> None:
    table = _panel()
    away = pl.col("ds").eq(LAST + timedelta(days=1))
    future = table.future.with_columns(maintenance=pl.when(away).then(pl.lit("overhaul")))
    found = profiled_panel(
        LinePanel(**{**vars(table), "future": future}),
        PROFILES,
    )
    assert found.future.filter(away)["planned_hours"].to_list() == [None]
    assert found.future.filter(~away)["planned_hours"].null_count() == 0


def test_hours_lost_stand_under_the_losses_of_the_profile() -> None:
    panel = profiled_panel(_panel(run_hours=3.0, stop_reason="power"), PROFILES)
    lost = labelled_losses(panel, PROFILES).row(0, named=True)
    assert (lost["reason"], lost["loss"], lost["factor"]) == ("power", "breakdown", "availability")
    assert (lost["hours"], lost["units"]) == (20.0, 2000.0)
