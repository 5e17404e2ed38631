"""Dated entries: which holds on a day, which speaks, and what a file says of its sources."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from graph.dated import Dated, in_force, latest, read_dated, refuse_overlaps
from graph.errors import PolicyError

OLD = Dated(valid_from=date(2020, 1, 1), valid_to=date(2024, 1, 1), source="a")
NEW = Dated(valid_from=date(2023, 1, 1), source="b", verified=True)


class File(BaseModel):
    entry: tuple[Dated, ...]


@given(st.dates(date(2019, 1, 1), date(2026, 1, 1)))
def test_an_entry_holds_from_its_first_day_up_to_its_last(day: date) -> None:
    assert OLD.holds(day) == (date(2020, 1, 1) <= day < date(2024, 1, 1))
    assert in_force([OLD, NEW], day) == tuple(entry for entry in (OLD, NEW) if entry.holds(day))


def test_the_entry_that_began_last_speaks() -> None:
    assert latest([NEW, OLD], date(2023, 6, 1), "entry") is NEW
    assert latest([NEW, OLD], date(2022, 6, 1), "entry") is OLD
    with pytest.raises(PolicyError, match=r"\[\[entry\]\] is in force on 2019-06-01"):
        latest([NEW, OLD], date(2019, 6, 1), "entry")


def test_what_was_not_checked_says_so() -> None:
    assert OLD.cited.startswith("a")
    assert "not checked" in OLD.cited
    assert NEW.cited == "b"


def test_an_entry_ends_after_it_begins() -> None:
    with pytest.raises(ValidationError, match="valid_to must be after"):
        Dated(valid_from=date(2020, 1, 1), valid_to=date(2020, 1, 1), source="a")


def test_two_entries_of_a_key_do_not_overlap() -> None:
    refuse_overlaps([("x", OLD), ("y", NEW)])
    with pytest.raises(ValueError, match="two entries 'x'"):
        refuse_overlaps([("x", NEW), ("x", OLD)])


@pytest.mark.parametrize(
    "text", ["entry = 3", "entry = [", '[[entry]]\nvalid_from = 2020-01-01\nsource = ""']
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "file.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PolicyError, match=r"file\.toml"):
        read_dated(File, path)
    with pytest.raises(PolicyError, match="none"):
        read_dated(File, tmp_path / "none.toml")
