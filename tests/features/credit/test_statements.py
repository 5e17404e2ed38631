"""Statements by hand: the latest published one, like compared with like, restatements as known."""

from collections.abc import Callable
from datetime import date

import polars as pl
import pytest

from features.credit.build import credit_features
from graph.snapshot import Snapshot

Tables = dict[str, pl.LazyFrame]
TableMaker = Callable[..., Tables]
Row = dict[str, object]


def _statement(period: str, end: date, known_at: date, **items: float) -> Row:
    return {
        "party_id": "A",
        "period": period,
        "period_end": end,
        "known_at": known_at,
        "total_assets": 1000.0,
        **items,
    }


H1_23 = _statement("H1", date(2023, 6, 30), date(2023, 8, 30), revenue=200.0, net_profit=-10.0)
FY_23 = _statement("FY", date(2023, 12, 31), date(2024, 4, 25), revenue=600.0, net_profit=-40.0)
H1_24 = _statement(
    "H1",
    date(2024, 6, 30),
    date(2024, 8, 28),
    revenue=300.0,
    net_profit=30.0,
    equity=400.0,
    total_liabilities=600.0,
)


def _row(make: TableMaker, as_of: date, *statements: Row) -> dict[str, float | None]:
    tables = make(parties=[{"party_id": "A"}], statements=list(statements))
    return credit_features(tables, Snapshot.from_edges(tables["edges"], as_of=as_of), as_of).row(
        0, named=True
    )


def test_a_statement_is_used_from_the_day_it_is_published(make_tables: TableMaker) -> None:
    ages = [
        _row(make_tables, day, H1_23, FY_23, H1_24)["statement_age_days"]
        for day in (date(2024, 8, 27), date(2024, 8, 28))
    ]
    assert ages == [240, 59]  # since 31 December 2023, since 30 June 2024


def test_growth_compares_with_the_same_period_of_the_year_before(make_tables: TableMaker) -> None:
    row = _row(make_tables, date(2024, 9, 30), H1_23, FY_23, H1_24)
    assert row["revenue_growth"] == pytest.approx(300 / 200 - 1)
    assert row["profit_change_to_assets"] == pytest.approx((30 + 10) / 1000)


def test_growth_is_unknown_without_that_period(make_tables: TableMaker) -> None:
    assert _row(make_tables, date(2024, 9, 30), FY_23, H1_24)["revenue_growth"] is None


def test_flows_are_brought_to_a_year_before_they_meet_stocks(make_tables: TableMaker) -> None:
    row = _row(make_tables, date(2024, 9, 30), H1_24)
    assert row["return_on_assets"] == pytest.approx(30 * 12 / 6 / 1000)
    assert row["return_on_equity"] == pytest.approx(30 * 12 / 6 / 400)
    assert row["asset_turnover"] == pytest.approx(300 * 12 / 6 / 1000)
    assert row["net_margin"] == pytest.approx(0.1)  # flow over flow: nothing to bring


def test_a_restatement_counts_from_the_day_it_is_known(make_tables: TableMaker) -> None:
    restated = {**H1_24, "known_at": date(2024, 11, 1), "total_liabilities": 900.0}
    before, after = (
        _row(make_tables, day, FY_23, H1_24, restated) for day in (date(2024, 10, 31), date(2024, 11, 1))
    )
    assert [row["leverage"] for row in (before, after)] == pytest.approx([0.6, 0.9])
    assert [row["restated_statements_36m"] for row in (before, after)] == [0, 1]


def test_losses_opinion_and_missing_items_are_counted(make_tables: TableMaker) -> None:
    qualified: Row = {**FY_23, "opinion": "qualified", "audited": True}
    row = _row(make_tables, date(2024, 9, 30), qualified, H1_24)
    assert (row["loss_years_36m"], row["audit_opinion_rank"], row["is_statement_audited"]) == (1, 1, 0)
    assert row["missing_statement_items"] == 17 - 5


def test_a_denominator_that_says_nothing_gives_no_ratio(make_tables: TableMaker) -> None:
    lost = {**H1_24, "equity": -50.0, "revenue": 0.0}
    row = _row(make_tables, date(2024, 9, 30), lost)
    assert (row["return_on_equity"], row["net_margin"], row["has_negative_equity"]) == (None, None, 1)
