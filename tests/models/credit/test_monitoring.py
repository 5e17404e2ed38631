"""Alerts between two dates: each trigger, nothing from the unknown, most money first."""

from datetime import date

import polars as pl
import pytest

from models.credit.grade import group_master_scale
from models.credit.monitoring import (
    ALERT_SCHEMA,
    STATE_SCHEMA,
    TriggerKind,
    grade_migration,
    migration,
    monitoring_policy_as_of,
)
from models.errors import LossTableError

POLICY = monitoring_policy_as_of(date(2026, 1, 31))
SCALE = group_master_scale()
QUIET: dict[str, object] = {
    "party_id": "P1",
    "grade": "B1",
    "pd": 0.004,
    "days_past_due": 0,
    "hard_stops": [],
    "neighbour_defaults": 0,
    "stage": 1,
    "el": 100.0,
}


def state(*changes: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame([{**QUIET, **change} for change in changes], schema=STATE_SCHEMA)


def codes(before: dict[str, object], now: dict[str, object]) -> set[str]:
    return set(migration(state(before), state(now), POLICY, SCALE)["code"])


@pytest.mark.parametrize(
    ("before", "now", "code"),
    [
        ({}, {}, None),
        ({}, {"grade": "B3"}, "grade-fell"),
        ({}, {"grade": "B2"}, None),
        ({"grade": "B3"}, {"grade": "B1"}, None),
        ({}, {"pd": 0.0091}, "pd-doubled"),
        ({}, {"pd": 0.0085}, None),  # more than doubled, by less than half a point
        ({"pd": 0.1}, {"pd": 0.19}, None),
        ({}, {"hard_stops": ["in-default"]}, "new-hard-stop"),
        ({"hard_stops": ["in-default"]}, {"hard_stops": ["in-default"]}, None),
        ({"hard_stops": ["in-default"]}, {"hard_stops": ["bankruptcy"]}, "new-hard-stop"),
        ({}, {"days_past_due": 11}, "overdue-10"),
        ({}, {"days_past_due": 10}, None),
        ({"days_past_due": 15}, {"days_past_due": 20}, None),
        ({"days_past_due": 15}, {"days_past_due": 31}, "overdue-30"),
        ({}, {"neighbour_defaults": 1}, "neighbour-defaulted"),
        ({"neighbour_defaults": 2}, {"neighbour_defaults": 2}, None),
        ({}, {"stage": 2}, "stage-worse"),
        ({"stage": 3}, {"stage": 2}, None),
    ],
)
def test_each_trigger(before: dict[str, object], now: dict[str, object], code: str | None) -> None:
    assert codes(before, now) == ({code} if code else set())


def test_all_kinds_are_in_the_policy() -> None:
    assert {trigger.kind for trigger in POLICY.trigger} == set(TriggerKind)


def test_unknown_triggers_nothing() -> None:
    unknown: dict[str, object] = {name: None for name in STATE_SCHEMA if name != "party_id"}
    assert codes(unknown, {}) == set()
    assert codes({}, unknown) == set()


def test_a_new_party_is_held_against_what_needs_no_comparison() -> None:
    now = state({"days_past_due": 40, "hard_stops": ["blacklist"], "grade": "D3", "stage": 3})
    got = migration(state({"party_id": "P0"}), now, POLICY, SCALE)
    assert set(got["code"]) == {"overdue-30", "new-hard-stop"}
    assert set(got["el_before"]) == {0.0}


def test_alerts_are_ranked_by_the_change_of_expected_loss() -> None:
    before = state(*({"party_id": f"P{n}", "el": 100.0} for n in range(3)))
    now = state(
        {"party_id": "P0", "grade": "D1", "el": 150.0},
        {"party_id": "P1", "grade": "B3", "el": 900.0},
        {"party_id": "P2", "grade": "D1", "el": None, "hard_stops": ["blacklist"]},
    )
    got = migration(before, now, POLICY, SCALE)
    assert got.schema == ALERT_SCHEMA
    assert got.select("party_id", "code", "el_change").rows() == [
        ("P1", "grade-fell", 800.0),
        ("P0", "grade-fell", 50.0),
        ("P2", "new-hard-stop", -100.0),
        ("P2", "grade-fell", -100.0),
    ]
    assert got["rank"].to_list() == [1, 2, 3, 4]
    assert got["zh"][0] == "等级由 B1 降至 B3"
    assert got["en"][2] == "hard stops were '', are 'blacklist'"


def test_moves_between_grades_count_every_party_once() -> None:
    before = state({"party_id": "P1"}, {"party_id": "P2"}, {"party_id": "GONE"})
    now = state({"party_id": "P1", "grade": "C1"}, {"party_id": "P2"}, {"party_id": "NEW"})
    assert grade_migration(before, now).rows() == [
        ("B1", "B1", 1, 100.0),
        ("B1", "C1", 1, 100.0),
        ("B1", None, 1, 0.0),
        (None, "B1", 1, 100.0),
    ]


@pytest.mark.parametrize(
    ("frame", "problem"),
    [
        (state({}).drop("stage"), "'stage' is missing"),
        (state({}, {}), "'P1' more than once"),
        (state({"grade": "Z9"}), "'Z9' is not on the master scale"),
    ],
)
def test_bad_tables_are_named(frame: pl.DataFrame, problem: str) -> None:
    with pytest.raises(LossTableError, match=problem):
        migration(state({}), frame, POLICY, SCALE)
    with pytest.raises(LossTableError, match=problem):
        migration(frame, state({}), POLICY, SCALE)
