"""Decisions are found newest first, a page at a time, by what their records say, and only by those who may see them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.ledger.chain import Json, Ledger, Wanted
from serving.ledger.database import Database
from serving.ledger.listing import is_visible
from tests.serving.databases import Place

START = datetime(2026, 11, 1, tzinfo=UTC)
COMPANIES = st.lists(st.sampled_from(["ORG-01", "ORG-02", "ORG-03", "*"]), max_size=3)


def record(number: int, **fields: Json) -> dict[str, Json]:
    # Every other moment has no fraction of a second, as isoformat leaves it out.
    at = START + timedelta(minutes=number, microseconds=number % 2)
    return {"decision_id": f"d{number}", "recorded_at": at.isoformat(), **fields}


@pytest.fixture
def ledger(database: Database) -> Ledger:
    found = Ledger(database)
    found.append(
        [
            record(
                number,
                route="credit/score" if number % 2 else "demand/forecast",
                subject=f"P{number % 5}",
                key_id=f"k{number % 3}",
                companies=["ORG-01"] if number < 10 else ["ORG-01", "ORG-02"],
            )
            for number in range(20)
        ]
    )
    return found


def found(ledger: Ledger, wanted: Wanted, *companies: str) -> list[int]:
    page = ledger.list(wanted, companies=companies or ("*",), limit=100)
    assert page.next_before is None
    return [int(one.decision_id[1:]) for one in page.decisions]


def test_newest_come_first(ledger: Ledger) -> None:
    assert found(ledger, Wanted()) == list(range(19, -1, -1))


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Wanted(route="credit/score"), range(19, 0, -2)),
        (Wanted(subject="P3"), [18, 13, 8, 3]),
        (Wanted(key_id="k1", route="demand/forecast"), [16, 10, 4]),
        (Wanted(subject="P9"), []),
        (Wanted(since=START + timedelta(minutes=18)), [19, 18]),
        (Wanted(since=START + timedelta(minutes=17, seconds=1)), [19, 18]),
        (Wanted(until=START + timedelta(minutes=2)), [2, 1, 0]),
        (Wanted(until=START + timedelta(minutes=1)), [0]),
        (Wanted(since=START + timedelta(minutes=4), until=START + timedelta(minutes=6)), [6, 5, 4]),
    ],
)
def test_filters_hold_together(ledger: Ledger, wanted: Wanted, expected: list[int]) -> None:
    assert found(ledger, wanted) == list(expected)


def test_moments_of_another_zone_are_the_same_moments(ledger: Ledger) -> None:
    local = (START + timedelta(minutes=18)).astimezone()
    assert found(ledger, Wanted(since=local)) == [19, 18]


def test_pages_continue_each_other_whatever_is_written_meanwhile(ledger: Ledger) -> None:
    seen: list[str] = []
    before = None
    for number in range(100, 110):
        page = ledger.list(Wanted(key_id="k1", before=before), companies=["*"], limit=3)
        seen += [one.decision_id for one in page.decisions]
        before = page.next_before
        ledger.append([record(number, key_id="k1", companies=["*"])])
        if before is None:
            break
    assert seen == [f"d{number}" for number in range(19, -1, -1) if number % 3 == 1]


def test_key_sees_what_is_of_its_companies_alone(ledger: Ledger) -> None:
    assert found(ledger, Wanted(), "ORG-01") == list(range(9, -1, -1))
    assert found(ledger, Wanted(), "ORG-02") == []
    assert found(ledger, Wanted(), "ORG-02", "ORG-01", "ORG-09") == list(range(19, -1, -1))
    assert found(ledger, Wanted(subject="P3"), "ORG-01") == [8, 3]


def test_record_that_names_no_company_is_for_those_who_see_all(database: Database) -> None:
    ledger = Ledger(database)
    ledger.append(
        [record(1), record(2, companies=[]), record(3, companies=["*"]), record(4, companies="ORG-01")]
    )
    assert found(ledger, Wanted()) == [4, 3, 2, 1]
    assert found(ledger, Wanted(), "ORG-01") == []


def test_company_that_is_part_of_another_name_is_not_that_company(database: Database) -> None:
    ledger = Ledger(database)
    ledger.append([record(1, companies=["ORG-1"]), record(2, companies=["ORG-11"])])
    assert found(ledger, Wanted(), "ORG-1") == [1]


def test_order_and_repetition_of_companies_make_no_difference(place: Place, database: Database) -> None:
    ledger = Ledger(database)
    ledger.append([record(1, companies=["B", "A"]), record(2, companies=["A", "B", "A"])])
    again = place.database()
    Ledger(again).append([record(3, companies=["A", "B"])])  # another process, which knows no scopes yet
    assert found(ledger, Wanted(), "B", "A") == [3, 2, 1]
    assert ledger.verify().broken is None
    again.close()


@settings(max_examples=100, deadline=None)
@given(COMPANIES, COMPANIES)
def test_seeing_more_companies_never_shows_less(own: list[str], named: list[str]) -> None:
    told: dict[str, Json] = {"companies": named}
    if is_visible(told, own):
        assert is_visible(told, [*own, "ORG-09"])
        assert "*" in own or set(named) <= set(own)
    assert is_visible(told, ["*"])
    assert not is_visible(told, [])
