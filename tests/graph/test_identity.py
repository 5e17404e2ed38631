"""Decisions on doubtful pairs as statements, and canonical ids as of a date."""

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.credit_code import check_character
from graph.edges import EDGE_SCHEMA, checked_edges, visible
from graph.identity import ALWAYS, canonical_ids, decided, identity_as_of, merged, same_as
from graph.matching.errors import DecisionError
from graph.parquet_store import ParquetStore
from graph.resolution import MATCH_SCHEMA, resolve

MONDAY, TUESDAY, FRIDAY = date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 6)


def code(number: int) -> str:
    first = f"91370100MA{number:07}"
    return first + check_character(first)


def matches(*rows: tuple[str, str, float]) -> pl.DataFrame:
    filled = [(a, b, None, None, score, "sounds_alike") for a, b, score in rows]
    return pl.DataFrame(filled, schema=MATCH_SCHEMA, orient="row")


def decisions(*rows: tuple[str, str, bool, str | None, date | None]) -> pl.DataFrame:
    columns = {
        "party_a": pl.String,
        "party_b": pl.String,
        "accepted": pl.Boolean,
        "decided_by": pl.String,
        "decided_on": pl.Date,
    }
    return pl.DataFrame(list(rows), schema=columns, orient="row")


@pytest.fixture
def records() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "party_id": ["P1", "P2", "P3"],
            "kind": ["company"] * 3,
            "name": ["济南恒泽铭瑞新材料有限公司", "济南恒泽铭瑞新材料集团有限公司", "青岛远达物流有限公司"],
        }
    )


def test_matches_become_statements_that_hold_always_and_are_known_from_the_run() -> None:
    edges = checked_edges(same_as(matches(("B", "A", 0.9)), known_at=MONDAY, source="resolution"))
    row = edges.row(0, named=True)
    assert edges.schema == EDGE_SCHEMA
    assert (row["src"], row["dst"], row["kind"], row["score"], row["confidence"]) == (
        "A",
        "B",
        "same_as",
        0.9,
        0.9,
    )
    assert (row["valid_from"], row["known_at"], row["source"]) == (ALWAYS, MONDAY, "resolution")
    assert visible(edges, date(2026, 3, 1)).collect().is_empty()
    assert visible(edges, MONDAY, valid_on=date(1999, 1, 1)).collect().height == 1


def test_an_accepted_pair_is_joined_from_the_day_of_the_decision_on(records: pl.DataFrame) -> None:
    review = resolve(records).review
    assert review.select("party_a", "party_b", "reason").rows() == [("P1", "P2", "group")]
    edges = decided(review, decisions(("P2", "P1", True, "李工", TUESDAY)))
    for day, joined in ((MONDAY, []), (TUESDAY, [("P1", "P1"), ("P2", "P1")])):
        assert canonical_ids(identity_as_of(edges, day)).rows() == joined
        assert canonical_ids(visible(edges, day)).rows() == joined
    again = resolve(records, identity=identity_as_of(edges, TUESDAY))
    assert again.review.is_empty()
    assert again.clusters["canonical_id"].to_list() == ["P1", "P1", "P3"]
    assert again.matches.select("method", "score").rows() == [("accepted", 1.0)]


def test_a_rejected_pair_is_not_asked_again_and_no_reader_sees_an_edge(
    records: pl.DataFrame, tmp_path: Path
) -> None:
    edges = decided(resolve(records).review, decisions(("P1", "P2", False, "李工", TUESDAY)))
    assert (edges["score"][0], edges["method"][0], edges["source"][0]) == (0.0, "rejected", "李工")
    store = ParquetStore(tmp_path)
    store.append(checked_edges(edges))
    assert store.edges(FRIDAY).collect().is_empty()
    believed = identity_as_of(store.statements(), FRIDAY)
    assert resolve(records, identity=believed).review.is_empty()
    assert resolve(records, identity=identity_as_of(store.statements(), MONDAY)).review.height == 1


