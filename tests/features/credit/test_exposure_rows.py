"""Live exposures with what expected loss is measured from, as known on a date."""

from collections.abc import Callable
from datetime import date

import polars as pl
import pytest

from features.credit.exposure_rows import EXPOSURE_ROWS, exposure_rows
from tests.features.credit.test_look_ahead import CHANGES, Change, _tampered

Tables = dict[str, pl.LazyFrame]
AS_OF = date(2022, 6, 30)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_became_known_later_changes_no_row(random_group: Tables, change: Change) -> None:
    before = exposure_rows(random_group, AS_OF)
    after = exposure_rows(_tampered(random_group, AS_OF, change, seed=6), AS_OF)
    assert before.equals(after)
    assert before.schema == EXPOSURE_ROWS
    assert before["in_default"].n_unique() == 2


def test_interest_owed_and_the_debtors_default(make_tables: Callable[..., Tables]) -> None:
    def exposure(number: int, **more: object) -> dict[str, object]:
        start = {"start_on": date(2021, 6, 30), "maturity_on": date(2023, 6, 30)}
        return {"exposure_id": f"X{number}", "party_id": f"P{number}", **start, **more}

    tables = make_tables(
        exposures=[
            exposure(1, repayment="bullet", collateral_kind="shares", collateral_value=5.0),
            exposure(2),
            exposure(3),
            exposure(4, known_at=date(2022, 7, 1)),
        ],
        schedules=[
            {"exposure_id": "X2", "due_on": date(2022, 6, 1), "principal_due": 900.0, "interest_due": 50.0},
            {"exposure_id": "X3", "due_on": date(2022, 2, 1), "principal_due": 900.0},
        ],
        payments=[{"exposure_id": "X2", "paid_on": date(2022, 6, 2), "amount": 20.0}],
    )
    rows = {str(row["exposure_id"]): row for row in exposure_rows(tables, AS_OF).iter_rows(named=True)}
    assert set(rows) == {"X1", "X2", "X3"}
    assert rows["X1"]["accrued_interest"] == pytest.approx(1000 * 0.1 * 365 / 365.25, abs=0.01)
    assert (rows["X1"]["collateral_kind"], rows["X1"]["collateral_value"]) == ("shares", 5.0)
    # 20 of 950 were paid, interest first: 30 of interest are open.
    assert (rows["X2"]["outstanding"], rows["X2"]["accrued_interest"]) == (900.0, 30.0)
    assert rows["X2"]["days_past_due"] == 29
    assert not rows["X2"]["in_default"]
    assert rows["X3"]["in_default"]
    assert rows["X3"]["default_on"] == date(2022, 5, 2)
