"""Rules are dated data: each day has its own, a file that cannot be used is named."""

from datetime import date
from pathlib import Path

import pytest

from graph.errors import PolicyError
from graph.policy import Dependence, policy_as_of, read_policy

CONTROL = """
[[control]]
name = "a"
valid_from = 2006-09-01
majority = 0.5
relative = 0.3
comparable = 0.5
known_above = 0.5
sum_tolerance = 1.0001
beneficial_owner = 0.25
ultimate_kinds = ["person"]
source = "s"
"""
CONNECTION = """
[[connection]]
name = "c"
valid_from = 2006-09-01
family = true
exempt_kinds = []
dependence_steps = 1
investigate_above = 0.05
source = "s"
"""
LIMIT = """
[[limit]]
code = "x"
name = {{ zh = "甲", en = "x" }}
org_kinds = ["micro_loan"]
scope = "party"
measure = "direct"
value = 0.1
base = "net_assets"
valid_from = {day}
source = "s"
"""


def _file(folder: Path, text: str) -> Path:
    path = folder / "policy.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_entry_of_the_file_of_the_project_has_a_source() -> None:
    file = read_policy()
    for table in (
        file.control,
        file.connection,
        file.dependence,
        file.mitigation,
        file.limit,
        file.guarantee,
    ):
        for entry in table:
            assert len(entry.source) > 10
            assert "verified" in entry.model_fields_set
    assert {entry.rule for entry in file.dependence} == set(Dependence)


def test_what_was_not_found_in_the_text_is_cited_with_a_warning(tmp_path: Path) -> None:
    limits = {limit.code: limit for limit in policy_as_of(date(2025, 1, 1)).limits}
    assert not limits["bank-group-exposure"].verified
    assert "not checked" in limits["bank-group-exposure"].cited
    assert "未与原文核对" in limits["bank-group-exposure"].cited
    assert limits["bank-single-exposure"].cited == limits["bank-single-exposure"].source
    silent = policy_as_of(date(2025, 1, 1), _file(tmp_path, CONTROL + CONNECTION)).control
    assert "not checked" in silent.cited


def test_a_limit_holds_from_its_first_day_and_not_before() -> None:
    before = policy_as_of(date(2024, 10, 31))
    first = policy_as_of(date(2024, 11, 1))
    assert before.limits_of("financial_leasing") == ()
    assert [limit.value for limit in first.limits_of("financial_leasing")] == [0.3, 0.5, 0.3, 0.5]


def test_the_base_of_the_micro_loan_limit_changes_with_the_new_rule() -> None:
    def bases(day: date) -> set[str]:
        return {str(limit.base) for limit in policy_as_of(day).limits_of("micro_loan")}

    assert bases(date(2020, 9, 6)) == set()
    assert bases(date(2024, 12, 30)) == {"net_assets"}
    assert bases(date(2024, 12, 31)) == {"net_assets_last_year"}


def test_economic_dependence_came_with_the_rule_of_2018() -> None:
    assert policy_as_of(date(2018, 6, 30)).dependence == ()
    assert policy_as_of(date(2018, 6, 30)).connection.dependence_steps == 0
    assert policy_as_of(date(2018, 7, 1)).connection.dependence_steps == 1


def test_a_day_before_every_rule_is_refused_with_the_remedy() -> None:
    with pytest.raises(PolicyError, match="control") as raised:
        policy_as_of(date(1999, 1, 1))
    assert "valid_from" in raised.value.zh


def test_the_latest_entry_in_force_applies(tmp_path: Path) -> None:
    later = (
        CONTROL.replace('"a"', '"b"')
        .replace("2006-09-01", "2025-01-01")
        .replace("relative = 0.3", "relative = 0.35")
    )
    path = _file(tmp_path, CONTROL + later + CONNECTION)
    assert policy_as_of(date(2024, 12, 31), path).control.relative == 0.3
    assert policy_as_of(date(2025, 1, 1), path).control.relative == 0.35


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[[control]", "policy.toml"),
        (CONTROL.replace("majority = 0.5", "majority = 0.4"), "majority"),
        (CONTROL.replace("relative = 0.3", "relative = 0.6"), "relative"),
        (CONTROL + 'surplus = "x"\n', "surplus"),
        (CONNECTION.replace("2006-09-01", "2006-09-01\nvalid_to = 2006-09-01"), "valid_to"),
        (LIMIT.format(day="2020-01-01") + LIMIT.format(day="2021-01-01"), "two entries 'x'"),
        (LIMIT.format(day="2020-01-01").replace('base = "net_assets"', 'base = "turnover"'), "base"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_what_is_wrong(
    tmp_path: Path, text: str, named: str
) -> None:
    with pytest.raises(PolicyError, match=named):
        read_policy(_file(tmp_path, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"absent\.toml"):
        policy_as_of(date(2025, 1, 1), tmp_path / "absent.toml")
