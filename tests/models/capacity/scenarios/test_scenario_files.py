"""Files of scenarios: read as they are, refused with file, field and remedy."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.capacity.scenarios.scenario import LineOut, Overtime
from models.capacity.scenarios.scenario_files import load_scenarios, scenario_of
from models.errors import CapacityScenarioError

GOOD = """
[[scenario]]
name = "mine"
[[scenario.parts]]
kind = "line_out"
line = "L1"
first = 2026-09-14
weeks = 6
[[scenario.parts]]
kind = "overtime"
lines = ["L2"]
hours = 8.5
cost = 120
first = 2
"""


def _written(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_users_file_is_read_in_its_order(tmp_path: Path) -> None:
    (found,) = load_scenarios(_written(tmp_path, GOOD))
    out, overtime = found.parts
    assert isinstance(out, LineOut)
    assert isinstance(overtime, Overtime)
    assert (str(out.first), out.weeks, overtime.first, overtime.weeks) == ("2026-09-14", 6, 2, None)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("hours = 8.5", "hours = -8.5", "scenario.0.parts.1.overtime.hours must not be below 0"),
        ("weeks = 6", "week = 6", "scenario.0.parts.0.line_out.week is not a field"),
        ('kind = "line_out"', 'kind = "fire"', "`kind` must be one of"),
        ("first = 2\n", "first = 0\n", "number of a week from 1 on"),
        ('name = "mine"', "", "scenario.0.name is missing"),
        ("[[scenario]]", "[[scenarios]]", "scenarios is not a field"),
        ('line = "L1"', 'line = ""', "at least 1 character"),
        ("weeks = 6", "weeks =", "TOML"),
    ],
)
def test_what_is_wrong_is_named_with_its_field(tmp_path: Path, old: str, new: str, named: str) -> None:
    assert old in GOOD
    with pytest.raises(CapacityScenarioError) as caught:
        load_scenarios(_written(tmp_path, GOOD.replace(old, new, 1)))
    assert named in caught.value.en
    assert "mine.toml" in caught.value.zh


def test_only_what_is_wrong_is_named(tmp_path: Path) -> None:
    with pytest.raises(CapacityScenarioError) as caught:
        load_scenarios(_written(tmp_path, GOOD.replace("hours = 8.5", "hours = -8.5")))
    assert ";" not in caught.value.en


def test_two_scenarios_of_one_name_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CapacityScenarioError, match="mine"):
        load_scenarios(_written(tmp_path, GOOD + GOOD))
    with pytest.raises(CapacityScenarioError, match="cannot be read"):
        load_scenarios(tmp_path / "none.toml")


_VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats()
    | st.text(max_size=3)
    | st.lists(st.text(max_size=2))
)


@given(
    st.sampled_from(["line_out", "overtime", "new_line", "demand_change", "yield_change", "cap_change", "maintenance_moved", "x"]),
    st.dictionaries(
        st.sampled_from(["line", "lines", "hours", "cost", "first", "weeks", "factor", "amount", "cap", "week", "to", "copy_of", "x"]),
        _VALUES,
    ),
)  # fmt: skip
def test_whatever_is_given_is_a_scenario_or_a_named_error(kind: str, fields: dict[str, Any]) -> None:
    refused: CapacityScenarioError | None = None
    try:
        found = scenario_of({"name": "any", "parts": [{"kind": kind, **fields}]})
    except CapacityScenarioError as error:
        refused = error
    if refused is None:
        assert found.parts[0].kind == kind
    else:
        assert "parts.0" in refused.en
        assert "parts.0" in refused.zh
