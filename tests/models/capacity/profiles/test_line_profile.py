"""Which profile a line takes, and the hours its calendar means."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.capacity.profiles.line_profile import profile_of_line
from models.capacity.profiles.profile import Calendar
from models.capacity.profiles.profile_files import load_profiles
from models.capacity.profiles.shift_calendar import calendar_hours
from models.errors import ProfileUnitError, UnknownProfileError

PROFILES = load_profiles()
SAMPLE = Path(__file__).parents[4] / "data_samples" / "group" / "lines.parquet"


def test_a_line_takes_the_profile_it_names_without_a_finding() -> None:
    taken = profile_of_line({"line_id": "L", "unit": "t", "profile": "well_salt", "name": "海盐"}, PROFILES)
    assert taken.profile.id == "well_salt"
    assert taken.finding is None


def test_a_name_that_no_file_describes_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownProfileError, match="well_salt") as caught:
        profile_of_line({"line_id": "L9", "unit": "t", "profile": "cement"}, PROFILES)
    assert "L9" in caught.value.zh
    assert "cement" in caught.value.zh


def test_another_unit_than_the_profiles_is_refused() -> None:
    with pytest.raises(ProfileUnitError) as caught:
        profile_of_line({"line_id": "L9", "unit": "kg", "profile": "well_salt"}, PROFILES)
    assert (caught.value.unit, caught.value.expected) == ("kg", "t")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ({"family": "cell", "unit": "piece"}, "cylindrical_cells"),
        ({"family": "carbon_fibre", "unit": "kg"}, "carbon_fibre"),
        ({"family": "carbon_fibre", "unit": "t"}, "generic"),
        ({"family": "salt", "unit": "t", "name": "海盐一场"}, "sea_salt"),
        ({"family": "salt", "unit": "t", "name": "三场", "bottleneck": "真空蒸发罐"}, "well_salt"),
        ({"family": "salt", "unit": "t", "name": "三场"}, "generic"),
        ({"family": "salt", "unit": "t", "name": "海盐与井矿盐"}, "well_salt"),
        ({"unit": "t", "name": "Sea salt field 1", "bottleneck": True}, "sea_salt"),
        ({"unit": "t", "name": "水泥", "profile": None}, "generic"),
        ({}, "generic"),
    ],
)
def test_a_line_without_a_name_takes_what_family_unit_and_words_say(
    line: dict[str, object], expected: str
) -> None:
    taken = profile_of_line({"line_id": "L", **line}, PROFILES)
    assert taken.profile.id == expected
    assert taken.finding is not None
    assert "lines.profile" in taken.finding.zh
    assert "lines.profile" in taken.finding.en


def test_the_sample_groups_lines_are_recognised() -> None:
    lines = pl.read_parquet(SAMPLE).sort("line_id").to_dicts()
    taken = [
        profile_of_line({key: row[key] for key in row if key != "profile"}, PROFILES).profile.id
        for row in lines
    ]
    assert taken == ["cylindrical_cells", "carbon_fibre", "sea_salt", "well_salt"]


def _hours(profile: str, *days: date) -> list[float]:
    return [float(one) for one in calendar_hours(PROFILES[profile].calendar, pl.Series(days))]


def test_cells_rest_half_of_sundays_and_over_spring_festival() -> None:
    weekday, sunday, eve, last, after = (
        date(2026, 3, 4), date(2026, 3, 8), date(2026, 2, 16), date(2026, 2, 22), date(2026, 2, 23),
    )  # fmt: skip
    assert _hours("cylindrical_cells", weekday, sunday, eve, last, after) == [22, 11, 0, 0, 22]


def test_a_furnace_runs_through_spring_festival_and_sea_salt_rests_in_winter() -> None:
    assert _hours("carbon_fibre", date(2026, 2, 17), date(2026, 2, 22)) == [24, 24]
    assert _hours("sea_salt", date(2026, 2, 28), date(2026, 3, 1), date(2026, 11, 30), date(2026, 12, 1)) == [
        0, 8, 8, 0,
    ]  # fmt: skip


@given(st.lists(st.dates(date(1900, 1, 1), date(2150, 1, 1)), min_size=1, max_size=30), st.floats(0, 24))
def test_hours_depend_on_the_day_alone_and_never_exceed_the_calendars(days: list[date], hours: float) -> None:
    calendar = Calendar(hours=hours, sunday_hours=0, closes_at_spring_festival=True, season_months=(1, 2, 5))
    found = calendar_hours(calendar, pl.Series(days))
    assert found.shape == (len(days),)
    assert set(found.tolist()) <= {0.0, hours}
    for day, value in zip(days, found, strict=True):
        assert calendar_hours(calendar, pl.Series([day]))[0] == value
        if day.weekday() == 6 or day.month not in {1, 2, 5}:
            assert value == 0
