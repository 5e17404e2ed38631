"""Labels by hand: who is at risk, what a default is, and when its absence can be known."""

from collections.abc import Callable
from datetime import date, timedelta

import polars as pl
import pytest

from features.credit.labels import default_dates, labels, last_mature_month_end
from features.errors import ImmatureObservationError

Tables = dict[str, pl.LazyFrame]
TableMaker = Callable[..., Tables]
Row = dict[str, object]

DUE = date(2024, 3, 31)
DAY_90 = DUE + timedelta(days=90)
KNOWN_BY = date(2025, 12, 31)


def _exposure(party: str, **more: object) -> Row:
    return {"exposure_id": f"X-{party}", "party_id": party, **more}


def _due(party: str) -> Row:
    return {"exposure_id": f"X-{party}", "due_on": DUE}


def _one_party(make: TableMaker, paid_on: date | None, **more: list[Row]) -> Tables:
    payments = [{"exposure_id": "X-A", "paid_on": paid_on, "amount": 100.0}] if paid_on else []
    return make(
        parties=[{"party_id": "A"}],
        exposures=[_exposure("A")],
        schedules=[_due("A")],
        payments=payments,
        **more,
    )


def test_unpaid_for_90_days_is_a_default_on_the_90th(make_tables: TableMaker) -> None:
    tables = _one_party(make_tables, None)
    assert default_dates(tables, DAY_90 - timedelta(days=1)).is_empty()
    assert default_dates(tables, DAY_90).rows() == [("A", DAY_90, "overdue")]


def test_paid_on_the_90th_day_is_no_default_and_a_day_later_is(make_tables: TableMaker) -> None:
    assert default_dates(_one_party(make_tables, DAY_90), KNOWN_BY).is_empty()
    late = _one_party(make_tables, DAY_90 + timedelta(days=1))
    assert default_dates(late, KNOWN_BY).rows() == [("A", DAY_90, "overdue")]


def test_the_first_of_several_causes_counts(make_tables: TableMaker) -> None:
    filed = [{"party_id": "A", "kind": "bankruptcy_filing", "occurred_on": date(2024, 5, 2)}]
    written_off = [{"exposure_id": "X-A", "written_off_on": date(2024, 5, 3)}]
    tables = _one_party(make_tables, None, court_events=filed, write_offs=written_off)
    assert default_dates(tables, KNOWN_BY).rows() == [("A", date(2024, 5, 2), "bankruptcy")]
    assert default_dates({**tables, "court_events": tables["court_events"].clear()}, KNOWN_BY).rows() == [
        ("A", date(2024, 5, 3), "write_off")
    ]


def test_a_filing_known_later_is_no_default_yet(make_tables: TableMaker) -> None:
    filed = [
        {
            "party_id": "A",
            "kind": "bankruptcy_filing",
            "occurred_on": date(2024, 5, 2),
            "known_at": date(2024, 7, 1),
        }
    ]
    tables = _one_party(make_tables, date(2024, 3, 31), court_events=filed)
    assert default_dates(tables, date(2024, 6, 30)).is_empty()
    assert default_dates(tables, date(2024, 7, 1)).height == 1


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        (date(2023, 5, 31), [0]),  # the horizon ends before the default of 29 June 2024
        (date(2023, 6, 29), [1]),  # the default is the last day of the horizon
        (date(2024, 5, 31), [1]),
        (DAY_90, []),  # in default already
    ],
)
def test_label_is_a_first_default_within_the_horizon(
    make_tables: TableMaker, as_of: date, expected: list[int]
) -> None:
    found = labels(_one_party(make_tables, None), [as_of], known_by=KNOWN_BY)
    assert found["label"].to_list() == expected
    assert found["default_on"].drop_nulls().to_list() == [DAY_90] * sum(expected)


def test_only_live_exposures_known_on_the_date_are_at_risk(make_tables: TableMaker) -> None:
    day = date(2024, 1, 31)
    tables = make_tables(
        parties=[{"party_id": party} for party in "ABCDE"],
        exposures=[
            _exposure("A"),
            _exposure("B", start_on=date(2024, 2, 1), known_at=date(2024, 2, 1)),
            _exposure("C", known_at=date(2024, 2, 1)),
            _exposure("D"),
        ],
        schedules=[_due("A"), _due("B"), _due("C"), _due("D")],
        payments=[{"exposure_id": "X-D", "paid_on": date(2024, 1, 5), "amount": 100.0}],
    )
    assert labels(tables, [day], known_by=KNOWN_BY)["party_id"].to_list() == ["A"]


def test_observation_whose_outcome_cannot_be_known_is_refused(make_tables: TableMaker) -> None:
    tables = _one_party(make_tables, None)
    days = [date(2024, 9, 30), date(2024, 10, 31)]
    with pytest.raises(ImmatureObservationError, match="Observe on 2024-09-30 or earlier") as caught:
        labels(tables, days, known_by=KNOWN_BY)
    assert caught.value.dates == (date(2024, 10, 31),)
    assert "2024-10-31" in caught.value.message("zh")
    assert labels(tables, days[:1], known_by=KNOWN_BY).is_empty()  # in default since June


def test_last_mature_month_end_counts_horizon_and_lag() -> None:
    assert last_mature_month_end(date(2025, 12, 31)) == date(2024, 9, 30)
    assert last_mature_month_end(date(2025, 12, 29)) == date(2024, 8, 31)
    assert last_mature_month_end(date(2025, 12, 31), lag_months=0) == date(2024, 12, 31)


def test_no_dates_give_no_labels(make_tables: TableMaker) -> None:
    found = labels(_one_party(make_tables, None), [], known_by=KNOWN_BY)
    assert (found.height, found.columns) == (0, ["party_id", "as_of", "label", "default_on", "cause"])
