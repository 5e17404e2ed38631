"""Records and scores of parties: what is refused, and what is read as of a date."""

from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.errors import PartyTableError
from graph.parties import (
    PARTY_SCHEMA,
    SCORE_SCHEMA,
    checked_parties,
    checked_scores,
    parties_as_of,
    scores_as_of,
    unrecorded,
)

START = date(2022, 1, 1)
OFFSETS = st.integers(0, 6)


def day(offset: int) -> date:
    return START + timedelta(days=offset)


def records(*rows: tuple[str, str, str | None, str | None, int, int]) -> pl.DataFrame:
    dated = [(*row[:4], day(row[4]), day(row[5])) for row in rows]
    return pl.DataFrame(dated, schema=PARTY_SCHEMA, orient="row")


def scores(*rows: tuple[str, int, float, str]) -> pl.DataFrame:
    filled = [
        (party, day(offset), day(offset), "pd_12m", value, version) for party, offset, value, version in rows
    ]
    return pl.DataFrame(filled, schema=SCORE_SCHEMA, orient="row")


VERSIONS = st.lists(
    st.tuples(st.sampled_from("AB"), OFFSETS, OFFSETS),
    unique_by=lambda row: row,
    max_size=12,
).map(
    lambda rows: records(
        *((party, "company", f"{party}{number}", None, begins, known) for number, (party, begins, known) in enumerate(rows))
    )
)  # fmt: skip


@settings(max_examples=100)
@given(VERSIONS, OFFSETS)
def test_the_record_of_a_day_is_the_last_begun_then_last_known(table: pl.DataFrame, offset: int) -> None:
    expected: dict[str, tuple[date, date, str]] = {}
    for row in table.iter_rows(named=True):
        version = (row["valid_from"], row["known_at"], row["name"])
        if max(version[:2]) <= day(offset):
            expected[row["party_id"]] = max(version, expected.get(row["party_id"], version))
    found = parties_as_of(table, day(offset))
    assert found.columns == ["party_id", "kind", "name", "credit_code"]
    assert found["party_id"].is_sorted()
    assert dict(found.select("party_id", "name").iter_rows()) == {
        party: version[2] for party, version in expected.items()
    }


@settings(max_examples=50)
@given(VERSIONS, OFFSETS)
def test_nothing_known_later_changes_a_record(table: pl.DataFrame, offset: int) -> None:
    later = pl.col("known_at") > day(offset)
    changed = table.with_columns(name=pl.when(later).then(pl.lit("later")).otherwise("name"))
    assert parties_as_of(changed, day(offset)).equals(parties_as_of(table, day(offset)))
    assert parties_as_of(table.filter(~later), day(offset)).equals(parties_as_of(table, day(offset)))


def test_a_score_of_a_later_day_is_not_seen_and_of_one_day_the_later_version_is() -> None:
    table = scores(("A", 0, 0.1, "1"), ("A", 2, 0.2, "1"), ("A", 2, 0.3, "2"), ("B", 4, 0.4, "1"))
    seen = {
        offset: scores_as_of(table, day(offset)).select("party_id", "value").rows() for offset in range(5)
    }
    assert seen == {
        0: [("A", 0.1)],
        1: [("A", 0.1)],
        2: [("A", 0.3)],
        3: [("A", 0.3)],
        4: [("A", 0.3), ("B", 0.4)],
    }


def test_a_score_made_later_is_not_seen_on_the_day_it_is_of() -> None:
    made = [("A", day(0), day(0), "pd_12m", 0.1, "1"), ("A", day(0), day(3), "pd_12m", 0.9, "2")]
    table = pl.DataFrame(made, schema=SCORE_SCHEMA, orient="row")
    assert [scores_as_of(table, day(offset))["value"].to_list() for offset in (0, 2, 3)] == [
        [0.1],
        [0.1],
        [0.9],
    ]


def test_a_score_cannot_be_known_before_its_day() -> None:
    table = scores(("A", 2, 0.1, "1")).with_columns(known_at=pl.lit(day(1)))
    with pytest.raises(PartyTableError, match=r"'known_at': is before as_of.*\(A\)"):
        checked_scores(table)


def test_names_and_codes_may_be_left_out_and_repeated_rows_count_once() -> None:
    table = records(("A", "company", None, None, 0, 0))
    short = pl.concat([table, table]).drop("name", "credit_code")
    assert checked_parties(short).equals(table)


@pytest.mark.parametrize(
    ("table", "column", "message"),
    [
        (records(("A", "company", "甲", None, 0, 0)).drop("known_at"), "known_at", "is missing"),
        (records(("A", "company", "甲", None, 0, 0)).with_columns(name=pl.lit(1)), "name", "must be String"),
        (
            records(("A", "company", "甲", None, 0, 0)).with_columns(kind=pl.lit(None, dtype=pl.String)),
            "kind",
            "empty in row 1",
        ),
        (records(("A", "ship", "甲", None, 0, 0)), "kind", "'ship' is none of"),
        (
            records(("A", "company", "甲", None, 0, 0), ("A", "company", "乙", None, 0, 0)),
            "party_id",
            "one version of 'A' with different content",
        ),
    ],
)
def test_a_broken_record_is_named(table: pl.DataFrame, column: str, message: str) -> None:
    with pytest.raises(PartyTableError, match=message) as caught:
        checked_parties(table)
    assert column in caught.value.zh


def test_a_score_that_is_no_number_is_refused() -> None:
    with pytest.raises(PartyTableError, match="not finite"):
        checked_scores(scores(("A", 0, float("nan"), "1")))


def test_parties_without_a_record_are_each_named_once() -> None:
    ids = pl.Series("id", ["C", "A", "B", "C"])
    assert unrecorded(ids, records(("B", "company", None, None, 0, 0))).to_list() == ["A", "C"]
    assert unrecorded(ids.clear(), records()).is_empty()
