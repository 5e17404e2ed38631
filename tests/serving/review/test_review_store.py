"""The database keeps one open override a decision, and an act that came second changes nothing."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from serving.ledger.chain import Json, Ledger
from serving.ledger.database import Database
from serving.ledger.errors import LedgerUnavailableError
from serving.ledger.tables import credit_reviews
from serving.review.errors import OpenReviewError, ReviewClosedError, UnknownReviewError
from serving.review.review_store import Held, ReviewStore

NOW = datetime(2026, 12, 1, 2, tzinfo=UTC)


def record(number: int) -> dict[str, Json]:
    return {"decision_id": f"{number:032d}", "recorded_at": NOW.isoformat(), "route": "r", "companies": ["*"]}


def held(review_id: str, decision_id: str = "d1", body: str = "{}") -> Held:
    return Held(review_id, decision_id, "P1", ["*"], "pending", "2026-12-31", is_open=True, body=body)


def test_second_open_one_is_refused_with_nothing_written(database: Database) -> None:
    ledger = Ledger(database)
    store = ReviewStore(database, ledger, "override")
    store.add(held("o1"), record(1), has_ended=lambda _: False)
    with pytest.raises(OpenReviewError):
        store.add(held("o2"), record(2), has_ended=lambda _: False)
    assert [one.review_id for one in store.all()] == ["o1"]
    assert ledger.verify().rows == 1
    store.add(held("o3", "d2"), record(3), has_ended=lambda _: False)
    ReviewStore(database, ledger, "appeal").add(held("a1"), record(4), has_ended=lambda _: False)


def test_database_itself_allows_one_open_one(database: Database) -> None:
    store = ReviewStore(database, Ledger(database), "override")
    store.add(held("o1"), record(1), has_ended=lambda _: False)
    row = {
        "review_id": "o2", "seq": 99, "kind": "override", "decision_id": "d1", "subject": "P1", "companies": "[]",
        "state": "pending", "last_day": "2026-12-31", "open_key": "override:d1", "body": "{}",
    }  # fmt: skip
    with pytest.raises((IntegrityError, LedgerUnavailableError)), database.writing() as connection:
        connection.execute(insert(credit_reviews).values(row))


def test_ended_one_makes_room(database: Database) -> None:
    store = ReviewStore(database, Ledger(database), "override")
    store.add(held("o1"), record(1), has_ended=lambda _: False)
    store.add(held("o2"), record(2), has_ended=lambda _: True)
    assert [(one.review_id, one.is_open) for one in store.all()] == [("o2", True), ("o1", False)]


def test_database_itself_allows_one_open_one_of_a_place(database: Database) -> None:
    store = ReviewStore(database, Ledger(database), "override")
    store.add(replace(held("o1"), state="active", open_as="active:P1"), record(1), has_ended=lambda _: False)
    store.add(replace(held("o2", "d2"), open_as="pending:P1"), record(2), has_ended=lambda _: False)
    before = store.get("o2")
    with pytest.raises((OpenReviewError, LedgerUnavailableError)):
        store.change(before, replace(before, state="active", open_as="active:P1", body='{"a": 1}'), record(3))
    assert store.get("o2") == before


def test_one_kept_by_its_decision_before_takes_the_place_of_its_party(database: Database) -> None:
    store = ReviewStore(database, Ledger(database), "override")
    store.add(held("o1"), record(1), has_ended=lambda _: False)  # as it was written then
    with pytest.raises(OpenReviewError):
        store.add(replace(held("o2", "d2"), open_as="pending:P1"), record(2), has_ended=lambda _: False)


def test_what_an_act_ends_is_ended_with_it_or_not_at_all(database: Database) -> None:
    store = ReviewStore(database, Ledger(database), "override")
    store.add(replace(held("o1"), state="active", open_as="active:P1"), record(1), has_ended=lambda _: False)
    store.add(replace(held("o2", "d2"), open_as="pending:P1"), record(2), has_ended=lambda _: False)
    old, new = store.get("o1"), store.get("o2")
    ends = replace(old, state="superseded", is_open=False, body='{"ended": 1}')
    counts = replace(new, state="active", open_as="active:P1", body='{"counts": 1}')
    with pytest.raises(ReviewClosedError):
        store.change(new, counts, record(3), [(replace(old, body="another"), ends)])
    assert (store.get("o1"), store.get("o2")) == (old, new)
    store.change(new, counts, record(4), [(old, ends)])
    assert [(one.state, one.is_open) for one in store.all()] == [("active", True), ("superseded", False)]


def test_act_upon_a_state_that_has_passed_changes_nothing(database: Database) -> None:
    ledger = Ledger(database)
    store = ReviewStore(database, ledger, "override")
    store.add(held("o1"), record(1), has_ended=lambda _: False)
    before = store.get("o1")
    approved = replace(before, state="active", body='{"by": "one"}')
    store.change(before, approved, record(2))
    with pytest.raises(ReviewClosedError) as caught:
        store.change(before, replace(before, state="refused", is_open=False, body='{"by": "two"}'), record(3))
    assert caught.value.state == "active"
    assert store.get("o1").body == '{"by": "one"}'
    assert ledger.verify().rows == 2


def test_reviews_of_a_kind_are_not_found_under_another(database: Database) -> None:
    store = ReviewStore(database, Ledger(database), "override")
    store.add(held("o1"), record(1), has_ended=lambda _: False)
    with pytest.raises(UnknownReviewError):
        ReviewStore(database, Ledger(database), "appeal").get("o1")