def test_a_rejection_overrules_a_match_that_was_stated_before_and_a_later_word_overrules_it() -> None:
    review = pl.DataFrame({"party_a": ["A"], "party_b": ["B"], "credit_code_a": [None], "credit_code_b": [None]},
                          schema_overrides={"credit_code_a": pl.String, "credit_code_b": pl.String})  # fmt: skip
    stated = same_as(matches(("A", "B", 0.9)), known_at=MONDAY, source="resolution")
    no = decided(review, decisions(("A", "B", False, "李工", TUESDAY)))
    yes = decided(review, decisions(("A", "B", True, "王工", FRIDAY)))
    edges = checked_edges(pl.concat([stated, no, yes]))
    for day, joined in ((MONDAY, 2), (TUESDAY, 0), (FRIDAY, 2)):
        assert canonical_ids(identity_as_of(edges, day)).height == joined
        assert visible(edges, day).collect().height == joined // 2


def test_a_rejection_holds_through_others_too() -> None:
    review = pl.DataFrame({"party_a": ["A"], "party_b": ["C"], "credit_code_a": [""], "credit_code_b": [""]})
    edges = pl.concat(
        [
            same_as(matches(("A", "B", 0.9), ("B", "C", 0.95)), known_at=MONDAY, source="resolution"),
            decided(review, decisions(("A", "C", False, "李工", MONDAY))),
        ]
    )
    assert canonical_ids(identity_as_of(edges, MONDAY)).rows() == [("B", "B"), ("C", "B")]


def test_two_valid_codes_never_share_a_canonical_id() -> None:
    edges = same_as(matches(("A", "B", 0.9), ("B", "C", 0.99)), known_at=MONDAY, source="resolution")
    parties = pl.DataFrame({"party_id": ["A", "B", "C"], "credit_code": [code(1), None, code(2)]})
    assert canonical_ids(identity_as_of(edges, MONDAY), parties).rows() == [("B", "B"), ("C", "B")]
    wrong = parties.with_columns(pl.col("credit_code").str.slice(0, 17) + "I")
    assert canonical_ids(identity_as_of(edges, MONDAY), wrong).height == 3


@pytest.mark.parametrize(
    ("row", "part"),
    [
        (("P1", "P3", True, "李工", TUESDAY), "review list"),
        (("P1", "P2", True, None, TUESDAY), "complete"),
        (("P1", "P2", True, " ", TUESDAY), "complete"),
        (("P1", "P2", False, "李工", None), "complete"),
    ],
)
def test_a_decision_that_nobody_could_answer_for_is_refused(
    records: pl.DataFrame, row: tuple[str, str, bool, str | None, date | None], part: str
) -> None:
    with pytest.raises(DecisionError, match=part) as caught:
        decided(resolve(records).review, decisions(row))
    assert caught.value.pair == (row[0], row[1])
    assert "认定" in caught.value.zh


def test_two_outcomes_on_one_day_are_refused(records: pl.DataFrame) -> None:
    both = decisions(("P1", "P2", True, "李工", TUESDAY), ("P2", "P1", False, "王工", TUESDAY))
    with pytest.raises(DecisionError, match="twice"):
        decided(resolve(records).review, both)


@pytest.mark.parametrize("day", [MONDAY, TUESDAY])
def test_a_decision_that_a_stored_statement_would_overrule_is_refused(
    records: pl.DataFrame, day: date
) -> None:
    review = resolve(records).review
    stored = decided(review, decisions(("P1", "P2", True, "李工", TUESDAY)))
    with pytest.raises(DecisionError, match="later day under decided_on") as caught:
        decided(review, decisions(("P1", "P2", False, "王工", day)), stated=stored)
    assert "李工" in caught.value.zh
    later = decided(review, decisions(("P1", "P2", False, "王工", FRIDAY)), stated=stored)
    assert canonical_ids(identity_as_of(pl.concat([stored, later]), FRIDAY)).is_empty()


def test_a_match_stated_the_same_day_is_no_less_in_the_way(records: pl.DataFrame) -> None:
    stored = same_as(matches(("P1", "P2", 0.9)), known_at=MONDAY, source="match")
    with pytest.raises(DecisionError, match="by 'match'"):
        decided(resolve(records).review, decisions(("P1", "P2", False, "王工", MONDAY)), stated=stored)


