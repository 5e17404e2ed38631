"""Keys of some companies ask about those companies' counterparties alone, and cannot tell others from none."""

from pathlib import Path

import polars as pl
import pytest

from serving.access.caller import Call, Caller
from serving.access.errors import OutsideScopeError
from serving.credit.scope import may_ask, require_party
from serving.credit.sources.book_store import BookStore, load_book_store
from serving.errors import NotReadyError
from tests.serving.conftest import write_book

OFFICER = Caller(Call("r", "k", ()), "t", ("ORG-03", "ORG-05"))
GROUP = Caller(Call("r", "k", ()), "t", ("*",))


@pytest.fixture
def book(tmp_path: Path) -> BookStore:
    """Party 1 has business with ORG-03 and ORG-04, party 2 with ORG-04 alone, party 3 with nobody."""
    (tmp_path / "features").mkdir()
    frame = write_book(tmp_path, "v1")
    having = {"P0000001": ["ORG-03", "ORG-04"], "P0000002": ["ORG-04"]}
    companies = pl.Series([having.get(party) for party in frame["party_id"]], dtype=pl.List(pl.String))
    path = tmp_path / "features" / "credit_book.parquet"
    frame.with_columns(companies=companies).write_parquet(path)
    return load_book_store(path)


def test_party_of_one_of_the_companies_may_be_asked_about(book: BookStore) -> None:
    require_party(OFFICER, book, "P0000001")
    assert may_ask(OFFICER, book, "P0000001")
    assert book.companies("P0000001") == {"ORG-03", "ORG-04"}


def test_others_parties_and_unknown_ones_are_refused_in_the_same_words(book: BookStore) -> None:
    words = set()
    for party in ("P0000002", "P0000003", "P9999999"):
        assert not may_ask(OFFICER, book, party)
        with pytest.raises(OutsideScopeError) as refused:
            require_party(OFFICER, book, party)
        words.add((refused.value.zh, refused.value.en))
    assert len(words) == 1


def test_key_of_the_group_asks_about_anybody(book: BookStore) -> None:
    for party in ("P0000001", "P0000003", "P9999999"):
        require_party(GROUP, book, party)
    require_party(GROUP, None, "P0000001")


def test_without_a_book_nobody_limited_may_ask() -> None:
    with pytest.raises(NotReadyError, match="zhiheng credit prepare"):
        require_party(OFFICER, None, "P0000001")


def test_book_of_an_older_version_opens_to_the_group_alone(book: BookStore, tmp_path: Path) -> None:
    path = tmp_path / "old.parquet"
    pl.read_parquet(tmp_path / "features" / "credit_book.parquet").drop("companies").write_parquet(path)
    old = load_book_store(path)
    assert not old.says_companies
    assert old.score_features == book.score_features
    with pytest.raises(NotReadyError, match="column companies") as refused:
        require_party(OFFICER, old, "P0000001")
    assert "zhiheng credit prepare" in refused.value.zh
    require_party(GROUP, old, "P0000001")
