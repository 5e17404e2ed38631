"""One row of a scored book can be proven against the ledger, by hand too; a changed row cannot."""

import hashlib
import json
import shutil
import struct
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from serving.uploads.media import TableKind
from tests.serving.credit.books.book_client import send
from tests.serving.review.review_world import Office, done, slug

if TYPE_CHECKING:
    from tests.serving.conftest import World

PARTIES = ["P0000001", "P9999999", *(f"P{i:07d}" for i in range(4, 12))]


@pytest.fixture
def book(office: Office) -> dict[str, Any]:
    found = send(office.client, json.dumps({"party_ids": PARTIES}).encode(), TableKind.JSON)
    assert found.status_code == 200, found.text
    return dict(found.json())


def root_by_hand(row: dict[str, Any]) -> str:
    """Follow docs/books.md with nothing but SHA-256."""
    leaf = row["leaf"]
    node = hashlib.sha256(b"\0" + leaf["words"].encode() + b"\0" + bytes.fromhex(leaf["floats"])).digest()
    assert node.hex() == leaf["sha256"]
    for step in row["path"]:
        other = bytes.fromhex(step["sha256"])
        left, right = (other, node) if step["side"] == "left" else (node, other)
        node = hashlib.sha256(b"\1" + left + right).digest()
    return node.hex()


@pytest.mark.parametrize("who", ["auditor", "officer"])
def test_every_row_is_proven_by_hand_against_the_ledger(
    office: Office, book: dict[str, Any], who: str
) -> None:
    stored = office.client.deployment.parts.ledger.get(book["decision_id"])
    for number in range(1, len(PARTIES) + 1):
        row = done(office.get(f"decisions/{book['decision_id']}/rows/{number}", who))
        assert root_by_hand(row) == row["merkle_root"] == stored.record["answer"]["merkle_root"]  # type: ignore[call-overload,index]
        assert row["proven"] is True
        assert (row["seq"], row["record_hash"], row["record_intact"]) == (stored.seq, stored.hash, True)
        assert json.loads(row["leaf"]["words"])["party_id"] == PARTIES[number - 1]
    assert row["values"]["pd"] == next(one["pd"] for one in book["answers"] if one["row"] == number)


def test_the_figures_that_are_shown_are_those_that_are_hashed(office: Office, book: dict[str, Any]) -> None:
    row = done(office.get(f"decisions/{book['decision_id']}/rows/1", "auditor"))
    names = row["leaf"]["float_names"]
    figures = struct.unpack(f"<{len(names)}d", bytes.fromhex(row["leaf"]["floats"]))
    for name, value in zip(names, figures, strict=True):
        shown = row["values"][name]
        assert shown == value or (shown is None and value != value), name  # noqa: PLR0124
    for name, word in json.loads(row["leaf"]["words"]).items():
        assert row["values"][name] == word


def test_a_changed_row_is_not_proven(office: Office, world: "World", book: dict[str, Any]) -> None:
    path = world.home / "books" / book["book_id"] / "rows.parquet"
    frame = pl.read_parquet(path)
    path.unlink()
    changed = pl.when(pl.col("row") == 3).then(pl.lit("pass")).otherwise(pl.col("advice"))
    frame.with_columns(changed.alias("advice")).write_parquet(path)
    row = done(office.get(f"decisions/{book['decision_id']}/rows/3", "auditor"))
    assert row["proven"] is False
    assert root_by_hand(row) != row["merkle_root"]


def test_changed_nodes_prove_nothing_and_hinder_nothing(
    office: Office, world: "World", book: dict[str, Any]
) -> None:
    path = world.home / "books" / book["book_id"] / "blocks.bin"
    path.unlink()
    path.write_bytes(b"x" * 32)
    row = done(office.get(f"decisions/{book['decision_id']}/rows/3", "auditor"))
    assert row["proven"] is True


@pytest.mark.parametrize("number", ["0", "11", "x", "-1", "1e3", "99999999999"])
def test_a_row_that_is_not_there_is_unknown(office: Office, book: dict[str, Any], number: str) -> None:
    found = office.get(f"decisions/{book['decision_id']}/rows/{number}", "auditor")
    assert slug(found, 404) == "unknown-row"


def test_a_single_score_has_no_rows(office: Office) -> None:
    decision = office.score()["decision_id"]
    assert slug(office.get(f"decisions/{decision}/rows/1", "auditor"), 404) == "unknown-row"


def test_a_book_that_was_removed_is_gone(office: Office, world: "World", book: dict[str, Any]) -> None:
    shutil.rmtree(world.home / "books" / book["book_id"])
    found = office.get(f"decisions/{book['decision_id']}/rows/1", "auditor")
    assert slug(found, 410) == "book-gone"
    assert "rows.parquet" in found.json()["detail"]


def test_planners_read_no_rows(office: Office, book: dict[str, Any]) -> None:
    assert slug(office.get(f"decisions/{book['decision_id']}/rows/1", "planner"), 403) == "forbidden"


def test_a_limited_key_sees_rows_of_its_companies_parties_in_books_of_its_companies(
    office: Office, world: "World", book: dict[str, Any]
) -> None:
    found = office.get(f"decisions/{book['decision_id']}/rows/1", "org07")
    assert slug(found, 404) == "unknown-decision"
    path = world.home / "features" / "credit_book.parquet"
    parties, before = pl.read_parquet(path), pl.col("party_id") == "P0000001"
    companies = pl.when(before).then(pl.lit(["ORG-07"])).otherwise(pl.lit(["ORG-08"])).alias("companies")
    both = parties.with_columns(pl.lit(["ORG-07"]).alias("companies"))
    both.write_parquet(path)
    office.client.deployment.parts.refresh()
    sent = json.dumps({"party_ids": ["P0000001", "P0000006", "P9999999"]}).encode()
    own = send(office.client, sent, TableKind.JSON, Authorization=f"Bearer {office.keys['org07']}").json()
    assert own["rows_answered"] == 2
    parties.with_columns(companies).write_parquet(path)
    office.client.deployment.parts.refresh()
    rows = f"decisions/{own['decision_id']}/rows"
    assert done(office.get(f"{rows}/1", "org07"))["proven"] is True
    assert slug(office.get(f"{rows}/2", "org07"), 403) == "outside-scope"
    assert done(office.get(f"{rows}/3", "org07"))["values"]["status"] == "failed", (
        "it says what was sent alone"
    )
    assert done(office.get(f"{rows}/2", "auditor"))["proven"] is True


def test_that_a_row_was_read_is_in_the_chain(office: Office, book: dict[str, Any]) -> None:
    answer = office.get(f"decisions/{book['decision_id']}/rows/1", "auditor")
    record = office.record(answer)
    assert (record["route"], record["subject"]) == ("decisions/row", "P0000001")
    assert record["answer"]["leaf"] == answer.json()["leaf"]["sha256"]