def test_a_list_can_be_handed_in_again_after_a_later_decision(records: pl.DataFrame, tmp_path: Path) -> None:
    review, store = resolve(records).review, ParquetStore(tmp_path)
    for outcome, day, added in ((True, MONDAY, 1), (False, TUESDAY, 1), (True, MONDAY, 0)):
        edges = decided(review, decisions(("P1", "P2", outcome, "李工", day)), stated=store.statements())
        assert store.append(edges) == added


def test_nobody_can_accept_against_two_valid_codes() -> None:
    review = pl.DataFrame(
        {"party_a": ["A"], "party_b": ["B"], "credit_code_a": [code(1)], "credit_code_b": [code(2)]}
    )
    with pytest.raises(DecisionError, match="succeeds"):
        decided(review, decisions(("A", "B", True, "李工", TUESDAY)))
    assert decided(review, decisions(("A", "B", False, "李工", TUESDAY))).height == 1


def test_a_sameness_that_was_ended_stays_ended() -> None:
    stated = same_as(matches(("A", "B", 0.9)), known_at=MONDAY, source="exchange")
    ended = stated.with_columns(known_at=pl.lit(TUESDAY), valid_to=pl.lit(TUESDAY))
    edges = checked_edges(pl.concat([stated, ended]))
    for day, joined in ((MONDAY, 2), (TUESDAY, 0), (FRIDAY, 0)):
        assert canonical_ids(identity_as_of(edges, day)).height == joined
        assert visible(edges, day).collect().height == joined // 2


DAYS = st.integers(0, 5).map(lambda offset: MONDAY + timedelta(days=offset))
WORDS = st.lists(
    st.tuples(
        st.sampled_from(["AB", "BC", "AC", "CD"]),
        DAYS,
        st.sampled_from(["match", "yes", "no", "ended"]),
        DAYS,
    ),
    unique_by=lambda row: row[:2],
    max_size=10,
)


@settings(max_examples=80)
@given(WORDS, DAYS)
def test_nothing_known_later_changes_who_is_one(rows: list[tuple[str, date, str, date]], as_of: date) -> None:
    """Later statements, and the later retraction of what is believed on the day, change no canonical id."""
    said = {
        "match": (0.9, "sounds_alike"),
        "ended": (0.9, "sounds_alike"),
        "yes": (1.0, "accepted"),
        "no": (0.0, "rejected"),
    }
    full = []
    for pair, known, word, retracted in rows:
        score, method = said[word]
        edge = same_as(matches((pair[0], pair[1], score)), known_at=known, source="x").with_columns(
            method=pl.lit(method),
            valid_to=pl.lit({"no": ALWAYS, "ended": known}.get(word), dtype=pl.Date),
            retracted_at=pl.lit(retracted if retracted > known else None, dtype=pl.Date),
        )
        full.append(edge)
    statements = pl.concat([pl.DataFrame(schema=EDGE_SCHEMA), *full])
    hidden = pl.col("retracted_at") > as_of
    then = statements.filter(pl.col("known_at") <= as_of).with_columns(
        retracted_at=pl.when(~hidden).then("retracted_at")
    )
    assert identity_as_of(statements, as_of).equals(identity_as_of(then, as_of))
    assert canonical_ids(identity_as_of(statements, as_of)).equals(canonical_ids(identity_as_of(then, as_of)))


def test_no_statement_gives_no_identity() -> None:
    empty = pl.DataFrame(schema=EDGE_SCHEMA)
    assert canonical_ids(identity_as_of(empty, MONDAY)).rows() == []
    assert same_as(matches(), known_at=MONDAY, source="resolution").schema == EDGE_SCHEMA


def test_merging_moves_the_ends_and_counts_the_loops_it_drops() -> None:
    rows = [
        ("1", "A", "B", "owns"),
        ("2", "A", "C", "owns"),
        ("3", "C", "B", "supplies"),
        ("4", "A", "B", "same_as"),
    ]
    edges = pl.DataFrame(rows, schema=["edge_id", "src", "dst", "kind"], orient="row")
    canonical = pl.DataFrame({"party_id": ["A", "B"], "canonical_id": ["A", "A"]})
    found = merged(edges, canonical)
    assert found.loops == 1
    assert found.edges.rows() == [("2", "A", "C", "owns"), ("3", "C", "A", "supplies")]
    assert merged(edges.clear(), canonical).edges.is_empty()
