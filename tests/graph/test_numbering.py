"""Numbering: the same answer as sorting and searching, also where hashes collide."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from graph.numbering import sorted_positions

TEXTS = st.lists(st.text(max_size=3), max_size=30)


@given(texts=TEXTS, buckets=st.integers(1, 4))
def test_positions_are_those_of_the_sorted_values(texts: list[str], buckets: int) -> None:
    values = pl.Series("id", texts, dtype=pl.String)
    expected = sorted(set(texts), key=lambda text: text.encode())
    for digest in (pl.Series.hash, lambda column: column.hash() % buckets):
        ids, positions = sorted_positions(values, digest)
        assert ids.to_list() == expected
        assert [expected[position] for position in positions] == texts


@given(numbers=st.lists(st.integers(-5, 5), max_size=30))
def test_integers_are_numbered_alike(numbers: list[int]) -> None:
    values = pl.Series("id", numbers, dtype=pl.Int64)
    ids, positions = sorted_positions(values)
    assert ids.to_list() == sorted(set(numbers))
    assert [ids[int(position)] for position in positions] == numbers
