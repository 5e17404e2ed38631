"""Merging handed-in rows: by key, idempotent, nothing replaced unless asked for, nothing lost."""

from datetime import date

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from features.company_rows import for_companies, own_references
from features.contracts import CONTRACTS
from features.merging import against, merge

PAYMENTS = CONTRACTS["payments"]
DAY = date(2025, 3, 1)


def rows(*payments: tuple[str, float]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {"payment_id": payment, "exposure_id": "X1", "paid_on": DAY, "amount": amount, "known_at": DAY}
            for payment, amount in payments
        ],
        schema=PAYMENTS.schema,
    )


def amounts(frame: pl.DataFrame) -> dict[str, float]:
    return dict(frame.select("payment_id", "amount").iter_rows())


def test_new_rows_are_added_equal_ones_skipped_and_others_told() -> None:
    merged = merge(
        PAYMENTS,
        rows(("A", 1.0), ("B", 2.0)),
        [("U1", rows(("A", 1.0), ("B", 9.0), ("C", 3.0)))],
        corrections=False,
    )
    assert amounts(merged.rows) == {"A": 1.0, "B": 2.0, "C": 3.0}
    assert (merged.added, merged.repeated, merged.changed["upload"].to_list()) == (1, 1, ["U1"])
    assert amounts(merged.changed) == {"B": 9.0}
    assert against(
        PAYMENTS, rows(("A", 1.0), ("B", 9.0), ("C", 3.0)), rows(("A", 1.0), ("B", 2.0)).lazy()
    ) == (type(against(PAYMENTS, rows(), rows().lazy()))(new=1, repeated=1, changed=1))


def test_corrections_replace_and_the_later_upload_stands() -> None:
    uploads = [("U1", rows(("A", 5.0))), ("U2", rows(("A", 6.0)))]
    merged = merge(PAYMENTS, rows(("A", 1.0)), uploads, corrections=True)
    assert amounts(merged.rows) == {"A": 6.0}
    assert merged.moved
    again = merge(PAYMENTS, merged.rows, uploads, corrections=True)
    assert amounts(again.rows) == {"A": 6.0}
    assert not again.moved


some_rows = st.dictionaries(st.sampled_from("ABCDE"), st.sampled_from([1.0, 2.0]), max_size=5)


@given(some_rows, st.lists(some_rows, max_size=3), st.booleans())
def test_merging_again_changes_nothing_and_every_row_is_somewhere(
    held: dict[str, float], handed_in: list[dict[str, float]], corrections: bool
) -> None:
    uploads = [(f"U{i}", rows(*one.items())) for i, one in enumerate(handed_in)]
    merged = merge(PAYMENTS, rows(*held.items()), uploads, corrections=corrections)
    assert set(amounts(merged.rows)) == {*held, *(key for one in handed_in for key in one)}
    assert merged.rows["payment_id"].is_unique().all()
    assert merged.added + merged.repeated + merged.changed.height == sum(len(one) for one in handed_in)
    again = merge(PAYMENTS, merged.rows, uploads, corrections=corrections)
    assert again.added == 0
    assert not again.moved
    assert amounts(again.rows) == amounts(merged.rows)


def test_tables_without_a_company_get_no_rule_and_others_one() -> None:
    assert for_companies(CONTRACTS["edges"], ["ORG-05"], {}) is CONTRACTS["edges"]
    named = for_companies(CONTRACTS["exposures"], ["ORG-05"], {})
    assert named.rules[-1].name == "own_company"
    # Where the table that tells the company is there, the reference is enough.
    held = {"exposures": pl.LazyFrame({"exposure_id": ["X1", "X2"], "org_id": ["ORG-05", "ORG-08"]})}
    assert for_companies(PAYMENTS, ["ORG-05"], held) is PAYMENTS
    assert own_references(held, ["ORG-05"])["exposures"].collect()["exposure_id"].to_list() == ["X1"]
    assert for_companies(PAYMENTS, ["ORG-05"], {}).rules[-1].name == "own_company"
