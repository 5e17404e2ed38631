"""Days past due by hand: payments go to the oldest instalment first, as far as they are known."""

from collections.abc import Callable
from datetime import date

import polars as pl
import pytest

from features.asof import Known
from features.credit.build import credit_features
from features.credit.instalments import exposure_states, instalments
from graph.snapshot import Snapshot

Tables = dict[str, pl.LazyFrame]
TableMaker = Callable[..., Tables]

DUE = [
    {"exposure_id": "X", "installment_no": 1, "due_on": date(2024, 1, 31), "interest_due": 10.0},
    {"exposure_id": "X", "installment_no": 2, "due_on": date(2024, 2, 29), "interest_due": 10.0},
    {"exposure_id": "X", "installment_no": 3, "due_on": date(2024, 3, 31), "interest_due": 10.0},
    {"exposure_id": "X", "installment_no": 4, "due_on": date(2024, 4, 30), "interest_due": 10.0},
]
PAID = [
    {"exposure_id": "X", "paid_on": date(2024, 2, 10), "amount": 110.0, "known_at": date(2024, 2, 12)},
    {"exposure_id": "X", "paid_on": date(2024, 3, 5), "amount": 170.0},
]


@pytest.fixture
def tables(make_tables: TableMaker) -> Tables:
    """Return one party with one exposure of 4 × (100 + 10), of which 110 and 170 have been paid."""
    exposures = [{"exposure_id": "X", "party_id": "A", "principal": 400.0}]
    return make_tables(parties=[{"party_id": "A"}], exposures=exposures, schedules=DUE, payments=PAID)


def _ledger(tables: Tables, as_of: date) -> pl.DataFrame:
    return instalments(Known(tables, as_of)).sort("due_on").collect()


def _state(tables: Tables, as_of: date) -> dict[str, object]:
    known = Known(tables, as_of)
    return exposure_states(known, instalments(known)).collect().row(0, named=True)


def _features(tables: Tables, as_of: date) -> dict[str, float | None]:
    snapshot = Snapshot.from_edges(tables["edges"], as_of=as_of)
    return credit_features(tables, snapshot, as_of, parties=["A"]).row(0, named=True)


def test_payments_go_to_the_oldest_instalment_first(tables: Tables) -> None:
    ledger = _ledger(tables, date(2024, 4, 20))
    assert ledger["cleared_on"].to_list() == [date(2024, 2, 10), date(2024, 3, 5), None, None]
    assert ledger["open"].to_list() == [0.0, 0.0, 50.0, 110.0]


def test_days_past_due_are_those_of_the_oldest_unpaid_instalment(tables: Tables) -> None:
    assert _state(tables, date(2024, 4, 20))["days_past_due"] == 20
    assert _state(tables, date(2024, 3, 31))["days_past_due"] == 0


def test_a_payment_counts_from_the_day_it_is_known(tables: Tables) -> None:
    assert [_state(tables, date(2024, 2, day))["days_past_due"] for day in (9, 11, 12)] == [9, 11, 0]


def test_interest_is_paid_before_principal(tables: Tables) -> None:
    state = _state(tables, date(2024, 4, 20))
    assert (state["outstanding"], state["overdue"]) == (150.0, 50.0)


def test_less_than_a_yuan_open_is_rounding(tables: Tables) -> None:
    short = tables["payments"].with_columns(pl.col("amount") - 0.4)
    ledger = _ledger({**tables, "payments": short}, date(2024, 4, 20))
    assert ledger["cleared_on"].to_list()[:2] == [date(2024, 2, 10), date(2024, 3, 5)]


def test_late_days_by_window(tables: Tables) -> None:
    row = _features(tables, date(2024, 4, 20))
    assert row["days_past_due"] == 20
    assert row["max_days_past_due_3m"] == 20  # 10 (paid on 10 February), 5 and 20 (still open)
    assert row["late_share_3m"] == 1
    assert row["mean_days_late_12m"] == pytest.approx((10 + 5 + 20) / 3)
    assert row["months_since_late"] == 0
    assert row["overdue_ratio"] == pytest.approx(50 / 150)
    assert row["paid_to_due_12m"] == pytest.approx(280 / 330)
    assert row["due_next_3m_to_outstanding"] == pytest.approx(110 / 150)
    assert row["outstanding_to_principal"] == pytest.approx(150 / 400)
    assert (row["exposure_count"], row["leasing_share"]) == (1, 1)


def test_windows_forget_what_was_paid_before_them(tables: Tables) -> None:
    rest = {
        "exposure_id": "X",
        "paid_on": date(2024, 4, 1),
        "amount": 160.0,
        "payment_id": "z",
        "known_at": date(2024, 4, 1),
    }
    paid = pl.concat([tables["payments"], pl.LazyFrame([rest], schema=tables["payments"].collect_schema())])
    row = _features({**tables, "payments": paid}, date(2024, 6, 10))
    assert row["max_days_past_due_3m"] == 1  # paid on 1 April; 5 March lies before 10 March
    assert row["max_days_past_due_6m"] == 10
    assert row["months_since_late"] == pytest.approx(70 / 30.4375)
    assert row["exposure_count"] == 0  # all but nothing is left to pay


def test_a_written_off_exposure_is_not_live(tables: Tables, make_tables: TableMaker) -> None:
    write_offs = make_tables(write_offs=[{"exposure_id": "X", "written_off_on": date(2024, 4, 1)}])[
        "write_offs"
    ]
    tables = {**tables, "write_offs": write_offs}
    assert _state(tables, date(2024, 3, 31))["is_live"] is True
    assert _state(tables, date(2024, 4, 1))["is_live"] is False


def test_an_exposure_without_schedule_is_outstanding_until_it_matures(make_tables: TableMaker) -> None:
    exposures = [{"exposure_id": "X", "party_id": "A", "principal": 400.0, "maturity_on": date(2024, 6, 30)}]
    tables = make_tables(parties=[{"party_id": "A"}], exposures=exposures)
    assert _state(tables, date(2024, 6, 29))["outstanding"] == 400.0
    assert _state(tables, date(2024, 6, 30))["is_live"] is False


def test_collateral_covers_only_its_own_exposure(make_tables: TableMaker) -> None:
    exposures = [
        {
            "exposure_id": "X",
            "party_id": "A",
            "principal": 100.0,
            "collateral_kind": "equipment",
            "collateral_value": 500.0,
        },
        {
            "exposure_id": "Y",
            "party_id": "A",
            "principal": 300.0,
            "business_line": "debt",
            "org_id": "ORG-02",
        },
    ]
    row = _features(make_tables(parties=[{"party_id": "A"}], exposures=exposures), date(2024, 1, 31))
    assert row["unsecured_share"] == pytest.approx(0.75)
    assert row["collateral_cover"] == pytest.approx(500 / 400)
    assert (row["debt_business_share"], row["lending_companies"]) == (0.75, 2)


def test_a_party_without_exposure_has_none_and_no_arrears(make_tables: TableMaker) -> None:
    row = _features(make_tables(parties=[{"party_id": "A"}]), date(2024, 1, 31))
    assert (row["exposure_count"], row["log_outstanding"], row["days_past_due"]) == (0, 0, None)
